"""The command ``python -m benchmarks.text``: one page per question, printed and written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.pages import on_one_thread, run_pages

if TYPE_CHECKING:
    from benchmarks.text.judging import Line
    from benchmarks.text.questions import Question

LIBRARIES = ("numpy", "scipy", "scikit-learn", "vaderSentiment")
HEADER = (
    "| model | AUC | macro-F1 | accuracy | log-loss | ECE | fit CPU s | CPU µs a text | kB | |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main(argv: list[str] | None = None) -> int:
    """Answer the named questions; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    on_one_thread()
    from benchmarks.text.questions import QUESTIONS  # noqa: PLC0415  see above

    return run_pages(
        "text", "Sentiment beside what a user would pick.", LIBRARIES, QUESTIONS, _answered, argv
    )


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
