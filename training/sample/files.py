"""A sample as files: Parquet per table, the truth apart, business.yaml last.

Blocks are written one after the other, so that memory does not grow with the number of customers. A folder
without business.yaml is a sample that was not finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.errors import InputError
from training.sample.block import BLOCK_CUSTOMERS, Block, simulate_block
from training.sample.describe import actions_file, business_file, readme
from training.sample.global_truth import global_truth

FEWEST, MOST = 50, 9_999_999
"""How many customers a sample may have; ids have room for seven digits."""
SHARED: Final = ("products",)
"""Tables that are the same in every block."""


def blocks(customers: int, seed: int, size: int = BLOCK_CUSTOMERS) -> Iterator[Block]:
    """Check the arguments, then simulate block after block of ``size`` customers.

    Raises
    ------
    InputError
        There are fewer than 50 or more than 9,999,999 customers, or the seed is negative.
    """
    if not FEWEST <= customers <= MOST:
        raise InputError(f"{customers} customers: expected {FEWEST} to {MOST:,}")
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")
    firsts = range(0, customers, size)
    return (
        simulate_block(seed, number, first + 1, min(size, customers - first))
        for number, first in enumerate(firsts)
    )


def write_files(out: Path, customers: int, seed: int, progress: Callable[[int], Any]) -> dict[str, int]:
    """Write a sample into a folder and return the rows of each canonical table.

    Parameters
    ----------
    out : Path
        Created where missing; files of an earlier sample are replaced, others stay.
    customers, seed : int
        What to simulate.
    progress : callable
        Called after each block with the number of customers so far.

    Raises
    ------
    InputError
        The folder cannot be written, or holds the business.yaml of a business that is not simulated.
    """
    made = blocks(customers, seed)
    try:
        _make_room(out)
        rows = _write_tables(out, made, lambda number: progress(min(number * BLOCK_CUSTOMERS, customers)))
        truth = json.dumps(global_truth(customers, seed), ensure_ascii=False, indent=2) + "\n"
        (out / "truth" / "truth.json").write_text(truth, encoding="utf-8")
        (out / "README.md").write_text(readme(customers, seed, rows), encoding="utf-8")
        (out / "actions.yaml").write_text(actions_file(), encoding="utf-8")
        (out / "business.yaml").write_text(business_file(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
    return rows


def _make_room(out: Path) -> None:
    """Create the folders; take away the sign that a sample is complete."""
    business = out / "business.yaml"
    if business.exists() and b"simulated: true" not in business.read_bytes().splitlines():
        raise InputError(f"{business} describes a business that is not simulated; give another folder")
    (out / "truth").mkdir(parents=True, exist_ok=True)
    business.unlink(missing_ok=True)


def _write_tables(out: Path, made: Iterator[Block], progress: Callable[[int], Any]) -> dict[str, int]:
    """Write block after block; ``progress`` gets the number of blocks so far."""
    writers: dict[Path, pq.ParquetWriter] = {}
    rows: dict[str, int] = {}
    with ExitStack() as stack:
        for number, block in enumerate(made):
            for folder, tables in ((out, block.tables), (out / "truth", block.truth)):
                for name, table in tables.items():
                    if number and name in SHARED:
                        continue
                    path = folder / f"{name}.parquet"
                    if path not in writers:
                        writers[path] = stack.enter_context(_writer(path, table.schema))
                    writers[path].write_table(table)
                    if folder == out:
                        rows[name] = rows.get(name, 0) + table.num_rows
            progress(number + 1)
    return rows


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")
