"""What benchmarks of several questions have in common: one page for each, printed and written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from benchmarks.machine import RESULTS, in_words, machine

_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class _Question(Protocol):
    def missing(self) -> list[str]:
        """Return the files that are not there."""
        ...


Q = TypeVar("Q", bound=_Question)
Answered = tuple[str, dict[str, Any], list[str]]
"""The page in Markdown, the same as a document, and the bounds that were missed, in words."""


def on_one_thread() -> None:
    """Keep numerical libraries to one thread, before they are loaded: several would count as work."""
    for name in _ONE_THREAD:
        os.environ[name] = "1"


def run_pages(
    kind: str,
    description: str,
    libraries: tuple[str, ...],
    questions: Mapping[str, Q],
    answered: Callable[[Q], Answered],
    argv: list[str] | None,
) -> int:
    """Answer the named questions; return 0, 1 where a bound is missed, 2 where nothing could be read.

    Parameters
    ----------
    kind : str
        The package under ``benchmarks``; names of files begin with it.
    argv : list of str, optional
        The command's arguments: names of questions, all by default, and ``--out``.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{kind}", description=description)
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of {', '.join(questions)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where pages are written")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in questions]
    if unknown:
        parser.error(f"unknown name {', '.join(unknown)}; choose from {', '.join(questions)}")
    found = machine(libraries)
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"# {kind.capitalize()}\n\n{in_words(found)}\n", flush=True)
    missed: list[str] = []
    skipped = 0
    for name in args.names or questions:
        question = questions[name]
        if absent := question.missing():
            skipped += 1
            told = f"skipped {name}: {', '.join(absent)} is not there (see benchmarks/README.md)\n"
            print(told, flush=True)
            continue
        page, document, lines = answered(question)
        (args.out / f"{kind}-{name}.md").write_text(f"{page}\n{in_words(found)}\n", encoding="utf-8")
        text = json.dumps({"machine": found, **document}, ensure_ascii=False, indent=1)
        (args.out / f"{kind}-{name}.json").write_text(text + "\n", encoding="utf-8")
        print(page, flush=True)
        missed += [f"{name}: {line}" for line in lines]
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    if missed:
        return 1
    return 2 if skipped == len(args.names or questions) else 0
