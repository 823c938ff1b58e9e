"""The documents: what they show works, what they name exists, and what exists is documented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.api.telemetry import Metrics
from app.settings import SETTINGS
from tests.docs.runner import World, check, examples
from tools.serve import example_call

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "docs", "benchmarks", "examples", "examples/*")
DOCUMENTS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.md"))
README = (ROOT / "README.md").read_text("utf-8")
WITHOUT_EXAMPLES = {"CHANGELOG.md", "docs/architecture.md", "benchmarks/README.md"}

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)
REMOVED = re.compile(r"^### Removed\n.*?(?=^##|\Z)", re.MULTILINE | re.DOTALL)
FOR_TESTS = {"KITH_TEST_POSTGRES"}
"""Variables that are read by tests and benchmarks, not by the service."""
ROW = re.compile(r"^\| `([^`]+)`(.*)\|$", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.xdist_group("documents")
@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_examples_of_the_document_work(path: Path, world: World) -> None:
    for example in examples(name(path), path.read_text("utf-8")):
        check(example, world)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_document_shows_something_that_can_fail(path: Path) -> None:
    shown = [
        example for example in examples(name(path), path.read_text("utf-8")) if example.language != "text"
    ]
    assert bool(shown) is (name(path) not in WITHOUT_EXAMPLES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text("utf-8")):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        place, _, anchor = target.partition("#")
        page = (path.parent / place) if place else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text("utf-8")), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_commands_within_a_sentence_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(
        re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    )
    for module in re.findall(r"`(?:\.venv/bin/)?python -m ((?:app|training|benchmarks)[\w.]*)", text):
        place = ROOT.joinpath(*module.split("."))
        assert (place / "__main__.py").exists() or place.with_suffix(".py").exists(), module


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_settings_that_are_named_exist(path: Path) -> None:
    named = set(re.findall(r"KITH_[A-Z_]*[A-Z]", REMOVED.sub("", path.read_text("utf-8"))))
    assert named <= {setting.name for setting in SETTINGS} | FOR_TESTS


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(ROW.findall((ROOT / "docs/operate.md").read_text("utf-8")))
    for setting in SETTINGS:
        assert setting.name in rows
        shown = rows[setting.name].split("|")[1].strip()
        assert shown == (f"`{setting.default}`" if setting.default else ""), setting.name


def test_every_metric_is_documented_and_no_other() -> None:
    rows = dict(ROW.findall((ROOT / "docs/operate.md").read_text("utf-8")))
    documented = {metric for metric in rows if metric.startswith("kith_") and "*" not in metric}
    families = Metrics().registry.collect()
    real = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}
    assert documented == {metric for metric in real if not metric.startswith("kith_process_")}


def test_every_target_is_in_the_readme_or_in_help() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    told = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    shown = set(re.findall(r"`make ([a-z-]+)`", README))
    assert shown <= told
    assert {"serve", "test", "check", "train", "bench", "image"} <= shown


def test_endpoints_of_the_readme_are_those_of_the_service() -> None:
    document = json.loads((ROOT / "openapi/openapi.json").read_text("utf-8"))
    table = README.split("## Endpoints")[1].split("\n## ")[0]
    assert set(re.findall(r"(?:`|`(?:DELETE|GET|POST) )(/[\w/{}-]+)`", table)) == set(document["paths"])


def test_printed_example_is_the_one_that_is_tried() -> None:
    call = example_call(README, "http://127.0.0.1:9")
    (first, *_) = (example.text for example in examples("README.md", README) if "curl" in example.text)
    assert call == first.replace("127.0.0.1:8000", "127.0.0.1:9")
    assert call.startswith("curl -s http://127.0.0.1:9/v1/scores")


def test_both_languages_of_the_readme_show_the_same_steps() -> None:
    other = (ROOT / "README.zh-CN.md").read_text("utf-8")
    kinds = [
        [(one.language, one.mark, one.text.split()[:3]) for one in examples("", text) if one.language == "sh"]
        for text in (README, other)
    ]
    assert kinds[0] == kinds[1]


def test_version_is_the_same_everywhere() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    assert f"ARG VERSION={version[1]}" in (ROOT / "Dockerfile").read_text("utf-8")
