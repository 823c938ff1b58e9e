"""The forecast: its clock, its horizons, reasons that add up, and a file that keeps it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions, Moment, trained_moment
from app.estimators.btyd import expected_orders, p_any
from app.estimators.forecast import Adjusted, Forecasting, Quantity, Statistics
from app.estimators.forecast_file import FORECAST_FIELDS, read_forecast, write_forecast
from tests.unit.estimators.forecasts import EVEN, GIFT, NAN, TRANSACTIONS, buyers, forecast

KINDS = tuple(TRANSACTIONS)
QUANTITIES: tuple[Quantity, ...] = ("no_order", "spend")
HORIZONS = (1, 7, 30, 90, 365, 1000, 3650)


def moment(horizon: int | None, size: int, elapsed: float = 0.0) -> Moment:
    return Moment(horizon, np.full(size, elapsed))


def known(*row: float) -> Statistics:
    return forecast().statistics_of(np.array([row]))


# ── What is known of a customer ───────────────────────────────────────────────────────────────────────
def test_statistics_are_those_of_the_models() -> None:
    told = known(20, 100, 4, 35)
    assert (told.frequency[0], told.recency[0], told.T[0], told.value[0]) == (3, 80, 100, 35)
    once = known(100, 100, 1, 35)
    assert (once.frequency[0], once.recency[0], once.T[0]) == (0, 0, 100)


def test_a_missing_input_reads_as_that_of_the_customer_of_reference() -> None:
    usual = forecast().reference
    for j in range(4):
        row = [20.0, 100.0, 4.0, 35.0]
        row[j] = NAN
        filled = row.copy()
        filled[j] = usual[j]
        assert known(*row) == known(*filled)


@pytest.mark.parametrize(
    ("row", "frequency", "recency", "T", "value"),
    [
        ((200, 100, 3, 10), 2, 0, 100, 10),
        ((-5, 100, 3, 10), 2, 100, 100, 10),
        ((5, -3, 3, 10), 0, 0, 0, 10),
        ((0, 2, 9, 10), 2, 2, 2, 10),
        ((10, 100, 0, 10), 0, 0, 100, 10),
        ((10, 100, 3, -7), 2, 90, 100, 0),
        ((1e9, 1e9, 1e9, 1e9), 36_500, 0, 36_500, 1e9),
    ],
    ids=["last before first", "future", "first in the future", "too many", "no orders", "negative", "far"],
)
def test_inputs_that_contradict_each_other_are_made_to_fit(
    row: tuple[float, ...], frequency: float, recency: float, T: float, value: float
) -> None:
    told = known(*row)
    assert (told.frequency[0], told.recency[0], told.T[0], told.value[0]) == (frequency, recency, T, value)


numbers = st.one_of(st.just(NAN), st.floats(-1e12, 1e12))


@given(st.tuples(numbers, numbers, numbers, numbers), st.sampled_from(KINDS), st.sampled_from(HORIZONS))
def test_every_input_gets_a_finite_answer(row: tuple[float, ...], kind: str, horizon: int) -> None:
    told, X = forecast(kind), np.array([row])
    statistics = told.statistics(X)
    assert (statistics.frequency >= 0).all()
    assert (statistics.recency >= 0).all()
    assert (statistics.recency <= statistics.T).all()
    for quantity in QUANTITIES:
        assert np.isfinite(Forecasting(told, quantity).at(moment(horizon, 1)).margin(X)).all()
    assert 0 <= told.p_alive(statistics)[0] <= 1


# ── The clock ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("start", [-1000.0, -365.0, -37.5, 0.0, 12.25, 340.0, 365.0, 2000.0])
def test_the_clock_runs_on_and_repeats_every_year(start: float) -> None:
    told = forecast(clock=GIFT)
    ends = start + np.linspace(0, 900, 200)
    passed = told.between(np.array([start]), ends)
    assert passed[0] == 0
    assert (np.diff(passed) > 0).all()
    for years in (-3, -1, 1, 4):
        shifted = told.between(np.array([start + 365 * years]), ends + 365 * years)
        np.testing.assert_allclose(shifted, passed, atol=1e-8)
    np.testing.assert_allclose(told.between(np.array([start]), np.array([start + 365.0])), 400.0)


def test_an_even_clock_shows_days() -> None:
    told = forecast(clock=EVEN)
    np.testing.assert_allclose(told.days(moment(None, 3, -77.7)), 90.0)
    np.testing.assert_allclose(told.days(moment(1000, 3, 12.3)), 1000.0)


def test_more_is_expected_where_the_clock_runs_fast() -> None:
    told, X = forecast(clock=GIFT), buyers()
    before, within = (
        Forecasting(told, "spend").at(moment(40, len(X), start)).margin(X) for start in (100.0, 300.0)
    )
    assert (within > before + 0.5).all()


# ── Horizons ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clock", [EVEN, GIFT], ids=["even", "gift"])
def test_the_longer_the_horizon_the_more_is_expected(kind: str, clock: Array) -> None:
    told, X = forecast(kind, clock=clock), buyers()
    for start in (-200.0, 0.0, 290.0):
        for quantity, sign in (("no_order", -1.0), ("spend", 1.0)):
            asked = Forecasting(told, quantity)  # type: ignore[arg-type]
            margins = [sign * asked.at(moment(days, len(X), start)).margin(X) for days in HORIZONS]
            # Where only leaving can keep somebody from ordering, a longer horizon changes no digit.
            for earlier, later in pairwise(margins):
                assert (later >= earlier - 1e-12).all()
                assert (later > earlier).sum() > 50
            assert (margins[-1] > margins[0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_trained_horizon_holds_where_none_is_asked_for(kind: str) -> None:
    told, X = forecast(kind), buyers()
    past = told.statistics(X)
    args = (past.frequency, past.recency, past.T, told.transactions)
    silent = 1 / (1 + np.exp(-Forecasting(told, "no_order").at(trained_moment(len(X))).margin(X)))
    np.testing.assert_allclose(silent, 1 - p_any(90.0, *args), rtol=1e-9)
    spend = np.exp(Forecasting(told, "spend").at(trained_moment(len(X))).margin(X))
    np.testing.assert_allclose(spend, expected_orders(90.0, *args) * told.order_value(past), rtol=1e-9)
    np.testing.assert_array_equal(
        Forecasting(told, "spend").at(trained_moment(1)).margin(X),
        Forecasting(told, "spend").at(moment(90, len(X))).margin(X),
    )


def test_orders_and_probabilities_take_one_time_or_several() -> None:
    told, X = forecast(), buyers()
    past, days = told.statistics(X), np.array([5.0, 40.0, 200.0])
    for ask in (told.orders, told.any_order):
        several = ask(past, np.broadcast_to(days, (len(X), 3)))
        for k, day in enumerate(days):
            np.testing.assert_allclose(several[:, k], ask(past, np.full(len(X), day)), rtol=1e-12)


# ── Value ─────────────────────────────────────────────────────────────────────────────────────────────
def test_the_value_of_an_order_is_between_the_own_average_and_that_of_all() -> None:
    told = forecast(value_level=1.0)
    overall = told.value.p * told.value.v / (told.value.q - 1)  # type: ignore[union-attr]
    for own in (10.0, 300.0):
        few, many = (float(told.order_value(known(5, 500, n, own))[0]) for n in (2, 200))
        assert abs(many - own) < abs(few - own) < abs(overall - own)


def test_the_level_multiplies_the_value_and_without_money_there_is_none() -> None:
    past = known(5, 500, 4, 30)
    level = forecast(value_level=1.5).order_value(past) / forecast(value_level=1.0).order_value(past)
    np.testing.assert_allclose(level, 1.5)
    assert forecast(value=None).order_value(past).tolist() == [1.0]


def test_one_order_says_nothing_of_a_value_that_is_learned_from_repeat_orders() -> None:
    told = forecast(value_of="repeat")
    cheap, dear = known(50, 50, 1, 5), known(50, 50, 1, 500)
    assert told.order_value(cheap) == told.order_value(dear)
    assert forecast(value_of="all").order_value(cheap) < forecast(value_of="all").order_value(dear)


def test_an_average_of_nothing_does_not_make_orders_worthless() -> None:
    told = forecast()
    assert told.order_value(known(5, 500, 50, 0.0))[0] > 0
    assert told.order_value(known(5, 500, 50, 0.0)) == told.order_value(known(5, 500, 50, 1e-9))


# ── Discounting ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_of_value_is_worth_less_the_later_and_the_dearer_money_is(kind: str) -> None:
    told, X = forecast(kind), buyers()
    past = told.statistics(X)
    by_rate = [told.discount(past, moment(365, len(X)), rate) for rate in (0.0, 0.01, 0.1, 0.5, 1.0)]
    np.testing.assert_allclose(by_rate[0], 1.0)
    assert all((later < earlier).all() for earlier, later in pairwise(by_rate))
    by_horizon = [told.discount(past, moment(days, len(X)), 0.1) for days in HORIZONS]
    assert all((later < earlier).all() for earlier, later in pairwise(by_horizon))
    for days, factor in zip(HORIZONS, by_horizon, strict=True):
        assert ((factor > 0) & (factor <= 1) & (factor >= 1.1 ** (-days / 365) - 1e-12)).all()


@pytest.mark.parametrize("start", [-100.0, 0.0, 250.0])
def test_discounting_is_the_integral_over_the_time_of_the_orders(start: float) -> None:
    told, X = forecast(clock=GIFT), buyers(size=12)
    past, horizon = told.statistics(X), 365
    edges = np.linspace(0, horizon, 4001)
    orders = told.orders(past, told.between(np.full((12, 1), start), start + edges[None, :]))
    middle = (edges[1:] + edges[:-1]) / 2
    expected = np.diff(orders) @ 1.2 ** (-middle / 365) / orders[:, -1]
    np.testing.assert_allclose(told.discount(past, moment(horizon, 12, start), 0.2), expected, atol=0.005)


# ── Reasons and weights ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_contributions_add_up_to_the_margin(kind: str, quantity: Quantity, weight: float) -> None:
    X = np.column_stack([buyers(), np.full(60, 5.0)])
    X[::7, 0], X[3::9, 3] = NAN, NAN
    estimator = Forecasting(forecast(kind, clock=GIFT), quantity, weight).at(moment(200, 60, 33.0))
    parts = estimator.contributions(X)
    np.testing.assert_allclose(parts.base + parts.values.sum(axis=1), estimator.margin(X), atol=1e-9)
    assert not parts.values[:, 4].any()
    assert not parts.values[::7, 0].any()


def test_inputs_of_one_effect_share_it_and_one_without_effect_has_none() -> None:
    """Shapley's symmetry and dummy: money says nothing of whether an order comes."""
    parts = Forecasting(forecast(), "no_order").at(trained_moment(1)).contributions(buyers())
    assert not parts.values[:, 3].any()
    assert np.abs(parts.values[:, :3]).sum(axis=0).all()


def test_columns_may_stand_anywhere() -> None:
    X, order = buyers(), [3, 1, 0, 2]
    told = forecast(columns=tuple(order.index(j) for j in range(4)))
    for quantity in QUANTITIES:
        one, other = Forecasting(told, quantity), Forecasting(forecast(), quantity)
        np.testing.assert_array_equal(
            one.at(trained_moment(1)).margin(X[:, order]), other.at(trained_moment(1)).margin(X)
        )
        np.testing.assert_allclose(
            one.at(trained_moment(1)).contributions(X[:, order]).values,
            other.at(trained_moment(1)).contributions(X).values[:, order],
        )


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("horizon", [7, 90, 2000])
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.6])
def test_a_weight_turns_around_the_customer_of_reference(
    quantity: Quantity, horizon: int, weight: float
) -> None:
    X = np.vstack([forecast().reference, buyers()])

    def margin(weight: float, days: int | None) -> Array:
        asked = Forecasting(forecast(), quantity, weight).at(moment(days, len(X)))
        found: Array = asked.margin(X)
        return found

    plain, trained = margin(1.0, horizon), margin(1.0, None)
    weighted = margin(weight, horizon)
    np.testing.assert_allclose(weighted[0], plain[0])
    # The distance is that of the trained horizon, so what a weight adds is the same at all horizons.
    np.testing.assert_allclose(weighted - plain, (weight - 1.0) * (trained - trained[0]), atol=1e-9)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("weight", [0.4, 1.0, 2.5])
def test_answers_rise_with_the_horizon_whatever_the_weight(quantity: Quantity, weight: float) -> None:
    X = buyers()
    told = [
        Forecasting(forecast(), quantity, weight).at(moment(days, len(X))).margin(X)
        for days in (1, 30, 90, 400, 3650)
    ]
    sign = -1.0 if quantity == "no_order" else 1.0
    assert all((sign * (later - sooner) >= -1e-9).all() for sooner, later in pairwise(told))


class Fixed:
    """An adjustment that is the last input."""

    def margin(self, X: Array) -> Array:
        return X[:, 4].copy()

    def contributions(self, X: Array) -> Contributions:
        values = np.zeros(X.shape)
        values[:, 4] = X[:, 4] - 0.3
        return Contributions(np.full(len(X), 0.3), values)


def test_a_forecast_and_its_adjustment_are_added() -> None:
    X = np.column_stack([buyers(), np.linspace(-1, 1, 60)])
    forecasting = Forecasting(forecast(), "no_order", 0.8)
    estimator = Adjusted(forecasting, Fixed(), 0.5).at(moment(30, 60))
    alone = forecasting.at(moment(30, 60)).margin(X)
    np.testing.assert_allclose(estimator.margin(X), alone + 0.5 * X[:, 4])
    parts = estimator.contributions(X)
    np.testing.assert_allclose(parts.base + parts.values.sum(axis=1), estimator.margin(X), atol=1e-9)
    np.testing.assert_allclose(parts.values[:, 4], 0.5 * (X[:, 4] - 0.3))


# ── One customer and many ─────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_alone_gets_the_answer_of_the_batch(kind: str) -> None:
    told, X = forecast(kind, clock=GIFT), buyers()
    elapsed = np.linspace(-300, 500, len(X))
    past, asked = told.statistics(X), Moment(200, elapsed)
    discount = told.discount(past, asked, 0.1)
    for quantity in QUANTITIES:
        forecasting = Forecasting(told, quantity, 0.7)
        margins, parts = forecasting.at(asked).margin(X), forecasting.at(asked).contributions(X)
        for k in range(len(X)):
            alone, rows = forecasting.at(asked.take(np.array([k]))), X[k : k + 1]
            np.testing.assert_allclose(alone.margin(rows), margins[k : k + 1], rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(
                alone.contributions(rows).values, parts.values[k : k + 1], rtol=1e-9, atol=1e-9
            )
            one = told.discount(told.statistics(rows), asked.take(np.array([k])), 0.1)
            np.testing.assert_allclose(one, discount[k : k + 1], rtol=1e-9)


def test_nobody_gets_empty_answers() -> None:
    X = np.empty((0, 5))
    for asked in (trained_moment(0), trained_moment(1)):
        estimator = Forecasting(forecast(), "spend", 0.5).at(asked)
        assert estimator.margin(X).shape == (0,)
        parts = estimator.contributions(X)
        assert (parts.base.shape, parts.values.shape) == ((0,), (0, 5))


# ── The file ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{}, {"value": None}, {"value_of": "repeat", "clock": GIFT}], ids=str)
def test_the_file_keeps_a_forecast(kind: str, changes: dict[str, Any]) -> None:
    one, X = forecast(kind, **changes), buyers()
    other = read_forecast(write_forecast(one))
    assert write_forecast(other) == write_forecast(one)
    assert (other.transactions, other.value, other.value_of) == (one.transactions, one.value, one.value_of)
    assert (other.columns, other.names, other.horizon_days) == (one.columns, one.names, 90)
    for quantity in QUANTITIES:
        asked = moment(200, len(X), 100.0)
        np.testing.assert_array_equal(
            Forecasting(other, quantity).at(asked).margin(X), Forecasting(one, quantity).at(asked).margin(X)
        )
    with pytest.raises(ValueError, match="read-only"):
        other.clock[0] = 1.0


def test_the_file_holds_the_documented_fields() -> None:
    assert json.loads(write_forecast(forecast())).keys() == FORECAST_FIELDS


@pytest.mark.parametrize("field", sorted(FORECAST_FIELDS))
def test_a_file_without_a_field_is_refused(field: str) -> None:
    document = json.loads(write_forecast(forecast()))
    del document[field]
    with pytest.raises(StructureError):
        read_forecast(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("model", "lifetimes"),
        ("parameters", [1.0, 2.0]),
        ("value", [1.0]),
        ("columns", [0, 1, 2]),
        ("names", "abcd"),
        ("reference", None),
        ("clock", ["x"]),
        ("horizon_days", "ninety"),
    ],
)
def test_a_file_with_another_content_is_refused(field: str, content: Any) -> None:
    document = json.loads(write_forecast(forecast()))
    with pytest.raises(StructureError):
        read_forecast(json.dumps({**document, field: content}).encode())


def test_bytes_that_are_no_document_are_refused() -> None:
    with pytest.raises(StructureError):
        read_forecast(b"tree")
