from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.estimators.base import sigmoid, trained_moment
from app.estimators.forecast import Forecasting
from app.estimators.linear import Linear
from app.estimators.rates import Rates
from app.estimators.trees import Trees
from app.features.library import LIBRARY
from app.features.schema import FeatureSet
from tests.unit.estimators.forecasts import INPUTS, buyers, forecast
from tests.unit.training.rows import SEED, data_of, draw, mixed, mixed_rows, numbers
from training.evaluation import auc, log_loss
from training.ladder import DISBELIEF, FORECAST_FLOOR, Data, climb, fit_rules, with_masks
from training.snapshots import Fold, random_folds
from training.standing import Stand


def rows_and_folds(rows: int, seed: int = 0) -> tuple[Data, tuple[Fold, ...]]:
    X, y, _ = mixed_rows(seed, rows)
    return data_of(X, y, features=mixed()), random_folds(y, np.arange(rows), 3, SEED)


@pytest.mark.parametrize(
    ("rows", "tiers"),
    [(150, ["rules"]), (300, ["rules", "statistical"]), (600, ["rules", "statistical", "ml"])],
)
def test_a_rung_is_tried_where_there_are_enough_customers(rows: int, tiers: list[str]) -> None:
    ladder = climb(*rows_and_folds(rows), SEED)
    assert list(ladder.rungs) == tiers
    assert ladder.preferred in tiers


def test_rows_of_the_same_customers_are_no_more_customers() -> None:
    data, folds = rows_and_folds(600)
    few = replace(data, customer=np.arange(600) % 150)
    assert list(climb(few, folds, SEED).rungs) == ["rules"]


def test_a_rare_outcome_holds_the_higher_rungs_back() -> None:
    data, folds = rows_and_folds(600)
    rare = data.y.copy()
    rare[np.flatnonzero(rare)[24:]] = 0.0
    assert list(climb(replace(data, y=rare), folds, SEED).rungs) == ["rules"]


def test_without_folds_there_is_nothing_to_choose_by() -> None:
    data, _ = rows_and_folds(600)
    ladder = climb(data, (), SEED)
    assert (list(ladder.rungs), ladder.preferred) == (["rules"], "rules")


def test_every_rung_is_of_its_kind_and_says_what_was_chosen() -> None:
    rungs = climb(*rows_and_folds(600), SEED).rungs
    kinds = {tier: type(rung.estimators[0]) for tier, rung in rungs.items()}
    assert kinds == {"rules": Rates, "statistical": Linear, "ml": Trees}
    assert rungs["statistical"].choice.startswith("C=")
    assert "leaves" in rungs["ml"].choice
    assert rungs["rules"].choice in mixed().names


def test_the_preferred_rung_has_the_lowest_loss_on_the_held_out_folds() -> None:
    data, folds = rows_and_folds(600)
    ladder = climb(data, folds, SEED)
    assert ladder.rungs[ladder.preferred].loss == min(
        ladder.rungs["statistical"].loss, ladder.rungs["ml"].loss
    )
    # The truth is all but linear.
    assert ladder.preferred == "statistical"


def test_answers_hold_on_new_rows() -> None:
    ladder = climb(*rows_and_folds(900), SEED)
    X, y, truth = mixed_rows(9, 4000)
    where = np.zeros(4000, dtype=np.int64)
    best = log_loss(y, sigmoid(truth))
    for tier in ("statistical", "ml"):
        p = ladder.rungs[tier].probability(X, where)
        assert log_loss(y, p) < best + 0.05
        assert abs(p.mean() - y.mean()) < 0.03


def test_a_climb_repeats_with_the_seed() -> None:
    data, folds = rows_and_folds(520)
    first, second = (climb(data, folds, SEED) for _ in range(2))
    for tier, rung in first.rungs.items():
        assert rung.choice == second.rungs[tier].choice
        assert np.array_equal(
            rung.probability(data.X, data.population), second.rungs[tier].probability(data.X, data.population)
        )


def two_populations() -> Data:
    """Return rows whose first population lives by its first number, the second by its second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 2))
    population = np.arange(800) % 2
    y = draw(rng, sigmoid(2 * X[np.arange(800), population]))
    return data_of(X, y, population=population, populations=("repeat", "first_order"))


def test_each_population_has_a_rule_of_its_own() -> None:
    data = two_populations()
    rules = fit_rules(data, SEED)
    assert rules.choice == "attribute.x0, attribute.x1"
    p = rules.probability(data.X, data.population)
    for k in (0, 1):
        own = data.population == k
        assert auc(data.y[own], p[own]) > 0.8


def test_each_population_is_calibrated_on_its_own() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(900, 1))
    population = np.arange(900) % 2
    y = draw(rng, np.where(population == 1, 0.7, sigmoid(1.5 * X[:, 0] - 1)))
    data = data_of(X, y, population=population, populations=("repeat", "first_order"))
    rung = climb(data, random_folds(y, np.arange(900), 3, SEED), SEED).rungs["statistical"]
    p = rung.probability(X, population)
    for k in (0, 1):
        own = population == k
        assert p[own].mean() == pytest.approx(y[own].mean(), abs=0.03)
    assert rung.calibrations[1].slope < 0.5 * rung.calibrations[0].slope


def test_a_population_without_a_row_is_told_the_rate_of_all() -> None:
    data = two_populations()
    alone = data.take(np.flatnonzero(data.population == 0))
    rules = fit_rules(alone, SEED)
    p = rules.probability(alone.X[:3], np.ones(3, dtype=np.int64))
    assert p == pytest.approx(alone.y.mean(), abs=0.01)
    assert rules.choice == "attribute.x0, base rate"


def test_who_belongs_to_no_population_gets_no_answer() -> None:
    data = two_populations()
    p = fit_rules(data, SEED).probability(data.X[:2], np.array([-1, 0]))
    assert np.isnan(p).tolist() == [True, False]


def test_models_practise_what_a_payload_may_lack() -> None:
    X, y, _ = mixed_rows(0, 400)
    data = replace(data_of(X, y, features=mixed()), optional=((0.25, (1, 3)),))
    masked = with_masks(data, SEED)
    assert np.array_equal(masked.X[:400], X, equal_nan=True)
    copies = masked.X[400:]
    assert 60 < len(copies) < 140
    assert len(masked.y) == len(masked.X)
    assert masked.base is None
    founded = with_masks(replace(data, base=X[:, 1]), SEED)
    assert founded.base is not None
    assert np.array_equal(founded.base[:400], X[:, 1])
    # A copy keeps what the forecast said of the row that it was made of: nothing of that was masked.
    assert np.isin(founded.base[400:], X[:, 1]).all()
    place = {value: k for k, value in enumerate(X[:, 0])}
    for row, base in zip(founded.X[400:], founded.base[400:], strict=True):
        if row[0] in place and not np.isnan(row[0]):
            assert base == X[place[row[0]], 1]
    assert np.isnan(copies[:, [1, 3]]).all()
    assert (~np.isnan(copies[:, 0])).any()


def test_what_may_be_lacking_is_answered_as_what_is_known_allows() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(1200, 2))
    y = draw(rng, sigmoid(2 * X[:, 0] + X[:, 1] - 1))
    data = replace(data_of(X, y, features=numbers(2)), optional=((0.3, (0,)),))
    rung = climb(data, random_folds(y, np.arange(1200), 3, SEED), SEED).rungs["statistical"]
    lacking = X.copy()
    lacking[:, 0] = np.nan
    p = rung.probability(lacking, data.population)
    assert p.mean() == pytest.approx(y.mean(), abs=0.08)
    assert auc(y, p) > 0.6


# On a forecast


def founded(effect: float, weight: float, rows: int = 900, seed: int = 0) -> tuple[Data, tuple[Fold, ...]]:
    """Return rows whose log-odds of silence are a forecast's, scaled around its middle, and a part by x0."""
    rng = np.random.default_rng(seed)
    features = FeatureSet((*(LIBRARY[name] for name in INPUTS), *numbers(1).features))
    X = np.column_stack([buyers(seed, rows), rng.normal(size=rows)])
    base = Forecasting(forecast(), "no_order").at(trained_moment(1)).margin(X)
    usual = np.array([[*forecast().reference, 0.0]])
    middle = np.full(rows, Forecasting(forecast(), "no_order").at(trained_moment(1)).margin(usual)[0])
    truth = middle + weight * (base - middle) + effect * np.sign(X[:, 4])
    data = replace(
        data_of(X, draw(rng, sigmoid(truth)), features=features),
        population=(X[:, 2] < 2).astype(np.int64),
        populations=("repeat", "first_order"),
        rule_features=((INPUTS[0],), (INPUTS[0],)),
        base=base,
        middle=middle,
    )
    return data, random_folds(data.y, np.arange(rows), 3, SEED)


STAND = Stand(forecast(), "no_order")


def test_with_a_forecast_it_is_the_statistical_rung_and_weighs_distances() -> None:
    data, folds = founded(0.0, 0.5, 4000)
    rung = climb(data, folds, SEED, STAND).rungs["statistical"]
    assert rung.choice == "MbgNbd"
    [repeat, _] = rung.entries
    assert (repeat.stand, repeat.trees, repeat.trees_weight) == (STAND, None, 0.0)
    # The truth is 0.5; three folds are believed for three fifths of the way from 1.
    assert repeat.weight == pytest.approx(1 - 3 / (3 + DISBELIEF) * 0.5, abs=0.08)
    own = data.population == 0
    expected = data.middle[own] + rung.calibrations[0].intercept  # type: ignore[index]
    expected = expected + repeat.weight * (data.base[own] - data.middle[own])  # type: ignore[index]
    np.testing.assert_allclose(rung.margin(data.X[own], data.population[own]), expected)


def test_trees_on_a_forecast_learn_what_it_does_not_say() -> None:
    data, folds = founded(1.2, 1.0)
    ladder = climb(data, folds, SEED, STAND)
    assert (list(ladder.rungs), ladder.preferred) == (["rules", "statistical", "ml"], "ml")
    [entry, _] = ladder.rungs["ml"].entries
    assert entry.trees is not None
    assert entry.trees_weight > 0.5
    new, _ = founded(1.2, 1.0, seed=5)
    loss = {
        tier: log_loss(new.y, rung.probability(new.X, new.population)) for tier, rung in ladder.rungs.items()
    }
    assert loss["ml"] < loss["statistical"] - 0.05 < loss["rules"]


def test_a_forecast_needs_ten_rows_of_each_outcome_and_folds() -> None:
    data, folds = founded(0.0, 1.0, 300)
    for few in (FORECAST_FLOOR - 1, FORECAST_FLOOR):
        y = np.zeros(300)
        y[:few] = 1.0
        rungs = climb(replace(data, y=y), folds, SEED, STAND).rungs
        assert ("statistical" in rungs) == (few >= FORECAST_FLOOR)
    assert list(climb(data, (), SEED, STAND).rungs) == ["rules"]
