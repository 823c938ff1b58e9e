"""Pairs of products in one order: exact counts of orders and distinct customers, and the rules made of them.

Rules:

1. A pair's customers are those who have an order with both, not those who bought both at some time.
2. A product that too few orders or customers hold is in no pair, and is left out before pairs are counted.
3. Of an order of more than ``ORDER_LINES_LIMIT`` other products, that many are looked at, drawn by a hash of
   the order and the product; the numbers of a single product count every order.
4. Memory is the matrix of the orders, its transpose, and one block: at most ``BLOCK_PAIRS`` pairs, or those
   of one product.

References
----------
Agrawal, Imielinski & Swami (1993), "Mining Association Rules between Sets of Items in Large Databases";
Brin, Motwani, Ullman & Tsur (1997), "Dynamic Itemset Counting and Implication Rules for Market Basket Data".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from app.domain.history import Array
from app.estimators.items import MIN_CUSTOMERS, ROW_LIMIT, Pairs, confidence_of, lift_of
from training.recommendations.purchases import Purchases, order_counts, sliced
from training.recommendations.rows import Ranked, blocks_of, stacked, strongest

ORDER_LINES_LIMIT: Final = 500
BLOCK_PAIRS: Final = 4_000_000
"""Products beside a product that one block looks at, counting repetitions."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """K pairs of products, antecedent first, both ways round; each int64 of shape (K,).

    ``orders`` hold both, and ``customers`` have such an order.
    """

    antecedent: Array
    consequent: Array
    orders: Array
    customers: Array


@dataclass(frozen=True, slots=True)
class PairRules:
    """The numbers of K rules "who bought A also bought B"; each of shape (K,).

    ``conviction`` is infinite where B is in every order with A.
    """

    counts: PairCounts
    support: Array
    confidence: Array
    lift: Array
    leverage: Array
    conviction: Array


def pair_rules(purchases: Purchases, min_customers: int = MIN_CUSTOMERS, min_orders: int = 1) -> PairRules:
    """Return the rule of every pair that enough customers and orders hold, both ways round.

    Sorted by antecedent, then consequent; without a pair every array is empty.
    """
    counts = _joined(list(_counted(purchases, min_orders, min_customers, BLOCK_PAIRS)))
    of_product = order_counts(purchases)
    total = order_count(purchases)
    share_a, share_b = of_product[counts.antecedent] / total, of_product[counts.consequent] / total
    support = counts.orders / total
    confidence = confidence_of(counts.orders, of_product[counts.antecedent])
    is_sure = counts.orders == of_product[counts.antecedent]
    return PairRules(
        counts,
        support,
        confidence,
        lift_of(counts.orders, of_product[counts.antecedent], of_product[counts.consequent], total),
        support - share_a * share_b,
        np.where(is_sure, np.inf, (1 - share_b) / np.where(is_sure, 1.0, 1 - confidence)),
    )


def top_pairs(
    purchases: Purchases,
    allowed: Array | None = None,
    limit: int = ROW_LIMIT,
    block: int = BLOCK_PAIRS,
) -> Pairs:
    """Return the pairs of each product with the highest confidence x log(1 + lift).

    Parameters
    ----------
    allowed : ndarray of bool, shape (P,), optional
        Products that may stand beside another; all by default.
    limit, block : int
        Pairs of one product at most, and how many a block looks at.
    """
    of_product, total = order_counts(purchases), order_count(purchases)
    kept: list[Ranked] = []
    for counts in _counted(purchases, MIN_CUSTOMERS, MIN_CUSTOMERS, block):
        mask = slice(None) if allowed is None else allowed[counts.consequent]
        a, b, n = counts.antecedent[mask], counts.consequent[mask], counts.orders[mask]
        lift = lift_of(n, of_product[a], of_product[b], total)
        score = confidence_of(n, of_product[a]) * np.log1p(lift)
        kept.append(strongest(a, b, score, (n, counts.customers[mask]), limit))
    index, (orders, customers) = stacked(kept, purchases.products, ("<i4", "<i4"))
    return Pairs(index, orders, customers)


def _joined(parts: Sequence[PairCounts]) -> PairCounts:
    """Return the counts of all blocks in one."""
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return PairCounts(nothing, nothing, nothing, nothing)
    names = ("antecedent", "consequent", "orders", "customers")
    return PairCounts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def order_count(purchases: Purchases) -> int:
    """Return how many orders there are."""
    return int(np.count_nonzero(np.bincount(purchases.order)))


def _counted(purchases: Purchases, min_orders: int, min_customers: int, block: int) -> Iterator[PairCounts]:
    """Yield the counts of pairs, block by block of antecedents."""
    is_frequent = order_counts(purchases) >= max(min_orders, min_customers)
    orders = _Orders.of(sliced(purchases, is_frequent[purchases.product]))
    lengths = np.diff(orders.beside.indptr)
    work = np.bincount(orders.beside.indices, np.repeat(lengths, lengths), minlength=purchases.products)
    for start, stop in blocks_of(work, block):
        together = orders.of_product[start:stop] @ orders.beside
        together.sort_indices()
        customers = together - orders.again(start, stop)
        antecedent = np.repeat(np.arange(start, stop), np.diff(together.indptr))
        consequent = together.indices.astype(np.int64)
        enough = (together.data >= min_orders) & (customers.data >= min_customers)
        enough &= antecedent != consequent
        yield PairCounts(
            antecedent[enough],
            consequent[enough],
            together.data[enough].astype(np.int64),
            customers.data[enough].astype(np.int64),
        )


@dataclass(frozen=True, slots=True)
class _Orders:
    """O orders by customer: ``beside`` of shape (O, P), 1 where an order holds a product; its transpose.

    ``customer`` of shape (O,) rises, so that the orders with a product stand by customer.
    """

    beside: csr_array
    of_product: csr_array
    customer: Array

    @staticmethod
    def of(purchases: Purchases) -> _Orders:
        """Return the orders of purchases, cut to the limit of an order."""
        starts = _order_starts(purchases)
        if (np.diff(np.append(starts, len(purchases))) > ORDER_LINES_LIMIT).any():
            purchases = _shortened(purchases, starts)
            starts = _order_starts(purchases)
        ends = np.append(starts, len(purchases))
        ones = np.ones(len(purchases), dtype=np.int32)
        beside = csr_array(
            (ones, purchases.product.astype(np.int32), ends.astype(np.int32)),
            shape=(len(starts), purchases.products),
        )
        return _Orders(beside, beside.T.tocsr(), purchases.customer[starts])

    def again(self, start: int, stop: int) -> csr_array:
        """Return how many orders with both products a customer has beyond the first, summed over customers.

        Of the products from ``start`` to ``stop`` beside all; shape (stop - start, P).
        """
        ends = self.of_product.indptr[start : stop + 1]
        order = self.of_product.indices[ends[0] : ends[-1]]
        product = np.repeat(np.arange(stop - start), np.diff(ends))
        customer = self.customer[order]
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (product[1:] != product[:-1]) | (customer[1:] != customer[:-1])
        (first,) = is_first.nonzero()
        count = np.diff(np.append(first, len(order)))
        several = count > 1
        order = order[np.repeat(several, count)]
        groups = csr_array(
            (np.ones(len(order), dtype=np.int32), order, np.append(0, np.cumsum(count[several]))),
            shape=(int(several.sum()), len(self.customer)),
        )
        together = groups @ self.beside
        more = together.data > 1
        row = np.repeat(product[first[several]], np.diff(together.indptr))
        found = (together.data[more] - 1, (row[more], together.indices[more]))
        return csr_array(found, shape=(stop - start, self.beside.shape[1]))


def _order_starts(purchases: Purchases) -> Array:
    """Return where each order begins: the products of an order stand together."""
    is_first = np.ones(len(purchases), dtype=bool)
    is_first[1:] = purchases.order[1:] != purchases.order[:-1]
    return np.flatnonzero(is_first)


def _shortened(purchases: Purchases, starts: Array) -> Purchases:
    """Return the purchases without what stands beyond the limit of an order (rule 3)."""
    drawn = (purchases.product.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    drawn ^= (purchases.order.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    drawn ^= drawn >> np.uint64(29)
    drawn *= np.uint64(0xBF58476D1CE4E5B9)
    length = np.diff(np.append(starts, len(purchases)))
    sequence = np.lexsort((drawn, np.repeat(np.arange(len(starts)), length)))
    place = np.arange(len(purchases)) - np.repeat(starts, length)
    kept = np.zeros(len(purchases), dtype=bool)
    kept[sequence[place < ORDER_LINES_LIMIT]] = True
    return sliced(purchases, kept)
