"""Looking back: who is asked what at a cut-off, and what counts as an answer."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.blend import ALL_ITEMS, COLD_START, NEW_ITEMS
from app.estimators.shopper import VIEW_DAYS
from tests.items import BLACK, CUP, GREEN, HONEY, POT, catalogue
from training.recommendations.purchases import Purchases, Views, purchases_of
from training.recommendations.windows import When, Window, window_of

DAY = MICROSECONDS_PER_DAY
CUT = 1_000 * DAY
WHEN = When(CUT, 30.0, month=4)
# Customer, product, days after the cut-off, order.
ROWS = [
    (0, GREEN, -40.0, 0),
    (0, CUP, -40.0, 0),
    (0, GREEN, -10.0, 1),
    (0, GREEN, 5.0, 2),
    (0, POT, 5.0, 2),
    (0, POT, 20.0, 3),
    (1, HONEY, -3.0, 4),
    (2, BLACK, 0.0, 5),
    (3, CUP, -1.0, 6),
    (3, CUP, 29.9, 7),
    (4, CUP, 30.0, 8),
    (5, HONEY, -300.0, 9),
    (5, BLACK, 31.0, 10),
]


def bought(rows: list[tuple[int, int, float, int]] = ROWS) -> Purchases:
    customer, product, days, order = zip(*rows, strict=True)
    at = CUT + (np.array(days) * DAY).astype(np.int64)
    return purchases_of(np.array(product), np.array(order), catalogue().size, np.array(customer), at)


def viewed() -> Views:
    rows = [
        (0, POT, -VIEW_DAYS),
        (0, CUP, -VIEW_DAYS - 0.1),
        (0, HONEY, -0.5),
        (0, BLACK, 0.0),
        (3, POT, 1.0),
    ]
    customer, product, days = zip(*rows, strict=True)
    at = CUT + (np.array(days) * DAY).astype(np.int64)
    return Views(np.array(customer), np.array(product), at)


def window(views: Views | None = None, **known: Array | int | None) -> Window:
    return window_of(catalogue(), bought(), views, WHEN, **known)  # type: ignore[arg-type]


def asked(one: Window, task: str) -> dict[int, tuple[list[int], list[int]]]:
    """Return for each customer what may not be shown and what is relevant."""
    return {
        int(one.customer[k]): (np.flatnonzero(~allowed).tolist(), relevant.tolist())
        for k, _, allowed, relevant in one.questions(task)
    }


def test_customers_are_those_who_bought_in_the_window() -> None:
    one = window()
    assert one.customer.tolist() == [0, 2, 3]
    assert [part.tolist() for part in one.relevant] == [[GREEN, POT], [BLACK], [CUP]]


def test_what_comes_at_the_cut_off_or_later_is_not_part_of_the_history() -> None:
    first, second, third = window().shoppers
    assert sorted(first.bought.tolist()) == [GREEN, GREEN, CUP]
    assert first.own.orders.tolist() == [2, 1]
    assert first.own.last_days.tolist() == [10.0, 40.0]
    assert second.bought.tolist() == []
    assert third.bought_days.tolist() == [1.0]
    assert {one.month for one in (first, second, third)} == {4}


def test_all_products_are_asked_of_those_who_bought_before() -> None:
    assert asked(window(), ALL_ITEMS) == {0: ([], [GREEN, POT]), 3: ([], [CUP])}


def test_new_products_are_asked_without_what_was_bought_before() -> None:
    # Of customer 3 nothing new is relevant: that customer is not asked.
    assert asked(window(), NEW_ITEMS) == {0: ([GREEN, CUP], [POT])}


def test_strangers_are_asked_with_group_and_month_alone() -> None:
    one = window(viewed(), group=np.array([0, 0, 1, 1, 0, 0]))
    assert asked(one, COLD_START) == {2: ([], [BLACK])}
    [(_, person, _, _)] = one.questions(COLD_START)
    assert (person.group, person.month) == (1, 4)
    assert not len(person.bought)
    assert not len(person.viewed)


def test_views_of_a_month_before_the_cut_off_are_told() -> None:
    first, second, third = window(viewed()).shoppers
    assert dict(zip(first.viewed.tolist(), first.viewed_days.tolist(), strict=True)) == {
        POT: 30.0,
        HONEY: 0.5,
    }
    assert second.viewed.tolist() == third.viewed.tolist() == []


def test_groups_are_told_and_none_is_minus_one() -> None:
    assert [one.group for one in window(group=np.array([1, 0, -1, 0, 0, 0])).shoppers] == [1, -1, 0]
    assert {one.group for one in window().shoppers} == {-1}


@pytest.mark.parametrize("seed", range(5))
def test_fewer_customers_are_drawn_and_are_the_same_for_the_same_seed(seed: int) -> None:
    some = window(limit=2, seed=seed)
    assert len(some.customer) == len(some.shoppers) == len(some.relevant) == 2
    assert some.customer.tolist() == sorted(set(some.customer.tolist()))
    assert some.customer.tolist() == window(limit=2, seed=seed).customer.tolist()
    whole = dict(zip(window().customer.tolist(), window().relevant, strict=True))
    for customer, relevant in zip(some.customer.tolist(), some.relevant, strict=True):
        assert relevant.tolist() == whole[customer].tolist()
    assert window(limit=3).customer.tolist() == window().customer.tolist()


def test_a_window_in_which_nobody_bought_asks_nobody() -> None:
    empty = window_of(catalogue(), bought(), viewed(), When(CUT + 500 * DAY, 30.0))
    assert (len(empty.customer), empty.shoppers, empty.relevant) == (0, (), ())
    assert all(not asked(empty, task) for task in (ALL_ITEMS, NEW_ITEMS, COLD_START))


def test_the_end_of_a_window_is_its_days_later() -> None:
    assert When(CUT, 1.5).end - CUT == 1.5 * DAY
