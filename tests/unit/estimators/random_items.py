"""Random catalogues, blends and people, small enough to be worked out slowly."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from app.estimators.blend import EITHER_SIGN, REBUY_ORDERS, SOURCES, TASKS, Blend, ItemModel
from app.estimators.items import MIN_CUSTOMERS, MONTHS, Items, Links, Pairs
from app.estimators.shopper import Shopper


def random_catalogue(rng: np.random.Generator, size: int = 14, width: int = 4) -> Items:
    """Return a catalogue whose numbers belong together as those of a file must."""
    customers = rng.integers(MIN_CUSTOMERS, 90, size)
    orders = customers + rng.integers(0, 40, size)
    index = _rows(rng, size, width)
    weight = np.where(index < size, rng.uniform(0.01, 1.0, index.shape), 0.0)
    with_ = _rows(rng, size, width)
    together = _counts(rng, with_, orders)
    by = np.minimum(_counts(rng, with_, orders), together)
    interval_days = np.where(rng.random(size) < 0.4, np.nan, rng.uniform(1, 90, size))
    popularity = rng.uniform(0.01, 1.0, size)
    return Items(
        ids=tuple(f"p{k}" for k in range(size)),
        names=tuple("" if k % 3 == 0 else f"Product {k}" for k in range(size)),
        category=rng.integers(-1, 3, size).astype(np.int32),
        categories=("one", "two", "three"),
        price=np.where(rng.random(size) < 0.2, np.nan, rng.integers(0, 12, size).astype(float)),
        active=rng.random(size) < 0.9,
        orders=orders.astype(np.int32),
        customers=customers.astype(np.int32),
        order_count=int(orders.max() * 4),
        popularity=popularity / popularity.sum(),
        trend=rng.normal(0, 0.3, size),
        groups=("bronze", "gold"),
        group_lift=rng.normal(0, 1, (2, size)).astype(np.float32),
        month_lift=rng.normal(0, 1, (MONTHS, size)).astype(np.float32),
        interval_days=interval_days,
        interval_gaps=np.where(np.isnan(interval_days), 0, 9).astype(np.int32),
        links=Links(index, weight.astype(np.float32), _counts(rng, index, customers).astype(np.int32)),
        pairs=Pairs(with_, together.astype(np.int32), by.astype(np.int32)),
    )


def _rows(rng: np.random.Generator, size: int, width: int) -> Array:
    """Return rows of other products, filled up with ``size``."""
    index = np.full((size, width), size, dtype=np.int32)
    for k in range(size):
        others = rng.permutation(np.delete(np.arange(size), k))[: rng.integers(0, width + 1)]
        index[k, : len(others)] = others
    return index


def _counts(rng: np.random.Generator, index: Array, own: Array) -> Array:
    """Return counts of pairs that neither product exceeds."""
    most = np.minimum(own[:, None], np.append(own, 0)[index])
    return np.where(index < len(own), rng.integers(MIN_CUSTOMERS, np.maximum(most, MIN_CUSTOMERS) + 1), 0)


def random_blend(rng: np.random.Generator) -> Blend:
    """Return a blend in which about a fifth of the weights are 0; one row of weights for every task."""
    row = np.where(rng.random(len(SOURCES)) < 0.2, 0.0, rng.uniform(0.05, 1.5, len(SOURCES)))
    row[[SOURCES.index(name) for name in EITHER_SIGN]] *= rng.choice([-1.0, 1.0], len(EITHER_SIGN))
    return Blend(
        weights=dict.fromkeys(TASKS, row),
        reranked=frozenset(),
        frequency_days=float(rng.uniform(20, 400)),
        link_days=float(rng.uniform(20, 400)),
        view_days=float(rng.uniform(1, 30)),
        cart_weight=float(rng.uniform(0, 3)),
        rebuy_edges=np.array([0.5, 1.0, 2.0]),
        rebuy=rng.uniform(0.01, 0.9, (REBUY_ORDERS, 4)),
        interval_prior=float(rng.uniform(0.5, 4)),
        interval_default=40.0,
        group_by="loyalty_tier",
    )


def random_model(rng: np.random.Generator, size: int = 14) -> ItemModel:
    """Return a catalogue and a blend."""
    return ItemModel(random_catalogue(rng, size), random_blend(rng))


def random_shopper(rng: np.random.Generator, size: int = 14) -> Shopper:
    """Return a person with up to six orders, views and a cart, any of them perhaps empty."""
    orders = int(rng.integers(0, 7))
    days = rng.uniform(0, 300, orders + 1)
    order = rng.integers(0, orders, int(rng.integers(0, 14))) if orders else np.empty(0, dtype=np.int64)
    views = int(rng.integers(0, 5))
    return Shopper(
        bought=rng.integers(0, size, len(order)),
        bought_days=days[order],
        order=order,
        viewed=rng.integers(0, size, views),
        viewed_days=rng.uniform(0, 20, views),
        cart=np.sort(rng.permutation(size)[: rng.choice([0, 0, 1, 3])]),
        group=int(rng.integers(-1, 2)),
        month=int(rng.integers(0, MONTHS)),
    )
