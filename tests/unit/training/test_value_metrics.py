"""Metrics of a forecast of value: by hand, against their definitions, and where they are not defined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_tweedie_deviance

from app.domain.history import Array
from training.value_metrics import (
    POWER,
    decile_error,
    interval_scores,
    level,
    normalised_gini,
    tweedie_losses,
)

amounts = st.lists(st.just(0.0) | st.floats(0.01, 1e4), min_size=2, max_size=40).map(np.array)


def spend(rows: int = 400, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(rows) < 0.6, 0.0, rng.gamma(2.0, 30.0, rows))


# ── Gini ──────────────────────────────────────────────────────────────────────────────────────────────
def test_gini_by_hand() -> None:
    actual = np.array([6.0, 3.0, 1.0, 0.0])
    # Shares captured by the best order: 0.6, 0.9, 1, 1; by this one: 0.3, 0.9, 1, 1.
    best, told = 2 * 3.5 / 4 - 1, 2 * 3.2 / 4 - 1
    assert normalised_gini(actual, np.array([2.0, 3.0, 1.0, 0.5])) == pytest.approx(told / best)


def test_a_perfect_order_is_one_and_the_opposite_is_below_nothing() -> None:
    actual = spend()
    assert normalised_gini(actual, actual) == pytest.approx(1.0)
    assert normalised_gini(actual, -actual) < -0.5
    noise = np.random.default_rng(1).random((200, len(actual)))
    assert np.mean([normalised_gini(actual, one) for one in noise]) == pytest.approx(0.0, abs=0.03)


@given(amounts, st.floats(0.01, 100), st.integers(0, 99))
def test_only_the_order_counts(actual: Array, factor: float, seed: int) -> None:
    predicted = np.random.default_rng(seed).permutation(len(actual)).astype(float)
    one, other = normalised_gini(actual, predicted), normalised_gini(factor * actual, predicted**3)
    assert one == pytest.approx(other, nan_ok=True, rel=1e-6)
    if np.isfinite(one):
        assert one <= 1 + 1e-9


@pytest.mark.parametrize("actual", [np.zeros(5), np.empty(0)])
def test_nothing_spent_has_neither_gini_nor_level(actual: Array) -> None:
    predicted = np.ones(len(actual))
    assert np.isnan(normalised_gini(actual, predicted))
    assert np.isnan(level(actual, predicted))
    assert np.isnan(decile_error(actual, predicted))


# ── Level and deciles ─────────────────────────────────────────────────────────────────────────────────
def test_level_is_predicted_over_actual() -> None:
    assert level(np.array([4.0, 0.0]), np.array([1.0, 2.0])) == 0.75


def test_decile_error_by_hand() -> None:
    predicted = np.arange(20.0, 0.0, -1.0)
    actual = predicted.copy()
    assert decile_error(actual, predicted) == 0
    actual[:2] += 5.0
    # The best tenth is 5 below what came, the others are right: 5 / 10 over the mean of what came.
    assert decile_error(actual, predicted) == pytest.approx(0.5 / actual.mean())
    assert decile_error(actual, 2 * predicted) > decile_error(actual, predicted)


def test_errors_within_a_tenth_cancel() -> None:
    predicted = np.repeat(np.arange(10.0, 0.0, -1.0), 2)
    actual = predicted + np.tile([0.5, -0.5], 10)
    assert decile_error(actual, predicted) == pytest.approx(0.0)


# ── Deviance ──────────────────────────────────────────────────────────────────────────────────────────
def test_deviance_is_that_of_scikit_learn() -> None:
    actual, predicted = spend(), np.random.default_rng(2).gamma(2.0, 10.0, 400) + 0.1
    found = tweedie_losses(actual, predicted)
    assert found.shape == (400,)
    assert (found >= 0).all()
    assert found.mean() == pytest.approx(mean_tweedie_deviance(actual, predicted, power=POWER))


def test_deviance_is_lowest_at_the_mean_and_nothing_at_the_truth() -> None:
    actual = spend()
    constant = actual.mean() * np.array([0.5, 0.8, 0.99, 1.0, 1.01, 1.25, 2.0])
    losses = [tweedie_losses(actual, np.full(400, value)).mean() for value in constant]
    assert int(np.argmin(losses)) == 3
    assert tweedie_losses(np.array([7.0]), np.array([7.0])) == pytest.approx(0.0, abs=1e-9)


def test_forecasting_too_little_does_not_pay() -> None:
    """Where most spend nothing the median is zero: absolute error would prefer it."""
    actual = spend()
    assert np.abs(actual - 0.01).mean() < np.abs(actual - actual.mean()).mean()
    mean, least = (tweedie_losses(actual, np.full(400, value)).mean() for value in (actual.mean(), 0.01))
    assert mean < least


def test_nothing_expected_or_a_negative_amount_is_finite() -> None:
    assert np.isfinite(tweedie_losses(np.array([5.0, -3.0, 0.0]), np.array([0.0, 2.0, 0.0]))).all()


# ── Ranges ────────────────────────────────────────────────────────────────────────────────────────────
def test_interval_score_is_the_width_and_what_lies_outside_weighted() -> None:
    actual = np.array([5.0, 0.0, 12.0])
    scores = interval_scores(actual, np.full(3, 2.0), np.full(3, 10.0), 0.8)
    np.testing.assert_allclose(scores, [8.0, 8.0 + 10 * 2.0, 8.0 + 10 * 2.0])


def test_interval_score_is_best_at_the_quantiles() -> None:
    actual = np.random.default_rng(3).gamma(2.0, 30.0, 20_000)

    def score(low: float, high: float) -> float:
        ends = np.quantile(actual, [low, high])
        return float(interval_scores(actual, np.full(20_000, ends[0]), np.full(20_000, ends[1]), 0.8).mean())

    assert score(0.1, 0.9) < min(score(0.02, 0.9), score(0.1, 0.98), score(0.2, 0.9), score(0.1, 0.8))
