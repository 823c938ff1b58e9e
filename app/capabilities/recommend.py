"""Recommendations: which products to show to a person now, of which type each is, and why.

Rules:
- everything that is known of the person stands in the request; the model holds products and pairs of
  products;
- what the filters leave is ranked, never the reverse: a product that may not be shown takes nobody's place;
- who is known by nothing (no purchase, no view, no cart) gets what is popular;
- each product has a type by the rules of :mod:`app.estimators.item_types`, and a reason that says only what
  is true of the numbers: the link that adds most, the counts of the pair, the interval and what it is taken
  from. What is merely popular has no personal reason.

The score is relative: 1 for the likeliest of all products that could be shown, and for another one the
ratio of their odds as the model ranks them. It is no probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from app.capabilities.base import Ranker
from app.domain.history import Array
from app.estimators.blend import ALL_ITEMS, CART_ITEMS, COLD_START, NEW_ITEMS, SIMILAR_ITEMS, TASKS, ItemModel
from app.estimators.candidates import Scored, score_candidates
from app.estimators.diversity import spread
from app.estimators.item_types import PERSONALISED, REPURCHASE, TYPES, Reason, Typing, similar_reason
from app.estimators.items import Items, pair_strength
from app.estimators.reranking import rerank
from app.estimators.shopper import Shopper

__all__ = [
    "ALL_ITEMS",
    "CART_ITEMS",
    "COLD_START",
    "NEW_ITEMS",
    "RECOMMENDATIONS",
    "SIMILAR_ITEMS",
    "TASKS",
    "TYPES",
    "Pick",
    "Ranked",
    "Reason",
    "Wish",
    "best",
    "rank",
    "similar",
]

LEAST_POOL: Final = 50
"""Products among which diversity chooses, at least."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What list is wanted.

    ``allowed`` is bool of shape (P,): what may be shown. ``diversity`` from 0 (none) to 1 is how much being
    unlike what stands above counts against being likely; ``max_per_category`` caps products of one category.
    """

    limit: int
    allowed: Array
    types: frozenset[str] = frozenset(TYPES)
    diversity: float = 0.0
    max_per_category: int | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """One product of the list; ``parts`` are what each source added to the margin."""

    product: int
    score: float
    type: str
    reason: Reason
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The list, the task that it answers, and how many products each later rule left out.

    ``left_out`` counts products by ``type`` (of a type that is not wanted) and ``category_cap``: the latter
    only those that would have stood in the list.
    """

    picks: tuple[Pick, ...]
    task: str
    left_out: Mapping[str, int]


def rank(model: ItemModel, shopper: Shopper, wish: Wish, *, explain: bool = False) -> Ranked:
    """Return the list for a person.

    Parameters
    ----------
    model : ItemModel
    shopper : Shopper
        What the request says of the person.
    wish : Wish
    explain : bool
        Whether each pick tells what each source added.

    Returns
    -------
    Ranked
        At most ``wish.limit`` picks, best first; fewer only where no more products may be shown.
    """
    task, typing = task_of(shopper, wish), Typing(model, shopper)
    ranked = _ranked(model, typing, task, wish, is_wide=False, explain=explain)
    if len(ranked.picks) < wish.limit:
        ranked = _ranked(model, typing, task, wish, is_wide=True, explain=explain)
    return ranked


def task_of(shopper: Shopper, wish: Wish) -> str:
    """Return which question a list answers: of all products, new ones, a cart alone, or for a stranger."""
    if not (len(shopper.bought) or len(shopper.viewed) or len(shopper.cart)):
        return COLD_START
    if len(shopper.cart) and not len(shopper.bought):
        return CART_ITEMS
    own = shopper.own.product
    if REPURCHASE not in wish.types or not wish.allowed[own].any():
        return NEW_ITEMS
    return ALL_ITEMS


def scored_for(model: ItemModel, shopper: Shopper, task: str, allowed: Array, *, is_wide: bool) -> Scored:
    """Return the candidates of a task, with the margins that decide the order of the list."""
    scored = score_candidates(model, shopper, model.blend.weights[task], allowed, is_wide=is_wide)
    # The trees learned from people with purchases, and rank for nobody else.
    if model.reranker is None or task not in model.blend.reranked or not len(shopper.bought):
        return scored
    return replace(scored, margin=rerank(scored, model.reranker), is_reranked=True)


def best(model: ItemModel, shopper: Shopper, task: str, allowed: Array, limit: int) -> Array:
    """Return the products of a plain list, best first, int64 of at most ``limit``: what training judges."""
    for is_wide in (False, True):
        scored = scored_for(model, shopper, task, allowed, is_wide=is_wide)
        if len(scored.product) >= limit:
            break
    answer: Array = scored.product[_top(scored.margin, limit)]
    return answer


def _ranked(
    model: ItemModel, typing: Typing, task: str, wish: Wish, *, is_wide: bool, explain: bool
) -> Ranked:
    """Return the best of the candidates, or of all products that may be shown, under the rules of a wish."""
    scored = scored_for(model, typing.shopper, task, wish.allowed, is_wide=is_wide)
    margin = scored.margin
    rows, left_out = np.arange(len(margin)), {"type": 0, "category_cap": 0}
    if len(wish.types) < len(TYPES):
        kinds = typing.kinds(scored.product, scored.is_linked)
        wanted = np.array([name in wish.types for name in TYPES])[kinds.type]
        rows, left_out["type"] = np.flatnonzero(wanted), int((~wanted).sum())
    highest = float(margin[rows].max()) if len(rows) else 0.0
    chosen = rows[_top(margin[rows], _pool(wish, len(rows)))]
    if wish.diversity or wish.max_per_category is not None:
        kept, left_out["category_cap"] = spread(
            model.items,
            scored.product[chosen],
            np.exp(margin[chosen] - highest),
            wish.limit,
            wish.diversity,
            wish.max_per_category,
        )
        chosen = chosen[kept]
    products = scored.product[chosen]
    kinds = typing.kinds(products, scored.is_linked[chosen])
    picks = [
        Pick(product, score, TYPES[kind], reason, scored.parts(row) if explain else {})
        for row, product, score, kind, reason in zip(
            chosen.tolist(),
            products.tolist(),
            np.exp(margin[chosen] - highest).tolist(),
            kinds.type.tolist(),
            typing.reasons(scored, chosen, kinds),
            strict=True,
        )
    ]
    return Ranked(tuple(picks), task, left_out)


def _pool(wish: Wish, size: int) -> int:
    """Return among how many of the best the list is chosen."""
    if wish.max_per_category is not None:
        return size
    return min(size, max(LEAST_POOL, 3 * wish.limit) if wish.diversity else wish.limit)


def _top(margin: Array, count: int) -> Array:
    """Return the places of the highest margins, highest first; ties in the order of the catalogue."""
    if 0 < count < len(margin):
        bar = np.partition(margin, len(margin) - count)[len(margin) - count]
        places = np.flatnonzero(margin >= bar)
        answer: Array = places[np.argsort(-margin[places], kind="stable")][:count]
        return answer
    return np.argsort(-margin, kind="stable")[: max(count, 0)]


def similar(model: ItemModel, products: Array, wish: Wish) -> Ranked:
    """Return what goes with some products, whoever looks at them.

    Parameters
    ----------
    products : ndarray of int64, shape (A,)
        Positions in the catalogue, each once; they themselves are not in the list.
    wish : Wish
        Its limit and what may be shown; types and diversity are for a person's list.
    """
    strength = strength_beside(model.items, products)
    is_open = wish.allowed & (strength > 0)
    is_open[products] = False
    found = np.flatnonzero(is_open)
    chosen = found[_top(strength[found], wish.limit)]
    highest = float(strength[chosen[0]]) if len(chosen) else 1.0
    picks = [
        Pick(product, score, PERSONALISED, similar_reason(model.items, products, product))
        for product, score in zip(chosen.tolist(), (strength[chosen] / highest).tolist(), strict=True)
    ]
    return Ranked(tuple(picks), SIMILAR_ITEMS, {})


def strength_beside(items: Items, products: Array) -> Array:
    """Return how strongly each product goes with some others, float64 of shape (P,); 0 for not at all.

    What orders hold together comes by confidence times the logarithm of one plus lift, summed over the
    products; what the same customers buy at other times follows, by the weight of its links.
    """
    links, by_orders = items.links, pair_strength(items, products)
    by_customers = np.bincount(links.index[products].ravel(), links.weight[products].ravel(), items.size + 1)[
        :-1
    ]
    beside = by_customers / max(float(by_customers.max(initial=0.0)), 1e-300)
    answer: Array = np.where(by_orders > 0, 1.0 + by_orders, beside)
    return answer


RECOMMENDATIONS: Final = Ranker("recommendations", rank, similar)
