"""What counts at a time: netting, cancellations, limits, days, consent, and the label's side of the cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.clock import to_microseconds
from app.domain.consent import CONSENT_DEFAULTS
from app.domain.history import EVENT_LIMIT, ORDER_LIMIT
from app.features.view import View, purchased_between
from tests.unit.features.histories import AS_OF, DAY, ZONES, Raw, batches, features_of, history_of
from tests.unit.features.reference import Customer


def order(days_ago: float, revenue: float = 10.0, **more: Any) -> Raw:
    return {
        "order_id": f"o{days_ago}-{revenue}",
        "ordered_at": AS_OF - round(days_ago * DAY),
        "revenue": revenue,
        **more,
    }


def bought(*orders: Raw, zone: str = "UTC", **tables: Any) -> dict[str, Any]:
    return features_of({"customer_id": "c", "orders": list(orders), **tables}, zone)


# ── Netting ───────────────────────────────────────────────────────────────────────────────────────────
def test_value_is_netted_per_customer_and_day() -> None:
    found = bought(order(3, 30.0), order(3.1, -10.0, status="refunded"), order(9, 5.0))
    assert found["order_days"] == 2
    assert found["last_order_value"] == 20.0
    assert found["revenue_total"] == 25.0


def test_a_day_that_was_given_back_in_full_is_no_purchase() -> None:
    found = bought(order(3, 30.0), order(3.1, -30.0, status="refunded"), order(9, 5.0))
    assert found["order_days"] == 1
    assert found["days_since_last_order"] == 9


def test_a_day_given_back_in_full_stays_none_where_sums_round() -> None:
    assert 0.1 + 0.2 - 0.3 > 0
    found = bought(order(3, 0.1), order(3.1, 0.2), order(3.2, -0.3), order(9, 5.0))
    assert found["order_days"] == 1


def test_a_return_on_another_day_lowers_the_total_and_is_no_purchase() -> None:
    found = bought(order(30, 30.0), order(2, -12.0, status="refunded"))
    assert found["revenue_total"] == 18.0
    assert found["order_days"] == 1
    assert found["days_since_last_order"] == 30
    assert found["return_share"] == pytest.approx(0.4)


def test_a_free_order_is_a_purchase() -> None:
    assert bought(order(3, 0.0))["order_days"] == 1


@pytest.mark.parametrize("status", ["refunded", "partially_refunded"])
def test_a_refund_without_a_time_is_known_since_the_order(status: str) -> None:
    assert bought(order(3, 30.0, status=status, refund=12.0))["revenue_total"] == 18.0


def test_a_refund_counts_from_its_own_time_on() -> None:
    after = bought(order(3, 30.0, status="refunded", refund=30.0, refunded_at=AS_OF))
    before = bought(order(3, 30.0, status="refunded", refund=30.0, refunded_at=AS_OF + 1))
    assert (after["order_days"], before["order_days"]) == (0, 1)


def test_refunded_without_an_amount_means_all_of_it() -> None:
    assert bought(order(3, 30.0, status="refunded"))["revenue_total"] == 0.0
    assert bought(order(3, 30.0, status="partially_refunded"))["revenue_total"] == 30.0


def test_a_cancelled_order_is_no_purchase_once_that_is_known() -> None:
    assert bought(order(3, status="cancelled"))["order_days"] == 0
    assert bought(order(3, status="cancelled", cancelled_at=AS_OF))["order_days"] == 0
    assert bought(order(3, status="cancelled", cancelled_at=AS_OF + 1))["order_days"] == 1


@pytest.mark.parametrize("status", [None, "completed", "refunded"])
def test_a_cancellation_with_a_time_needs_no_status(status: str | None) -> None:
    assert bought(order(3, status=status, cancelled_at=AS_OF - 1))["order_days"] == 0


def test_a_pending_order_is_no_purchase() -> None:
    found = bought(order(3, status="pending"))
    assert (found["order_days"], found["revenue_total"]) == (0, 0)


# ── Days ──────────────────────────────────────────────────────────────────────────────────────────────
def test_days_are_those_of_the_business() -> None:
    eve = to_microseconds(datetime(2024, 6, 10, 23, 30, tzinfo=UTC))
    orders = [{"order_id": str(k), "ordered_at": eve + k * 3_600_000_000, "revenue": 1.0} for k in range(2)]
    raw = {"customer_id": "c", "orders": orders}
    assert features_of(raw, "UTC")["order_days"] == 2
    assert features_of(raw, "Asia/Shanghai")["order_days"] == 1


def test_the_long_day_of_autumn_is_one_day() -> None:
    zone = ZoneInfo("Europe/London")
    first = datetime(2023, 10, 29, 0, 30, tzinfo=zone)
    last = datetime(2023, 10, 29, 23, 30, tzinfo=zone)
    orders = [
        {"order_id": str(k), "ordered_at": to_microseconds(at), "revenue": 1.0}
        for k, at in enumerate([first, last])
    ]
    raw = {"customer_id": "c", "orders": orders}
    as_of = to_microseconds(datetime(2023, 10, 30, 0, 0, tzinfo=zone))
    found = features_of(raw, "Europe/London", as_of)
    assert (found["order_days"], found["days_since_last_order"]) == (1, 1)
    assert as_of - orders[0]["ordered_at"] > DAY  # type: ignore[operator]


# ── Limits ────────────────────────────────────────────────────────────────────────────────────────────
def test_only_the_latest_orders_count_and_the_future_takes_no_place() -> None:
    old = [order(300 + k / 1440) for k in range(5)]
    recent = [order(2 + k / 1440) for k in range(ORDER_LIMIT - 2)]
    future = [order(-1 - k / 1440) for k in range(9)]
    found = bought(*future, *old, *recent)
    assert found["revenue_total"] == 10.0 * ORDER_LIMIT
    assert found["days_since_first_order"] == 300
    assert bought(*old, *recent, order(1), order(1.5))["revenue_total"] == 10.0 * ORDER_LIMIT


def test_only_the_latest_events_count() -> None:
    rows = [{"event": "signed_in", "timestamp": AS_OF - k * 60_000_000} for k in range(EVENT_LIMIT + 7)]
    later = [{"event": "signed_in", "timestamp": AS_OF + 1 + k} for k in range(9)]
    found = features_of({"customer_id": "c", "events": rows + later})
    assert found["sign_ins_30d"] == EVENT_LIMIT


def test_limits_are_kept_for_each_customer_of_a_batch() -> None:
    many = {"customer_id": "a", "orders": [order(k / 24) for k in range(ORDER_LIMIT + 3)]}
    few = {"customer_id": "b", "orders": [order(5), order(6)]}
    view = View(history_of([few, many, few]), np.full(3, AS_OF), CONSENT_DEFAULTS)
    rows = view.rows("orders")
    assert rows is not None
    assert np.diff(rows.offsets).tolist() == [2, ORDER_LIMIT, 2]


def test_lines_fall_away_with_their_order() -> None:
    def with_line(made: Raw, product: str, quantity: float = 1.0) -> Raw:
        return {**made, "products": [{"product_id": product, "quantity": quantity, "price": 1.0}]}

    found = bought(
        with_line(order(9), "kept"),
        with_line(order(8, status="cancelled"), "cancelled"),
        with_line(order(7, status="pending"), "pending"),
        with_line(order(6, -5.0), "returned", -1.0),
        with_line(order(-1), "future"),
    )
    assert found["distinct_products"] == 1
    rows = [with_line(order(1 + k / 1440), f"p{k}") for k in range(ORDER_LIMIT + 1)]
    assert bought(*rows)["distinct_products"] == ORDER_LIMIT


# ── Consent ───────────────────────────────────────────────────────────────────────────────────────────
def test_events_of_a_customer_who_denied_tracking_are_not_read() -> None:
    raw = {"customer_id": "c", "events": [{"event": "signed_in", "timestamp": AS_OF - DAY}]}
    denied = {"purpose": "behavioural_tracking", "status": "denied"}
    assert features_of(raw)["events_7d"] == 1
    assert features_of({**raw, "consents": [{**denied, "status_at": AS_OF}]})["events_7d"] is None
    assert features_of({**raw, "consents": [{**denied, "status_at": AS_OF + 1}]})["events_7d"] == 1


def test_the_default_of_the_business_decides_without_a_row() -> None:
    history = history_of([{"customer_id": "c", "events": [{"event": "x", "timestamp": AS_OF}]}])
    view = View(history, np.array([AS_OF]), {"behavioural_tracking": "denied"})
    rows = view.rows("events")
    assert rows is not None
    assert not rows.given.any()
    assert not len(rows["event"])


# ── The label's side ──────────────────────────────────────────────────────────────────────────────────
@settings(max_examples=60)
@given(batches(), st.integers(1, 120), st.sampled_from(ZONES))
def test_a_purchase_between_two_times_is_what_the_reference_says(
    raw: list[Raw], days: int, zone: str
) -> None:
    after = AS_OF - days * DAY
    found = purchased_between(
        history_of(raw, zone), np.full(len(raw), after), np.full(len(raw), AS_OF)
    ).tolist()
    for one, is_found in zip(raw, found, strict=True):
        own = [row for row in one.get("orders") or [] if row["ordered_at"] > after]
        assert is_found == bool(Customer({**one, "orders": own}, AS_OF, zone).purchase_days())


def test_a_purchase_at_the_cut_is_before_it_and_at_the_end_is_within() -> None:
    history = history_of([{"customer_id": "c", "orders": [order(10), order(0)]}])
    ten, now = np.array([AS_OF - 10 * DAY]), np.array([AS_OF])
    assert purchased_between(history, ten, now).tolist() == [True]
    assert purchased_between(history, ten, now - 1).tolist() == [False]
    assert purchased_between(history, ten - 1, now - 1).tolist() == [True]


def test_an_order_given_back_within_the_horizon_is_no_purchase() -> None:
    history = history_of([{"customer_id": "c", "orders": [order(5, 9.0), order(5.1, -9.0)]}])
    assert purchased_between(history, np.array([AS_OF - 9 * DAY]), np.array([AS_OF])).tolist() == [False]


def test_without_orders_nobody_has_bought() -> None:
    history = history_of([{"customer_id": "c"}, {"customer_id": "d", "orders": []}])
    assert purchased_between(history, np.zeros(2, np.int64), np.full(2, AS_OF)).tolist() == [False, False]
    assert purchased_between(history_of([]), np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
