"""The rivals say what their formulas say, and what the product says where both mean the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from app.estimators.shopper import Shopper
from benchmarks.recommendations.contenders import (
    EASE,
    ITEM_KNN,
    OWN_BY_EVER,
    OWN_BY_RECENT,
    POPULAR_EVER,
    POPULAR_RECENTLY,
    by_rows,
    contenders,
    cosines,
    matrix,
    nearest,
    plain_ease,
    tf_idf_cosines,
    top,
)
from tests.unit.benchmarks.recommendations.made import CUT, DAY, shop
from training.recommendations.links import ease
from training.recommendations.matrices import customer_matrix
from training.recommendations.purchases import purchases_of

SOMEBODY = Shopper(
    bought=np.array([0, 0, 3]), bought_days=np.array([1.0, 9.0, 5.0]), order=np.array([2, 0, 1])
)


def test_popularity_counts_customers_of_all_times_and_of_thirty_days() -> None:
    customer = np.array([0, 0, 1, 2, 2])
    product = np.array([0, 0, 0, 1, 1])
    at = CUT - DAY * np.array([1, 2, 40, 3, 50])
    known = purchases_of(product, np.arange(5), 2, customer, at)
    found = contenders(known, CUT)
    assert found[POPULAR_EVER](Shopper()).tolist() == [2, 1]
    assert found[POPULAR_RECENTLY](Shopper()).tolist() == [1, 1]


def test_own_frequency_counts_orders_and_breaks_ties_by_popularity() -> None:
    known = shop().known.purchases
    for name, popular in ((OWN_BY_EVER, POPULAR_EVER), (OWN_BY_RECENT, POPULAR_RECENTLY)):
        told = contenders(known, CUT)
        ranked = top(told[name](SOMEBODY), np.ones(20, dtype=bool))
        assert ranked[:2].tolist() == [0, 3]
        rest = top(told[popular](SOMEBODY), ~np.isin(np.arange(20), [0, 3]))
        assert ranked[2:].tolist() == rest.tolist()


def test_ease_is_the_products_own() -> None:
    known = shop().known.purchases
    X = matrix(known)
    assert np.allclose(plain_ease(X, 30.0), ease(customer_matrix(known), 30.0), atol=1e-6)


def test_cosines_are_those_of_the_columns() -> None:
    X = csr_array(np.array([[1.0, 1, 0], [1, 0, 0], [0, 1, 1]]))
    found = cosines(X)
    assert found[0].tolist() == pytest.approx([0, 0.5, 0])
    assert found[1, 2] == pytest.approx(1 / np.sqrt(2))
    assert (tf_idf_cosines(X).diagonal() == 0).all()


def test_only_the_nearest_neighbours_are_kept() -> None:
    S = np.array([[9.0, 3, 2, 1], [3, 9, 1, 2], [2, 1, 9, 3], [1, 2, 3, 9]])
    assert nearest(S, 2)[0].tolist() == [0, 3, 2, 0]


def test_rows_are_weighed_by_age_and_the_cart_is_now() -> None:
    B = np.arange(16.0).reshape(4, 4)
    assert by_rows(B, 5.0)(SOMEBODY) == pytest.approx(np.exp(-0.2) * B[0] + np.exp(-1) * B[3])
    assert by_rows(B, 5.0)(Shopper(cart=np.array([2]))) == pytest.approx(B[2])


def test_who_likes_one_half_is_shown_that_half() -> None:
    known = shop().known.purchases
    new = ~np.isin(np.arange(20), SOMEBODY.bought)
    for name in (ITEM_KNN, EASE):
        assert (top(contenders(known, CUT)[name](SOMEBODY), new, 5) < 10).all()


def test_a_list_holds_what_may_be_shown_and_ties_stand_in_order() -> None:
    assert top(np.array([1.0, 2, 2, 0]), np.array([True, True, True, False]), 9).tolist() == [1, 2, 0]
