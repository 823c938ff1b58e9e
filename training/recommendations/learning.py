"""Learning to recommend: recipe, weights and challenger from windows of the past, and the last one's verdict.

Windows of one horizon lie end to end before ``as_of``. On the last one every contender is judged; on those
before it the recipe and the weights are chosen, the latest of them deciding what the earlier ones fitted. The
published arrays are made from everything known at ``as_of``, with the recipe and weights that were judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import Tier
from app.domain.clock import from_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.blend import (
    ALL_ITEMS,
    CART_ITEMS,
    COLD_START,
    NEW_ITEMS,
    SIMILAR_ITEMS,
    SOURCES,
    TASKS,
    ItemModel,
)
from app.estimators.items import Items
from app.estimators.trees import read_trees
from training.recommendations.blend import (
    NOT_OF_HISTORY,
    OF_CARTS,
    OPTIONAL,
    RULES,
    Requests,
    fit_blend,
    fit_weights,
    habits_first,
    ndcg,
    requests_of,
    row_of,
    tuning_requests,
)
from training.recommendations.contest import (
    ALL_TIME,
    BLEND,
    HABITS_FIRST,
    ITEM_KNN,
    OWN_FREQUENCY,
    POPULARITY,
    RERANKED,
    Contest,
    cost_of_diversity,
    hold_contest,
    hold_similar_contest,
    rule_model,
    with_weights,
)
from training.recommendations.judging import FEWEST
from training.recommendations.purchases import before
from training.recommendations.recipe import (
    LINK_DAYS,
    POPULARITY_DAYS,
    Recipe,
    Record,
    model_at,
)
from training.recommendations.reranker import grow_reranker
from training.recommendations.verdicts import verdicts_of
from training.recommendations.windows import When, Window, window_of

TUNING_WINDOWS: Final = 3
TUNING_CUSTOMERS: Final = 1_500
"""Customers of a window that are fitted on, at most."""
JUDGED_CUSTOMERS: Final = 5_000
"""Customers of the last window, at most."""
_COLD: Final = tuple(
    {**base, **dict.fromkeys(added, 1.0)}
    for base in ({"popularity_new": 1.0}, {"popularity_new": 0.5, "ever": 0.5}, {"ever": 1.0})
    for added in ((), ("group",), ("season",), ("group", "season"))
)
"""What somebody unknown may be ranked by, the first where others are no better on the windows of the past."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned: the model that is published, the contests behind it, and how it came about.

    ``tiers`` says which rung answers each task, ``answering`` which contender of its contest that is.
    ``tree_text`` is the challenger, None where it is not published. ``windows`` are the cut-offs that were
    learned from and, last, the one that was judged on.
    """

    model: ItemModel
    tiers: Mapping[str, Tier]
    answering: Mapping[str, str]
    contests: Mapping[str, Contest]
    recipe: Recipe
    left_out: tuple[str, ...]
    windows: tuple[When, ...]
    tree_text: bytes | None
    tuned_customers: int
    diversity: Mapping[str, float]


def learn(record: Record, as_of: int, horizon_days: int, seed: int, progress: Progress) -> Learned:
    """Return what can be learned from a record as known at ``as_of``.

    Parameters
    ----------
    record : Record
        Purchases, views, groups and the catalogue of one business; nothing later than ``as_of``.
    as_of : int
        Microseconds since 1970 in UTC.
    horizon_days : int
        How many days of purchases a window asks about.
    """
    # What happened at that very moment is known: where days have no times, that is a whole day.
    as_of += 1
    found = whens(record, as_of, horizon_days)
    past, last = found[:-1], found[-1] if found else None
    progress(f"recommendations: {len(past)} windows to learn from")
    # What is no longer sold was: only the published list may not lead to it.
    then = replace(
        record, catalogue=replace(record.catalogue, active=np.ones(record.catalogue.size, dtype=bool))
    )
    study = _Study(then, past, seed)
    recipe = study.best_recipe(progress)
    earlier, later = study.requests(recipe)
    fitted = fit_blend(earlier, later, study.there(recipe))
    weights = {
        ALL_ITEMS: fitted.weights,
        NEW_ITEMS: fitted.weights,
        CART_ITEMS: study.cart_weights(recipe),
        COLD_START: study.cold_weights(recipe),
    }
    progress("recommendations: the challenger")
    tuned = [with_weights(model, weights) for model in study.models(recipe)]
    tree_text = grow_reranker(tuned, study.windows(recipe), seed)
    contests: dict[str, Contest] = {}
    diversity: dict[str, float] = {}
    if last is not None:
        progress("recommendations: the last window")
        plain = model_at(then, recipe, last.cut, last.horizon_days)
        model = with_weights(plain, weights)
        window = asked(then, model, last, JUDGED_CUSTOMERS, seed)
        knn = model_at(then, replace(recipe, is_knn=True), last.cut, last.horizon_days).items
        contests = _contests(model, window, knn, tree_text, seed)
        contests[SIMILAR_ITEMS] = hold_similar_contest(model, window, seed)
        diversity = cost_of_diversity(model, window)
    verdicts = verdicts_of(contests, weights)
    reranked = verdicts.reranked
    final = model_at(record, recipe, as_of, horizon_days)
    trees = None if tree_text is None or not reranked else read_trees(tree_text)
    return Learned(
        model=replace(with_weights(final, verdicts.weights, reranked), reranker=trees),
        tiers=verdicts.tiers,
        answering=verdicts.answering,
        contests=contests,
        recipe=recipe,
        left_out=fitted.left_out,
        windows=(*past, *([] if last is None else [last])),
        tree_text=tree_text if reranked else None,
        tuned_customers=sum(len(part.count) for part in (*earlier, *later) if part.task == ALL_ITEMS),
        diversity=diversity,
    )


def whens(record: Record, as_of: int, horizon_days: int) -> list[When]:
    """Return the windows that a record can be asked about, the earliest first; empty where there is none.

    A window needs purchases of ``FEWEST`` customers before it and of as many within it.
    """
    answer: list[When] = []
    for k in range(1, TUNING_WINDOWS + 2):
        cut = as_of - k * horizon_days * MICROSECONDS_PER_DAY
        month = from_microseconds(cut, record.timezone).month - 1
        when = When(cut, float(horizon_days), month)
        inside = (record.purchases.at >= when.cut) & (record.purchases.at < when.end)
        counts = (
            len(np.unique(before(record.purchases, cut).customer)),
            len(np.unique(record.purchases.customer[inside])),
        )
        if min(counts) < FEWEST:
            break
        answer.append(when)
    return answer[::-1]


class _Study:
    """The windows that are learned from, under one recipe after another; what was made is kept."""

    def __init__(self, record: Record, past: Sequence[When], seed: int) -> None:
        self._record = record
        self._past = past
        self._seed = seed
        self._made: dict[Recipe, tuple[list[ItemModel], list[Window]]] = {}
        self._windows: list[Window] = []

    def models(self, recipe: Recipe) -> list[ItemModel]:
        """Return the model as it would have been at each cut-off."""
        return self._at(recipe)[0]

    def windows(self, recipe: Recipe) -> list[Window]:
        """Return the windows behind the cut-offs."""
        return self._at(recipe)[1]

    def _at(self, recipe: Recipe) -> tuple[list[ItemModel], list[Window]]:
        if recipe not in self._made:
            models = [model_at(self._record, recipe, when.cut, when.horizon_days) for when in self._past]
            if not self._windows:
                self._windows = [
                    asked(self._record, model, when, TUNING_CUSTOMERS, self._seed)
                    for model, when in zip(models, self._past, strict=True)
                ]
            # Who is asked is the same under every recipe: only the arrays differ.
            windows = [
                replace(window, items=model.items)
                for window, model in zip(self._windows, models, strict=True)
            ]
            self._made[recipe] = (models, windows)
        return self._made[recipe]

    def requests(self, recipe: Recipe) -> tuple[list[Requests], list[Requests]]:
        """Return the requests of the earlier windows, and of the latest."""
        parts = [tuning_requests(*one) for one in zip(*self._at(recipe), strict=True)]
        return [one for part in parts[:-1] for one in part], parts[-1] if parts else []

    def there(self, recipe: Recipe) -> tuple[str, ...]:
        """Return the sources that the data tell at all."""
        absent = set(NOT_OF_HISTORY)
        if self._record.views is None or not len(self._record.views):
            absent |= {"viewed", "view_links"}
        if not recipe.group_by:
            absent.add("group")
        if not any(len(model.items.month_lift) for model in self.models(recipe)):
            absent.add("season")
        return tuple(name for name in SOURCES if name not in absent)

    def best_recipe(self, progress: Progress) -> Recipe:
        """Return the recipe whose weights, fitted on the earlier windows, serve the latest best."""
        recipe = Recipe(group_by=self._record.group_by)
        if len(self._past) < 2:
            return recipe
        by_days = {days: self._popular(replace(recipe, popularity_days=days)) for days in POPULARITY_DAYS}
        recipe = replace(recipe, popularity_days=max(by_days, key=lambda days: by_days[days]))
        worth = {}
        for days in LINK_DAYS:
            progress(f"recommendations: links of {'all' if days is None else days} days")
            worth[days] = self._worth(replace(recipe, link_days=days))
        recipe = replace(recipe, link_days=max(worth, key=lambda days: worth[days]))
        self._made = {recipe: self._made[recipe]}
        return recipe

    def _popular(self, recipe: Recipe) -> float:
        """Return what popularity alone is worth at new products, over all windows."""
        row, plain = row_of(RULES[POPULARITY]), replace(recipe, with_links=False)
        parts = [
            requests_of(model, window, NEW_ITEMS) for model, window in zip(*self._at(plain), strict=True)
        ]
        return float(np.mean([ndcg(part, row).mean() for part in parts if len(part.count)] or [0.0]))

    def _worth(self, recipe: Recipe) -> float:
        earlier, later = self.requests(recipe)
        weights = fit_weights(earlier, [name for name in self.there(recipe) if name not in OPTIONAL])
        return float(np.mean([ndcg(part, weights).mean() for part in later if len(part.count)] or [0.0]))

    def cart_weights(self, recipe: Recipe) -> Array:
        """Return the weights for the cart of somebody unknown."""
        there = {*self.there(recipe), "cart_pairs"}
        parts = [
            requests_of(model, window, CART_ITEMS) for model, window in zip(*self._at(recipe), strict=True)
        ]
        return fit_weights(parts, [name for name in OF_CARTS if name in there])

    def cold_weights(self, recipe: Recipe) -> Array:
        """Return the weights for somebody unknown: popularity, with group and season where they help."""
        parts = [
            requests_of(model, window, COLD_START) for model, window in zip(*self._at(recipe), strict=True)
        ]
        there = self.there(recipe)
        rows = [row_of(told) for told in _COLD if not {"group", "season"} & told.keys() - set(there)]
        if sum(len(part.count) for part in parts) < FEWEST:
            return rows[0]
        worth = [
            np.concatenate([ndcg(part, row) for part in parts if len(part.count)]).mean() for row in rows
        ]
        return rows[int(np.argmax(worth))]


def asked(record: Record, model: ItemModel, when: When, limit: int, seed: int) -> Window:
    """Return the customers of a window, in the terms of the model as it was at its cut-off."""
    group = record.group_of(model.items.groups)
    return window_of(model.items, record.purchases, record.views, when, group, limit=limit, seed=seed)


def _contests(
    model: ItemModel, window: Window, knn: Items, tree_text: bytes | None, seed: int
) -> dict[str, Contest]:
    """Return what every contender is worth on the last window, by task."""
    models: dict[str, ItemModel] = {BLEND: model}
    if tree_text is not None:
        every = frozenset({ALL_ITEMS, NEW_ITEMS})
        models[RERANKED] = replace(with_weights(model, {}, every), reranker=read_trees(tree_text))
    for rule in (OWN_FREQUENCY, POPULARITY, ALL_TIME, ITEM_KNN):
        found = rule_model(model, rule, knn=knn)
        if found is not None:
            models[rule] = found
    known = {name: one for name, one in models.items() if name != OWN_FREQUENCY}
    cold = {name: models[name] for name in (BLEND, ALL_TIME)}
    carts = {name: one for name, one in known.items() if name != RERANKED}
    first = {ALL_ITEMS: habits_first(model.blend.weights[NEW_ITEMS])}
    models = {**models, HABITS_FIRST: with_weights(model, first)}
    by_task = {ALL_ITEMS: models, NEW_ITEMS: known, CART_ITEMS: carts, COLD_START: cold}
    return {task: hold_contest(by_task[task], window, task, seed) for task in TASKS}
