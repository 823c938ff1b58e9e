"""The command ``python -m benchmarks.fitting``: how fast and how surely models of orders are fitted."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.fitting.report import Figures

LIBRARIES = ("numpy", "scipy", "lifetimes", "pandas")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(argv: list[str] | None = None) -> int:
    """Measure; return 0, 1 where a bound is missed or a fit failed, 2 where no real data are there."""
    # Read when NumPy is first loaded: several threads would be counted as work.
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    from benchmarks.fitting.report import page  # noqa: PLC0415  see above
    from benchmarks.machine import RESULTS, in_words, machine  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fitting", description="How fast and how surely models are fitted."
    )
    parser.add_argument("--samples", type=int, default=1000, help="bootstrap samples of each real data set")
    parser.add_argument("--seeds", type=int, default=10, help="simulated businesses of each size")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison of speed")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page is written")
    args = parser.parse_args(argv)
    found = machine(LIBRARIES)
    figures = measure(args.samples, args.seeds, args.rounds)
    text = page(figures, in_words(found))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "fitting.md").write_text(text, encoding="utf-8")
    document = json.dumps({"machine": found, **figures.document()}, ensure_ascii=False, indent=1)
    (args.out / "fitting.json").write_text(document + "\n", encoding="utf-8")
    print(text)
    for line in figures.missed():
        print(f"MISSED: {line}", file=sys.stderr)
    if figures.missed():
        return 1
    return 2 if figures.skipped else 0


def measure(samples: int, seeds: int, rounds: int) -> Figures:
    """Run all comparisons; a real data set whose file is absent is skipped and named."""
    from benchmarks.fitting.convergence import bootstrap, small_businesses  # noqa: PLC0415  after the threads
    from benchmarks.fitting.histories import SOURCES, file_of, read_histories  # noqa: PLC0415
    from benchmarks.fitting.report import Figures  # noqa: PLC0415
    from benchmarks.fitting.speed import million, race  # noqa: PLC0415

    races, tallies, skipped = [], [], []
    for name, source in SOURCES.items():
        if not file_of(source).exists():
            skipped.append(f"{name}: {file_of(source).name} is not there (see benchmarks/README.md)")
            continue
        known = read_histories(source)
        if name == "cdnow":
            rows = known.frequency, known.recency, known.T
            races += [
                race("bg_nbd", rows, rounds, bound=10.0),
                race("mbg_nbd", rows, rounds),
                race("pareto_nbd", rows, rounds, theirs=min(rounds, 3)),
            ]
        tallies += bootstrap(source.title, known, samples, seed=1)
    tallies += small_businesses(seeds)
    rows = million(seed=1)
    races += [
        race("bg_nbd", rows, rounds, theirs=1, bound=15.0),
        race("mbg_nbd", rows, rounds, theirs=1),
        race("pareto_nbd", rows, min(rounds, 3), theirs=0),
    ]
    return Figures(tuple(races), tuple(tallies), tuple(skipped))


if __name__ == "__main__":
    sys.exit(main())
