"""Ranking again: inputs are ranks and ratios within a request, and only the best change places."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.base import Contributions
from app.estimators.blend import ALL_ITEMS
from app.estimators.candidates import Scored, score_candidates
from app.estimators.reranking import RANKED_INPUTS, RERANKED, ranked_inputs, rerank, reranked_rows
from tests.unit.estimators.random_items import random_model, random_shopper

IS_OWN = np.array([name in {"is_bought", "products_bought"} for name in RANKED_INPUTS])
IS_RATIO = np.array([name.endswith("_ratio") for name in RANKED_INPUTS])
IS_RANK = np.array([name.endswith("_rank") for name in RANKED_INPUTS])


@dataclass(frozen=True)
class Worst:
    """Trees that turn the order of the margins round, or know nothing."""

    sign: float = -1.0

    def margin(self, X: Array) -> Array:
        found: Array = self.sign * X[:, RANKED_INPUTS.index("margin_ratio")]
        return found

    def contributions(self, X: Array) -> Contributions:
        return Contributions(np.zeros(len(X)), np.zeros(X.shape))


def scored(seed: int, size: int = 14) -> Scored:
    rng = np.random.default_rng(seed)
    one, person = random_model(rng, size), random_shopper(rng, size)
    weights = np.abs(one.blend.weights[ALL_ITEMS]) + 0.1
    return score_candidates(one, person, weights, np.ones(size, dtype=bool), is_wide=True)


def every(found: Scored) -> Array:
    return ranked_inputs(found, np.arange(len(found.product)))


def test_every_input_is_a_rank_a_ratio_or_tells_what_was_bought() -> None:
    assert (IS_OWN.astype(int) + IS_RATIO + IS_RANK == 1).all()
    assert len(set(RANKED_INPUTS)) == len(RANKED_INPUTS)
    for seed in range(20):
        X = every(scored(seed))
        assert X.shape == (14, len(RANKED_INPUTS))
        assert np.isfinite(X).all()
        assert ((X[:, IS_RANK] >= 0) & (X[:, IS_RANK] <= 1)).all()
        assert (X[:, IS_RATIO] <= 0).all()
        assert (X[:, IS_RATIO].max(axis=0) == 0).all()
        assert (X[:, IS_RANK].min(axis=0) == 0).all()


def test_a_constant_added_to_a_source_changes_no_input() -> None:
    for seed in range(12):
        found = scored(seed)
        before = every(found)
        for name in found.columns:
            columns = {**found.columns, name: found.columns[name] + 7.5}
            np.testing.assert_allclose(every(replace(found, columns=columns)), before, rtol=0, atol=1e-9)
        np.testing.assert_allclose(
            every(replace(found, margin=found.margin - 40.0)), before, rtol=0, atol=1e-9
        )


def test_ranks_are_shares_with_a_higher_value_and_ties_share_the_best() -> None:
    found = scored(1, 5)
    found = replace(found, margin=np.array([2.0, 5.0, 2.0, 9.0, -1.0]))
    ranks = every(found)[:, RANKED_INPUTS.index("margin_rank")]
    assert ranks.tolist() == pytest.approx([0.4, 0.2, 0.4, 0.0, 0.8])
    ratios = every(found)[:, RANKED_INPUTS.index("margin_ratio")]
    assert ratios.tolist() == [-7.0, -4.0, -7.0, 0.0, -10.0]


def test_inputs_of_some_candidates_are_ranked_among_these() -> None:
    found = scored(3)
    rows = np.array([2, 5, 11])
    ranks = ranked_inputs(found, rows)[:, RANKED_INPUTS.index("margin_rank")]
    assert sorted(ranks.tolist()) == pytest.approx([0.0, 1 / 3, 2 / 3])
    assert ranked_inputs(found, rows[:0]).shape == (0, len(RANKED_INPUTS))


def test_what_was_bought_is_told_as_it_is() -> None:
    for seed in range(12):
        found = scored(seed)
        X = every(found)
        assert X[:, RANKED_INPUTS.index("is_bought")].tolist() == found.column("bought").tolist()
        breadth = X[:, RANKED_INPUTS.index("products_bought")]
        assert set(breadth.tolist()) == {found.column("breadth").max()}


def test_the_best_are_ranked_again_and_the_others_stay_below_in_their_order() -> None:
    size = RERANKED + 60
    rng = np.random.default_rng(0)
    found = replace(
        scored(2), margin=rng.normal(500, 3, size), product=np.arange(size), own_rows=np.empty(0, int)
    )
    found = replace(found, columns={}, own_columns={})
    rows = reranked_rows(found.margin)
    assert rows.tolist() == sorted(np.argsort(-found.margin)[:RERANKED].tolist())
    again = rerank(found, Worst())
    others = np.setdiff1d(np.arange(size), rows)
    assert again[others].tolist() == found.margin[others].tolist()
    assert again[rows].min() >= again[others].max()
    assert np.argsort(-again[rows]).tolist() == np.argsort(found.margin[rows]).tolist()
    assert np.isfinite(again).all()


def test_few_candidates_are_all_ranked_again() -> None:
    found = scored(5)
    assert reranked_rows(found.margin).tolist() == list(range(14))
    assert np.argsort(-rerank(found, Worst())).tolist() == np.argsort(found.margin).tolist()
    assert np.argsort(-rerank(found, Worst(1.0))).tolist() == np.argsort(-found.margin).tolist()


def test_the_given_margins_are_left_as_they_are() -> None:
    found = scored(6)
    before = found.margin.copy()
    rerank(found, Worst())
    assert found.margin.tolist() == before.tolist()


def test_nobody_s_candidates_have_no_margins() -> None:
    one = random_model(np.random.default_rng(0))
    person = random_shopper(np.random.default_rng(1))
    none = score_candidates(one, person, one.blend.weights[ALL_ITEMS], np.zeros(14, dtype=bool))
    assert rerank(none, Worst()).shape == (0,)
