"""Lifetime value: expected, discounted, with a range of the outcome, tiers and a limit of what to spend."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.capabilities.base import Answers, Model
from app.capabilities.clv import CLV, check, spend_of
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Moment, trained_moment
from tests.unit.capabilities.buyers import CLV_SETTINGS, SUMMARY, by_rule, clv_model, customers
from tests.unit.estimators.forecasts import NAN, TRANSACTIONS

KINDS = tuple(TRANSACTIONS)
HORIZONS = (1, 30, 90, 365, 3650)
NUMBERS = ("predicted_value", "predicted_low", "predicted_high", "expected_orders", "max_justified_spend")

# Silence, first order, orders, value, revenue, gap.
REGULAR, ONCE, GONE, NEVER = (
    (10, 300, 11, 40, 440, 29),
    (20, 20, 1, 40, 40, NAN),
    (900, 1200, 4, 40, 160, 100),
    (NAN, NAN, 0, NAN, 0, NAN),
)


def ask(model: Model, X: Array, horizon: int | None = None, elapsed: float = 0.0) -> Answers:
    return CLV.predict(model, X, Moment(horizon, np.full(len(X), elapsed)))


def settings(**changes: Any) -> dict[str, Any]:
    return {**CLV_SETTINGS, **changes}


def alike(one: Answers, other: Answers) -> bool:
    return all(str(one[name].tolist()) == str(other[name].tolist()) for name in one)


# ── Who ───────────────────────────────────────────────────────────────────────────────────────────────
def test_everybody_who_ever_bought_is_answered_by_the_own_kind() -> None:
    answers = ask(clv_model(), np.array([REGULAR, ONCE, GONE, NEVER, (NAN,) * 6]))
    assert answers["population"].tolist() == [0, 1, 2, -1, -1]
    assert answers["ineligible_reason"].tolist() == [None, None, None, "no_orders", "no_orders"]
    for name in (*NUMBERS, "interval_level"):
        assert np.isnan(answers[name]).tolist() == [False] * 3 + [True] * 2, name
    assert [tier is None for tier in answers["value_tier"]] == [False] * 3 + [True] * 2
    assert [kind is None for kind in answers["value_class"]] == [False] * 3 + [True] * 2
    assert set(answers["currency"]) == {"GBP"}
    assert answers["historic_value"].tolist()[:4] == [440, 40, 160, 0]
    assert answers["average_order_value"].tolist()[:3] == [40, 40, 40]


def test_a_summary_is_answered_alike() -> None:
    X = customers()
    assert alike(ask(clv_model(), X), ask(clv_model(names=SUMMARY), X))


# ── The value ─────────────────────────────────────────────────────────────────────────────────────────
def test_the_value_is_expected_revenue_times_margin_discounted() -> None:
    X = customers()
    model = clv_model()
    moment = trained_moment(len(X))
    parts = CLV.explain(model, X, moment)
    revenue = np.exp(parts.base + parts.values.sum(axis=1))
    assert model.forecast is not None
    worth = model.forecast.discount(model.forecast.statistics(X), moment, 0.1)
    np.testing.assert_allclose(ask(model, X)["predicted_value"], revenue * 0.4 * worth)
    plain = clv_model(settings=settings(margin=1.0, discount_rate=0.0))
    np.testing.assert_allclose(ask(plain, X)["predicted_value"], revenue)


@pytest.mark.parametrize("kind", KINDS)
def test_the_longer_the_horizon_the_more_value(kind: str) -> None:
    X = customers()
    told = [ask(clv_model(kind), X, days, 100.0) for days in HORIZONS]
    for days, answers in zip(HORIZONS, told, strict=True):
        assert (answers["horizon_days"] == days).all()
        assert answers["eligible"].all()
    for earlier, later in pairwise(told):
        for name in ("predicted_value", "expected_orders"):
            assert (later[name] >= earlier[name] * (1 - 1e-9)).all(), name
            assert later[name].mean() > earlier[name].mean()


def test_money_that_is_dearer_is_worth_less_and_a_smaller_margin_too() -> None:
    X = customers()
    base = ask(clv_model(), X)
    dear = ask(clv_model(settings=settings(discount_rate=0.5)), X)
    thin = ask(clv_model(settings=settings(margin=0.2)), X)
    assert (dear["predicted_value"] < base["predicted_value"]).all()
    for name in ("predicted_value", "predicted_low", "predicted_high", "max_justified_spend"):
        np.testing.assert_allclose(thin[name], base[name] / 2)


# ── The range ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_range_holds_what_is_expected(kind: str, horizon: int) -> None:
    answers = ask(clv_model(kind), customers(), horizon)
    for name in NUMBERS:
        assert np.isfinite(answers[name]).all()
        assert (answers[name] >= 0).all()
    assert (answers["predicted_low"] <= answers["predicted_value"] * (1 + 1e-9)).all()
    assert (answers["predicted_high"] >= answers["predicted_value"] * (1 - 1e-9)).all()
    np.testing.assert_array_equal(answers["max_justified_spend"], np.maximum(answers["predicted_low"], 0))
    assert (answers["interval_level"] == 0.8).all()


def test_the_ends_of_the_range_are_quantiles_of_the_own_kind() -> None:
    X, model = customers(), clv_model(settings=settings(margin=1.0, discount_rate=0.0))
    assert model.forecast is not None
    moment, answers = trained_moment(len(X)), ask(model, X)
    told = spend_of(
        model.forecast,
        model.forecast.statistics(X),
        moment,
        answers["predicted_value"],
        answers["expected_orders"],
        model.settings,
    )
    for k, (low, high) in enumerate(CLV_SETTINGS["range"]["levels"]):
        own = answers["population"] == k
        assert own.any()
        expected = np.maximum(told.quantile(high), answers["predicted_value"])
        np.testing.assert_allclose(answers["predicted_high"][own], expected[own])
        # Who may well order nothing may bring nothing.
        sure = 1.0 - told.any_order < 0.1
        expected = np.where(sure, np.minimum(told.quantile(low), answers["predicted_value"]), 0.0)
        np.testing.assert_allclose(answers["predicted_low"][own], expected[own])


@pytest.mark.parametrize("ends", [[0.9, 0.95], [0.01, 0.02]], ids=["high", "low"])
def test_what_is_expected_stays_within_the_range_whatever_the_levels(ends: list[float]) -> None:
    told = settings(range={**CLV_SETTINGS["range"], "levels": [ends] * 3})
    answers = ask(clv_model(settings=told), customers())
    assert (answers["predicted_low"] <= answers["predicted_value"] * (1 + 1e-9)).all()
    assert (answers["predicted_high"] >= answers["predicted_value"] * (1 - 1e-9)).all()


def test_who_may_well_not_order_may_spend_nothing() -> None:
    answers = ask(clv_model(), np.array([GONE, (1, 400, 120, 40, 4800, 3.3)]))
    assert answers["predicted_low"].tolist()[0] == 0
    assert answers["predicted_low"].tolist()[1] > 0


# ── Tiers ─────────────────────────────────────────────────────────────────────────────────────────────
def with_cuts(X: Array, a: float, b: float, historic: float = 200.0) -> Answers:
    return ask(clv_model(settings=settings(tiers={"A": a, "B": b, "historic_A": historic})), X)


def test_a_cut_point_belongs_to_the_higher_tier_and_the_last_bit_changes_no_word() -> None:
    X = np.array([REGULAR])
    value = float(ask(clv_model(), X)["predicted_value"][0])
    for cut in (value, np.nextafter(value, 0), np.nextafter(value, np.inf)):
        assert with_cuts(X, cut, 1.0)["value_tier"].tolist() == ["A"]
        assert with_cuts(X, 10 * value, cut)["value_tier"].tolist() == ["B"]
    assert with_cuts(X, value * 1.001, value * 1.001)["value_tier"].tolist() == ["C"]
    assert with_cuts(X, value * 1.001, value * 0.999)["value_tier"].tolist() == ["B"]


def test_classes_are_what_is_expected_against_what_was_brought() -> None:
    X = np.array([REGULAR])
    value = float(ask(clv_model(), X)["predicted_value"][0])
    for cut in (440.0, np.nextafter(440.0, np.inf)):
        assert with_cuts(X, value, 1.0, cut)["value_class"].tolist() == ["high"]
    assert with_cuts(X, value, 1.0, 441.0)["value_class"].tolist() == ["potential"]
    assert with_cuts(X, 2 * value, 1.0, 1.0)["value_class"].tolist() == ["general"]


def test_tiers_belong_to_the_trained_horizon() -> None:
    X = customers()
    other = ask(clv_model(), X, 30)
    assert other["eligible"].all()
    assert set(other["value_tier"]) == set(other["value_class"]) == {None}
    assert alike(ask(clv_model(), X, 90), ask(clv_model(), X))


# ── Bad input ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_negative_past_is_told_and_expects_little() -> None:
    back, plain = (10, 300, 4, 0.0, -80, 90), (10, 300, 4, 40, 160, 90)
    answers = ask(clv_model(), np.array([back, plain]))
    assert answers["historic_value"].tolist() == [-80, 160]
    assert 0 <= answers["predicted_value"][0] < answers["predicted_value"][1]
    assert answers["value_class"][0] != "high"


@pytest.mark.parametrize("column", range(6))
def test_what_is_not_known_changes_no_answer_into_nothing(column: int) -> None:
    X = customers()
    X[:, column] = NAN
    answers = ask(clv_model(), X)
    assert answers["eligible"].any() == (column not in {0, 2})
    for name in NUMBERS:
        assert (~np.isnan(answers[name]) == answers["eligible"]).all()


@pytest.mark.parametrize("horizon", HORIZONS)
def test_extreme_customers_get_finite_answers(horizon: int) -> None:
    rows = [(0, 0, 1, 5, 5, NAN), (0, 9000, 9000, 5, 45_000, 1), (0, 0, 300, 5, 1500, 0), (1e9,) * 6]
    answers = ask(clv_model(), np.array(rows), horizon, 5000.0)
    assert all(np.isfinite(answers[name]).all() for name in NUMBERS)


# ── Without a forecast ────────────────────────────────────────────────────────────────────────────────
def test_a_rule_discounts_to_the_middle_of_the_horizon_and_knows_of_no_orders() -> None:
    X = np.array([REGULAR, ONCE, GONE, NEVER])
    answers = ask(by_rule(clv_model(), np.log(100.0)), X)
    revenue = 100.0 * np.exp([0.1, -0.2, 0.0])
    value = revenue * 0.4 * 1.1 ** (-90 / 730)
    np.testing.assert_allclose(answers["predicted_value"][:3], value)
    np.testing.assert_allclose(answers["predicted_low"][:3], value * [0.3, 0.1, 0.0])
    np.testing.assert_allclose(answers["predicted_high"][:3], value * [2.0, 3.0, 4.0])
    assert np.isnan(answers["expected_orders"]).all()
    assert np.isnan(answers["predicted_value"][3])


def test_a_rule_answers_for_no_other_horizon() -> None:
    answers = ask(by_rule(clv_model(), 3.0), np.array([REGULAR, NEVER]), 30)
    assert answers["ineligible_reason"].tolist() == ["horizon_not_trained", "no_orders"]
    assert np.isnan(answers["predicted_value"]).all()


def test_what_answers_elsewhere_is_asked_for_other_horizons_only() -> None:
    model = clv_model()
    ruled = by_rule(model, 3.0)
    rungs = tuple(replace(rule, elsewhere=rung) for rule, rung in zip(ruled.rungs, model.rungs, strict=True))
    both, X = replace(ruled, rungs=rungs, forecast=model.forecast), customers()
    np.testing.assert_array_equal(ask(both, X, 30)["predicted_value"], ask(model, X, 30)["predicted_value"])
    assert not np.allclose(ask(both, X)["predicted_value"], ask(model, X)["predicted_value"])


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────
RANGE = CLV_SETTINGS["range"]
TIERS = CLV_SETTINGS["tiers"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 0.0},
        {"margin": 1.5},
        {"discount_rate": -0.1},
        {"discount_rate": 1.1},
        {"tiers": {**TIERS, "A": 5.0}},
        {"interval_level": 1.0},
        {"interval_level": 0.0},
        {"currency": None},
        {"range": {**RANGE, "levels": [[0.1, 0.9]]}},
        {"range": {**RANGE, "levels": [[0.9, 0.1]] * 3}},
        {"range": {**RANGE, "levels": [[0.0, 0.9]] * 3}},
        {"range": {**RANGE, "levels": [[0.1, 1.0]] * 3}},
        {"range": {**RANGE, "spread": [0.1, 0.2]}},
        {"range": {**RANGE, "spread": [0.1, 0.2, -0.1]}},
    ],
    ids=str,
)
def test_settings_that_cannot_answer_are_refused(wrong: dict[str, Any]) -> None:
    check(clv_model())
    with pytest.raises(StructureError):
        check(clv_model(settings=settings(**wrong)))


def test_a_rule_needs_factors_for_each_population() -> None:
    ruled = by_rule(clv_model(), 3.0)
    check(ruled)
    for factors in ([[0.3, 2.0]], [[2.0, 0.3]] * 3, [[-0.1, 2.0]] * 3):
        with pytest.raises(StructureError):
            check(replace(ruled, settings=settings(range={"factors": factors})))


@pytest.mark.parametrize("missing", sorted(CLV_SETTINGS))
def test_no_setting_may_be_left_out(missing: str) -> None:
    left = {name: value for name, value in CLV_SETTINGS.items() if name != missing}
    with pytest.raises(KeyError):
        check(clv_model(settings=left))


def test_answers_need_nothing_but_their_row() -> None:
    X, model = customers(), clv_model()
    elapsed = np.linspace(-300, 600, len(X))
    moment = Moment(200, elapsed)
    whole = CLV.predict(model, X, moment)
    for k in range(0, len(X), 7):
        alone = CLV.predict(model, X[k : k + 1], moment.take(np.array([k])))
        for name in NUMBERS:
            np.testing.assert_allclose(alone[name], whole[name][k : k + 1], rtol=1e-9, atol=1e-9)
