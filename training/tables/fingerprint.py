"""The fingerprint of the data that was read: sha256 over what the canonical tables hold.

Rules: the order of rows and of columns in the SQL does not matter; every value does; neither the version of
DuckDB nor the number of rows that are fetched at once does. Rows are sorted by all columns and hashed column
by column in the bytes that Arrow keeps them in, so a million rows take about a second.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.domain.history import TIME
from training.tables.canonical import Shape
from training.tables.mapping import CANONICAL
from training.tables.sql import quoted

_BATCH_ROWS: Final = 100_000


def fingerprint_tables(connection: duckdb.DuckDBPyConnection, shapes: Mapping[str, Shape]) -> str:
    """Return 64 hex digits that stand for the content of the canonical tables.

    Parameters
    ----------
    connection : DuckDBPyConnection
    shapes : mapping of table name to Shape
        The tables that were read.
    """
    whole = hashlib.sha256()
    for table in sorted(shapes):
        digest = _table_digest(connection, shapes[table])
        whole.update(f"{table}\n{digest}\n".encode())
    return whole.hexdigest()


def _table_digest(connection: duckdb.DuckDBPyConnection, shape: Shape) -> str:
    """Return the digest of one table: of each column's bytes, with the rows in one order."""
    names = [quoted(item.name) for item in shape.fields]
    selected = ", ".join(
        f"epoch_us({name}) AS {name}" if item.kind == TIME else name
        for item, name in zip(shape.fields, names, strict=True)
    )
    # Cleaning made keys unique, so that they alone put the rows in one order.
    order = ", ".join(f"{quoted(name)} ASC NULLS FIRST" for name in shape.key or shape.names)
    hashes = {item.name: _ColumnHash() for item in shape.fields}
    reader = connection.sql(
        f"SELECT {selected} FROM {CANONICAL}.{shape.name} ORDER BY {order}"
    ).to_arrow_reader(_BATCH_ROWS)
    for batch in reader:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            hashes[name].update(column)
    whole = hashlib.sha256()
    for name in sorted(hashes):
        whole.update(f"{name}\n{hashes[name].hexdigest()}\n".encode())
    return whole.hexdigest()


class _ColumnHash:
    """Hashes one column piece by piece; where the pieces end makes no difference."""

    def __init__(self) -> None:
        self._present, self._values, self._lengths = (hashlib.sha256() for _ in range(3))

    def update(self, column: Any) -> None:
        """Add the next values of the column: which are present, their lengths, their bytes."""
        self._present.update(_bytes(column.is_valid()))
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts = column.fill_null("")
            self._lengths.update(_bytes(pc.binary_length(texts).cast(pa.int32())))
            self._values.update("".join(texts.to_pylist()).encode())
        else:
            self._values.update(_bytes(column.fill_null(0)))

    def hexdigest(self) -> str:
        """Return the digest of the whole column."""
        parts = (part.hexdigest() for part in (self._present, self._values, self._lengths))
        return " ".join(parts)


def _bytes(column: Any) -> bytes:
    """Return the values of a column without missing ones as little-endian bytes."""
    array = column.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).tobytes()
