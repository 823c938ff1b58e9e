"""The command ``python -m benchmarks.text``: one page per question, printed and written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import RESULTS, in_words, machine

if TYPE_CHECKING:
    from benchmarks.text.judging import Line
    from benchmarks.text.questions import Question

LIBRARIES = ("numpy", "scipy", "scikit-learn", "vaderSentiment")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
HEADER = (
    "| model | AUC | macro-F1 | accuracy | log-loss | ECE | fit CPU s | CPU µs a text | kB | |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main(argv: list[str] | None = None) -> int:
    """Answer the named questions; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    # Read when NumPy is first loaded: several threads would be counted as work.
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    from benchmarks.text.questions import QUESTIONS  # noqa: PLC0415  see above

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text", description="Sentiment beside what a user would pick."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of {', '.join(QUESTIONS)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where pages are written")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in QUESTIONS]
    if unknown:
        parser.error(f"unknown question {', '.join(unknown)}; choose from {', '.join(QUESTIONS)}")
    found = machine(LIBRARIES)
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"# Texts\n\n{in_words(found)}\n", flush=True)
    missed: list[str] = []
    skipped = 0
    for name in args.names or QUESTIONS:
        question = QUESTIONS[name]
        if absent := question.missing():
            skipped += 1
            print(f"skipped {name}: {', '.join(absent)} is not there (see benchmarks/README.md)\n")
            continue
        page, document, lines = _answered(question)
        (args.out / f"text-{name}.md").write_text(f"{page}\n{in_words(found)}\n", encoding="utf-8")
        text = json.dumps({"machine": found, **document}, ensure_ascii=False, indent=1)
        (args.out / f"text-{name}.json").write_text(text + "\n", encoding="utf-8")
        print(page, flush=True)
        missed += [f"{name}: {line}" for line in lines]
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    if missed:
        return 1
    return 2 if skipped == len(args.names or QUESTIONS) else 0


def _answered(question: Question) -> tuple[str, dict[str, Any], list[str]]:
    """Return the page, the document and the missed bounds of one question."""
    from benchmarks.text.judging import line  # noqa: PLC0415  after the threads

    answers = question.ask()
    lines = [line(told, answers.label, with_interval=k == 0) for k, told in enumerate(answers.told)]
    asks = (
        f"{question.about} {answers.learned_from:,} texts learned from, {len(answers.label):,} texts told. "
        "AUC is of positive against negative texts; ECE of the confidence in the class that is told."
    )
    verdicts = list(_verdicts(question, lines))
    held = [f"* {'held' if is_held else 'MISSED'}: {words}" for is_held, words in verdicts]
    table = "\n".join((HEADER, *map(_row, lines)))
    page = "\n\n".join((f"## {question.title}", asks, table, *(["\n".join(held)] if held else [])))
    missed = [words for is_held, words in verdicts if not is_held]
    return page + "\n", {"lines": [asdict(one) for one in lines]}, missed


def _verdicts(question: Question, lines: list[Line]) -> Iterator[tuple[bool, str]]:
    """Yield each bound: whether it holds, and the figures in words."""
    first = lines[0]
    if question.auc is not None:
        yield first.auc >= question.auc, f"AUC {first.auc:.4f}, at least {question.auc}"
    for other in lines:
        if other.name in question.beats:
            words = f"macro-F1 {first.macro_f1:.4f}, above {other.macro_f1:.4f} of {other.name}"
            yield first.macro_f1 > other.macro_f1, words


def _row(line: Line) -> str:
    """Return one line of the table; a dash where a figure does not apply."""

    def shown(value: float | None, digits: int = 4) -> str:
        return "–" if value is None else f"{value:,.{digits}f}"

    ranked = shown(line.auc)
    if line.auc_interval is not None:
        ranked += f" ({line.auc_interval[0]:.4f} to {line.auc_interval[1]:.4f})"
    cells = (
        line.name,
        ranked,
        shown(line.macro_f1),
        shown(line.accuracy),
        shown(line.log_loss),
        shown(line.ece),
        shown(line.fit_seconds, 1),
        shown(line.us_per_text, 0),
        shown(line.kilobytes, 0),
        line.note,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
