"""Subscriptions, by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.features.histories import AS_OF, DAY, features_of


def since(days: float, **more: Any) -> dict[str, Any]:
    return {"subscription_id": f"s{days}", "started_at": AS_OF - round(days * DAY), **more}


def of(*rows: dict[str, Any]) -> dict[str, Any]:
    return features_of({"customer_id": "c", "subscriptions": list(rows)})


def test_a_subscription_runs_until_its_end() -> None:
    assert of(since(9))["active_subscriptions"] == 1
    assert of(since(9, ends_at=AS_OF + 1))["active_subscriptions"] == 1
    assert of(since(9, ends_at=AS_OF))["active_subscriptions"] == 0
    assert of(since(-1))["active_subscriptions"] == 0


def test_a_cancelled_one_runs_to_the_end_of_what_is_paid_or_stops_at_once() -> None:
    assert of(since(9, cancelled_at=AS_OF))["active_subscriptions"] == 0
    assert of(since(9, cancelled_at=AS_OF + 1))["active_subscriptions"] == 1
    assert of(since(9, cancelled_at=AS_OF - DAY, ends_at=AS_OF + DAY))["active_subscriptions"] == 1


def test_ended_and_cancelled_are_told_apart() -> None:
    found = of(since(90, ends_at=AS_OF - DAY), since(80, cancelled_at=AS_OF - DAY), since(9))
    assert (found["subscriptions_ended"], found["subscriptions_cancelled"]) == (1, 1)


def test_the_next_renewal_is_reckoned_from_the_start() -> None:
    renews = {"is_recurring": True, "recurrence_months": 12.0}
    assert of(since(100, **renews))["days_to_renewal"] == pytest.approx(365.2425 - 100)
    assert of(since(400, **renews))["days_to_renewal"] == pytest.approx(2 * 365.2425 - 400)
    assert of(since(100, is_recurring=True))["days_to_renewal"] is None


def test_an_end_that_moves_with_every_renewal_tells_nothing_of_the_future() -> None:
    renews = {"is_recurring": True, "recurrence_months": 12.0}
    stays, leaves = (
        since(100, **renews, ends_at=AS_OF + 900 * DAY),
        since(100, **renews, ends_at=AS_OF + 200 * DAY),
    )
    assert of(stays)["days_to_renewal"] == of(leaves)["days_to_renewal"]


def test_an_agreed_end_and_that_of_a_known_cancellation_count() -> None:
    ends = {"ends_at": AS_OF + 20 * DAY}
    assert of(since(9, **ends))["days_to_renewal"] == 20
    renews = {"is_recurring": True, "recurrence_months": 12.0}
    assert of(since(9, **ends, **renews, cancelled_at=AS_OF - DAY))["days_to_renewal"] == 20


def test_what_is_not_said_of_a_running_subscription_is_not_known() -> None:
    found = of(since(9))
    assert found["subscription_amount"] is None
    assert found["recurrence_months"] is None
    assert found["has_recurring_subscription"] is None


def test_amounts_of_running_subscriptions_add_up() -> None:
    rows = since(9, amount=4.0), since(8, amount=5.0), since(7), since(6, amount=9.0, ends_at=AS_OF - 1)
    assert of(*rows)["subscription_amount"] == 9.0
    assert of()["subscription_amount"] == 0.0
