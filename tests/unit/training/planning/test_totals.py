"""Sums of customers by segment: each counts once, and what is silent counts as nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.estimators.scores import NAMES
from training.planning.customers import WITHOUT, Customers, groups_of
from training.planning.totals import migration_of, past_of, totals_of

LOST = NAMES.index("lost")


def customers(**changes: Any) -> Customers:
    """Return six customers: two champions, two loyal, one who is lost, one who has not bought."""
    columns: dict[str, Any] = {
        "position": np.arange(6),
        "segment": np.array([0, 0, 1, 1, LOST, -1]),
        "earlier": np.array([0, -1, 0, 1, 1, -1]),
        "historic": np.array([10.0, 20.0, 30.0, np.nan, 5.0, np.nan]),
        "predicted": np.array([1.0, 2.0, 4.0, np.nan, 8.0, np.nan]),
        "revenue": np.array([2.0, 4.0, 8.0, np.nan, 16.0, np.nan]),
        "inputs": np.ones((6, 4)),
        "risk": np.array([0, 1, 2, 1, -1, -1]),
        "past_orders": np.array([3.0, 1.0, 0.0, 2.0, 0.0, 0.0]),
        "past_revenue": np.array([30.0, 10.0, 0.0, 60.0, 0.0, 0.0]),
        "was_there": np.array([True, False, True, False, True, False]),
    }
    return Customers(**{**columns, **changes})


def test_segments_are_those_that_have_customers_in_their_order() -> None:
    groups = groups_of(customers(), has_segments=True)
    assert groups.names == (NAMES[0], NAMES[1], "lost")
    assert groups.of.tolist() == [0, 0, 1, 1, 2, -1]


def test_without_segments_everybody_who_bought_is_one() -> None:
    people = customers(segment=np.array([WITHOUT] * 5 + [-1]))
    assert groups_of(people, has_segments=False).names == ("all",)
    assert groups_of(people, has_segments=True).names == ("unnamed",)
    nobody = customers(segment=np.full(6, -1))
    assert groups_of(nobody, has_segments=False).names == ()


def test_value_is_added_up_by_segment_and_at_risk() -> None:
    people = customers()
    found = totals_of(people, groups_of(people, has_segments=True), {"clv": None, "churn": None})
    first, second, third = found["rows"]
    assert (first["customers"], first["share"]) == (2, 0.4)
    assert (first["historic_value"], first["predicted_value"]) == (30.0, 3.0)
    assert first["at_risk"] == {
        "yellow": {"customers": 1, "predicted_value": 2.0},
        "red": {"customers": 0, "predicted_value": 0.0},
        "predicted_value": 2.0,
        "share": pytest.approx(2 / 3),
    }
    assert second["at_risk"]["yellow"] == {"customers": 1, "predicted_value": 0.0}
    assert third["at_risk"]["share"] == 0.0
    assert found["total"]["predicted_value"] == 15.0
    assert found["total"]["customers"] == 5
    assert found["total"]["at_risk"]["predicted_value"] == 6.0


def test_what_is_not_published_is_not_told() -> None:
    people = customers()
    groups = groups_of(people, has_segments=True)
    assert totals_of(people, groups, {"clv": None})["total"]["at_risk"] is None
    found = totals_of(people, groups, {"churn": None})["total"]
    assert found["predicted_value"] is found["historic_value"] is None
    assert found["at_risk"]["red"] == {"customers": 1, "predicted_value": None}
    assert found["at_risk"]["predicted_value"] is found["at_risk"]["share"] is None


def test_the_share_of_new_customers_is_observed() -> None:
    people = customers()
    found = past_of(people, groups_of(people, has_segments=True))
    assert (found["orders"], found["revenue"]) == (6.0, 100.0)
    assert found["share_of_orders_from_existing"] == 0.5
    assert found["share_of_revenue_from_existing"] == 0.3
    nothing = customers(past_orders=np.zeros(6), past_revenue=np.zeros(6))
    assert past_of(nothing, groups_of(nothing, has_segments=True))["share_of_orders_from_existing"] is None


def test_who_moved_is_counted_and_who_never_bought_is_not() -> None:
    found = migration_of(customers())
    cells = {(row["earlier"], row["now"]): row["customers"] for row in found["rows"]}
    loyal, best = NAMES[1], NAMES[0]
    assert cells == {
        (best, best): 1,
        (best, loyal): 1,
        (loyal, loyal): 1,
        (loyal, "lost"): 1,
        (None, best): 1,
    }
    counts = {name: found[name] for name in ("stayed", "moved", "new", "left", "became_lost")}
    assert counts == {"stayed": 2, "moved": 2, "new": 1, "left": 0, "became_lost": 1}
    assert (found["customers_then"], found["customers_now"]) == (4, 5)


def test_who_has_no_segment_any_more_has_left() -> None:
    found = migration_of(customers(segment=np.array([-1, 0, 1, 1, LOST, -1])))
    assert found["left"] == 1
    assert {"earlier": NAMES[0], "now": None, "customers": 1, "share": 0.5} in found["rows"]
