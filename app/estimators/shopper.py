"""What a request says of the person to recommend to, in positions of the catalogue, and the sums over it.

Rules: a line is one product of one order; the same product twice in an order counts once; the latest
``HISTORY_LIMIT`` products count, each with all its orders; the order of lines is irrelevant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from app.domain.history import Array

HISTORY_LIMIT: Final = 100
"""Products that were bought, the latest of them."""
CART_LIMIT: Final = 100
VIEW_LIMIT: Final = 50
"""Products that were viewed, the latest of them."""
VIEW_EVENTS: Final = ("product_viewed", "product_added")
"""The events that are views of the product that they name."""
VIEW_DAYS: Final = 30
"""Older views say nothing of what is wanted now."""
NO_GROUP: Final = -1


def _none() -> Array:
    return np.empty(0, dtype=np.int64)


def _no_days() -> Array:
    return np.empty(0)


@dataclass(frozen=True)
class Shopper:
    """One person: L lines, V views and C products in the cart, in any order.

    ``bought``, ``order``, ``viewed`` and ``cart`` are int64 positions in the catalogue or codes of orders;
    ``bought_days`` and ``viewed_days`` are the days from then to the question, float64, 0 or more.
    ``group`` is the position of the customer's group, -1 where there is none; ``month`` is the calendar
    month from 0 to 11.
    """

    bought: Array = field(default_factory=_none)
    bought_days: Array = field(default_factory=_no_days)
    order: Array = field(default_factory=_none)
    viewed: Array = field(default_factory=_none)
    viewed_days: Array = field(default_factory=_no_days)
    cart: Array = field(default_factory=_none)
    group: int = NO_GROUP
    month: int = 0

    @cached_property
    def own(self) -> Own:
        """What was bought, by product."""
        return _own(self.bought, self.bought_days, self.order)

    @cached_property
    def ever_bought(self) -> Array:
        """Every product that was bought, also those that are too many to count, rising."""
        return np.unique(self.bought) if len(self.own.product) == HISTORY_LIMIT else self.own.product

    @cached_property
    def views(self) -> tuple[Array, Array]:
        """The latest products that were viewed, and the days since each was; shapes (W,)."""
        products, days = _latest(self.viewed, self.viewed_days)
        return products[:VIEW_LIMIT], days[:VIEW_LIMIT]

    @cached_property
    def anchors(self) -> Array:
        """What the person is busy with: the cart, else the latest order; int64 of shape (A,)."""
        if len(self.cart):
            return self.cart[:CART_LIMIT]
        own = self.own
        if not len(own.product):
            return own.product
        answer: Array = own.product[own.last_days == own.last_days.min()]
        return answer


@dataclass(frozen=True, slots=True)
class Own:
    """The H products that a person bought, in the order of the catalogue.

    ``orders`` counts the orders of each, ``last_days`` and ``first_days`` are the days since the last and the
    first. ``line_place`` and ``line_days`` of shape (M,) say, for each product of each order, which of the H
    it is and how long ago.
    """

    product: Array
    orders: Array
    last_days: Array
    first_days: Array
    line_place: Array
    line_days: Array

    def decayed(self, days: float) -> Array:
        """Return the orders of each product, one that is ``days`` old counting 1/e; shape (H,)."""
        return np.bincount(self.line_place, np.exp(self.line_days / -days), len(self.product))


def _own(bought: Array, days: Array, order: Array) -> Own:
    """Return the sums of some lines by product."""
    product, place, last_days = _by_product(bought, days)
    if len(product) > HISTORY_LIMIT:
        latest = np.sort(np.argsort(last_days, kind="stable")[:HISTORY_LIMIT])
        slot = np.full(len(product), -1)
        slot[latest] = np.arange(len(latest))
        lines = np.flatnonzero(slot[place] >= 0)
        product, last_days, place = product[latest], last_days[latest], slot[place[lines]]
        days, order = days[lines], order[lines]
    if len(place) > len(product):
        # One entry for each product of an order: all lines of an order are of one time.
        _, first = np.unique(place * (int(order.max()) + 1) + order, return_index=True)
        place, days = place[first], days[first]
    first_days = np.zeros(len(product))
    np.maximum.at(first_days, place, days)
    return Own(product, np.bincount(place, minlength=len(product)), last_days, first_days, place, days)


def _by_product(product: Array, days: Array) -> tuple[Array, Array, Array]:
    """Return each product once, the place of every row among them, and the fewest days of each."""
    order = product.argsort(kind="stable")
    ordered = product[order]
    begins = np.ones(len(ordered), dtype=bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    place = np.empty(len(ordered), dtype=np.int64)
    place[order] = begins.cumsum() - 1
    starts = begins.nonzero()[0]
    fewest = np.minimum.reduceat(days[order], starts) if len(starts) else days
    return ordered[starts], place, fewest


def _latest(product: Array, days: Array) -> tuple[Array, Array]:
    """Return each product once with its fewest days, latest first, ties by position."""
    products, _, fewest = _by_product(product, days)
    order = np.argsort(fewest, kind="stable")
    return products[order], fewest[order]
