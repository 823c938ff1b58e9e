"""How popular products are: lately, among groups of customers, and by calendar month.

Rules:

1. Popularity counts customers, each once for a product, in a window of days; it is above 0 for every
   product, and of products with as many recent buyers those of all times decide.
2. A line is a product of an order. A lift is the logarithm of observed over expected lines, both with the
   same number of lines added, so that what is rare has a lift near 0.
3. What fewer than ``MIN_CUSTOMERS`` customers of a group or a month did cannot be read from a lift: whatever
   it is, it counts as one line less than that limit, and never speaks for the product. Groups of fewer than
   ``GROUP_CUSTOMERS`` customers fall out. Popularity and trend are of all customers alike, and tell how many
   bought a product, however few: that is no habit of anybody.
4. A product's season is told against its own rate while it was sold, from its first month to its last, so
   that a launch is no season; it takes twelve such months, and more than a year of data.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.clock import local_day
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.item_files import NAME_LENGTH
from app.estimators.items import MIN_CUSTOMERS, MONTHS
from training.recommendations.purchases import Purchases, before, between, sliced

PRIOR_BUYERS: Final = 0.5
"""Buyers that are added to those of every product."""
TIE_BUYERS: Final = 0.01
"""What the product with the most buyers of all times gets beyond that."""
LIFT_LINES: Final = 20.0
"""Expected lines that are added to both sides of a lift."""
TREND_DAYS: Final = (30.0, 90.0)
TREND_PRIOR: Final = 2.0
"""Customers that are added to those of the shorter time, and as many a day to those of the longer."""
GROUP_CUSTOMERS: Final = 50
GROUP_LIMIT: Final = 50
"""Groups that are told apart, at most: the largest."""
GROUP_DAYS: Final = 365.0
SEASON_DAYS: Final = 365.0


def popularity(purchases: Purchases, until: int, days: float) -> Array:
    """Return each product's share of recent buyers, float64 of shape (P,), above 0; they add up to 1.

    Parameters
    ----------
    purchases : Purchases
        From none up; what is later than ``until`` does not count.
    until : int
        Microseconds since 1970 in UTC.
    days : float
        The length of the window before it.
    """
    size = purchases.products
    start = until - round(days * MICROSECONDS_PER_DAY)
    recent, ever = (
        _distinct(part.customer, part.product, size)
        for part in (between(purchases, start, until + 1), before(purchases, until + 1))
    )
    share = recent + PRIOR_BUYERS + TIE_BUYERS * ever / max(int(ever.max(initial=0)), 1)
    answer: Array = share / share.sum()
    return answer


def trends(purchases: Purchases, until: int) -> Array:
    """Return whether each product has lately found more buyers than before, float64 of shape (P,).

    The logarithm of the customers of the last ``TREND_DAYS[0]`` over those of the last ``TREND_DAYS[1]``
    days, both with prior customers; near the same number for all that is rare.
    """
    recent, longer = (
        _distinct(part.customer, part.product, purchases.products)
        for part in (
            between(purchases, until - round(days * MICROSECONDS_PER_DAY), until) for days in TREND_DAYS
        )
    )
    answer: Array = np.log((recent + TREND_PRIOR) / (longer + TREND_PRIOR * TREND_DAYS[1] / TREND_DAYS[0]))
    return answer


def group_lifts(purchases: Purchases, profile: Array, until: int) -> tuple[tuple[str, ...], Array]:
    """Return the groups of customers, sorted, and what each adds to the logarithm of popularity.

    Parameters
    ----------
    purchases : Purchases
    profile : ndarray of object, shape (customers,)
        The group of each customer, a text, or None.
    until : int
        Microseconds since 1970; lines of the ``GROUP_DAYS`` before it count.

    Returns
    -------
    tuple
        G names, and float32 of shape (G, P).
    """
    recent = between(purchases, until - round(GROUP_DAYS * MICROSECONDS_PER_DAY), until)
    names = _groups(recent, profile)
    lifts = np.zeros((len(names), purchases.products), dtype=np.float32)
    share = np.bincount(recent.product, minlength=purchases.products) / max(len(recent), 1)
    member = np.array(
        [None if value is None else str(value)[:NAME_LENGTH] for value in profile], dtype=object
    )
    for row, name in enumerate(names):
        own = sliced(recent, (member == name)[recent.customer])
        observed = np.bincount(own.product, minlength=purchases.products)
        lifts[row] = _lift(observed, len(own) * share, _distinct(own.customer, own.product, len(share)))
    return names, lifts


def _groups(purchases: Purchases, profile: Array) -> tuple[str, ...]:
    """Return the names of the largest groups of customers who bought something, sorted."""
    count: dict[str, int] = {}
    for customer in np.unique(purchases.customer).tolist():
        value = profile[customer]
        if value is not None and str(value).strip():
            name = str(value)[:NAME_LENGTH]
            count[name] = count.get(name, 0) + 1
    enough = sorted((-n, name) for name, n in count.items() if n >= GROUP_CUSTOMERS)
    return tuple(sorted(name for _, name in enough[:GROUP_LIMIT]))


def month_lifts(purchases: Purchases, timezone: str) -> Array:
    """Return what each calendar month adds to the logarithm of popularity.

    Returns
    -------
    ndarray
        float32 of shape (12, P), January first; (0, P) where the data do not span more than a year.
    """
    size = purchases.products
    if not len(purchases) or np.ptp(purchases.at) <= SEASON_DAYS * MICROSECONDS_PER_DAY:
        return np.zeros((0, size), dtype=np.float32)
    days = local_day(purchases.at, timezone)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    calendar, month = month % MONTHS, month - month.min()
    first, last = np.full(size, month.max()), np.zeros(size, dtype=np.int64)
    np.minimum.at(first, purchases.product, month)
    np.maximum.at(last, purchases.product, month)
    is_told = last - first + 1 >= MONTHS
    lines = np.bincount(month)
    kind = (np.arange(len(lines)) + calendar[np.argmin(month)]) % MONTHS
    # The lines of all products in each calendar month, while a product was sold.
    ends = np.zeros((MONTHS, len(lines) + 1))
    ends[kind, np.arange(len(lines)) + 1] = lines
    ends = np.cumsum(ends, axis=1)
    around = np.where(is_told, ends[:, np.minimum(last + 1, len(lines))] - ends[:, first], 0.0)
    sold = np.bincount(purchases.product, minlength=size)
    expected = around * np.where(is_told, sold / np.maximum(around.sum(axis=0), 1.0), 0.0)
    cell = calendar * size + purchases.product
    observed = np.bincount(cell, minlength=MONTHS * size).reshape(MONTHS, size)
    customers = _distinct(purchases.customer, cell, MONTHS * size).reshape(MONTHS, size)
    answer: Array = np.where(is_told, _lift(observed, expected, customers), 0.0).astype(np.float32)
    return answer


def _lift(observed: Array, expected: Array, customers: Array) -> Array:
    """Return the shrunk logarithm of observed over expected lines; see rule 3 for few customers."""
    told = np.log((observed + LIFT_LINES) / (expected + LIFT_LINES))
    most = np.log((MIN_CUSTOMERS - 1 + LIFT_LINES) / (expected + LIFT_LINES))
    answer: Array = np.where(customers >= MIN_CUSTOMERS, told, np.minimum(most, 0.0))
    return answer


def _distinct(customer: Array, cell: Array, cells: int) -> Array:
    """Return how many different customers each cell has, int64 of shape (cells,)."""
    pairs = np.sort(customer * cells + cell)
    is_first = np.ones(len(pairs), dtype=bool)
    is_first[1:] = pairs[1:] != pairs[:-1]
    return np.bincount(pairs[is_first] % max(cells, 1), minlength=cells)
