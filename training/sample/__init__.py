"""A simulated business with known truth, for demonstrations, documents and recovery tests.

A bilingual retailer (English and Chinese) with a membership. Each customer's life runs day by day: purchases
and drop-out are random processes that react to what the customer went through before. What was really true
is kept apart, so that whatever is learned from the tables can be held against it. Everything says simulated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from training.sample.block import BLOCK_CUSTOMERS
from training.sample.files import SHARED, blocks, write_files
from training.sample.global_truth import global_truth

__all__ = ["SimulatedBusiness", "add_arguments", "run_sample", "simulate", "write_sample"]


@dataclass(frozen=True, slots=True)
class SimulatedBusiness:
    """A simulated business in memory.

    ``tables`` holds the canonical tables by name, ``truth`` tables of what was really true, ``parameters``
    the global truth as it stands in truth.json.
    """

    tables: Mapping[str, pa.Table]
    truth: Mapping[str, pa.Table]
    parameters: Mapping[str, Any]


def simulate(customers: int, seed: int) -> SimulatedBusiness:
    """Simulate a business; the same arguments give the same business.

    Parameters
    ----------
    customers : int
        From 50 on. Memory grows with it; ``write_sample`` needs no more for more customers.
    seed : int
        0 or more.

    Raises
    ------
    InputError
        An argument is out of range.
    """
    parts = list(blocks(customers, seed))

    def joined(tables: list[dict[str, pa.Table]]) -> dict[str, pa.Table]:
        return {
            name: table if name in SHARED else pa.concat_tables([part[name] for part in tables])
            for name, table in tables[0].items()
        }

    return SimulatedBusiness(
        tables=joined([part.tables for part in parts]),
        truth=joined([part.truth for part in parts]),
        parameters=global_truth(customers, seed),
    )


def write_sample(out: Path, customers: int = 5000, seed: int = 7) -> None:
    """Write a simulated business into a folder: Parquet files, business.yaml, truth/ and README.md.

    Parameters
    ----------
    out : Path
        Created where missing; files of an earlier sample are replaced.
    customers : int
        From 50 on.
    seed : int
        0 or more.

    Raises
    ------
    InputError
        An argument is out of range, or the folder cannot be written.
    """
    write_files(out, customers, seed, lambda _: None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--customers", type=int, default=5000, help="how many, from 50 on (default 5000)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same files (default 7)")
    parser.add_argument("--json", action="store_true", help="print one machine-readable document")


def run_sample(args: argparse.Namespace) -> int:
    """Write a sample and say what was written; return 0.

    Raises
    ------
    InputError
        As ``write_sample``.
    """
    began = time.monotonic()

    def progress(done: int) -> None:
        if args.customers > BLOCK_CUSTOMERS:
            print(f"simulated {done:,} of {args.customers:,} customers", file=sys.stderr, flush=True)

    rows = write_files(args.out, args.customers, args.seed, progress)
    business = args.out / "business.yaml"
    if args.json:
        document = {
            "simulated": True,
            "business": str(business),
            "truth": str(args.out / "truth"),
            "customers": args.customers,
            "seed": args.seed,
            "rows": rows,
            "seconds": round(time.monotonic() - began, 1),
        }
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    width = max(len(name) for name in rows)
    print(f"SIMULATED business with known truth in {args.out}")
    print("\n".join(f"  {name:<{width}}  {count:>12,}" for name, count in rows.items()))
    print(f"Check it:  python -m training check --business {business}")
    print(f"Train it:  python -m training train --business {business}")
    return 0
