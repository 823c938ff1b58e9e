from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.api.checks import LIMITS, NAMES_IN_HINT, contradictions, uncounted_rows
from app.api.problems import Fault
from app.api.schemas.request import read_request
from app.domain.rows import build_history
from tests.unit.api.fakes import NOW

HOUR = 3_600_000_000


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 20), max_size=8), st.lists(st.integers(0, 20), max_size=8)),
        max_size=5,
    ),
    st.integers(0, 20),
)
def test_late_rows_are_counted_for_their_customer(
    customers: list[tuple[list[int], list[int]]], cut: int
) -> None:
    rows = [
        {
            "customer_id": str(i),
            "orders": [
                {"order_id": str(k), "ordered_at": at * HOUR, "revenue": 1.0} for k, at in enumerate(orders)
            ],
            "events": [{"event": "signed_in", "timestamp": at * HOUR} for at in events],
        }
        for i, (orders, events) in enumerate(customers)
    ]
    history = build_history(rows, "UTC")
    as_of = np.full(len(rows), cut * HOUR, dtype=np.int64)
    expected = {
        (i, table, sum(at > cut for at in times))
        for i, pair in enumerate(customers)
        for table, times in zip(("orders", "events"), pair, strict=True)
        if any(at > cut for at in times)
    }
    told = {(i, table, count) for i, code, table, count in uncounted_rows(history, as_of)}
    assert told == expected


def test_limit_counts_rows_up_to_as_of_only() -> None:
    limit = LIMITS["events"]
    events = [{"event": "signed_in", "timestamp": k} for k in range(limit + 3)]
    history = build_history([{"customer_id": "a", "events": events}], "UTC")
    assert list(uncounted_rows(history, np.array([limit - 1]))) == [(0, "rows_after_as_of", "events", 3)]
    assert list(uncounted_rows(history, np.array([limit + 3]))) == [(0, "rows_over_limit", "events", 3)]


def test_no_customer_has_no_warnings() -> None:
    assert not list(uncounted_rows(build_history([], "UTC"), np.empty(0, dtype=np.int64)))


def test_hint_names_some_of_many_declared_attributes() -> None:
    request = read_request(json.dumps({"customer": {"customer_id": "c", "attributes": {"qqqqqq": 1}}}))
    declared = {f"declared_{k:03}": "numeric" for k in range(100)}
    (fault,) = contradictions(request, NOW, "CNY", declared, "")
    assert isinstance(fault, Fault)
    assert str(fault.values["expected"]).count(",") == NAMES_IN_HINT - 1
    (fault,) = contradictions(request, NOW, "CNY", {}, "")
    assert fault.code == "unknown_attribute"
