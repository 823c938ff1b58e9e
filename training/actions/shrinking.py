"""Shares of answers by stratum, segment and part, each drawn to the next wider one: beta-binomial.

The wider share of a cell is what its contacts would answer if its part (a channel, a daypart) made no
difference, so that a part is told by a ratio to that, whatever it was used for. How strongly cells are drawn
is the number of contacts that makes the cells' counts likeliest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import beta, betabinom

from app.domain.history import Array
from app.estimators.responses import SEGMENTS, Share

LEVEL: Final = 0.90
_STRENGTHS: Final = np.geomspace(5.0, 1e5, 40)
_EDGE: Final = 1e-6
_NOWHERE: Final = len(SEGMENTS)
"""Where contacts stand whose segment is not known."""

Cells = dict[int, Share]


@dataclass(frozen=True, slots=True)
class Rows:
    """R contacts: answered or not, within which stratum parts are compared, the part, the segment.

    All of shape (R,); positions from 0, ``segment`` is -1 where it is not known.
    """

    y: Array
    stratum: Array
    part: Array
    segment: Array

    def take(self, rows: Array) -> Rows:
        """Return some of the rows."""
        return Rows(self.y[rows], self.stratum[rows], self.part[rows], self.segment[rows])


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Shares that were learned: ``expected`` by stratum and segment, and the ratio of each part to it.

    ``of_part`` has shape (P, 3) for low, mid and high, ``of_both`` (S + 1, P, 3); ``seen`` counts contacts by
    segment and part.
    """

    overall: float
    of_segment: Array
    expected: Array
    of_part: Array
    of_both: Array
    seen: Array

    @classmethod
    def fit(cls, rows: Rows, strata: int, parts: int) -> Shrunk:
        """Return the shares of some contacts; positions are below ``strata`` and ``parts``."""
        segment = np.where(rows.segment < 0, _NOWHERE, rows.segment)
        stratum, part, y, wide = rows.stratum, rows.part, rows.y, _NOWHERE + 1

        def counts(place: Array, size: int) -> tuple[Array, Array]:
            return np.bincount(place, weights=y, minlength=size), np.bincount(place, minlength=size)

        overall = float((y.sum() + 0.5) / (len(y) + 1.0))
        by_stratum = shrink(*counts(stratum, strata), np.full(strata, overall))[:, 1]
        answered, count = counts(stratum * wide + segment, strata * wide)
        expected = shrink(answered, count, np.repeat(by_stratum, wide))[:, 1].reshape(strata, wide)
        told = expected[stratum, segment]
        of_part = _ratios(*counts(part, parts), np.bincount(part, weights=told, minlength=parts))
        told = np.minimum(told * of_part[part, 1], 1 - _EDGE)
        cell = segment * parts + part
        answered, count = counts(cell, wide * parts)
        beside = _ratios(answered, count, np.bincount(cell, weights=told, minlength=wide * parts))
        return cls(
            overall,
            shrink(*counts(segment, wide), np.full(wide, overall))[:, 1],
            expected,
            of_part,
            beside.reshape(wide, parts, 3) * of_part[None, :, 1:2],
            count.reshape(wide, parts),
        )

    def predict(self, rows: Rows, depth: int) -> Array:
        """Return the share expected of each contact: 0 without its part, 1 with it, 2 by segment, too."""
        segment = np.where(rows.segment < 0, _NOWHERE, rows.segment)
        told = self.expected[rows.stratum, segment]
        if depth == 1:
            told = told * self.of_part[rows.part, 1]
        elif depth > 1:
            told = told * self.of_both[segment, rows.part, 1]
        return np.clip(told, _EDGE, 1 - _EDGE)

    def shares(self) -> Cells:
        """Return the share of answers by part, with its interval, if all parts were used alike."""
        return _cells(self.overall * self.of_part, self.seen.sum(axis=0))

    def shares_by_segment(self) -> dict[int, Cells]:
        """Return the same for each segment that was contacted."""
        return {
            k: cells
            for k in range(_NOWHERE)
            if (cells := _cells(self.of_segment[k] * self.of_both[k], self.seen[k]))
        }


def shrink(answered: Array, count: Array, wider: Array) -> Array:
    """Return the posterior share of each cell with its 90 % interval, shape (K, 3).

    Parameters
    ----------
    answered, count : ndarray, shape (K,)
        Answers and contacts of each cell; an empty cell has the wider share.
    wider : ndarray, shape (K,)
        The share that each cell is drawn to.
    """
    wider = np.clip(wider, _EDGE, 1 - _EDGE)
    filled = count > 0
    likelihood = [
        betabinom.logpmf(
            answered[filled], count[filled], strength * wider[filled], strength * (1 - wider[filled])
        ).sum()
        for strength in _STRENGTHS
    ]
    strength = _STRENGTHS[int(np.argmax(likelihood))]
    a, b = answered + strength * wider, count - answered + strength * (1 - wider)
    tail = (1 - LEVEL) / 2
    low, high = beta.ppf(tail, a, b), beta.ppf(1 - tail, a, b)
    mid = a / (a + b)
    return np.column_stack([np.minimum(low, mid), mid, np.maximum(high, mid)])


def _ratios(answered: Array, count: Array, expected: Array) -> Array:
    """Return how many times the expected answers each cell gave, shape (K, 3); 1 where it is empty."""
    filled = count > 0
    wider = np.where(filled, expected / np.maximum(count, 1), 0.5)
    found: Array = shrink(answered, count, wider) / np.clip(wider, _EDGE, 1 - _EDGE)[:, None]
    return np.where(filled[:, None], found, 1.0)


def _cells(shares: Array, count: Array) -> Cells:
    return {
        k: (float(low), float(mid), float(high))
        for k, (low, mid, high) in enumerate(np.clip(shares, _EDGE, 1.0).tolist())
        if count[k] > 0
    }
