"""From canonical tables in DuckDB to the columns of a :class:`~app.domain.history.History`.

Millions of rows are sorted in DuckDB and fetched as Arrow columns, never as rows. The columns are the very
ones that ``app.domain.rows.build_history`` makes of the same rows; a test holds both together.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
from collections.abc import Mapping
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from app.domain.history import CODE, NAT, PROFILE_TEXTS, TABLES, TEXT, TIME, Array, Table
from training.tables.clean import INDEX
from training.tables.mapping import CANONICAL
from training.tables.sql import literal, quoted

_TIES: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("order_id",),
    "order_lines": ("order_id", "product_id", "quantity", "price", "discount"),
    "events": ("event", "product_id", "category", "value", "duration_seconds"),
    "support_cases": ("case_id",),
    "feedback": ("feedback_id",),
    "subscriptions": ("subscription_id",),
    "contacts": ("contact_id",),
    "consents": ("purpose", "status"),
}
"""What decides the order of rows with the same time; missing before the rest."""

FIELDS: Final = {"product": "product_id", "order": "order_id", "has_coupon": "coupon"}
"""The canonical column that a history's column of another name is made from."""


def history_table(connection: duckdb.DuckDBPyConnection, table: str, start: int, stop: int) -> Table:
    """Return one table of the customers at positions ``start`` to ``stop`` (not included).

    The table exists in the business's data, so it is given for every customer, also for those without a row.
    """
    spec = TABLES[table]
    selected = ", ".join(
        f"{_expression(column, kind)} AS {quoted(column)}" for column, kind in spec.columns.items()
    )
    ties = ", ".join(f"t.{tie} NULLS FIRST" for tie in _TIES[table])
    source = f"{CANONICAL}.{table} AS t"
    if table == "order_lines":
        source = (
            f"(SELECT l.*, o.customer_id, o.ordered_at FROM {CANONICAL}.order_lines AS l "
            f"JOIN {CANONICAL}.orders AS o USING (order_id)) AS t"
        )
    arrow = connection.sql(
        f"SELECT i.position AS __owner, {selected} FROM {source} JOIN {INDEX} AS i USING (customer_id) "
        f"WHERE i.position >= {start} AND i.position < {stop} "
        f"ORDER BY i.position, t.{spec.time}, {ties}"
    ).to_arrow_table()
    size = stop - start
    counts = np.bincount(_plain(arrow, "__owner") - start, minlength=size)
    offsets = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    read = {CODE: _codes, TEXT: _texts}
    columns = {
        column: (_plain if isinstance(kind, tuple) else read.get(kind, _plain))(arrow, column)
        for column, kind in spec.columns.items()
    }
    return Table(offsets, columns, np.ones(size, dtype=bool))


def _expression(column: str, kind: str | tuple[str, ...]) -> str:
    """Return SQL for one column, without NULL, so that Arrow's memory is NumPy's."""
    name = f"t.{quoted(FIELDS.get(column, column))}"
    if column == "has_coupon":
        return f"CASE WHEN {name} IS NULL THEN 0.0 ELSE 1.0 END::DOUBLE"
    if isinstance(kind, tuple):
        listed = ", ".join(literal(word) for word in kind)
        otherwise = kind.index("other") if column == "event" else -1
        position = f"CAST(list_position([{listed}], {name}) AS SMALLINT) - 1"
        if column == "event":
            return (
                f"CASE WHEN {name} IS NULL THEN -1 ELSE coalesce(nullif({position}, -1), {otherwise}) "
                "END::SMALLINT"
            )
        return f"coalesce({position}, {otherwise})::SMALLINT"
    if kind == TIME:
        return f"coalesce(epoch_us({name}), {NAT})"
    return name if kind in {CODE, TEXT} else f"coalesce({name}, 'nan'::DOUBLE)"


def _plain(arrow: pa.Table, column: str) -> Array:
    """Return a column without missing values as an array."""
    array: Array = arrow.column(column).combine_chunks().to_numpy(zero_copy_only=False)
    return array


def _codes(arrow: pa.Table, column: str) -> Array:
    """Return ids as numbers in the order of their first appearance, -1 where missing."""
    encoded = arrow.column(column).combine_chunks().dictionary_encode()
    indices = encoded.indices.fill_null(-1)
    codes: Array = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def read_profile(connection: duckdb.DuckDBPyConnection, start: int, stop: int) -> dict[str, Array]:
    """Return ``created_at``, ``birth_year`` and the profile texts of the customers at some positions."""
    arrow = connection.sql(
        f"SELECT coalesce(epoch_us(created_at), {NAT}) AS created_at, "
        f"coalesce(birth_year, 'nan'::DOUBLE) AS birth_year, {', '.join(PROFILE_TEXTS)} "
        f"{_customers(start, stop)}"
    ).to_arrow_table()
    columns = {name: _plain(arrow, name) for name in ("created_at", "birth_year")}
    return {**columns, **{name: _texts(arrow, name) for name in PROFILE_TEXTS}}


def empty_profile(size: int) -> dict[str, Array]:
    """Return the profile of customers of whom nothing but orders and the like is known."""
    columns: dict[str, Array] = {
        "created_at": np.full(size, NAT, dtype=np.int64),
        "birth_year": np.full(size, np.nan),
    }
    return {**columns, **{name: np.full(size, None, dtype=object) for name in PROFILE_TEXTS}}


def read_attributes(
    connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, str], start: int, stop: int
) -> dict[str, Array]:
    """Return the declared attributes of the customers at some positions: numbers, or words and None."""
    if not kinds:
        return {}
    selected = ", ".join(
        quoted(name)
        if kind == "categorical"
        else f"coalesce({quoted(name)}, 'nan'::DOUBLE) AS {quoted(name)}"
        for name, kind in kinds.items()
    )
    arrow = connection.sql(f"SELECT {selected} {_customers(start, stop)}").to_arrow_table()
    return {
        name: _texts(arrow, name) if kind == "categorical" else _plain(arrow, name)
        for name, kind in kinds.items()
    }


def read_customer_ids(connection: duckdb.DuckDBPyConnection, start: int, stop: int) -> tuple[str, ...]:
    """Return the ids of the customers at some positions, sorted."""
    arrow = connection.sql(
        f"SELECT customer_id FROM {INDEX} WHERE position >= {start} AND position < {stop} ORDER BY position"
    ).to_arrow_table()
    return tuple(arrow.column(0).to_pylist())


def _customers(start: int, stop: int) -> str:
    return (
        f"FROM {CANONICAL}.customers JOIN {INDEX} USING (customer_id) "
        f"WHERE position >= {start} AND position < {stop} ORDER BY position"
    )


def _texts(arrow: pa.Table, column: str) -> Array:
    """Return texts as objects: str or None."""
    texts: Any = arrow.column(column).combine_chunks()
    array: Array = texts.to_numpy(zero_copy_only=False)
    return array
