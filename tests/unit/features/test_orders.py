"""Rhythm, baskets, discounts, returns and delivery, by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.features.histories import AS_OF, DAY, Raw, features_of


def on(days_ago: float, revenue: float = 10.0, **more: Any) -> Raw:
    at = AS_OF - round(days_ago * DAY)
    return {"order_id": f"o{at}", "ordered_at": at, "revenue": revenue, **more}


def of(*orders: Raw) -> dict[str, Any]:
    return features_of({"customer_id": "c", "orders": list(orders)})


def test_gaps_begin_with_the_second_order_day() -> None:
    assert of(on(5), on(5.2))["average_gap_days"] is None
    found = of(on(40), on(30), on(10))
    assert (found["average_gap_days"], found["last_gap_days"], found["longest_gap_days"]) == (15, 20, 20)


def test_silence_is_told_in_the_customers_own_rhythm() -> None:
    found = of(on(40), on(30), on(10))
    assert found["silence_ratio"] == pytest.approx(10 / 15)
    assert found["silence_to_longest_gap"] == pytest.approx(0.5)
    assert found["gap_trend"] == pytest.approx(20 / 15)


def test_variation_begins_with_the_third_order_day() -> None:
    assert of(on(30), on(10))["gap_variation"] is None
    assert of(on(40), on(30), on(10))["gap_variation"] == pytest.approx(5 / 15)


def test_orders_without_a_status_are_orders() -> None:
    assert of(on(9), on(8), on(7), on(6, status="cancelled"))["cancelled_share"] == 0.25


def test_a_return_without_its_order_is_no_order() -> None:
    found = of(on(9, coupon="X"), on(8, -4.0, status="refunded", coupon="X"))
    assert found["coupon_share"] == 1.0
    assert found["cancelled_share"] == 0.0
    assert found["return_share"] == 0.4


def test_a_negative_discount_is_none() -> None:
    assert of(on(9, discount=-3.0), on(8, discount=5.0))["discount_share"] == pytest.approx(5 / 25)


def test_a_parcel_on_its_way_is_late_from_the_promised_time_on() -> None:
    sent: dict[str, Any] = {"promised_at": AS_OF - 1, "shipped_at": AS_OF - 2 * DAY}
    assert of(on(5, **sent))["last_delivery_late"] == 1.0
    assert of(on(5, **{**sent, "promised_at": AS_OF + 1}))["last_delivery_late"] is None
    assert of(on(5, **{**sent, "shipped_at": None}))["last_delivery_late"] is None


def test_a_delivery_counts_from_its_own_time_on() -> None:
    promised = {"promised_at": AS_OF + DAY, "shipped_at": AS_OF - 4 * DAY}
    assert of(on(5, **promised, delivered_at=AS_OF))["average_delivery_days"] == 5
    assert of(on(5, **promised, delivered_at=AS_OF + 1))["average_delivery_days"] is None


def test_the_last_delivery_is_that_of_the_last_order_judged() -> None:
    early = on(9, promised_at=AS_OF - 6 * DAY, delivered_at=AS_OF - 5 * DAY)
    late = on(5, promised_at=AS_OF - 2 * DAY, delivered_at=AS_OF - 3 * DAY)
    found = of(late, early, on(1))
    assert (found["last_delivery_late"], found["late_delivery_share"]) == (0.0, 0.5)


def test_no_time_runs_backwards() -> None:
    assert of(on(5, delivered_at=AS_OF - 9 * DAY))["average_delivery_days"] == 0.0


def test_orders_without_lines_say_nothing_of_what_was_bought() -> None:
    assert of(on(5, products=None))["distinct_products"] is None
    assert of(on(5, products=[]))["distinct_products"] is None


def test_repetition_is_the_share_of_lines_that_add_no_product() -> None:
    line = {"quantity": 1.0, "price": 1.0}
    found = of(
        on(9, products=[{"product_id": "a", **line}, {"product_id": "b", **line}]),
        on(5, products=[{"product_id": "a", **line}, {"product_id": "a", **line}]),
    )
    assert (found["distinct_products"], found["lines_per_order_day"]) == (2, 2)
    assert found["repeat_product_share"] == 0.5
