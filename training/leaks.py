"""Four tripwires that every training runs before it may publish; each names what it caught.

1. near label: one input alone tells the label almost perfectly;
2. past the cut: a feature changes when everything after the cut is taken away;
3. shuffled label: a model of shuffled labels still predicts them, so rows stand on both sides of a split;
4. noise: the gate itself; a model that is no better than the rule earns grade C and is not published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from app.domain.errors import PublicationError
from app.domain.history import NAT, TABLES, Array, History, Table
from app.domain.selection import take
from app.features.compute import compute
from app.features.schema import ATTRIBUTE_PREFIX, Columns, FeatureSet
from training.boosting import Capacity, Rows, fit_trees
from training.evaluation import auc
from training.ladder import Data
from training.rungs import fit_rates
from training.snapshots import Split, alike

NEAR_LABEL_AUC: Final = 0.985
NEAR_LABEL_CUSTOMERS: Final = (25, 10)
"""Customers of the rarer class below which an input that tells the label may just as well be luck: a feature
of the library, which cannot know the label, and an attribute, which may be anything."""
NEAR_LABEL_ROWS: Final = 50_000
CHECKED_CUSTOMERS: Final = 300
SHUFFLED_ROUNDS: Final = 40
MEMORY: Final = Capacity(63, 5, 0.1)
"""What learns rows by heart, so that one that it has seen before is recognised."""
SHUFFLED_FLOOR: Final = 200
"""Rows to learn from below which shuffled labels cannot be told from luck."""

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


def near_label(
    features: FeatureSet, X: Array, y: Array, customer: Array, allowed: tuple[str, ...] = ()
) -> list[str]:
    """Return the inputs that alone rank the label with an AUC of 0.985 or more.

    A number is tried by its value, missing ones first or last, and like a word by the observed rates of its
    bins, judged on the other half of the rows; of very many rows every n-th is enough. With fewer than 25
    customers of the rarer class no feature of the library is named, with fewer than 10 no attribute.

    Parameters
    ----------
    X, y, customer : ndarray, shapes (R, F), (R,) and (R,)
        Inputs, label and customer of each row.
    allowed : tuple of str
        Inputs that may nearly be the label, with or without ``attribute.`` before the name.
    """
    rarer = 1.0 if y.sum() <= len(y) / 2 else 0.0
    customers = len(np.unique(customer[y == rarer]))
    every = -(-len(y) // NEAR_LABEL_ROWS)
    X, y = X[::every], y[::every]
    half = np.arange(len(y)) % 2 == 0
    caught = []
    for j, feature in enumerate(features.features):
        name = feature.name.removeprefix(ATTRIBUTE_PREFIX)
        enough = customers >= NEAR_LABEL_CUSTOMERS[name != feature.name]
        if not enough or feature.name in allowed or name in allowed:
            continue
        rates = fit_rates(features, X[half], y[half], feature.name)
        found = [auc(y[~half], rates.margin(X[~half]))]
        if feature.kind != "category":
            for filled in (-np.inf, np.inf) if np.isnan(X[:, j]).any() else (0.0,):
                ranked = auc(y, np.where(np.isnan(X[:, j]), filled, X[:, j]))
                found += [ranked, 1 - ranked]
        if max(found) >= NEAR_LABEL_AUC:
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


Compute = Callable[[History, int], Columns]


def past_the_cut(
    history: History, cut: int, names: tuple[str, ...], computing: Compute = compute
) -> list[str]:
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


def past_the_cuts(
    history: History, cuts: Iterable[int], features: FeatureSet, seed: int, computing: Compute = compute
) -> list[str]:
    """Return the features that look past any of the cuts, seen on 300 random customers."""
    rng = np.random.default_rng(seed)
    sample = take(history, np.sort(rng.permutation(history.size)[:CHECKED_CUSTOMERS]))
    names = tuple(name for name in features.names if not name.startswith(ATTRIBUTE_PREFIX))
    return sorted({name for cut in cuts for name in past_the_cut(sample, cut, names, computing)})


def shuffled_label(data: Data, splits: Sequence[Split], seed: int) -> tuple[float, float]:
    """Return the AUC and slack of :func:`shuffled_label_auc` of all splits together, or of the worst one.

    Together they see little leaks, alone each sees what only it does. Splits with fewer than 200 rows to
    learn from are left out; 0.5 where none is left.
    """
    found = [shuffled_label_auc(data, split, seed) for split in splits if len(split.train) >= SHUFFLED_FLOOR]
    if found:
        weight = sum(slack**-2 for _, slack in found)
        found.append((sum(score * slack**-2 for score, slack in found) / weight, weight**-0.5))
    return max(found, key=lambda one: abs(one[0] - 0.5) / one[1], default=(0.5, 0.5))


def shuffled_label_auc(data: Data, split: Split, seed: int) -> tuple[float, float]:
    """Return the AUC of a model of shuffled labels on the test's rows, and four standard errors of chance.

    Labels are dealt out anew over all rows, so they say nothing, except that a row which stands on both sides
    keeps its one label. In a random split so do rows that are alike in everything: copies of one another.
    Over time they are no copies, but the same customer or two of a kind, and each gets a label of its own.
    """
    rows = np.r_[split.train, split.test]
    name = np.arange(len(data.y))
    if split.origin is None:
        name[rows] = alike(data.X[rows])
    y = np.random.default_rng(seed).permutation(data.y)[name]
    # Copies within the test are one observation, not several.
    _, first = np.unique(name[split.test], return_index=True)
    test = split.test[first]
    positives = y[test].sum()
    negatives = len(test) - positives
    train = y[split.train]
    if positives == 0 or negatives == 0 or train.min() == train.max():
        return 0.5, 0.5
    trees = fit_trees(data.features, Rows(data.X[split.train], train), MEMORY, SHUFFLED_ROUNDS, seed)
    error = float(np.sqrt((positives + negatives + 1) / (12 * positives * negatives)))
    return auc(y[test], trees.margin(data.X[test])), 4 * error


def refuse_leaks(capability: str, near: list[str], beyond: list[str], shuffled: tuple[float, float]) -> None:
    """Raise where a tripwire caught something.

    Raises
    ------
    PublicationError
        Naming every check that caught something, and the columns.
    """
    found = []
    if near:
        found.append(
            f"near label: {', '.join(near)} alone tells the label almost perfectly; leave it out, or name it "
            f"under objectives.{capability}.allow_near_label if it is known at scoring time"
        )
    if beyond:
        found.append(f"past the cut: {', '.join(beyond)} changes when everything after the cut is removed")
    score, slack = shuffled
    if abs(score - 0.5) > slack:
        found.append(
            f"shuffled label: a model of shuffled labels reaches AUC {score:.3f}, so rows that are tested "
            "were learned from"
        )
    if found:
        raise PublicationError(f"{capability}: {'; '.join(found)}")
