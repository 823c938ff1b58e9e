"""Who moved where: from the segments of an earlier snapshot to those of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.history import Array


@dataclass(frozen=True, slots=True)
class Migration:
    """How many customers of each earlier segment (row) stand in each segment now (column).

    ``None`` among ``earlier`` or ``now`` stands for customers without a segment: not bought yet, or not to be
    profiled. ``shares`` are of the row: 0 where nobody was there.
    """

    earlier: tuple[str | None, ...]
    now: tuple[str | None, ...]
    counts: Array
    shares: Array

    def rows(self) -> list[dict[str, Any]]:
        """Return the filled cells as rows for a report, earlier segment by earlier segment."""
        return [
            {
                "earlier": earlier,
                "now": now,
                "customers": int(self.counts[i, j]),
                "share": float(self.shares[i, j]),
            }
            for i, earlier in enumerate(self.earlier)
            for j, now in enumerate(self.now)
            if self.counts[i, j]
        ]


def migration(earlier: Array, now: Array, order: Sequence[str]) -> Migration:
    """Return how customers moved between segments.

    Parameters
    ----------
    earlier, now : ndarray of object, shape (N,)
        The segment of each customer then and now, in the same order of customers; None without one.
    order : sequence of str
        The segments in the order of the matrix. Customers without a segment stand last, in both directions.

    Raises
    ------
    ValueError
        The two are not of the same customers, or a segment is not in ``order``.
    """
    if len(earlier) != len(now):
        raise ValueError(f"{len(earlier)} customers earlier and {len(now)} now are not the same customers")
    words: tuple[str | None, ...] = (*order, None)
    place = {word: k for k, word in enumerate(words)}
    unknown = {*earlier.tolist(), *now.tolist()} - place.keys()
    if unknown:
        raise ValueError(f"the segment {min(map(str, unknown))} is not known")
    rows = np.array([place[word] for word in earlier.tolist()], dtype=np.int64)
    columns = np.array([place[word] for word in now.tolist()], dtype=np.int64)
    size = len(words)
    counts = np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    return Migration(words, words, counts, shares)
