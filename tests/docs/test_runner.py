"""A document that cannot fail is wrong: each rule of the runner is seen to refuse what breaks it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.runner import DocumentError, World, check, differences, examples

ANSWER = {"churn": {"probability": 0.25, "reasons": [{"text": "a"}, {"text": "b"}], "missing": []}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a world that answers every known path, runs what it is told and knows one sub-command."""
    (tmp_path / "body.json").write_text('{"customer": {}}', "utf-8")

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        if path == "/readyz" and method == "GET" and not body:
            return 200, {"status": "ready"}
        is_score = path == "/v1/scores" and headers.get("content-type") == "application/json"
        return (200, ANSWER) if is_score and b"customer" in body and method == "POST" else (422, "no")

    def run(arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
        is_good = "fail" not in " ".join(arguments) and environment.get("MODE") != "bad"
        return (0, "") if is_good else (1, "it failed")

    def business(mapping: Mapping[str, Any]) -> None:
        if set(mapping) - {"name", "sources", "tables", "objectives"}:
            raise ValueError("unknown field")

    return World(
        targets=frozenset({"serve", "test"}),
        send=send,
        run=run,
        options=lambda words: "--business --only" if words == ("train",) else "",
        business=business,
        folder=tmp_path,
    )


def verify(text: str, world: World) -> None:
    for example in examples("page.md", text):
        check(example, world)


CALL = (
    "```sh\ncurl -s http://127.0.0.1:8000/v1/scores \\\n"
    "  -H 'content-type: application/json' \\\n  -d '{\"customer\": {}}'\n```\n"
)

GOOD = {
    "targets": "```sh\nmake serve   # ends serving\nmake test PYTHON=python3.13\n```",
    "call": CALL,
    "call with a file": CALL.replace("'{\"customer\": {}}'", "@body.json"),
    "call over several lines": CALL.replace(" {}}", "\n  {}\n}"),
    "answer": CALL + '```json\n{"churn": {"probability": 0.7, "reasons": [{"text": "c"}]}}\n```',
    "get": '```sh\ncurl http://127.0.0.1:8000/readyz\n```\n```json\n{"status": "other"}\n```',
    "request": '```json\n{"customer": {}}\n```',
    "training": "```sh\n.venv/bin/python -m training check --business x\n```",
    "dry training": "```sh dry\npython -m training train --business x --only churn\ngit clone x\n```",
    "program": "```python\nprint(1)\n```",
    "business file": "```yaml\nname: x\ntables: {}\n```",
    "part of one": "```yaml\nobjectives: {}\n```",
    "picture": "```text\na -> b\n```",
    "indented": "* item\n\n  ```python\n  print(1)\n  ```",
    "fence in a fence": "````text\n```\n````",
}

BAD = {
    "unknown target": ("```sh\nmake coffee\n```", "no target 'coffee'"),
    "unknown target, dry": ("```sh dry\nmake coffee\n```", "no target 'coffee'"),
    "refused call": (CALL.replace("customer", "who"), "status 422"),
    "call without its header": (CALL.replace("content-type", "accept"), "status 422"),
    "unknown path": ("```sh\ncurl http://127.0.0.1:8000/nothing\n```", "status 422"),
    "another address": ("```sh\ncurl http://example.com/readyz\n```", "a call goes to"),
    "unknown curl option": ("```sh\ncurl --magic http://127.0.0.1:8000/readyz\n```", "--magic"),
    "key that is not there": (
        CALL + '```json\n{"churn": {"chance": 1}}\n```',
        r"\$\.churn\.chance is not there",
    ),
    "value of another kind": (
        CALL + '```json\n{"churn": {"probability": "high"}}\n```',
        "probability is 0.25",
    ),
    "entry of an empty list": (CALL + '```json\n{"churn": {"missing": [1]}}\n```', "is not a list"),
    "entry of another form": (
        CALL + '```json\n{"churn": {"reasons": [{"text": "c"}, {"word": "d"}]}}\n```',
        r"reasons\[1\]\.word is not there",
    ),
    "refused request": ('```json\n{"customer": {}\n```', "is not JSON"),
    "json of no known use": ('```json\n{"a": 1}\n```', "neither the answer"),
    "answer after another block": (
        CALL + '```text\n-\n```\n```json\n{"churn": {"probability": 1}}\n```',
        "neither the answer",
    ),
    "failing command": ("```sh\npython -m training fail\n```", "exit code 1"),
    "failing under a setting": ("```sh\nexport MODE=bad\npython -m training list\n```", "exit code 1"),
    "unknown sub-command": ("```sh dry\npython -m training dance\n```", "knows no 'dance'"),
    "unknown option": ("```sh dry\npython -m training train --fast\n```", "knows no '--fast'"),
    "unknown tool": ("```sh dry\npython -m tools.luck\n```", "no module 'tools.luck'"),
    "unknown script": ("```sh dry\npython examples/luck.py\n```", "no script 'examples/luck.py'"),
    "unknown benchmark": ("```sh dry\npython -m benchmarks.luck\n```", "no module 'benchmarks.luck'"),
    "command nobody can try": ("```sh\nrm -rf /\n```", "'rm' cannot be tried"),
    "not dry": ("```sh\ngit clone x\n```", "'git' cannot be tried"),
    "failing program": ("```python\nfail()\n```", "it failed"),
    "unknown field": ("```yaml\nfancy: 1\n```", "unknown field"),
    "not YAML": ("```yaml\na: [\n```", "is no part"),
    "hidden command": ("```text\n$ make serve\n```", "holds a command"),
    "no language": ("```\nmake serve\n```", "a block is one of"),
    "unknown language": ("```ruby\nputs 1\n```", "a block is one of"),
    "unknown mark": ("```python skip\nfail()\n```", "'skip' means nothing"),
    "open quote": ("```sh\ncurl -d '{\n```", "a quote is never closed"),
    "open end": ("```sh\nmake serve\n", "never closed"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_document_that_is_right_passes(text: str, world: World) -> None:
    assert examples("page.md", text)
    verify(text, world)


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD.keys())
def test_document_that_is_wrong_fails_and_names_the_line(text: str, reason: str, world: World) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        verify(text, world)
    assert str(caught.value).startswith("page.md:")


def test_number_may_be_whole_or_broken_but_not_true() -> None:
    assert not differences({"a": 1}, {"a": 0.5})
    assert differences({"a": 1}, {"a": True}) == ["$.a is true"]
    assert differences({"a": None}, {"a": 1}) == ["$.a is 1"]
