"""Calibration on held-out margins: of one margin, and of several parts beside a base."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from app.domain.history import Array
from app.estimators.base import logit, sigmoid
from tests.unit.training.rows import draw
from training.calibrating import LOWEST_SLOPE, fit_calibration, fit_weights, logit_shift
from training.evaluation import auc, log_loss


def penalised(at: Array, margin: Array, y: Array) -> float:
    """Return what a calibration minimises, written from its docstring: priors 0 ± 1 and 1 ± 0.5."""
    z = at[0] + at[1] * margin
    loss = np.logaddexp(0, z) - y * z
    return float(loss.sum() + at[0] ** 2 / 2 + ((at[1] - 1) / 0.5) ** 2 / 2)


def test_calibration_finds_what_was_bent() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(0, 2, 20_000)
    y = draw(rng, sigmoid(-0.7 + 0.4 * margin))
    assert astuple(fit_calibration(margin, y)) == pytest.approx((-0.7, 0.4), abs=0.05)


def test_calibration_betters_answers_that_are_too_sure() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=2000)
    y, sure = draw(rng, sigmoid(truth)), 3 * truth + 1
    calibration = fit_calibration(sure[:1000], y[:1000])
    new, held = sure[1000:], y[1000:]
    assert log_loss(held, sigmoid(calibration.apply(new))) < log_loss(held, sigmoid(new)) - 0.05
    assert auc(held, calibration.apply(new)) == auc(held, new)


@settings(max_examples=40)
@given(
    st.integers(1, 120), st.floats(-1, 1.3), st.sampled_from([-1.0, 0.0, 0.3, 1.0, 4.0]), st.integers(0, 99)
)
def test_calibration_is_the_lowest_penalised_loss_and_keeps_the_order(
    rows: int, size: float, truth: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    margin = rng.normal(rng.normal(), 10.0**size, rows)
    y = draw(rng, sigmoid(truth * margin))
    found = fit_calibration(margin, y)
    lowest = minimize(
        penalised,
        np.array([0.0, 1.0]),
        (margin, y),
        method="L-BFGS-B",
        bounds=[(None, None), (LOWEST_SLOPE, None)],
    )
    assert found.slope >= LOWEST_SLOPE
    assert penalised(np.array(astuple(found)), margin, y) <= lowest.fun + 1e-6


def test_calibration_of_a_model_that_says_nothing_is_flat_and_not_wild() -> None:
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 0.13, 200)
    y = draw(rng, np.full(200, 0.6))
    calibration = fit_calibration(margin, y)
    assert abs(calibration.intercept) < 1.0
    assert calibration.slope < 2.0


def test_a_model_that_is_upside_down_is_flattened_at_the_base_rate() -> None:
    rng = np.random.default_rng(4)
    margin = rng.normal(0, 3, 3000)
    y = draw(rng, sigmoid(-margin - 1))
    calibration = fit_calibration(margin, y)
    assert calibration.slope == LOWEST_SLOPE
    assert sigmoid(calibration.apply(margin)).mean() == pytest.approx(y.mean(), abs=0.01)


def test_few_rows_leave_answers_almost_as_they_are() -> None:
    calibration = fit_calibration(np.array([logit(np.array(0.3)).item()]), np.array([1.0]))
    assert astuple(calibration) == pytest.approx((0.0, 1.0), abs=0.6)


# Several parts beside a base


def parts(seed: int, rows: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 2)) * [1.5, 0.8], rng.normal(-0.5, 0.7, rows)


def test_weights_are_found_beside_what_is_added_as_it_is() -> None:
    Z, base = parts(0, 40_000)
    y = draw(np.random.default_rng(1), sigmoid(base + 0.3 + Z @ np.array([0.6, 1.4])))
    intercept, weights = fit_weights(Z, y, base)
    assert intercept == pytest.approx(0.3, abs=0.05)
    assert weights == pytest.approx([0.6, 1.4], abs=0.06)


def test_no_part_is_turned_around() -> None:
    Z, base = parts(2, 5000)
    y = draw(np.random.default_rng(3), sigmoid(base - 2 * Z[:, 0] + Z[:, 1]))
    _, weights = fit_weights(Z, y, base)
    assert weights[0] == 0
    assert weights[1] > 0.3


def test_few_rows_leave_the_weights_almost_as_they_are() -> None:
    intercept, weights = fit_weights(np.array([[0.3, -0.2]]), np.array([1.0]), np.array([0.1]))
    assert abs(intercept) < 0.6
    assert weights == pytest.approx([1.0, 1.0], abs=0.1)


def test_weights_are_the_lowest_penalised_loss() -> None:
    Z, base = parts(4, 60)
    y = draw(np.random.default_rng(5), np.full(60, 0.4))

    def loss(at: Array) -> float:
        z = base + at[0] + Z @ at[1:]
        penalty = at[0] ** 2 / 2 + (((at[1:] - 1) / 0.5) ** 2).sum() / 2
        return float((np.logaddexp(0, z) - y * z).sum() + penalty)

    intercept, weights = fit_weights(Z, y, base)
    found = np.r_[intercept, weights]
    for step in np.vstack([np.eye(3), -np.eye(3)]) * 0.01:
        moved = found + step
        moved[1:] = np.maximum(moved[1:], 0.0)
        assert loss(found) <= loss(moved) + 1e-9


def test_one_part_is_weighed_as_a_calibration_weighs_it() -> None:
    rng = np.random.default_rng(6)
    margin = rng.normal(0, 1.5, 800)
    y = draw(rng, sigmoid(0.4 + 0.7 * margin))
    intercept, weights = fit_weights(margin[:, None], y, np.zeros(800))
    assert (intercept, weights[0]) == pytest.approx(astuple(fit_calibration(margin, y)), abs=1e-4)


# The level of probabilities


@given(st.lists(st.floats(-8, 8), min_size=3, max_size=60), st.integers(0, 999))
def test_the_shift_makes_the_mean_the_observed_share(margins: list[float], seed: int) -> None:
    margin = np.array(margins)
    y = (np.random.default_rng(seed).random(len(margin)) < 0.4).astype(float)
    shift = logit_shift(margin, y)
    assert sigmoid(margin + shift).mean() == pytest.approx((y.sum() + 0.5) / (len(y) + 1), abs=1e-9)


def test_one_class_alone_is_shifted_far_and_not_for_ever() -> None:
    margin = np.linspace(-1, 1, 50)
    low, high = logit_shift(margin, np.zeros(50)), logit_shift(margin, np.ones(50))
    assert -10 < low < -3
    assert 3 < high < 10
