"""Which action is best next, and with which probability each one is chosen: pure functions of arrays.

The rule (epsilon-greedy over what passed every filter, doing nothing included): with the share
``1 - epsilon`` the candidate with the highest expected profit, with the share ``epsilon`` any candidate, all
alike. In the random slice all are alike; in the holdout nothing is done, unless a candidate is exempt. The
probabilities are exact, so that what comes of the choices can be weighed later without bias (inverse
propensity scoring, Horvitz and Thompson 1952; logging as in Li et al. 2011, "Unbiased offline evaluation").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.domain.history import Array

Slice = Literal["exploit", "explore", "random", "holdout", "caller"]
"""How a choice came about: the best, drawn for learning, drawn for a person of the random slice, nothing for
a person of the holdout, and the caller's own."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A choice with the probabilities that it was drawn from.

    ``probabilities`` has shape (K + 1,), the last for doing nothing, and sums to 1; 0 for what was not
    allowed. ``chosen`` is a position in it.
    """

    probabilities: Array
    chosen: int
    slice: Slice


def expected_profit(effect: Array, value: Array, cost: Array) -> Array:
    """Return the expected incremental profit of K candidates at the low, middle and high effect.

    Parameters
    ----------
    effect : ndarray, shape (K, 3)
        How much likelier a success becomes, as a difference of probabilities.
    value : ndarray, shape (K,)
        What a success is worth, in money; NaN where that is not known.
    cost : ndarray, shape (K,)
        What the contact costs, in money.

    Returns
    -------
    ndarray, shape (K, 3)
        Money; NaN where the value is not known. A negative value turns low and high around: they are sorted.
    """
    profit: Array = effect * value[:, None] - cost[:, None]
    profit[:, ::2] = np.sort(profit[:, ::2], axis=1)
    return profit


def draw(
    expected: Array,
    allowed: Array,
    exempt: Array,
    *,
    assigned: Literal["policy", "random", "holdout"],
    epsilon: float,
    u: float,
) -> Draw:
    """Return a choice among K candidates and doing nothing.

    Parameters
    ----------
    expected : ndarray, shape (K,)
        What candidates are ranked by; of equal ones the first counts as better. Doing nothing has 0, and is
        better than a candidate with 0.
    allowed, exempt : ndarray of bool, shape (K,)
        What passed every filter; what may be done for a person of the holdout too.
    assigned : str
        The person's part of the programme.
    epsilon : float
        The share that is spread evenly, 0 to 1.
    u : float
        Uniform in [0, 1): decides the draw.
    """
    count = len(expected)
    candidates = allowed & exempt if assigned == "holdout" else allowed
    (open_,) = np.append(candidates, [True]).nonzero()  # doing nothing is always open
    best = count
    if len(open_) > 1:
        worth = expected[open_[:-1]]
        top = int(worth.argmax())
        best = int(open_[top]) if worth[top] > 0 else count
    probabilities = np.zeros(count + 1)
    if assigned == "holdout":
        probabilities[best] = 1.0
        return Draw(probabilities, best, "holdout")
    share = 1.0 if assigned == "random" else epsilon
    probabilities[open_] = share / len(open_)
    if assigned == "random":
        return Draw(probabilities, int(open_[int(u * len(open_))]), "random")
    probabilities[best] += 1.0 - epsilon
    if u < 1.0 - epsilon:
        return Draw(probabilities, best, "exploit")
    place = min(int((u - (1.0 - epsilon)) / epsilon * len(open_)), len(open_) - 1)
    return Draw(probabilities, int(open_[place]), "explore")
