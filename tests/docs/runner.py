"""Runs what a document shows: commands, calls, answers, programs and mapping files.

Rules:

1. Every fenced block names its language, and is checked by that language. Nothing is skipped in silence.
2. ``sh`` runs line by line. A call by curl goes to a server that answers from the sample business and must
   succeed; ``python -m training …`` runs; ``make …`` must name a target. The word ``dry`` behind ``sh`` is
   for what cannot run here (it needs data that is not ours, or a network): targets, sub-commands and options
   must then still exist.
3. ``json`` after a call is its answer: every key that is shown must be in the real answer, with a value of
   the same kind. Any other ``json`` holds a ``customer`` and must be accepted by ``/v1/scores``.
4. ``python`` runs. ``yaml`` is a business file, or a part of one, and must be accepted as such.
5. ``text`` is for pictures and output, and may not hide a command.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from app.domain.errors import KithError

ADDRESS = "http://127.0.0.1:8000"
FENCE = re.compile(r"^(?P<indent>\s*)(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
ASSIGNMENT = re.compile(r"^[A-Z][A-Z0-9_]*=")
COMMAND = re.compile(r"^\s*\$?\s*(make|curl|docker|python3?|\.venv/bin/\S+)\s", re.MULTILINE)
WITH_VALUE = {"-X": "method", "--request": "method", "-d": "data", "--data": "data", "--data-binary": "data"}
SILENT = {"-s", "-S", "-sS", "-f", "-fsS", "-sf", "--silent", "--fail", "-N"}
PART_OF = {
    "name": "example",
    "sources": {"lines": {"file": "lines.csv"}},
    "tables": {"orders": "SELECT * FROM lines"},
}
"""The smallest business file: what a document shows of one is put into it."""
ELSEWHERE = {"git", "cd", "docker", "apt-get", "brew", "xdg-open", "open"}


class DocumentError(AssertionError):
    """A document shows something that is not so; the message says where."""


@dataclass(frozen=True, slots=True)
class Example:
    """One fenced block: its place, language, mark and text."""

    document: str
    line: int
    language: str
    mark: str
    text: str

    def fail(self, reason: str) -> DocumentError:
        """Return the error that names this block."""
        return DocumentError(f"{self.document}:{self.line} ({self.language}): {reason}")


@dataclass(slots=True)
class World:
    """What the examples run in; the functions are passed in, so that the rules can be tried without it.

    ``send(method, path, headers, body)`` gives status and answer. ``run(arguments, environment)`` gives exit
    code and output. ``options(arguments)`` gives the help text of a sub-command, "" where there is none.
    ``business(mapping)`` raises where a mapping file is refused.
    """

    targets: frozenset[str]
    send: Callable[[str, str, Mapping[str, str], bytes], tuple[int, Any]]
    run: Callable[[list[str], Mapping[str, str]], tuple[int, str]]
    options: Callable[[tuple[str, ...]], str]
    business: Callable[[Mapping[str, Any]], object]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    answer: Any = None


def examples(document: str, text: str) -> list[Example]:
    """Return the fenced blocks of a Markdown text, in order.

    Raises
    ------
    DocumentError
        A block is never closed.
    """
    found: list[Example] = []
    opened: tuple[int, str, str, str] | None = None
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None:
            if fence:
                opened, body = (number, fence["indent"], fence["marks"], fence["info"].strip()), []
        elif fence and not fence["info"].strip() and fence["marks"].startswith(opened[2]):
            language, _, mark = opened[3].partition(" ")
            found.append(Example(document, opened[0], language, mark.strip(), "\n".join(body)))
            opened = None
        else:
            body.append(line.removeprefix(opened[1]))
    if opened is not None:
        raise DocumentError(f"{document}:{opened[0]}: the block is never closed")
    return found


def check(example: Example, world: World) -> None:
    """Check one block by the rules of its language.

    Raises
    ------
    DocumentError
        What the block shows is not so.
    """
    checks: dict[str, Callable[[Example, World], None]] = {
        "sh": _shell,
        "json": _json,
        "python": _python,
        "yaml": _yaml,
        "text": _text,
    }
    if example.language not in checks:
        raise example.fail(f"a block is one of {', '.join(checks)}")
    if example.mark not in ({"", "dry"} if example.language == "sh" else {""}):
        raise example.fail(f"the mark {example.mark!r} means nothing here")
    checks[example.language](example, world)
    if example.language != "sh":
        world.answer = None


def _shell(example: Example, world: World) -> None:
    world.answer = None
    for words in _commands(example):
        environment = dict(world.environment)
        is_lasting = words[0] == "export"
        rest = words[is_lasting:]
        while rest and ASSIGNMENT.match(rest[0]):
            name, _, value = rest.pop(0).partition("=")
            environment[name] = value
            if is_lasting:
                world.environment[name] = value
        if rest:
            _command(example, world, rest, environment)


def _commands(example: Example) -> Iterator[list[str]]:
    """Yield the words of each command; it ends with its line, but for an open quote or a backslash."""
    begun = ""
    for line in example.text.splitlines():
        begun += line
        if begun.endswith("\\"):
            begun = begun[:-1]
            continue
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            begun += "\n"
            continue
        begun = ""
        if words:
            yield words
    if begun:
        raise example.fail("a quote is never closed")


def _command(example: Example, world: World, words: list[str], environment: Mapping[str, str]) -> None:
    name = Path(words[0]).name
    is_dry = example.mark == "dry"
    if name == "make":
        unknown = [w for w in words[1:] if not ASSIGNMENT.match(w) and w not in world.targets]
        if unknown:
            raise example.fail(f"the Makefile has no target {unknown[0]!r}")
    elif name == "curl" and not is_dry:
        world.answer = _call(example, world, words[1:])
    elif name in {"python", "python3"} and words[1:3] == ["-m", "training"]:
        _training(example, world, words[3:], environment)
    elif name in {"python", "python3"} and words[1:] == ["-m", "app"]:
        return  # the server that answers here was started by this command
    elif is_dry and name in {"python", "python3"}:
        _program(example, world, words[1:])
    elif name == "curl" or (is_dry and name in ELSEWHERE):
        return
    else:
        raise example.fail(f"{words[0]!r} cannot be tried here")


def _program(example: Example, world: World, words: list[str]) -> None:
    """Check that a module of benchmarks, tools or the service, or a script, is there."""
    if words[:1] == ["-m"]:
        place = world.folder.joinpath(*words[1].split("."))
        if not (place / "__main__.py").exists() and not place.with_suffix(".py").exists():
            raise example.fail(f"there is no module {words[1]!r}")
    elif not words or not (world.folder / words[0]).exists():
        raise example.fail(f"there is no script {words[0] if words else ''!r}")


def _training(example: Example, world: World, words: list[str], environment: Mapping[str, str]) -> None:
    if example.mark == "dry":
        text = world.options(tuple(words[:1]))
        missing = [word for word in words[1:] if word.startswith("--") and word.split("=")[0] not in text]
        if not text or missing:
            raise example.fail(f"training knows no {missing[0] if missing else words[0]!r}")
        return
    code, output = world.run(["-m", "training", *words], environment)
    if code != 0:
        raise example.fail(f"exit code {code}\n{output}")


def _call(example: Example, world: World, words: list[str]) -> Any:
    parts: dict[str, str] = {}
    headers: dict[str, str] = {}
    urls: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in WITH_VALUE:
            parts[WITH_VALUE[word]] = next(rest, "")
        elif word in {"-H", "--header"}:
            header, _, value = next(rest, "").partition(":")
            headers[header.strip().lower()] = value.strip()
        elif word.startswith("-"):
            if word not in SILENT:
                raise example.fail(f"the option {word} of curl cannot be tried here")
        else:
            urls.append(word)
    if len(urls) != 1 or not urls[0].startswith(f"{ADDRESS}/"):
        raise example.fail(f"a call goes to {ADDRESS}, once")
    data = parts.get("data", "")
    body = (world.folder / data[1:]).read_bytes() if data.startswith("@") else data.encode()
    method = parts.get("method", "POST" if "data" in parts else "GET")
    status, answer = world.send(method, urls[0].removeprefix(ADDRESS), headers, body)
    if not 200 <= status < 300:
        raise example.fail(f"status {status}: {answer}")
    return answer


def _json(example: Example, world: World) -> None:
    try:
        shown = json.loads(example.text)
    except ValueError as error:
        raise example.fail(f"is not JSON: {error}") from None
    if world.answer is not None:
        found = differences(shown, world.answer)
        if found:
            raise example.fail("the answer is another one: " + "; ".join(found))
    elif isinstance(shown, dict) and "customer" in shown:
        headers = {"content-type": "application/json"}
        status, answer = world.send("POST", "/v1/scores", headers, example.text.encode())
        if status != 200:
            raise example.fail(f"status {status}: {answer}")
    else:
        raise example.fail("is neither the answer to the call before it nor a request with a customer")


def _python(example: Example, world: World) -> None:
    code, output = world.run(["-c", example.text], world.environment)
    if code != 0:
        raise example.fail(output)


def _yaml(example: Example, world: World) -> None:
    try:
        shown = yaml.safe_load(example.text)
        world.business(shown if "tables" in shown else {**PART_OF, **shown})
    except (TypeError, ValueError, KithError, yaml.YAMLError) as error:
        raise example.fail(f"is no part of a business file: {error}") from error


def _text(example: Example, _: World) -> None:
    if COMMAND.search(example.text):
        raise example.fail("holds a command; call the block sh")


def differences(shown: Any, real: Any, place: str = "$") -> list[str]:
    """Return where a shown answer differs in shape from the real one."""
    if isinstance(shown, dict):
        if not isinstance(real, dict):
            return [f"{place} is no object"]
        absent = [f"{place}.{key} is not there" for key in shown if key not in real]
        return absent + [
            line
            for key in shown
            if key in real
            for line in differences(shown[key], real[key], f"{place}.{key}")
        ]
    if isinstance(shown, list):
        if not isinstance(real, list) or (shown and not real):
            return [f"{place} is not a list that holds something"]
        # Which entries come, and how many, is the model's affair: each that is shown is like one that came.
        tried = [[differences(one, other, f"{place}[{i}]") for other in real] for i, one in enumerate(shown)]
        return [line for found in tried for line in min(found, key=len)]
    kinds = [
        float if isinstance(v, int | float) and not isinstance(v, bool) else type(v) for v in (shown, real)
    ]
    return [] if kinds[0] is kinds[1] else [f"{place} is {json.dumps(real)}"]
