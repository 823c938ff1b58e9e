"""Purchase days: as known at a time, netted, and what they say of everybody at any earlier day."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.consent import CONSENT_DEFAULTS
from app.domain.history import MICROSECONDS_PER_DAY, History
from app.domain.rows import build_history
from app.estimators.forecast import Statistics
from tests.unit.training.purchases import TODAY, followed, simulated
from training.purchase_days import PurchaseDays, cohort_at, purchase_days, sampled

DAY = MICROSECONDS_PER_DAY
NOON = 20_000 * DAY + DAY // 2


def history(*customers: list[dict[str, Any]], timezone: str = "UTC") -> History:
    raw = [
        {
            "customer_id": f"c{k}",
            "customer": {},
            "orders": [{"order_id": f"o{k}-{n}", **order} for n, order in enumerate(orders)],
        }
        for k, orders in enumerate(customers)
    ]
    return build_history(raw, timezone, {})


def order(days_ago: float, revenue: float = 10.0, **more: Any) -> dict[str, Any]:
    return {"ordered_at": NOON - round(days_ago * DAY), "revenue": revenue, **more}


def days_of(*rows: tuple[int, int, float], size: int = 3, today: int = 100) -> PurchaseDays:
    owner, day, value = (np.array(column) for column in zip(*rows, strict=True))
    return PurchaseDays(owner, day, value.astype(float), size, today)


SMALL = days_of((0, 10, 5.0), (0, 40, 7.0), (0, 90, 9.0), (2, 60, 4.0))


def told(known: Statistics) -> list[list[float]]:
    columns = (known.frequency, known.recency, known.T, known.value, known.repeat_value)
    return [column.tolist() for column in columns]


def test_orders_of_a_day_are_one_purchase_netted() -> None:
    found = purchase_days(
        history(
            [order(3), order(3.1, 5.0), order(20)],
            [order(5, 30.0, refund=10.0), order(9, 8.0, status="cancelled"), order(9, -2.0)],
            [],
        ),
        NOON,
        CONSENT_DEFAULTS,
    )
    assert found.owner.tolist() == [0, 0, 1]
    assert found.day.tolist() == [19_980, 19_997, 19_995]
    assert found.value.tolist() == [10.0, 15.0, 20.0]
    assert (found.size, found.today, found.earliest, found.history_days()) == (3, 20_000, 19_980, 20)


def test_what_comes_later_is_not_known() -> None:
    past = [order(20), order(3, 30.0, refund=10.0, refunded_at=NOON + DAY)]
    one = purchase_days(history(past), NOON, CONSENT_DEFAULTS)
    other = purchase_days(history([*past, order(-1), order(-400)]), NOON, CONSENT_DEFAULTS)
    for found in (one, other):
        assert found.day.tolist() == [19_980, 19_997]
        assert found.value.tolist() == [10.0, 30.0]


def test_a_day_is_one_of_the_business() -> None:
    late = {"ordered_at": 20_000 * DAY - DAY // 48, "revenue": 1.0}
    assert purchase_days(history([late]), NOON, CONSENT_DEFAULTS).day.tolist() == [19_999]
    shifted = purchase_days(history([late], timezone="Asia/Shanghai"), NOON, CONSENT_DEFAULTS)
    assert shifted.day.tolist() == [20_000]


def test_only_the_purchases_of_who_counts_are_kept_and_places_stay() -> None:
    found = purchase_days(
        history([order(3)], [order(4)], [order(5)]), NOON, CONSENT_DEFAULTS, np.array([True, False, True])
    )
    assert (found.owner.tolist(), found.size) == ([0, 2], 3)


def test_nothing_is_a_business_too() -> None:
    for empty in (history([], []), history()):
        found = purchase_days(empty, NOON, CONSENT_DEFAULTS)
        assert (len(found.day), found.earliest, found.history_days()) == (0, found.today, 0)
        assert len(cohort_at(found, found.today).customers) == 0


def test_statistics_are_those_of_the_days_up_to_then() -> None:
    now = cohort_at(SMALL, 100)
    assert now.customers.tolist() == [0, 2]
    assert told(now.known) == [[2, 0], [80, 0], [90, 40], [7, 4], [8, 0]]
    then = cohort_at(SMALL, 59)
    assert then.customers.tolist() == [0]
    assert told(then.known) == [[1], [30], [49], [6], [7]]
    assert cohort_at(SMALL, 9).customers.tolist() == []
    # The day itself is known.
    assert cohort_at(SMALL, 10).known.T.tolist() == [0]


def test_nothing_after_a_day_changes_who_was_there() -> None:
    days = simulated(customers=200)
    for at in (TODAY, TODAY - 30, TODAY - 500):
        one, other = cohort_at(days, at), cohort_at(followed(days), at)
        assert one.customers.tolist() == other.customers.tolist()
        assert told(one.known) == told(other.known)


def test_statistics_fit_together() -> None:
    known = cohort_at(simulated(customers=300), TODAY).known
    assert ((known.recency >= 0) & (known.recency <= known.T)).all()
    assert ((known.recency > 0) == (known.frequency > 0)).all()
    assert (known.repeat_value[known.frequency == 0] == 0).all()
    total = known.value * (known.frequency + 1)
    first = total - known.repeat_value * known.frequency
    assert (first > 0).all()


def test_what_was_bought_in_a_window_leaves_out_its_first_day() -> None:
    orders, spend = SMALL.bought(10, 60)
    assert orders.tolist() == [1, 0, 1]
    assert spend.tolist() == [7, 0, 4]
    assert SMALL.bought(90, 500)[0].tolist() == [0, 0, 0]


def test_a_sample_holds_whole_customers_and_no_more_than_the_limit() -> None:
    days = simulated(customers=300)
    few = sampled(days, 40)
    kept = np.unique(few.owner)
    assert 20 < len(kept) <= 40
    assert (few.size, few.today) == (days.size, days.today)
    for owner in kept[:5]:
        assert few.day[few.owner == owner].tolist() == days.day[days.owner == owner].tolist()
    assert sampled(days, 300) is days
