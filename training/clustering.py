"""Looking for clusters of customers, and publishing them only where they are there.

k-means finds k groups in anything. So for every k from 2 to 8 three things are asked, and the largest k that
passes all is published, otherwise none:

1. *Stable*: clusterings of bootstrap samples agree on everybody; mean adjusted Rand index of 0.8 or more.
2. *Apart*: between each two clusters lies a valley. On the line through both centroids, the lowest density
   between the two summits is at most half the lower summit. Cutting a cloud in two leaves no valley, however
   long the cloud is and however stable the cut.
3. *Beyond chance*: the valleys are deeper than in each of ten clouds without structure (five normal, five
   uniform) of the same size and covariance, clustered in the same way.

A cluster also holds 2 % of the customers and 20 of them at least.

References
----------
Hennig (2007), "Cluster-wise assessment of cluster stability"; Hubert & Arabie (1985), "Comparing partitions".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from app.domain.history import Array

FEWEST: Final = 200
"""Customers below which no clusters are looked for."""
KS: Final = range(2, 9)
STABLE: Final = 0.8
VALLEY: Final = 0.5
BOOTSTRAPS: Final = 10
CLOUDS: Final = 10
SAMPLE: Final = 3_000
"""Customers that the search looks at; the final centroids are fitted to up to ten times as many."""
SMALLEST_SHARE: Final = 0.02
SMALLEST_ROWS: Final = 20
_STARTS: Final = 5
_ITERATIONS: Final = 100
_STILL: Final = 1e-3
_GRID: Final = 200
_REACH: Final = 0.15


@dataclass(frozen=True, slots=True)
class Tried:
    """What one k came to: agreement of bootstraps, the shallowest valley, and the same without structure.

    ``valley`` is the density between two clusters over the lower summit, the highest of all pairs: 1
    where there is none, 0 where nobody is between. ``cloud_stability`` is the mean of structureless clouds,
    ``cloud_valley`` the deepest valley among them.
    """

    k: int
    stability: float
    valley: float
    cloud_stability: float
    cloud_valley: float
    smallest: int
    passes: bool
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """The search: every k that was tried, and the centroids of the chosen one, shape (K, D), or None."""

    tried: tuple[Tried, ...]
    centroids: Array | None


def adjusted_rand(one: Array, other: Array) -> float:
    """Return the adjusted Rand index of two clusterings of the same rows: 1 alike, about 0 by chance.

    Parameters
    ----------
    one, other : ndarray of int, shape (N,)
        Numbers of the clusters, from 0.
    """
    table = np.bincount(one * (int(other.max()) + 1) + other).astype(np.float64)
    pairs = float((table * (table - 1)).sum() / 2)
    rows, columns = (np.bincount(each).astype(np.float64) for each in (one, other))
    in_one, in_other = (float((sizes * (sizes - 1)).sum() / 2) for sizes in (rows, columns))
    total = len(one) * (len(one) - 1) / 2
    expected = in_one * in_other / total if total else 0.0
    most = (in_one + in_other) / 2
    return 1.0 if most == expected else (pairs - expected) / (most - expected)


def find_clusters(Z: Array, seed: int) -> Found:
    """Look for clusters in customers that stand in a space of comparable axes.

    Parameters
    ----------
    Z : ndarray, shape (N, D)
        Finite; D of 1 at least.
    seed : int
        For bootstraps, clouds and starts.

    Returns
    -------
    Found
        Nothing is tried with fewer than 200 customers.
    """
    if len(Z) < FEWEST:
        return Found((), None)
    rng = np.random.default_rng(seed)
    sample = Z if len(Z) <= SAMPLE else Z[np.sort(rng.permutation(len(Z))[:SAMPLE])]
    clouds = [cloud(sample, rng, is_normal=number % 2 == 0) for number in range(CLOUDS)]
    tried = tuple(_try(sample, clouds, k, rng) for k in KS)
    passing = [one.k for one in tried if one.passes]
    if not passing:
        return Found(tried, None)
    rows = Z if len(Z) <= 10 * SAMPLE else Z[np.sort(rng.permutation(len(Z))[: 10 * SAMPLE])]
    centroids = _centroids(rows, max(passing), 2 * _STARTS, rng)
    # The largest first: its number is 1.
    sizes = np.bincount(assigned(rows, centroids), minlength=len(centroids))
    return Found(tried, centroids[np.argsort(-sizes, kind="stable")])


def _try(Z: Array, clouds: Sequence[Array], k: int, rng: np.random.Generator) -> Tried:
    groups = assigned(Z, _centroids(Z, k, 2 * _STARTS, rng))
    smallest = int(np.bincount(groups, minlength=k).min())
    depth, steady = valley(Z, groups, k), stability(Z, k, BOOTSTRAPS, rng)
    drawn = [valley(one, assigned(one, _centroids(one, k, 2, rng)), k) for one in clouds]
    chance = float(np.mean([stability(one, k, 3, rng) for one in clouds[:4]]))
    if steady < STABLE:
        why = "unstable"
    elif smallest < max(SMALLEST_ROWS, SMALLEST_SHARE * len(Z)):
        why = "a cluster is too small"
    elif depth > VALLEY:
        why = "not apart"
    elif depth >= min(drawn):
        why = "no further apart than without structure"
    else:
        why = ""
    return Tried(k, steady, depth, chance, min(drawn), smallest, not why, why)


def _centroids(Z: Array, k: int, starts: int, rng: np.random.Generator) -> Array:
    """Return the centroids of k-means, shape (k, D), the best of several starts; some may hold nobody.

    Lloyd's algorithm from starts of k-means++ (Arthur & Vassilvitskii, 2007). In plain NumPy: threads that
    wait for each other would take a hundred times as long on a busy machine, for data as small as these.
    """
    best, lowest = Z[:k], np.inf
    for _ in range(starts):
        centroids = _start(Z, k, rng)
        for _ in range(_ITERATIONS):
            groups = assigned(Z, centroids)
            held = np.bincount(groups, minlength=k)
            sums = np.stack([np.bincount(groups, weights=column, minlength=k) for column in Z.T], axis=1)
            moved = np.where(held[:, None] > 0, sums / np.maximum(held, 1)[:, None], centroids)
            is_still = np.abs(moved - centroids).max() < _STILL
            centroids = moved
            if is_still:
                break
        inertia = float(((Z - centroids[assigned(Z, centroids)]) ** 2).sum())
        if inertia < lowest:
            best, lowest = centroids, inertia
    return best


def _start(Z: Array, k: int, rng: np.random.Generator) -> Array:
    """Return k rows to start from, each drawn with the square of its distance to those before it."""
    chosen = [Z[rng.integers(len(Z))]]
    nearest = np.full(len(Z), np.inf)
    for _ in range(k - 1):
        nearest = np.minimum(nearest, ((Z - chosen[-1]) ** 2).sum(axis=1))
        reached = np.cumsum(nearest)
        place = int(np.searchsorted(reached, rng.random() * reached[-1], side="right"))
        chosen.append(Z[min(place, len(Z) - 1)])
    return np.array(chosen)


def assigned(Z: Array, centroids: Array) -> Array:
    """Return the number of each row's nearest centroid, int64 of shape (N,)."""
    # The square of the row itself is the same for all centroids.
    apart = (centroids**2).sum(axis=1) - 2 * np.einsum("nd,kd->nk", Z, centroids)
    nearest: Array = np.argmin(apart, axis=1)
    return nearest


def stability(Z: Array, k: int, samples: int, rng: np.random.Generator) -> float:
    """Return the mean adjusted Rand index, on all rows, of clusterings of each two bootstrap samples."""
    found = [
        assigned(Z, _centroids(Z[rng.integers(0, len(Z), len(Z))], k, _STARTS, rng)) for _ in range(samples)
    ]
    return float(np.mean([adjusted_rand(one, other) for one, other in combinations(found, 2)]))


def valley(Z: Array, groups: Array, k: int) -> float:
    """Return the shallowest valley between two clusters: density between them over the lower summit.

    Parameters
    ----------
    Z : ndarray, shape (N, D)
    groups : ndarray of int, shape (N,)
        The cluster of each row, 0 to k - 1.

    Returns
    -------
    float
        In [0, 1]; 1 where two clusters have no valley between them, or one holds nobody.
    """
    members = [Z[groups == number] for number in range(k)]
    if min(len(rows) for rows in members) < 2:
        return 1.0
    return max(_between(one, other) for one, other in combinations(members, 2))


def _between(one: Array, other: Array) -> float:
    """Return the lowest density between the summits of two clusters over the lower summit."""
    start, way = one.mean(axis=0), other.mean(axis=0) - one.mean(axis=0)
    length = float(way @ way)
    if length == 0:
        return 1.0
    # 0 is the centroid of one, 1 that of the other; the border lies at 0.5.
    here, there = ((rows - start) @ way / length for rows in (one, other))
    spread = max(min(here.std(), there.std()), 1e-3)
    width = 1.06 * spread * min(len(here), len(there)) ** -0.2
    edges = np.linspace(-_REACH, 1 + _REACH, _GRID + 1)
    counts = np.histogram(np.r_[here, there], bins=edges)[0]
    middle = (edges[1:] + edges[:-1]) / 2
    density = np.exp(-0.5 * ((middle[:, None] - middle) / width) ** 2) @ counts
    half = _GRID // 2
    left, right = int(np.argmax(density[:half])), half + int(np.argmax(density[half:]))
    return float(density[left : right + 1].min() / min(density[left], density[right]))


def cloud(Z: Array, rng: np.random.Generator, *, is_normal: bool) -> Array:
    """Return points without structure, as many and with the same mean and covariance, shape (N, D)."""
    center = Z.mean(axis=0)
    size, axes = np.linalg.eigh(np.atleast_2d(np.cov(Z, rowvar=False)))
    drawn = rng.normal(size=Z.shape) if is_normal else rng.uniform(-np.sqrt(3), np.sqrt(3), Z.shape)
    points: Array = center + (drawn * np.sqrt(np.maximum(size, 0.0))) @ axes.T
    return points


def table_of(tried: Sequence[Tried]) -> list[dict[str, Any]]:
    """Return the search as rows for the model card."""
    names = ("k", "stability", "valley", "cloud_stability", "cloud_valley", "smallest", "passes", "why")
    return [{name: getattr(one, name) for name in names} for one in tried]
