"""The ordinal ladder: all boundaries at once, asked at the one that counts; steps, ranges and their score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Array
from app.estimators.base import sigmoid
from app.estimators.linear import Linear
from app.estimators.ordinal import Scale
from app.estimators.trees import Trees
from tests.unit.training.rows import SEED, data_of, mixed, mixed_rows
from training.evaluation import auc, log_loss
from training.ladder import Data, climb
from training.satisfaction.ordinal import BOUNDARIES, Ordinal, fit_scale, ranked_probability
from training.snapshots import Fold, random_folds

FIVE = np.arange(1.0, 6.0)
EDGES = (-2.0, -0.5, 0.8, 2.2)
"""Where the five scores part on the latent scale; two of five are dissatisfied."""


def scored(rows: int, seed: int = 0) -> tuple[Data, tuple[Fold, ...], Array]:
    """Return rows whose score falls with a known margin, folds, and the true log-odds of dissatisfaction."""
    X, _, truth = mixed_rows(seed, rows)
    latent = -truth + np.random.default_rng(seed + 1).logistic(size=rows)
    level = np.searchsorted(EDGES, latent)
    data = replace(data_of(X, (level <= 1).astype(np.float64), features=mixed()), level=level)
    return data, random_folds(data.y, np.arange(rows), 3, SEED), truth + EDGES[1]


@pytest.mark.parametrize(
    ("rows", "tiers"),
    [(150, ["rules"]), (300, ["rules", "statistical"]), (700, ["rules", "statistical", "ml"])],
)
def test_a_rung_is_tried_where_there_are_enough_customers(rows: int, tiers: list[str]) -> None:
    data, folds, _ = scored(rows)
    ladder = Ordinal(5, 1).climb(data, folds, SEED)
    assert list(ladder.rungs) == tiers
    assert ladder.preferred in tiers
    assert Ordinal(5, 1).climb(data, (), SEED).preferred == "rules"


def test_two_scores_are_the_ladder_of_a_probability() -> None:
    data, folds, _ = scored(300)
    two = replace(data, level=1 - data.y.astype(np.int64))
    ours, theirs = Ordinal(2, 0).climb(two, folds, SEED), climb(data, folds, SEED)
    assert ours.rungs.keys() == theirs.rungs.keys()
    for tier, rung in ours.rungs.items():
        np.testing.assert_array_equal(
            rung.margin(data.X, data.population), theirs.rungs[tier].margin(data.X, data.population)
        )


def test_rungs_tell_the_log_odds_of_dissatisfaction() -> None:
    data, folds, _ = scored(900)
    fresh, _, truth = scored(3000, seed=50)
    rungs = Ordinal(5, 1).climb(data, folds, SEED).rungs
    assert isinstance(rungs["statistical"].estimators[0], Linear)
    assert isinstance(rungs["ml"].estimators[0], Trees)
    best = auc(fresh.y, truth)
    for tier in ("statistical", "ml"):
        margin = rungs[tier].margin(fresh.X, fresh.population)
        assert auc(fresh.y, margin) > best - 0.05
        assert sigmoid(margin).mean() == pytest.approx(fresh.y.mean(), abs=0.04)
        assert rungs[tier].choice.startswith("ordinal")


def test_other_boundaries_help_where_the_one_that_counts_is_rare() -> None:
    """With few of the worst score, the regression of all boundaries beats that of the one boundary."""
    lost = {"one": 0.0, "all": 0.0}
    fresh, _, _ = scored(4000, seed=60)
    rare = (fresh.level == 0).astype(np.float64) if fresh.level is not None else fresh.y
    for seed in range(3):
        data, _, _ = scored(400, seed)
        assert data.level is not None
        data = replace(data, y=(data.level == 0).astype(np.float64))
        folds = random_folds(data.y, np.arange(400), 3, SEED)
        for name, climbed in (("one", climb), ("all", Ordinal(5, 0).climb)):
            rung = climbed(data, folds, SEED).rungs["statistical"]
            lost[name] += log_loss(rare, sigmoid(rung.margin(fresh.X, fresh.population)))
    assert lost["all"] < lost["one"]


def test_weights_say_how_much_a_row_counts_towards_the_level() -> None:
    data, folds, _ = scored(300)
    heavy = replace(data, weight=np.where(data.y > 0, 3.0, 1.0))
    plain, moved = (
        Ordinal(5, 1).climb(one, folds, SEED).rungs["statistical"].margin(data.X, data.population)
        for one in (data, heavy)
    )
    assert sigmoid(moved).mean() == pytest.approx(sigmoid(plain + np.log(3)).mean(), abs=0.03)


def test_weights_say_how_much_a_row_counts_towards_the_differences() -> None:
    """Of rows half of which say the opposite, those that hardly count teach hardly anything."""
    data, folds, truth = scored(700)
    assert data.level is not None
    is_turned = np.arange(700) % 2 == 0
    level = np.where(is_turned, 4 - data.level, data.level)
    y = (level <= 1).astype(np.float64)
    turned = replace(data, y=y, level=level, weight=np.where(is_turned, 0.02, 1.98))
    rungs = Ordinal(5, 1).climb(turned, folds, SEED).rungs
    for tier in ("statistical", "ml"):
        margin = rungs[tier].margin(data.X, data.population)
        assert auc((truth > np.median(truth)).astype(np.float64), margin) > 0.8, tier


def test_boundaries_begin_with_the_one_that_counts_and_leave_rare_ones_out() -> None:
    level = np.repeat(np.arange(5), [10, 60, 100, 100, 30])
    assert Ordinal(5, 1).boundaries(level) == (1, 2, 3)
    assert Ordinal(5, 0).boundaries(level) == (0, 2, 1, 3)
    eleven = Ordinal(11, 6).boundaries(np.repeat(np.arange(11), 100))
    assert eleven[0] == 6
    assert len(eleven) == BOUNDARIES
    assert len(set(eleven)) == BOUNDARIES


# ── The scale and its ranges ──────────────────────────────────────────────────────────────────────────
def given_rows(rows: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.0, 2.0, rows)
    level = np.searchsorted(EDGES, -margin + EDGES[1] + rng.logistic(size=rows))
    return margin, level


@given(st.integers(0, 2**32), st.integers(20, 400), st.floats(0.5, 0.98))
def test_a_range_holds_its_level_on_the_rows_that_set_it(seed: int, rows: int, wanted: float) -> None:
    margin, level = given_rows(rows, seed)
    scale = fit_scale(FIVE, 1, margin, level, wanted)

    def held(by: Scale) -> float:
        low, high = by.range(margin)
        return float(((low <= FIVE[level]) & (FIVE[level] <= high)).mean())

    assert wanted <= held(scale) + 1e-9
    # One row beyond the level at most, but for rows as far off to the last bit; the narrowest range, a single
    # score, may hold more by itself.
    assert held(scale) <= max(wanted + 2.0 / rows, held(replace(scale, width=0.0)))


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_a_few_rows_promise_no_less_than_the_scale(rows: int) -> None:
    margin, level = given_rows(rows, 5)
    scale = fit_scale(FIVE, 1, margin, level, 0.9)
    assert scale.width == 1.0
    assert [one.tolist() for one in scale.range(margin)] == [[1.0] * rows, [5.0] * rows]


def test_a_range_holds_its_level_on_other_rows() -> None:
    scale = fit_scale(FIVE, 1, *given_rows(2000, 1), 0.8)
    margin, level = given_rows(5000, 2)
    low, high = scale.range(margin)
    assert ((low <= FIVE[level]) & (FIVE[level] <= high)).mean() == pytest.approx(0.8, abs=0.03)


def test_steps_are_where_the_scores_part() -> None:
    margin, level = given_rows(20_000, 3)
    scale = fit_scale(FIVE, 1, margin, level, 0.8)
    assert scale.steps[1] == 0
    np.testing.assert_allclose(scale.steps, np.array(EDGES) - EDGES[1], atol=0.15)
    np.testing.assert_allclose(
        scale.below(margin).mean(axis=0), np.cumsum(np.bincount(level))[:-1] / 20_000, atol=0.02
    )


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_scores_that_nobody_gave_leave_the_steps_in_order(cut: int) -> None:
    margin, level = given_rows(200, 4)
    scale = fit_scale(FIVE, cut, margin, np.where(level == 2, 3, level), 0.8)
    assert scale.steps[cut] == 0
    assert (np.diff(scale.steps) >= 0).all()


def test_the_ranked_probability_score_of_known_forecasts() -> None:
    scale = Scale(np.array([1.0, 2.0, 3.0]), 0, np.array([0.0, 2 * np.log(3)]), 0.8)
    margin = np.full(3, -np.log(3))  # 1/4, 1/2, 1/4
    found = ranked_probability(scale, margin, np.arange(3))
    assert found.tolist() == pytest.approx([(0.75**2 + 0.25**2) / 2, 0.25**2, (0.25**2 + 0.75**2) / 2])


def test_who_is_sure_and_right_scores_nothing() -> None:
    sure = ranked_probability(
        Scale(FIVE, 1, np.array([-1.0, 0.0, 1.0, 2.0]), 0.8), np.array([-60.0, 60.0]), np.array([4, 0])
    )
    np.testing.assert_allclose(sure, 0.0, atol=1e-12)
