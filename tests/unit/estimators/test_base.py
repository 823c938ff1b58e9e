"""The link, and calibration that keeps contributions exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimators.base import Calibration, Contributions, logit, sigmoid

MARGINS = st.floats(-40, 40)


@given(MARGINS)
def test_sigmoid_is_the_logistic_function(margin: float) -> None:
    assert sigmoid(np.array([margin]))[0] == pytest.approx(1 / (1 + np.exp(-margin)), rel=1e-14)


@given(st.lists(MARGINS, min_size=2, max_size=9))
def test_a_higher_margin_is_never_a_lower_probability(margins: list[float]) -> None:
    assert (np.diff(sigmoid(np.array(sorted(margins)))) >= 0).all()


def test_no_margin_overflows() -> None:
    assert sigmoid(np.array([-1e308, -800.0, 0.0, 800.0, 1e308])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


@given(st.floats(1e-9, 1 - 1e-9))
def test_logit_undoes_sigmoid(probability: float) -> None:
    assert sigmoid(logit(np.array([probability])))[0] == pytest.approx(probability, rel=1e-9)


def test_logit_of_certainty_is_finite() -> None:
    low, high = logit(np.array([0.0, 1.0]))
    assert np.isfinite([low, high]).all()
    assert low == pytest.approx(-high)


@given(MARGINS, st.floats(0.05, 3), st.lists(st.floats(-5, 5), min_size=1, max_size=4), MARGINS)
def test_calibrated_contributions_add_up_to_the_calibrated_margin(
    intercept: float, slope: float, values: list[float], base: float
) -> None:
    calibration = Calibration(intercept, slope)
    parts = calibration.apply_to(Contributions(np.array([base]), np.array([values])))
    margin = calibration.apply(np.array([base + sum(values)]))
    assert (parts.base + parts.values.sum(axis=1))[0] == pytest.approx(margin[0], abs=1e-9)


def test_without_calibration_nothing_changes() -> None:
    assert Calibration().apply(np.array([1.5])).tolist() == [1.5]
