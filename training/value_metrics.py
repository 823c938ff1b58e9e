"""How good a forecast of value is: ranking, level, deciles, a proper score, and ranges.

Absolute error alone rewards forecasting too little where most customers spend nothing, so it never decides.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array

POWER: Final = 1.5
"""Of the Tweedie deviance: between counts (1) and amounts (2), as sums of a random number of orders are."""


def normalised_gini(actual: Array, predicted: Array) -> float:
    """Return G(predicted) / G(actual); 1 is a perfect order, 0 none. NaN where nothing was spent.

    G(s) is twice the mean share of the actual captured by the top j customers by s, over all j, less 1.

    References
    ----------
    Wang, Liu & Miao (2019), "A Deep Probabilistic Model for Customer Lifetime Value Prediction".
    """
    total = float(actual.sum())
    if total <= 0 or not len(actual):
        return float("nan")

    def captured(score: Array) -> float:
        shares = np.cumsum(actual[np.argsort(-score, kind="stable")]) / total
        return 2 * float(shares.mean()) - 1

    best = captured(actual)
    return captured(predicted) / best if best else float("nan")


def level(actual: Array, predicted: Array) -> float:
    """Return predicted over actual total; NaN where nothing was spent."""
    total = float(actual.sum())
    return float(predicted.sum()) / total if total > 0 else float("nan")


def decile_error(actual: Array, predicted: Array) -> float:
    """Return the mean over predicted tenths of |mean predicted - mean actual|, over the mean actual."""
    mean = float(actual.mean()) if len(actual) else 0.0
    if mean <= 0:
        return float("nan")
    parts = np.array_split(np.argsort(-predicted, kind="stable"), 10)
    gaps = [abs(predicted[part].mean() - actual[part].mean()) for part in parts if len(part)]
    return float(np.mean(gaps)) / mean


def tweedie_losses(actual: Array, predicted: Array) -> Array:
    """Return the Tweedie deviance of each customer, power 1.5, shape (N,); proper for the mean.

    ``actual`` is at least 0, ``predicted`` above 0; both in the same currency.

    References
    ----------
    Jørgensen (1987), "Exponential Dispersion Models".
    """
    p = POWER
    mu = np.maximum(predicted, 1e-9)
    y = np.maximum(actual, 0.0)
    loss: Array = 2 * (
        y ** (2 - p) / ((1 - p) * (2 - p)) - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p)
    )
    return loss


def interval_scores(actual: Array, low: Array, high: Array, level: float) -> Array:
    """Return the interval score of each range: its width, and what lies outside, weighted; lower is better.

    References
    ----------
    Gneiting & Raftery (2007), "Strictly Proper Scoring Rules, Prediction, and Estimation".
    """
    weight = 2 / (1 - level)
    score: Array = (
        (high - low) + weight * np.maximum(low - actual, 0.0) + weight * np.maximum(actual - high, 0.0)
    )
    return score
