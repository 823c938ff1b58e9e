"""The command ``python -m benchmarks.value``: one page per question, printed and written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import RESULTS, in_words, machine

if TYPE_CHECKING:
    from benchmarks.value.judging import Line, Ranges, Windows
    from benchmarks.value.questions import Question

LIBRARIES = ("numpy", "scipy", "lightgbm", "lifetimes")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
HEADER = (
    "| model | Gini | spend: predicted/actual | orders: predicted/actual | decile error | AUC | log-loss "
    "| ECE | CPU s | |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main(argv: list[str] | None = None) -> int:
    """Answer the named questions; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    # Read when NumPy is first loaded: several threads would be counted as work.
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    from benchmarks.value.sets import QUESTIONS  # noqa: PLC0415  see above

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.value", description="Value and timing beside what a user would pick."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of {', '.join(QUESTIONS)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where pages are written")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in QUESTIONS]
    if unknown:
        parser.error(f"unknown question {', '.join(unknown)}; choose from {', '.join(QUESTIONS)}")
    found = machine(LIBRARIES)
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"# Value\n\n{in_words(found)}\n", flush=True)
    missed: list[str] = []
    skipped = 0
    for name in args.names or QUESTIONS:
        question = QUESTIONS[name]
        if absent := question.missing():
            skipped += 1
            print(f"skipped {name}: {', '.join(absent)} is not there (see benchmarks/README.md)\n")
            continue
        page, document, lines = _answered(question)
        (args.out / f"value-{name}.md").write_text(f"{page}\n{in_words(found)}\n", encoding="utf-8")
        text = json.dumps({"machine": found, **document}, ensure_ascii=False, indent=1)
        (args.out / f"value-{name}.json").write_text(text + "\n", encoding="utf-8")
        print(page, flush=True)
        missed += [f"{name}: {line}" for line in lines]
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    if missed:
        return 1
    return 2 if skipped == len(args.names or QUESTIONS) else 0


def _answered(question: Question) -> tuple[str, dict[str, Any], list[str]]:
    """Return the page, the document and the missed bounds of one question."""
    from benchmarks.value.contenders import contenders  # noqa: PLC0415  after the threads
    from benchmarks.value.judging import document, line, ranges, windows  # noqa: PLC0415
    from benchmarks.value.questions import ask  # noqa: PLC0415

    asked = ask(question)
    lines = [line(name, told, asked.known) for name, told in contenders(asked).items()]
    today = datetime.fromisoformat(question.cut).date()

    def days_ahead(text: str) -> int:
        return (datetime.fromisoformat(text).date() - today).days

    spread, window = ranges(asked), windows(asked, days_ahead)
    verdicts = list(_verdicts(question, lines[0], spread, window))
    count = len(asked.known.orders)
    asks = (
        f"{question.about} Cut {question.cut[:10]}, {question.horizon} days ahead, {count:,} customers, "
        f"{(asked.known.orders > 0).mean():.1%} of them ordered."
    )
    ends = (
        f"80 % ranges of spend: {spread.above:.1%} ended above, {spread.below:.1%} below; interval score "
        f"{spread.score:,.1f}, a bootstrap of the segment's history {spread.bootstrap_score:,.1f}."
    )
    comes = (
        f"Window of the next order, {window.buyers:,} repeat buyers who came back: {window.coverage:.1%} "
        f"inside; the middle is {window.error:.1f} days off, the best constant "
        f"{window.best_constant:.1f}, last order plus own mean gap {window.own_gap:.1f}."
    )
    held = "\n".join(f"* {'held' if is_held else 'MISSED'}: {words}" for is_held, words in verdicts)
    page = "\n\n".join(
        (f"## {question.title}", asks, "\n".join((HEADER, *map(_row, lines))), ends, comes, held)
    )
    figures = {"lines": document(*lines), "ranges": document(spread)[0], "windows": document(window)[0]}
    return page + "\n", figures, [words for is_held, words in verdicts if not is_held]


def _verdicts(question: Question, ours: Line, spread: Ranges, window: Windows) -> Iterator[tuple[bool, str]]:
    """Yield each bound: whether it holds, and the figures in words."""
    bounds = question.bounds
    for name, limit in (("gini", bounds.gini), ("auc", bounds.auc)):
        if limit is not None:
            value = getattr(ours, name)
            yield value >= limit, f"{name} {value:.4f}, at least {limit}"
    for name, limit in (("log_loss", bounds.log_loss), ("ece", bounds.ece)):
        if limit is not None:
            value = getattr(ours, name)
            yield value <= limit, f"{name} {value:.4f}, at most {limit}"
    for name, value, span in (
        ("predicted/actual spend", ours.spend_level, bounds.level),
        ("customers above their range", spread.above, bounds.above),
        ("orders inside their window", window.coverage, bounds.window),
    ):
        if span is not None and value is not None:
            yield span[0] <= value <= span[1], f"{name} {value:.3f}, {span[0]} to {span[1]}"
    yield spread.score < spread.bootstrap_score, "the interval score beats a bootstrap of the segment"
    beats = window.error < min(window.best_constant, window.own_gap)
    yield beats, "the middle of the window beats the best constant and last order plus own mean gap"


def _row(line: Line) -> str:
    """Return one line of the table; a dash where a figure does not apply."""

    def shown(value: float | None, digits: int = 3) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    gini = shown(line.gini, 4)
    if line.gini_interval is not None:
        gini += f" ({line.gini_interval[0]:.3f} to {line.gini_interval[1]:.3f})"
    cells = (
        line.name,
        gini,
        shown(line.spend_level),
        shown(line.order_level),
        shown(line.decile_error),
        shown(line.auc, 4),
        shown(line.log_loss, 4),
        shown(line.ece, 4),
        shown(line.cpu_seconds, 1),
        line.note,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
