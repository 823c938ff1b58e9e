"""Made-up purchases for the tests of the benchmark: two tastes of ten products, bought again and again."""

from __future__ import annotations

import numpy as np

from benchmarks.recommendations.sets import Baskets, Shop, shop_of
from training.recommendations.purchases import Purchases, purchases_of

DAY = 86_400_000_000
PRODUCTS = 20
CUT = 200 * DAY


def purchases(customers: int = 120, seed: int = 0) -> Purchases:
    """Return orders of three products over 240 days; even customers like the first ten, odd ones the rest."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), 24)
    order = np.arange(len(customer)) // 3
    at = np.repeat(rng.integers(0, 240 * DAY, len(customer) // 3), 3)
    product = 10 * (customer % 2) + (10 * rng.random(len(customer)) ** 1.5).astype(np.int64)
    return purchases_of(product, order, PRODUCTS, customer, at)


def shop(customers: int = 120) -> Shop:
    """Return these purchases, cut after 200 days."""
    return shop_of(purchases(customers), tuple(f"p{k:02}" for k in range(PRODUCTS)), CUT)


def baskets(count: int = 300, seed: int = 0) -> Baskets:
    """Return baskets of two to four products of one half."""
    rng = np.random.default_rng(seed)
    basket, product = [], []
    for k in range(count):
        part = rng.choice(10, int(rng.integers(2, 5)), replace=False) + 10 * (k % 2)
        basket += [k] * len(part)
        product += part.tolist()
    names = tuple(f"p{k:02}" for k in range(PRODUCTS))
    return Baskets(np.array(product), np.array(basket), names)
