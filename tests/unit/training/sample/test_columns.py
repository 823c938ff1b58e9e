from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import NAT
from training.sample import columns


def test_ids_say_that_they_are_simulated_and_sort_as_their_numbers() -> None:
    ids = columns.row_ids("o", np.array([7, 7, 12]), np.array([2, 10, -1])).to_pylist()
    assert ids == ["sim-o-0000007-0002", "sim-o-0000007-0010", None]
    assert columns.customer_ids(np.array([42])).to_pylist() == ["sim-0000042"]
    assert columns.product_ids(np.array([0, -1, 199])).to_pylist() == ["sim-p001", None, "sim-p200"]


def test_what_is_missing_is_null() -> None:
    assert columns.times(np.array([0, NAT])).is_null().to_pylist() == [False, True]
    assert columns.numbers(np.array([1.5, np.nan])).to_pylist() == [1.5, None]
    assert columns.words(np.array([1, -1]), ["a", "b"]).to_pylist() == ["b", None]
    assert columns.whole(np.array([np.nan, 2.0])).to_pylist() == [None, 2]


@given(st.lists(st.integers(0, 5), max_size=30))
def test_a_sequence_counts_from_one_within_each_customer(owners: list[int]) -> None:
    customer = np.sort(np.array(owners, dtype=np.int64))
    counted = columns.sequence(customer)
    for one in set(owners):
        assert counted[customer == one].tolist() == list(range(1, owners.count(one) + 1))
