"""From a request to candidates with margins: which products could be shown, and how likely each is.

Candidates are what the person bought and viewed, what links lead to from there and from the cart, and the
most popular products; asked for all, every product that may be shown is one. Sources whose weight is 0 are
not computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import numpy as np

from app.domain.history import Array
from app.estimators.blend import AT, REBUY_ORDERS, SOURCES, Blend, ItemModel
from app.estimators.items import POOL, Items, pair_strength
from app.estimators.shopper import CART_LIMIT, NO_GROUP, Shopper

FREQUENCY_LEAST, LINKS_LEAST, PAIRS_LEAST, VIEWS_LEAST = 0.02, 0.01, 0.02, 0.05
"""The e of log(1 + x / e): how small a sum still tells something."""
BOUGHT, CART, VIEWED = 0, 1, 2
LINK_SOURCES: Final = ("links_new", "view_links")
"""The sources that follow links, in the order of a candidate's queries."""
_OF_NEW: Final = frozenset({"links_new", "popularity_new", "trend_new"})


@dataclass(frozen=True, slots=True)
class Query:
    """What links are followed from: Q products, their weights, and where each comes from (``CODES``)."""

    items: Items
    product: Array
    weight: Array
    origin: Array

    CODES: ClassVar[tuple[str, str, str]] = ("goes_with", "cart_with", "viewed_with")

    def sums(self) -> Array:
        """Return the sum of links to each product, shape (P,)."""
        links, product = self.items.links, self.product
        weight = links.weight[product] * self.weight[:, None]
        return np.bincount(links.index[product].ravel(), weight.ravel(), self.items.size + 1)[:-1]

    def added_to(self, products: Array) -> Array:
        """Return what each entry adds to each of some products, shape (len(products), Q)."""
        links, size = self.items.links, len(self.product)
        slot = np.full(self.items.size + 1, -1, dtype=np.int64)
        slot[products] = np.arange(len(products))
        slots = slot[links.index[self.product]]
        rows, places = np.nonzero(slots >= 0)
        added = links.weight[self.product[rows], places] * self.weight[rows]
        flat = np.bincount(slots[rows, places] * size + rows, added, len(products) * size)
        return flat.reshape(len(products), size)


@dataclass(frozen=True)
class Scored:
    """M candidates, in the order of the catalogue, with their margins.

    ``product`` is int64. ``columns`` holds the values of sources that were computed, each of shape (M,), and
    ``own_columns`` of sources that only tell of what was bought, each at the candidates ``own_rows``.
    ``is_linked`` says which were viewed, or have a link from ``queries`` that counts. ``is_all`` says that
    they are all products that may be shown.
    """

    product: Array
    columns: Mapping[str, Array]
    own_rows: Array
    own_columns: Mapping[str, Array]
    weights: Array
    margin: Array
    is_linked: Array
    queries: tuple[Query, ...]
    is_reranked: bool = False

    def parts(self, row: int) -> dict[str, float]:
        """Return what each source added to one margin, without those that added nothing.

        Empty where trees ranked again: their margins are no sum of sources.
        """
        if self.is_reranked:
            return {}
        added = {name: float(self.weights[AT[name]] * self.column(name)[row]) for name in SOURCES}
        return {name: part for name, part in added.items() if part}

    def column(self, name: str) -> Array:
        """Return the values of a source, 0 where it tells nothing or was not computed; shape (M,)."""
        if name in self.columns:
            return self.columns[name]
        answer = np.zeros(len(self.product))
        if name in self.own_columns:
            answer[self.own_rows] = self.own_columns[name]
        return answer

    @property
    def values(self) -> Array:
        """The values of all sources, shape (M, len(SOURCES))."""
        return np.column_stack([self.column(name) for name in SOURCES])


@dataclass(frozen=True)
class _Work:
    """One person and one task."""

    model: ItemModel
    shopper: Shopper
    weights: Array

    @cached_property
    def purchases(self) -> Query:
        """What was bought, and the cart."""
        own, blend = self.shopper.own, self.model.blend
        bought = np.exp(own.last_days / -blend.link_days)
        cart = self.shopper.cart[:CART_LIMIT]
        if not len(cart):
            return Query(self.model.items, own.product, bought, np.zeros(len(bought), dtype=np.int64))
        total = float(bought.sum()) or 1.0
        share = np.full(len(cart), blend.cart_weight * total / len(cart))
        origin = np.repeat([BOUGHT, CART], [len(bought), len(cart)])
        return Query(
            self.model.items,
            np.concatenate([own.product, cart]),
            np.concatenate([bought, share]),
            origin,
        )

    @cached_property
    def views(self) -> Query:
        """What was viewed."""
        products, days = self.shopper.views
        weight = np.exp(days / -self.model.blend.view_days)
        return Query(self.model.items, products, weight, np.full(len(products), VIEWED))


def score_candidates(
    model: ItemModel, shopper: Shopper, weights: Array, allowed: Array, *, is_wide: bool = False
) -> Scored:
    """Return the candidates for a person and how likely each is.

    Parameters
    ----------
    weights : ndarray, shape (len(SOURCES),)
        Of the task; a source with weight 0 is not computed.
    allowed : ndarray of bool, shape (P,)
        What may be shown.
    is_wide : bool
        Whether every product that may be shown is a candidate.
    """
    work = _Work(model, shopper, weights)
    items = model.items
    query = work.purchases
    sums = query.sums() if len(query.product) else np.zeros(items.size)
    view_sums = work.views.sums() if len(shopper.viewed) else None
    cart = shopper.cart[:CART_LIMIT]
    together = pair_strength(items, cart) if weights[AT["cart_pairs"]] and len(cart) else None
    if is_wide:
        mask = allowed
    else:
        mask = sums > 0
        if view_sums is not None:
            mask |= view_sums > 0
            mask[work.views.product] = True
        if together is not None:
            mask |= together > 0
        mask[shopper.own.product] = True
        for pool in _pools(items, weights, shopper, allowed):
            mask[pool] = True
        mask &= allowed
    product = np.flatnonzero(mask)
    linked = sums[product]
    is_linked = (linked > 0) & bool(weights[AT["links_new"]])
    columns = _columns(work, product, linked / max(float(sums.max(initial=0.0)), 1e-300))
    if together is not None:
        columns["cart_pairs"] = np.log1p(together[product] / PAIRS_LEAST)
        is_linked |= together[product] > 0
    own_rows, own_columns = _own_columns(work, product, columns)
    queries: tuple[Query, ...] = (query,)
    if view_sums is not None:
        by_views = view_sums[product]
        is_linked |= (by_views > 0) & bool(weights[AT["view_links"]])
        queries = (*queries, work.views)
        columns |= _view_columns(work, product, by_views / max(float(view_sums.max()), 1e-300))
        if "viewed" in columns:
            is_linked |= columns["viewed"] > 0
    margin = _weighted(columns, weights, len(product))
    if own_columns:
        margin[own_rows] += _weighted(own_columns, weights, len(own_rows))
    return Scored(product, columns, own_rows, own_columns, weights, margin, is_linked, queries)


def _pools(items: Items, weights: Array, shopper: Shopper, allowed: Array) -> Iterator[Array]:
    """Yield the most popular products that may be shown, by every account that counts here."""
    pools = items.pools
    yield _first(pools["popularity_new"][0], allowed)
    if weights[AT["ever"]]:
        yield _first(pools["ever"][0], allowed)
    if weights[AT["group"]] and shopper.group != NO_GROUP:
        yield pools["group"][shopper.group]
    if weights[AT["season"]] and len(items.month_lift):
        yield pools["season"][shopper.month]


def _first(ordered: Array, allowed: Array) -> Array:
    """Return the first ``POOL`` products that may be shown."""
    head = ordered[:POOL]
    if allowed[head].all():
        return head
    answer: Array = ordered[allowed[ordered]][:POOL]
    return answer


def _weighted(columns: Mapping[str, Array], weights: Array, size: int) -> Array:
    """Return the weighted sum of some sources, in the order in which they stand; shape (size,)."""
    total = np.zeros(size)
    for name, column in columns.items():
        weight = float(weights[AT[name]])
        if weight:
            total += column * weight
    return total


def _columns(work: _Work, product: Array, linked: Array) -> dict[str, Array]:
    """Return the values of popularity and of links from purchases, for all candidates alike."""
    items, weights, shopper = work.model.items, work.weights, work.shopper
    columns = {"links_new": np.log1p(linked / LINKS_LEAST), "popularity_new": items.log_popularity[product]}
    if weights[AT["trend_new"]]:
        columns["trend_new"] = items.trend[product]
    if weights[AT["ever"]]:
        columns["ever"] = np.log(items.customers[product] + 0.5)
    if weights[AT["group"]] and shopper.group != NO_GROUP:
        columns["group"] = items.group_lift[shopper.group, product].astype(np.float64)
    if weights[AT["season"]] and len(items.month_lift):
        columns["season"] = items.month_lift[shopper.month, product].astype(np.float64)
    return columns


def _own_columns(work: _Work, product: Array, columns: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Return which candidates were bought, and the values of what tells of these alone.

    What ``columns`` tell of new products is 0 for them from here on.
    """
    own, blend, weights = work.shopper.own, work.model.blend, work.weights
    if not len(own.product) or not len(product):
        return np.empty(0, dtype=np.int64), {}
    place = np.minimum(np.searchsorted(product, own.product), len(product) - 1)
    kept = np.flatnonzero(product[place] == own.product)
    rows, orders = place[kept], own.orders[kept]
    values: dict[str, Array] = {
        "bought": np.ones(len(kept)),
        "breadth": np.full(len(kept), np.log(len(own.product))),
        "links_bought": columns["links_new"][rows],
        "popularity_bought": columns["popularity_new"][rows],
    }
    if weights[AT["frequency"]]:
        values["frequency"] = np.log1p(own.decayed(blend.frequency_days)[kept] / FREQUENCY_LEAST)
    if weights[AT["orders"]]:
        values["orders"] = np.log(orders)
    if weights[AT["rebuy"]]:
        usual = work.model.items.interval_days[own.product[kept]]
        values["rebuy"] = rebuy_values(blend, orders, own.last_days[kept], own.first_days[kept], usual)
    for name in _OF_NEW & columns.keys():
        columns[name][rows] = 0.0
    return rows, values


def rebuy_values(blend: Blend, orders: Array, last_days: Array, first_days: Array, usual: Array) -> Array:
    """Return the logarithm of the share that bought such a product again, shape (H,).

    Parameters
    ----------
    orders, last_days, first_days : ndarray, shape (H,)
        Orders with the product, days since the last and since the first of them.
    usual : ndarray, shape (H,)
        The product's usual interval in days, NaN where unknown.
    """
    interval = intervals(blend.interval_prior, blend.interval_default, orders, first_days - last_days, usual)
    bucket = np.searchsorted(blend.rebuy_edges, last_days / interval, side="right")
    answer: Array = np.log(blend.rebuy[np.minimum(orders, REBUY_ORDERS) - 1, bucket])
    return answer


def intervals(prior: float, default: float, orders: Array, span_days: Array, usual: Array) -> Array:
    """Return the days between purchases of a product: the own mean gap, shrunk to the product's usual one.

    ``span_days`` are the days from the first to the last of ``orders``; ``prior`` gaps of the usual length
    are added to the own ones. At least a day.
    """
    known = np.where(np.isnan(usual), default, usual)
    answer: Array = np.maximum((span_days + prior * known) / (orders - 1 + prior), 1.0)
    return answer


def _view_columns(work: _Work, product: Array, linked: Array) -> dict[str, Array]:
    """Return the values of what was viewed, and of links from there."""
    columns = {"view_links": np.log1p(linked / LINKS_LEAST)}
    viewed, weight = work.views.product, work.views.weight
    if len(product) and work.weights[AT["viewed"]]:
        place = np.minimum(np.searchsorted(product, viewed), len(product) - 1)
        kept = product[place] == viewed
        columns["viewed"] = np.zeros(len(product))
        columns["viewed"][place[kept]] = np.log1p(weight[kept] / VIEWS_LEAST)
    return columns
