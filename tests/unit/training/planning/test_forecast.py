"""Plan and scores tell one story, and a range holds what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd, Transactions
from app.estimators.forecast import Forecast
from training.planning import forecast as planning_forecast
from training.planning.forecast import (
    Asked,
    Doubt,
    doubt_of,
    expected,
    factors,
    monthly,
    noise_of,
    own_revenue,
    ranges,
    sampled,
)

EDGES = np.array([0.0, 20.0, 51.0, 79.0, 110.0])
CLOCK = np.linspace(0.0, 365.0, 53) + 15 * np.sin(np.linspace(0.0, 2 * np.pi, 53))
NO_DOUBT = Doubt(0.0, 0.0, 0.0, 0.0, "none")


def forecast(transactions: Transactions | None = None, **changes: Any) -> Forecast:
    made = Forecast(
        transactions=transactions or MbgNbd(0.7, 60.0, 0.6, 2.0),
        value=GammaGamma(6.0, 4.0, 30.0),
        value_of="all",
        value_level=1.1,
        clock=CLOCK,
        horizon_days=110,
        columns=(0, 1, 2, 3),
        names=("silence", "first", "orders", "value"),
        reference=(30.0, 200.0, 3.0, 60.0),
        longest_days=20_000.0,
    )
    return replace(made, **changes)


def asked(size: int = 400, groups: int = 3, made: Forecast | None = None, seed: int = 1) -> Asked:
    rng = np.random.default_rng(seed)
    first = rng.uniform(1, 700, size)
    inputs = np.c_[
        first * rng.uniform(0, 1, size), first, rng.geometric(0.3, size), rng.uniform(20, 90, size)
    ]
    made = made or forecast()
    whole = made.between(np.full(size, 12.0), np.full(size, 12.0 + 110))
    known = made.statistics_of(inputs)
    revenue = made.orders(known, whole) * made.order_value(known) * rng.uniform(0.6, 1.6, size)
    return Asked(made, inputs, revenue, rng.integers(0, groups, size), groups, 110, 12.0, EDGES)


@pytest.mark.parametrize(
    "model", [BgNbd(0.3, 40.0, 0.8, 2.5), MbgNbd(0.5, 60.0, 0.6, 2.0), ParetoNbd(0.5, 60.0, 0.6, 90.0)]
)
def test_months_add_up_to_what_the_release_answers(model: Transactions) -> None:
    question = asked(made=forecast(model))
    orders, revenue = expected(question)
    by_group = np.bincount(question.group, weights=question.revenue)
    np.testing.assert_allclose(revenue.sum(axis=1), by_group)
    known = question.forecast.statistics_of(question.inputs)
    start = np.full(len(known.T), 12.0)
    for m in range(4):
        ends = [question.forecast.between(start, start + EDGES[m + k]) for k in (0, 1)]
        between = question.forecast.orders(known, ends[1]) - question.forecast.orders(known, ends[0])
        np.testing.assert_allclose(orders[:, m], np.bincount(question.group, weights=between))


def test_customers_in_parts_give_the_same_months(monkeypatch: pytest.MonkeyPatch) -> None:
    question = asked()
    whole = expected(question)
    monkeypatch.setattr(planning_forecast, "_ROWS", 37)
    for one, other in zip(whole, expected(question), strict=True):
        np.testing.assert_allclose(one, other)


def test_revenue_without_orders_to_expect_comes_evenly() -> None:
    # A quarter of a lifetime silent after 40 orders in a month: not an order is expected any more.
    question = replace(
        asked(1, 1),
        inputs=np.array([[9_000.0, 9_030.0, 31.0, 50.0]]),
        revenue=np.array([70.0]),
        group=np.array([0]),
    )
    orders, revenue = monthly(question, slice(None))
    assert orders.sum() < 1e-9
    assert revenue.sum() == pytest.approx(70.0)
    passed = question.forecast.between(np.array(12.0), 12.0 + EDGES)
    np.testing.assert_allclose(revenue[0], 70.0 * np.diff(passed) / passed[-1])


@pytest.mark.parametrize(
    "made",
    [
        forecast(),
        forecast(ParetoNbd(0.5, 60.0, 0.6, 90.0)),
        forecast(BgNbd(0.3, 40.0, 0.8, 2.5), value_of="repeat"),
        forecast(value=None),
    ],
)
def test_draws_deviate_by_nothing_on_average(made: Forecast) -> None:
    noise = noise_of(asked(made=made), draws=2_000)
    for drawn in (noise.orders, noise.revenue):
        error = drawn.std(axis=2) / np.sqrt(drawn.shape[2])
        assert np.all(np.abs(drawn.mean(axis=2)) < 4.5 * error)
        assert np.all(error > 0)


def test_outcomes_are_in_the_range_as_often_as_it_says() -> None:
    question = asked(600, 2)
    mean = expected(question)[1]
    told = ranges(mean, noise_of(question, seed=3).revenue, np.ones((4, 1)))
    came = mean[:, :, None] + noise_of(question, seed=4).revenue
    rows = np.concatenate([came, came.sum(axis=0, keepdims=True)])
    came = np.concatenate([rows, rows.sum(axis=1, keepdims=True)], axis=1)
    inside = ((came >= told.low[:, :, None]) & (came <= told.high[:, :, None])).mean(axis=2)
    assert np.all(np.abs(inside - 0.8) < 0.08)


def test_a_sample_has_the_width_of_all() -> None:
    question = asked(3_000, 3)
    everybody, some = noise_of(question), noise_of(question, limit=600)
    assert everybody.customers == 3_000
    assert everybody.width_error == 0.0
    assert some.customers <= 600
    assert 0.0 < some.width_error < 0.2
    for name in ("orders", "revenue"):
        wide, narrow = (getattr(one, name).sum(axis=(0, 1)).std() for one in (everybody, some))
        assert narrow == pytest.approx(wide, rel=0.2)


def test_draws_are_the_same_every_time() -> None:
    question = asked(50)
    assert np.array_equal(noise_of(question).revenue, noise_of(question).revenue)


def test_where_the_release_expects_far_more_it_is_drawn_at_its_rate() -> None:
    question = asked(300, 1)
    far = replace(
        question, revenue=np.full(300, 5.0), inputs=np.tile([2_000.0, 2_100.0, 9.0, 50.0], (300, 1))
    )
    noise = noise_of(far, draws=1_000)
    assert noise.orders.sum(axis=(0, 1)).std() < 1.0
    # 1,500 of money in orders of about fifty: some thirty of them, and Poisson in number.
    total = noise.revenue.sum(axis=(0, 1))
    assert abs(total.mean()) < 4.5 * total.std() / np.sqrt(1_000)
    assert 0.7 < total.std() / (np.sqrt(1_500 / 52) * 52) < 1.6


def test_places_go_to_the_largest_and_evenly_to_the_rest() -> None:
    rng = np.random.default_rng(0)
    weight, group = rng.exponential(size=1_000), np.repeat([0, 1, 2], [900, 95, 5])
    rows, stands = sampled(weight, group, 3, 120)
    assert len(rows) == len(set(rows.tolist())) <= 120
    assert stands.sum() == pytest.approx(1_000)
    for g, size in enumerate((900, 95, 5)):
        assert stands[group[rows] == g].sum() == pytest.approx(size)
        largest = np.flatnonzero(group == g)[np.argsort(-weight[group == g])][:20]
        certain = set(rows[stands == 1].tolist())
        assert set(largest.tolist()) <= certain
    rows, stands = sampled(weight, group, 3, 1_000)
    assert len(rows) == 1_000
    assert np.all(stands == 1)


def test_ranges_hold_the_expectation_and_totals_add_up() -> None:
    mean = np.array([[4.0, 0.01], [10.0, 20.0]])
    noise = np.zeros((2, 2, 50))
    noise[1] = np.linspace(-5, 5, 50)
    found = ranges(mean, noise, np.ones((2, 50)))
    np.testing.assert_allclose(found.expected, [[4.0, 0.01, 4.01], [10.0, 20.0, 30.0], [14.0, 20.01, 34.01]])
    assert np.all(found.low <= found.expected)
    assert np.all(found.high >= found.expected)
    np.testing.assert_allclose([found.low[0], found.high[0]], [[4.0, 0.01, 4.01]] * 2)
    # Both months swing together: the range of both is the sum, not less.
    assert found.high[1, 2] - found.low[1, 2] == pytest.approx(16.0)
    below, above = (ranges(mean, noise + shift, np.ones((2, 50))) for shift in (-30, 30))
    assert np.all(below.low >= 0)
    np.testing.assert_allclose(below.high, found.expected)
    np.testing.assert_allclose(above.low, found.expected)


def test_what_is_common_to_all_customers_widens_the_range() -> None:
    question = asked(600)
    mean = expected(question)[0]
    noise = noise_of(question).orders

    def width(doubt: Doubt) -> Array:
        found = ranges(mean, noise, factors(doubt, 4)[0])
        return np.asarray((found.high - found.low)[-1])

    none, level, month = (width(one) for one in (NO_DOUBT, Doubt(0.2, 0, 0, 0, ""), Doubt(0, 0.2, 0, 0, "")))
    assert np.all(level > none)
    assert np.all(month > none)
    # A month's own factor is averaged out over the months, the level is not.
    assert level[-1] > 1.3 * month[-1]


def test_factors_have_mean_one_and_the_value_moves_revenue_alone() -> None:
    orders, revenue = factors(Doubt(0.2, 0.1, 0.12, 0.09, ""), 3, draws=40_000)
    assert orders.mean() == pytest.approx(1.0, abs=0.01)
    assert revenue.mean() == pytest.approx(1.0, abs=0.01)
    assert np.log(orders).std() == pytest.approx(np.hypot(0.2, 0.1), rel=0.02)
    assert np.log(revenue / orders).std() == pytest.approx(0.15, rel=0.02)
    assert np.allclose(*factors(Doubt(0.2, 0.1, 0.0, 0.0, ""), 3))


@pytest.mark.parametrize(
    ("season", "level", "month"),
    [
        (None, 0.3, 0.3),
        ({"basis": "recent", "weight": 0.5}, 0.3 * np.sqrt(0.5), 0.3),
        ({"basis": "year_ago", "weight": 0.75}, 0.15, 0.2),
        ({"basis": "year_ago", "weight": 1.0}, 0.0, 0.2),
    ],
)
def test_the_less_a_season_was_seen_the_wider(
    season: dict[str, Any] | None, level: float, month: float
) -> None:
    found = doubt_of(season)
    assert found.level == pytest.approx(level)
    assert found.month == month
    assert found.basis == (season["basis"] if season else "none")
    assert found.scores == 0.0


def test_scores_that_the_forecast_does_not_share_are_doubted() -> None:
    question = asked()
    assert own_revenue(replace(question, revenue=question.revenue * 3)) == own_revenue(question)
    known = question.forecast.statistics_of(question.inputs)
    start = np.full(len(known.T), 12.0)
    orders = question.forecast.orders(known, question.forecast.between(start, start + 110))
    assert own_revenue(question) == pytest.approx(float(orders @ question.forecast.order_value(known)))
    assert doubt_of(None, 0.5).scores == doubt_of(None, 2.0).scores == pytest.approx(np.log(2) / np.sqrt(2))


@pytest.mark.parametrize("size", [1, 2])
def test_one_customer_is_planned_for_as_well(size: int) -> None:
    question = asked(size, 1)
    noise = noise_of(question)
    found = ranges(expected(question)[1], noise.revenue, factors(doubt_of(None), 4)[1])
    assert np.isfinite([found.expected, found.low, found.high]).all()
