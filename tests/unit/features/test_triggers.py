"""What rules ask about, by rule; random histories are held to the slow reference in test_compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.features.compute import compute
from app.features.library import LIBRARY
from tests.unit.features.histories import AS_OF, DAY, features_of, history_of

VIEWS, COMPLAINT = "viewed_days_without_order", "oldest_open_complaint_days"
LIFE = "days_since_sign_of_life"


def ago(days: float) -> int:
    return AS_OF - round(days * DAY)


def viewed(*days: float, event: str = "product_viewed") -> list[dict[str, Any]]:
    return [{"event": event, "timestamp": ago(one)} for one in days]


def order(days: float, **more: Any) -> dict[str, Any]:
    return {"order_id": f"o{days}", "ordered_at": ago(days), "revenue": 20.0, **more}


def told(**tables: Any) -> dict[str, Any]:
    return features_of({"customer_id": "c", **tables})


def test_none_of_them_is_an_input_of_a_model() -> None:
    assert not any(LIBRARY[name].is_input for name in (VIEWS, COMPLAINT, LIFE))


def test_days_of_viewing_are_counted_once_each() -> None:
    assert told(orders=[], events=viewed(1, 1.1, 2, 3))[VIEWS] == 3
    assert told(orders=[], events=viewed(1, 2, event="signed_in"))[VIEWS] == 0


def test_only_the_last_two_weeks_count() -> None:
    assert told(orders=[], events=viewed(1, 13, 14, 40))[VIEWS] == 2


def test_an_order_begins_the_count_anew() -> None:
    assert told(orders=[order(3)], events=viewed(1, 2, 3, 4, 5))[VIEWS] == 2
    assert told(orders=[order(3, status="pending")], events=viewed(1, 2, 3, 4))[VIEWS] == 2
    assert told(orders=[order(3, status="cancelled")], events=viewed(1, 2, 3, 4))[VIEWS] == 4
    assert told(orders=[order(3, revenue=-20.0)], events=viewed(1, 2, 3, 4))[VIEWS] == 4


def test_without_word_of_orders_nobody_knows_whether_there_was_one() -> None:
    assert told(events=viewed(1, 2, 3))[VIEWS] is None
    summary = {"first_order_at": ago(50), "last_order_at": ago(2), "order_count": 3}
    assert told(events=viewed(1, 2, 3), summary=summary)[VIEWS] == 1


def complaint(days: float, **more: Any) -> dict[str, Any]:
    return {"case_id": f"k{days}", "opened_at": ago(days), "type": "complaint", **more}


def test_the_oldest_open_complaint_counts() -> None:
    rows = [complaint(5), complaint(9), complaint(30, closed_at=ago(29)), complaint(40, type="question")]
    assert told(support_cases=rows)[COMPLAINT] == 9
    assert told(support_cases=[complaint(0)])[COMPLAINT] == 0
    assert told(support_cases=[complaint(30, closed_at=ago(29))])[COMPLAINT] is None


def test_a_complaint_opened_again_is_as_old_as_that() -> None:
    again = {"closed_at": ago(20), "reopened_at": ago(4)}
    assert told(support_cases=[complaint(300, **again)])[COMPLAINT] == 4
    assert told(support_cases=[complaint(300, closed_at=ago(4), reopened_at=ago(20))])[COMPLAINT] is None
    assert told(support_cases=[complaint(300, reopened_at=ago(4))])[COMPLAINT] == 300


def test_an_order_and_an_event_are_signs_of_life() -> None:
    assert told(orders=[order(40)], events=viewed(12))[LIFE] == 12
    assert told(orders=[order(10)], events=viewed(12))[LIFE] == 10
    assert told(orders=[order(40)])[LIFE] == 40
    assert told(orders=[], events=viewed(12, event="a name of its own"))[LIFE] == 12
    assert told(orders=[], events=[])[LIFE] is None
    assert told()[LIFE] is None


def test_a_summary_tells_of_life_too() -> None:
    summary = {"first_order_at": ago(50), "last_order_at": ago(31), "order_count": 3}
    assert told(summary=summary)[LIFE] == 31
    assert told(summary=summary, events=viewed(2))[LIFE] == 2
    assert told(summary={**summary, "last_order_at": AS_OF + 1})[LIFE] is None


def test_tracking_that_is_denied_leaves_the_orders() -> None:
    consents = [{"purpose": "behavioural_tracking", "status": "denied", "status_at": ago(1)}]
    found = told(orders=[order(40)], events=viewed(1, 2, 3), consents=consents)
    assert (found[LIFE], found[VIEWS]) == (40, None)


def test_of_two_customers_each_keeps_what_is_theirs() -> None:
    raw = [
        {"customer_id": "a", "orders": [order(50)], "events": viewed(1, 2), "support_cases": [complaint(8)]},
        {"customer_id": "b", "events": viewed(3)},
    ]
    columns = compute(history_of(raw), AS_OF, frozenset({VIEWS, COMPLAINT, LIFE}))
    np.testing.assert_array_equal(columns[VIEWS], [2.0, np.nan])
    np.testing.assert_array_equal(columns[COMPLAINT], [8.0, np.nan])
    np.testing.assert_array_equal(columns[LIFE], [1.0, 3.0])
