"""The ladder of an amount: a rule by mean spend, the forecast, and trees that learn what it does not say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.base import trained_moment
from app.estimators.forecast import Forecasting
from app.estimators.rates import Rates, read_rates, write_rates
from app.features.library import LIBRARY
from app.features.schema import Feature, FeatureSet
from tests.unit.estimators.forecasts import INPUTS, buyers, forecast
from tests.unit.training.rows import SEED
from training.ladder import Data, Ladder
from training.snapshots import Fold, random_folds
from training.standing import Stand
from training.value_ladder import (
    CUSTOMERS_FLOOR,
    RULES,
    SPENDERS_FLOOR,
    TESTED_SPENDERS,
    VALUE,
    WEIGHTS,
    climb_value,
    fit_means,
    fit_spend_rules,
    judge_value,
    value_metrics,
)
from training.value_metrics import decile_error, level, normalised_gini, tweedie_losses

EXTRA = tuple(Feature(f"attribute.x{j}", "value", low=-np.inf, table="customers") for j in range(2))
FEATURES = FeatureSet((*(LIBRARY[name] for name in INPUTS), *EXTRA))
STAND = Stand(forecast(), "spend")


def rows(effect: float, size: int = 900, seed: int = 0) -> Data:
    """Return rows whose spend is what the forecast says, times exp(effect · sign(x0))."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([buyers(seed, size), rng.normal(size=(size, 2))])
    base = Forecasting(STAND.forecast, "spend").at(trained_moment(1)).margin(X)
    mean = np.exp(base + effect * np.sign(X[:, 4]))
    # A random number of orders of random value, so that many spend nothing.
    orders = rng.poisson(mean / 30.0)
    y = np.array([rng.gamma(2.0, 15.0, count).sum() for count in orders])
    population = (X[:, 2] < 2).astype(np.int64)
    return Data(
        FEATURES,
        ("repeat", "first_order"),
        (("order_days", "average_order_value"), ("days_since_last_order",)),
        X,
        y,
        population,
        np.arange(size),
        base=base,
        middle=np.zeros(size),
    )


def folds_of(data: Data) -> tuple[Fold, ...]:
    return random_folds((data.y > 0).astype(float), np.arange(len(data.y)), 3, SEED)


@cache
def climbed(effect: float) -> tuple[Data, Ladder]:
    data = rows(effect)
    return data, climb_value(data, folds_of(data), SEED, STAND)


def told(ladder: Ladder, tier: str, data: Data) -> Array:
    return np.exp(ladder.rungs[tier].margin(data.X, data.population))  # type: ignore[index]


# ── The rule ──────────────────────────────────────────────────────────────────────────────────────────
def test_means_of_a_number_are_those_of_its_bins() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(20_000)
    truth = np.select([x < 0.25, x < 0.5, x < 0.75], [5.0, 10.0, 20.0], 80.0)
    X = np.column_stack([x, np.zeros((20_000, 5))])
    means = fit_means(FEATURES, X, rng.gamma(2.0, truth / 2), INPUTS[0])
    assert len(means.margins) == 8
    asked = np.zeros((4, 6))
    asked[:, 0] = [0.1, 0.4, 0.6, 0.9]
    assert np.exp(means.margin(asked)) == pytest.approx([5, 10, 20, 80], rel=0.05)
    np.testing.assert_array_equal(read_rates(write_rates(means)).margin(asked), means.margin(asked))


def test_a_mean_of_few_rows_is_drawn_to_that_of_all_and_missing_has_its_own() -> None:
    X = np.zeros((43, 6))
    X[40:, 0] = np.nan
    X[:10, 0] = 1.0
    y = np.r_[np.full(10, 200.0), np.full(30, 10.0), np.full(3, 100.0)]
    means = fit_means(FEATURES, X, y, INPUTS[0])
    asked = np.zeros((3, 6))
    asked[:, 0] = [1.0, 0.0, np.nan]
    base = y.mean()
    expected = [(2000 + 20 * base) / 30, (300 + 20 * base) / 50, (300 + 20 * base) / 23]
    assert np.exp(means.margin(asked)) == pytest.approx(expected)


def test_by_no_feature_the_mean_of_all_is_told_and_of_nobody_almost_nothing() -> None:
    X, y = np.zeros((4, 6)), np.array([0.0, 0.0, 4.0, 8.0])
    assert np.exp(fit_means(FEATURES, X, y, None).margin(X)) == pytest.approx([3.0] * 4)
    nothing = fit_means(FEATURES, X[:0], y[:0], None)
    assert np.isfinite(nothing.margin(X)).all()
    assert np.exp(nothing.margin(X)).max() < 1e-5


def test_each_population_has_a_table_by_the_feature_that_tells_most() -> None:
    data = rows(0.0)
    rung = fit_spend_rules(data, SEED)
    first, second = (one for one in rung.estimators if isinstance(one, Rates))
    assert rung.choice == f"{first.feature}, {second.feature}"
    assert second.feature == "days_since_last_order"
    own, new = data.population == 0, rows(0.0, 4000, seed=5)
    asked = new.population == 0
    losses = {}
    for name in data.rule_features[0]:
        table = fit_means(FEATURES, data.X[own], data.y[own], name)
        losses[name] = tweedie_losses(new.y[asked], np.exp(table.margin(new.X[asked]))).mean()
    assert losses[first.feature] == min(losses.values())
    nobody = fit_spend_rules(replace(data, population=np.zeros(len(data.y), dtype=np.int64)), SEED)
    last = np.exp(nobody.estimators[1].margin(data.X[:1]))
    assert last == pytest.approx(data.y.mean())


def test_the_rules_of_the_populations_are_in_the_library() -> None:
    assert {name for names in RULES.values() for name in names} <= LIBRARY.keys()


# ── The rungs ─────────────────────────────────────────────────────────────────────────────────────────
def test_without_a_forecast_or_folds_there_are_rules_alone() -> None:
    data = rows(0.0, 200)
    assert list(climb_value(data, folds_of(data), SEED).rungs) == ["rules"]
    ladder = climb_value(data, (), SEED, STAND)
    assert (list(ladder.rungs), ladder.preferred) == (["rules"], "rules")


def test_trees_are_tried_where_there_are_enough_customers_and_spenders() -> None:
    few = rows(0.5, CUSTOMERS_FLOOR - 1)
    assert list(climb_value(few, folds_of(few), SEED, STAND).rungs) == ["rules", "statistical"]
    data = rows(0.5, 700)
    y = data.y.copy()
    y[np.flatnonzero(y)[SPENDERS_FLOOR - 1 :]] = 0.0
    poor = replace(data, y=y)
    assert list(climb_value(poor, folds_of(poor), SEED, STAND).rungs) == ["rules", "statistical"]
    same = replace(data, customer=np.arange(700) % 300)
    assert "ml" not in climb_value(same, folds_of(same), SEED, STAND).rungs
    assert list(climbed(0.8)[1].rungs) == ["rules", "statistical", "ml"]


def test_the_statistical_rung_is_the_forecast_itself() -> None:
    data, ladder = climbed(0.0)
    rung = ladder.rungs["statistical"]
    assert [entry.stand for entry in rung.entries] == [STAND, STAND]
    assert all((entry.trees, entry.weight) == (None, 1.0) for entry in rung.entries)
    expected = data.base + np.array([one.intercept for one in rung.calibrations])[data.population]
    np.testing.assert_allclose(rung.margin(data.X, data.population), expected)
    # The forecast is right: held-out rows move it little, and it beats the rule on others.
    assert max(abs(one.intercept) for one in rung.calibrations) < 0.25
    new = rows(0.0, seed=9)
    rule, own = (tweedie_losses(new.y, told(ladder, tier, new)).mean() for tier in ("rules", "statistical"))
    assert own < rule


def test_trees_learn_what_the_forecast_does_not_say_and_are_preferred() -> None:
    _, ladder = climbed(0.8)
    assert ladder.preferred == "ml"
    [entry, _] = ladder.rungs["ml"].entries
    assert entry.trees is not None
    assert entry.trees_weight in WEIGHTS[2:]
    new = rows(0.8, seed=7)
    losses = {tier: tweedie_losses(new.y, told(ladder, tier, new)).mean() for tier in ladder.rungs}
    assert losses["ml"] < 0.95 * losses["statistical"]
    high = new.X[:, 4] > 0
    lead = told(ladder, "ml", new) / told(ladder, "statistical", new)
    assert lead[high].mean() > 1.4 * lead[~high].mean()


def test_where_the_forecast_says_all_trees_do_little_harm() -> None:
    for seed in (0, 1, 2):
        data, new = rows(0.0, seed=seed), rows(0.0, 8000, seed=77)
        ladder = climb_value(data, folds_of(data), SEED, STAND)
        losses = {tier: tweedie_losses(new.y, told(ladder, tier, new)).mean() for tier in ladder.rungs}
        assert losses["ml"] < 1.08 * losses["statistical"] < 0.6 * losses["rules"]


@pytest.mark.parametrize("effect", [0.0, 0.8])
def test_the_total_is_that_of_the_held_out_rows(effect: float) -> None:
    data, ladder = climbed(effect)
    assert level(data.y, told(ladder, "statistical", data)) == pytest.approx(1.0, abs=0.1)


def test_the_currency_changes_no_choice() -> None:
    data = rows(0.8, 600)
    one = climb_value(data, folds_of(data), SEED, STAND)
    assert data.base is not None
    dear = replace(data, y=100 * data.y, base=data.base + np.log(100.0))
    value = STAND.forecast.value
    assert value is not None
    scaled = replace(
        STAND.forecast,
        value=replace(value, v=100 * value.v),
        reference=(*STAND.forecast.reference[:3], 100 * STAND.forecast.reference[3]),
    )
    other = climb_value(dear, folds_of(dear), SEED, Stand(scaled, "spend"))
    assert (one.preferred, one.rungs["ml"].choice) == (other.preferred, other.rungs["ml"].choice)


# ── Judging ───────────────────────────────────────────────────────────────────────────────────────────
def amounts(size: int = 1500, seed: int = 0) -> tuple[Array, Array, Array]:
    """Return spend, what was expected of each, and a customer for each row."""
    rng = np.random.default_rng(seed)
    mean = rng.gamma(1.5, 20.0, size)
    y = np.where(rng.random(size) < 0.5, 0.0, rng.gamma(2.0, mean))
    return y, mean, np.arange(size)


def test_a_better_order_and_level_earns_a_grade_and_the_rule_itself_earns_c() -> None:
    y, mean, customer = amounts()
    constant = np.full(len(y), y.mean())
    verdict = judge_value(y, mean, constant, customer, "mean_spend", SEED)
    assert verdict.grade == "A"
    assert verdict.baseline.name == "mean_spend"
    assert verdict.baseline.metric == "tweedie_deviance"
    assert verdict.baseline.value == pytest.approx(tweedie_losses(y, constant).mean())
    assert verdict.baseline.model_value == pytest.approx(tweedie_losses(y, mean).mean())
    assert judge_value(y, constant, constant, customer, "mean_spend", SEED).grade == "C"
    noise = y.mean() * np.exp(np.random.default_rng(1).normal(0, 0.5, len(y)))
    assert judge_value(y, noise, constant, customer, "mean_spend", SEED).grade == "C"


def test_forecasting_nothing_earns_c_however_small_the_absolute_error() -> None:
    y, mean, customer = amounts()
    verdict = judge_value(y, 0.02 * mean, mean, customer, "rule", SEED)
    assert verdict.grade == "C"


def test_ranking_worse_than_the_rule_earns_c() -> None:
    y, mean, customer = amounts()
    wrong_level = 5 * mean
    flat = np.full(len(y), y.mean()) * np.exp(0.001 * -mean)
    verdict = judge_value(y, flat, wrong_level, customer, "rule", SEED)
    assert verdict.reduction.low > 0
    assert (verdict.grade, verdict.reason) == ("C", "does not rank as well as the rule")


@pytest.mark.parametrize("y", [np.zeros(20), np.empty(0)])
def test_nobody_who_spends_earns_c_and_says_so(y: Array) -> None:
    p = np.ones(len(y))
    verdict = judge_value(y, p, p, np.arange(len(y)), "rule", SEED)
    assert (verdict.grade, verdict.reason) == ("C", "nobody spent anything on the held-out rows")
    assert value_metrics(y, p, np.arange(len(y)), SEED) == {}


def test_metrics_have_intervals_that_hold_them_and_repeat() -> None:
    y, mean, customer = amounts(400)
    found = value_metrics(y, mean, customer, SEED)
    values = {name: one.value for name, one in found.items()}
    assert values == {
        "gini": pytest.approx(normalised_gini(y, mean)),
        "level": pytest.approx(level(y, mean)),
        "decile_error": pytest.approx(decile_error(y, mean)),
    }
    assert all(one.low <= one.value <= one.high for one in found.values())
    assert found == value_metrics(y, mean, customer, SEED)


def test_the_target_says_how_amounts_are_told_and_when_they_can_be_judged() -> None:
    assert VALUE.name == "mean_spend"
    assert VALUE.link(np.array([0.0]))[0] == 1.0
    assert VALUE.rate(np.array([0.0, 4.0])) == 2.0
    assert VALUE.rate(np.empty(0)) > 0
    few = np.r_[np.ones(TESTED_SPENDERS - 1), np.zeros(500)]
    assert not VALUE.is_enough(few)
    assert VALUE.is_enough(np.r_[few, 1.0])
    y, mean, _ = amounts()
    assert VALUE.loss(y, mean) == pytest.approx(tweedie_losses(y, mean).mean())
    assert np.isnan(VALUE.loss(np.empty(0), np.empty(0)))


def test_the_shift_gives_margins_the_total_of_some_answers() -> None:
    margin, answers = np.log([1.0, 3.0]), np.array([10.0, 14.0])
    assert np.exp(margin + VALUE.shift(margin, answers)).sum() == pytest.approx(24.0)
