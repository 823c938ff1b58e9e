"""Columns of purchases: order, slices and counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Array
from training.recommendations.purchases import (
    Purchases,
    Views,
    before,
    between,
    customer_counts,
    order_counts,
    plain_catalogue,
    purchases_of,
)

PRODUCTS = 5
ROWS = st.lists(st.tuples(st.integers(0, PRODUCTS - 1), st.integers(0, 6)), max_size=30)
TIMES = [40, 10, 30, 10, 20, 60, 50]


def columns(rows: list[tuple[int, int]]) -> tuple[Array, Array]:
    product, order = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return product, order


def bought(rows: list[tuple[int, int]]) -> Purchases:
    """Return purchases in which order o is of customer o // 2, at ``TIMES[o]``."""
    product, order = columns(rows)
    return purchases_of(product, order, PRODUCTS, order // 2, np.array(TIMES)[order])


@given(ROWS)
def test_entries_are_distinct_and_stand_by_customer_time_order_and_product(
    rows: list[tuple[int, int]],
) -> None:
    found = bought(rows)
    entries = list(
        zip(*(getattr(found, name).tolist() for name in ("customer", "at", "order", "product")), strict=True)
    )
    assert entries == sorted({(order // 2, TIMES[order], order, product) for product, order in rows})


@given(ROWS)
def test_a_product_is_counted_by_its_orders_and_its_customers(rows: list[tuple[int, int]]) -> None:
    found = bought(rows)
    for product in range(PRODUCTS):
        orders = {order for one, order in rows if one == product}
        assert order_counts(found)[product] == len(orders)
        assert customer_counts(found)[product] == len({order // 2 for order in orders})


def test_baskets_are_customers_of_their_own() -> None:
    found = purchases_of(np.array([1, 0, 1]), np.array([7, 7, 3]), 2)
    assert found.customer.tolist() == found.order.tolist() == [3, 7, 7]
    assert found.product.tolist() == [1, 0, 1]
    assert not found.at.any()


def test_an_order_has_the_time_of_its_earliest_row() -> None:
    one = np.zeros(3, dtype=np.int64)
    found = purchases_of(np.array([0, 1, 0]), one, 2, one, np.array([30, 20, 10]))
    assert (found.product.tolist(), found.at.tolist()) == ([0, 1], [10, 10])


@pytest.mark.parametrize(("start", "stop", "orders"), [(10, 40, [1, 3, 2, 4]), (11, 40, [2, 4]), (0, 10, [])])
def test_a_slice_begins_with_its_start_and_ends_before_its_stop(
    start: int, stop: int, orders: list[int]
) -> None:
    found = bought([(0, order) for order in range(len(TIMES))])
    assert sorted(between(found, start, stop).order.tolist()) == sorted(orders)
    assert before(found, 20).order.tolist() == [1, 3]
    assert before(found, 20).products == PRODUCTS


def test_views_are_sliced_likewise() -> None:
    views = Views(np.array([0, 0, 1]), np.array([2, 1, 0]), np.array([5, 9, 7]))
    found = between(views, 5, 9)
    assert (found.customer.tolist(), found.product.tolist(), found.at.tolist()) == ([0, 1], [2, 0], [5, 7])
    assert len(before(views, 5)) == 0


def test_a_plain_catalogue_knows_ids_alone() -> None:
    found = plain_catalogue(("a", "b"))
    assert (found.size, found.names, found.categories) == (2, ("", ""), ())
    assert found.active.all()
    assert np.isnan(found.price).all()
    assert (found.category == -1).all()
