from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.fitting.histories import SOURCES, file_of, histories_of, read_histories, simulated_histories


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def test_days_are_netted_and_counted_from_the_first() -> None:
    rows = [
        ("a", at(1, 9), 10.0),
        ("a", at(1, 20), 5.0),
        ("a", at(4, 9), 8.0),
        ("a", at(6, 9), 30.0),
        ("a", at(6, 11), -30.0),  # brought back: no purchase
        ("b", at(9, 9), 7.0),
        ("c", at(5, 9), -1.0),  # brings back what the table does not know
    ]
    columns = [pa.array(list(column)) for column in zip(*rows, strict=True)]
    known = histories_of(pa.table(columns, names=["customer_id", "ordered_at", "revenue"]))
    assert known.frequency.tolist() == [1, 0]
    assert known.recency.tolist() == [3, 0]
    assert known.T.tolist() == [8, 0]
    assert known.orders.tolist() == [2, 1]
    assert known.mean_value.tolist() == [11.5, 7.0]
    twice = known.take(np.array([1, 1, 0]))
    assert twice.T.tolist() == [0, 0, 8]
    assert twice.mean_value.tolist() == [7.0, 7.0, 11.5]


def test_a_simulated_business_has_buyers() -> None:
    known = simulated_histories(50, 3)
    assert 10 < len(known.T) <= 50
    assert np.all((known.recency >= 0) & (known.recency <= known.T))
    assert np.all(known.mean_value > 0)


@pytest.mark.parametrize(
    ("name", "customers", "purchases"), [("cdnow", 23_570, 47_907), ("online-retail", 5_266, 26_878)]
)
def test_every_real_customer_and_purchase_day_is_there(name: str, customers: int, purchases: int) -> None:
    source = SOURCES[name]
    if not file_of(source).exists():
        pytest.skip(f"the public data set {file_of(source).name} is not beside the project")
    known = read_histories(source)
    assert len(known.T) == customers
    assert int(known.frequency.sum()) + customers == purchases
