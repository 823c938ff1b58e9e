"""Sums, counts and ends of ragged rows: R rows that belong to N customers.

Rule: a result for one customer is the same number, bit for bit, whoever else is in the batch. ``bincount``
adds in row order within each customer, so it keeps the rule; differences of a running sum would not.
"""

from __future__ import annotations

import numpy as np

from app.domain.history import Array


def count(owner: Array, size: int, mask: Array | None = None) -> Array:
    """Return how many rows (where ``mask``) each customer has, float64 of shape (N,)."""
    return np.bincount(owner if mask is None else owner[mask], minlength=size).astype(np.float64)


def total(owner: Array, values: Array, size: int, mask: Array | None = None) -> Array:
    """Return the sum of values (where ``mask``) of each customer, shape (N,); 0 without rows."""
    if mask is not None:
        owner, values = owner[mask], values[mask]
    return np.bincount(owner, weights=values, minlength=size)


def last(offsets: Array, values: Array) -> Array:
    """Return each customer's last value, shape (N,), NaN without rows."""
    return _at(offsets, offsets[1:] - 1, values)


def first(offsets: Array, values: Array) -> Array:
    """Return each customer's first value, shape (N,), NaN without rows."""
    return _at(offsets, offsets[:-1], values)


def _at(offsets: Array, positions: Array, values: Array) -> Array:
    answer = np.full(len(offsets) - 1, np.nan)
    has = offsets[1:] > offsets[:-1]
    answer[has] = values[positions[has]]
    return answer


def largest(owner: Array, values: Array, size: int) -> Array:
    """Return the largest value of each customer, shape (N,), NaN without rows."""
    answer = np.full(size, -np.inf)
    np.maximum.at(answer, owner, values)
    return np.where(np.isinf(answer), np.nan, answer)


def offsets_of(owner: Array, size: int) -> Array:
    """Return the offsets, shape (N + 1,), of rows whose owners are sorted."""
    offsets = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=size), out=offsets[1:])
    return offsets


def distinct(owner: Array, codes: Array, size: int) -> Array:
    """Return how many distinct codes (negative: missing, not counted) each customer has, shape (N,)."""
    keep = codes >= 0
    owner, codes = owner[keep], codes[keep]
    order = np.lexsort((codes, owner))
    owner, codes = owner[order], codes[order]
    is_new = np.ones(len(owner), dtype=bool)
    is_new[1:] = (owner[1:] != owner[:-1]) | (codes[1:] != codes[:-1])
    return count(owner, size, is_new)


def share(part: Array, whole: Array) -> Array:
    """Return part / whole, NaN where the whole is not positive."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
