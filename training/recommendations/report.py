"""The card of recommendations: what was learned from, how every contender did, what must not be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Baseline, Grade, Interval, ManifestDraft, Population
from app.domain.clock import from_microseconds
from app.estimators.blend import SIMILAR_ITEMS, SOURCES, TASKS
from app.estimators.items import MIN_CUSTOMERS, Items
from training.recommendations.contest import ITEM_KNN, MODELS, Contest
from training.recommendations.judging import METRIC, METRICS, compare, interval
from training.recommendations.learning import Learned
from training.recommendations.reading import Shop
from training.recommendations.windows import When

Told = dict[str, Any]

_LIMITS: Final = (
    "What was bought is what could be found: products that were never shown look worse than they are.",
    "A list that is shown changes what is bought: only an experiment tells what it adds.",
    "A hit is a purchase within the window, wherever it came from; it is no click and no revenue.",
    "The score is relative within one answer: no probability, and not to be compared between answers.",
    "What the cart counts beside the purchases is set by hand: no table says what lay in a cart.",
    f"Links and pairs are kept only where {MIN_CUSTOMERS} customers bought both: the rest is popularity.",
    "An interval is how often such a product was bought again; it is no promise of a date.",
    "A product that nobody has bought yet is hardly ever recommended.",
    "Cancellations and refunds are read as known now: past windows know a little more than they could.",
    "So is the group of a customer, where groups are told apart.",
    "Where trees rank again the score is of their margins, and reasons tell of the blend.",
)
NOT_JUDGED: Final = "not_judged"
"""The metric of a baseline where there was nothing to judge on."""
_QUESTIONS: Final = (*TASKS, SIMILAR_ITEMS)
_TASK_TEXT: Final = {
    "all_items": "any product, to customers with a purchase before",
    "new_items": "products that the customer had not bought before",
    "cold_start": "any product, to customers without a purchase before",
    "cart_items": "one product of an order, in the cart of somebody unknown, for the others; orders count",
    "similar_items": "one product of an order, for the others of it; orders count",
}


def populations_of(learned: Learned, seed: int) -> tuple[Population, ...]:
    """Return who answers each task, and how well, as the manifest holds it."""
    answer = []
    for task in _QUESTIONS:
        contest = learned.contests.get(task)
        metrics: dict[str, Interval] = {}
        counts = {"tested_rows": 0, "trained_rows": learned.tuned_customers}
        baseline = Baseline(name=learned.answering[task], metric=NOT_JUDGED, value=0.0, model_value=0.0)
        grade: Grade = "C"
        if contest is not None:
            judged = contest.judged[learned.answering[task]]
            comparison = contest.comparisons.get(learned.answering[task])
            value = contest.judged[contest.rule].mean(METRIC) if judged.size else 0.0
            baseline = Baseline(name=contest.rule, metric=METRIC, value=value, model_value=value)
            if comparison is not None:
                baseline, grade = comparison.baseline, comparison.grade
            metrics = {key: interval(judged.by_customer[key], seed) for key in METRICS}
            counts["tested_rows"] = judged.size
        answer.append(
            Population(
                name=task,
                tier=learned.tiers[task],
                grade=grade,
                estimator=None,
                baseline=baseline,
                metrics=metrics,
                counts=counts,
            )
        )
    return tuple(answer)


def card_of(draft: ManifestDraft, learned: Learned, shop: Shop, rows: Mapping[str, int]) -> Told:
    """Return the card as a document.

    Parameters
    ----------
    rows : mapping
        Rows of each table that was read.
    """
    items = learned.model.items
    return {
        "capability": draft.capability,
        "business": draft.business.name,
        "simulated": draft.business.simulated,
        "goal": {
            "predicts": draft.label.text.model_dump(by_alias=True),
            "definition": draft.label.definition,
            "horizon_days": draft.label.horizon_days,
        },
        "population": "every request: what is known of the person stands in it",
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "rows": dict(rows)},
        "seed": draft.seed,
        "git_commit": draft.git_commit,
        "libraries": draft.libraries,
        "catalogue": _catalogue(items, shop),
        "recipe": {
            "link_days": learned.recipe.link_days,
            "popularity_days": learned.recipe.popularity_days,
            "group_by": learned.recipe.group_by,
            "left_out": list(learned.left_out),
        },
        "windows": [_window(when, draft.business.timezone) for when in learned.windows],
        "tasks": {task: _task(learned, task, draft.seed) for task in _QUESTIONS},
        "weights": {
            task: {name: weight for name, weight in zip(SOURCES, row.tolist(), strict=True) if weight}
            for task, row in learned.model.blend.weights.items()
        },
        "diversity": dict(learned.diversity),
        "limits": list(_LIMITS),
    }


def _catalogue(items: Items, shop: Shop) -> Told:
    filled = items.links.index < items.size
    return {
        "products": items.size,
        "active": int(items.active.sum()),
        "without_a_category": int((items.category < 0).sum()),
        "without_a_price": int(np.isnan(items.price).sum()),
        "with_links": int(filled.any(axis=1).sum()),
        "links": int(filled.sum()),
        "pairs": int((items.pairs.index < items.size).sum()),
        "with_an_interval": int(np.isfinite(items.interval_days).sum()),
        "groups": list(items.groups),
        "seasons": bool(len(items.month_lift)),
        "purchases": len(shop.purchases),
        "customers": len(np.unique(shop.purchases.customer)),
        "views": len(shop.views),
        "profiling_denied": shop.denied,
    }


def _window(when: When, timezone: str) -> Told:
    return {
        "cut_off": from_microseconds(when.cut, timezone).date().isoformat(),
        "horizon_days": when.horizon_days,
    }


def _task(learned: Learned, task: str, seed: int) -> Told:
    contest = learned.contests.get(task)
    told: Told = {
        "asks": _TASK_TEXT[task],
        "tier": learned.tiers[task],
        "answered_by": learned.answering[task],
    }
    if contest is None:
        return {**told, "customers": 0, "rule": None, "beside_item_knn": None, "contenders": {}}
    return {
        **told,
        "customers": next(iter(contest.judged.values())).size,
        "rule": contest.rule,
        "beside_item_knn": _beside(contest, learned.answering[task]),
        "contenders": {name: _contender(contest, name, seed) for name in contest.judged},
    }


def _beside(contest: Contest, name: str) -> Told | None:
    """Return how much better the answering contender is than item-kNN, relative, with its interval."""
    rival = contest.judged.get(ITEM_KNN)
    if rival is None or name not in MODELS or not rival.size:
        return None
    return compare(ITEM_KNN, rival, contest.judged[name], contest.seed).improvement.model_dump()


def _contender(contest: Contest, name: str, seed: int) -> Told:
    judged = contest.judged[name]
    comparison = contest.comparisons.get(name)
    return {
        **{key: interval(judged.by_customer[key], seed).model_dump() for key in METRICS},
        "coverage_at_10": judged.coverage,
        "novelty_at_10": None if np.isnan(judged.novelty) else judged.novelty,
        "against_the_rule": None
        if comparison is None
        else {
            "grade": comparison.grade,
            "reason": comparison.reason,
            "improvement": comparison.improvement.model_dump(),
        },
    }
