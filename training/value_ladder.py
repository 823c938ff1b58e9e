"""Climbing the ladder for an amount: mean spend by a rule, the forecast of spend, trees that adjust it.

Margins are logarithms of the expected amount. Rules as for probabilities: the lower rung is always fitted,
and what is chosen is chosen on the inner folds alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from app.artifacts.manifest import Baseline, Interval, Tier
from app.domain.history import Array
from app.estimators.base import Calibration, Estimator
from app.estimators.rates import Rates
from app.estimators.trees import Trees
from app.features.schema import FeatureSet
from training.boosting import CAPACITIES, Rows, fit_trees, validate_trees
from training.evaluation import Verdict, graded, interval_of, resamples
from training.ladder import DISBELIEF, Composed, Data, Ladder, Rung, with_masks
from training.rungs import PRIOR_ROWS, RATE_BINS
from training.snapshots import Fold
from training.standing import Stand
from training.targets import Target
from training.value_metrics import decile_error, level, normalised_gini, tweedie_losses

CUSTOMERS_FLOOR: Final = 500
SPENDERS_FLOOR: Final = 100
"""Customers, and rows with any spend, below which trees are not tried."""
TESTED_SPENDERS: Final = 25
FOLDS: Final = 5
WEIGHTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the trees beside the forecast: 0 is the forecast alone, 0.5 a blend of both halves."""
CAPACITY_LIMIT: Final = 4
"""Amounts are noisier than labels: the largest capacities are never tried."""


def climb_value(data: Data, folds: Sequence[Fold], seed: int, stand: Stand | None = None) -> Ladder:
    """Fit the rungs on rows that may all be seen, choosing by the inner folds.

    ``data.y`` is the spend of each row, from 0 on; ``data.base`` what forecasts said of it, as logarithms.
    """
    rungs: dict[Tier, Rung] = {"rules": fit_spend_rules(data, seed)}
    if stand is None or not folds:
        return Ladder(rungs, "rules")
    rungs["statistical"] = _composed(
        data, folds, None, stand, None, type(stand.forecast.transactions).__name__
    )
    customers, spenders = len(np.unique(data.customer)), float((data.y > 0).sum())
    if customers >= CUSTOMERS_FLOOR and spenders >= SPENDERS_FLOOR:
        rungs["ml"] = _fit_ml(data, folds, seed, stand)
    higher: list[Tier] = [tier for tier in rungs if tier != "rules"]
    return Ladder(rungs, min(higher, key=lambda tier: rungs[tier].loss))


def fit_spend_rules(data: Data, seed: int) -> Rung:
    """Fit the rules rung: the mean spend in the bins of one feature, one table per population."""
    tables: list[Estimator] = []
    for k, names in enumerate(data.rule_features):
        rows = np.flatnonzero(data.population == k)
        if len(rows):
            tables.append(_best_means(data.features, data.X[rows], data.y[rows], names, seed))
        else:
            tables.append(fit_means(data.features, data.X, data.y, None))
    chosen = ", ".join(table.feature or "mean spend" for table in tables if isinstance(table, Rates))
    return Rung(tuple(tables), (Calibration(),) * len(tables), float("nan"), chosen)


def fit_means(features: FeatureSet, X: Array, y: Array, feature: str | None) -> Rates:
    """Fit the logarithm of the mean amount in at most 8 equal-count bins of a number; in one without it."""
    base = max(float(y.mean()) if len(y) else 0.0, 1e-6)
    if feature is None:
        margin = float(np.log(base))
        return Rates("", 0, X.shape[1], np.empty(0), np.array([margin]), margin, margin)
    column = features.names.index(feature)
    value = X[:, column]
    known = ~np.isnan(value)
    steps = np.linspace(0, 1, RATE_BINS + 1)[1:-1]
    edges = np.unique(np.quantile(value[known], steps, method="higher")) if known.any() else np.empty(0)
    bins = np.searchsorted(edges, np.where(known, value, 0), side="right")
    rows = np.bincount(bins[known], minlength=len(edges) + 1)
    total = np.bincount(bins[known], weights=y[known], minlength=len(edges) + 1)
    margins = np.log((total + PRIOR_ROWS * base) / (rows + PRIOR_ROWS))
    missing = np.log((y[~known].sum() + PRIOR_ROWS * base) / ((~known).sum() + PRIOR_ROWS))
    return Rates(feature, column, X.shape[1], edges, margins, float(missing), float(np.log(base)))


def _best_means(features: FeatureSet, X: Array, y: Array, names: Sequence[str], seed: int) -> Rates:
    """Fit mean amounts by the one of the named features with the lowest deviance in 5 random folds."""
    if len(y) < 2 * FOLDS or len(names) == 1:
        return fit_means(features, X, y, names[0] if names else None)
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(y))
    losses = {}
    for name in names:
        told = np.empty(len(y))
        for k in range(FOLDS):
            held = fold == k
            if held.any():
                told[held] = np.exp(fit_means(features, X[~held], y[~held], name).margin(X[held]))
        losses[name] = float(tweedie_losses(y, told).sum())
    return fit_means(features, X, y, min(losses, key=lambda name: losses[name]))


def _fit_ml(data: Data, folds: Sequence[Fold], seed: int, stand: Stand) -> Rung:
    """Fit boosted trees on top of the forecast, climbing the capacities while the folds' loss falls."""
    assert data.base is not None  # noqa: S101  a forecast to stand on has said something of every row
    best: tuple[float, int, int, list[Array]] | None = None
    worse = 0
    masked = [_scaled(with_masks(data.take(train), seed)) for train, _ in folds]
    for number, capacity in enumerate(CAPACITIES[:CAPACITY_LIMIT]):
        margins, rounds, losses = [], [], []
        for (_, held), rows in zip(folds, masked, strict=True):
            kept = data.take(held)
            trees, count = validate_trees(
                data.features, rows, _scaled(Rows(kept.X, kept.y, kept.base)), capacity, seed, "tweedie"
            )
            margins.append(trees.margin(kept.X))
            rounds.append(count)
            losses.append(tweedie_losses(kept.y, np.exp(data.base[held] + margins[-1])))
        loss = float(np.concatenate(losses).mean())
        if best is None or loss < best[0]:
            best, worse = (loss, number, round(float(np.mean(rounds))), margins), 0
        else:
            worse += 1
            if worse == 2:
                break
    assert best is not None  # noqa: S101  there is more than one capacity
    _, number, count, margins = best
    capacity = CAPACITIES[number]
    trees = fit_trees(data.features, _scaled(with_masks(data, seed)), capacity, count, seed, "tweedie")
    choice = f"{capacity.leaves} leaves, {count} rounds, step {capacity.learning_rate}"
    return _composed(data, folds, margins, stand, trees, choice)


def _scaled(rows: Rows) -> Rows:
    """Return the same rows in units of their mean amount, so that the currency changes no fit."""
    unit = max(float(rows.y.mean()), 1e-9) if len(rows.y) else 1.0
    return Rows(rows.X, rows.y / unit, None if rows.base is None else rows.base - np.log(unit))


def _composed(
    data: Data,
    folds: Sequence[Fold],
    margins: Sequence[Array] | None,
    stand: Stand,
    trees: Trees | None,
    choice: str,
) -> Rung:
    """Return a rung that stands on a forecast: how far trees are believed, and each population's level.

    The weight of the trees is what held-out rows like best; the level of a population is believed by the
    number of held-out times.
    """
    assert data.base is not None  # noqa: S101  a forecast to stand on has said something of every row
    rows = np.concatenate([held for _, held in folds])
    y, population, base = data.y[rows], data.population[rows], data.base[rows]
    told = np.zeros(len(rows)) if margins is None else np.concatenate(margins)
    weight = min(
        WEIGHTS if margins is not None else (0.0,),
        key=lambda part: float(tweedie_losses(y, np.exp(base + part * told)).mean()),
    )
    belief = len(folds) / (len(folds) + DISBELIEF)
    margin = base + weight * told
    # What the trees and the level together do to the total is undone: the total is the forecast's part.
    total = np.log(max(float(y.sum()), 1e-9)) - np.log(float(np.exp(margin).sum()))
    entries, calibrations = [], []
    for k in range(len(data.populations)):
        own = population == k
        shift = 0.0
        if float(y[own].sum()) > 0:
            gap = np.log(float(y[own].sum())) - np.log(float(np.exp(margin[own]).sum())) - total
            shift = belief * float(np.clip(gap, -1.0, 1.0))
        entries.append(Composed(stand, 1.0, trees, weight if trees is not None else 0.0))
        calibrations.append(Calibration(float(total) + shift))
    shifts = np.array([calibration.intercept for calibration in calibrations])[population]
    return Rung(
        tuple(entry.estimator() for entry in entries),
        tuple(calibrations),
        float(tweedie_losses(y, np.exp(margin + shifts)).mean()),
        f"{choice}, weight {weight:g}" if trees is not None else choice,
        tuple(entries),
    )


METRICS: Final = {"gini": normalised_gini, "level": level, "decile_error": decile_error}


def judge_value(y: Array, p: Array, rule: Array, customer: Array, rule_name: str, seed: int) -> Verdict:
    """Grade expected amounts against a named rule's on the same rows, by the Tweedie deviance.

    Parameters
    ----------
    y, p, rule : ndarray, shape (N,)
        Spend; the tier's and the rule's expectation of it, out of sample.
    """
    model_loss, rule_loss = tweedie_losses(y, p), tweedie_losses(y, rule)
    baseline = Baseline(
        name=rule_name,
        metric="tweedie_deviance",
        value=float(rule_loss.mean()) if len(y) else 0.0,
        model_value=float(model_loss.mean()) if len(y) else 0.0,
    )
    if float((y > 0).sum()) < 1 or baseline.value <= 0:
        nothing = Interval(value=0.0, low=0.0, high=0.0)
        return Verdict("C", nothing, baseline, "nobody spent anything on the held-out rows")
    draws = np.array([1 - (times @ model_loss) / (times @ rule_loss) for times in resamples(customer, seed)])
    reduction = interval_of(1 - baseline.model_value / baseline.value, draws)
    assert reduction is not None  # noqa: S101  the rule's loss is above zero
    return graded(reduction, baseline, normalised_gini(y, p) - normalised_gini(y, rule), "deviance")


def value_metrics(y: Array, p: Array, customer: Array, seed: int) -> dict[str, Interval]:
    """Return Gini, level and decile error with 95 % intervals from a bootstrap over customers."""
    if not len(y) or float(y.sum()) <= 0:
        return {}
    draws: dict[str, list[float]] = {name: [] for name in METRICS}
    for times in resamples(customer, seed, 200):
        rows = np.repeat(np.arange(len(y)), times.astype(np.int64))
        for name, metric in METRICS.items():
            draws[name].append(metric(y[rows], p[rows]))
    found = {name: interval_of(metric(y, p), np.array(draws[name])) for name, metric in METRICS.items()}
    return {name: interval for name, interval in found.items() if interval is not None}


def _loss(y: Array, p: Array) -> float:
    return float(tweedie_losses(y, p).mean()) if len(y) else float("nan")


def _mean(y: Array) -> float:
    return max(float(y.mean()) if len(y) else 0.0, 1e-6)


def _is_enough(y: Array) -> bool:
    return float((y > 0).sum()) >= TESTED_SPENDERS


def _shift(margin: Array, told: Array) -> float:
    return float(np.log(max(float(told.sum()), 1e-9)) - np.log(max(float(np.exp(margin).sum()), 1e-9)))


def _carry(margin: Array, ratio: float) -> Array:
    """Return logarithms of amounts in a longer time, where they come at an even pace."""
    carried: Array = margin + np.log(ratio)
    return carried


VALUE: Final = Target(
    "mean_spend", climb_value, np.exp, judge_value, value_metrics, _loss, _mean, _is_enough, _shift, _carry
)

RULES: Mapping[str, tuple[str, ...]] = {
    "repeat": ("revenue_365d", "revenue_total", "days_since_last_order"),
    "first_order": ("days_since_last_order", "average_order_value"),
    "lapsed": ("revenue_total", "days_since_last_order"),
}
"""What the rule of a population may be made of; the better one is the named baseline."""
