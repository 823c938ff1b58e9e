"""The season's clock: fast where a year ago it was, even where nothing is known of a season."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.btyd import MbgNbd, expected_orders, p_any
from app.estimators.forecast import Quantity
from tests.unit.training import purchases
from tests.unit.training.purchases import OPENED, TODAY, december, simulated
from training.btyd import fit_transactions
from training.purchase_days import PurchaseDays, cohort_at
from training.season import (
    CUSTOMERS,
    EVEN,
    HISTORY_DAYS,
    LIMIT,
    STEPS,
    Asked,
    Season,
    Window,
    expected_curve,
    season_of,
    window_at,
)

ORDERS = Asked("mbg_nbd", "spend", 90)
BUYERS = Asked("mbg_nbd", "no_order", 90)


def season(days: PurchaseDays, asked: Asked = ORDERS) -> Season:
    now = cohort_at(days, days.today)
    known = now.known
    params = fit_transactions(asked.kind, known.frequency, known.recency, known.T).params
    return season_of(days, asked, now, params)


@cache
def business(name: str, seed: int = 0) -> PurchaseDays:
    shape: Callable[[Array], Array] = getattr(purchases, name)
    return simulated(shape, seed=seed)


def pace(clock: Array, start: float, end: float) -> float:
    """Return how many of the model's days pass in a day between two days of the year ahead."""
    told = np.interp([start, end], np.linspace(0, 365, len(clock)), clock)
    return float((told[1] - told[0]) / (end - start))


# ── Recovery ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_december_that_sells_more_is_seen_ahead() -> None:
    found = season(business("december"))
    assert (found.basis, found.origins > 0) == ("year_ago", True)
    peak, before, after = (pace(found.clock, *ends) for ends in ((30, 61), (0, 28), (63, 120)))
    # The truth is 2.2 against 0.9; what is believed of it is less, and steps of a week blur its ends.
    assert peak > 1.5 * before
    assert peak > 1.5 * after
    assert 1.3 < peak < 3.0


def test_a_business_without_a_season_gets_an_even_clock() -> None:
    found = season(business("even"))
    assert found.basis == "year_ago"
    whole = found.clock[-1] / 365
    for start in range(0, 360, 60):
        assert pace(found.clock, start, start + 60) == pytest.approx(whole, rel=0.3)
    assert pace(found.clock, 30, 61) < 1.25 * pace(found.clock, 0, 28)


@pytest.mark.parametrize("asked", [ORDERS, BUYERS], ids=["orders", "buyers"])
def test_a_forecast_by_the_clock_is_nearer_to_what_came(asked: Asked) -> None:
    days = business("december")
    later = simulated(december, until=TODAY + 61)
    now = cohort_at(days, TODAY)
    known = now.known
    params = fit_transactions(asked.kind, known.frequency, known.recency, known.T).params
    clock = season_of(days, asked, now, params).clock
    formula = p_any if asked.quantity == "no_order" else expected_orders
    orders, _ = later.bought(TODAY, TODAY + 61)
    came = orders[now.customers]
    actual = float((came > 0).sum() if asked.quantity == "no_order" else came.sum())

    def off(passed: float) -> float:
        told = formula(passed, known.frequency, known.recency, known.T, params)
        return abs(float(np.log(told.sum() / actual)))

    assert off(61 * pace(clock, 0, 61)) < 0.6 * off(61.0)


def test_buyers_and_orders_have_clocks_of_their_own() -> None:
    days = business("december")
    assert not np.allclose(season(days, ORDERS).clock, season(days, BUYERS).clock)


# ── The clock itself ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["even", "december"])
@pytest.mark.parametrize("quantity", ["no_order", "spend"])
@pytest.mark.parametrize("until", [TODAY, TODAY - 200, TODAY - 700, TODAY - 950])
def test_a_clock_begins_at_nothing_and_always_runs(name: str, quantity: Quantity, until: int) -> None:
    days = simulated(getattr(purchases, name), until=until)
    found = season(days, Asked("mbg_nbd", quantity, 90))
    assert found.clock.shape == (STEPS + 1,)
    assert found.clock[0] == 0
    assert (np.diff(found.clock) >= 365 / STEPS / 20 - 1e-9).all()
    assert np.isfinite(found.clock).all()
    assert 0 <= found.weight < 1
    assert found.ratio > 0


def test_nothing_after_today_changes_the_clock() -> None:
    days = business("december")
    later = simulated(december, until=TODAY + 300)
    known = later.day <= TODAY
    cut = PurchaseDays(later.owner[known], later.day[known], later.value[known], later.size, TODAY)
    np.testing.assert_array_equal(season(days).clock, season(cut).clock)
    # Looked at from the same day, what comes later is not read even where it is there.
    seen = replace(later, today=TODAY)
    one = window_at(days, ORDERS, TODAY - 365, 365)
    other = window_at(seen, ORDERS, TODAY - 365, 365)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.ratio, other.ratio)


# ── Evidence ──────────────────────────────────────────────────────────────────────────────────────────
def test_without_a_year_the_latest_window_sets_the_level_and_knows_no_season() -> None:
    days = simulated(december, until=OPENED + 300)
    found = season(days)
    assert (found.basis, found.origins) == ("recent", 1)
    expected = 365 * np.linspace(0, 1, STEPS + 1) * found.clock[-1] / 365
    # One ratio for the whole year: the clock bends only as far as expectations flatten.
    assert np.abs(found.clock - expected).max() < 0.1 * 365


def test_too_little_history_leaves_days_as_they_are() -> None:
    for days in (simulated(until=OPENED + 40), simulated(customers=40)):
        found = season(days)
        assert found is EVEN
    assert np.array_equal(EVEN.clock, np.linspace(0, 365, STEPS + 1))


def test_a_few_orders_are_believed_less_than_many() -> None:
    few, many = (season(simulated(december, customers=size)) for size in (150, 1500))
    assert few.basis == many.basis == "year_ago"
    assert few.weight < many.weight


def test_no_clock_runs_away() -> None:
    days = business("december")
    # Everybody buys on each day of one week a year ago, and hardly anybody else does.
    week = TODAY - 365 + np.arange(40, 47)
    extra = np.unique(days.owner[days.day < TODAY - 400])
    owner = np.r_[days.owner, np.repeat(extra, 7)]
    day = np.r_[days.day, np.tile(week, len(extra))]
    pairs = np.unique(np.column_stack([owner, day]), axis=0)
    wild = PurchaseDays(pairs[:, 0], pairs[:, 1], np.ones(len(pairs)), days.size, days.today)
    found = season(wild)
    assert np.isfinite(found.clock).all()
    assert found.clock[-1] < 365 * LIMIT * 4


# ── Windows ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_window_compares_what_came_with_what_was_expected() -> None:
    days = business("even")
    origin = TODAY - 200
    window = window_at(days, ORDERS, origin, 90)
    assert window is not None
    cohort = cohort_at(days, origin)
    known = cohort.known
    params = fit_transactions("mbg_nbd", known.frequency, known.recency, known.T).params
    came, _ = days.bought(origin, origin + 90)
    told = expected_orders(90.0, known.frequency, known.recency, known.T, params).sum()
    assert window.happened == came[cohort.customers].sum()
    assert window.ratio[-1] == pytest.approx(window.happened / told)
    assert (window.days[-1], window.origin) == (90.0, origin)
    buyers = window_at(days, BUYERS, origin, 90)
    assert buyers is not None
    assert buyers.happened == (came[cohort.customers] > 0).sum()


def test_a_window_needs_history_customers_and_orders() -> None:
    days = business("even")
    assert window_at(days, ORDERS, days.earliest + HISTORY_DAYS - 1, 90) is None
    assert window_at(days, ORDERS, TODAY, 90) is None
    assert window_at(simulated(customers=CUSTOMERS - 1), ORDERS, TODAY - 100, 90) is None
    quiet = PurchaseDays(days.owner, np.minimum(days.day, TODAY - 150), days.value, days.size, TODAY)
    assert window_at(quiet, ORDERS, TODAY - 100, 90) is None


def test_a_window_is_read_between_its_days() -> None:
    window = Window(0, np.array([10.0, 20.0]), np.array([1.0, 3.0]), 50.0)
    assert [window.at(days) for days in (5, 10, 15, 40)] == [1.0, 1.0, 2.0, 3.0]


def test_what_is_expected_of_all_is_the_sum_over_customers_or_a_sample_of_them() -> None:
    known = cohort_at(business("even"), TODAY).known
    params, grid = MbgNbd(0.7, 35.0, 0.6, 3.0), np.array([10.0, 100.0])
    for quantity, formula in (("no_order", p_any), ("spend", expected_orders)):
        told = [formula(day, known.frequency, known.recency, known.T, params).sum() for day in grid]
        np.testing.assert_allclose(expected_curve(params, known, grid, quantity), told)  # type: ignore[arg-type]
    many = type(known)(*(np.tile(getattr(known, name), 5) for name in known.__slots__))
    assert len(many.T) > 4000
    every = expected_curve(params, many, grid, "spend")
    np.testing.assert_allclose(every, 5 * expected_curve(params, known, grid, "spend"), rtol=0.1)
