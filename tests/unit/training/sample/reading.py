"""Arrow tables as NumPy columns, for assertions: times in microseconds, missing ones NAT, numbers NaN."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.domain.history import NAT, Array


def column(table: pa.Table, name: str) -> Array:
    """Return one column."""
    values = table[name].combine_chunks()
    if pa.types.is_timestamp(values.type):
        return np.asarray(values.cast(pa.int64()).fill_null(NAT).to_numpy(zero_copy_only=False))
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)
    return np.asarray(values.to_pylist(), dtype=object)


def columns(table: pa.Table) -> dict[str, Array]:
    """Return all columns but lists; slow for events."""
    flat = [name for name in table.column_names if not pa.types.is_nested(table[name].type)]
    return {name: column(table, name) for name in flat}


def owner(table: pa.Table, customers: pa.Table) -> Array:
    """Return for each row the position of its customer in ``customers``; fails where there is none."""
    place = pc.index_in(table["customer_id"], value_set=customers["customer_id"].combine_chunks())
    assert place.null_count == 0
    return np.asarray(place.combine_chunks().to_numpy(zero_copy_only=False), dtype=np.int64)


def says(table: pa.Table, name: str, word: str) -> Array:
    """Return True on the rows whose column holds a word."""
    equal = pc.equal(table[name], word).combine_chunks().fill_null(pa.scalar(value=False))
    return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=bool)


def before(who: Array, when: Array, asker: Array, start: Array, end: Array) -> Array:
    """Return how many rows of each asker lie in (start, end]; all times in microseconds."""
    # 256 microseconds are near enough, and leave room for the customer above the time.
    key = np.sort(who * (1 << 46) + (when >> 8))
    high = np.searchsorted(key, asker * (1 << 46) + (end >> 8), side="right")
    low = np.searchsorted(key, asker * (1 << 46) + (start >> 8), side="right")
    return np.asarray(high - low)
