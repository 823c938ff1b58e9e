"""The search for the lowest point, held to points that are known and to SciPy's."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from app.domain.history import Array
from training.sentiment.descent import lowest


def test_a_bowl_has_its_lowest_point_where_it_was_put() -> None:
    truth, width = np.linspace(-3, 3, 50), np.linspace(0.1, 10, 50)

    def bowl(x: Array) -> tuple[float, Array]:
        return float((width * (x - truth) ** 2).sum()), 2 * width * (x - truth)

    assert np.allclose(lowest(bowl, np.zeros(50), 200, 0.0), truth, atol=1e-5)


def test_a_logistic_regression_ends_where_scipy_ends() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    y = (rng.random(300) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)

    def loss(w: Array) -> tuple[float, Array]:
        margin = X @ w
        value = np.logaddexp(0, margin).sum() - y @ margin + w @ w / 2
        return float(value), X.T @ (1 / (1 + np.exp(-margin)) - y) + w

    expected = minimize(loss, np.zeros(20), jac=True, method="L-BFGS-B", options={"gtol": 1e-8}).x
    assert np.allclose(lowest(loss, np.zeros(20), 200, 1e-12), expected, atol=1e-4)


def test_it_ends_after_its_steps_and_never_goes_up() -> None:
    def steep(x: Array) -> tuple[float, Array]:
        return float((x**4).sum()), 4 * x**3

    values = [steep(lowest(steep, np.full(3, 2.0), count, 0.0))[0] for count in range(6)]
    assert values[0] == 48.0
    assert all(later < earlier for earlier, later in pairwise(values))


def test_at_the_lowest_point_it_stays() -> None:
    def flat(x: Array) -> tuple[float, Array]:
        return float(x @ x), 2 * x

    assert lowest(flat, np.zeros(2), 10, 0.0).tolist() == [0.0, 0.0]


def test_a_gradient_that_points_the_wrong_way_ends_the_search() -> None:
    def wrong(x: Array) -> tuple[float, Array]:
        return float(x @ x), -2 * x

    assert lowest(wrong, np.ones(2), 10, 0.0).tolist() == pytest.approx([1.0, 1.0])
