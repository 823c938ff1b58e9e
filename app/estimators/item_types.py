"""Of which type a recommended product is, and why it is shown: rules over counts, prices and links.

The first rule that holds gives the type:

1. ``repurchase``: the person bought it;
2. ``upsell``: it is of the same category as something the person is busy with (the cart, else the latest
   order), linked to it, and costs 1.1 to 2 times as much;
3. ``cross_sell``: orders with something the person is busy with hold it at least 1.2 times as often as all
   orders do, counted by ``MIN_CUSTOMERS`` customers or more, and it is of another category than all of that;
4. ``personalised``: the person viewed it, or it is linked to what was bought or viewed or is in the cart;
5. ``popular``: none of these.

A reason names only what is true: the rule's own numbers, or the link that adds most to the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.blend import AT, ItemModel
from app.estimators.candidates import CART, LINK_SOURCES, Query, Scored
from app.estimators.items import Items, confidence_of, lift_of, rule_of, strongest_pair
from app.estimators.shopper import Shopper

TYPES: Final = ("repurchase", "upsell", "cross_sell", "personalised", "popular")
REPURCHASE, UPSELL, CROSS_SELL, PERSONALISED, POPULAR = TYPES
LEAST_LIFT: Final = 1.2
PRICE_BAND: Final = (1.1, 2.0)
OWN_BUYS: Final = 3
"""Purchases from which on somebody's own rhythm is told."""
LEAST_INTERVAL: Final = 1.0
"""Days between somebody's purchases from which on they are a rhythm."""
DUE_FROM: Final = 0.8
"""The share of the interval after which a product is due again."""
REASONS_LIMIT: Final = 2
"""Products that a reason names."""
_MINOR: Final = 0.5
"""A second link is named if it adds at least this share of what the first adds."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a product is shown: a code, products it speaks of, and numbers.

    ``due`` and ``bought_regularly`` (repurchase with a known interval), ``bought_before``, ``upgrade``,
    ``bought_with``, ``goes_with`` (by purchases), ``viewed``, ``viewed_with`` (by views), ``cart_with`` (by
    the cart), ``popular``, and of similar products ``bought_together`` and ``similar_buyers``. ``products``
    are positions in the catalogue.
    """

    code: str
    products: tuple[int, ...] = ()
    numbers: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kinds:
    """The types of N products as positions in ``TYPES``, and of what some of them go with."""

    type: Array
    upgrade_of: Mapping[int, int]
    companion_of: Mapping[int, int]


@dataclass(frozen=True)
class Typing:
    """The rules, applied to one person."""

    model: ItemModel
    shopper: Shopper

    def kinds(self, product: Array, is_linked: Array) -> Kinds:
        """Return the types of N products, given which of them have a link from what the person did."""
        size = self.model.items.size
        kind = np.where(is_linked, 3, 4)
        slot = np.full(size + 1, -1, dtype=np.int64)
        slot[product] = np.arange(len(product))
        companions, upgrades = self._companions(slot), self._upgrades(slot)
        if companions:
            kind[slot[list(companions)]] = 2
        if upgrades:
            kind[slot[list(upgrades)]] = 1
        own = slot[self.shopper.ever_bought]
        kind[own[own >= 0]] = 0
        return Kinds(kind, upgrades, companions)

    def _upgrades(self, slot: Array) -> dict[int, int]:
        """Return the wanted products that are an upgrade of an anchor, and it: the strongest link."""
        items, anchors = self.model.items, self.shopper.anchors
        index = items.links.index[anchors]
        rows, places = np.nonzero(slot[index] >= 0)
        product, anchor = index[rows, places], anchors[rows]
        price_of = np.where(items.price[anchor] > 0, items.price[anchor], np.nan)
        ratio = items.price[product] / price_of
        own = items.category[anchor]
        holds = (
            (items.category[product] == own)
            & (own >= 0)
            & (ratio >= PRICE_BAND[0])
            & (ratio <= PRICE_BAND[1])
        )
        return _strongest(product, anchor, holds, items.links.weight[anchor, places])

    def _companions(self, slot: Array) -> dict[int, int]:
        """Return the wanted products that orders hold with an anchor, and it: the highest confidence."""
        items, anchors = self.model.items, self.shopper.anchors
        index = items.pairs.index[anchors]
        rows, places = np.nonzero(slot[index] >= 0)
        if not len(rows):
            return {}
        product, anchor = index[rows, places], anchors[rows]
        together, own = items.pairs.orders[anchor, places], items.orders[anchor]
        lift = lift_of(together, own, items.orders[product], items.order_count)
        same = np.isin(items.category[product], items.category[anchors]) & (items.category[product] >= 0)
        holds = (lift >= LEAST_LIFT) & ~same
        return _strongest(product, anchor, holds, confidence_of(together, own))

    def reasons(self, scored: Scored, rows: Array, kinds: Kinds) -> list[Reason]:
        """Return why each of some candidates, given by their rows, is shown, in order."""
        products, types = scored.product[rows], kinds.type.tolist()
        linked = rows[kinds.type == 3]
        why = dict(zip(scored.product[linked].tolist(), _personal(scored, linked), strict=True))
        own = self.shopper.own
        place = {product: k for k, product in enumerate(own.product.tolist())}
        items = self.model.items
        answer = []
        for product, kind in zip(products.tolist(), types, strict=True):
            if kind == 0:
                if product not in place:
                    answer.append(_long_ago(self.shopper, product))
                    continue
                k = place[product]
                usual = float(items.interval_days[product])
                answer.append(_repurchase(int(own.orders[k]), own.last_days[k], own.first_days[k], usual))
            elif kind == 1:
                answer.append(_upgrade(items, product, kinds.upgrade_of[product]))
            elif kind == 2:
                answer.append(together(items, kinds.companion_of[product], product, "bought_with"))
            else:
                answer.append(why.get(product, _POPULAR))
        return answer


_POPULAR: Final = Reason("popular")
_VIEWED: Final = Reason("viewed")


def _strongest(product: Array, anchor: Array, holds: Array, strength: Array) -> dict[int, int]:
    """Return each product for which a rule holds with its strongest anchor, ties by anchor."""
    kept = np.flatnonzero(holds)
    order = kept[np.lexsort((-anchor[kept], strength[kept]))]
    return dict(zip(product[order].tolist(), anchor[order].tolist(), strict=True))


def _upgrade(items: Items, product: int, anchor: int) -> Reason:
    price, price_of = float(items.price[product]), float(items.price[anchor])
    numbers = {"price": price, "price_of": price_of, "price_ratio": price / price_of}
    return Reason("upgrade", (anchor,), numbers)


def _long_ago(shopper: Shopper, product: int) -> Reason:
    """Return when a product was bought that is too long ago to count otherwise."""
    rows = shopper.bought == product
    orders = len(np.unique(shopper.order[rows]))
    days = float(shopper.bought_days[rows].min())
    return Reason("bought_before", (), {"orders": orders, "days_since_last": days})


def _repurchase(orders: int, last_days: float, first_days: float, usual: float) -> Reason:
    """Return when a product was bought and, where that can be said, about how often.

    Somebody's own rhythm is told from ``OWN_BUYS`` orders on, else that of the product.
    """
    numbers: dict[str, float | str | None] = {"orders": orders, "days_since_last": float(last_days)}
    own = float(first_days - last_days) / max(orders - 1, 1)
    is_own = orders >= OWN_BUYS and own >= LEAST_INTERVAL
    interval = own if is_own else usual
    if np.isfinite(interval):
        code = "due" if last_days >= DUE_FROM * interval else "bought_regularly"
        basis = "own" if is_own else "product"
        return Reason(code, (), {**numbers, "interval_days": interval, "interval_basis": basis})
    return Reason("bought_before", (), numbers)


def _personal(scored: Scored, rows: Array) -> list[Reason]:
    """Return why candidates are shown that were viewed, or have a link from what the person did.

    That it was viewed is told where it adds as much as any link; else the query whose links add most, of it
    the product that adds most, and a second one of the same origin that adds at least the share ``_MINOR``
    of that.
    """
    if not len(rows):
        return []
    products = scored.product[rows]
    by_source = [
        float(scored.weights[AT[name]]) * scored.column(name)[rows]
        for name in LINK_SOURCES[: len(scored.queries)]
    ]
    strongest = np.array(by_source).argmax(axis=0).tolist()
    viewed = float(scored.weights[AT["viewed"]]) * scored.column("viewed")[rows]
    by_pairs = float(scored.weights[AT["cart_pairs"]]) * scored.column("cart_pairs")[rows]
    is_paired = ((by_pairs > 0) & (by_pairs >= np.max(by_source, axis=0))).tolist()
    is_viewed = ((viewed > 0) & (viewed >= np.max([*by_source, by_pairs], axis=0))).tolist()
    parts = [query.added_to(products) for query in scored.queries]
    firsts = [np.argsort(-part, axis=1, kind="stable")[:, :REASONS_LIMIT].tolist() for part in parts]
    answer = []
    for k, which in enumerate(strongest):
        if is_viewed[k]:
            answer.append(_VIEWED)
            continue
        if is_paired[k]:
            answer.append(_paired(scored.queries[0], int(products[k])))
            continue
        query, added = scored.queries[which], parts[which][k]
        first, *others = firsts[which][k]
        least, origin = _MINOR * float(added[first]), int(query.origin[first])
        named = [first, *(one for one in others if added[one] >= least and query.origin[one] == origin)]
        share = float(added[named].sum() / added.sum())
        answer.append(Reason(query.CODES[origin], tuple(query.product[named].tolist()), {"share": share}))
    return answer


def _paired(query: Query, product: int) -> Reason:
    """Return the counts of a product and the one of the cart whose orders hold it most often."""
    anchor = strongest_pair(query.items, query.product[query.origin == CART], product)
    assert anchor is not None  # noqa: S101  without a kept pair nothing would have been added
    return together(query.items, anchor, product, "bought_with")


def together(items: Items, anchor: int, product: int, code: str) -> Reason:
    """Return the counts of two products in one order, as a reason.

    Raises
    ------
    ValueError
        The pair is not among those that are kept.
    """
    rule = rule_of(items, anchor, product)
    if rule is None:
        raise ValueError("the pair is not kept")
    return Reason(
        code,
        (anchor,),
        {
            "customers": rule.customers,
            "orders": rule.orders,
            "support": rule.support,
            "confidence": rule.confidence,
            "lift": rule.lift,
            "conviction": rule.conviction,
        },
    )


def similar_reason(items: Items, anchors: Array, product: int) -> Reason:
    """Return what ties a product to some others: counts in one order, else customers who bought both."""
    paired = strongest_pair(items, anchors, product)
    if paired is not None:
        return together(items, paired, product, "bought_together")
    rows, places = np.nonzero(items.links.index[anchors] == product)
    best = items.links.weight[anchors[rows], places].argmax()
    anchor = int(anchors[rows[best]])
    return Reason(
        "similar_buyers",
        (anchor,),
        {"customers": int(items.links.customers[anchor, places[best]])},
    )
