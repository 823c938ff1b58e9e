"""The catalogue of products as recommendations are served from it, made of the parts of this package.

Rules: customers appear as numbers of customers only; the counts that evidence is told by are those of
``MIN_CUSTOMERS`` customers or more, else 0; links and pairs lead to active products.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.domain.history import Array
from app.estimators.items import MIN_CUSTOMERS, Items, Links, Pairs
from training.recommendations.links import LinkSettings, links_of
from training.recommendations.pairs import order_count, top_pairs
from training.recommendations.popularity import group_lifts, month_lifts, popularity, trends
from training.recommendations.purchases import Catalogue, Purchases, customer_counts, order_counts
from training.recommendations.rebuy import usual_intervals


@dataclass(frozen=True, slots=True)
class ItemSettings:
    """How the arrays of a catalogue are made.

    ``until`` is the time that popularity looks back from, microseconds since 1970 in UTC. Without ``links``,
    or with ``with_pairs`` off, there are none, which is faster.
    """

    until: int
    timezone: str = "UTC"
    popularity_days: float = 30.0
    links: LinkSettings | None = field(default_factory=LinkSettings)
    with_pairs: bool = True


def assemble(
    catalogue: Catalogue, purchases: Purchases, settings: ItemSettings, profile: Array | None = None
) -> Items:
    """Return what is known of the products of a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        P products.
    purchases : Purchases
        All that counts, nothing later than ``until``; from none up.
    settings : ItemSettings
    profile : ndarray of object, shape (customers,), optional
        The group of each customer, a text, or None; without it there are no groups.
    """
    size, orders, customers = catalogue.size, order_counts(purchases), customer_counts(purchases)
    is_told = customers >= MIN_CUSTOMERS
    usual = usual_intervals(purchases)
    groups: tuple[str, ...] = ()
    group_lift = np.zeros((0, size), dtype=np.float32)
    if profile is not None:
        groups, group_lift = group_lifts(purchases, profile, settings.until)
    return Items(
        ids=catalogue.ids,
        names=catalogue.names,
        category=catalogue.category.astype(np.int32),
        categories=catalogue.categories,
        price=catalogue.price,
        active=catalogue.active,
        orders=np.where(is_told, orders, 0).astype(np.int32),
        customers=np.where(is_told, customers, 0).astype(np.int32),
        order_count=order_count(purchases),
        popularity=popularity(purchases, settings.until, settings.popularity_days),
        trend=trends(purchases, settings.until),
        groups=groups,
        group_lift=group_lift,
        month_lift=month_lifts(purchases, settings.timezone),
        interval_days=usual.days,
        interval_gaps=usual.gaps.astype(np.int32),
        links=_no_links(size)
        if settings.links is None
        else links_of(purchases, settings.links, catalogue.active),
        pairs=top_pairs(purchases, catalogue.active) if settings.with_pairs else _no_pairs(size),
    )


def _no_links(size: int) -> Links:
    nothing = np.zeros((size, 0), dtype=np.int32)
    return Links(nothing, nothing.astype(np.float32), nothing)


def _no_pairs(size: int) -> Pairs:
    nothing = np.zeros((size, 0), dtype=np.int32)
    return Pairs(nothing, nothing, nothing)
