"""Climbing the ladder for a probability: fit every rung, choose capacity and calibration on held-out folds.

Rules: the lower rung is always fitted; what is chosen (penalty, capacity, rounds, calibration) is chosen on
the inner folds alone; the backtest's test rows never come here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.artifacts.manifest import Tier
from app.domain.history import Array
from app.estimators.base import Calibration, Estimator, sigmoid
from app.estimators.rates import Rates
from app.features.schema import FeatureSet
from training.evaluation import log_loss
from training.rungs import (
    CAPACITIES,
    fit_best_rates,
    fit_calibration,
    fit_linear,
    fit_linears,
    fit_trees,
    validate_trees,
)
from training.snapshots import Fold

PENALTIES: Final = (0.01, 0.1, 1.0)
STATISTICAL_FLOOR: Final = (200, 25)
ML_FLOOR: Final = (500, 100)
"""Customers, and rows of the rarer class, below which a rung is not tried."""


@dataclass(frozen=True, slots=True)
class Data:
    """R labelled rows: inputs, label, population index, customer code.

    ``rule_features`` names, for each population, the features that its rule may be made of; the best one is.
    ``optional`` lists groups of columns that may be absent together: copies of that share of the rows without
    them teach the models what their absence means.
    """

    features: FeatureSet
    populations: tuple[str, ...]
    rule_features: tuple[tuple[str, ...], ...]
    X: Array
    y: Array
    population: Array
    customer: Array
    optional: tuple[tuple[float, tuple[int, ...]], ...] = ()

    def take(self, rows: Array) -> Data:
        """Return some of the rows."""
        return Data(
            self.features,
            self.populations,
            self.rule_features,
            self.X[rows],
            self.y[rows],
            self.population[rows],
            self.customer[rows],
            self.optional,
        )


@dataclass(frozen=True, slots=True)
class Rung:
    """One fitted rung: who answers for each population, how calibrated; the held-out loss; what was chosen.

    ``loss`` is that of the inner folds, on which choices were made: for comparing rungs, never for telling.
    """

    estimators: tuple[Estimator, ...]
    calibrations: tuple[Calibration, ...]
    loss: float
    choice: str

    def probability(self, X: Array, population: Array) -> Array:
        """Return calibrated probabilities, shape (N,)."""
        answer = np.full(len(X), np.nan)
        for k, (estimator, calibration) in enumerate(zip(self.estimators, self.calibrations, strict=True)):
            rows = np.flatnonzero(population == k)
            if len(rows):
                answer[rows] = sigmoid(calibration.apply(estimator.margin(X[rows])))
        return answer


@dataclass(frozen=True, slots=True)
class Ladder:
    """Every rung that the data allow, lowest first, and the one that the inner folds prefer."""

    rungs: Mapping[Tier, Rung]
    preferred: Tier


def climb(data: Data, folds: Sequence[Fold], seed: int) -> Ladder:
    """Fit the rungs on rows that may all be seen, choosing by the inner folds."""
    rungs: dict[Tier, Rung] = {"rules": fit_rules(data, seed)}
    customers, rarer = len(np.unique(data.customer)), int(min(data.y.sum(), len(data.y) - data.y.sum()))
    if folds and customers >= STATISTICAL_FLOOR[0] and rarer >= STATISTICAL_FLOOR[1]:
        rungs["statistical"] = _fit_statistical(data, folds, seed)
    if folds and customers >= ML_FLOOR[0] and rarer >= ML_FLOOR[1]:
        rungs["ml"] = _fit_ml(data, folds, seed)
    higher: list[Tier] = [tier for tier in rungs if tier != "rules"]
    if not higher:
        return Ladder(rungs, "rules")
    return Ladder(rungs, min(higher, key=lambda tier: rungs[tier].loss))


def fit_rules(data: Data, seed: int) -> Rung:
    """Fit the rules rung: observed rates by one feature, one table per population.

    A population without a row gets the rate of all rows: the next best thing that is known.
    """
    tables: list[Estimator] = []
    for k, names in enumerate(data.rule_features):
        rows = np.flatnonzero(data.population == k)
        if len(rows):
            tables.append(fit_best_rates(data.features, data.X[rows], data.y[rows], names, seed))
        else:
            tables.append(fit_best_rates(data.features, data.X, data.y, (), seed))
    chosen = ", ".join(rates.feature or "base rate" for rates in tables if isinstance(rates, Rates))
    return Rung(tuple(tables), (Calibration(),) * len(tables), float("nan"), chosen)


def _with_masks(data: Data, seed: int) -> tuple[Array, Array]:
    """Return inputs and labels with copies of some rows that lack one optional group of inputs each."""
    rng = np.random.default_rng(seed)
    X, y = [data.X], [data.y]
    for share, columns in data.optional:
        rows = np.flatnonzero(rng.random(len(data.y)) < share)
        copy = data.X[rows].copy()
        copy[:, columns] = np.nan
        X.append(copy)
        y.append(data.y[rows])
    return np.vstack(X), np.concatenate(y)


def _fit_statistical(data: Data, folds: Sequence[Fold], seed: int) -> Rung:
    """Fit the logistic regression with the penalty that the folds prefer."""
    margins: list[list[Array]] = [[] for _ in PENALTIES]
    for train, held in folds:
        X, y = _with_masks(data.take(train), seed)
        for found, model in zip(margins, fit_linears(data.features, X, y, PENALTIES, seed), strict=True):
            found.append(model.margin(data.X[held]))
    best = int(np.argmin([_held_loss(data, folds, found) for found in margins]))
    X, y = _with_masks(data, seed)
    model = fit_linear(data.features, X, y, PENALTIES[best], seed)
    return _calibrated(data, folds, margins[best], model, f"C={PENALTIES[best]}")


def _fit_ml(data: Data, folds: Sequence[Fold], seed: int) -> Rung:
    """Fit boosted trees, climbing the capacities for as long as the folds' loss falls."""
    best: tuple[float, int, int, list[Array]] | None = None
    worse = 0
    masked = [_with_masks(data.take(train), seed) for train, _ in folds]
    for number, capacity in enumerate(CAPACITIES):
        margins, rounds = [], []
        for (_, held), rows in zip(folds, masked, strict=True):
            trees, count = validate_trees(data.features, rows, (data.X[held], data.y[held]), capacity, seed)
            margins.append(trees.margin(data.X[held]))
            rounds.append(count)
        loss = _held_loss(data, folds, margins)
        if best is None or loss < best[0]:
            best, worse = (loss, number, round(float(np.mean(rounds))), margins), 0
        else:
            worse += 1
            if worse == 2:
                break
    assert best is not None  # noqa: S101  there is more than one capacity
    _, number, count, margins = best
    # The final fit sees more rows than a fold's did, and can afford as many more rounds, within reason.
    share = float(np.mean([len(train) for train, _ in folds])) / len(data.y)
    count = round(count * min(1 / max(share, 0.5), 1.25))
    capacity = CAPACITIES[number]
    trees = fit_trees(data.features, *_with_masks(data, seed), capacity, count, seed)
    choice = f"{capacity.leaves} leaves, {count} rounds, step {capacity.learning_rate}"
    return _calibrated(data, folds, margins, trees, choice)


def _held_loss(data: Data, folds: Sequence[Fold], margins: Sequence[Array]) -> float:
    """Return the mean log-loss over all held-out rows."""
    y = np.concatenate([data.y[held] for _, held in folds])
    return log_loss(y, sigmoid(np.concatenate(margins)))


def _calibrated(
    data: Data, folds: Sequence[Fold], margins: Sequence[Array], estimator: Estimator, choice: str
) -> Rung:
    """Return a rung whose calibration, per population, comes from the held-out margins."""
    rows = np.concatenate([held for _, held in folds])
    margin, y, population = np.concatenate(margins), data.y[rows], data.population[rows]
    calibrations, p = [], np.empty(len(rows))
    for k in range(len(data.populations)):
        own = population == k
        calibration = fit_calibration(margin[own], y[own]) if own.any() else Calibration()
        calibrations.append(calibration)
        p[own] = sigmoid(calibration.apply(margin[own]))
    return Rung((estimator,) * len(calibrations), tuple(calibrations), log_loss(y, p), choice)
