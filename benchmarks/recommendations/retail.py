"""Purchases split in time: trained as of a day as a user would, judged on what was bought after it.

Nothing later than the day is seen before the judging: recipe, weights, gate and challenger are settled on
windows of ``tuned_days`` that end before it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from app.capabilities.recommend import best
from app.domain.clock import from_microseconds
from app.estimators.blend import ALL_ITEMS, COLD_START, NEW_ITEMS, ItemModel
from app.estimators.items import MIN_CUSTOMERS
from app.estimators.trees import read_trees
from benchmarks.pages import Answered
from benchmarks.recommendations.contenders import COLD, OF_NEW, contenders, top
from benchmarks.recommendations.sets import Shop, microseconds, retail_shop
from benchmarks.recommendations.tables import (
    SEED,
    Verdict,
    at_least,
    document,
    missed,
    not_below,
    page,
    table,
)
from training.recommendations.contest import with_weights
from training.recommendations.judging import LONGEST, Judged, judge
from training.recommendations.learning import TUNING_CUSTOMERS, Learned, asked, learn
from training.recommendations.recipe import Record, model_at
from training.recommendations.reranker import grow_reranker
from training.recommendations.windows import When, Window, window_of

KITH, BLEND, RERANKED = "Kith, as published", "Kith, the blend alone", "Kith, the challenger (trees)"
_TITLES: Final = {
    ALL_ITEMS: "(a) All products",
    NEW_ITEMS: "(b) Products new to the customer",
    COLD_START: "Customers never seen before",
}


@dataclass(frozen=True, slots=True)
class RetailQuestion:
    """One file, cut-off and window; ``bounds`` by task and metric. No contest with a rival may be lost."""

    title: str
    about: str
    file: Path
    cut: str
    end: str
    bounds: Mapping[str, Mapping[str, float]]
    tuned_days: int = 45

    def missing(self) -> list[str]:
        """Return the files that are not there."""
        return [] if self.file.exists() else [self.file.name]

    def answered(self) -> Answered:
        """Train, judge, and return page, document and missed bounds."""
        shop = retail_shop(self.file, self.cut)
        began = time.process_time()
        learned = learn(shop.known, shop.cut, self.tuned_days, SEED, lambda _: None)
        cpu = time.process_time() - began
        window = judged_window(learned.model, shop, self.end)
        models = {KITH: learned.model, **challenged(learned, shop.known)}
        found = {task: judged(models, shop, window, task) for task in _TITLES}
        verdicts = list(self._verdicts(found))
        asks = (
            f"{self.about} {shop.lines:,} lines of {shop.customers:,} customers are read; trained on those "
            f"before {self.cut} in {cpu:.0f} s of CPU, judged from then to {self.end}; "
            f"{window.items.size:,} products with at least {MIN_CUSTOMERS} buyers before."
        )
        parts = [asks, _chosen(learned)]
        for task, one in found.items():
            size = next(iter(one.values())).size
            parts += [f"### {_TITLES[task]}: {size:,} customers", table(one)]
        figures = {
            "cpu_seconds": cpu,
            "recipe": {
                "link_days": learned.recipe.link_days,
                "popularity_days": learned.recipe.popularity_days,
            },
            "left_out": learned.left_out,
            "tiers": dict(learned.tiers),
            "weights": learned.model.blend.settings()["weights"],
            "tasks": {task: document(one) for task, one in found.items()},
        }
        return page(self.title, parts, verdicts), figures, missed(verdicts)

    def _verdicts(self, found: Mapping[str, Mapping[str, Judged]]) -> list[Verdict]:
        verdicts = [
            at_least(found[task][KITH], metric, limit, _TITLES[task])
            for task, bounds in self.bounds.items()
            for metric, limit in bounds.items()
        ]
        for task, one in found.items():
            rivals = [name for name in one if name not in {KITH, BLEND, RERANKED}]
            verdicts += not_below(one, rivals, _TITLES[task])
        return verdicts


def judged_window(model: ItemModel, shop: Shop, end: str) -> Window:
    """Return who bought from the cut-off to a day, asked with what was known at the cut-off."""
    days = (microseconds(end) - shop.cut) / microseconds("1970-01-02")
    month = from_microseconds(shop.cut, shop.record.timezone).month - 1
    return window_of(model.items, shop.record.purchases, None, When(shop.cut, days, month))


def challenged(learned: Learned, known: Record) -> dict[str, ItemModel]:
    """Return the published arrays with the blend alone, and with the trees, published or not.

    The trees are grown as training grows them, from the windows before the one of the gate.
    """
    plain = replace(with_weights(learned.model, {}), reranker=None)
    past = learned.windows[:-1]
    weights = dict(learned.model.blend.weights)
    models = [
        with_weights(model_at(known, learned.recipe, when.cut, when.horizon_days), weights) for when in past
    ]
    windows = [
        asked(known, model, when, TUNING_CUSTOMERS, SEED) for model, when in zip(models, past, strict=True)
    ]
    text = learned.tree_text or grow_reranker(models, windows, SEED)
    if text is None:
        return {BLEND: plain}
    both = with_weights(plain, {}, frozenset({ALL_ITEMS, NEW_ITEMS}))
    return {BLEND: plain, RERANKED: replace(both, reranker=read_trees(text))}


def judged(models: Mapping[str, ItemModel], shop: Shop, window: Window, task: str) -> dict[str, Judged]:
    """Return what the models, and who else has something to say, are worth at a task."""
    questions = list(window.questions(task))
    relevant = [wanted for *_, wanted in questions]
    others = contenders(shop.known.purchases, shop.cut)
    named = COLD if task == COLD_START else OF_NEW if task == NEW_ITEMS else tuple(others)
    lists = {
        name: [best(model, shopper, task, allowed, LONGEST) for _, shopper, allowed, _ in questions]
        for name, model in models.items()
        if task != COLD_START or name == KITH
    }
    lists |= {
        name: [top(others[name](shopper), allowed) for _, shopper, allowed, _ in questions] for name in named
    }
    return {name: judge(window, shown, relevant) for name, shown in lists.items()}


def _chosen(learned: Learned) -> str:
    """Return in words what training chose before the cut-off."""
    days = (
        "all alike" if learned.recipe.link_days is None else f"1/e after {learned.recipe.link_days:.0f} days"
    )
    tiers = ", ".join(f"{task} {tier}" for task, tier in learned.tiers.items())
    gone = ", ".join(learned.left_out) or "none"
    return (
        f"Chosen before the cut-off: purchases count for links {days}, for popularity the last "
        f"{learned.recipe.popularity_days:.0f} days; optional sources left out: {gone}; tiers: {tiers}."
    )
