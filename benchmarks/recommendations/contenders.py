"""What a user would pick instead: popularity, what was bought before, item-kNN, plain EASE.

Each is written here from its formula, apart from the product's code, and gives every product a score for one
person; the tests hold them beside the product's where both say the same.

References
----------
Deshpande & Karypis (2004), "Item-Based Top-N Recommendation Algorithms"; Steck (2019), "Embarrassingly
Shallow Autoencoders for Sparse Data".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.sparse import csr_array, diags_array

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.shopper import Shopper
from training.recommendations.judging import LONGEST
from training.recommendations.purchases import Purchases

Ranking = Callable[[Shopper], Array]
"""From a person to the score of every product, shape (P,)."""

RECENT_DAYS: Final = 30.0
POPULAR_RECENTLY, POPULAR_EVER = "popularity, 30 days", "popularity, all time"
OWN_BY_EVER, OWN_BY_RECENT = "own frequency, ties by all time", "own frequency, ties by 30 days"
ITEM_KNN, EASE = "item-kNN, tf-idf cosine", "EASE, lambda 500"
_NEIGHBOURS: Final = 200
_KNN_DAYS, _EASE_DAYS = 60.0, 180.0
_LAMBDA: Final = 500.0


def contenders(known: Purchases, cut: int) -> dict[str, Ranking]:
    """Return what everybody says who knows the purchases before a cut-off, microseconds of UTC."""
    X = matrix(known)
    ever = np.asarray(X.sum(axis=0)).ravel()
    lately = known.at >= cut - RECENT_DAYS * MICROSECONDS_PER_DAY
    pairs = np.unique(known.customer[lately] * known.products + known.product[lately])
    recent = np.bincount(pairs % known.products, minlength=known.products).astype(np.float64)
    return {
        POPULAR_RECENTLY: lambda _: recent,
        POPULAR_EVER: lambda _: ever,
        OWN_BY_EVER: own_frequency(ever),
        OWN_BY_RECENT: own_frequency(recent),
        ITEM_KNN: by_rows(tf_idf_cosines(X), _KNN_DAYS),
        EASE: by_rows(plain_ease(X), _EASE_DAYS),
    }


def matrix(known: Purchases) -> csr_array:
    """Return customers x products, 1 where bought."""
    customer, product = np.divmod(
        np.unique(known.customer * known.products + known.product), max(known.products, 1)
    )
    return csr_array((np.ones(len(product)), (customer, product)), shape=(known.customers, known.products))


def own_frequency(popularity: Array) -> Ranking:
    """Return what ranks by the number of own orders, ties and the rest by popularity."""
    tie = popularity / (popularity.max(initial=0.0) + 1.0)

    def ranking(shopper: Shopper) -> Array:
        orders: Array = np.bincount(shopper.bought, minlength=len(tie)) + tie
        return orders

    return ranking


def by_rows(B: Array, days: float) -> Ranking:
    """Return what adds up the rows of what was bought, a purchase that is ``days`` old counting 1/e.

    What lies in the cart counts as bought now.
    """

    def ranking(shopper: Shopper) -> Array:
        products = np.concatenate([shopper.bought, shopper.cart])
        age = np.concatenate([shopper.bought_days, np.zeros(len(shopper.cart))])
        weight = np.zeros(len(B))
        np.maximum.at(weight, products, np.exp(-age / days))
        used = np.flatnonzero(weight)
        scores: Array = weight[used] @ B[used]
        return scores

    return ranking


def tf_idf_cosines(X: csr_array, neighbours: int = _NEIGHBOURS) -> Array:
    """Return the cosines of products, dense, each row cut to its nearest neighbours.

    A customer counts less the more products he bought, as the package implicit weighs them.
    """
    breadth = np.maximum(np.asarray(X.sum(axis=1)).ravel(), 1.0)
    W = diags_array(np.log(X.shape[1]) - np.log1p(breadth)) @ X
    norm = np.sqrt(np.asarray(W.multiply(W).sum(axis=0)).ravel())
    W = W @ diags_array(1.0 / np.maximum(norm, 1e-300))
    return nearest((W.T @ W).toarray(), neighbours)


def cosines(X: csr_array) -> Array:
    """Return the plain cosines of products, dense."""
    norm = np.sqrt(np.asarray(X.sum(axis=0)).ravel())
    W = X @ diags_array(1.0 / np.maximum(norm, 1e-300))
    return nearest((W.T @ W).toarray(), X.shape[1])


def nearest(S: Array, neighbours: int) -> Array:
    """Return a square matrix without its diagonal, each row cut to its largest entries."""
    S[np.diag_indices(len(S))] = 0.0
    if neighbours < len(S):
        bar = np.partition(S, len(S) - neighbours, axis=1)[:, len(S) - neighbours]
        S[bar[:, None] > S] = 0.0
    return S


def plain_ease(X: csr_array, l2: float = _LAMBDA) -> Array:
    """Return B of EASE from plain purchases, dense and whole: ``I - P / diag(P)`` by columns."""
    P = np.linalg.inv((X.T @ X).toarray() + l2 * np.eye(X.shape[1]))
    B: Array = P / -P.diagonal()
    B[np.diag_indices(len(B))] = 0.0
    return B


def top(scores: Array, allowed: Array, count: int = LONGEST) -> Array:
    """Return the best of the products that may be shown, best first; ties in the order of the catalogue."""
    shown = np.where(allowed, scores, -np.inf)
    answer: Array = np.argsort(-shown, kind="stable")[: min(count, int(allowed.sum()))]
    return answer


COLD: Final = (POPULAR_RECENTLY, POPULAR_EVER)
"""Who has something to say to somebody unknown."""
OF_NEW: Final = (POPULAR_RECENTLY, POPULAR_EVER, ITEM_KNN, EASE)
"""Who ranks products that were not bought before: of these own frequency knows nothing."""
