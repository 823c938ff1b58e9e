"""When a product is bought again: the usual interval of each, and how likely that is as time goes by.

Rules:

1. A gap lies between two orders of one customer with the same product, a day or more apart. The usual
   interval is the median over customers of the median of each one's gaps, in whole days, so that whoever buys
   most does not decide it; it takes ``LEAST_GAPS`` gaps by ``MIN_CUSTOMERS`` customers. Gaps that have not
   ended yet are not among them, so it is on the short side.
2. How likely a product is bought again within the horizon is counted over customers and products at
   cut-offs, by the time since the last order over the interval, and by the number of orders. The interval is
   the one that serving uses, from what was known at the cut-off.
3. A share is shrunk to that of all with as many orders, and that to the share of all; what fewer than
   ``MIN_CUSTOMERS`` cases would tell is the former alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.blend import REBUY_ORDERS
from app.estimators.candidates import intervals
from app.estimators.items import MIN_CUSTOMERS
from training.recommendations.purchases import Purchases, before, between

LEAST_GAPS: Final = 20
INTERVAL_PRIOR: Final = 3.0
"""Gaps of the usual length that are added to a customer's own."""
INTERVAL_DEFAULT: Final = 90.0
"""Days between purchases where no gap is known at all."""
EDGES: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Where the buckets of elapsed time over the interval end."""
PRIOR_CASES: Final = 50.0


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual intervals: ``days`` of shape (P,), NaN where unknown, from ``gaps`` of them.

    ``gaps`` is 0 where the interval is not told. ``default`` is the median of all gaps, in days.
    """

    days: Array
    gaps: Array
    default: float


@dataclass(frozen=True, slots=True)
class RebuyTable:
    """Shares that bought again: rows for 1, 2, 3, 4 and more orders, a column for each bucket.

    ``edges`` has shape (B,), ``shares`` and ``cases`` (5, B + 1).
    """

    edges: Array
    shares: Array
    cases: Array


def usual_intervals(purchases: Purchases) -> Usual:
    """Return the usual time until each product is bought again; works from no purchase up."""
    sequence = np.lexsort((purchases.at, purchases.product, purchases.customer))
    customer, product, at = (
        column[sequence] for column in (purchases.customer, purchases.product, purchases.at)
    )
    gap = np.diff(at) / MICROSECONDS_PER_DAY
    is_gap = (customer[1:] == customer[:-1]) & (product[1:] == product[:-1]) & (gap >= 1.0)
    gap, product, customer = gap[is_gap], product[1:][is_gap], customer[1:][is_gap]
    count = np.bincount(product, minlength=purchases.products)
    product, days = _own_gaps(customer, product, gap)
    customers = np.bincount(product, minlength=purchases.products)
    start = np.cumsum(customers) - customers
    is_told = (count >= LEAST_GAPS) & (customers >= MIN_CUSTOMERS)
    low, high = start + (customers - 1) // 2, start + customers // 2
    usual = np.full(purchases.products, np.nan)
    usual[is_told] = np.maximum(np.round((days[low[is_told]] + days[high[is_told]]) / 2), 1.0)
    is_known = len(gap) >= LEAST_GAPS and len(np.unique(customer)) >= MIN_CUSTOMERS
    default = max(round(float(np.median(days))), 1) if is_known else INTERVAL_DEFAULT
    return Usual(usual, np.where(is_told, count, 0), float(default))


def _own_gaps(customer: Array, product: Array, gap: Array) -> tuple[Array, Array]:
    """Return the median gap of each customer and product, sorted by product, then by length."""
    order = np.lexsort((gap, product, customer))
    customer, product, gap = customer[order], product[order], gap[order]
    begins = np.ones(len(product), dtype=bool)
    begins[1:] = (product[1:] != product[:-1]) | (customer[1:] != customer[:-1])
    starts = np.flatnonzero(begins)
    counts = np.diff(np.append(starts, len(product)))
    middle = (gap[starts + (counts - 1) // 2] + gap[starts + counts // 2]) / 2 if len(starts) else gap
    product = product[starts]
    by_product = np.lexsort((middle, product))
    return product[by_product], middle[by_product]


def rebuy_table(purchases: Purchases, cuts: Sequence[int], horizon_days: float) -> RebuyTable:
    """Return how often products were bought again within some days after cut-offs.

    Parameters
    ----------
    purchases : Purchases
        From none up.
    cuts : sequence of int
        Microseconds since 1970 in UTC; the horizon after each should be over.
    horizon_days : float
    """
    shape = (REBUY_ORDERS, len(EDGES) + 1)
    cases, again = np.zeros(shape), np.zeros(shape)
    for cut in cuts:
        row, column, has_bought = _cases(purchases, cut, horizon_days)
        np.add.at(cases, (row, column), 1.0)
        np.add.at(again, (row, column), has_bought)
    overall = (again.sum() + 1.0) / (cases.sum() + 2.0)
    by_orders = (again.sum(axis=1) + PRIOR_CASES * overall) / (cases.sum(axis=1) + PRIOR_CASES)
    shares = (again + PRIOR_CASES * by_orders[:, None]) / (cases + PRIOR_CASES)
    shares = np.where(cases >= MIN_CUSTOMERS, shares, by_orders[:, None])
    return RebuyTable(np.array(EDGES), shares, cases)


def _cases(purchases: Purchases, cut: int, horizon_days: float) -> tuple[Array, Array, Array]:
    """Return, for every customer and product by a cut-off, the cell of the table and whether bought again."""
    past, size = before(purchases, cut), max(purchases.products, 1)
    usual = usual_intervals(past)
    owned, place, orders = np.unique(
        past.customer * size + past.product, return_inverse=True, return_counts=True
    )
    first, last = np.full(len(owned), cut), np.full(len(owned), np.iinfo(np.int64).min)
    np.minimum.at(first, place, past.at)
    np.maximum.at(last, place, past.at)
    span, elapsed = (last - first) / MICROSECONDS_PER_DAY, (cut - last) / MICROSECONDS_PER_DAY
    interval = intervals(INTERVAL_PRIOR, usual.default, orders, span, usual.days[owned % size])
    later = between(purchases, cut, cut + round(horizon_days * MICROSECONDS_PER_DAY))
    has_bought = np.isin(owned, later.customer * size + later.product)
    bucket = np.searchsorted(EDGES, elapsed / interval, side="right")
    return np.minimum(orders, REBUY_ORDERS) - 1, bucket, has_bought
