"""Popularity, and what groups and months add to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.items import MIN_CUSTOMERS
from training.recommendations.popularity import (
    GROUP_CUSTOMERS,
    GROUP_LIMIT,
    LIFT_LINES,
    PRIOR_BUYERS,
    TIE_BUYERS,
    group_lifts,
    month_lifts,
    popularity,
    trends,
)
from training.recommendations.purchases import Purchases, purchases_of

NOW = 2000 * MICROSECONDS_PER_DAY


def ago(days: Array, product: Array, products: int, customer: Array | None = None) -> Purchases:
    """Return orders of one product each, so many days before ``NOW``."""
    at = NOW - np.round(np.asarray(days) * MICROSECONDS_PER_DAY).astype(np.int64)
    return purchases_of(product, np.arange(len(product)), products, customer, at)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 900)), max_size=30), st.sampled_from([7.0, 90.0]))
@settings(max_examples=40)
def test_popularity_is_a_share_above_zero(lines: list[tuple[int, float]], days: float) -> None:
    product, age = np.array(lines, dtype=np.float64).reshape(-1, 2).T
    share = popularity(ago(age, product.astype(np.int64), 5), NOW, days)
    assert share.shape == (5,)
    assert share.sum() == pytest.approx(1.0)
    assert share.min() > 0
    # What was never bought is the least popular.
    assert share[4] == share.min()


def test_a_customer_counts_once_and_old_buyers_only_between_equals() -> None:
    ages = np.array([1.0, 2.0, 3.0, 1.0, 1.0, 100.0, 101.0])
    product, customer = np.array([0, 0, 0, 1, 2, 2, 2]), np.array([0, 0, 0, 1, 2, 3, 4])
    share = popularity(ago(ages, product, 4, customer), NOW, 30.0)
    buyers = np.array([1, 1, 1, 0]) + PRIOR_BUYERS + TIE_BUYERS * np.array([1, 1, 3, 0]) / 3
    assert share == pytest.approx(buyers / buyers.sum())


def test_what_comes_later_is_not_popular_yet() -> None:
    now, later = (ago(np.array([1.0, age]), np.array([0, 1]), 2) for age in (1.0, -5.0))
    assert popularity(now, NOW, 30.0)[1] == 0.5
    assert popularity(later, NOW, 30.0)[1] < 0.4


def test_a_trend_is_more_buyers_than_before() -> None:
    ages = np.concatenate([np.full(20, 5.0), np.full(20, 60.0)])
    rising, *_ = trends(ago(ages, np.repeat([0, 1], 20), 3), NOW), None
    assert rising[0] > rising[2] > rising[1]


def grouped(of_a: dict[str, int], of_all: dict[str, int]) -> tuple[tuple[str, ...], Array]:
    """Return the lifts of two products; each customer buys one, so many of each group the first."""
    profile, product = [], []
    for name, size in of_all.items():
        profile += [name] * size
        product += [0] * of_a[name] + [1] * (size - of_a[name])
    told = ago(np.full(len(product), 9.0), np.array(product), 2, np.arange(len(product)))
    return group_lifts(told, np.array([name or None for name in profile], dtype=object), NOW)


def test_a_lift_is_observed_over_expected_shrunk() -> None:
    names, lifts = grouped({"de": 80, "uk": 20, "": 0}, {"uk": 200, "de": 100, "": 100})
    assert names == ("de", "uk")
    # A quarter of all lines are of product 0.
    expected = np.log([[(80 + LIFT_LINES) / (25 + LIFT_LINES)], [(20 + LIFT_LINES) / (50 + LIFT_LINES)]])
    assert lifts[:, :1] == pytest.approx(expected, rel=1e-6)
    assert lifts.dtype == np.float32


def test_groups_of_few_customers_fall_out() -> None:
    names, lifts = grouped({"few": 9, "many": 9}, {"few": GROUP_CUSTOMERS - 1, "many": GROUP_CUSTOMERS})
    assert (names, lifts.shape) == (("many",), (1, 2))
    sizes = {f"g{k:02d}": GROUP_CUSTOMERS + k for k in range(GROUP_LIMIT + 2)}
    names, _ = grouped(dict.fromkeys(sizes, 3), sizes)
    assert names == tuple(sizes)[2:]


def test_the_lines_of_few_customers_cannot_be_read_from_a_lift() -> None:
    found = {
        few: grouped({"a": few, "b": 100 - few}, {"a": 100, "b": 300})[1][0, 0]
        for few in range(MIN_CUSTOMERS + 1)
    }
    assert len({float(found[few]) for few in range(MIN_CUSTOMERS)}) == 1
    assert found[0] < found[MIN_CUSTOMERS] < 0
    # Few customers never speak for a product, however often they buy.
    owner = np.concatenate([np.repeat(np.arange(MIN_CUSTOMERS - 1), 50), np.arange(100, 400)])
    product = np.concatenate([np.zeros(200, dtype=np.int64), np.ones(300, dtype=np.int64)])
    told = ago(np.full(500, 3.0), product, 2, owner)
    profile = np.array(["a"] * 200 + ["b"] * 200, dtype=object)
    assert (group_lifts(told, profile, NOW)[1][:, 0] <= 0).all()


def monthly(counts: dict[int, list[int]]) -> Purchases:
    """Return purchases in months from January 2024 on, each by another customer, by product."""
    month, product = [], []
    for one, lines in counts.items():
        for k, n in enumerate(lines):
            month += [k] * n
            product += [one] * n
    start = (np.datetime64("2024-01", "M") + np.array(month)).astype("datetime64[us]").astype(np.int64)
    at = start + 14 * MICROSECONDS_PER_DAY
    return purchases_of(np.array(product), np.arange(len(product)), len(counts) + 1, None, at)


def test_a_season_is_told_against_the_product_s_own_rate() -> None:
    even, winter = [100] * 24, [60 if k % 12 in {0, 11} else 0 for k in range(24)]
    lifts = month_lifts(monthly({0: even, 1: winter}), "UTC")
    assert lifts.shape == (12, 3)
    assert lifts[0, 1] > 1.0
    assert lifts[11, 1] > 1.0
    assert lifts[1:11, 1].max() < -0.2
    assert (np.abs(lifts[1:11, 0]) < 0.2).all()
    assert not lifts[:, 2].any()


def test_a_launch_is_no_season() -> None:
    launched = [0] * 18 + [5, 10, 40, 80, 80, 90]
    later = [0] * 10 + [50] * 14
    lifts = month_lifts(monthly({0: [800] * 24, 1: launched, 2: later}), "UTC")
    assert not lifts[:, 1].any()
    assert (np.abs(lifts[:, 2]) < 0.15).all()


def test_a_year_of_data_has_no_season() -> None:
    assert month_lifts(monthly({0: [9] * 12}), "UTC").shape == (0, 2)
    nothing = np.empty(0, dtype=np.int64)
    assert month_lifts(purchases_of(nothing, nothing, 4), "UTC").shape == (0, 4)


def test_months_are_those_of_the_business() -> None:
    midnights = np.array(["2024-01-01", "2025-01-01", "2026-01-01"], dtype="datetime64[us]").astype(np.int64)
    even = monthly({0: [40] * 25})
    at = np.concatenate([even.at, np.repeat(midnights, 60)])
    product = np.repeat([1, 0], [len(even), 180])
    told = purchases_of(product, np.arange(len(at)), 2, None, at)
    # At midnight in London it is still December in New York.
    london, york = (month_lifts(told, zone)[:, 0] for zone in ("Europe/London", "America/New_York"))
    assert [int(lifts.argmax()) for lifts in (london, york)] == [0, 11]
    assert min(london.max(), york.max()) > 1.0


def test_no_purchases_are_no_reason_to_fail() -> None:
    nothing = np.empty(0, dtype=np.int64)
    told = purchases_of(nothing, nothing, 4)
    assert popularity(told, NOW, 30.0) == pytest.approx(np.full(4, 0.25))
    names, lifts = group_lifts(told, np.empty(0, dtype=object), NOW)
    assert (names, lifts.shape) == ((), (0, 4))
    assert np.ptp(trends(told, NOW)) == 0
