"""What clusters are looked for in, on comparable axes, and what the clusters are called.

Axes: an input of a long tail (days, counts, money) is taken by its logarithm, clipped to the middle 99 % of
all customers, centred on its median and scaled by the spread of its densest part. Whole numbers are spread
over their unit while clusters are looked for, so that the gap between one order and two is not taken for a
valley.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from app.estimators.clusters import AVERAGE, NAMES, TRAITS, read_clusters
from app.features.library import LIBRARY
from training.clustering import Found, find_clusters

AXES: Final[Mapping[str, str]] = {
    "order_days": "frequency",
    "days_since_last_order": "silence",
    "average_order_value": "spend",
    "discount_share": "discount",
    "lines_per_order_day": "range",
    "summary.order_count": "frequency",
    "summary.days_since_last_order": "silence",
    "summary.average_order_value": "spend",
}
"""The inputs that clusters may be looked for in, and the trait that each tells of."""
KNOWN_SHARE: Final = 0.95
FEWEST_VALUES: Final = 10
"""An input that fewer customers are known by, or that takes fewer values, is left out."""
CLIPPED: Final = 0.005
DENSEST: Final = 0.25
NORMAL_WIDTH: Final = 0.637
"""The narrowest interval that holds a quarter of a normal distribution, in standard deviations."""
STANDS_OUT: Final = 0.3
"""A centroid this share of the centroids' range away from the others' mean stands out."""
SECOND: Final = 0.4
"""A second trait is named where it stands out this much as far as the first."""
CLEAR: Final = 1.0
"""Centroids whose range on an axis is so many of its spreads differ clearly in it."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """The settings of the clusters, or None, and the search behind them."""

    settings: dict[str, Any] | None
    found: Found
    inputs: tuple[str, ...]


def look_for_clusters(columns: Mapping[str, Array], seed: int) -> Grouped:
    """Look for clusters of customers with a purchase.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (N,)
        Feature columns; those of ``AXES`` are read, where they are there.
    seed : int
    """
    rng = np.random.default_rng(seed)
    axes = {}
    for name in AXES:
        if name in columns:
            axis = _axis(name, _spread_out(name, columns[name], rng))
            if axis is not None:
                axes[name] = axis
    if not axes:
        return Grouped(None, Found((), None), ())
    inputs = tuple(axes)
    settings: dict[str, Any] = {
        "inputs": list(inputs),
        **{
            part: [axes[name][part] for name in inputs]
            for part in ("low", "high", "offset", "center", "scale")
        },
    }
    X = np.column_stack([_spread_out(name, columns[name], rng) for name in inputs])
    # Two centroids anywhere make it a whole that reads as the service reads it.
    blank = {**settings, "centroids": np.zeros((2, len(inputs))).tolist(), "names": [AVERAGE, NAMES[1]]}
    Z = read_clusters(blank, {name: j for j, name in enumerate(inputs)}).scaled(X)
    found = find_clusters(Z, seed)
    if found.centroids is None:
        return Grouped(None, found, inputs)
    names = names_of(found.centroids, [AXES[name] for name in inputs])
    return Grouped({**settings, "centroids": found.centroids.tolist(), "names": names}, found, inputs)


def _spread_out(name: str, values: Array, rng: np.random.Generator) -> Array:
    """Return whole numbers spread evenly over their unit, everything else as it is."""
    if LIBRARY[name].unit not in {"days", "count"}:
        return values
    spread: Array = np.abs(values + rng.uniform(-0.5, 0.5, len(values)))
    return spread


def _axis(name: str, values: Array) -> dict[str, float] | None:
    """Return how an input becomes an axis; None where it tells too little."""
    known = values[~np.isnan(values)]
    if len(known) < KNOWN_SHARE * len(values) or len(np.unique(known)) < FEWEST_VALUES:
        return None
    unit = LIBRARY[name].unit
    low, high = np.quantile(known, [CLIPPED, 1 - CLIPPED])
    offset = 0.0
    if unit in {"days", "count"}:
        offset = 1.0
    elif unit == "currency" and np.median(known) > 0:
        offset = float(np.median(known)) / 10
    if offset:
        low, high = max(low, 0.0), max(high, 0.0)
    taken = np.clip(known, low, high)
    taken = np.log(taken + offset) if offset else taken
    scale = _spread(taken)
    if not scale > 0:
        return None
    return {
        "low": float(low),
        "high": float(high),
        "offset": offset,
        "center": float(np.median(taken)),
        "scale": scale,
    }


def _spread(values: Array) -> float:
    """Return the spread within the densest part of some values: a standard deviation where they are normal.

    The overall spread of an axis with several summits is the distance between them, and measured by that
    they would move together. Where the densest part is a single value, the overall spread is returned.
    """
    ordered = np.sort(values)
    part = max(round(DENSEST * len(ordered)), 2)
    narrowest = float((ordered[part - 1 :] - ordered[: len(ordered) - part + 1]).min()) / NORMAL_WIDTH
    overall = float(ordered.std())
    return narrowest if narrowest > overall / 10 else overall


def names_of(centroids: Array, traits: Sequence[str]) -> list[str]:
    """Return a name of its own for each cluster, after the one or two traits that stand out most.

    Parameters
    ----------
    centroids : ndarray, shape (K, D)
        On comparable axes.
    traits : sequence of str
        The trait of each axis, a key of ``TRAITS``.
    """
    spread = np.ptp(centroids, axis=0)
    # From the mean of the others, as a share of the axis's range; an axis that hardly differs says less.
    others = (centroids.sum(axis=0) - centroids) / (len(centroids) - 1)
    weight = np.minimum(spread / CLEAR, 1.0) / np.where(spread > 0, spread, 1.0)
    names: list[str] = []
    for number, apart in enumerate((centroids - others) * weight):
        fitting = [name for name in _fitting(apart, traits) if name not in names]
        names.append(fitting[0] if fitting else f"cluster_{number + 1}")
    return names


def _fitting(apart: Array, traits: Sequence[str]) -> list[str]:
    """Return the names that fit a cluster, the most telling one first."""
    order = [int(j) for j in np.argsort(-np.abs(apart), kind="stable") if abs(apart[j]) >= STANDS_OUT]
    if not order:
        return [AVERAGE]
    rank = list(TRAITS)

    def word(j: int) -> str:
        return TRAITS[traits[j]][int(apart[j] > 0)]

    def both(j: int, other: int) -> str:
        first, second = sorted((j, other), key=lambda one: rank.index(traits[one]))
        return f"{word(first)}_{word(second)}"

    pairs = [both(j, other) for place, j in enumerate(order) for other in order[place + 1 :]]
    is_single = len(order) < 2 or abs(apart[order[1]]) < SECOND * abs(apart[order[0]])
    single = [word(j) for j in order]
    return [single[0], *pairs, *single[1:]] if is_single else [*pairs, *single]
