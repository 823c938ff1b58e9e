"""Rows of the strongest neighbours of each product: blocks of products, and the few entries that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.history import Array


@dataclass(frozen=True, slots=True)
class Ranked:
    """K entries of rows: the row, its neighbour, and the entry's place in the row; each of shape (K,).

    ``columns`` hold further numbers of the entries.
    """

    row: Array
    neighbour: Array
    place: Array
    columns: tuple[Array, ...]


def blocks_of(work: Array, limit: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the end of consecutive blocks of products whose work together stays within a limit.

    A product whose work alone exceeds it is a block of its own.
    """
    ends = np.cumsum(work)
    start, done = 0, 0
    while start < len(work):
        stop = max(int(np.searchsorted(ends, done + limit, side="right")), start + 1)
        yield start, stop
        start, done = stop, int(ends[stop - 1])


def strongest(row: Array, neighbour: Array, score: Array, columns: Sequence[Array], limit: int) -> Ranked:
    """Return the entries with the highest score of each row, highest first; ties by neighbour.

    Parameters
    ----------
    row, neighbour, score : ndarray, shape (K,)
        In any order.
    columns : sequence of ndarray, each of shape (K,)
    limit : int
        Entries of one row that are kept.
    """
    order = np.lexsort((neighbour, -score, row))
    sequence = row[order]
    place = np.arange(len(order)) - np.searchsorted(sequence, sequence)
    kept = place < limit
    order = order[kept]
    return Ranked(sequence[kept], neighbour[order], place[kept], tuple(column[order] for column in columns))


def stacked(parts: Sequence[Ranked], size: int, dtypes: Sequence[str]) -> tuple[Array, tuple[Array, ...]]:
    """Return entries as rows of one length: the neighbours, filled up with ``size``, and the other numbers.

    Parameters
    ----------
    parts : sequence of Ranked
        Each row in one of them only.
    size : int
        P, the number of rows.
    dtypes : sequence of str
        The types of the columns, whose empty places are 0.

    Returns
    -------
    tuple
        int32 of shape (P, K), and an array of that shape for each column.
    """
    width = max((int(part.place.max(initial=-1)) + 1 for part in parts), default=0)
    index = np.full((size, width), size, dtype=np.int32)
    columns = tuple(np.zeros((size, width), dtype=dtype) for dtype in dtypes)
    for part in parts:
        index[part.row, part.place] = part.neighbour
        for column, values in zip(columns, part.columns, strict=True):
            column[part.row, part.place] = values
    return index, columns
