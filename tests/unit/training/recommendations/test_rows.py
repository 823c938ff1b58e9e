"""Blocks, the strongest of a row, and rows of one length."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.recommendations.rows import blocks_of, stacked, strongest


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 20))
def test_blocks_follow_each_other_within_the_limit(work: list[int], limit: int) -> None:
    blocks = list(blocks_of(np.array(work, dtype=np.int64), limit))
    assert [row for start, stop in blocks for row in range(start, stop)] == list(range(len(work)))
    assert all(sum(work[start:stop]) <= limit or stop == start + 1 for start, stop in blocks)


def test_the_highest_scores_of_a_row_are_kept_ties_by_neighbour() -> None:
    row = np.array([1, 0, 1, 1, 1])
    neighbour = np.array([5, 2, 3, 4, 0])
    score = np.array([0.5, 0.1, 0.5, 0.9, 0.2])
    found = strongest(row, neighbour, score, (score * 10,), 3)
    assert found.row.tolist() == [0, 1, 1, 1]
    assert found.neighbour.tolist() == [2, 4, 3, 5]
    assert found.place.tolist() == [0, 0, 1, 2]
    assert found.columns[0].tolist() == [1.0, 9.0, 5.0, 5.0]


def test_rows_are_filled_up_with_the_product_that_is_none() -> None:
    parts = [
        strongest(np.array([2, 2]), np.array([0, 1]), np.array([1.0, 2.0]), (np.array([7, 8]),), 9),
        strongest(np.array([0]), np.array([2]), np.array([1.0]), (np.array([9]),), 9),
    ]
    index, (column,) = stacked(parts, 3, ("<i4",))
    assert index.tolist() == [[2, 3], [3, 3], [1, 0]]
    assert column.tolist() == [[9, 0], [0, 0], [8, 7]]
    empty, _ = stacked([], 3, ("<i4",))
    assert empty.shape == (3, 0)
