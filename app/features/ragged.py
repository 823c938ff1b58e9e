"""Sums, counts and ends of ragged rows: R rows that belong to N customers.

Rule: a result for one customer is the same number, bit for bit, whoever else is in the batch. ``bincount``
adds in row order within each customer, so it keeps the rule; differences of a running sum would not. For one
customer some take a shorter way to the same number, because that one waits for it.
"""

from __future__ import annotations

import numpy as np

from app.domain.history import Array


class Windows:
    """Rows by their age, for counts and sums over windows that all end today.

    ``edges`` are ages in days, rising. Of an answer of shape (N, K + 1) for K edges, column ``j`` covers the
    rows younger than ``edges[j]``, the last column all rows.
    """

    __slots__ = ("_bins", "_place", "_size")

    def __init__(self, owner: Array, age: Array, edges: Array, size: int) -> None:
        """Find the window of each row; ``owner`` and ``age`` have shape (R,)."""
        self._size, self._bins = size, len(edges) + 1
        place = edges.searchsorted(age, side="right")
        self._place = place if size == 1 else place + owner * self._bins

    def count(self, mask: Array | None = None) -> Array:
        """Return how many rows (where ``mask``) lie in each window, float64 of shape (N, K + 1)."""
        place = self._place if mask is None else self._place[mask]
        return self._summed(np.bincount(place, minlength=self._size * self._bins).astype(np.float64))

    def total(self, values: Array, mask: Array | None = None) -> Array:
        """Return the sum of values (where ``mask``) in each window, shape (N, K + 1)."""
        place = self._place
        if mask is not None:
            place, values = place[mask], values[mask]
        return self._summed(added(place, values, self._size * self._bins))

    def count_by(self, kind: Array, kinds: int) -> Array:
        """Return the rows of each kind (int, from 0) in each window, float64 of shape (N, K + 1, kinds)."""
        counts = np.bincount(self._place * kinds + kind, minlength=self._size * self._bins * kinds)
        shaped = counts.astype(np.float64).reshape(self._size, self._bins, kinds)
        return np.add.accumulate(shaped, axis=1)

    def _summed(self, bins: Array) -> Array:
        return np.add.accumulate(bins.reshape(self._size, self._bins), axis=1)


def count(owner: Array, size: int, mask: Array | None = None) -> Array:
    """Return how many rows (where ``mask``) each customer has, float64 of shape (N,)."""
    if size == 1:
        return np.array([float(len(owner) if mask is None else np.count_nonzero(mask))])
    return np.bincount(owner if mask is None else owner[mask], minlength=size).astype(np.float64)


def total(owner: Array, values: Array, size: int, mask: Array | None = None) -> Array:
    """Return the sum of values (where ``mask``) of each customer, shape (N,); 0 without rows."""
    if mask is not None:
        owner, values = owner[mask], values[mask]
    return added(owner, values, size)


def added(place: Array, values: Array, places: int) -> Array:
    """Return the sum of the values at each place, float64 of shape (places,), added in row order."""
    # NumPy gives integers where there is nothing to add.
    return np.bincount(place, weights=values, minlength=places).astype(np.float64, copy=False)


def last(offsets: Array, values: Array) -> Array:
    """Return each customer's last value, float64 of shape (N,), NaN without rows."""
    if len(offsets) == 2 and len(values):
        return values[-1:].astype(np.float64)
    return _at(offsets, offsets[1:] - 1, values)


def first(offsets: Array, values: Array) -> Array:
    """Return each customer's first value, float64 of shape (N,), NaN without rows."""
    if len(offsets) == 2 and len(values):
        return values[:1].astype(np.float64)
    return _at(offsets, offsets[:-1], values)


def _at(offsets: Array, positions: Array, values: Array) -> Array:
    answer = np.full(len(offsets) - 1, np.nan)
    has = offsets[1:] > offsets[:-1]
    answer[has] = values[positions[has]]
    return answer


def largest(offsets: Array, values: Array) -> Array:
    """Return the largest value of each customer, float64 of shape (N,), NaN without rows."""
    if len(offsets) == 2 and len(values):
        return np.array([float(np.maximum.reduce(values))])
    answer = np.full(len(offsets) - 1, np.nan)
    if len(values):
        # Customers without rows take up no room, so each one's rows reach to the next one's first.
        has = offsets[1:] > offsets[:-1]
        answer[has] = np.maximum.reduceat(values, offsets[:-1][has])
    return answer


def offsets_of(owner: Array, size: int) -> Array:
    """Return the offsets, shape (N + 1,), of rows whose owners are sorted."""
    if size == 1:
        return np.array([0, len(owner)])
    offsets = np.zeros(size + 1, dtype=np.int64)
    np.add.accumulate(np.bincount(owner, minlength=size), out=offsets[1:])
    return offsets


def begins(owner: Array, day: Array) -> Array:
    """Return whether each row is the first of its customer and day, for sorted rows; bool of shape (R,)."""
    is_first = np.ones(len(owner), dtype=bool)
    np.not_equal(day[1:], day[:-1], out=is_first[1:])
    is_first[1:] |= owner[1:] != owner[:-1]
    return is_first


def distinct(owner: Array, codes: Array, size: int) -> Array:
    """Return how many distinct codes (negative: missing, not counted) each customer has, shape (N,)."""
    keep = codes >= 0
    owner, codes = owner[keep], codes[keep]
    order = np.lexsort((codes, owner))
    owner, codes = owner[order], codes[order]
    return count(owner, size, begins(owner, codes))


def share(part: Array, whole: Array) -> Array:
    """Return part / whole, NaN where the whole is not positive."""
    quotient: Array = part / np.where(whole > 0, whole, np.nan)
    return quotient
