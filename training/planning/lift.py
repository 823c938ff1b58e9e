"""What each segment buys more, or less, than everybody: the lift of segments in product categories.

Rules:

1. The lift is the share of a segment's customers who bought in a category over the share of all customers.
2. The interval compares the segment with the customers outside it (Wilson limits of both shares, combined),
   since the segment is a part of all; a lift stands out where its interval leaves out 1.
3. A cell of fewer than five customers is not told, nor another of its category where what is told would give
   it away.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name is written here, every value is a whole number
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from training.tables import Tables

DAYS: Final = 365
FEWEST: Final = 5
CATEGORIES: Final = 100
"""Categories that are told, by customers; more would be read by nobody."""
LEVEL: Final = 0.95
NEEDED: Final = ("orders", "order_lines", "products")

Part = dict[str, Any]

_Z: Final = 1.959963984540054
"""Of the 95 % interval."""


@dataclass(frozen=True, slots=True)
class Bought:
    """How many customers of each segment bought in each category: ``counts`` of shape (G, C).

    ``anything`` (G,) bought in any category, ``sizes`` (G,) are all customers of the segments.
    """

    categories: tuple[str, ...]
    counts: Array
    anything: Array
    sizes: Array
    left_out: int


@dataclass(frozen=True, slots=True)
class Lift:
    """Lift and its interval, and which cells are not told; each of shape (G, C), NaN where not known."""

    lift: Array
    low: Array
    high: Array
    is_hidden: Array


def missing_tables(tables: Tables) -> tuple[str, ...]:
    """Return which of the tables that tell categories the business does not have."""
    return tuple(name for name in NEEDED if not tables.has(name))


def bought(tables: Tables, as_of: int, positions: Array, group: Array, groups: int, chunk: int) -> Bought:
    """Count the customers of each segment who bought in each category in the last 365 days.

    A line counts unless its order was cancelled by then, is pending or is a return.

    Parameters
    ----------
    as_of : int
        Microseconds since 1970 in UTC.
    positions, group : ndarray of int, shape (N,)
        Who counts, by place in ``tables.customer_ids``, and the segment of each from 0 to ``groups`` - 1.
    chunk : int
        Customers in memory at a time.
    """
    place = np.full(tables.size, -1, dtype=np.int64)
    place[positions] = group
    counts: dict[str, Array] = {}
    anything = np.zeros(groups, dtype=np.int64)
    for start in range(0, tables.size, chunk):
        arrow: Any = tables.query(_query(as_of, start, start + chunk)).to_arrow_table()
        owner = arrow.column("position").combine_chunks().to_numpy(zero_copy_only=False)
        words = arrow.column("category").combine_chunks().dictionary_encode()
        code = words.indices.to_numpy(zero_copy_only=False)
        kept = place[owner] >= 0
        owner, code = owner[kept], code[kept]
        anything += np.bincount(place[np.unique(owner)], minlength=groups)
        found = np.bincount(place[owner] * len(words.dictionary) + code)
        found = np.pad(found, (0, groups * len(words.dictionary) - len(found)))
        for word, column in zip(words.dictionary.to_pylist(), found.reshape(groups, -1).T, strict=True):
            counts[word] = counts.get(word, 0) + column
    names = sorted((name for name in counts if counts[name].any()), key=lambda n: (-counts[n].sum(), n))
    kept_names = tuple(names[:CATEGORIES])
    table = np.array([counts[name] for name in kept_names], dtype=np.int64).reshape(-1, groups).T
    sizes = np.bincount(group, minlength=groups)
    return Bought(kept_names, table, anything, sizes, len(names) - len(kept_names))


def _query(as_of: int, start: int, stop: int) -> str:
    """Return who bought in which category: one row for each customer and category."""
    after = as_of - DAYS * MICROSECONDS_PER_DAY
    return (
        "SELECT DISTINCT i.position::BIGINT AS position, p.category AS category "
        "FROM canonical.order_lines AS l JOIN canonical.orders AS o USING (order_id) "
        "JOIN canonical.products AS p USING (product_id) "
        "JOIN canonical.customer_index AS i ON i.customer_id = o.customer_id "
        f"WHERE i.position >= {start} AND i.position < {stop} AND p.category IS NOT NULL "
        f"AND epoch_us(o.ordered_at) > {after} AND epoch_us(o.ordered_at) <= {as_of} "
        "AND coalesce(o.status, 'completed') <> 'pending' AND coalesce(l.quantity, 1) > 0 "
        "AND coalesce(o.revenue, 0) >= 0 "
        "AND NOT ((coalesce(o.status, '') = 'cancelled' OR o.cancelled_at IS NOT NULL) "
        f"AND (o.cancelled_at IS NULL OR epoch_us(o.cancelled_at) <= {as_of})) ORDER BY position, category"
    )


def lift_of(counts: Array, sizes: Array) -> Lift:
    """Return the lift of each segment in each category.

    Parameters
    ----------
    counts : ndarray of int, shape (G, C)
        Customers of a segment who bought in a category.
    sizes : ndarray of int, shape (G,)
        Customers of a segment.
    """
    size, everybody = sizes[:, None].astype(np.float64), float(sizes.sum())
    inside, outside = counts.astype(np.float64), counts.sum(axis=0) - counts
    with np.errstate(divide="ignore", invalid="ignore"):
        share_all = counts.sum(axis=0) / everybody
        lift = inside / size / share_all
        part = size / everybody
        low, high = _ratio(inside, size, outside, everybody - size)
        # The share of all is made of both: lift = 1 / (part + (1 - part) / ratio).
        ends = [1.0 / (part + (1.0 - part) / end) for end in (low, high)]
    alone = np.broadcast_to(part >= 1.0, lift.shape)
    low, high = (np.where(alone & np.isfinite(lift), 1.0, end) for end in ends)
    unknown = ~np.isfinite(lift)
    low, high = (np.where(unknown, np.nan, end) for end in (low, high))
    return Lift(lift, low, high, hidden(counts))


def hidden(counts: Array, fewest: int = FEWEST) -> Array:
    """Return which cells are not told, bool of shape (G, C).

    Where the untold cells of a category hold fewer than ``fewest`` customers together, its next smallest one
    is not told either: the total less what is told would give them away.
    """
    is_hidden = counts < fewest
    for c in range(counts.shape[1]):
        order = np.argsort(counts[:, c], kind="stable")
        for g in order.tolist():
            if not 0 < counts[is_hidden[:, c], c].sum() < fewest:
                break
            is_hidden[g, c] = True
    return is_hidden


def _ratio(k: Array, n: Array, others: Array, rest: Array) -> tuple[Array, Array]:
    """Return the ends of the interval of the ratio of two independent shares, k/n over others/rest.

    References
    ----------
    Donner & Zou (2012), "Closed-form confidence intervals for functions of the normal mean and standard
    deviation"; with the limits of Wilson (1927).
    """
    p, q = k / n, others / rest
    (low_p, high_p), (low_q, high_q) = wilson(k, n), wilson(others, rest)
    root_low = np.sqrt(np.maximum((p * q) ** 2 - low_p * high_q * (2 * p - low_p) * (2 * q - high_q), 0.0))
    root_high = np.sqrt(np.maximum((p * q) ** 2 - high_p * low_q * (2 * p - high_p) * (2 * q - low_q), 0.0))
    low = (p * q - root_low) / (high_q * (2 * q - high_q))
    below = low_q * (2 * q - low_q)
    high = np.where(below > 0, (p * q + root_high) / below, np.inf)
    return np.maximum(low, 0.0), high


def wilson(k: Array, n: Array) -> tuple[Array, Array]:
    """Return the ends of the 95 % interval of the share k/n; NaN without a customer.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        center = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        reach = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return np.maximum(center - reach, 0.0), np.minimum(center + reach, 1.0)


def lift_part(found: Bought, names: tuple[str, ...]) -> Part:
    """Return the part of the report on categories; a hidden cell has no numbers."""
    # Buying anything at all is the measure that the categories are to be read against.
    counts = np.hstack([found.anything[:, None], found.counts])
    lift = lift_of(counts, found.sizes)
    size = int(found.sizes.sum())
    cells = []
    for c, category in enumerate((None, *found.categories)):
        for g, name in enumerate(names):
            cell: Part = {"category": category, "segment": name, "is_hidden": bool(lift.is_hidden[g, c])}
            if not lift.is_hidden[g, c]:
                low, high = float(lift.low[g, c]), float(lift.high[g, c])
                cell |= {
                    "customers": int(counts[g, c]),
                    "share": float(counts[g, c] / found.sizes[g]),
                    "lift": float(lift.lift[g, c]),
                    "over_anything": _over(lift, g, c),
                    "low": low,
                    "high": high,
                    "stands_out": not low <= 1.0 <= high,
                }
            cells.append(cell)
    every = counts.sum(axis=0)
    return {
        "kind": "observation",
        "days": DAYS,
        "interval_level": LEVEL,
        "fewest_customers": FEWEST,
        "customers": size,
        "segment_sizes": dict(zip(names, found.sizes.tolist(), strict=True)),
        "categories": [
            # A total that hides too few is itself not told.
            {"category": category, **_total(int(every[c]), size)}
            for c, category in enumerate((None, *found.categories))
        ],
        "categories_left_out": found.left_out,
        "hidden_cells": int(lift.is_hidden.sum()),
        "cells": cells,
    }


def _over(lift: Lift, g: int, c: int) -> float | None:
    """Return a lift over that of buying anything, the first column; None where that one is not told."""
    return None if lift.is_hidden[g, 0] else float(lift.lift[g, c] / lift.lift[g, 0])


def _total(count: int, size: int) -> Part:
    is_told = count >= FEWEST
    return {"customers": count if is_told else None, "share": count / size if is_told else None}
