"""Item-to-item weights: which products buyers of a product also buy, from everything that a customer bought.

``score(i) = sum over what somebody bought of weight(j) x B[j, i]``; the row of a product j holds its
strongest positive B[j, i].

Rules:

1. Among the ``EASE_LIMIT`` products with the most buyers, B is EASE in closed form; wherever a product beyond
   them is at either end it is a weighted cosine, brought to the scale of EASE.
2. A link is kept if ``MIN_CUSTOMERS`` customers bought both products, and is told with their number.
3. Memory: EASE holds one dense matrix, 8 bytes x head x head (0.8 GB at the limit); all else is the sparse
   matrix of customers and products, its transpose, what is kept, and one block: at most ``BLOCK_PAIRS`` pairs
   of products of a customer, or those of one product.

References
----------
Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data"; Deshpande & Karypis (2004), "Item-Based
Top-N Recommendation Algorithms".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array, vstack

from app.domain.history import Array
from app.estimators.items import MIN_CUSTOMERS, ROW_LIMIT, Links
from training.recommendations.matrices import (
    Weighting,
    basket_matrix,
    customer_matrix,
    weighted,
    with_lighter_rows,
)
from training.recommendations.purchases import Purchases
from training.recommendations.rows import Ranked, blocks_of, stacked, strongest

EASE_LIMIT: Final = 10_000
"""Products with a dense inverse, at most."""
BLOCK_PAIRS: Final = 4_000_000
_STRIPE: Final = 512


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How links are learned.

    ``l2`` is EASE's ridge. With ``decay_days`` a purchase that is so many days older than the latest counts
    1/e; with ``with_baskets`` every order is a further row beside its customer's. ``ease_limit`` products at
    most have a dense inverse; ``weighting`` is that of the cosines of the rest.

    A customer's row is divided by its sum to the power ``row_power``, so that who buys everything tells less,
    and what leads to a product by its number of buyers to the power ``column_power``, before rows are pruned:
    popularity is a source of its own, and links are for what goes with a product beyond it.
    """

    l2: float = 50.0
    decay_days: float | None = None
    row_power: float = 0.25
    column_power: float = 0.5
    with_baskets: bool = False
    weighting: Weighting = "none"
    ease_limit: int = EASE_LIMIT
    limit: int = ROW_LIMIT
    block: int = BLOCK_PAIRS


def links_of(purchases: Purchases, settings: LinkSettings, allowed: Array | None = None) -> Links:
    """Return the links of each product.

    Parameters
    ----------
    purchases : Purchases
        From none up.
    settings : LinkSettings
    allowed : ndarray of bool, shape (P,), optional
        Products that a link may lead to; all by default.
    """
    buyers = customer_matrix(purchases)
    decayed = customer_matrix(purchases, settings.decay_days)
    X = with_lighter_rows(decayed, settings.row_power)
    if settings.with_baskets:
        X = vstack([X, basket_matrix(purchases)], format="csr")
    bought_by = np.bincount(buyers.indices, minlength=purchases.products)
    by_buyers = np.argsort(-bought_by, kind="stable")
    head = np.sort(by_buyers[: settings.ease_limit])
    head = head[bought_by[head] >= MIN_CUSTOMERS]
    shown = np.ones(purchases.products, dtype=bool) if allowed is None else allowed
    found = _ease_links(X, buyers, head, shown, settings)
    if (bought_by >= MIN_CUSTOMERS).sum() > len(head):
        # A cosine divides by the root of either popularity already: half the powers are left to do.
        told = with_lighter_rows(decayed, 2 * settings.row_power)
        cosines = cosine(
            buyers, settings.weighting, shown, settings.limit, settings.block, told, settings.column_power / 2
        )
        found = _with_cosines(found, cosines, head, purchases.products, settings.limit)
    index, (weight, customers) = stacked(found, purchases.products, ("<f4", "<i4"))
    return Links(index, weight, customers)


def ease(X: csr_array, l2: float) -> Array:
    """Return B of EASE: ``B = I - P / diag(P)``, by columns, with ``P`` the inverse of ``X'X + l2 I``.

    The least squares that tell each column of X from all others, with a diagonal of 0.

    Parameters
    ----------
    X : sparse matrix, shape (N, P)
        Not negative.
    l2 : float
        Above 0.

    Returns
    -------
    ndarray, shape (P, P)
        float64. ``B[j, i]`` is what j tells of i.
    """
    size = X.shape[1]
    gram = np.empty((size, size))
    across = X.T.tocsr()
    for start in range(0, size, _STRIPE):
        gram[start : start + _STRIPE] = (across[start : start + _STRIPE] @ X).toarray()
    gram[np.diag_indices(size)] += l2
    # Fortran's lower triangle of the transpose is the upper one here; nothing is copied.
    factor, failed = dpotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    inverse, singular = dpotri(factor, lower=1, overwrite_c=1)
    if failed or singular:
        raise ArithmeticError("the Gram matrix is not positive definite")
    B: Array = inverse.T
    for start in range(0, size, _STRIPE):
        stop = min(start + _STRIPE, size)
        corner = np.triu(B[start:stop, start:stop])
        B[start:stop, start:stop] = corner + np.triu(corner, 1).T
        B[stop:, start:stop] = B[start:stop, stop:].T
    diagonal = B.diagonal().copy()
    B /= -diagonal
    B[np.diag_indices(size)] = 0.0
    return B


def cosine(
    buyers: csr_array,
    weighting: Weighting,
    allowed: Array | None = None,
    limit: int = ROW_LIMIT,
    block: int = BLOCK_PAIRS,
    X: csr_array | None = None,
    column_power: float = 0.0,
) -> list[Ranked]:
    """Return the weighted cosines of each product, with the customers who bought both; nothing dense is made.

    Parameters
    ----------
    buyers : sparse matrix, shape (N, P)
        Customers x products, 1 where bought.
    allowed : ndarray of bool, shape (P,), optional
        Products that a link may lead to; all by default.
    X : sparse matrix, shape (N, P), optional
        The same customers and products with other numbers to take the cosines of.
    column_power : float
        What leads to a product is divided by its number of buyers to this power.
    """
    W = weighted(buyers if X is None else X, weighting)
    rarity = _rarity(buyers, column_power)
    across = W.T.tocsr()
    found = []
    for start, stop, common in _common(buyers, allowed, block):
        weight = _looked_up(across[start:stop] @ W, common.row - start, common.neighbour)
        found.append(_positive(common, weight * rarity[common.neighbour], limit))
    return found


def _ease_links(
    X: csr_array, buyers: csr_array, head: Array, allowed: Array, at: LinkSettings
) -> list[Ranked]:
    """Return the links among the products of the head, by EASE."""
    if not len(head):
        return []
    B = ease(X[:, head].tocsr(), at.l2)
    B *= _rarity(buyers, at.column_power)[head]
    found = []
    for _, _, common in _common(buyers[:, head].tocsr(), allowed[head], at.block):
        kept = _positive(common, B[common.row, common.neighbour], at.limit)
        found.append(Ranked(head[kept.row], head[kept.neighbour], kept.place, kept.columns))
    return found


def _rarity(buyers: csr_array, power: float) -> Array:
    """Return one over the buyers of each product to a power, float64 of shape (P,)."""
    counts = np.bincount(buyers.indices, minlength=buyers.shape[1])
    answer: Array = np.maximum(counts, 1.0) ** -power
    return answer


def _positive(common: Ranked, weight: Array, limit: int) -> Ranked:
    """Return the strongest links of each product that are above 0; the customers are the other column."""
    (kept,) = (weight > 0).nonzero()
    numbers = (weight[kept], common.columns[0][kept])
    return strongest(common.row[kept], common.neighbour[kept], weight[kept], numbers, limit)


def _with_cosines(
    eased: list[Ranked], cosines: list[Ranked], head: Array, size: int, limit: int
) -> list[Ranked]:
    """Return the links of EASE, and cosines wherever a product outside the head is at either end.

    The cosines are multiplied by one number: the median, over products of the head, of the quotient of the
    strongest link of either kind; without a head, what makes the strongest of all 1.
    """
    is_head = np.zeros(size, dtype=bool)
    is_head[head] = True
    own, largest = np.zeros(size), np.zeros(size)
    for parts, highest in ((eased, own), (cosines, largest)):
        for part in parts:
            np.maximum.at(highest, part.row, part.columns[0])
    both = is_head & (own > 0) & (largest > 0)
    quotients = own[both] / largest[both] if both.any() else 1.0 / np.maximum(largest.max(), 1e-300)
    scale = float(np.median(quotients))
    merged = [(part.row, part.neighbour, *part.columns) for part in eased]
    for part in cosines:
        (outside,) = (~(is_head[part.row] & is_head[part.neighbour])).nonzero()
        weight, customers = part.columns
        merged.append(
            (part.row[outside], part.neighbour[outside], weight[outside] * scale, customers[outside])
        )
    if not merged:
        return []
    row, neighbour, weight, customers = (np.concatenate(column) for column in zip(*merged, strict=True))
    return [strongest(row, neighbour, weight, (weight, customers), limit)]


def _common(buyers: csr_array, allowed: Array | None, block: int) -> Iterator[tuple[int, int, Ranked]]:
    """Yield blocks of products: first, end, and the pairs that enough customers bought, with their number."""
    ones = csr_array((np.ones(buyers.nnz, dtype=np.int32), buyers.indices, buyers.indptr), shape=buyers.shape)
    across = ones.T.tocsr()
    breadth = np.diff(ones.indptr)
    work = np.bincount(ones.indices, np.repeat(breadth, breadth), minlength=ones.shape[1])
    for start, stop in blocks_of(work, block):
        common = across[start:stop] @ ones
        common.sort_indices()
        row = np.repeat(np.arange(start, stop), np.diff(common.indptr))
        kept = (common.data >= MIN_CUSTOMERS) & (row != common.indices)
        if allowed is not None:
            kept &= allowed[common.indices]
        neighbour = common.indices[kept].astype(np.int64)
        yield start, stop, Ranked(row[kept], neighbour, np.zeros_like(neighbour), (common.data[kept],))


def _looked_up(matrix: csr_array, row: Array, column: Array) -> Array:
    """Return entries of a sparse matrix, float64; 0 where there is none, as where weights underflow."""
    matrix.sort_indices()
    if not matrix.nnz:
        return np.zeros(len(row))
    size = matrix.shape[1]
    stored = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * size + matrix.indices
    wanted = row * size + column
    places = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    answer: Array = np.where(stored[places] == wanted, matrix.data[places], 0.0)
    return answer
