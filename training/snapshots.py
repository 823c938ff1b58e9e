"""Time cuts: what was known at a cut-off, what happened after it, and which rows may train which.

Rules: a row's features are those known at its cut; its label is read from (cut, cut + horizon]; a row may
train a model for an origin only if its label was complete by then; no row is both trained on and tested on;
in a random split, rows of one group stay on one side.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from app.domain.history import MICROSECONDS_PER_DAY, Array

STEPS_PER_HORIZON: Final = 3
TRAINING_CUTS: Final = 6
ORIGINS: Final = 3
INNER_CUTS: Final = 2
SHORTEST_DAYS: Final = 7
FOLDS: Final = 5
INNER_FOLDS: Final = 4

Fold = tuple[Array, Array]
"""Row numbers to train on, and row numbers to judge by."""


@dataclass(frozen=True, slots=True)
class Split:
    """One backtest: rows to train on, later rows to test on, and folds of the training rows for choices.

    ``inner`` holds folds of positions within ``train``. ``origin`` is the time of the test's cut, or None for
    a random split.
    """

    origin: int | None
    train: Array
    test: Array
    inner: tuple[Fold, ...]


@dataclass(frozen=True, slots=True)
class Splits:
    """How a capability is judged and fitted: the backtests, the rows of the final fit, and how in words."""

    backtests: tuple[Split, ...]
    final: Array
    final_inner: tuple[Fold, ...]
    protocol: str


def cut_times(earliest: int, latest: int, horizon_days: int) -> tuple[int, ...]:
    """Return cut-offs from the newest with a complete label back, a third of a horizon apart.

    The oldest leaves a horizon of history before it, but 30 days at least and 90 at most. Microseconds; none
    where the data are shorter than the horizon and that history.
    """
    day = MICROSECONDS_PER_DAY
    oldest = earliest + min(max(horizon_days, 30), 90) * day
    step = horizon_days * day // STEPS_PER_HORIZON
    newest = latest - horizon_days * day
    wanted = (ORIGINS - 1) * STEPS_PER_HORIZON + STEPS_PER_HORIZON + TRAINING_CUTS
    return tuple(newest - k * step for k in range(wanted) if newest - k * step >= oldest)


def learned_horizon(earliest: int, latest: int, wanted: int) -> int:
    """Return the longest horizon in days, up to the one wanted, that a history can teach and judge.

    Where the wanted one leaves four cut-offs, it is that; otherwise one that leaves six, 7 days at least.
    What is learned over a shorter horizon is carried to the wanted one by a forecast that can be asked for
    any.
    """
    if len(cut_times(earliest, latest, wanted)) > STEPS_PER_HORIZON:
        return wanted
    for days in range(wanted - 1, SHORTEST_DAYS, -1):
        if len(cut_times(earliest, latest, days)) >= 2 * STEPS_PER_HORIZON:
            return days
    return min(wanted, SHORTEST_DAYS)


def by_cut(cut: Array, y: Array, customer: Array, X: Array, horizon_days: int, seed: int) -> Splits:
    """Return backtests for rows at common cut-offs, newest first, at three origins where the span allows.

    Parameters
    ----------
    cut, y, customer : ndarray, shape (R,)
        The cut-off, label and customer of each row.
    X : ndarray, shape (R, F)
        The inputs: where only a random split is left, rows that are alike stay together.
    """
    cuts = np.unique(cut)[::-1]
    room = len(cuts) - STEPS_PER_HORIZON
    apart = STEPS_PER_HORIZON if room > (ORIGINS - 1) * STEPS_PER_HORIZON else 1
    origins = [k for k in range(0, ORIGINS * apart, apart) if k < room]
    if not origins:
        newest = np.flatnonzero(cut == cuts[0]) if len(cuts) else np.empty(0, dtype=np.int64)
        group = np.zeros(len(cut), dtype=np.int64)
        group[newest] = alike(X[newest])
        return at_random(y, group, seed, newest, "the history is too short for a second origin")
    backtests = []
    for k in origins:
        train = _rows_of(cut, cuts[k + STEPS_PER_HORIZON : k + STEPS_PER_HORIZON + TRAINING_CUTS])
        test = np.flatnonzero(cut == cuts[k])
        backtests.append(Split(int(cuts[k]), train, test, _inner(cut, y, customer, train, cuts, seed)))
    final = _rows_of(cut, cuts[:TRAINING_CUTS])
    days = round(apart * horizon_days / STEPS_PER_HORIZON)
    protocol = f"out of time at {len(origins)} origins, {days} days apart"
    return Splits(tuple(backtests), final, _inner(cut, y, customer, final, cuts, seed), protocol)


def _rows_of(cut: Array, cuts: Array) -> Array:
    return np.flatnonzero(np.isin(cut, cuts))


def _inner(cut: Array, y: Array, customer: Array, rows: Array, cuts: Array, seed: int) -> tuple[Fold, ...]:
    """Return folds of rows by time: judged at the newest cuts, trained on labels complete by then."""
    own = cut[rows]
    place = {int(value): k for k, value in enumerate(cuts)}
    present = sorted({place[int(value)] for value in np.unique(own)})
    folds = []
    for k in present[:INNER_CUTS]:
        old_enough = cuts[k + STEPS_PER_HORIZON :]
        train, held = np.flatnonzero(np.isin(own, old_enough)), np.flatnonzero(own == cuts[k])
        if len(train) and len(held) and 0 < y[rows[train]].sum() < len(train):
            folds.append((train, held))
    return tuple(folds) if folds else random_folds(y[rows], customer[rows], INNER_FOLDS, seed)


def by_date(as_of: Array, y: Array, customer: Array, X: Array, horizon_days: int, seed: int) -> Splits:
    """Return backtests for labels with a date of their own: three later blocks of 15 % each.

    A row trains a block only if its horizon ended before the block begins. Parameters as of :func:`by_cut`.
    """
    horizon = horizon_days * MICROSECONDS_PER_DAY
    edges = np.quantile(as_of, [0.55, 0.70, 0.85, 1.0], method="lower").astype(np.int64)
    backtests = []
    for low, high in pairwise(edges.tolist()):
        train = np.flatnonzero(as_of + horizon <= low)
        test = np.flatnonzero((as_of > low) & (as_of <= high))
        if len(test) and len(train) and 0 < y[train].sum() < len(train):
            backtests.append(Split(low, train, test, _late_folds(as_of, y, customer, train, horizon, seed)))
    if not backtests:
        rows = np.arange(len(y))
        return at_random(y, alike(X), seed, rows, "the dates are too close together for the horizon")
    final = np.arange(len(y))
    return Splits(
        tuple(backtests),
        final,
        _late_folds(as_of, y, customer, final, horizon, seed),
        f"out of time at {len(backtests)} origins by the label's date",
    )


def _late_folds(
    as_of: Array, y: Array, customer: Array, rows: Array, horizon: int, seed: int
) -> tuple[Fold, ...]:
    """Return one fold: the latest fifth judges what was complete before it; random ones if that is little."""
    own = as_of[rows]
    edge = int(np.quantile(own, 0.8, method="lower"))
    train, held = np.flatnonzero(own + horizon <= edge), np.flatnonzero(own > edge)
    enough = len(train) >= len(rows) / 4 and len(held) and 0 < y[rows[train]].sum() < len(train)
    return ((train, held),) if enough else random_folds(y[rows], customer[rows], INNER_FOLDS, seed)


def alike(X: Array) -> Array:
    """Return a number for each row, the same for rows that are alike in everything; shape (R,)."""
    _, group = np.unique(np.nan_to_num(X, nan=-1e300), axis=0, return_inverse=True)
    answer: Array = group.reshape(-1)
    return answer


def at_random(y: Array, group: Array, seed: int, rows: Array, why: str) -> Splits:
    """Return a 5-fold stratified split of ``rows``; rows of one group stay together."""
    folds = random_folds(y[rows], group[rows], FOLDS, seed)
    backtests = tuple(
        Split(
            None, rows[train], rows[test], random_folds(y[rows[train]], group[rows[train]], INNER_FOLDS, seed)
        )
        for train, test in folds
    )
    inner = random_folds(y[rows], group[rows], INNER_FOLDS, seed)
    how = (
        f"by a random split into {len(backtests)} folds" if backtests else "by nothing: too few rows to split"
    )
    return Splits(backtests, rows, inner, f"{how} ({why})")


def random_folds(y: Array, group: Array, folds: int, seed: int) -> tuple[Fold, ...]:
    """Return stratified folds that keep groups together; none where a class is too small to share out."""
    smallest = int(min(y.sum(), len(y) - y.sum())) if len(y) else 0
    folds = min(folds, smallest, len(np.unique(group)))
    if folds < 2:
        return ()
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    # Large groups can leave a fold without rows, or take the last of a class out of the others.
    return tuple(
        (train, held)
        for train, held in splitter.split(np.zeros((len(y), 1)), y, group)
        if len(held) and 0 < y[train].sum() < len(train)
    )
