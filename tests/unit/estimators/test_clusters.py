"""The nearest centroid, how far it is, and the second nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.errors import StructureError
from app.estimators import clusters as module
from app.estimators.clusters import NAMES, TRAITS, Clusters, read_clusters

POSITIONS = {"other": 0, "orders": 1, "share": 2}
NAN = float("nan")


def settings(**changes: Any) -> dict[str, Any]:
    known = {
        "inputs": ["orders", "share"],
        "low": [0.0, 0.0],
        "high": [99.0, 1.0],
        "offset": [1.0, 0.0],
        "center": [np.log(10.0), 0.5],
        "scale": [0.5, 0.25],
        "centroids": [[0.0, 0.0], [3.0, 1.0], [-2.0, -2.0]],
        "names": ["average", "frequent_discounted", "rare_full_price"],
    }
    return {**known, **changes}


def read(**changes: Any) -> Clusters:
    return read_clusters(settings(**changes), POSITIONS)


def test_inputs_are_clipped_taken_by_logarithm_and_scaled() -> None:
    X = np.array([[7.0, 9.0, 0.5], [7.0, 1e9, 2.0], [7.0, -5.0, -1.0], [7.0, NAN, NAN]])
    top, bottom = (np.log(100.0) - np.log(10.0)) / 0.5, -np.log(10.0) / 0.5
    expected = [[0.0, 0.0], [top, 2.0], [bottom, -2.0], [0.0, 0.0]]
    np.testing.assert_allclose(read().scaled(X), expected, atol=1e-12)


def test_the_nearest_the_distance_and_the_second() -> None:
    X = np.array([[0.0, 9.0, 0.5], [0.0, 99.0, 0.9], [0.0, 2.0, 0.1]])
    own, distance, second = read().nearest(X)
    assert own.tolist() == [0, 1, 2]
    Z = read().scaled(X)
    centroids = np.array(settings()["centroids"])
    all_distances = np.sqrt(((Z[:, None] - centroids) ** 2).sum(axis=2))
    np.testing.assert_allclose(distance, all_distances.min(axis=1))
    assert second.tolist() == np.argsort(all_distances, axis=1)[:, 1].tolist()


def test_many_customers_are_assigned_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(size=25), rng.integers(0, 99, 25), rng.random(25)])
    whole = read().nearest(X)
    monkeypatch.setattr(module, "BLOCK", 7)
    for one, other in zip(whole, read().nearest(X), strict=True):
        assert one.tolist() == other.tolist()
    alone = [read().nearest(X[k : k + 1]) for k in range(25)]
    assert whole[0].tolist() == [int(one[0][0]) for one in alone]
    assert whole[1].tolist() == [float(one[1][0]) for one in alone]


def test_the_rows_asked_about_stay_as_they_are() -> None:
    X = np.array([[0.0, 9.0, NAN]])
    kept = X.copy()
    read().nearest(X)
    np.testing.assert_array_equal(X, kept)


def test_nobody_is_near_nothing() -> None:
    assert [column.shape for column in read().nearest(np.empty((0, 3)))] == [(0,), (0,), (0,)]


def test_names_are_at_most_two_traits_of_different_kinds_or_numbers() -> None:
    assert len(set(NAMES)) == len(NAMES) == 1 + 10 + 40 + 8
    assert "rare_frequent" not in NAMES
    assert {"frequent_high_spend", "rare_silent", "average", "cluster_8"} <= set(NAMES)
    assert all(len(words) == 2 for words in TRAITS.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ["average", "average", "rare"]},
        {"names": ["average", "rare", "a word that is none"]},
        {"names": ["average", "rare"]},
        {"centroids": [[0.0, 0.0]], "names": ["average"]},
        {"centroids": [[0.0], [1.0], [2.0]]},
        {"centroids": [[0.0, NAN], [3.0, 1.0], [1.0, 1.0]]},
        {"scale": [0.0, 1.0]},
        {"scale": [1.0]},
        {"low": [100.0, 0.0]},
        {"low": [-1.0, 0.0]},
        {"inputs": ["orders", "missing"]},
        {"inputs": []},
        {"offset": ["x", "y"]},
        {"center": None},
    ],
)
def test_clusters_that_do_not_hold_together_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StructureError):
        read(**changes)


def test_a_missing_part_is_refused() -> None:
    whole = settings()
    for name in whole:
        with pytest.raises(StructureError):
            read_clusters({k: v for k, v in whole.items() if k != name}, POSITIONS)
