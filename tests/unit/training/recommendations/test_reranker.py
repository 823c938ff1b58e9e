"""The challenger: trees that this service can read, grown only from enough requests."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from app.artifacts.structure import check_trees
from app.domain.errors import StructureError
from app.estimators.blend import ALL_ITEMS, TASKS, ItemModel
from app.estimators.candidates import score_candidates
from app.estimators.reranking import RANKED_INPUTS, rerank
from app.estimators.shopper import Shopper
from app.estimators.trees import read_trees
from tests.items import blend
from tests.unit.estimators.random_items import random_catalogue
from tests.unit.training.recommendations.asked import window_by
from training.recommendations import reranker
from training.recommendations.blend import DEFAULTS, row_of
from training.recommendations.contest import with_weights
from training.recommendations.reranker import FEWEST_REQUESTS, grow_reranker
from training.recommendations.windows import TASKS_OF_HISTORY, Window

SIZE = 30
MODEL = with_weights(
    ItemModel(random_catalogue(np.random.default_rng(0), SIZE, 8), blend()),
    dict.fromkeys(TASKS, row_of(DEFAULTS)),
)


def window(count: int, seed: int = 1) -> Window:
    return window_by(np.random.default_rng(seed), MODEL, 2 * row_of(DEFAULTS), count, bought=2)


def requests(one: Window) -> int:
    return sum(1 for task in TASKS_OF_HISTORY for _ in one.questions(task))


@lru_cache(maxsize=1)
def text() -> bytes:
    found = grow_reranker([MODEL, MODEL], [window(160), window(160, 2)], seed=7)
    assert found is not None
    return found


def test_too_few_requests_grow_nothing() -> None:
    few = window(200)
    assert requests(few) < FEWEST_REQUESTS
    assert grow_reranker([MODEL], [few], seed=7) is None
    assert grow_reranker([], [], seed=7) is None


def test_windows_count_together() -> None:
    assert requests(window(160)) < FEWEST_REQUESTS <= requests(window(160)) + requests(window(160, 2))
    assert text()


def test_the_text_is_one_that_the_service_reads() -> None:
    check_trees(text(), len(RANKED_INPUTS))
    assert b"\nobjective=lambdarank\n" in text()
    for inputs in (len(RANKED_INPUTS) - 1, len(RANKED_INPUTS) + 1):
        with pytest.raises(StructureError):
            check_trees(text(), inputs)


def test_the_same_windows_and_seed_grow_the_same_trees() -> None:
    assert grow_reranker([MODEL, MODEL], [window(160), window(160, 2)], seed=7) == text()


def test_what_was_chosen_stands_higher_than_chance() -> None:
    trees, places = read_trees(text()), []
    for _, person, allowed, relevant in window(80, 3).questions(ALL_ITEMS):
        scored = score_candidates(MODEL, person, row_of(DEFAULTS), allowed)
        order = scored.product[np.argsort(-rerank(scored, trees), kind="stable")]
        places.append(np.flatnonzero(np.isin(order, relevant)).mean() / len(order))
    assert np.mean(places) < 0.4


def test_requests_without_a_relevant_candidate_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reranker, "FEWEST_REQUESTS", 1)
    # Nobody is shown what has no link and is not popular: it is no candidate.
    none = np.zeros(SIZE, dtype=bool)
    unlinked = replace(
        MODEL.items,
        active=none,
        links=replace(
            MODEL.items.links,
            index=np.full_like(MODEL.items.links.index, SIZE),
            weight=np.zeros_like(MODEL.items.links.weight),
        ),
    )
    people = tuple(Shopper(np.array([0]), np.array([3.0]), np.array([0])) for _ in range(5))
    silent = Window(unlinked, np.arange(5), people, (np.array([1]),) * 5)
    assert requests(silent) == 10
    assert grow_reranker([replace(MODEL, items=unlinked)], [silent], seed=7) is None
