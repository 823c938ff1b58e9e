"""Fitting the lower rungs of the ladder: rates by one feature, logistic regression.

Every fit takes X of shape (N, F) with NaN where missing and y of shape (N,) in {0, 1}, is deterministic by
its seed, and returns the very estimator that the service loads.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from app.domain.history import Array
from app.estimators.base import logit, sigmoid
from app.estimators.linear import Linear
from app.estimators.rates import Rates
from app.features.schema import FeatureSet

RATE_BINS: Final = 8
RATE_FOLD_ROWS: Final = 50
PRIOR_ROWS: Final = 20.0
"""A bin's rate is shrunk to the population's as if it had seen this many rows of it."""


def fit_rates(features: FeatureSet, X: Array, y: Array, feature: str | None) -> Rates:
    """Fit observed rates by the bins of one feature; by none where ``feature`` is None (the base rate).

    Numbers fall into at most 8 equal-count bins, words into one each.
    """
    base = (y.sum() + 0.5) / (len(y) + 1.0)
    if feature is None:
        margin = float(logit(np.array(base)))
        return Rates("", 0, X.shape[1], np.empty(0), np.array([margin]), margin, margin)
    column = features.names.index(feature)
    value = X[:, column]
    known = ~np.isnan(value)
    edges = np.empty(0)
    if features.features[column].kind == "category":
        bins, groups = np.where(known, value, 0).astype(np.int64), len(features.vocabularies[feature])
    else:
        if known.any():
            steps = np.linspace(0, 1, RATE_BINS + 1)[1:-1]
            edges = np.unique(np.quantile(value[known], steps, method="higher"))
        bins, groups = np.searchsorted(edges, np.where(known, value, 0), side="right"), len(edges) + 1
    rows = np.bincount(bins[known], minlength=groups)
    hits = np.bincount(bins[known], weights=y[known], minlength=groups)
    unknown = ~known
    margins = logit((hits + PRIOR_ROWS * base) / (rows + PRIOR_ROWS))
    missing = logit((y[unknown].sum() + PRIOR_ROWS * base) / (unknown.sum() + PRIOR_ROWS))
    return Rates(feature, column, X.shape[1], edges, margins, float(missing), float(logit(np.array(base))))


def fit_best_rates(features: FeatureSet, X: Array, y: Array, names: Sequence[str], seed: int) -> Rates:
    """Fit rates by the one of the named features with the lowest log-loss in 5 random folds.

    Below 50 rows no fold can tell, and the first name is taken.
    """
    if len(y) < RATE_FOLD_ROWS or len(names) == 1:
        return fit_rates(features, X, y, names[0] if names else None)
    folds = np.random.default_rng(seed).integers(0, 5, len(y))
    best, lowest = None, np.inf
    for name in names:
        loss = 0.0
        for fold in range(5):
            train, held = folds != fold, folds == fold
            if not train.any() or not held.any():
                continue
            p = np.clip(
                sigmoid(fit_rates(features, X[train], y[train], name).margin(X[held])), 1e-7, 1 - 1e-7
            )
            loss -= float((y[held] * np.log(p) + (1 - y[held]) * np.log1p(-p)).sum())
        if loss < lowest:
            best, lowest = name, loss
    return fit_rates(features, X, y, best)


def fit_linear(features: FeatureSet, X: Array, y: Array, strength: float, seed: int) -> Linear:
    """Fit a ridge-penalised logistic regression on standardised inputs.

    ``strength`` is scikit-learn's C. Long-tailed inputs are logged, all are clipped to their 0.1 and 99.9 %
    quantiles, missing values and words have coefficients of their own.
    """
    return fit_linears(features, X, y, (strength,), seed)[0]


def fit_linears(
    features: FeatureSet,
    X: Array,
    y: Array,
    strengths: Sequence[float],
    seed: int,
    weight: Array | None = None,
) -> tuple[Linear, ...]:
    """Fit one regression for each strength; the inputs are prepared once. See :func:`fit_linear`.

    ``weight`` of shape (N,) says how much each row counts; None where all count alike.
    """
    scales = _scales(features, X)
    design = _design(scales, X)
    width = X.shape[1]
    answer = []
    for strength in strengths:
        # Far more rows than columns: a few Newton steps, each one product of the design with itself.
        model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=100, random_state=seed)
        with warnings.catch_warnings():
            # A ridge fit that stops at the limit of iterations is near its optimum; validation decides what
            # it is worth.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(design, y, weight)
        weights = model.coef_[0]
        answer.append(
            replace(
                scales,
                coefficient=weights[:width],
                missing=weights[width : 2 * width],
                levels=weights[2 * width :],
                intercept=float(model.intercept_[0]),
            )
        )
    return tuple(answer)


def _scales(features: FeatureSet, X: Array) -> Linear:
    """Return a regression whose weights are zero still: only how inputs are logged, clipped and scaled."""
    width = X.shape[1]
    known = ~np.isnan(X)
    sizes = np.zeros(width, dtype=np.int64)
    for j in features.categorical:
        sizes[j] = len(features.vocabularies[features.names[j]])
    is_log, low, high, center, scale = (np.zeros(width) for _ in range(5))
    scale += 1.0
    for j in range(width):
        seen = X[known[:, j], j]
        if j in features.categorical or not len(seen):
            continue
        if _is_long_tailed(seen):
            is_log[j] = 1.0
            seen = np.sign(seen) * np.log1p(np.abs(seen))
        low[j], high[j] = np.quantile(seen, [0.001, 0.999])
        clipped = np.clip(seen, low[j], high[j])
        center[j] = clipped.mean()
        scale[j] = clipped.std() or 1.0
    offsets = np.r_[0, np.cumsum(sizes)]
    nothing = np.zeros(width)
    return Linear(
        is_log, low, high, center, scale, nothing, nothing, offsets, np.zeros(int(offsets[-1])), 0.0
    )


def _design(scales: Linear, X: Array) -> Array:
    """Return what the weights are of: scaled numbers (0 where missing), what is missing, which word."""
    known = ~np.isnan(X)
    offsets = scales.level_offsets
    is_category = np.diff(offsets) > 0
    value = np.where(scales.is_log > 0, np.sign(X) * np.log1p(np.abs(X)), X)
    standard = np.where(
        known & ~is_category, (np.clip(value, scales.low, scales.high) - scales.center) / scales.scale, 0.0
    )
    one_hot = np.zeros((len(X), int(offsets[-1])))
    for j in np.flatnonzero(is_category):
        rows = np.flatnonzero(known[:, j])
        one_hot[rows, offsets[j] + X[rows, j].astype(np.int64)] = 1.0
    return np.hstack([standard, (~known).astype(np.float64), one_hot])


def _is_long_tailed(seen: Array) -> bool:
    """Return whether a column's skewness is above 2 in size."""
    deviation = seen.std() if len(seen) else 0.0
    return bool(deviation > 0 and abs(np.mean(((seen - seen.mean()) / deviation) ** 3)) > 2)
