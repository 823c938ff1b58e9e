"""Clusters of customers: which centroid is nearest, how far it is, and which one comes second.

The arrays are fitted in training and kept in an artifact as plain JSON:
``{"inputs", "low", "high", "offset", "center", "scale", "centroids", "names"}``. An input is clipped to
``low`` and ``high``; where ``offset`` is above 0 the logarithm of it plus the offset is taken; then it is
centred and scaled. What is not known stands at the centre. Distances are Euclidean in that space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array

BLOCK: Final = 10_000
"""Customers whose distances to every centroid are held at one time."""
LIMIT: Final = 8
"""The most clusters that a business is told of."""
TRAITS: Final[Mapping[str, tuple[str, str]]] = {
    "frequency": ("rare", "frequent"),
    "silence": ("recent", "silent"),
    "spend": ("low_spend", "high_spend"),
    "discount": ("full_price", "discounted"),
    "range": ("narrow", "broad"),
}
"""What may stand out in a cluster: the word for little of it, and the word for much."""
AVERAGE: Final = "average"


def _names() -> tuple[str, ...]:
    """Return every name that a cluster can have."""
    pairs = [
        f"{first}_{second}"
        for one, other in combinations(TRAITS.values(), 2)
        for first in one
        for second in other
    ]
    single = [word for words in TRAITS.values() for word in words]
    numbered = [f"cluster_{number}" for number in range(1, LIMIT + 1)]
    return (AVERAGE, *single, *pairs, *numbered)


NAMES: Final = _names()
"""A cluster is named after at most two traits, in the order of ``TRAITS``; numbered where none is left."""

_ARRAYS: Final = ("low", "high", "offset", "center", "scale")


@dataclass(frozen=True, slots=True)
class Clusters:
    """K centroids over D columns of X; see the module for the fields."""

    columns: Array
    logs: Array
    low: Array
    high: Array
    offset: Array
    center: Array
    scale: Array
    centroids: Array
    names: Array

    def scaled(self, X: Array) -> Array:
        """Return the inputs in the space of the centroids, shape (N, D), for X of shape (N, F)."""
        Z = np.minimum(np.maximum(X[:, self.columns], self.low), self.high)
        if len(self.logs):
            Z[:, self.logs] = np.log(Z[:, self.logs] + self.offset)
        Z -= self.center
        Z /= self.scale
        Z[np.isnan(Z)] = 0.0
        return Z

    def nearest(self, X: Array) -> tuple[Array, Array, Array]:
        """Return for each row its centroid's number, the distance to it, and the second nearest's number."""
        own, second = np.empty(len(X), dtype=np.int64), np.empty(len(X), dtype=np.int64)
        distance = np.empty(len(X))
        for start in range(0, len(X), BLOCK):
            rows = slice(start, start + BLOCK)
            apart = self.scaled(X[rows])[:, None, :] - self.centroids
            apart *= apart
            squares = np.add.reduce(apart, axis=2)
            order = squares.argsort(axis=1, kind="stable")
            own[rows], second[rows] = order[:, 0], order[:, 1]
            distance[rows] = np.sqrt(np.minimum.reduce(squares, axis=1))
        return own, distance, second


def read_clusters(settings: Mapping[str, Any], positions: Mapping[str, int]) -> Clusters:
    """Return clusters from the settings of an artifact.

    Parameters
    ----------
    settings : mapping
        The JSON of this module.
    positions : mapping of str to int
        The column of X that each feature stands in.

    Raises
    ------
    StructureError
        Shapes do not fit together, a number is not finite, or an input or a name is not known.
    """
    try:
        arrays = {name: np.array(settings[name], dtype=np.float64) for name in _ARRAYS}
        centroids = np.array(settings["centroids"], dtype=np.float64)
        inputs, names = settings["inputs"], settings["names"]
        _check_shapes(arrays, centroids, inputs, names)
        columns = np.array([positions[name] for name in inputs], dtype=np.int64)
    except (KeyError, TypeError, ValueError) as error:
        raise StructureError(f"the clusters cannot be read: {type(error).__name__}") from error
    logs = np.flatnonzero(arrays["offset"] > 0)
    return Clusters(
        columns,
        logs,
        arrays["low"],
        arrays["high"],
        arrays["offset"][logs],
        arrays["center"],
        arrays["scale"],
        centroids,
        np.array(names, dtype=object),
    )


def _check_shapes(
    arrays: Mapping[str, Array], centroids: Array, inputs: Sequence[str], names: Sequence[str]
) -> None:
    width, size = len(inputs), len(names)
    if not width or not 2 <= size <= LIMIT or centroids.shape != (size, width):
        raise StructureError(f"the clusters are {size} of {width} inputs, with centroids {centroids.shape}")
    if any(array.shape != (width,) for array in arrays.values()):
        raise StructureError(f"the clusters do not say everything of each of their {width} inputs")
    if not all(np.isfinite(array).all() for array in (*arrays.values(), centroids)):
        raise StructureError("the clusters hold a number that is not finite")
    is_log = arrays["offset"] > 0
    if (arrays["low"] > arrays["high"]).any() or not (arrays["scale"] > 0).all():
        raise StructureError("the clusters clip to nothing, or scale by nothing")
    if (arrays["low"] + arrays["offset"])[is_log].min(initial=1.0) <= 0:
        raise StructureError("the clusters take the logarithm of what is not above zero")
    if len(set(names)) < size or not set(names) <= set(NAMES):
        raise StructureError("the names of the clusters are not known, or one stands twice")
