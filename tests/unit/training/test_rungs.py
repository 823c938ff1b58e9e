from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from app.domain.history import Array
from app.estimators.base import Estimator, sigmoid
from app.estimators.linear import read_linear, write_linear
from app.estimators.rates import read_rates, write_rates
from app.features.schema import FeatureSet
from tests.unit.training.rows import SEED, WORDS, draw, mixed, mixed_rows, numbers
from training.rungs import (
    PRIOR_ROWS,
    fit_best_rates,
    fit_linear,
    fit_linears,
    fit_rates,
)

# Rates


def test_rates_of_a_number_are_those_of_its_bins() -> None:
    rng = np.random.default_rng(0)
    x = rng.random(40_000)
    truth = np.select([x < 0.25, x < 0.5, x < 0.75], [0.1, 0.2, 0.4], 0.7)
    rates = fit_rates(numbers(1), x[:, None], draw(rng, truth), "attribute.x0")
    assert len(rates.margins) == 8
    assert sigmoid(rates.margin(np.array([[0.1], [0.4], [0.6], [0.9]]))) == pytest.approx(
        [0.1, 0.2, 0.4, 0.7], abs=0.02
    )


def test_rates_of_a_word_and_of_its_absence() -> None:
    features = FeatureSet((mixed().features[2],), {"attribute.colour": WORDS})
    code = np.repeat([0.0, 1.0, 2.0, np.nan], 500)
    y = np.concatenate([np.arange(500) < share * 500 for share in (0.1, 0.5, 0.8, 0.3)]).astype(np.float64)
    rates = fit_rates(features, code[:, None], y, "attribute.colour")
    found = sigmoid(rates.margin(np.array([[0.0], [1.0], [2.0], [np.nan]])))
    base = (y.sum() + 0.5) / 2001
    shrunk = [(share * 500 + PRIOR_ROWS * base) / (500 + PRIOR_ROWS) for share in (0.1, 0.5, 0.8, 0.3)]
    assert found == pytest.approx(shrunk)


def test_rates_by_no_feature_are_the_base_rate() -> None:
    rates = fit_rates(numbers(2), np.ones((9, 2)), np.r_[np.ones(3), np.zeros(6)], None)
    assert sigmoid(rates.margin(np.array([[5.0, np.nan]]))) == pytest.approx([3.5 / 10], abs=1e-3)
    assert rates.feature == ""


def test_rates_without_a_row_say_nothing() -> None:
    rates = fit_rates(numbers(1), np.empty((0, 1)), np.empty(0), "attribute.x0")
    assert sigmoid(rates.margin(np.array([[1.0], [np.nan]]))) == pytest.approx([0.5, 0.5])


def test_the_best_rates_are_by_the_feature_that_tells_most() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    names = numbers(3).names
    y = draw(rng, sigmoid(2 * X[:, 1]))
    assert fit_best_rates(numbers(3), X, y, names, SEED).feature == "attribute.x1"
    assert fit_best_rates(numbers(3), X[:40], y[:40], names, SEED).feature == "attribute.x0"
    assert fit_best_rates(numbers(3), X, y, (), SEED).feature == ""


# Logistic regression


def design_of(X: Array) -> Array:
    """Return the design of a regression over :func:`mixed`, written from the docstring alone."""
    columns = []
    for j in (0, 1, 3):
        x = X[:, j]
        seen = x[~np.isnan(x)]
        if abs(np.mean(((seen - seen.mean()) / seen.std()) ** 3)) > 2:
            x, seen = (np.sign(v) * np.log1p(np.abs(v)) for v in (x, seen))
        low, high = np.quantile(seen, [0.001, 0.999])
        clipped = np.clip(seen, low, high)
        columns.append(np.nan_to_num((np.clip(x, low, high) - clipped.mean()) / clipped.std()))
    columns += [np.isnan(X[:, j]).astype(np.float64) for j in range(4)]
    columns += [(X[:, 2] == code).astype(np.float64) for code in range(len(WORDS))]
    return np.column_stack(columns)


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_exported_regression_answers_as_scikit_learn(strength: float) -> None:
    X, y, _ = mixed_rows(0, 800)
    design = design_of(X)
    theirs = LogisticRegression(C=strength, tol=1e-12, max_iter=1000).fit(design, y)
    tight = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=100).fit(design, y)
    ours = sigmoid(fit_linear(mixed(), X, y, strength, SEED).margin(X))
    assert ours == pytest.approx(tight.predict_proba(design)[:, 1], abs=1e-9)
    assert ours == pytest.approx(theirs.predict_proba(design)[:, 1], abs=1e-5)


def test_a_regression_finds_what_each_input_adds() -> None:
    X, y, truth = mixed_rows(1, 20_000)
    model = fit_linear(mixed(), X, y, 100.0, SEED)
    assert model.coefficient[0] / model.scale[0] == pytest.approx(1.2, abs=0.1)
    assert model.is_log[1] == 1.0
    assert model.coefficient[1] / model.scale[1] == pytest.approx(-0.6, abs=0.08)
    assert model.missing[0] == pytest.approx(0.8, abs=0.15)
    assert model.levels[1] - model.levels[0] == pytest.approx(1.0, abs=0.15)
    assert model.levels[2] - model.levels[0] == pytest.approx(-1.0, abs=0.15)
    assert np.corrcoef(model.margin(X), truth)[0, 1] > 0.99


def test_regressions_of_several_strengths_are_those_fitted_one_by_one() -> None:
    X, y, _ = mixed_rows(2, 300)
    together = fit_linears(mixed(), X, y, (0.01, 1.0), SEED)
    for model, strength in zip(together, (0.01, 1.0), strict=True):
        alone = fit_linear(mixed(), X, y, strength, SEED)
        assert write_linear(model) == write_linear(alone)


def test_a_regression_does_not_extrapolate() -> None:
    X, y, _ = mixed_rows(3, 500)
    model = fit_linear(mixed(), X, y, 1.0, SEED)
    edge, beyond = X[:1].copy(), X[:1].copy()
    edge[0, 0], beyond[0, 0] = np.nanmax(X[:, 0]), 1e6
    assert model.margin(edge) == pytest.approx(model.margin(beyond), abs=1e-9)


def test_a_column_that_is_missing_or_constant_is_no_trouble() -> None:
    X, y, _ = mixed_rows(4, 300)
    X[:, 0], X[:, 1] = np.nan, 5.0
    model = fit_linear(mixed(), X, y, 1.0, SEED)
    assert np.isfinite(model.margin(X)).all()
    X[:, 1] = 7.0
    assert np.isfinite(model.margin(X)).all()


# What the service reads


def test_what_is_written_answers_the_same_after_it_is_read() -> None:
    X, y, _ = mixed_rows(6, 400)
    fitted = fit_linear(mixed(), X, y, 1.0, SEED)
    assert np.array_equal(read_linear(write_linear(fitted)).margin(X), fitted.margin(X))
    rates = fit_rates(mixed(), X, y, "attribute.colour")
    assert np.array_equal(read_rates(write_rates(rates)).margin(X), rates.margin(X))


def test_contributions_sum_to_the_margin() -> None:
    X, y, _ = mixed_rows(7, 300)
    fitted: list[Estimator] = [
        fit_rates(mixed(), X, y, "attribute.x0"),
        fit_linear(mixed(), X, y, 0.1, SEED),
    ]
    for estimator in fitted:
        parts = estimator.contributions(X)
        assert parts.base + parts.values.sum(axis=1) == pytest.approx(estimator.margin(X), abs=1e-9)
