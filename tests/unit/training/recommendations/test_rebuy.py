"""When a product is bought again."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.items import MIN_CUSTOMERS
from training.recommendations.purchases import Purchases, before, purchases_of
from training.recommendations.rebuy import (
    EDGES,
    INTERVAL_DEFAULT,
    LEAST_GAPS,
    PRIOR_CASES,
    rebuy_table,
    usual_intervals,
)

DAY = MICROSECONDS_PER_DAY


def rhythm(gap: float, customers: int, orders: int, product: int = 0, products: int = 2) -> Purchases:
    """Return customers who buy a product at even gaps, in days from 0 on."""
    customer = np.repeat(np.arange(customers), orders)
    days = np.tile(np.arange(orders) * gap, customers)
    return bought(customer, days, np.full(len(customer), product), products)


def bought(customer: Array, days: Array, product: Array, products: int = 2) -> Purchases:
    at = np.round(np.asarray(days) * DAY).astype(np.int64)
    return purchases_of(product, np.arange(len(customer)), products, customer, at)


def test_the_usual_interval_is_the_median_gap() -> None:
    customer = np.repeat(np.arange(10), 3)
    days = np.tile([0.0, 10.0, 40.0], 10)
    found = usual_intervals(bought(customer, days, np.zeros(30, dtype=np.int64)))
    assert found.days[0] == 20.0
    assert found.gaps.tolist() == [20, 0]
    assert np.isnan(found.days[1])
    assert found.default == 20.0


def test_gaps_end_with_the_product() -> None:
    # Sorted by product, the first purchase of product 1 follows the last one of product 0 five days later.
    customer = np.repeat(np.arange(10), 5)
    days = np.tile([0.0, 30.0, 60.0, 65.0, 95.0], 10)
    found = usual_intervals(bought(customer, days, np.tile([0, 0, 0, 1, 1], 10)))
    assert found.days[0] == 30.0
    assert found.gaps.tolist() == [20, 0]


def test_gaps_end_with_the_customer() -> None:
    # Each customer begins where the one before has long ended.
    customer = np.repeat(np.arange(21), 2)
    days = np.tile([0.0, 7.0], 21) + 100 * customer
    found = usual_intervals(bought(customer, days, np.zeros(42, dtype=np.int64)))
    assert (found.days[0], found.gaps[0]) == (7.0, 21)


@pytest.mark.parametrize(
    ("customers", "orders", "is_told"),
    [
        (MIN_CUSTOMERS, 5, True),
        (MIN_CUSTOMERS - 1, 9, False),
        (LEAST_GAPS - 1, 2, False),
        (LEAST_GAPS, 2, True),
    ],
)
def test_an_interval_needs_gaps_of_several_customers(customers: int, orders: int, is_told: bool) -> None:
    found = usual_intervals(rhythm(12.0, customers, orders))
    assert (not np.isnan(found.days[0])) == is_told
    assert found.gaps[0] == (customers * (orders - 1) if is_told else 0)


def test_two_orders_within_a_day_are_no_gap() -> None:
    customer = np.repeat(np.arange(30), 2)
    found = usual_intervals(bought(customer, np.tile([0.0, 0.9], 30), np.zeros(60, dtype=np.int64)))
    assert np.isnan(found.days[0])
    assert found.default == INTERVAL_DEFAULT


def test_cases_stand_by_orders_and_by_elapsed_time_over_the_interval() -> None:
    # Ten days apart, and asked at days 9, 19, … 69: nine days after the last of 1 to 7 orders.
    told = rhythm(10.0, 30, 20)
    cuts = [(9 + 10 * k) * DAY for k in range(7)]
    table = rebuy_table(told, cuts, 5.0)
    assert table.edges.tolist() == list(EDGES)
    assert table.cases.shape == table.shares.shape == (5, len(EDGES) + 1)
    # At the first cut nothing is known of gaps; from the second on each customer has the product's interval.
    assert table.cases.sum(axis=1).tolist() == [30, 30, 30, 30, 90]
    assert table.cases[1:, 3].tolist() == [30, 30, 30, 90]
    assert table.cases[0, 0] == 30


def test_shares_are_counted_and_shrunk() -> None:
    # One order each; half of them come again within the week that follows the cut-off.
    customer = np.concatenate([np.arange(200), np.arange(100)])
    days = np.concatenate([np.zeros(200), np.full(100, 12.0)])
    told = bought(customer, days, np.zeros(300, dtype=np.int64))
    table = rebuy_table(told, [10 * DAY], 7.0)
    overall = 101 / 202
    by_orders = (100 + PRIOR_CASES * overall) / (200 + PRIOR_CASES)
    assert table.cases.sum() == table.cases[0, 0] == 200
    assert table.shares[0, 0] == pytest.approx((100 + PRIOR_CASES * by_orders) / (200 + PRIOR_CASES))
    assert table.shares[0, 1] == pytest.approx(by_orders)
    assert table.shares[3, 2] == pytest.approx(overall)
    assert rebuy_table(told, [10 * DAY], 1.0).shares[0, 0] < 0.05


def test_what_follows_a_cut_off_is_not_known_at_it() -> None:
    told = rhythm(10.0, 30, 20)
    cut = 55 * DAY
    known = rebuy_table(before(told, cut + 20 * DAY), [cut], 20.0)
    assert np.array_equal(known.cases, rebuy_table(told, [cut], 20.0).cases)
    assert np.array_equal(known.shares, rebuy_table(told, [cut], 20.0).shares)


def test_no_purchases_have_no_intervals_and_even_shares() -> None:
    nothing = np.empty(0, dtype=np.int64)
    told = purchases_of(nothing, nothing, 3)
    assert np.isnan(usual_intervals(told).days).all()
    table = rebuy_table(told, [0, DAY], 30.0)
    assert not table.cases.any()
    assert (table.shares == 0.5).all()
