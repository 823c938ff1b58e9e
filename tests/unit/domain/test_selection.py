"""Some customers of a history, picked or as a block."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.history import History
from app.domain.selection import block, take
from tests.unit.features.histories import Raw, batches, history_of, same


def assert_alike(one: History, other: History) -> None:
    """Columns agree; a table that was given for nobody may be there without rows."""
    assert one.customer_ids == other.customer_ids
    for name in {*one.tables, *other.tables}:
        here, there = one.tables.get(name), other.tables.get(name)
        if here is None or there is None:
            assert not any(table.given.any() for table in (here, there) if table is not None)
            continue
        assert here.offsets.tolist() == there.offsets.tolist()
        assert here.given.tolist() == there.given.tolist()
        for column in here.columns:
            if column not in {"product", "order", "category"}:
                assert same(here[column], there[column]), (name, column)
    assert all(same(one.profile[name], other.profile[name]) for name in one.profile)
    assert all(same(one.attributes[name], other.attributes[name]) for name in one.attributes)
    if one.summary is not None and other.summary is not None:
        assert all(same(one.summary[name], other.summary[name]) for name in one.summary)


@settings(max_examples=60)
@given(batches(), st.data())
def test_customers_taken_are_those_that_stand_there(raw: list[Raw], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=6))
    assert_alike(take(history_of(raw), np.array(rows, np.int64)), history_of([raw[k] for k in rows]))


@settings(max_examples=60)
@given(batches(), st.data())
def test_a_block_is_its_customers(raw: list[Raw], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(raw)))
    stop = data.draw(st.integers(start, len(raw)))
    assert_alike(block(history_of(raw), start, stop), history_of(raw[start:stop]))


def test_a_block_copies_nothing() -> None:
    history = history_of(
        [
            {"customer_id": str(k), "orders": [{"order_id": "o", "ordered_at": k, "revenue": 1.0}]}
            for k in range(9)
        ]
    )
    part = block(history, 3, 6).tables["orders"]
    assert np.shares_memory(part["ordered_at"], history.tables["orders"]["ordered_at"])
    assert part["ordered_at"].tolist() == [3, 4, 5]
