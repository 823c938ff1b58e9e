"""What training knows of products: who is bought with whom, how often, how lately, and again after how long.

Rules:
- arrays of products and of pairs of products only: no customer, no vector of a customer;
- a pair is kept only if ``MIN_CUSTOMERS`` different customers bought both, so that nobody's habit can be
  read out of it;
- rows of links have one length; a row with fewer links is filled up with the product ``P``, which is none,
  and the weight 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from app.domain.history import Array

MIN_CUSTOMERS: Final = 5
"""Customers who bought both products of a pair, at least."""
ROW_LIMIT: Final = 100
"""Links and pairs of one product that are kept, at most."""
MONTHS: Final = 12
POOL: Final = 100
"""The most popular products, candidates whatever is known of a person."""


@dataclass(frozen=True, slots=True)
class Links:
    """Which products buyers of a product also buy, strongest first.

    ``index`` int32, ``weight`` float32 and ``customers`` int32 (who bought both) have shape (P, K).
    """

    index: Array
    weight: Array
    customers: Array


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which products stand in one order with a product.

    ``index``, ``orders`` (with both) and ``customers`` (of those orders) are int32 of shape (P, K).
    """

    index: Array
    orders: Array
    customers: Array


@dataclass(frozen=True)
class Items:
    """The catalogue of P products, and what is known of each.

    ``category`` is an index into ``categories``, -1 where there is none. ``price`` is in the business's
    currency, NaN where unknown. ``orders`` and ``customers`` count who bought the product, ``order_count``
    all orders. ``popularity`` is the share of lately bought lines, shrunk, above 0. ``trend`` is the
    logarithm of the customers of one month over those of three, shrunk. ``group_lift`` of shape (G, P) and
    ``month_lift`` of shape (0 or 12, P) are what a group of customers and a calendar month add to the
    logarithm of popularity. ``interval_days`` is the usual time until the product is bought again, NaN
    where too few gaps are known (``interval_gaps`` of them, by ``interval_customers``).
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    category: Array
    categories: tuple[str, ...]
    price: Array
    active: Array
    orders: Array
    customers: Array
    order_count: int
    popularity: Array
    trend: Array
    groups: tuple[str, ...]
    group_lift: Array
    month_lift: Array
    interval_days: Array
    interval_gaps: Array
    links: Links
    pairs: Pairs

    @property
    def size(self) -> int:
        """P, the number of products."""
        return len(self.ids)

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The position of each product by its id."""
        return {name: i for i, name in enumerate(self.ids)}

    @cached_property
    def category_place(self) -> Mapping[str, int]:
        """The position of each category by its name."""
        return {name: i for i, name in enumerate(self.categories)}

    @cached_property
    def log_popularity(self) -> Array:
        """The logarithm of popularity beside that of an average product, float64 of shape (P,)."""
        answer: Array = np.log(self.popularity * self.size)
        return answer

    @cached_property
    def by_popularity(self) -> Array:
        """The active products, most popular first, int64; ties by position."""
        return self._active_by(self.popularity)

    @cached_property
    def pools(self) -> Mapping[str, tuple[Array, ...]]:
        """The active products by popularity of late and ever; the ``POOL`` first of groups and months."""
        told = self.log_popularity
        return {
            "popularity_new": (self.by_popularity,),
            "ever": (self._active_by(self.customers),),
            "group": tuple(self._active_by(told + lift)[:POOL] for lift in self.group_lift),
            "season": tuple(self._active_by(told + lift)[:POOL] for lift in self.month_lift),
        }

    def _active_by(self, worth: Array) -> Array:
        order = np.argsort(-worth, kind="stable")
        answer: Array = order[self.active[order]]
        return answer

    def prepared(self) -> Items:
        """Return itself, with all that is worked out once worked out: no request shall wait for it."""
        _ = (self.place, self.category_place, self.log_popularity, self.by_popularity, self.pools)
        return self

    def places(self, products: Sequence[str]) -> Array:
        """Return the position of each product, int64; -1 where it is not known."""
        known = self.place
        return np.array([known.get(product, -1) for product in products], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Rule:
    """The numbers of "who bought A also bought B", over orders.

    References
    ----------
    Agrawal, Imielinski & Swami (1993) for support and confidence; Brin, Motwani, Ullman & Tsur (1997) for
    lift ("interest") and conviction.
    """

    orders: int
    customers: int
    support: float
    confidence: float
    lift: float
    conviction: float | None
    """None where B is in every order with A: then the quotient has no value."""


def confidence_of(together: Array, antecedent: Array) -> Array:
    """Return the share of orders with A that also hold B, shape as given."""
    answer: Array = together / np.maximum(antecedent, 1)
    return answer


def lift_of(together: Array, antecedent: Array, consequent: Array, orders: int) -> Array:
    """Return how many times more often B is in orders with A than in all orders, shape as given."""
    answer: Array = together * float(orders) / np.maximum(antecedent * consequent.astype(np.float64), 1.0)
    return answer


def pair_strength(items: Items, products: Array) -> Array:
    """Return how strongly orders hold each product together with some others, float64 of shape (P,).

    Confidence times the logarithm of one plus lift, summed over the others; 0 where no pair is kept.
    """
    pairs = items.pairs
    index, together = pairs.index[products], pairs.orders[products]
    own, of_other = items.orders[products][:, None], np.append(items.orders, 1)[index]
    strength = confidence_of(together, own) * np.log1p(lift_of(together, own, of_other, items.order_count))
    strength[index == items.size] = 0.0
    return np.bincount(index.ravel(), strength.ravel(), items.size + 1)[:-1]


def strongest_pair(items: Items, products: Array, other: int) -> int | None:
    """Return which of some products most often has another one in its orders; None without a kept pair."""
    rows, places = np.nonzero(items.pairs.index[products] == other)
    if not len(rows):
        return None
    share = items.pairs.orders[products[rows], places] / items.orders[products[rows]]
    return int(products[rows[int(share.argmax())]])


def rule_of(items: Items, antecedent: int, consequent: int) -> Rule | None:
    """Return the rule of two products; None where too few customers bought both in one order."""
    places = np.flatnonzero(items.pairs.index[antecedent] == consequent)
    if not len(places):
        return None
    k = int(places[0])
    together, total = int(items.pairs.orders[antecedent, k]), items.order_count
    of_a, of_b = int(items.orders[antecedent]), int(items.orders[consequent])
    confidence, share = together / of_a, of_b / total
    return Rule(
        orders=together,
        customers=int(items.pairs.customers[antecedent, k]),
        support=together / total,
        confidence=confidence,
        lift=confidence / share,
        conviction=None if together == of_a else (1.0 - share) / (1.0 - confidence),
    )
