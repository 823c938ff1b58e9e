"""Cut points of segments: ties stay together, few values give few scores, and one customer is enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capabilities.segment import INPUTS, read_rules
from app.domain.history import Array
from app.estimators.scores import read_scale
from training.segmenting import (
    Bought,
    Wanted,
    fit_rules,
    frequency_scale,
    frequent_from,
    median_cycle,
    scale_of,
    value_cuts,
)

NAN = float("nan")


def scores(values: Array, **said: Any) -> list[int]:
    found: list[int] = read_scale(scale_of(values, **said)).of(values).tolist()
    return found


def bought(*rows: tuple[float, ...]) -> Bought:
    return Bought(*np.array(rows, dtype=float).T)


def answered(found: Bought, wanted: Wanted | None = None) -> dict[str, Array]:
    rules = read_rules(fit_rules(found, wanted or Wanted()), {name: j for j, name in enumerate(INPUTS)})
    X = np.column_stack([found.silence, found.orders, found.revenue, found.first, found.gap])
    return rules.answer(X)


def shop(size: int, seed: int = 1) -> Bought:
    rng = np.random.default_rng(seed)
    orders = rng.geometric(0.3, size).astype(float)
    first = rng.integers(0, 700, size).astype(float)
    silence = np.where(orders > 1, np.floor(first * rng.random(size)), first)
    with np.errstate(invalid="ignore"):
        gap = np.where(orders > 1, (first - silence) / np.maximum(orders - 1, 1), NAN)
    return Bought(silence, orders, np.round(rng.lognormal(4, 1, size) * orders, 2), first, gap)


# ── Scores ────────────────────────────────────────────────────────────────────────────────────────────
def test_values_that_differ_are_cut_into_fifths() -> None:
    values = np.random.default_rng(0).permutation(1000).astype(float)
    assert np.bincount(scores(values), minlength=6).tolist() == [0, 200, 200, 200, 200, 200]
    assert scores(np.arange(10.0)) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scores(np.arange(10.0), is_low_best=True) == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], [3]),
        ([7.0] * 40, [3]),
        ([1, 2], [2, 4]),
        ([1, 2, 3], [1, 3, 5]),
        ([1] * 60 + [2] * 20 + [3] * 20, [2, 4, 5]),
        ([1] * 98 + [2] * 2, [3, 5]),
        ([0] * 2 + [5] * 98, [1, 3]),
    ],
)
def test_few_values_spread_over_few_scores(values: list[float], expected: list[int]) -> None:
    found = scores(np.array(values, dtype=float))
    assert list(dict.fromkeys(found)) == expected
    reverse = scores(np.array(values, dtype=float), is_low_best=True)
    assert list(dict.fromkeys(reverse)) == [6 - score for score in expected]


@given(st.lists(st.integers(-50, 50) | st.floats(-1e6, 1e6), min_size=1, max_size=60), st.booleans())
def test_scores_rise_with_the_value_and_ties_stay_together(values: list[float], is_low_best: bool) -> None:
    column = np.array(values, dtype=float)
    found = np.array(scores(column, is_low_best=is_low_best))
    order = np.argsort(column, kind="stable")
    steps = np.diff(found[order]) * (-1 if is_low_best else 1)
    assert (steps >= 0).all()
    for value in set(values):
        assert len(set(found[column == value].tolist())) == 1
    assert found.min() >= 1
    assert found.max() <= 5


def test_the_last_bits_of_a_sum_change_no_score() -> None:
    values = np.array([0.1 + 0.2, 0.3, 0.3, 5.0, 9.0])
    assert len(set(scores(values)[:3])) == 1


def test_one_order_day_always_scores_one() -> None:
    most = np.array([1.0] * 90 + [2.0] * 10)
    assert read_scale(frequency_scale(most)).of(np.array([1.0, 2, 9])).tolist() == [1, 5, 5]
    everybody = np.ones(5)
    assert read_scale(frequency_scale(everybody)).of(np.array([1.0, 2])).tolist() == [1, 1]
    nobody = np.arange(10.0, 20.0)
    assert read_scale(frequency_scale(nobody)).of(nobody).tolist() == scores(nobody)


# ── Value and frequency ───────────────────────────────────────────────────────────────────────────────
def test_value_tiers_hold_their_shares_of_the_value() -> None:
    revenue = np.random.default_rng(2).lognormal(5, 1.5, 20_000)
    a, b = value_cuts(revenue, 0.8, 0.15)
    assert revenue[revenue >= a].sum() / revenue.sum() == pytest.approx(0.8, abs=0.001)
    assert revenue[revenue >= b].sum() / revenue.sum() == pytest.approx(0.95, abs=0.001)


@pytest.mark.parametrize(
    ("revenue", "tiers"),
    [
        ([100.0], "A"),
        ([100.0, 100.0, 100.0], "AAA"),
        ([80.0, 15.0, 5.0], "ABC"),
        ([80.0, 15.0, 5.0, 0.0, -50.0], "ABCCC"),
        ([1000.0, 1.0, 1.0], "ACC"),
        ([-5.0, -1.0], "CC"),
        ([0.1 + 0.2, 0.3, 0.3], "AAA"),
    ],
)
def test_who_is_alike_is_in_the_same_tier(revenue: list[float], tiers: str) -> None:
    a, b = value_cuts(np.array(revenue), 0.8, 0.15)
    assert 0 < b <= a
    assert "".join("A" if value >= a else "B" if value >= b else "C" for value in revenue) == tiers


@pytest.mark.parametrize(
    ("orders", "cut"),
    [
        ([1] * 80 + [2] * 20, 1.5),
        ([1] * 60 + [2] * 20 + [3] * 20, 2.5),
        ([1] * 99 + [2], 1.5),
        ([1.0], 1.5),
        ([6.0] * 5, 6.5),
        (list(range(1, 101)), 80.5),
    ],
)
def test_high_frequency_is_nearest_to_its_share_and_two_days_at_least(
    orders: list[float], cut: float
) -> None:
    assert frequent_from(np.array(orders, dtype=float), 0.2) == cut
    assert frequent_from(np.ones(5), 0.9) == 1.5


# ── Cycle ─────────────────────────────────────────────────────────────────────────────────────────────
def test_the_median_cycle_is_of_those_who_came_back() -> None:
    found = bought((1, 2, 5, 31, 30), (1, 3, 5, 81, 40), (1, 5, 5, 401, 100), (900, 1, 5, 900, NAN))
    assert median_cycle(found) == 40


def test_where_nobody_came_back_the_cycle_is_as_long_as_anybody_was_waited_for() -> None:
    assert median_cycle(bought((5, 1, 5, 5, NAN), (70, 1, 5, 70, NAN))) == 70
    assert median_cycle(bought((0, 1, 5, 0, NAN))) == 1
    assert median_cycle(bought((0, 1, 5, NAN, NAN))) == 1


# ── All of it ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("size", [1, 2, 3, 50, 3000])
def test_rules_work_from_the_first_customer_on(size: int) -> None:
    answers = answered(shop(size))
    assert all(len(column) == size for column in answers.values())
    assert None not in answers["name"].tolist()
    assert None not in answers["value_tier"].tolist()
    assert set(answers["rfm.recency"].tolist()) <= {1, 2, 3, 4, 5}


def test_the_first_customer_is_a_new_one_for_as_long_as_a_cycle() -> None:
    answers = answered(bought((3, 1, 20, 3, NAN)))
    assert answers["name"].tolist() == ["new_customers"]
    assert answers["lifecycle_stage"].tolist() == ["new"]
    assert answers["value_tier"].tolist() == ["A"]
    assert answers["frequency_tier"].tolist() == ["low"]


def test_all_on_one_day_are_told_apart_by_what_differs() -> None:
    answers = answered(bought(*[(10, 1, 10.0 * k, 10, NAN) for k in range(1, 6)]))
    assert set(answers["rfm.recency"].tolist()) == {5.0}
    assert set(answers["rfm.frequency"].tolist()) == {1.0}
    assert answers["rfm.monetary"].tolist() == [1, 2, 3, 4, 5]


def test_where_all_are_as_recent_recency_is_held_against_the_cycle() -> None:
    found = fit_rules(bought((10, 3, 9, 90, 40.0), (10, 2, 9, 50, 40.0)), Wanted())
    assert read_scale(found["recency"]).of(np.array([10.0, 61, 241])).tolist() == [5, 3, 1]


def test_thousands_of_orders_and_negative_value_are_ordinary() -> None:
    answers = answered(bought((0, 4000, 1e9, 4000, 1.0), (5, 2, -300, 50, 45), (80, 1, 0, 80, NAN)))
    assert answers["value_tier"].tolist() == ["A", "C", "C"]
    assert answers["rfm.monetary"].tolist() == [5, 1, 3]


@pytest.mark.parametrize("value", [NAN, 0.0])
def test_without_money_nothing_is_said_of_it(value: float) -> None:
    rows = shop(80)
    found = Bought(rows.silence, rows.orders, np.full(80, value), rows.first, rows.gap)
    answers = answered(found)
    assert np.isnan(answers["rfm.monetary"]).all()
    assert set(answers["value_tier"].tolist()) == {None}
    assert None not in answers["name"].tolist()


def test_some_may_have_no_money() -> None:
    rows = shop(80)
    revenue = np.where(np.arange(80) < 5, NAN, rows.revenue)
    answers = answered(Bought(rows.silence, rows.orders, revenue, rows.first, rows.gap))
    assert np.isnan(answers["rfm.monetary"]).tolist() == [k < 5 for k in range(80)]


def test_the_business_chooses_its_tiers_and_stages() -> None:
    found = fit_rules(shop(500), Wanted(0.5, 0.3, 0.4, 2.0, 4.0, 8.0))
    assert found["stages"] == {"new": 1.0, "active": 2.0, "at_risk": 4.0, "dormant": 8.0}
    usual = fit_rules(shop(500), Wanted())
    assert found["value_a_from"] > usual["value_a_from"]
    assert found["frequent_from"] < usual["frequent_from"]


def test_without_anybody_there_is_nothing_to_fit() -> None:
    nothing = np.empty(0)
    with pytest.raises(ValueError, match="customer with a purchase"):
        fit_rules(Bought(nothing, nothing, nothing, nothing, nothing), Wanted())
