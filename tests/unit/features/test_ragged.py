"""Sums, counts and ends of ragged rows, held to lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features import ragged

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 500), st.integers(-3, 9)), max_size=30).map(
    sorted
)
EDGES = np.array([30, 90, 365])


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    owner, age, value = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return owner, age, value.astype(np.float64)


@given(ROWS, st.sampled_from([1, 5]))
def test_windows_end_today_and_the_last_one_holds_everything(
    rows: list[tuple[int, int, int]], size: int
) -> None:
    rows = [(owner % size, age, value) for owner, age, value in rows]
    owner, age, value = columns(sorted(rows))
    windows, mask = ragged.Windows(owner, age, EDGES, size), value > 2
    for i in range(size):
        for j, edge in enumerate([30, 90, 365, 10**9]):
            own = [float(v) for o, a, v in rows if o == i and a < edge]
            assert windows.count()[i, j] == len(own)
            assert windows.total(value)[i, j] == sum(own)
            assert windows.count(mask)[i, j] == sum(v > 2 for v in own)
            assert windows.total(value, mask)[i, j] == sum(v for v in own if v > 2)
            assert windows.count_by((value > 2).astype(int), 2)[i, j].tolist() == [
                sum(v <= 2 for v in own),
                sum(v > 2 for v in own),
            ]


@given(ROWS, st.sampled_from([1, 5]))
def test_ends_and_sums_are_those_of_lists(rows: list[tuple[int, int, int]], size: int) -> None:
    rows = sorted((owner % size, age, value) for owner, age, value in rows)
    owner, _, value = columns(rows)
    own = [[float(v) for o, _, v in rows if o == i] for i in range(size)]
    offsets = ragged.offsets_of(owner, size)
    missing = float("nan")
    np.testing.assert_array_equal(np.diff(offsets), [len(values) for values in own])
    np.testing.assert_array_equal(ragged.count(owner, size), [len(values) for values in own])
    np.testing.assert_array_equal(ragged.total(owner, value, size), [sum(values) for values in own])
    np.testing.assert_array_equal(ragged.first(offsets, value), [v[0] if v else missing for v in own])
    np.testing.assert_array_equal(ragged.last(offsets, value), [v[-1] if v else missing for v in own])
    np.testing.assert_array_equal(ragged.largest(offsets, value), [max(v, default=missing) for v in own])
    np.testing.assert_array_equal(
        ragged.distinct(owner, value.astype(int), size),
        [len({v for v in values if v >= 0}) for values in own],
    )


@pytest.mark.parametrize("size", [1, 3])
def test_every_answer_is_a_float_also_without_rows(size: int) -> None:
    none, offsets = np.empty(0, np.int64), np.zeros(size + 1, np.int64)
    answers = (
        ragged.count(none, size),
        ragged.total(none, np.empty(0), size),
        ragged.last(offsets, none),
        ragged.first(offsets, none),
        ragged.largest(offsets, np.empty(0)),
        ragged.distinct(none, none, size),
        ragged.Windows(none, none, EDGES, size).total(np.empty(0))[:, 0],
    )
    assert {answer.dtype for answer in answers} == {np.dtype(np.float64)}
    assert {answer.shape for answer in answers} == {(size,)}


def test_a_share_of_nothing_is_not_known() -> None:
    whole = np.array([4.0, 0.0, -1.0, np.nan])
    np.testing.assert_array_equal(ragged.share(np.array([1.0, 1.0, 1.0, 1.0]), whole), [0.25, *[np.nan] * 3])


def test_a_day_begins_with_its_first_row_of_each_customer() -> None:
    owner, day = np.array([0, 0, 0, 1, 1]), np.array([5, 5, 6, 6, 6])
    assert ragged.begins(owner, day).tolist() == [True, False, True, True, False]
    assert ragged.begins(owner[:0], day[:0]).tolist() == []
