"""Summaries: their features, and those that training makes of histories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.consent import CONSENT_DEFAULTS
from app.domain.history import NAT, SUMMARY
from app.features.summary import summarise
from app.features.view import View
from tests.unit.features.histories import AS_OF, DAY, ZONES, Raw, batches, features_of, history_of
from tests.unit.features.reference import Customer


def of(**given_: Any) -> dict[str, Any]:
    known = {
        "first_order_at": AS_OF - 100 * DAY,
        "last_order_at": AS_OF - 20 * DAY,
        "order_count": 5,
        "revenue": 90.0,
    }
    found = features_of({"customer_id": "c", "summary": {**known, **given_}})
    return {
        name.removeprefix("summary."): value for name, value in found.items() if name.startswith("summary.")
    }


def test_rhythm_is_the_span_shared_out_among_the_orders() -> None:
    found = of()
    assert (found["average_gap_days"], found["silence_ratio"]) == (20, 1)
    assert of(order_count=1)["average_gap_days"] is None
    assert of(first_order_at=AS_OF - 20 * DAY)["average_gap_days"] is None


def test_what_was_left_out_is_not_known_and_a_refund_left_out_is_none() -> None:
    found = of()
    assert (found["revenue_total"], found["return_share"], found["orders_90d"]) == (90.0, None, None)
    found = of(refund=9.0, orders_90d=0)
    assert (found["revenue_total"], found["return_share"], found["orders_90d"]) == (81.0, 0.1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_order_at": AS_OF + 1},
        {"first_order_at": AS_OF},
        {"last_order_at": None},
        {"first_order_at": None},
    ],
)
def test_a_summary_that_cannot_be_is_unknown(wrong: dict[str, Any]) -> None:
    assert set(of(**wrong).values()) == {None}


@settings(max_examples=60)
@given(batches(), st.sampled_from(ZONES))
def test_the_summary_of_a_history_is_what_a_list_of_its_orders_says(raw: list[Raw], zone: str) -> None:
    raw = [{**one, "orders": one.get("orders") or []} for one in raw]
    view = View(history_of(raw, zone), np.full(len(raw), AS_OF), CONSENT_DEFAULTS)
    found = summarise(view)
    assert found.keys() == SUMMARY.keys()
    for i, one in enumerate(raw):
        customer = Customer(one, AS_OF, zone)
        counted = [order for order in customer.orders() or [] if customer.counts(order)]
        sold = [order for order in counted if order["revenue"] >= 0]
        times = [order["ordered_at"] for order in sold]
        back = [customer.refund(order) + max(-order["revenue"], 0.0) for order in counted]
        assert found["first_order_at"][i] == min(times, default=NAT)
        assert found["last_order_at"][i] == max(times, default=NAT)
        assert found["order_count"][i] == len(sold)
        assert found["revenue"][i] == sum(order["revenue"] for order in sold)
        assert found["refund"][i] == sum(back)
        assert found["refund_count"][i] == sum(value > 0 for value in back)
        for days in (90, 365):
            recent = customer.within(sold, "ordered_at", days)
            assert found[f"orders_{days}d"][i] == len(recent)
            assert found[f"revenue_{days}d"][i] == sum(order["revenue"] for order in recent)


def test_a_summary_needs_orders() -> None:
    with pytest.raises(ValueError, match="orders"):
        summarise(View(history_of([{"customer_id": "c"}]), np.array([AS_OF]), CONSENT_DEFAULTS))
