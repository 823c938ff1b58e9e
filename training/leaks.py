"""Four tripwires that every training runs before it may publish; each names what it caught.

1. near label: one input alone tells the label almost perfectly;
2. past the cut: a feature changes when everything after the cut is taken away;
3. shuffled label: a model of shuffled labels still predicts them, so rows leak between train and test;
4. noise: the gate itself; a model that is no better than the rule earns grade C and is not published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from app.domain.errors import PublicationError
from app.domain.history import NAT, TABLES, Array, History, Table
from app.features.compute import compute
from app.features.schema import Columns, FeatureSet
from training.evaluation import auc
from training.ladder import Data
from training.rungs import CAPACITIES, fit_rates, fit_trees
from training.snapshots import Split

NEAR_LABEL_AUC: Final = 0.985
CHECKED_CUSTOMERS: Final = 300
SHUFFLED_ROUNDS: Final = 40

_FACTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "orders": {
        "refunded_at": ("refund",),
        "cancelled_at": (),
        "shipped_at": (),
        "delivered_at": (),
    },
    "support_cases": {"closed_at": (), "reopened_at": ()},
    "subscriptions": {"cancelled_at": ()},
    "contacts": {"outcome_at": ("outcome",)},
}
"""Times of mutable facts, and the columns that are only known from them on."""


def near_label(features: FeatureSet, X: Array, y: Array, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return the inputs that alone rank the label with an AUC of 0.985 or more.

    Words and missing values count by their observed rate, judged on the other half of the rows.
    """
    caught = []
    half = np.arange(len(y)) % 2 == 0
    for j, feature in enumerate(features.features):
        if feature.name in allowed or feature.name.removeprefix("attribute.") in allowed:
            continue
        known = ~np.isnan(X[:, j])
        best = 0.0
        if feature.kind != "category" and known.sum() > 1:
            ranked = auc(y[known], X[known, j])
            if known.all():
                best = max(ranked, 1 - ranked)
        rates = fit_rates(features, X[half], y[half], feature.name)
        best = max(best, auc(y[~half], rates.margin(X[~half])))
        if best >= NEAR_LABEL_AUC:
            caught.append(feature.name)
    return caught


def blindfolded(history: History, cut: int) -> History:
    """Return a history in which nothing after ``cut`` exists: later rows are dropped, later facts blanked.

    Written apart from the features' own view on purpose: it is what that view is judged by.
    """
    tables = {}
    for name, table in history.tables.items():
        spec = TABLES[name]
        keep = table[spec.time] <= cut
        owner = np.repeat(np.arange(history.size), np.diff(table.offsets))[keep]
        offsets = np.r_[0, np.cumsum(np.bincount(owner, minlength=history.size))].astype(np.int64)
        columns = {column: values[keep].copy() for column, values in table.columns.items()}
        for time, dependants in _FACTS.get(name, {}).items():
            later = columns[time] > cut
            columns[time][later] = NAT
            for column in dependants:
                columns[column][later] = 0.0 if column == "refund" else np.nan
            if name == "orders" and time in {"refunded_at", "cancelled_at"}:
                columns["status"][later] = 0
        tables[name] = Table(offsets, columns, table.given)
    profile = dict(history.profile)
    profile["created_at"] = np.where(profile["created_at"] > cut, NAT, profile["created_at"])
    return replace(history, tables=tables, profile=profile)


def some_customers(history: History, rows: Array) -> History:
    """Return the history of some customers alone, in the order of ``rows``."""
    tables = {}
    for name, table in history.tables.items():
        lengths = np.diff(table.offsets)[rows]
        offsets = np.r_[0, np.cumsum(lengths)].astype(np.int64)
        index = np.arange(offsets[-1]) + np.repeat(table.offsets[rows] - offsets[:-1], lengths)
        columns = {column: values[index] for column, values in table.columns.items()}
        tables[name] = Table(offsets, columns, table.given[rows])
    return replace(
        history,
        customer_ids=tuple(history.customer_ids[int(i)] for i in rows),
        tables=tables,
        profile={name: values[rows] for name, values in history.profile.items()},
        attributes={name: values[rows] for name, values in history.attributes.items()},
        summary=None,
    )


Compute = Callable[[History, int], Columns]


def past_the_cut(history: History, cut: int, names: tuple[str, ...], computing: Compute = compute) -> list[str]:
    """Return the features that look past ``cut``: they change when the later world is taken away."""
    full = computing(history, cut)
    blind = computing(blindfolded(history, cut), cut)
    caught = []
    for name in names:
        a, b = full[name], blind[name]
        if a.dtype == object:
            same = bool(np.all(a == b))
        else:
            same = bool(np.allclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True))
        if not same:
            caught.append(name)
    return caught


def shuffled_label_auc(data: Data, split: Split, seed: int) -> tuple[float, float]:
    """Return the AUC of a model of shuffled labels on shuffled test labels, and four standard errors of chance."""
    rng = np.random.default_rng(seed)
    y_train, y_test = rng.permutation(data.y[split.train]), rng.permutation(data.y[split.test])
    trees = fit_trees(data.features, data.X[split.train], y_train, CAPACITIES[2], SHUFFLED_ROUNDS, seed)
    positives, negatives = y_test.sum(), len(y_test) - y_test.sum()
    if positives == 0 or negatives == 0:
        return 0.5, 0.5
    error = float(np.sqrt((positives + negatives + 1) / (12 * positives * negatives)))
    return auc(y_test, trees.margin(data.X[split.test])), 4 * error


def refuse_leaks(
    capability: str, near: list[str], beyond: list[str], shuffled: tuple[float, float]
) -> None:
    """Raise where a tripwire caught something.

    Raises
    ------
    PublicationError
        Naming the check and the columns.
    """
    if near:
        msg = (
            f"{capability}: near label: {', '.join(near)} alone tells the label almost perfectly; remove it, or "
            "name it under objectives.churn.allow_near_label if it is known at scoring time"
        )
        raise PublicationError(msg)
    if beyond:
        msg = f"{capability}: past the cut: {', '.join(beyond)} changes when everything after the cut is removed"
        raise PublicationError(msg)
    score, slack = shuffled
    if abs(score - 0.5) > slack:
        msg = f"{capability}: shuffled label: a model of shuffled labels reaches AUC {score:.3f}; rows leak"
        raise PublicationError(msg)


