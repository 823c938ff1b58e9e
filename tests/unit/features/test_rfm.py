"""Recency, frequency and money, by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.features.histories import AS_OF, DAY, features_of


def of(*days_ago: float, revenue: float = 10.0) -> dict[str, Any]:
    orders = [
        {"order_id": f"o{k}", "ordered_at": AS_OF - round(days * DAY), "revenue": revenue + k}
        for k, days in enumerate(days_ago)
    ]
    return features_of({"customer_id": "c", "orders": orders})


def test_days_with_orders_count_and_not_orders() -> None:
    assert of(3, 3.1, 3.2, 9)["order_days"] == 2


@pytest.mark.parametrize(
    ("feature", "days"), [("order_days_30d", 30), ("order_days_90d", 90), ("order_days_365d", 365)]
)
def test_a_window_holds_today_and_the_days_before_it(feature: str, days: int) -> None:
    assert of(0, days - 1, days, days + 1)[feature] == 2


def test_recent_order_share_compares_with_the_half_year() -> None:
    assert of(1, 89, 90, 179, 180)["recent_order_share"] == 0.5
    assert of(181)["recent_order_share"] is None


def test_a_year_ago_is_the_season_that_lies_ahead() -> None:
    assert of(366, 365, 276, 275, 10)["order_days_year_ago"] == 2


def test_money_of_a_window_includes_returns_of_that_window() -> None:
    orders = [
        {"order_id": "a", "ordered_at": AS_OF - 200 * DAY, "revenue": 100.0},
        {"order_id": "b", "ordered_at": AS_OF - 5 * DAY, "revenue": -30.0, "status": "refunded"},
    ]
    found = features_of({"customer_id": "c", "orders": orders})
    assert (found["revenue_total"], found["revenue_365d"], found["revenue_90d"]) == (70.0, 70.0, -30.0)
    assert found["recent_revenue_share"] is None


def test_values_are_those_of_purchase_days() -> None:
    found = of(9, 3, 3.1)
    assert (found["last_order_value"], found["largest_order_value"]) == (23.0, 23.0)
    assert found["average_order_value"] == pytest.approx(16.5)
