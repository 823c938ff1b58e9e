"""The command ``python -m benchmarks.value``: one page per question, printed and written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.pages import on_one_thread, run_pages

if TYPE_CHECKING:
    from benchmarks.value.judging import Line, Ranges, Windows
    from benchmarks.value.questions import Question

LIBRARIES = ("numpy", "scipy", "lightgbm", "lifetimes")
HEADER = (
    "| model | Gini | spend: predicted/actual | orders: predicted/actual | decile error | AUC | log-loss "
    "| ECE | CPU s | |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main(argv: list[str] | None = None) -> int:
    """Answer the named questions; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    on_one_thread()
    from benchmarks.value.sets import QUESTIONS  # noqa: PLC0415  see above

    return run_pages(
        "value", "Value and timing beside what a user would pick.", LIBRARIES, QUESTIONS, _answered, argv
    )


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
