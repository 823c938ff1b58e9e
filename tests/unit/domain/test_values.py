"""From plain values to a column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from app.domain.history import CODE, FLAG, NAT, NUMBER, PRIORITIES, TEXT, TIME
from app.domain.values import microseconds, read_column

MOMENT = datetime(1970, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (TIME, [MOMENT, None, 5], [86_400_000_000, NAT, 5]),
        (NUMBER, [1, None, 2.5], [1.0, np.nan, 2.5]),
        (FLAG, [True, None, False], [1.0, np.nan, 0.0]),
        (CODE, ["b", None, "a", "b"], [0, -1, 1, 0]),
        (TEXT, ["x", None, 3], ["x", None, "3"]),
        (PRIORITIES, ["urgent", None, "none of them"], [3, -1, -1]),
    ],
    ids=["time", "number", "flag", "code", "text", "word"],
)
def test_a_value_is_read_by_its_kind_and_none_is_missing(
    kind: str | tuple[str, ...], values: list[Any], expected: list[Any]
) -> None:
    column = read_column(kind, values)
    np.testing.assert_array_equal(column, np.array(expected, dtype=column.dtype))
    assert read_column(kind, values[:0]).shape == (0,)
    missing = read_column(kind, [None, values[0]])
    assert read_column(kind, [None]).dtype == missing.dtype


def test_a_time_keeps_its_microseconds() -> None:
    assert microseconds(MOMENT + timedelta(microseconds=1)) == 86_400_000_001
    assert microseconds(7) == 7
