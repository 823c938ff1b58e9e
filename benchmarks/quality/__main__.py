"""The command ``python -m benchmarks.quality``: one table per data set, printed and written."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from benchmarks.pages import Answered, run_pages

if TYPE_CHECKING:
    from benchmarks.quality.datasets import DataSet

LIBRARIES = ("lightgbm", "scikit-learn", "catboost", "numpy")


def main(argv: list[str] | None = None) -> int:
    """Run the named data sets; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    # Threads that wait for each other by spinning would be counted as work; read when OpenMP is first loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.quality.datasets import DATASETS  # noqa: PLC0415  see above

    return run_pages(
        "quality", "Beside what a user would pick instead.", LIBRARIES, DATASETS, _answered, argv
    )


def _answered(one: DataSet) -> Answered:
    """Return the page, the document and the missed bounds of one data set."""
    from benchmarks.quality.tables import report  # noqa: PLC0415  after the policy

    told = report(one.title, one.about, one.rounds(), one.bounds)
    return told.markdown, told.document, list(told.missed)


if __name__ == "__main__":
    sys.exit(main())
