"""Calibration on held-out margins: how far they are believed, and where they are centred."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import minimize

from app.domain.history import Array
from app.estimators.base import Calibration, sigmoid

LOWEST_SLOPE: Final = 0.05
"""Of a calibration: a model whose held-out margins say nothing, or the opposite, is all but flattened."""


def fit_calibration(margin: Array, y: Array, weight: Array | None = None) -> Calibration:
    """Fit intercept and slope on held-out margins by penalised maximum likelihood.

    Weak priors (intercept 0 ± 1, slope 1 ± 0.5) keep few rows near the identity. The slope stays at 0.05 or
    above, so that calibration never turns an order around; where it is held there, the intercept is the best
    one for that slope. ``weight`` of shape (N,) says how much each row counts; all alike without it.

    References
    ----------
    Platt (1999), "Probabilistic outputs for support vector machines".
    """
    counts = np.ones(len(y)) if weight is None else weight
    best = _minimised(margin, y, counts, np.array([0.0, 1.0]), np.array([True, True]))
    if best[1] < LOWEST_SLOPE:
        best = _minimised(margin, y, counts, np.array([0.0, LOWEST_SLOPE]), np.array([True, False]))
    return Calibration(float(best[0]), float(best[1]))


def _minimised(margin: Array, y: Array, counts: Array, at: Array, free: Array) -> Array:
    """Return the intercept and slope of the lowest penalised loss; those not ``free`` stay as they are.

    The loss is convex: Newton's steps, halved where they overshoot, find its one minimum.
    """
    loss = _penalised(margin, y, counts, at)
    for _ in range(100):
        p = sigmoid(at[0] + at[1] * margin)
        error, weight = counts * (p - y), np.maximum(counts * p * (1 - p), 1e-9)
        gradient = np.array([error.sum() + at[0], (error * margin).sum() + 4 * (at[1] - 1)])
        curvature = np.array(
            [
                [weight.sum() + 1.0, (weight * margin).sum()],
                [(weight * margin).sum(), (weight * margin**2).sum() + 4.0],
            ]
        )
        step = np.zeros(2)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        slack = 1e-12 * (1 + abs(loss))
        lower = _penalised(margin, y, counts, at - step)
        while lower > loss + slack and np.abs(step).max() > 1e-10:
            step /= 2
            lower = _penalised(margin, y, counts, at - step)
        at, loss = at - step, lower
        if np.abs(step).max() < 1e-10:
            break
    return at


def _penalised(margin: Array, y: Array, counts: Array, at: Array) -> float:
    """Return the log-loss of all rows plus what the priors of :func:`fit_calibration` add."""
    calibrated = at[0] + at[1] * margin
    loss = np.logaddexp(0.0, calibrated) - y * calibrated
    return float(counts @ loss + at[0] ** 2 / 2 + 2 * (at[1] - 1) ** 2)


def fit_weights(Z: Array, y: Array, base: Array) -> tuple[float, Array]:
    """Fit an intercept and a weight for each of several margins by penalised maximum likelihood.

    Parameters
    ----------
    Z, y, base : ndarray, shapes (R, K), (R,) and (R,)
        Held-out margins, a column for each part of the model; labels 0 or 1; what is added as it is.

    Returns
    -------
    float, ndarray of shape (K,)
        Priors as in :func:`fit_calibration`; no weight is below zero, so that no part is turned around.
    """
    center = np.r_[0.0, np.ones(Z.shape[1])]
    width = np.r_[1.0, np.full(Z.shape[1], 0.5)]

    def loss(at: Array) -> tuple[float, Array]:
        margin = base + at[0] + Z @ at[1:]
        error = sigmoid(margin) - y
        away = (at - center) / width
        value = float((np.logaddexp(0.0, margin) - y * margin).sum() + away @ away / 2)
        return value, np.r_[error.sum(), error @ Z] + away / width

    bounds = [(None, None), *((0.0, None) for _ in range(Z.shape[1]))]
    found = minimize(loss, center, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), np.asarray(found.x[1:])


def logit_shift(margin: Array, y: Array) -> float:
    """Return what added to all log-odds makes their mean probability the observed share; by bisection."""
    share = (y.sum() + 0.5) / (len(y) + 1.0)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if float(sigmoid(margin + middle).mean()) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
