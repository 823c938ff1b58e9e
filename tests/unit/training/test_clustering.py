"""Clusters are found where they are, and not where they are not; the measures behind that."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from app.domain.history import Array
from training.clustering import (
    FEWEST,
    KS,
    STABLE,
    _try,
    adjusted_rand,
    assigned,
    cloud,
    find_clusters,
    stability,
    table_of,
    valley,
)


def islands(seed: int, centers: Array, sizes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return points around centers, and whose they are."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    return centers[group] + rng.normal(size=(len(group), centers.shape[1])), group


TRIANGLE = np.array([[0.0, 0.0], [7.0, 0.0], [3.5, 6.5]])


# ── Measures ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_the_usual_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    other[:30] = one[:30] % 3
    assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other))


def test_the_adjusted_rand_index_at_its_ends() -> None:
    one = np.array([0, 0, 1, 1, 2])
    assert adjusted_rand(one, np.array([2, 2, 0, 0, 1])) == 1.0
    assert adjusted_rand(np.zeros(5, dtype=int), np.zeros(5, dtype=int)) == 1.0
    assert adjusted_rand(one, np.zeros(5, dtype=int)) == 0.0


def test_a_valley_lies_between_islands_and_none_within_one() -> None:
    Z, group = islands(1, TRIANGLE, (300, 300, 300))
    assert valley(Z, group, 3) < 0.1
    one = Z[group == 0]
    assert valley(one, (one[:, 0] > 0).astype(int), 2) > 0.9
    # Two islands, one of them cut in two: the least separate pair counts.
    assert valley(Z, np.where(group == 2, 2, (Z[:, 1] > 0).astype(int)), 3) > 0.8


def test_where_a_cluster_holds_nobody_there_is_no_valley() -> None:
    Z, group = islands(1, TRIANGLE, (50, 50, 50))
    assert valley(Z, group, 4) == 1.0
    assert valley(np.zeros((10, 2)), np.arange(10) % 2, 2) == 1.0


def test_islands_are_stable_and_slices_of_a_cloud_are_not() -> None:
    rng = np.random.default_rng(2)
    Z, _ = islands(2, TRIANGLE, (200, 200, 200))
    assert stability(Z, 3, 4, rng) > 0.95
    assert stability(rng.normal(size=(600, 2)), 5, 4, rng) < 0.8


@pytest.mark.parametrize("is_normal", [True, False])
def test_a_cloud_has_the_same_mean_and_covariance(is_normal: bool) -> None:
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(20_000, 3)) @ rng.normal(size=(3, 3)) + 5
    drawn = cloud(Z, rng, is_normal=is_normal)
    assert drawn.shape == Z.shape
    np.testing.assert_allclose(drawn.mean(axis=0), Z.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(Z.T), atol=0.25)
    assert cloud(Z[:, :1], rng, is_normal=is_normal).shape == (20_000, 1)


# ── The search ────────────────────────────────────────────────────────────────────────────────────────
def test_real_clusters_are_found_with_their_number() -> None:
    Z, group = islands(4, TRIANGLE, (100, 260, 60))
    found = find_clusters(Z, 1)
    assert found.centroids is not None
    own = assigned(Z, found.centroids)
    assert adjusted_rand(own, group) > 0.95
    # The largest is the first.
    assert np.bincount(own).tolist() == sorted(np.bincount(own).tolist(), reverse=True)


def test_a_long_cloud_is_stable_but_never_published() -> None:
    Z = np.random.default_rng(5).normal(size=(600, 2)) * np.array([9.0, 1.0])
    found = find_clusters(Z, 1)
    assert found.centroids is None
    first = found.tried[0]
    assert first.stability > 0.8
    assert first.cloud_stability > 0.8
    assert (first.passes, first.why) == (False, "not apart")


def test_a_number_that_is_not_stable_says_so() -> None:
    found = find_clusters(np.random.default_rng(5).normal(size=(400, 3)), 1)
    assert {one.why for one in found.tried} == {"unstable"}
    assert max(one.stability for one in found.tried) < STABLE


def test_valleys_that_chance_makes_as_deep_are_not_enough() -> None:
    Z, _ = islands(4, TRIANGLE, (100, 100, 100))
    rng = np.random.default_rng(1)
    shallow = [cloud(Z, rng, is_normal=True) for _ in range(4)]
    assert _try(Z, shallow, 3, rng).passes
    assert _try(Z, [*shallow, Z], 3, rng).why == "no further apart than without structure"


def test_below_the_fewest_customers_nothing_is_tried() -> None:
    Z, _ = islands(6, TRIANGLE, (66, 66, FEWEST - 133))
    assert find_clusters(Z, 1).tried == ()
    enough, _ = islands(6, TRIANGLE, (66, 66, FEWEST - 132))
    assert find_clusters(enough, 1).centroids is not None


def test_a_handful_apart_from_the_others_is_no_cluster() -> None:
    Z, _ = islands(7, 3 * TRIANGLE[:2], (1200, 22))
    found = find_clusters(Z, 1)
    assert found.centroids is None
    assert "a cluster is too small" in {one.why for one in found.tried}


def test_customers_who_are_all_alike_have_no_clusters() -> None:
    found = find_clusters(np.zeros((300, 2)), 1)
    assert found.centroids is None
    assert [one.k for one in found.tried] == list(KS)


def test_the_same_seed_finds_the_same() -> None:
    Z, _ = islands(8, TRIANGLE, (100, 100, 100))
    one, other = find_clusters(Z, 3), find_clusters(Z, 3)
    assert one.tried == other.tried
    assert one.centroids is not None
    assert other.centroids is not None
    np.testing.assert_array_equal(one.centroids, other.centroids)
    assert [row["k"] for row in table_of(one.tried)] == list(KS)
