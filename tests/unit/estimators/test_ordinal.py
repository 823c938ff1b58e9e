"""Scales: distribution, expected score and range of one margin, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import sigmoid
from app.estimators.ordinal import LEVELS_LIMIT, Scale, nonconformity, read_scale

FIVE = Scale(np.arange(1.0, 6.0), 1, np.array([-1.5, 0.0, 1.4, 3.0]), 0.8)
MARGINS = np.linspace(-9, 9, 181)


def scales() -> st.SearchStrategy[Scale]:
    """Draw scales of 2 to 11 scores whose gaps and steps differ."""

    def made(seed: int, count: int, width: float) -> Scale:
        rng = np.random.default_rng(seed)
        steps = np.cumsum(rng.exponential(1.0, count - 1))
        cut = int(rng.integers(0, count - 1))
        return Scale(np.cumsum(rng.uniform(0.1, 2.0, count)), cut, steps - steps[cut], width)

    return st.builds(made, st.integers(0, 2**32), st.integers(2, 11), st.floats(0.0, 1.0))


def shares(scale: Scale, margin: Array) -> Array:
    """Return the probability of each score, (N, K)."""
    ends = np.zeros((len(margin), 1))
    answer: Array = np.diff(np.hstack([ends, scale.below(margin), ends + 1]), axis=1)
    return answer


@given(scales())
def test_every_score_has_a_probability_and_together_they_are_certain(scale: Scale) -> None:
    found = shares(scale, MARGINS)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@given(scales())
def test_the_boundary_of_the_cut_is_the_margin_itself(scale: Scale) -> None:
    np.testing.assert_allclose(scale.below(MARGINS)[:, scale.cut], sigmoid(MARGINS))


@given(scales())
def test_a_higher_margin_makes_every_low_score_more_likely(scale: Scale) -> None:
    assert (np.diff(scale.below(MARGINS), axis=0) >= 0).all()
    assert (np.diff(scale.expected(MARGINS)) <= 1e-12).all()


@given(scales())
def test_the_expected_score_is_the_mean_of_the_distribution(scale: Scale) -> None:
    expected = scale.expected(MARGINS)
    np.testing.assert_allclose(expected, shares(scale, MARGINS) @ scale.scores)
    assert (expected >= scale.scores[0] - 1e-9).all()
    assert (expected <= scale.scores[-1] + 1e-9).all()


@given(scales())
def test_ranges_are_scores_of_the_scale_and_fall_with_the_margin(scale: Scale) -> None:
    low, high = scale.range(MARGINS)
    assert set(low) | set(high) <= set(scale.scores)
    assert (low <= high).all()
    assert (np.diff(low) <= 0).all()
    assert (np.diff(high) <= 0).all()


def test_ranges_hold_the_median_at_the_least_and_widen() -> None:
    margin = np.linspace(-4, 4, 41)
    ends = [Scale(FIVE.scores, 1, FIVE.steps, width).range(margin) for width in (0.0, 0.5, 0.9, 1.0)]
    np.testing.assert_array_equal(*ends[0])
    for (low, high), (lower, higher) in pairwise(ends):
        assert (lower <= low).all()
        assert (higher >= high).all()
    np.testing.assert_array_equal(ends[-1][0], np.ones(41))
    np.testing.assert_array_equal(ends[-1][1], np.full(41, 5.0))


def test_a_known_distribution() -> None:
    scale = Scale(np.array([0.0, 10.0, 40.0]), 0, np.array([0.0, 2.0]), 0.5)
    [[first, second]] = scale.below(np.array([-1.0]))
    assert (first, second) == (pytest.approx(1 / (1 + np.e)), pytest.approx(np.e / (1 + np.e)))
    [expected] = scale.expected(np.array([-1.0]))
    assert expected == pytest.approx(10 * (second - first) + 40 * (1 - second))
    # 0.269, 0.731: the central half runs from 0.25 to 0.75.
    assert [end.tolist() for end in scale.range(np.array([-1.0]))] == [[0.0], [40.0]]


@given(scales(), st.integers(0, 2**32))
def test_nonconformity_is_the_least_width_that_holds_the_score(scale: Scale, seed: int) -> None:
    rng = np.random.default_rng(seed)
    margin, level = rng.normal(0, 2, 40), rng.integers(0, len(scale.scores), 40)
    least = nonconformity(scale.below(margin), level)
    assert (least <= 1.0).all()
    for slack, is_held in ((1e-6, True), (-1e-6, False)):
        for row in range(40):
            width = least[row] + slack
            if 0.0 <= width <= 1.0:
                one = Scale(scale.scores, scale.cut, scale.steps, float(width))
                low, high = one.range(margin[row : row + 1])
                assert (low[0] <= scale.scores[level[row]] <= high[0]) == is_held


def test_nobody_gets_empty_answers() -> None:
    nobody = np.empty(0)
    assert FIVE.below(nobody).shape == (0, 4)
    assert FIVE.expected(nobody).shape == (0,)
    assert [end.shape for end in FIVE.range(nobody)] == [(0,), (0,)]
    assert nonconformity(FIVE.below(nobody), nobody.astype(np.int64)).shape == (0,)


# ── What an artifact may hold ─────────────────────────────────────────────────────────────────────────
def told(**changes: Any) -> dict[str, Any]:
    return {"scores": [1, 2, 3], "cut": 0, "steps": [0.0, 1.5], "width": 0.8} | changes


def test_settings_are_read_as_they_were_written() -> None:
    scale = read_scale(told())
    assert (scale.scores.tolist(), scale.cut, scale.steps.tolist(), scale.width) == (
        [1.0, 2.0, 3.0],
        0,
        [0.0, 1.5],
        0.8,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": [1]}, "do not fit"),
        ({"scores": [1], "steps": []}, "do not fit"),
        ({"scores": [[1, 2, 3]]}, "do not fit"),
        ({"scores": list(range(LEVELS_LIMIT + 1)), "steps": [0.0] * LEVELS_LIMIT}, "do not fit"),
        ({"steps": [0.0]}, "do not fit"),
        ({"steps": [0.0, float("nan")]}, "not finite"),
        ({"scores": [1, 2, float("inf")]}, "not finite"),
        ({"scores": [1, 2, 1e6 + 1]}, "beyond 1000000"),
        ({"scores": [-1.7e308, 2, 3]}, "beyond 1000000"),
        ({"steps": [0.0, 1.7e308]}, "beyond 1000000"),
        ({"scores": [1, 1, 3]}, "fall"),
        ({"steps": [0.0, -1.5]}, "fall"),
        ({"cut": 1}, "cut of a scale"),
        ({"cut": 2}, "cut of a scale"),
        ({"cut": -1}, "cut of a scale"),
        ({"cut": 0.0}, "cut of a scale"),
        ({"cut": False}, "cut of a scale"),
        ({"width": 1.1}, "width"),
        ({"width": float("nan")}, "width"),
    ],
)
def test_a_scale_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StructureError, match=message):
        read_scale(told(**changes))
