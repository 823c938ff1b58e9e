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
from app.estimators.base import Calibration, Estimator, sigmoid, trained_moment
from app.estimators.forecast import Adjusted, Forecasting
from app.estimators.rates import Rates
from app.estimators.trees import Trees
from app.features.schema import FeatureSet
from training.boosting import CAPACITIES, Rows, fit_trees, validate_trees
from training.calibrating import fit_calibration, fit_weights
from training.evaluation import log_loss
from training.rungs import fit_best_rates, fit_linears
from training.snapshots import Fold
from training.standing import Stand

PENALTIES: Final = (0.01, 0.1, 1.0)
STATISTICAL_FLOOR: Final = (200, 25)
ML_FLOOR: Final = (500, 100)
"""Customers, and rows of the rarer class, below which a rung is not tried."""
DISBELIEF: Final = 2.0
"""Held-out times whose word on the weights beside a forecast counts as much as the forecast's own."""
FORECAST_FLOOR: Final = 10
"""Rows of the rarer class below which a forecast is not calibrated; it has a floor of its own for its fit."""


@dataclass(frozen=True, slots=True)
class Data:
    """R labelled rows: inputs, label, population index, customer code.

    ``rule_features`` names, for each population, the features that its rule may be made of; the best one is.
    ``optional`` lists groups of columns that may be absent together: copies of that share of the rows without
    them teach the models what their absence means. ``base`` is the margin that a forecast gave each row,
    where the higher rungs stand on one, ``middle`` the margin of its customer of reference. ``level`` is the
    position of each row's score on a scale, where y says which side of a cut it lies on; ``weight`` is how
    much each row counts in a fit, None where all count alike.
    """

    features: FeatureSet
    populations: tuple[str, ...]
    rule_features: tuple[tuple[str, ...], ...]
    X: Array
    y: Array
    population: Array
    customer: Array
    optional: tuple[tuple[float, tuple[int, ...]], ...] = ()
    base: Array | None = None
    middle: Array | None = None
    level: Array | None = None
    weight: Array | None = None

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
            None if self.base is None else self.base[rows],
            None if self.middle is None else self.middle[rows],
            None if self.level is None else self.level[rows],
            None if self.weight is None else self.weight[rows],
        )


@dataclass(frozen=True, slots=True)
class Rung:
    """One fitted rung: who answers for each population, how calibrated; the held-out loss; what was chosen.

    ``loss`` is that of the inner folds, on which choices were made: for comparing rungs, never for telling.
    ``entries`` say, for each population, what the manifest must know to build its estimator again.
    """

    estimators: tuple[Estimator, ...]
    calibrations: tuple[Calibration, ...]
    loss: float
    choice: str
    entries: tuple[Composed, ...] = ()

    def margin(self, X: Array, population: Array) -> Array:
        """Return calibrated margins, shape (N,); NaN of no population."""
        answer = np.full(len(X), np.nan)
        for k, (estimator, calibration) in enumerate(zip(self.estimators, self.calibrations, strict=True)):
            rows = np.flatnonzero(population == k)
            if len(rows):
                answer[rows] = calibration.apply(estimator.margin(X[rows]))
        return answer

    def probability(self, X: Array, population: Array) -> Array:
        """Return calibrated probabilities, shape (N,)."""
        return sigmoid(self.margin(X, population))


@dataclass(frozen=True, slots=True)
class Composed:
    """What an estimator is made of: a forecast or trees or both, and their weights."""

    stand: Stand
    weight: float
    trees: Trees | None = None
    trees_weight: float = 0.0

    def estimator(self) -> Estimator:
        """Return the estimator, asked for the horizon of the forecast."""
        forecasting = Forecasting(self.stand.forecast, self.stand.quantity, self.weight)
        if self.trees is None:
            return forecasting.at(trained_moment(1))
        return Adjusted(forecasting, self.trees, self.trees_weight).at(trained_moment(1))


@dataclass(frozen=True, slots=True)
class Ladder:
    """Every rung that the data allow, lowest first, and the one that the inner folds prefer."""

    rungs: Mapping[Tier, Rung]
    preferred: Tier


def climb(data: Data, folds: Sequence[Fold], seed: int, stand: Stand | None = None) -> Ladder:
    """Fit the rungs on rows that may all be seen, choosing by the inner folds.

    Where there is a forecast to stand on, it is the statistical rung and trees adjust it; ``data.base`` holds
    what forecasts said of the rows.
    """
    rungs: dict[Tier, Rung] = {"rules": fit_rules(data, seed)}
    customers, rarer = len(np.unique(data.customer)), int(min(data.y.sum(), len(data.y) - data.y.sum()))
    if stand is not None and folds and rarer >= FORECAST_FLOOR:
        rungs["statistical"] = _stand(data, folds, stand)
    elif folds and customers >= STATISTICAL_FLOOR[0] and rarer >= STATISTICAL_FLOOR[1]:
        rungs["statistical"] = _fit_statistical(data, folds, seed)
    if folds and customers >= ML_FLOOR[0] and rarer >= ML_FLOOR[1]:
        rungs["ml"] = _fit_ml(data, folds, seed, stand)
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


def masked(data: Data, seed: int) -> tuple[Array, Array]:
    """Return the inputs with copies of some rows that lack one optional group each, and whose row each is."""
    rng = np.random.default_rng(seed)
    X, source = [data.X], [np.arange(len(data.y))]
    for share, columns in data.optional:
        rows = np.flatnonzero(rng.random(len(data.y)) < share)
        copy = data.X[rows].copy()
        copy[:, columns] = np.nan
        X.append(copy)
        source.append(rows)
    return np.vstack(X), np.concatenate(source)


def with_masks(data: Data, seed: int) -> Rows:
    """Return the rows with copies of some that lack one optional group of inputs each."""
    X, rows = masked(data, seed)
    return Rows(
        X,
        data.y[rows],
        None if data.base is None else data.base[rows],
        None if data.weight is None else data.weight[rows],
    )


def _stand(data: Data, folds: Sequence[Fold], stand: Stand) -> Rung:
    """Return the forecast as a rung, calibrated for each population on the held-out rows."""
    return _composed(data, folds, None, stand, None, type(stand.forecast.transactions).__name__)


def _fit_statistical(data: Data, folds: Sequence[Fold], seed: int) -> Rung:
    """Fit the logistic regression with the penalty that the folds prefer."""
    margins: list[list[Array]] = [[] for _ in PENALTIES]
    for train, held in folds:
        rows = with_masks(data.take(train), seed)
        fitted = fit_linears(data.features, rows.X, rows.y, PENALTIES, seed, rows.weight)
        for found, model in zip(margins, fitted, strict=True):
            found.append(model.margin(data.X[held]))
    best = int(np.argmin([held_loss(data, folds, found) for found in margins]))
    rows = with_masks(data, seed)
    (model,) = fit_linears(data.features, rows.X, rows.y, PENALTIES[best : best + 1], seed, rows.weight)
    return calibrated(data, folds, margins[best], model, f"C={PENALTIES[best]}")


def _fit_ml(data: Data, folds: Sequence[Fold], seed: int, stand: Stand | None) -> Rung:
    """Fit boosted trees, climbing the capacities for as long as the folds' loss falls."""
    best: tuple[float, int, int, list[Array]] | None = None
    worse = 0
    masked = [with_masks(data.take(train), seed) for train, _ in folds]
    bases = [np.zeros(len(held)) if data.base is None else data.base[held] for _, held in folds]
    for number, capacity in enumerate(CAPACITIES):
        margins, rounds = [], []
        for (_, held), rows in zip(folds, masked, strict=True):
            kept = data.take(held)
            held_rows = Rows(kept.X, kept.y, kept.base, kept.weight)
            trees, count = validate_trees(data.features, rows, held_rows, capacity, seed)
            margins.append(trees.margin(kept.X))
            rounds.append(count)
        loss = held_loss(data, folds, [base + own for base, own in zip(bases, margins, strict=True)])
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
    trees = fit_trees(data.features, with_masks(data, seed), capacity, count, seed)
    choice = f"{capacity.leaves} leaves, {count} rounds, step {capacity.learning_rate}"
    if stand is None:
        return calibrated(data, folds, margins, trees, choice)
    return _composed(data, folds, margins, stand, trees, choice)


def held_loss(data: Data, folds: Sequence[Fold], margins: Sequence[Array]) -> float:
    """Return the mean log-loss over all held-out rows."""
    y = np.concatenate([data.y[held] for _, held in folds])
    return log_loss(y, sigmoid(np.concatenate(margins)))


def calibrated(
    data: Data, folds: Sequence[Fold], margins: Sequence[Array], estimator: Estimator, choice: str
) -> Rung:
    """Return a rung whose calibration, per population, comes from the held-out margins."""
    rows = np.concatenate([held for _, held in folds])
    margin, y, population = np.concatenate(margins), data.y[rows], data.population[rows]
    calibrations, p = [], np.empty(len(rows))
    for k in range(len(data.populations)):
        own = population == k
        weight = None if data.weight is None else data.weight[rows][own]
        calibration = fit_calibration(margin[own], y[own], weight) if own.any() else Calibration()
        calibrations.append(calibration)
        p[own] = sigmoid(calibration.apply(margin[own]))
    return Rung((estimator,) * len(calibrations), tuple(calibrations), log_loss(y, p), choice)


def _composed(
    data: Data,
    folds: Sequence[Fold],
    margins: Sequence[Array] | None,
    stand: Stand,
    trees: Trees | None,
    choice: str,
) -> Rung:
    """Return a rung that stands on a forecast; each population weighs the parts as held-out rows say.

    ``margins`` are the held-out margins of the trees, where there are any. Rows of one time err together, so
    what they say is believed by the number of times, not of rows.
    """
    assert data.base is not None  # noqa: S101  a forecast to stand on has said something of every row
    assert data.middle is not None  # noqa: S101  as above
    rows = np.concatenate([held for _, held in folds])
    y, population, middle = data.y[rows], data.population[rows], data.middle[rows]
    Z = (data.base[rows] - middle)[:, None]
    if margins is not None:
        Z = np.column_stack([Z, np.concatenate(margins)])
    belief = len(folds) / (len(folds) + DISBELIEF)
    p = np.empty(len(rows))
    entries, calibrations = [], []
    for k in range(len(data.populations)):
        own = population == k
        intercept, weights = 0.0, np.ones(Z.shape[1])
        if own.any():
            intercept, found = fit_weights(Z[own], y[own], middle[own])
            intercept, weights = belief * intercept, 1.0 + belief * (found - 1.0)
        p[own] = sigmoid(middle[own] + intercept + Z[own] @ weights)
        trees_weight = float(weights[1]) if margins is not None else 0.0
        entries.append(Composed(stand, float(weights[0]), trees, trees_weight))
        calibrations.append(Calibration(intercept))
    return Rung(
        tuple(entry.estimator() for entry in entries),
        tuple(calibrations),
        log_loss(y, p),
        choice,
        tuple(entries),
    )
