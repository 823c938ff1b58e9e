"""Newton's method for the few parameters of a buy-till-you-die model, made so that it cannot fail.

What is minimised: the negative log-likelihood of all customers plus a Gaussian prior on log-parameters.
Parameters stay in a box of eight decades, so that there is an optimum whatever the data are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array

BOUND: Final = 9.25
"""Log-parameters stay within this of zero: 1e-4 to 1e4 in units of the fit."""
PRIOR_DEVIATION: Final = 1.5
"""Of a log-parameter: a factor of 4.5 either way is ordinary, for 20 customers as for a million."""
_LONGEST_STEP: Final = 2.0
_EVALUATIONS: Final = 100
_TOLERANCE: Final = 1e-9
"""What a Newton step gains, in units of the whole log-likelihood, when it is the last: it is still taken."""

Likelihood = Callable[[Array], tuple[float, Array, Array]]
"""Log-likelihood of log-parameters with its gradient and its matrix of second derivatives."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the search ended."""

    log_parameters: Array
    log_likelihood: float
    covariance: Array
    has_converged: bool
    is_on_bound: bool
    evaluations: int


def maximise(likelihood: Likelihood, start: Array, center: Array | None) -> Optimum:
    """Maximise a log-likelihood, times a prior around ``center`` unless that is None.

    Parameters
    ----------
    likelihood : callable
        Of log-parameters, shape (P,).
    start, center : ndarray, shape (P,)
        Where to begin; where the prior has its middle.

    Returns
    -------
    Optimum
        ``log_likelihood`` without the prior; ``covariance`` the inverse curvature with it.
    """
    precision = 0.0 if center is None else PRIOR_DEVIATION**-2
    middle = np.zeros_like(start) if center is None else center

    def loss(theta: Array) -> tuple[float, Array, Array]:
        value, gradient, curvature = likelihood(theta)
        off = theta - middle
        return (
            0.5 * precision * float(off @ off) - value,
            precision * off - gradient,
            precision * np.eye(len(theta)) - curvature,
        )

    theta = np.clip(start, -BOUND, BOUND)
    value, gradient, curvature = loss(theta)
    evaluations, has_converged = 1, False
    while not has_converged and evaluations < _EVALUATIONS:
        step = _step(theta, gradient, curvature)
        slope = -float(gradient @ step)
        if slope <= _TOLERANCE:
            theta, has_converged = np.clip(theta + step, -BOUND, BOUND), True
            break
        length, has_moved = 1.0, False
        while not has_moved and not has_converged and evaluations < _EVALUATIONS:
            tried = np.clip(theta + length * step, -BOUND, BOUND)
            found = loss(tried)
            evaluations += 1
            has_moved = found[0] <= value - 1e-4 * length * slope
            # What is left to gain may be less than the rounding of a sum over all customers.
            has_converged = not has_moved and length * slope < 1e-11 * (1.0 + abs(value))
            length *= 0.3
        if has_moved:
            theta, (value, gradient, curvature) = tried, found
    off = theta - middle
    return Optimum(
        theta,
        0.5 * precision * float(off @ off) - value,
        _inverse(curvature),
        has_converged,
        bool(np.any(np.abs(theta) >= BOUND)),
        evaluations,
    )


def _step(theta: Array, gradient: Array, curvature: Array) -> Array:
    """Return the Newton step; where the surface is not convex, its mirror image.

    A parameter on its bound that wants to leave the box is held and the step of the others computed again;
    one that would cross its bound ends the step there, because a step along a ridge must not be bent.
    """
    free = ~((theta >= BOUND) & (gradient < 0) | (theta <= -BOUND) & (gradient > 0))
    step = np.zeros_like(gradient)
    while free.any():
        step[:] = 0.0
        values, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
        sizes = np.maximum(np.abs(values), 1e-9 * np.abs(values).max() + 1e-9)
        step[free] = -vectors @ ((vectors.T @ gradient[free]) / sizes)
        leaving = (theta >= BOUND) & (step > 0) | (theta <= -BOUND) & (step < 0)
        if not leaving.any():
            break
        free &= ~leaving
    longest = float(np.abs(step).max())
    if longest == 0.0:
        return step
    room = np.where(step > 0, BOUND - theta, BOUND + theta)
    crossing = float(np.max(np.abs(step) / np.maximum(room, 1e-300)))
    return np.asarray(step / max(1.0, longest / _LONGEST_STEP, crossing))


def _inverse(curvature: Array) -> Array:
    """Return the covariance that a curvature stands for; flat directions count as very uncertain."""
    values, vectors = np.linalg.eigh(curvature)
    return np.asarray((vectors / np.maximum(values, 1e-6)) @ vectors.T)
