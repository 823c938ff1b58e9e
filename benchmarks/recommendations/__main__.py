"""The command ``python -m benchmarks.recommendations``: one page per question, printed and written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.pages import Answered, on_one_thread, run_pages

if TYPE_CHECKING:
    from benchmarks.recommendations.questions import Question

LIBRARIES = ("numpy", "scipy", "lightgbm")


def main(argv: list[str] | None = None) -> int:
    """Answer the named questions; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    on_one_thread()
    from benchmarks.recommendations.questions import QUESTIONS  # noqa: PLC0415  see above

    return run_pages(
        "recommendations",
        "Recommendations beside what a user would pick.",
        LIBRARIES,
        QUESTIONS,
        _answered,
        argv,
    )


def _answered(question: Question) -> Answered:
    return question.answered()


if __name__ == "__main__":
    sys.exit(main())
