"""What is looked at and what is bought: products by taste, by habit, by what was viewed, by what goes along.

A product that was viewed within 14 days before an order is chosen again for a good part of its lines: viewing
leads to buying. Amounts are whole fen (1/100 of the currency), so that revenue adds up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from training.sample.catalogue import Catalogue
from training.sample.people import People
from training.sample.season import Calendar
from training.sample.streams import Streams
from training.sample.world import STORE

VIEWED_SHARE: Final = 0.45
"""Share of lines that take up a recently viewed product, where there is one."""
VIEWED_DAYS: Final = 14
FAVOURITE_SHARE: Final = 0.35
FAVOURITES: Final = 3
COMPANION_SHARE: Final = 0.3
"""Share of further lines that are the companion of the line before."""
_DISCOUNT_STEPS: Final = np.array([0.05, 0.1, 0.15, 0.2, 0.3])
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Lines:
    """Order lines (L rows), grouped by order, and the money of each order (O rows)."""

    order: Array
    product: Array
    quantity: Array
    price: Array
    discount: Array
    order_revenue: Array
    order_discount: Array
    has_coupon: Array


class Taste:
    """Chooses products for customers of a block; favourites are drawn once."""

    def __init__(self, goods: Catalogue, people: People, streams: Streams) -> None:
        """Draw each customer's favourites from the taste of the customer's cluster."""
        self.goods = goods
        self.people = people
        self._steps = np.cumsum(goods.choice, axis=1)
        rng = streams["favourites"]
        everyone = np.repeat(np.arange(people.size), FAVOURITES)
        self.favourites = self._by_cluster(everyone, rng.random(len(everyone))).reshape(-1, FAVOURITES)

    def choose(self, customer: Array, day: Array, rng: np.random.Generator) -> Array:
        """Return one product per row, shape (R,): a favourite or any of the cluster's taste, if on sale."""
        u = rng.random((3, len(customer)))
        habit = self.favourites[customer, (u[1] * FAVOURITES).astype(np.int64)]
        return self.on_sale(np.where(u[0] < FAVOURITE_SHARE, habit, self._by_cluster(customer, u[2])), day)

    def on_sale(self, product: Array, day: Array) -> Array:
        """Return the products, each replaced by its successor after its last day of sale."""
        return np.where(day > self.goods.last_day[product], self.goods.successor[product], product)

    def _by_cluster(self, customer: Array, u: Array) -> Array:
        product = np.zeros(len(customer), dtype=np.int64)
        for cluster, steps in enumerate(self._steps):
            rows = self.people.cluster[customer] == cluster
            product[rows] = np.searchsorted(steps, u[rows] * steps[-1], side="right")
        return np.minimum(product, self.goods.size - 1)


@dataclass(frozen=True, slots=True)
class Views:
    """Product views while browsing, sorted by customer and time."""

    customer: Array
    time: Array
    product: Array

    def recent(self, customer: Array, time: Array, u: Array) -> tuple[Array, Array]:
        """Return a product viewed in the days before each time, and True where there is one."""
        if not len(self.customer):
            return np.zeros(len(customer), dtype=np.int64), np.zeros(len(customer), dtype=bool)
        key = _key(self.customer, self.time)
        low = np.searchsorted(key, _key(customer, time - VIEWED_DAYS * MICROSECONDS_PER_DAY))
        high = np.searchsorted(key, _key(customer, time))
        at = np.minimum(low + (u * (high - low)).astype(np.int64), len(key) - 1)
        return self.product[at], high > low


def _key(customer: Array, time: Array) -> Array:
    """Return keys that sort by customer, then by second; times lie between 1970 and 2106."""
    return np.asarray(customer * (1 << 32) + time // _SECOND)


def fill_baskets(
    orders: dict[str, Array],
    by_campaign: Array,
    views: Views,
    taste: Taste,
    days: Calendar,
    streams: Streams,
) -> Lines:
    """Draw the lines, discounts and coupons of every order.

    Parameters
    ----------
    orders : dict of ndarray, shape (O,)
        The log of orders: customer, day, ordered_at, channel.
    by_campaign : ndarray of bool, shape (O,)
        True where the order came from somebody who held a coupon of a running campaign.
    views : Views
        What was viewed while browsing.
    taste : Taste
        Of the customers of the block.
    """
    rng = streams["baskets"]
    customer, people = orders["customer"], taste.people
    count = 1 + np.minimum(rng.poisson(0.75 * people.spend[customer]), 8)
    order = np.repeat(np.arange(len(count)), count)
    position = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    product = _products(orders, order, position, views, taste, rng)
    household = np.nan_to_num(people.household, nan=2.0)[customer[order]]
    quantity = 1 + np.minimum(rng.poisson(0.12 * household * people.spend[customer[order]]), 9)
    rate, has_coupon = _discounts(orders, by_campaign, people, days, streams["discounts"])
    price = taste.goods.price[product]
    discount = np.floor(price * quantity * rate[order]).astype(np.int64)
    net = price * quantity - discount
    size = len(count)
    return Lines(
        order=order,
        product=product,
        quantity=quantity,
        price=price,
        discount=discount,
        order_revenue=np.bincount(order, weights=net, minlength=size).astype(np.int64),
        order_discount=np.bincount(order, weights=discount, minlength=size).astype(np.int64),
        has_coupon=has_coupon,
    )


def _products(
    orders: dict[str, Array],
    order: Array,
    position: Array,
    views: Views,
    taste: Taste,
    rng: np.random.Generator,
) -> Array:
    """Draw the product of each line: viewed, companion of the line before, or taste; no product twice."""
    customer, day = orders["customer"][order], orders["day"][order]
    product = taste.choose(customer, day, rng)
    u = rng.random((3, len(order)))
    viewed, there = views.recent(customer, orders["ordered_at"][order], u[0])
    online = orders["channel"][order] != STORE
    product = np.where((u[1] < VIEWED_SHARE) & there & online, taste.on_sale(viewed, day), product)
    for step in range(1, int(position.max(initial=0)) + 1):
        rows = np.flatnonzero((position == step) & (u[2] < COMPANION_SHARE))
        product[rows] = taste.on_sale(taste.goods.companion[product[rows - 1]], day[rows])
    repeated = _repeats(order, product)
    while repeated.any():
        product[repeated] = taste.on_sale((product[repeated] + 2) % taste.goods.size, day[repeated])
        repeated = _repeats(order, product)
    return product


def _repeats(order: Array, product: Array) -> Array:
    """Return True on lines whose product stands on an earlier line of the same order."""
    by = np.lexsort((np.arange(len(order)), product, order))
    same = np.zeros(len(order), dtype=bool)
    same[by[1:]] = (order[by[1:]] == order[by[:-1]]) & (product[by[1:]] == product[by[:-1]])
    return same


def _discounts(
    orders: dict[str, Array], by_campaign: Array, people: People, days: Calendar, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw the discount rate of each order and whether a coupon carried it."""
    love = people.discount_love[orders["customer"]]
    u = rng.random((2, len(love)))
    log_odds = -2.6 + 3.6 * love + 0.9 * days.sale[orders["day"]]
    coupon_of_campaign = by_campaign & (u[0] < 0.8)
    discounted = coupon_of_campaign | (u[0] < 1.0 / (1.0 + np.exp(-log_odds)))
    rate = np.where(discounted, rng.choice(_DISCOUNT_STEPS, len(love), p=[0.15, 0.4, 0.2, 0.2, 0.05]), 0.0)
    return rate, discounted & (coupon_of_campaign | (u[1] < 0.7))
