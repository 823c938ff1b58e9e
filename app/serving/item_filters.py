"""Which products may be shown: the filters of a request over the catalogue, and how many each takes.

Rules: filters act before anything is ranked; a product that several would take is counted by the first of
``ORDER``; a product of unknown price does not pass a price filter; one without a category is of no wanted
category, and of no excluded one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.items import Items

ORDER: Final = (
    "inactive",
    "excluded",
    "category",
    "price",
    "out_of_stock",
    "in_cart",
    "already_bought",
    "type",
    "category_cap",
)
"""What takes products, in the order in which they are counted; the last two act on the ranking."""

_CLOSENESS: Final = 0.7
_NAMES_SEARCHED: Final = 200
_LONGEST_NAME: Final = 64
"""A nearest name is looked for among so many, and for a name no longer than this: it must not take long."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What may be shown, as asked for; None where nothing was said.

    ``in_stock`` names the only products that may be shown. With ``hide_bought`` what was bought is left out,
    or what was bought within ``bought_days``. Prices are in the business's currency, both ends included.
    """

    exclude_items: Sequence[str] = ()
    categories: Sequence[str] | None = None
    exclude_categories: Sequence[str] = ()
    price_min: float | None = None
    price_max: float | None = None
    in_stock: Sequence[str] | None = None
    hide_bought: bool = False
    bought_days: float | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be shown, bool of shape (P,), and how many products each filter took."""

    mask: Array
    taken: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Strange:
    """What filters name and the catalogue does not hold.

    ``nearest`` is the known category that is nearest to the first unknown one, None where none is near.
    """

    categories: int = 0
    nearest: str | None = None
    exclude_items: int = 0
    in_stock: int = 0


def allowed_products(items: Items, filters: Filters, cart: Array, bought: tuple[Array, Array]) -> Allowed:
    """Return what may be shown to a person.

    Parameters
    ----------
    cart : ndarray of int64, shape (C,)
        What need not be shown, because it is chosen already.
    bought : two ndarrays, shape (B,)
        Products that were bought, and the days since each was last.
    """
    passes = {
        "inactive": items.active,
        "excluded": ~_marked(items, filters.exclude_items) if filters.exclude_items else None,
        "category": _of_category(items, filters),
        "price": _of_price(items, filters),
        "out_of_stock": None if filters.in_stock is None else _marked(items, filters.in_stock),
        "in_cart": _without(items, cart),
        "already_bought": _without(items, _hidden(filters, bought)),
    }
    mask, taken = np.ones(items.size, dtype=bool), dict.fromkeys(ORDER, 0)
    left = items.size
    for name, passing in passes.items():
        if passing is not None:
            mask &= passing
            before, left = left, int(np.count_nonzero(mask))
            taken[name] = before - left
    return Allowed(mask, taken)


def strange_names(items: Items, filters: Filters) -> Strange:
    """Return what filters name and the catalogue does not hold."""
    wanted = (*(filters.categories or ()), *filters.exclude_categories)
    unknown = list(dict.fromkeys(name for name in wanted if name not in items.category_place))
    return Strange(
        categories=len(unknown),
        nearest=_nearest(unknown[0], items.categories) if unknown else None,
        exclude_items=_count_unknown(items, filters.exclude_items),
        in_stock=_count_unknown(items, filters.in_stock or ()),
    )


def _count_unknown(items: Items, products: Sequence[str]) -> int:
    return len({product for product in products if product not in items.place})


def _nearest(name: str, known: Sequence[str]) -> str | None:
    if len(name) > _LONGEST_NAME:
        return None
    plain = {one.casefold(): one for one in known[:_NAMES_SEARCHED]}
    return next((plain[near] for near in get_close_matches(name.casefold(), plain, 1, _CLOSENESS)), None)


def _marked(items: Items, products: Sequence[str]) -> Array:
    """Return which products of the catalogue are named."""
    mask = np.zeros(items.size + 1, dtype=bool)
    mask[items.places(products)] = True  # what is unknown marks the last place, which is no product
    return mask[:-1]


def _without(items: Items, products: Array) -> Array | None:
    if not len(products):
        return None
    mask = np.ones(items.size, dtype=bool)
    mask[products] = False
    return mask


def _of_category(items: Items, filters: Filters) -> Array | None:
    """Return which products are of a wanted category, and of no excluded one."""
    if filters.categories is None and not filters.exclude_categories:
        return None
    mask = np.full(len(items.categories) + 1, filters.categories is None)  # the last place is no category
    place = items.category_place
    mask[[place[name] for name in filters.categories or () if name in place]] = True
    mask[[place[name] for name in filters.exclude_categories if name in place]] = False
    answer: Array = mask[items.category]
    return answer


def _of_price(items: Items, filters: Filters) -> Array | None:
    """Return which products have a price within the bounds; an unknown one is in none."""
    low, high = filters.price_min, filters.price_max
    if low is None and high is None:
        return None
    answer: Array = (items.price >= (-np.inf if low is None else low)) & (
        items.price <= (np.inf if high is None else high)
    )
    return answer


def _hidden(filters: Filters, bought: tuple[Array, Array]) -> Array:
    """Return the products that are hidden because they were bought."""
    products, days = bought
    if not filters.hide_bought:
        return products[:0]
    return products if filters.bought_days is None else products[days <= filters.bought_days]
