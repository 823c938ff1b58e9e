"""What was bought and viewed, as columns: one entry per product of an order, by customer and time.

Rules: the same product twice in an order is one entry; entries stand by customer, then time, then order, then
product, and so do those of every slice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np

from app.domain.history import Array

NO_CATEGORY: Final = -1


@dataclass(frozen=True, slots=True)
class Purchases:
    """L entries: who bought which product, when, in which order; each int64 of shape (L,).

    ``customer`` and ``product`` are positions below ``customers`` and ``products`` (P), ``at`` is
    microseconds since 1970 in UTC, ``order`` a code from 0 on.
    """

    customer: Array
    product: Array
    at: Array
    order: Array
    customers: int
    products: int

    def __len__(self) -> int:
        """L, the number of entries."""
        return len(self.product)


@dataclass(frozen=True, slots=True)
class Views:
    """V products that were viewed or put into a cart: who, which and when; each int64 of shape (V,)."""

    customer: Array
    product: Array
    at: Array

    def __len__(self) -> int:
        """V, the number of views."""
        return len(self.product)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """P products: ``category`` int64 in ``categories`` or -1, ``price`` float64 or NaN, ``active`` bool.

    A product without a name has "".
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    category: Array
    categories: tuple[str, ...]
    price: Array
    active: Array

    @property
    def size(self) -> int:
        """P, the number of products."""
        return len(self.ids)


Timed = TypeVar("Timed", Purchases, Views)


def sliced(entries: Timed, kept: Array) -> Timed:
    """Return the entries of a mask, bool of shape (L,)."""
    (rows,) = kept.nonzero()
    if isinstance(entries, Purchases):
        return replace(
            entries,
            customer=entries.customer[rows],
            product=entries.product[rows],
            at=entries.at[rows],
            order=entries.order[rows],
        )
    return replace(
        entries, customer=entries.customer[rows], product=entries.product[rows], at=entries.at[rows]
    )


def before(entries: Timed, at: int) -> Timed:
    """Return what happened before a time."""
    return sliced(entries, entries.at < at)


def between(entries: Timed, start: int, stop: int) -> Timed:
    """Return what happened from ``start`` on and before ``stop``."""
    return sliced(entries, (entries.at >= start) & (entries.at < stop))


def purchases_of(
    product: Array,
    order: Array,
    products: int,
    customer: Array | None = None,
    at: Array | None = None,
) -> Purchases:
    """Return purchases from columns in any order, such as plain baskets.

    Parameters
    ----------
    product, order : ndarray of int, shape (R,)
        A position in the catalogue, and a number from 0 on; rows may repeat each other.
    products : int
        P.
    customer : ndarray of int, shape (R,), optional
        Positions; without it every order has a customer of its own.
    at : ndarray of int64, shape (R,), optional
        Microseconds since 1970; the earliest row is the time of an order. Without it everything happens at 0.
    """
    product, order = np.asarray(product, dtype=np.int64), np.asarray(order, dtype=np.int64)
    customer = order if customer is None else np.asarray(customer, dtype=np.int64)
    at = np.zeros(len(product), dtype=np.int64) if at is None else _order_times(order, np.asarray(at))
    sequence = np.lexsort((product, order, at, customer))
    product, order, customer, at = (column[sequence] for column in (product, order, customer, at))
    first = np.ones(len(product), dtype=bool)
    first[1:] = (product[1:] != product[:-1]) | (order[1:] != order[:-1])
    customers = int(customer.max(initial=-1)) + 1
    return Purchases(customer[first], product[first], at[first], order[first], customers, products)


def _order_times(order: Array, at: Array) -> Array:
    """Return the earliest time of each row's order, int64 of shape (R,)."""
    earliest = np.full(int(order.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(earliest, order, at.astype(np.int64))
    answer: Array = earliest[order]
    return answer


def plain_catalogue(ids: tuple[str, ...]) -> Catalogue:
    """Return a catalogue of which nothing but ids is known."""
    size = len(ids)
    none = np.full(size, NO_CATEGORY, dtype=np.int64)
    return Catalogue(ids, ("",) * size, none, (), np.full(size, np.nan), np.ones(size, dtype=bool))


def order_counts(purchases: Purchases) -> Array:
    """Return in how many orders each product is, int64 of shape (P,)."""
    return np.bincount(purchases.product, minlength=purchases.products)


def customer_counts(purchases: Purchases) -> Array:
    """Return how many customers bought each product, int64 of shape (P,)."""
    # Sorting beats numpy's hash table here by far.
    pairs = np.sort(purchases.customer * purchases.products + purchases.product)
    is_first = np.ones(len(pairs), dtype=bool)
    is_first[1:] = pairs[1:] != pairs[:-1]
    return np.bincount(pairs[is_first] % max(purchases.products, 1), minlength=purchases.products)
