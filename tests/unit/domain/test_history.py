"""The shape of a history."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import (
    CODE,
    FLAG,
    NAT,
    NUMBER,
    ORDER_STATUSES,
    TABLES,
    TIME,
    Array,
    LazyColumns,
    Table,
    empty_column,
)


def test_every_table_has_its_time_among_its_columns() -> None:
    assert all(spec.columns[spec.time] == TIME for spec in TABLES.values())


def test_a_column_is_made_when_it_is_asked_for_and_once() -> None:
    made = []

    def make(name: str) -> Array:
        made.append(name)
        return np.zeros(2)

    columns = LazyColumns({"a": TIME, "b": TIME}, make)
    assert (list(columns), len(columns), made) == (["a", "b"], 2, [])
    assert columns["b"] is columns["b"]
    assert made == ["b"]
    with pytest.raises(KeyError, match="c"):
        columns["c"]
    assert "c" not in columns
    assert columns.get("c") is None


def test_a_table_gives_its_columns_by_name() -> None:
    values = np.arange(3)
    assert Table(np.array([0, 3]), {"a": values}, np.array([True]))["a"] is values


@pytest.mark.parametrize(
    ("kind", "dtype", "missing"),
    [(TIME, np.int64, NAT), (CODE, np.int64, -1), (NUMBER, np.float64, np.nan), (FLAG, np.float64, np.nan),
     (ORDER_STATUSES, np.int16, -1)],
)  # fmt: skip
def test_an_empty_column_is_missing_in_every_row(
    kind: str | tuple[str, ...], dtype: type, missing: float
) -> None:
    column = empty_column(kind, 2)
    assert column.dtype == dtype
    np.testing.assert_array_equal(column, [missing, missing])
