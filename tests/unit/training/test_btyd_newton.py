from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.domain.history import Array
from training.btyd_newton import BOUND, PRIOR_DEVIATION, maximise

Answer = tuple[float, Array, Array]


def quadratic(top: Array, curvature: Array) -> Callable[[Array], Answer]:
    def likelihood(theta: Array) -> Answer:
        off = theta - top
        return -0.5 * float(off @ curvature @ off), -curvature @ off, -curvature

    return likelihood


def test_a_quadratic_is_done_in_two_steps_with_its_covariance() -> None:
    top, curvature = np.array([0.5, -1.0]), np.array([[4.0, 1.0], [1.0, 2.0]])
    found = maximise(quadratic(top, curvature), np.zeros(2), None)
    assert found.has_converged
    assert not found.is_on_bound
    assert found.evaluations <= 2
    assert found.log_parameters == pytest.approx(top, abs=1e-9)
    assert found.covariance == pytest.approx(np.linalg.inv(curvature), rel=1e-9)


def test_the_prior_weighs_as_its_deviation_says_and_stays_out_of_the_log_likelihood() -> None:
    likelihood = quadratic(np.array([3.0]), np.array([[2.0]]))
    found = maximise(likelihood, np.zeros(1), np.array([1.0]))
    precision = PRIOR_DEVIATION**-2
    assert found.log_parameters[0] == pytest.approx((2.0 * 3.0 + precision * 1.0) / (2.0 + precision))
    assert found.covariance[0, 0] == pytest.approx(1.0 / (2.0 + precision))
    assert found.log_likelihood == pytest.approx(likelihood(found.log_parameters)[0])


def test_without_data_the_prior_is_the_answer() -> None:
    found = maximise(lambda theta: (0.0, np.zeros(3), np.zeros((3, 3))), np.ones(3), np.full(3, 0.4))
    assert found.has_converged
    assert found.log_parameters == pytest.approx(np.full(3, 0.4))
    assert np.diag(found.covariance) == pytest.approx(np.full(3, PRIOR_DEVIATION**2))


def test_a_surface_that_is_not_convex_is_climbed_all_the_same() -> None:
    def likelihood(theta: Array) -> Answer:
        # Two bells; the start is where both curve upwards.
        left, right = np.exp(-0.5 * (theta + 2) ** 2), 2 * np.exp(-0.5 * (theta - 2) ** 2)
        slope = -(theta + 2) * left - (theta - 2) * right
        bend = ((theta + 2) ** 2 - 1) * left + ((theta - 2) ** 2 - 1) * right
        return float(left[0] + right[0]), slope, bend[None, :]

    found = maximise(likelihood, np.array([0.1]), None)
    assert found.has_converged
    assert found.log_parameters[0] == pytest.approx(2.0, abs=0.01)


def test_a_slope_without_end_ends_at_the_bound() -> None:
    found = maximise(lambda theta: (float(theta.sum()), np.ones(2), np.zeros((2, 2))), np.zeros(2), None)
    assert found.has_converged
    assert found.is_on_bound
    assert found.log_parameters == pytest.approx(np.full(2, BOUND))


def test_a_ridge_is_followed_along_the_bound() -> None:
    """The sum is what data know well; their difference runs away slowly."""

    def likelihood(theta: Array) -> Answer:
        level, drift = theta[0] - theta[1] - 2.0, 1e-3
        curvature = -1e6 * np.array([[1.0, -1.0], [-1.0, 1.0]])
        gradient = -1e6 * level * np.array([1.0, -1.0]) + drift
        return -5e5 * level**2 + drift * float(theta.sum()), gradient, curvature

    found = maximise(likelihood, np.zeros(2), None)
    assert found.has_converged
    assert found.is_on_bound
    assert found.log_parameters == pytest.approx([BOUND, BOUND - 2.0], abs=1e-6)


def test_a_start_outside_the_box_is_brought_back() -> None:
    found = maximise(quadratic(np.array([1.0]), np.eye(1)), np.array([50.0]), None)
    assert found.log_parameters[0] == pytest.approx(1.0)


def test_a_search_that_gets_nowhere_says_so() -> None:
    """The slope that is told is not that of the value."""
    found = maximise(
        lambda theta: (-1e3 * float(np.abs(theta).sum()), np.ones(2), -np.eye(2)), np.zeros(2), None
    )
    assert not found.has_converged or found.log_parameters == pytest.approx(np.zeros(2))
