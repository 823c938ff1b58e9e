"""What every fitted model can do: answer on its link scale, and say what each input added.

Rule: for every row, ``base + values.sum() == margin`` to 1e-9. Reasons are these numbers and nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.domain.history import Array


@dataclass(frozen=True, slots=True)
class Moment:
    """When and how far ahead N customers are asked about.

    ``horizon_days`` is the horizon asked for, None the trained one. ``elapsed_days``, shape (N,), are the
    days from the time that training knew to the time of the question; negative before it. ``shared`` keeps
    margins that two capabilities of one question ask for alike; without it nothing is kept.
    """

    horizon_days: int | None
    elapsed_days: Array
    shared: dict[Hashable, Array] | None = None

    def take(self, rows: Array) -> Moment:
        """Return the moment of some of the customers."""
        return Moment(self.horizon_days, self.elapsed_days[rows])


def trained_moment(size: int) -> Moment:
    """Return the moment that a model was trained for, of N customers."""
    return Moment(None, np.zeros(size))


@dataclass(frozen=True, slots=True)
class Contributions:
    """Additive parts of margins: ``base`` of shape (N,) and ``values`` of shape (N, F)."""

    base: Array
    values: Array


class Estimator(Protocol):
    """A fitted model on the link scale."""

    def margin(self, X: Array) -> Array:
        """Return the margins (for a probability: the log-odds), shape (N,), for X of shape (N, F)."""
        ...

    def contributions(self, X: Array) -> Contributions:
        """Return what each column of X added to each margin."""
        ...


class Timed(Protocol):
    """A fitted model whose answer depends on how far ahead is asked: at a moment it is an estimator."""

    def at(self, moment: Moment) -> Estimator:
        """Return what answers at a moment of N customers."""
        ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """An affine map on the link scale, so that contributions stay exact: scale and shift them alike."""

    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, margin: Array) -> Array:
        """Return calibrated margins, shape as given."""
        return self.intercept + self.slope * margin

    def apply_to(self, parts: Contributions) -> Contributions:
        """Return the contributions to the calibrated margin."""
        return Contributions(self.intercept + self.slope * parts.base, self.slope * parts.values)


def sigmoid(margin: Array) -> Array:
    """Return probabilities for log-odds, without overflow at any finite margin."""
    small = np.exp(-np.abs(margin))
    probability: Array = np.where(margin >= 0, 1.0, small) / (1.0 + small)
    return probability


def logit(probability: Array) -> Array:
    """Return log-odds; probabilities are kept 1e-12 away from 0 and 1."""
    clipped = np.clip(probability, 1e-12, 1 - 1e-12)
    margin: Array = np.log(clipped) - np.log1p(-clipped)
    return margin
