"""Climbing the ladder for a score on a scale: the ordinal rungs, the steps of the scale, and its ranges.

An ordinal regression is fitted as one classifier of all boundaries at once: each row stands there once for
every boundary of the scale, asked whether its score lies at or below it, and all boundaries share one model
of the inputs. What comes out is calibrated as the log-odds of dissatisfaction, the boundary that counts.

References
----------
Li & Lin (2007), "Ordinal Regression by Extended Binary Classification".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import Tier
from app.domain.history import Array
from app.estimators.base import Calibration, logit, sigmoid
from app.estimators.linear import Linear
from app.estimators.ordinal import Scale, nonconformity
from app.features.schema import Feature, FeatureSet
from training.boosting import CAPACITIES, Rows, fit_trees, validate_trees
from training.calibrating import logit_shift
from training.ladder import (
    ML_FLOOR,
    PENALTIES,
    STATISTICAL_FLOOR,
    Data,
    Ladder,
    Rung,
    calibrated,
    climb,
    fit_rules,
    held_loss,
    masked,
)
from training.rungs import fit_linears
from training.snapshots import Fold
from training.standing import Stand

BOUNDARIES: Final = 4
"""Boundaries that a model learns from: of eleven, those next to each other say the same."""
BOUNDARY_ROWS: Final = 25
"""Rows that must lie on either side of a boundary."""
CAPACITY_LIMIT: Final = 4
"""Answers are noisy: the largest capacities are never tried."""
_BOUNDARY: Final = "boundary"


@dataclass(frozen=True, slots=True)
class Ordinal:
    """How to climb for a scale of ``levels`` scores, of which those up to ``cut`` count as dissatisfied."""

    levels: int
    cut: int

    def climb(self, data: Data, folds: Sequence[Fold], seed: int, stand: Stand | None = None) -> Ladder:
        """Fit the rungs on rows that may all be seen, choosing by the inner folds.

        ``data.level`` is the position of each row's score on the scale, ``data.y`` whether it is
        dissatisfied.
        """
        if self.levels == 2:
            return climb(data, folds, seed, stand)
        rungs: dict[Tier, Rung] = {"rules": fit_rules(data, seed)}
        customers = len(np.unique(data.customer))
        rarer = int(min(data.y.sum(), len(data.y) - data.y.sum()))
        if folds and customers >= STATISTICAL_FLOOR[0] and rarer >= STATISTICAL_FLOOR[1]:
            rungs["statistical"] = self._fit_statistical(data, folds, seed)
        if folds and customers >= ML_FLOOR[0] and rarer >= ML_FLOOR[1]:
            rungs["ml"] = self._fit_ml(data, folds, seed)
        higher: list[Tier] = [tier for tier in rungs if tier != "rules"]
        return Ladder(rungs, min(higher, key=lambda tier: rungs[tier].loss) if higher else "rules")

    def boundaries(self, level: Array) -> tuple[int, ...]:
        """Return the boundaries to learn from: that of dissatisfaction first, then those that part most."""
        counts = np.bincount(level, minlength=self.levels)
        below = np.cumsum(counts)[:-1]
        rarer = np.minimum(below, len(level) - below)
        others = [
            k
            for k in np.argsort(-rarer, kind="stable").tolist()
            if k != self.cut and rarer[k] >= BOUNDARY_ROWS
        ]
        return (self.cut, *others[: BOUNDARIES - 1])

    def _fit_statistical(self, data: Data, folds: Sequence[Fold], seed: int) -> Rung:
        """Fit the regression with the penalty that the folds prefer."""
        margins: list[list[Array]] = [[] for _ in PENALTIES]
        for train, held in folds:
            for found, model in zip(
                margins, self._regressions(data.take(train), PENALTIES, seed), strict=True
            ):
                found.append(model.margin(data.X[held]))
        best = int(np.argmin([held_loss(data, folds, found) for found in margins]))
        (model,) = self._regressions(data, PENALTIES[best : best + 1], seed)
        return calibrated(data, folds, margins[best], model, f"ordinal, C={PENALTIES[best]}")

    def _regressions(self, data: Data, strengths: Sequence[float], seed: int) -> list[Linear]:
        """Return one regression for each strength, asked at the boundary of dissatisfaction."""
        stacked = self._stacked(data, seed)
        names = tuple(str(k) for k in range(len(stacked.boundaries)))
        features = FeatureSet(
            (*data.features.features, Feature(_BOUNDARY, "word", kind="category", table="")),
            {**data.features.vocabularies, _BOUNDARY: names},
        )
        X = np.column_stack([stacked.rows.X, stacked.boundary])
        fitted = fit_linears(features, X, stacked.rows.y, strengths, seed, stacked.rows.weight)
        return [_asked_at_first(model) for model in fitted]

    def _fit_ml(self, data: Data, folds: Sequence[Fold], seed: int) -> Rung:
        """Fit boosted trees, climbing the capacities for as long as the folds' loss falls."""
        best: tuple[float, int, int, list[Array]] | None = None
        worse = 0
        stacks = [self._stacked(data.take(train), seed) for train, _ in folds]
        kept = [
            self._stacked(data.take(held), seed, stack)
            for (_, held), stack in zip(folds, stacks, strict=True)
        ]
        for number, capacity in enumerate(CAPACITIES[:CAPACITY_LIMIT]):
            margins, rounds = [], []
            for (_, held), stack, asked in zip(folds, stacks, kept, strict=True):
                trees, count = validate_trees(data.features, stack.rows, asked.rows, capacity, seed)
                margins.append(trees.margin(data.X[held]) + stack.first)
                rounds.append(count)
            loss = held_loss(data, folds, margins)
            if best is None or loss < best[0]:
                best, worse = (loss, number, round(float(np.mean(rounds))), margins), 0
            else:
                worse += 1
                if worse == 2:
                    break
        assert best is not None  # noqa: S101  there is more than one capacity
        _, number, count, margins = best
        share = float(np.mean([len(train) for train, _ in folds])) / len(data.y)
        count = round(count * min(1 / max(share, 0.5), 1.25))
        capacity, stack = CAPACITIES[number], self._stacked(data, seed)
        trees = fit_trees(data.features, stack.rows, capacity, count, seed)
        choice = f"ordinal, {capacity.leaves} leaves, {count} rounds, step {capacity.learning_rate}"
        rung = calibrated(data, folds, margins, trees, choice)
        # Trees say how customers differ; where the boundary lies is added, as to the folds' margins.
        return replace(
            rung,
            calibrations=tuple(
                Calibration(one.intercept + one.slope * stack.first, one.slope) for one in rung.calibrations
            ),
        )

    def _stacked(self, data: Data, seed: int, like: _Stacked | None = None) -> _Stacked:
        """Return the rows once for every boundary; ``like`` says which, where they were chosen before."""
        assert data.level is not None  # noqa: S101  an ordinal target has levels
        if like is None:
            X, source = masked(data, seed)
            boundaries = self.boundaries(data.level)
            shares = np.array([float((data.level <= k).mean()) for k in boundaries])
            start = logit(np.clip(shares, 0.5 / len(data.y), 1 - 0.5 / len(data.y)))
        else:
            X, source = data.X, np.arange(len(data.y))
            boundaries, start = like.boundaries, like.start
        level, size = data.level[source], len(source)
        weight = None if data.weight is None else np.tile(data.weight[source], len(boundaries))
        return _Stacked(
            Rows(
                np.tile(X, (len(boundaries), 1)),
                np.concatenate([(level <= k).astype(np.float64) for k in boundaries]),
                np.repeat(start, size),
                weight,
            ),
            np.repeat(np.arange(len(boundaries), dtype=np.float64), size),
            boundaries,
            start,
        )


@dataclass(frozen=True, slots=True)
class _Stacked:
    """Rows that stand once for every boundary: which one each asks about, and where each boundary starts."""

    rows: Rows
    boundary: Array
    boundaries: tuple[int, ...]
    start: Array

    @property
    def first(self) -> float:
        """The margin from which the boundary of dissatisfaction starts."""
        return float(self.start[0])


def _asked_at_first(model: Linear) -> Linear:
    """Return a regression over inputs and boundary as one over the inputs, at the first boundary."""
    start, stop = model.level_offsets[-2:].tolist()
    first = model.levels[start:stop][0]
    return replace(
        model,
        **{
            name: getattr(model, name)[:-1]
            for name in ("is_log", "low", "high", "center", "scale", "coefficient", "missing")
        },
        level_offsets=model.level_offsets[:-1],
        levels=model.levels[:start],
        intercept=model.intercept + float(first),
    )


def fit_scale(scores: Array, cut: int, margin: Array, level: Array, interval_level: float) -> Scale:
    """Fit the steps of a scale and the width of its ranges on held-out margins.

    Parameters
    ----------
    scores : ndarray, shape (K,)
        The scores that can be given, rising.
    margin, level : ndarray, shape (N,)
        Log-odds of dissatisfaction of rows that no model had seen, and the position of their scores.

    Returns
    -------
    Scale
        Boundaries lie apart as observed; ranges hold ``interval_level`` of the rows, by split conformal
        prediction. Without rows all scores count as equally frequent, and ranges span the scale.
    """
    if not len(level):
        edges = logit(np.arange(1, len(scores)) / len(scores))
        return Scale(scores, cut, edges - edges[cut], 1.0)
    shifts = np.array([logit_shift(margin, (level <= k).astype(np.float64)) for k in range(len(scores) - 1)])
    steps = np.maximum.accumulate(shifts - shifts[cut])
    scale = Scale(scores, cut, steps, 1.0)
    least = nonconformity(scale.below(margin), level)
    rank = int(np.ceil((len(least) + 1) * interval_level))
    if rank > len(least):
        return scale  # so few rows promise nothing less than the whole scale
    width = float(np.sort(least)[rank - 1])
    # The last bit must not put the score that set the width outside its own range.
    return replace(scale, width=float(np.clip(width + 1e-9, 0.0, 1.0)))


def ranked_probability(scale: Scale, margin: Array, level: Array) -> Array:
    """Return the ranked probability score of each row, shape (N,): 0 is perfect.

    References
    ----------
    Epstein (1969), "A Scoring System for Probability Forecasts of Ranked Categories".
    """
    below = sigmoid(margin[:, None] + scale.steps)
    came = level[:, None] <= np.arange(len(scale.steps))
    score: Array = ((below - came) ** 2).sum(axis=1) / len(scale.steps)
    return score
