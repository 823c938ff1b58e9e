"""Some customers of a history: picked one by one, or as a block of neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from app.domain.history import Array, History, LazyColumns, Table


def take(history: History, rows: Array) -> History:
    """Return the history of some customers, in the order of ``rows`` (int64 positions, shape (M,))."""
    rows = np.asarray(rows, dtype=np.int64)
    return History(
        customer_ids=tuple(history.customer_ids[i] for i in rows.tolist()),
        timezone=history.timezone,
        tables={name: _take_table(table, rows) for name, table in history.tables.items()},
        profile=_picked(history.profile, rows),
        attributes=_picked(history.attributes, rows),
        summary=None if history.summary is None else _picked(history.summary, rows),
    )


def _take_table(table: Table, rows: Array) -> Table:
    lengths = np.diff(table.offsets)[rows]
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    index = np.arange(offsets[-1]) + np.repeat(table.offsets[:-1][rows] - offsets[:-1], lengths)
    return Table(offsets, _picked(table.columns, index), table.given[rows])


def block(history: History, start: int, stop: int) -> History:
    """Return the history of the customers from ``start`` to ``stop`` (not included), without copying."""
    tables = {}
    for name, table in history.tables.items():
        begin, end = int(table.offsets[start]), int(table.offsets[stop])
        tables[name] = Table(
            table.offsets[start : stop + 1] - begin,
            _picked(table.columns, slice(begin, end)),
            table.given[start:stop],
        )
    rows = slice(start, stop)
    return replace(
        history,
        customer_ids=history.customer_ids[rows],
        tables=tables,
        profile=_picked(history.profile, rows),
        attributes=_picked(history.attributes, rows),
        summary=None if history.summary is None else _picked(history.summary, rows),
    )


def _picked(columns: Mapping[str, Array], rows: Array | slice) -> Mapping[str, Array]:
    return LazyColumns(columns, lambda name: columns[name][rows])
