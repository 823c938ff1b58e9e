"""What is published after the contest."""

from __future__ import annotations

import numpy as np
import pytest

from app.estimators.blend import (
    ALL_ITEMS,
    AT,
    CART_ITEMS,
    COLD_START,
    NEW_ITEMS,
    SIMILAR_ITEMS,
    SOURCES,
    TASKS,
)
from training.recommendations.blend import AHEAD, DEFAULTS, RULES, habits_first, row_of
from training.recommendations.contest import (
    BLEND,
    HABITS_FIRST,
    OWN_FREQUENCY,
    POPULARITY,
    RERANKED,
    Contest,
)
from training.recommendations.judging import METRICS, Judged, compare
from training.recommendations.verdicts import verdicts_of

WEIGHTS = {task: row_of(DEFAULTS) for task in TASKS}
SIZE = 60


def contest(task: str, rule: str, **worth: float) -> Contest:
    """Return a contest in which a contender is worth the same to everybody, but for a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, SIZE)
    judged = {
        name: Judged(dict.fromkeys(METRICS, np.full(SIZE, value) + noise * (name != rule)), 0.1, 3.0)
        for name, value in worth.items()
    }
    comparisons = {name: compare(rule, judged[rule], one, 1) for name, one in judged.items() if name != rule}
    return Contest(task, judged, rule, comparisons, 1)


def test_without_a_contest_the_rules_answer_and_a_stranger_gets_what_is_popular() -> None:
    found = verdicts_of({}, WEIGHTS)
    assert set(found.tiers.values()) == {"rules"}
    assert found.answering[ALL_ITEMS] == OWN_FREQUENCY
    assert found.answering[NEW_ITEMS] == found.answering[CART_ITEMS] == POPULARITY
    assert found.weights[ALL_ITEMS].tolist() == row_of(RULES[OWN_FREQUENCY]).tolist()
    assert found.weights[COLD_START].tolist() == WEIGHTS[COLD_START].tolist()
    assert not found.reranked


@pytest.mark.parametrize(
    ("blend", "habits", "answering", "tier"),
    [
        (0.30, 0.28, BLEND, "statistical"),
        (0.20, 0.28, HABITS_FIRST, "statistical"),
        (0.20, 0.20, OWN_FREQUENCY, "rules"),
    ],
)
def test_the_first_that_beats_the_rule_answers(
    blend: float, habits: float, answering: str, tier: str
) -> None:
    one = contest(ALL_ITEMS, OWN_FREQUENCY, own_frequency=0.2, blend=blend, own_frequency_then_blend=habits)
    found = verdicts_of({ALL_ITEMS: one}, WEIGHTS)
    assert (found.answering[ALL_ITEMS], found.tiers[ALL_ITEMS]) == (answering, tier)
    expected = {
        BLEND: WEIGHTS[ALL_ITEMS],
        HABITS_FIRST: habits_first(WEIGHTS[NEW_ITEMS]),
        OWN_FREQUENCY: row_of(RULES[OWN_FREQUENCY]),
    }[answering]
    assert found.weights[ALL_ITEMS].tolist() == expected.tolist()


def test_trees_rank_again_only_where_they_surely_beat_a_blend_that_answers() -> None:
    for trees, is_published in ((0.33, True), (0.30, False), (0.29, False)):
        one = contest(NEW_ITEMS, POPULARITY, popularity=0.1, blend=0.3, reranked=trees)
        found = verdicts_of({NEW_ITEMS: one}, WEIGHTS)
        assert (NEW_ITEMS in found.reranked) == is_published
        assert found.answering[NEW_ITEMS] == (RERANKED if is_published else BLEND)
        assert found.tiers[NEW_ITEMS] == ("ml" if is_published else "statistical")
    lost = contest(NEW_ITEMS, POPULARITY, popularity=0.3, blend=0.2, reranked=0.4)
    assert not verdicts_of({NEW_ITEMS: lost}, WEIGHTS).reranked


def test_what_goes_with_a_product_is_told_by_its_counts_whoever_wins() -> None:
    for worth, tier in ((0.3, "statistical"), (0.05, "rules")):
        one = contest(SIMILAR_ITEMS, POPULARITY, popularity=0.1, blend=worth)
        found = verdicts_of({SIMILAR_ITEMS: one}, WEIGHTS)
        assert (found.answering[SIMILAR_ITEMS], found.tiers[SIMILAR_ITEMS]) == (BLEND, tier)


def test_habits_come_first_and_then_what_is_new_as_the_blend_has_it() -> None:
    row = habits_first(row_of(DEFAULTS))
    assert row[AT["bought"]] == AHEAD
    for name in SOURCES:
        if name.endswith("_new") or name in {"viewed", "view_links"}:
            assert row[AT[name]] == DEFAULTS[name]
    assert row[AT["frequency"]] == row[AT["rebuy"]] == 0
    assert row[AT["orders"]] == RULES[OWN_FREQUENCY]["orders"]
