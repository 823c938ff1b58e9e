"""NumPy columns to Arrow columns: ids, words, times, amounts; -1, NaN and NAT become null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.domain.history import NAT, Array

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
PREFIX: Final = "sim-"
"""Every id says that it is simulated."""


def customer_ids(numbers: Array) -> pa.Array:
    """Return ids such as ``sim-0000042``."""
    return pc.binary_join_element_wise(PREFIX[:-1], _digits(numbers, 7), "-")


def row_ids(letter: str, customer: Array, sequence: Array) -> pa.Array:
    """Return ids such as ``sim-o-0000042-0003``; missing where the sequence is negative."""
    joined = pc.binary_join_element_wise(f"{PREFIX}{letter}", _digits(customer, 7), _digits(sequence, 4), "-")
    return pc.if_else(pa.array(sequence >= 0), joined, pa.scalar(None, pa.string()))


def product_ids(numbers: Array) -> pa.Array:
    """Return ids such as ``sim-p001``; missing where the number is negative."""
    return words(numbers, [f"{PREFIX}p{number + 1:03d}" for number in range(int(numbers.max(initial=0)) + 1)])


def words(codes: Array, vocabulary: Sequence[str]) -> pa.Array:
    """Return the word of each code; missing where the code is negative."""
    index = pa.array(codes, mask=codes < 0, type=pa.int64(), from_pandas=False)
    return pa.array(list(vocabulary), pa.string()).take(index)


def times(microseconds: Array) -> pa.Array:
    """Return timestamps in UTC; missing where ``NAT``."""
    return pa.array(microseconds, mask=microseconds == NAT, type=pa.int64()).cast(TIMESTAMP)


def numbers(values: Array) -> pa.Array:
    """Return doubles; missing where NaN."""
    column = values.astype(np.float64)
    return pa.array(column, mask=np.isnan(column), type=pa.float64())


def money(fen: Array, mask: Array | None = None) -> pa.Array:
    """Return amounts of 1/100 as doubles; missing where ``mask``."""
    return pa.array(fen / 100.0, mask=mask, type=pa.float64())


def whole(values: Array) -> pa.Array:
    """Return integers; missing where NaN or negative."""
    missing = np.isnan(values.astype(np.float64)) | (values < 0)
    return pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing, type=pa.int64())


def flags(values: Array) -> pa.Array:
    """Return booleans."""
    return pa.array(values.astype(bool), type=pa.bool_())


def table(columns: dict[str, Any]) -> pa.Table:
    """Return a table whose metadata says that its rows are simulated."""
    note = {"simulated": "true", "note": "Simulated by Kith with known truth. No row is about a real person."}
    return pa.table(columns).replace_schema_metadata(note)


def sequence(customer: Array) -> Array:
    """Return 1, 2, 3 … within each customer, for rows that are sorted by customer."""
    if not len(customer):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]])
    lengths = np.diff(np.r_[starts, len(customer)])
    return np.arange(len(customer)) - np.repeat(starts, lengths) + 1


def _digits(numbers: Array, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers, pa.int64()).cast(pa.string()), width, "0")
