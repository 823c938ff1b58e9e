"""Fitting one rung of the ladder: rates by one feature, logistic regression, boosted trees.

Every fit takes X of shape (N, F) with NaN where missing and y of shape (N,) in {0, 1}, is deterministic by
its seed, and returns the very estimator that the service loads.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from app.domain.history import Array
from app.estimators.base import Calibration, logit, sigmoid
from app.estimators.linear import Linear
from app.estimators.rates import Rates
from app.estimators.trees import Trees
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
    features: FeatureSet, X: Array, y: Array, strengths: Sequence[float], seed: int
) -> tuple[Linear, ...]:
    """Fit one regression for each strength; the inputs are prepared once. See :func:`fit_linear`."""
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
            model.fit(design, y)
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


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much a tree model may learn: leaves, rows a leaf must have, the step."""

    leaves: int
    leaf_rows: int
    learning_rate: float


CAPACITIES: Final = (
    Capacity(3, 40, 0.08),
    Capacity(7, 30, 0.06),
    Capacity(15, 20, 0.05),
    Capacity(31, 10, 0.05),
    Capacity(63, 5, 0.08),
    Capacity(127, 2, 0.1),
)
"""Small data want few leaves, some sets many: the ladder of capacities that validation climbs."""

THREADED_ROWS: Final = 100_000
"""Below this, threads wait for each other longer than they work. A fixed number keeps fits reproducible."""
MAX_ROUNDS: Final = 1500
PATIENCE: Final = 50
LOWEST_SLOPE: Final = 0.05
"""Of a calibration: a model whose held-out margins say nothing, or the opposite, is all but flattened."""


def _parameters(capacity: Capacity, rows: int, seed: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "num_leaves": capacity.leaves,
        "min_data_in_leaf": capacity.leaf_rows,
        "learning_rate": capacity.learning_rate,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 2.0,
        "max_cat_to_onehot": 8,
        "cat_smooth": 20.0,
        "min_data_per_group": 20,
        "max_bin": 255,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < THREADED_ROWS else 2,
        "verbosity": -1,
    }


def _dataset(features: FeatureSet, X: Array, y: Array, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        X,
        y,
        feature_name=[f"f{j}" for j in range(X.shape[1])],
        categorical_feature=list(features.categorical),
        reference=reference,
        free_raw_data=False,
    )


def validate_trees(
    features: FeatureSet, train: tuple[Array, Array], held: tuple[Array, Array], capacity: Capacity, seed: int
) -> tuple[Trees, int]:
    """Fit with early stopping on held-out rows; return the model and its number of rounds."""
    data = _dataset(features, *train)
    booster = lgb.train(
        _parameters(capacity, len(train[1]), seed),
        data,
        num_boost_round=MAX_ROUNDS,
        valid_sets=[_dataset(features, *held, reference=data)],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    rounds = booster.best_iteration
    return Trees(lgb.Booster(model_str=booster.model_to_string(num_iteration=rounds))), rounds


def fit_trees(features: FeatureSet, X: Array, y: Array, capacity: Capacity, rounds: int, seed: int) -> Trees:
    """Fit a stated number of rounds."""
    booster = lgb.train(
        _parameters(capacity, len(y), seed), _dataset(features, X, y), num_boost_round=max(rounds, 1)
    )
    return Trees(lgb.Booster(model_str=booster.model_to_string()))


def fit_calibration(margin: Array, y: Array) -> Calibration:
    """Fit intercept and slope on held-out margins by penalised maximum likelihood.

    Weak priors (intercept 0 ± 1, slope 1 ± 0.5) keep few rows near the identity. The slope stays at 0.05 or
    above, so that calibration never turns an order around; where it is held there, the intercept is the best
    one for that slope.

    References
    ----------
    Platt (1999), "Probabilistic outputs for support vector machines".
    """
    best = _minimised(margin, y, np.array([0.0, 1.0]), np.array([True, True]))
    if best[1] < LOWEST_SLOPE:
        best = _minimised(margin, y, np.array([0.0, LOWEST_SLOPE]), np.array([True, False]))
    return Calibration(float(best[0]), float(best[1]))


def _minimised(margin: Array, y: Array, at: Array, free: Array) -> Array:
    """Return the intercept and slope of the lowest penalised loss; those not ``free`` stay as they are.

    The loss is convex: Newton's steps, halved where they overshoot, find its one minimum.
    """
    loss = _penalised(margin, y, at)
    for _ in range(100):
        p = sigmoid(at[0] + at[1] * margin)
        error, weight = p - y, np.maximum(p * (1 - p), 1e-9)
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
        while (lower := _penalised(margin, y, at - step)) > loss + slack and np.abs(step).max() > 1e-10:
            step /= 2
        at, loss = at - step, lower
        if np.abs(step).max() < 1e-10:
            break
    return at


def _penalised(margin: Array, y: Array, at: Array) -> float:
    """Return the log-loss of all rows plus what the priors of :func:`fit_calibration` add."""
    calibrated = at[0] + at[1] * margin
    loss = np.logaddexp(0.0, calibrated) - y * calibrated
    return float(loss.sum() + at[0] ** 2 / 2 + 2 * (at[1] - 1) ** 2)
