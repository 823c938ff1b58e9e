"""The contest on the last window: what was learned beside simple rules and what a user would pick instead.

Every contender answers through the code that serves, for the same customers of a window that no fit has
seen; which of them answers is chosen on it. The rules are weights of the blend's own sources; ``item_knn``
has links of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.capabilities.recommend import Wish, best, rank, similar
from app.domain.history import Array
from app.estimators.blend import ALL_ITEMS, CART_ITEMS, COLD_START, NEW_ITEMS, SIMILAR_ITEMS, TASKS, ItemModel
from app.estimators.items import Items
from training.recommendations.blend import RULES, row_of
from training.recommendations.judging import CUT, FEWEST, LONGEST, METRIC, Comparison, Judged, compare, judge
from training.recommendations.windows import Window

BLEND, RERANKED = "blend", "reranked"
HABITS_FIRST = "own_frequency_then_blend"
"""What was bought comes first, by the rule, and what is new as the blend has it."""
POPULARITY, ALL_TIME = "popularity", "popularity_all_time"
OWN_FREQUENCY, ITEM_KNN = "own_frequency", "item_knn"
DIVERSITY: Final = 0.15
DIVERSITY_CUSTOMERS: Final = 500
MODELS: Final = (BLEND, RERANKED, HABITS_FIRST)
"""The contenders that earn grades."""
FEWEST_ORDERS: Final = 100
"""Orders without which nothing is judged that is asked of orders."""
RULES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    ALL_ITEMS: (OWN_FREQUENCY, POPULARITY),
    NEW_ITEMS: (POPULARITY, ALL_TIME),
    CART_ITEMS: (POPULARITY, ALL_TIME),
    COLD_START: (ALL_TIME,),
}
"""The simple rules of each task; the best of them on the last window is what a model must beat."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What each contender was worth at one task: metrics, the rule to beat, and comparisons with it."""

    task: str
    judged: Mapping[str, Judged]
    rule: str
    comparisons: Mapping[str, Comparison]
    seed: int

    def has_won(self, name: str) -> bool:
        """Return whether a contender took part and earned more than grade C."""
        comparison = self.comparisons.get(name)
        return comparison is not None and comparison.grade != "C"

    def beats(self, name: str, other: str) -> bool:
        """Return whether a contender is surely better than another, not only than the rule."""
        if name not in self.judged:
            return False
        return compare(other, self.judged[other], self.judged[name], self.seed).improvement.low > 0


def with_weights(
    model: ItemModel, weights: Mapping[str, Array], reranked: frozenset[str] = frozenset()
) -> ItemModel:
    """Return a model with other weights of its tasks."""
    every = {**model.blend.weights, **weights}
    return replace(model, blend=replace(model.blend, weights=every, reranked=reranked))


def rule_model(model: ItemModel, rule: str, *, knn: Items | None = None) -> ItemModel | None:
    """Return a simple rule as a model; None for ``item_knn`` without links of its own."""
    row, items = row_of(RULES[rule]), model.items
    if rule == ITEM_KNN:
        if knn is None:
            return None
        items = knn
    return with_weights(replace(model, items=items, reranker=None), dict.fromkeys(TASKS, row))


def hold_contest(models: Mapping[str, ItemModel], window: Window, task: str, seed: int) -> Contest:
    """Return what contenders are worth at a task.

    Parameters
    ----------
    models : mapping
        The contenders by name, with at least one of the rules of the task among them.
    """
    questions = list(window.questions(task))
    relevant = [wanted for *_, wanted in questions]
    judged = {
        name: judge(
            window,
            [best(model, shopper, task, allowed, LONGEST) for _, shopper, allowed, _ in questions],
            relevant,
        )
        for name, model in models.items()
    }
    simple = [name for name in RULES_OF[task] if name in judged]
    rule = max(simple, key=lambda name: np.nan_to_num(judged[name].mean(METRIC)))
    return Contest(
        task,
        judged,
        rule,
        {
            name: compare(rule, judged[rule], one, seed, FEWEST_ORDERS if task == CART_ITEMS else FEWEST)
            for name, one in judged.items()
            if name not in simple
        },
        seed,
    )


def hold_similar_contest(model: ItemModel, window: Window, seed: int) -> Contest:
    """Return what goes with one product of an order, judged by the others of that order."""
    popular = model.items.by_popularity[: LONGEST + 1]
    shown, ruled, relevant = [], [], []
    for _, shopper, allowed, rest in window.questions(CART_ITEMS):
        ranked = similar(model, shopper.cart, Wish(LONGEST, allowed))
        shown.append(np.array([pick.product for pick in ranked.picks], dtype=np.int64))
        ruled.append(popular[~np.isin(popular, shopper.cart)][:LONGEST])
        relevant.append(rest)
    judged = {BLEND: judge(window, shown, relevant), POPULARITY: judge(window, ruled, relevant)}
    comparison = compare(POPULARITY, judged[POPULARITY], judged[BLEND], seed, FEWEST_ORDERS)
    return Contest(SIMILAR_ITEMS, judged, POPULARITY, {BLEND: comparison}, seed)


def cost_of_diversity(model: ItemModel, window: Window) -> dict[str, float]:
    """Return NDCG@10 of some customers' lists with and without diversity; empty where nobody was asked."""
    questions = list(window.questions(ALL_ITEMS))[:DIVERSITY_CUSTOMERS]
    if not questions:
        return {}
    relevant = [wanted for *_, wanted in questions]
    found = {}
    for strength in (0.0, DIVERSITY):
        lists = [
            np.array(
                [pick.product for pick in rank(model, shopper, Wish(CUT, allowed, diversity=strength)).picks]
            )
            for _, shopper, allowed, _ in questions
        ]
        found[strength] = judge(window, lists, relevant).mean(METRIC)
    return {
        "strength": DIVERSITY,
        "ndcg_at_10": found[DIVERSITY],
        "plain_ndcg_at_10": found[0.0],
        "customers": float(len(questions)),
    }
