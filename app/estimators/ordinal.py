"""Scores on a scale, told from one margin: neither classes without an order nor plain numbers.

The margin is the log-odds of dissatisfaction, a score at or below a cut. Every other boundary of the scale
lies a fixed step from it: P(score <= s_k) = sigmoid(margin + step_k), the proportional odds of an ordinal
regression. So one model gives the whole distribution, and the probability, the expected score and the range
can never contradict each other.

References
----------
McCullagh (1980), "Regression Models for Ordinal Data".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import sigmoid

LEVELS_LIMIT: Final = 21
SIZE_LIMIT: Final = 1e6
"""The largest size of a score or a step."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The scores that can be given, and how they lie apart on the link scale.

    ``scores`` (K,) rise; scores up to position ``cut`` are dissatisfied. ``steps`` (K - 1,) rise and are zero
    at ``cut``. ``width`` in [0, 1] is the central probability that a range takes.
    """

    scores: Array
    cut: int
    steps: Array
    width: float

    def below(self, margin: Array) -> Array:
        """Return P(score <= s_k) for all but the best score, shape (N, K - 1)."""
        return sigmoid(margin[:, None] + self.steps)

    def expected(self, margin: Array) -> Array:
        """Return the mean score, shape (N,)."""
        gaps = np.diff(self.scores)
        mean: Array = self.scores[-1] - self.below(margin) @ gaps
        return mean

    def range(self, margin: Array) -> tuple[Array, Array]:
        """Return the lowest and the highest score of the central range, each of shape (N,)."""
        below = self.below(margin)
        low = (below < (1 - self.width) / 2).sum(axis=1)
        high = (below < (1 + self.width) / 2).sum(axis=1)
        return self.scores[low], self.scores[high]


def nonconformity(below: Array, level: Array) -> Array:
    """Return the least width of a central range that holds the score that was given, shape (N,).

    Parameters
    ----------
    below : ndarray, shape (N, K - 1)
        From :meth:`Scale.below`.
    level : ndarray of int, shape (N,)
        The position of the score that was given.

    References
    ----------
    Angelopoulos & Bates (2021), "A Gentle Introduction to Conformal Prediction".
    """
    rows = np.arange(len(level))
    cdf = np.column_stack([np.zeros(len(level)), below, np.ones(len(level))])
    least: Array = np.maximum(1 - 2 * cdf[rows, level + 1], 2 * cdf[rows, level] - 1)
    return least


def read_scale(found: Mapping[str, Any]) -> Scale:
    """Return the scale that the settings of an artifact describe.

    Raises
    ------
    StructureError
        Scores or steps do not rise or are too large, or the cut does not lie between them.
    """
    scores = np.array(found["scores"], dtype=np.float64)
    steps = np.array(found["steps"], dtype=np.float64)
    cut, width = found["cut"], float(found["width"])
    if scores.ndim != 1 or not 2 <= len(scores) <= LEVELS_LIMIT or steps.shape != (len(scores) - 1,):
        raise StructureError(f"the steps of a scale do not fit its {len(scores)} scores")
    if not (np.isfinite(scores).all() and np.isfinite(steps).all()):
        raise StructureError("a scale holds a number that is not finite")
    if max(np.abs(scores).max(), np.abs(steps).max()) > SIZE_LIMIT:
        raise StructureError(f"a scale holds a number beyond {SIZE_LIMIT:.0f}")
    if not (np.diff(scores) > 0).all() or not (np.diff(steps) >= 0).all():
        raise StructureError("the scores or the steps of a scale fall")
    if type(cut) is not int or not 0 <= cut < len(steps) or steps[cut] != 0:
        raise StructureError("the cut of a scale is none of its steps, or not where the steps are zero")
    if not 0 <= width <= 1:
        raise StructureError("the width of a range is not between 0 and 1")
    return Scale(scores, cut, steps, width)
