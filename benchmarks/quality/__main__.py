"""The command ``python -m benchmarks.quality``: one table per data set, printed and written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.machine import RESULTS, in_words, machine

LIBRARIES = ("lightgbm", "scikit-learn", "catboost", "numpy")


def main(argv: list[str] | None = None) -> int:
    """Run the named data sets; return 0, 1 where a bound is missed, 2 where nothing could be read."""
    # Threads that wait for each other by spinning would be counted as work; read when OpenMP is first loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.quality.datasets import DATASETS  # noqa: PLC0415  see above
    from benchmarks.quality.tables import report  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="Beside what a user would pick instead."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of {', '.join(DATASETS)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where tables are written")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in DATASETS]
    if unknown:
        parser.error(f"unknown data set {', '.join(unknown)}; choose from {', '.join(DATASETS)}")
    found = machine(LIBRARIES)
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"# Quality\n\n{in_words(found)}\n", flush=True)
    missed: list[str] = []
    skipped = 0
    for name in args.names or DATASETS:
        one = DATASETS[name]
        if absent := one.missing():
            skipped += 1
            print(
                f"skipped {name}: {', '.join(absent)} is not there (see benchmarks/README.md)\n", flush=True
            )
            continue
        told = report(one.title, one.about, one.rounds(), one.bounds)
        (args.out / f"quality-{name}.md").write_text(
            f"{told.markdown}\n{in_words(found)}\n", encoding="utf-8"
        )
        document = json.dumps({"machine": found, **told.document}, ensure_ascii=False, indent=1)
        (args.out / f"quality-{name}.json").write_text(document + "\n", encoding="utf-8")
        print(told.markdown, flush=True)
        missed += told.missed
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    if missed:
        return 1
    return 2 if skipped == len(args.names or DATASETS) else 0


if __name__ == "__main__":
    sys.exit(main())
