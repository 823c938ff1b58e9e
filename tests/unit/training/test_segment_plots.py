"""The pictures of the card of segments are drawn from anything that can be published."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.training.test_plots import size
from training.segment_plots import cluster_profile, rfm_heat_map


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_scores_of_any_number_of_customers_are_drawn(rows: int) -> None:
    rng = np.random.default_rng(0)
    recency, frequency = rng.integers(1, 6, (2, rows)).astype(float)
    assert min(size(rfm_heat_map(recency, frequency, "full"))) > 100


@pytest.mark.parametrize(("clusters", "inputs"), [(2, 1), (8, 5)])
def test_any_number_of_clusters_is_drawn(clusters: int, inputs: int) -> None:
    centroids = np.random.default_rng(1).normal(size=(clusters, inputs))
    names = [f"cluster_{k}" for k in range(clusters)]
    assert min(size(cluster_profile(centroids, names, [f"x{j}" for j in range(inputs)], "full"))) > 100
    assert min(size(cluster_profile(centroids * 0, names, [f"x{j}" for j in range(inputs)], "full"))) > 100


def test_the_same_customers_draw_the_same_bytes() -> None:
    scores = np.array([1.0, 5, 5, 3])
    assert rfm_heat_map(scores, scores, "full") == rfm_heat_map(scores, scores, "full")
    assert rfm_heat_map(scores, scores, "full") != rfm_heat_map(scores, scores[::-1], "full")
