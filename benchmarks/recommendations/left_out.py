"""Baskets without time: one product of each is hidden, the rest is the cart, and it is looked for.

Nothing is tuned here: the product answers with its defaults, as where there is too little history to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.capabilities.recommend import Wish, best, similar
from app.domain.history import Array
from app.estimators.blend import ALL_ITEMS, ItemModel
from app.estimators.shopper import Shopper
from benchmarks.pages import Answered
from benchmarks.recommendations.contenders import (
    Ranking,
    by_rows,
    cosines,
    matrix,
    plain_ease,
    tf_idf_cosines,
    top,
)
from benchmarks.recommendations.sets import Baskets
from benchmarks.recommendations.tables import SEED, Verdict, missed, page, spread
from training.recommendations.judging import interval
from training.recommendations.purchases import Purchases, plain_catalogue, purchases_of
from training.recommendations.recipe import Recipe, Record, model_at

TRAINED_SHARE: Final = 0.8
LENGTH: Final = 10
KITH, LINKS, SIMILAR = "Kith, a list for the cart", "Kith, links alone", "Kith, similar items"
POPULARITY, COSINE, TF_IDF, EASE = (
    "popularity",
    "item-kNN, cosine",
    "item-kNN, tf-idf cosine",
    "EASE, lambda 500",
)
_MOMENT: Final = 86_400_000_000
_ANY: Final = 30.0
_HEADER: Final = "| ranked by | hit rate@10 | the first, minus this |\n| --- | ---: | ---: |"


@dataclass(frozen=True, slots=True)
class Hidden:
    """Baskets to learn from, and N carts, each with the product that was hidden, int64 of shape (N,)."""

    known: Purchases
    carts: tuple[Array, ...]
    product: Array


@dataclass(frozen=True, slots=True)
class LeftOutQuestion:
    """One set of baskets."""

    title: str
    about: str
    file: Path
    read: Callable[[], Baskets]

    def missing(self) -> list[str]:
        """Return the files that are not there."""
        return [] if self.file.exists() else [self.file.name]

    def answered(self) -> Answered:
        """Hide, rank, and return page, document and missed bounds."""
        held = self.read()
        hidden = hide(held, SEED)
        found = hit_rates(hidden, held.names)
        verdicts = [_verdict(found, name) for name in (POPULARITY, COSINE, TF_IDF)]
        asks = (
            f"{self.about} {len(held.parts):,} baskets of {len(held.names):,} products; links are learned "
            f"from four fifths, drawn with seed {SEED}; {len(hidden.carts):,} of the others hold two "
            "products or more: one is hidden, the rest is the cart."
        )
        rows = []
        for name, one in found.items():
            apart = "–" if name == KITH else spread(interval(found[KITH] - one, SEED), sign="+")
            rows.append(f"| {name} | {spread(interval(one, SEED))} | {apart} |")
        figures: dict[str, Any] = {
            "carts": len(hidden.carts),
            "hit_rate_at_10": {name: interval(one, SEED).model_dump() for name, one in found.items()},
        }
        return page(self.title, [asks, "\n".join((_HEADER, *rows))], verdicts), figures, missed(verdicts)


def hide(held: Baskets, seed: int) -> Hidden:
    """Return a random part of the baskets to learn from, and the carts that are left of the others."""
    rng = np.random.default_rng(seed)
    parts = held.parts
    order = rng.permutation(len(parts))
    cut = int(len(order) * TRAINED_SHARE)
    is_known = np.zeros(len(parts), dtype=bool)
    is_known[order[:cut]] = True
    rows = is_known[held.basket]
    at = np.zeros(int(rows.sum()), dtype=np.int64)
    known = purchases_of(held.product[rows], held.basket[rows], len(held.names), at=at)
    carts, product = [], []
    for number in np.sort(order[cut:]).tolist():
        part = parts[number]
        if len(part) > 1:
            place = int(rng.integers(len(part)))
            carts.append(np.delete(part, place))
            product.append(int(part[place]))
    return Hidden(known, tuple(carts), np.array(product, dtype=np.int64))


def hit_rates(hidden: Hidden, names: tuple[str, ...]) -> dict[str, Array]:
    """Return for each contender 1 where the hidden product is in its list, else 0; shape (N,) each."""
    model = cart_model(hidden.known, names)
    everything = np.ones(len(names), dtype=bool)
    others = rankings(hidden.known)
    found: dict[str, list[float]] = {name: [] for name in (KITH, LINKS, SIMILAR, *others)}
    for cart, wanted in zip(hidden.carts, hidden.product.tolist(), strict=True):
        allowed = everything.copy()
        allowed[cart] = False
        shopper = Shopper(cart=cart)
        lists: Mapping[str, Array] = {
            KITH: best(model, shopper, ALL_ITEMS, allowed, LENGTH),
            LINKS: top(_links(model, cart), allowed, LENGTH),
            SIMILAR: np.array([pick.product for pick in similar(model, cart, Wish(LENGTH, allowed)).picks]),
            **{name: top(ranking(shopper), allowed, LENGTH) for name, ranking in others.items()},
        }
        for name, shown in lists.items():
            found[name].append(float(wanted in shown))
    return {name: np.array(one) for name, one in found.items()}


def cart_model(known: Purchases, names: tuple[str, ...]) -> ItemModel:
    """Return the product's model of baskets without time, with its default weights."""
    record = Record(plain_catalogue(names), known, None, "UTC")
    return model_at(record, Recipe(link_days=None), _MOMENT, _ANY)


def rankings(known: Purchases) -> dict[str, Ranking]:
    """Return what a user would pick instead, from the same baskets."""
    X = matrix(known)
    ever = np.asarray(X.sum(axis=0)).ravel()
    return {
        POPULARITY: lambda _: ever,
        COSINE: by_rows(cosines(X), _ANY),
        TF_IDF: by_rows(tf_idf_cosines(X), _ANY),
        EASE: by_rows(plain_ease(X), _ANY),
    }


def _links(model: ItemModel, cart: Array) -> Array:
    """Return the sum of links from a cart to each product."""
    links, size = model.items.links, model.items.size
    return np.bincount(links.index[cart].ravel(), links.weight[cart].ravel(), size + 1)[:-1]


def _verdict(found: Mapping[str, Array], name: str) -> Verdict:
    apart = interval(found[KITH] - found[name], SEED)
    word = "wins" if apart.low > 0 else "ties" if apart.high >= 0 else "loses"
    return apart.high >= 0, f"{word} against {name}, hit rate@10 {spread(apart, sign='+')}"
