"""A list that does not say one thing ten times: maximal marginal relevance, and a cap for each category.

References
----------
Carbonell & Goldstein (1998), "The Use of MMR, Diversity-Based Reranking for Reordering Documents".
"""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from app.estimators.items import Items


def spread(
    items: Items,
    products: Array,
    relevance: Array,
    limit: int,
    strength: float,
    max_per_category: int | None,
) -> tuple[Array, int]:
    """Return which products to list, in order, and how many the cap left out.

    Each place goes to the product with the highest ``(1 - strength) x relevance - strength x likeness``,
    where likeness is the highest to a product that stands above it.

    Parameters
    ----------
    products : ndarray of int64, shape (M,)
        Positions in the catalogue, most relevant first.
    relevance : ndarray, shape (M,)
        From 0 to 1.
    strength : float
        From 0, the order as given, to 1.

    Returns
    -------
    ndarray of int64, shape (at most limit,)
        Places in ``products``.
    int
        Products that were passed over because their category was full.
    """
    category = items.category[products]
    listed = np.zeros(len(items.categories) + 1, dtype=np.int64)
    is_full = np.full(len(listed), max_per_category == 0)
    is_full[-1] = False  # the last place is no category, which has no cap
    left = np.ones(len(products), dtype=bool)
    likeness = np.zeros(len(products))
    gain = (1.0 - strength) * relevance
    kept: list[int] = []
    capped = 0
    while len(kept) < limit:
        worth, closed = gain - strength * likeness, left & is_full[category]
        is_open = left & ~closed
        if not is_open.any():
            return np.array(kept, dtype=np.int64), capped + int(np.count_nonzero(closed))
        best = int(np.where(is_open, worth, -np.inf).argmax())
        # Whatever stands before the best is passed over at once: one at a time takes minutes for 100,000.
        passed = closed & (worth >= worth[best])
        passed[best:] &= worth[best:] > worth[best]
        capped += int(np.count_nonzero(passed))
        left &= ~passed
        left[best] = False
        kept.append(best)
        group = int(category[best])
        if max_per_category is not None and group >= 0:
            listed[group] += 1
            is_full[group] = listed[group] >= max_per_category
        if strength:
            likeness = np.maximum(likeness, likeness_to(items, products, int(products[best])))
    return np.array(kept, dtype=np.int64), capped


def likeness_to(items: Items, products: Array, other: int) -> Array:
    """Return how alike products are to another one, from 0 to 1, shape (M,).

    Half of it is the same category, half the strength of the link beside the strongest of that row.
    """
    links = items.links
    known = int(items.category[other])
    same = (items.category[products] == known) & (known >= 0)
    row, weight = links.index[other], links.weight[other]
    strongest = float(weight.max(initial=0.0))
    linked = np.zeros(items.size + 1)
    if strongest > 0:
        linked[row] = weight / strongest
        linked[-1] = 0.0
    answer: Array = 0.5 * same + 0.5 * linked[products]
    return answer
