"""Clusters come out where customers really are of different kinds, and nowhere else.

The true kinds are drawn, told by their orders alone, and compared with what is published.
"""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.clusters import read_clusters
from training.cluster_inputs import look_for_clusters
from training.clustering import adjusted_rand, assigned, find_clusters

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("recovery")]

SEEDS = range(3)
APART = 5.5
"""Standard deviations between the middles of the two nearest true clusters."""


def middles(rng: np.random.Generator, k: int, width: int) -> Array:
    """Return middles of k clusters in a box, none nearer to another than ``APART``."""
    while True:
        found: Array = rng.uniform(-1, 1, (k, width)) * APART * k ** (1 / width)
        gaps = np.sqrt(((found[:, None] - found) ** 2).sum(axis=2))
        if gaps[np.triu_indices(k, 1)].min() >= APART:
            return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("k", "width", "rows", "shares"),
    [
        (2, 2, 400, None),
        (3, 3, 600, None),
        (4, 3, 1200, None),
        (6, 4, 2000, None),
        (8, 4, 3000, None),
        (2, 3, 800, (0.92, 0.08)),
        (3, 2, 900, (0.7, 0.2, 0.1)),
        (5, 4, 3000, (0.5, 0.25, 0.12, 0.08, 0.05)),
    ],
)
def test_true_clusters_are_published(
    seed: int, k: int, width: int, rows: int, shares: tuple[float, ...] | None
) -> None:
    rng = np.random.default_rng(100 * seed + k)
    group = rng.choice(k, rows, p=shares)
    Z = middles(rng, k, width)[group] + rng.normal(size=(rows, width))
    found = find_clusters(Z, seed)
    assert found.centroids is not None
    assert len(found.centroids) == k
    assert adjusted_rand(assigned(Z, found.centroids), group) >= 0.8


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rows", [250, 1500])
@pytest.mark.parametrize("name", ["normal", "correlated", "long", "uniform", "tilted", "lognormal", "heavy"])
def test_clouds_are_not_published(seed: int, rows: int, name: str) -> None:
    rng = np.random.default_rng(10 * seed + rows)
    width = 2 + seed
    normal, uniform = rng.normal(size=(rows, width)), rng.uniform(-1, 1, (rows, width))
    mixing = rng.normal(size=(width, width))
    clouds = {
        "normal": normal,
        "correlated": normal @ mixing,
        "long": normal * np.array([8.0, *[1.0] * (width - 1)]),
        "uniform": uniform,
        "tilted": uniform @ mixing,
        "lognormal": np.exp(normal),
        "heavy": rng.standard_t(3, (rows, width)),
    }
    assert find_clusters(clouds[name], seed).centroids is None


@pytest.mark.parametrize("seed", SEEDS)
def test_kinds_of_customers_come_out_of_what_they_bought(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = rng.choice(4, 2000, p=[0.45, 0.3, 0.15, 0.1])
    orders = 1 + rng.poisson(np.array([1.5, 2.0, 40.0, 45.0])[group]).astype(float)
    silence = np.floor(rng.lognormal(np.log(np.array([400.0, 25.0, 8.0, 8.0])[group]), 0.4))
    value = rng.lognormal(np.log(np.array([50.0, 50.0, 50.0, 700.0])[group]), 0.4)
    columns = {"order_days": orders, "days_since_last_order": silence, "average_order_value": value}
    found = look_for_clusters(columns, seed)
    assert found.settings is not None
    clusters = read_clusters(found.settings, {name: j for j, name in enumerate(columns)})
    own, distance, _ = clusters.nearest(np.column_stack(list(columns.values())))
    assert adjusted_rand(own, group) >= 0.8
    assert np.isfinite(distance).all()
    assert "high_spend" in found.settings["names"][3]


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_who_differ_by_degree_are_left_in_one_piece(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 1 / 90, 2000)
    age = rng.uniform(30, 900, 2000)
    orders = 1.0 + rng.poisson(rate * age)
    silence = np.floor(np.where(orders > 1, age * rng.beta(1, orders), age))
    columns = {
        "order_days": orders,
        "days_since_last_order": silence,
        "average_order_value": rng.lognormal(4, 0.8, 2000),
    }
    assert look_for_clusters(columns, seed).settings is None
