"""What is published after the contest: which contender answers each task, and on which rung that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.artifacts.manifest import Tier
from app.domain.history import Array
from app.estimators.blend import ALL_ITEMS, COLD_START, NEW_ITEMS, SIMILAR_ITEMS, TASKS
from training.recommendations.blend import RULES, habits_first, row_of
from training.recommendations.contest import (
    BLEND,
    HABITS_FIRST,
    OWN_FREQUENCY,
    POPULARITY,
    RERANKED,
    Contest,
)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Which rung and which contender answer each task, with which weights, and where the trees rank again."""

    tiers: Mapping[str, Tier]
    answering: Mapping[str, str]
    weights: Mapping[str, Array]
    reranked: frozenset[str]


def verdicts_of(contests: Mapping[str, Contest], weights: Mapping[str, Array]) -> Verdicts:
    """Return what is published: of each task the first contender that beats the rule, else the rule itself.

    Where trees surely beat that contender they rank again. A stranger gets popularity in any case.
    """
    tiers: dict[str, Tier] = {}
    answering: dict[str, str] = {}
    published: dict[str, Array] = {}
    every = {BLEND: weights, HABITS_FIRST: {ALL_ITEMS: habits_first(weights[NEW_ITEMS])}}
    for task in (*TASKS, SIMILAR_ITEMS):
        contest = contests.get(task)
        won = [name for name in every if contest is not None and contest.has_won(name)]
        rule = {ALL_ITEMS: OWN_FREQUENCY}.get(task, POPULARITY) if contest is None else contest.rule
        answering[task] = won[0] if won else BLEND if task in {COLD_START, SIMILAR_ITEMS} else rule
        tiers[task] = "statistical" if won and task != COLD_START else "rules"
        if task in TASKS:
            told = every.get(answering[task], {})
            published[task] = told[task] if task in told else row_of(RULES[rule])
    reranked = frozenset(
        task
        for task in (ALL_ITEMS, NEW_ITEMS)
        if answering[task] == BLEND and task in contests and contests[task].beats(RERANKED, BLEND)
    )
    for task in reranked:
        tiers[task], answering[task] = "ml", RERANKED
    return Verdicts(tiers, answering, published, reranked)
