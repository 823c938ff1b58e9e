"""Links of products: closed forms against brute force, pruned rows, no habit of a few, no dense matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.items import MIN_CUSTOMERS, Links
from training.recommendations import links, matrices
from training.recommendations.links import LinkSettings, cosine, ease, links_of
from training.recommendations.matrices import Weighting, basket_matrix, customer_matrix, weighted
from training.recommendations.purchases import Purchases, purchases_of

PRODUCTS = 12
PLAIN = LinkSettings(l2=3.0, row_power=0.0, column_power=0.0)
PLAIN_COSINE = LinkSettings(row_power=0.0, column_power=0.0, ease_limit=0)


def shop(seed: int = 0, customers: int = 60, products: int = PRODUCTS) -> Purchases:
    """Return customers who each made three orders of some products, neighbours more often together."""
    rng = np.random.default_rng(seed)
    order = np.repeat(np.arange(customers * 3), 4)
    centre = np.repeat(rng.integers(0, products, customers), 12)
    product = (centre + rng.poisson(1.5, len(order))) % products
    at = order * MICROSECONDS_PER_DAY
    return purchases_of(product, order, products, order // 3, at)


def dense(purchases: Purchases) -> Array:
    """Return customers x products, 1 where bought."""
    X = np.zeros((purchases.customers, purchases.products))
    X[purchases.customer, purchases.product] = 1.0
    return X


def steck(X: Array, l2: float) -> Array:
    """Return EASE as the paper writes it."""
    P = np.linalg.inv(X.T @ X + l2 * np.eye(X.shape[1]))
    B: Array = -P / np.diag(P)
    np.fill_diagonal(B, 0.0)
    return B


def as_dense(found: Links) -> Array:
    """Return rows of links as a matrix, 0 where there is no link."""
    size = len(found.index)
    B = np.zeros((size, size + 1))
    np.put_along_axis(B, found.index.astype(np.int64), found.weight.astype(np.float64), axis=1)
    return B[:, :size]


def similar(X: Array, weighting: Weighting) -> Array:
    """Return the similarities of products by their definitions, one customer and product at a time."""
    customers, products = X.shape
    W = np.zeros_like(X)
    mean = X.sum(axis=0).mean()
    for c in range(customers):
        for p in range(products):
            rarity = 1.0 if weighting == "none" else np.log(1 + products / max(X[c].sum(), 1))
            length = 0.2 + 0.8 * X[:, p].sum() / mean if weighting == "bm25" else 1.0
            W[c, p] = X[c, p] * rarity * (101 / (100 * length + 1) if weighting == "bm25" else 1.0)
    if weighting != "bm25":
        W /= np.maximum(np.linalg.norm(W, axis=0), 1e-300)
    S: Array = W.T @ W
    return S


def test_ease_is_the_closed_form_of_the_paper() -> None:
    X = dense(shop())
    assert ease(csr_array(X), 3.0) == pytest.approx(steck(X, 3.0), abs=1e-12)


def test_ease_solves_each_regression_on_the_others() -> None:
    # Steck (2019), equation 3: column i is the ridge regression of i on all other columns.
    X = dense(shop(1))
    B, others = ease(csr_array(X), 5.0), np.arange(1, PRODUCTS)
    Z = X[:, others]
    own = np.linalg.solve(Z.T @ Z + 5.0 * np.eye(len(others)), Z.T @ X[:, 0])
    assert B[others, 0] == pytest.approx(own, abs=1e-10)


def test_links_are_the_positive_weights_of_pairs_that_enough_customers_bought() -> None:
    told = shop()
    X = dense(told)
    common = X.T @ X
    found = links_of(told, PLAIN)
    expected = np.where(common >= MIN_CUSTOMERS, np.maximum(steck(X, 3.0), 0.0), 0.0)
    assert (expected > 0).sum() > 20
    assert as_dense(found) == pytest.approx(expected, abs=1e-6)
    filled = found.index < PRODUCTS
    rows, _ = filled.nonzero()
    assert (found.customers[filled] == common[rows, found.index[filled]]).all()
    assert not found.weight[~filled].any()
    assert not found.customers[~filled].any()
    assert (np.diff(found.weight, axis=1) <= 0).all()


def test_the_row_of_a_product_says_what_its_buyers_buy() -> None:
    # Everybody with 0 has 1; 1 is bought by others too: 0 tells more of 1 than 1 of 0.
    held = [{0, 1}] * 10 + [{1, 2}] * 20 + [{3, 4}] * 20
    rows = np.array([(c, p) for c, one in enumerate(held) for p in sorted(one)]).T
    found = as_dense(links_of(purchases_of(rows[1], rows[0], 5), replace(PLAIN, l2=5.0)))
    assert found[0, 1] > found[1, 0] > 0


@pytest.mark.parametrize("weighting", ["bm25", "tf-idf", "none"])
def test_cosines_are_those_of_their_definitions(weighting: Weighting) -> None:
    told = shop(2)
    X = dense(told)
    S = similar(X, weighting)
    expected = np.where(X.T @ X >= MIN_CUSTOMERS, S, 0.0)
    np.fill_diagonal(expected, 0.0)
    found = links_of(told, replace(PLAIN, weighting=weighting, ease_limit=0))
    assert as_dense(found) == pytest.approx(expected / expected.max(), rel=1e-5)
    diagonal = (weighted(customer_matrix(told), weighting) ** 2).sum(axis=0)
    assert diagonal == pytest.approx(np.diag(S), rel=1e-5)


def test_the_tail_has_cosines_on_the_scale_of_ease() -> None:
    told = shop(3, customers=90)
    X = dense(told)
    head = np.sort(np.argsort(-X.sum(axis=0), kind="stable")[:6])
    found = as_dense(links_of(told, replace(PLAIN, ease_limit=6)))
    enough = X.T @ X >= MIN_CUSTOMERS
    within = np.ix_(head, head)
    expected = np.where(enough[within], np.maximum(steck(X[:, head], 3.0), 0.0), 0.0)
    assert found[within] == pytest.approx(expected, abs=1e-6)
    outside = enough & ~np.eye(PRODUCTS, dtype=bool)
    outside[within] = False
    scale = found[outside] / similar(X, "none")[outside]
    assert outside.sum() > 10
    assert scale == pytest.approx(scale[0], rel=1e-4)
    assert 0.1 < found[outside].max() / found[within].max() < 10


def test_only_the_strongest_links_are_kept() -> None:
    whole, few = (as_dense(links_of(shop(), replace(PLAIN, limit=limit))) for limit in (99, 2))
    kept = few > 0
    assert kept.sum(axis=1).max() == 2
    assert (few[kept] == whole[kept]).all()
    assert all(whole[row][~kept[row]].max() <= few[row][kept[row]].min() for row in range(PRODUCTS))


def test_who_buys_much_and_what_is_bought_much_count_less() -> None:
    told = shop(6)
    X = dense(told)
    lighter = X / X.sum(axis=1, keepdims=True) ** 0.5
    weight = steck(lighter, 3.0) / X.sum(axis=0) ** 0.25
    found = as_dense(links_of(told, replace(PLAIN, row_power=0.5, column_power=0.25)))
    expected = np.where(X.T @ X >= MIN_CUSTOMERS, np.maximum(weight, 0.0), 0.0)
    assert found == pytest.approx(expected, abs=1e-6)


def test_cosines_of_other_numbers_keep_the_customers_of_the_purchases() -> None:
    told = shop(6)
    X = dense(told)
    lighter = X / X.sum(axis=1, keepdims=True)
    settings = replace(PLAIN, row_power=0.5, column_power=1.0, ease_limit=0)
    expected = similar(lighter, "none") / X.sum(axis=0) ** 0.5 * (X.T @ X >= MIN_CUSTOMERS)
    np.fill_diagonal(expected, 0.0)
    found = links_of(told, settings)
    assert as_dense(found) == pytest.approx(expected / expected.max(), rel=1e-5)
    assert np.array_equal(
        np.sort(found.customers.ravel()), np.sort(links_of(told, PLAIN_COSINE).customers.ravel())
    )


def test_purchases_too_old_to_count_have_no_cosine() -> None:
    customers = np.repeat(np.arange(10), 2)
    at = np.where(customers < 5, 0, 9_000 * MICROSECONDS_PER_DAY)
    product = np.tile([0, 1], 10) + 2 * (customers >= 5)
    told = purchases_of(product, customers, 4, customers, at)
    found = links_of(told, replace(PLAIN_COSINE, decay_days=30.0))
    assert found.index.tolist() == [[4], [4], [3], [2]]


@pytest.mark.parametrize("limit", [0, 6, 99])
def test_links_are_the_same_again_and_in_any_blocks(limit: int) -> None:
    told = shop(4)
    first, *others = (
        links_of(told, LinkSettings(ease_limit=limit, block=block)) for block in (10**6, 10**6, 300, 1)
    )
    for other in others:
        assert np.array_equal(first.index, other.index)
        assert first.weight == pytest.approx(other.weight, rel=1e-6)
        assert np.array_equal(first.customers, other.customers)


@pytest.mark.parametrize("limit", [0, 6, 99])
def test_links_lead_to_allowed_products_alone(limit: int) -> None:
    allowed = np.arange(PRODUCTS) % 2 == 0
    found = as_dense(links_of(shop(), LinkSettings(ease_limit=limit), allowed))
    assert not found[:, ~allowed].any()
    assert found[~allowed].any()


@pytest.mark.parametrize("limit", [0, 99])
def test_what_four_customers_bought_cannot_be_read(limit: int) -> None:
    few = MIN_CUSTOMERS - 1
    customer = np.repeat(np.arange(few), 2)
    for others in (0, 30):
        product = np.concatenate([np.tile([0, 1], few), np.arange(others) % 2])
        owner = np.concatenate([customer, 100 + np.arange(others)])
        found = links_of(purchases_of(product, owner, 2), LinkSettings(ease_limit=limit, l2=1.0))
        assert found.index.shape == (2, 0)


def test_cosines_never_make_a_dense_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, int]] = []
    blocks = list[int]()

    def seen(array: csr_array, *_: Any, **__: Any) -> Any:
        shapes.append(array.shape)
        raise AssertionError("a sparse matrix was made dense")

    def noted(part: Any, weight: Array, limit: int) -> Any:
        blocks.append(len(weight))
        return positive(part, weight, limit)

    positive = links._positive
    monkeypatch.setattr(csr_array, "toarray", seen)
    monkeypatch.setattr(csr_array, "todense", seen)
    monkeypatch.setattr(links, "_positive", noted)
    told = shop(5, customers=400, products=300)
    breadth = np.diff(customer_matrix(told).indptr)
    widest = int((np.bincount(told.product) * breadth.max()).max())
    cosine(customer_matrix(told), "bm25", block=500)
    assert not shapes
    assert len(blocks) > 10
    assert max(blocks) <= max(500, widest)


def test_older_purchases_count_less() -> None:
    one = np.zeros(3, dtype=np.int64)
    at = np.array([0, 10, 20]) * MICROSECONDS_PER_DAY
    told = purchases_of(np.array([0, 1, 0]), np.arange(3), 3, one, at)
    assert customer_matrix(told).toarray().tolist() == [[1, 1, 0]]
    assert customer_matrix(told, 5.0).toarray()[0] == pytest.approx([1.0, np.exp(-2.0), 0.0])
    decayed = links_of(shop(), replace(PLAIN, decay_days=60.0))
    assert not np.array_equal(decayed.weight, links_of(shop(), PLAIN).weight)


def test_baskets_of_several_products_are_rows_too() -> None:
    told = purchases_of(np.array([0, 1, 2, 1, 0]), np.array([0, 0, 1, 2, 2]), 3, np.array([0, 0, 0, 1, 1]))
    assert basket_matrix(told).toarray().tolist() == [[1, 1, 0], [1, 1, 0]]
    busy = shop()
    X = np.vstack([dense(busy), basket_matrix(busy).toarray()])
    found = as_dense(links_of(busy, replace(PLAIN, with_baskets=True)))
    common = dense(busy).T @ dense(busy) >= MIN_CUSTOMERS
    assert found == pytest.approx(np.where(common, np.maximum(steck(X, 3.0), 0.0), 0.0), abs=1e-6)


def test_the_latest_products_of_a_customer_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "CUSTOMER_PRODUCTS_LIMIT", 2)
    at = np.array([1, 2, 3, 4])
    told = purchases_of(np.array([0, 1, 2, 0]), np.arange(4), 3, np.zeros(4, dtype=np.int64), at)
    assert customer_matrix(told).toarray().tolist() == [[1, 0, 1]]


def test_no_purchases_have_no_links() -> None:
    nothing = np.empty(0, dtype=np.int64)
    for limit in (0, 99):
        found = links_of(purchases_of(nothing, nothing, 3), LinkSettings(ease_limit=limit))
        assert found.index.shape == found.weight.shape == found.customers.shape == (3, 0)
