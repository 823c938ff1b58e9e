"""Sparse matrices of who bought what: customers or orders x products, plain, decayed or weighted.

Rule: of a customer's products the latest ``CUSTOMER_PRODUCTS_LIMIT`` count, for the number of pairs of
products grows with the square of theirs.

References
----------
Robertson & Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond".
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from scipy.sparse import csr_array, diags_array

from app.domain.history import MICROSECONDS_PER_DAY, Array
from training.recommendations.purchases import Purchases

CUSTOMER_PRODUCTS_LIMIT: Final = 500
_K1, _B = 100.0, 0.8
"""BM25's saturation and length normalisation."""

Weighting = Literal["bm25", "tf-idf", "none"]


def customer_matrix(purchases: Purchases, decay_days: float | None = None) -> csr_array:
    """Return customers x products, float32: 1 where bought, or less the longer ago it was bought last.

    Rows are those of customers with a purchase, each with its latest ``CUSTOMER_PRODUCTS_LIMIT`` products.
    """
    customer, product, at = purchases.customer, purchases.product, purchases.at
    latest_first = np.lexsort((-at, product, customer))
    customer, product, at = customer[latest_first], product[latest_first], at[latest_first]
    kept = _begins(customer, product)
    customer, product, at = customer[kept], product[kept], at[kept]
    by_time = np.lexsort((product, -at, customer))
    ordered = customer[by_time]
    place = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    kept = np.sort(by_time[place < CUSTOMER_PRODUCTS_LIMIT])
    customer, product, at = customer[kept], product[kept], at[kept]
    weight = np.ones(len(product), dtype=np.float32)
    if decay_days is not None and len(at):
        weight = np.exp((at - at.max()) / (decay_days * MICROSECONDS_PER_DAY)).astype(np.float32)
    return _rows(customer, product, weight, purchases.products)


def basket_matrix(purchases: Purchases) -> csr_array:
    """Return orders x products, float32: 1 where an order of several products holds one."""
    starts = np.flatnonzero(_begins(purchases.order))
    length = np.diff(np.append(starts, len(purchases)))
    several = np.repeat(length > 1, length)
    order, product = purchases.order[several], purchases.product[several]
    return _rows(order, product, np.ones(len(product), dtype=np.float32), purchases.products)


def with_lighter_rows(X: csr_array, power: float) -> csr_array:
    """Return a matrix whose rows are divided by their sums to a power, float32."""
    if not power:
        return X
    total = np.asarray(X.sum(axis=1)).ravel()
    return csr_array(diags_array(np.maximum(total, 1e-6) ** -power) @ X).astype(np.float32)


def weighted(X: csr_array, weighting: Weighting) -> csr_array:
    """Return customers x products weighted so that ``W'W`` holds the similarities; float32.

    ``tf-idf`` and ``none`` give cosines; ``bm25`` weakens popular products instead of dividing by their norm.
    A customer counts less the more products he bought, unless ``none``.
    """
    counts = X.astype(np.float64)
    size = X.shape[1]
    if weighting != "none":
        breadth = np.diff(X.indptr)
        rarity = np.log1p(size / breadth)
        counts = diags_array(rarity) @ counts
    if weighting == "bm25":
        popularity = np.asarray(X.sum(axis=0)).ravel()
        length = (1.0 - _B) + _B * popularity / max(float(popularity.mean()), 1e-300)
        scale = (_K1 + 1.0) / (_K1 * length + 1.0)
    else:
        norm = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=0)).ravel())
        scale = 1.0 / np.maximum(norm, 1e-300)
    return csr_array(counts @ diags_array(scale)).astype(np.float32)


def _rows(row: Array, product: Array, weight: Array, products: int) -> csr_array:
    """Return a sparse matrix with a row for each run of equal numbers."""
    starts = np.flatnonzero(_begins(row))
    ends = np.append(starts, len(row)).astype(np.int32)
    return csr_array((weight, product.astype(np.int32), ends), shape=(len(starts), products))


def _begins(*keys: Array) -> Array:
    """Return whether a run of equal keys begins at each row."""
    first = np.ones(len(keys[0]), dtype=bool)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return first
