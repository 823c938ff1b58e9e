"""Kinds of buyers: told apart by silence and orders, by name, with an answer for those who are in none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimators.populations import BUYERS, buyer_inputs, kind_of_buyer
from app.features.library import LIBRARY

NAN = float("nan")
LIMIT = 200.0


def kinds(rows: list[tuple[float, float]], populations: tuple[str, ...] = BUYERS) -> list[int]:
    silence, orders = np.array(rows).reshape(-1, 2).T
    found: list[int] = kind_of_buyer(silence, orders, LIMIT, populations).tolist()
    return found


@given(
    st.lists(
        st.tuples(st.floats(0, 500) | st.just(NAN), st.integers(0, 5).map(float) | st.just(NAN)),
        max_size=8,
    )
)
def test_every_buyer_is_of_one_kind(rows: list[tuple[float, float]]) -> None:
    for (silence, orders), kind in zip(rows, kinds(rows), strict=True):
        if np.isnan(silence) or not orders > 0:
            assert kind == -1
        elif silence > LIMIT:
            assert BUYERS[kind] == "lapsed"
        else:
            assert BUYERS[kind] == ("repeat" if orders >= 2 else "first_order")


def test_the_limit_itself_is_not_gone_yet() -> None:
    assert kinds([(LIMIT, 2), (LIMIT + 0.5, 2), (LIMIT, 1)]) == [0, 2, 1]


def test_populations_are_found_by_name() -> None:
    assert kinds([(5, 3), (5, 1), (900, 3)], ("lapsed", "first_order", "repeat")) == [2, 1, 0]


def test_without_a_population_for_them_the_lapsed_are_told_apart_from_who_never_bought() -> None:
    assert kinds([(900, 3), (NAN, 0), (NAN, NAN)], ("repeat", "first_order")) == [-2, -1, -1]


def test_where_one_order_is_not_told_apart_all_are_of_the_first_kind() -> None:
    assert kinds([(5, 3), (5, 1), (900, 3)], ("all",)) == [0, 0, -2]


def test_an_order_of_the_future_is_none() -> None:
    assert kinds([(-3, 2)]) == [-1]


def test_nobody_is_of_no_kind() -> None:
    assert kinds([]) == []


@pytest.mark.parametrize("is_summary", [False, True])
def test_what_decides_stands_in_the_library(is_summary: bool) -> None:
    names = buyer_inputs(is_summary=is_summary)
    assert set(names) <= LIBRARY.keys()
    assert all(LIBRARY[name].summary == is_summary for name in names)
