"""Axes that can be compared, and names of what stands out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.clusters import NAMES, read_clusters
from training.cluster_inputs import AXES, _axis, look_for_clusters, names_of
from training.clustering import adjusted_rand

NAN = float("nan")
TRAITS = ["frequency", "silence", "spend"]


def groups_of(seed: int, size: int) -> tuple[dict[str, Array], Array]:
    """Return columns of three kinds of customers, and which kind each is."""
    rng = np.random.default_rng(seed)
    group = rng.choice(3, size, p=[0.5, 0.3, 0.2])
    orders = 1 + rng.poisson(np.array([1.0, 30.0, 28.0])[group]).astype(float)
    silence = np.floor(rng.lognormal(np.log(np.array([300.0, 9.0, 9.0])[group]), 0.3))
    value = rng.lognormal(np.log(np.array([40.0, 40.0, 600.0])[group]), 0.3)
    return {"order_days": orders, "days_since_last_order": silence, "average_order_value": value}, group


def test_kinds_of_customers_are_found_and_named_after_what_stands_out() -> None:
    columns, group = groups_of(1, 900)
    found = look_for_clusters(columns, 7)
    assert found.settings is not None
    first, second, third = found.settings["names"]
    assert first == "rare_silent"
    assert second in {"frequent_low_spend", "frequent_recent", "recent_low_spend"}
    assert third in {"frequent_high_spend", "recent_high_spend"}
    clusters = read_clusters(json.loads(json.dumps(found.settings)), {n: j for j, n in enumerate(columns)})
    own, _, _ = clusters.nearest(np.column_stack(list(columns.values())))
    assert adjusted_rand(own, group) > 0.95


def test_counts_that_fall_off_evenly_are_no_clusters() -> None:
    rng = np.random.default_rng(2)
    columns = {
        "order_days": rng.geometric(0.6, 900).astype(float),
        "days_since_last_order": rng.integers(0, 700, 900).astype(float),
        "average_order_value": rng.lognormal(4, 1, 900),
    }
    found = look_for_clusters(columns, 7)
    assert found.settings is None
    assert found.found.tried


def test_what_tells_too_little_is_left_out() -> None:
    columns, _ = groups_of(3, 300)
    columns["discount_share"] = np.zeros(300)
    columns["lines_per_order_day"] = np.where(np.arange(300) < 30, NAN, columns["average_order_value"])
    columns["tenure_days"] = columns["average_order_value"]
    known = ("order_days", "days_since_last_order", "average_order_value")
    assert look_for_clusters(columns, 7).inputs == known
    assert look_for_clusters({"discount_share": np.zeros(300)}, 7).inputs == ()
    assert set(columns) - set(AXES) == {"tenure_days"}


def test_long_tails_are_taken_by_logarithm_and_shares_are_not() -> None:
    values = np.random.default_rng(4).lognormal(4, 1, 5000)
    money, share = _axis("average_order_value", values), _axis("discount_share", values / values.max())
    assert money is not None
    assert share is not None
    assert money["offset"] == pytest.approx(np.median(values) / 10)
    assert share["offset"] == 0
    assert money["center"] == pytest.approx(np.log(np.median(values) * 1.1), abs=0.01)
    assert 0.7 < money["scale"] < 1.1


def test_money_that_is_mostly_given_back_has_no_logarithm() -> None:
    axis = _axis("summary.average_order_value", np.linspace(-90, 10, 400))
    assert axis is not None
    assert axis["offset"] == 0
    assert axis["low"] < 0


def test_a_spread_of_nothing_among_most_is_not_blown_up() -> None:
    values = np.r_[np.zeros(800), np.linspace(0.1, 0.6, 200)]
    axis = _axis("discount_share", values)
    assert axis is not None
    assert axis["scale"] == pytest.approx(values.std(), rel=0.05)


def test_an_axis_is_scaled_by_the_spread_within_its_summits() -> None:
    rng = np.random.default_rng(6)
    one, two = rng.normal(0, 0.06, 4000), rng.normal(0, 0.06, 4000) + np.repeat([0, 1], 2000)
    for values in (one, two):
        axis = _axis("discount_share", values)
        assert axis is not None
        # Half of each summit holds a quarter of all, and is twice as wide as that of one summit.
        assert 0.05 < axis["scale"] < 0.14


@pytest.mark.parametrize(
    ("centroids", "names"),
    [
        ([[-2, 0, 0], [2, 0, 0]], ["rare", "frequent"]),
        ([[-2, 2, 0], [2, -2, 0]], ["rare_silent", "frequent_recent"]),
        ([[0, 0, -3], [0, 0, 0], [0, 0, 3]], ["low_spend", "average", "high_spend"]),
        (
            [[2, 1.5, 1.2], [2, 1.5, 1.4], [-2, -1.5, -1.3]],
            ["frequent_silent", "frequent_high_spend", "rare_recent"],
        ),
        ([[0, 0, 0], [0.1, 0, 0]], ["average", "cluster_2"]),
    ],
)
def test_names_are_of_their_own(centroids: list[list[float]], names: list[str]) -> None:
    assert names_of(np.array(centroids, dtype=float), TRAITS) == names


@pytest.mark.parametrize("seed", range(6))
def test_any_eight_clusters_get_eight_known_names(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for width in (1, 2, 3):
        names = names_of(rng.normal(size=(8, width)) * 3, TRAITS[:width])
        assert len(set(names)) == 8
        assert set(names) <= set(NAMES)
