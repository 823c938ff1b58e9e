"""A person in positions of the catalogue: sums by product, whatever the order of the lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.estimators.shopper import CART_LIMIT, HISTORY_LIMIT, VIEW_LIMIT, Shopper
from tests.unit.estimators.random_items import random_shopper

TWICE = [(3, 10.0, 0), (3, 40.0, 1), (7, 10.0, 0), (5, 90.0, 2)]


def shopper(lines: list[tuple[int, float, int]], **known: Any) -> Shopper:
    bought, days, order = zip(*lines, strict=True)
    return Shopper(np.array(bought), np.array(days, dtype=float), np.array(order), **known)


def test_orders_and_days_are_summed_by_product() -> None:
    own = shopper(TWICE).own
    assert own.product.tolist() == [3, 5, 7]
    assert own.orders.tolist() == [2, 1, 1]
    assert own.last_days.tolist() == [10.0, 90.0, 10.0]
    assert own.first_days.tolist() == [40.0, 90.0, 10.0]
    assert own.decayed(20.0).tolist() == pytest.approx(
        [np.exp(-0.5) + np.exp(-2.0), np.exp(-4.5), np.exp(-0.5)]
    )


@pytest.mark.parametrize("lines", [TWICE, [*TWICE, *TWICE], [TWICE[0], *TWICE, TWICE[0]]])
def test_a_product_twice_in_one_order_counts_once(lines: list[tuple[int, float, int]]) -> None:
    own, plain = shopper(lines).own, shopper(TWICE).own
    assert own.orders.tolist() == plain.orders.tolist()
    assert own.decayed(30.0).tolist() == pytest.approx(plain.decayed(30.0).tolist(), rel=1e-15)
    assert own.first_days.tolist() == plain.first_days.tolist()


def test_two_orders_of_one_moment_are_two() -> None:
    assert shopper([(3, 10.0, 0), (3, 10.0, 1)]).own.orders.tolist() == [2]


def test_the_order_of_lines_is_irrelevant() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        one = random_shopper(rng)
        turned, seen = rng.permutation(len(one.bought)), rng.permutation(len(one.viewed))
        other = Shopper(
            one.bought[turned],
            one.bought_days[turned],
            one.order[turned],
            one.viewed[seen],
            one.viewed_days[seen],
        )
        for name in ("product", "orders", "last_days", "first_days"):
            assert getattr(one.own, name).tolist() == getattr(other.own, name).tolist()
        assert one.own.decayed(30.0).tolist() == pytest.approx(other.own.decayed(30.0).tolist(), rel=1e-15)
        assert [part.tolist() for part in one.views] == [part.tolist() for part in other.views]
        if not len(one.cart):
            assert one.anchors.tolist() == other.anchors.tolist()


def test_nobody_has_empty_sums() -> None:
    nobody = Shopper()
    assert nobody.own.product.shape == nobody.own.decayed(1.0).shape == nobody.anchors.shape == (0,)
    assert [part.shape for part in nobody.views] == [(0,), (0,)]


def test_the_latest_products_are_kept_with_all_their_orders() -> None:
    many = HISTORY_LIMIT + 40
    # Product k was bought k days ago, and everything in one first order long before.
    lines = [(k, float(k), k + 1) for k in range(many)] + [(k, 900.0, 0) for k in range(many)]
    own = shopper(lines[::-1]).own
    assert own.product.tolist() == list(range(HISTORY_LIMIT))
    assert own.orders.tolist() == [2] * HISTORY_LIMIT
    assert own.first_days.tolist() == [900.0] * HISTORY_LIMIT
    assert own.last_days.tolist() == [float(k) for k in range(HISTORY_LIMIT)]
    assert own.line_place.max() == HISTORY_LIMIT - 1


def test_latest_products_need_not_be_the_first_of_the_catalogue() -> None:
    many = HISTORY_LIMIT + 3
    own = shopper([(k, float(many - k), k) for k in range(many)]).own
    assert own.product.tolist() == list(range(3, many))
    assert own.last_days.tolist() == [float(many - k) for k in range(3, many)]


def test_views_are_the_latest_products_each_with_its_last_view() -> None:
    views = shopper(TWICE, viewed=np.array([4, 2, 4, 9]), viewed_days=np.array([5.0, 1.0, 0.5, 1.0])).views
    assert [part.tolist() for part in views] == [[4, 2, 9], [0.5, 1.0, 1.0]]
    many = np.arange(VIEW_LIMIT + 5)
    products, days = Shopper(viewed=many, viewed_days=many[::-1].astype(float)).views
    assert products.tolist() == many[::-1][:VIEW_LIMIT].tolist()
    assert days.tolist() == list(range(VIEW_LIMIT))


def test_the_cart_is_what_somebody_is_busy_with_else_the_latest_order() -> None:
    assert shopper(TWICE).anchors.tolist() == [3, 7]
    assert shopper(TWICE, cart=np.array([1, 5])).anchors.tolist() == [1, 5]
    assert shopper([(8, 1.0, 0), (8, 1.0, 0), (2, 1.0, 0), (5, 2.0, 1)]).anchors.tolist() == [2, 8]
    assert len(shopper([(k, 1.0, 0) for k in range(CART_LIMIT + 9)]).anchors) == CART_LIMIT
    assert Shopper(cart=np.arange(CART_LIMIT + 9)).anchors.tolist() == list(range(CART_LIMIT))
