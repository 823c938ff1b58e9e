"""Looking back: what a person could have been shown at an earlier time, and what that person bought after it.

A window asks customers at a cut-off, with what was known then, and takes what they bought in the days that
follow as relevant. What is learned for a window is learned
from purchases before its cut-off alone; which products there are, and what a customer's profile says, is as
known now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.blend import ALL_ITEMS, CART_ITEMS, COLD_START, NEW_ITEMS
from app.estimators.items import Items
from app.estimators.shopper import VIEW_DAYS, Shopper
from training.recommendations.purchases import Purchases, Views, before, between


@dataclass(frozen=True, slots=True)
class Window:
    """N customers at a cut-off: what they are like to the model, and what they bought afterwards.

    ``relevant`` holds, for each, the distinct products bought in the window, rising; ``customer`` their
    positions. ``carts`` are orders of the window: one product, and the others.
    """

    items: Items
    customer: Array
    shoppers: tuple[Shopper, ...]
    relevant: tuple[Array, ...]
    carts: tuple[tuple[Array, Array], ...] = ()
    month: int = 0

    def questions(self, task: str) -> Iterator[tuple[int, Shopper, Array, Array]]:
        """Yield who can be asked a question: position, shopper, what may be shown, what is relevant.

        Of the task ``all_items`` customers with a purchase before; of ``new_items`` the same, without what
        they bought before; of ``cold_start`` those without one, of whom then nothing but the group is
        known; of ``cart_items`` orders, of which one product is in the cart of somebody unknown.
        """
        everything = np.ones(self.items.size, dtype=bool)
        if task == CART_ITEMS:
            for i, (cart, rest) in enumerate(self.carts):
                allowed = everything.copy()
                allowed[cart] = False
                yield i, Shopper(cart=cart, month=self.month), allowed, rest
            return
        for i, (shopper, relevant) in enumerate(zip(self.shoppers, self.relevant, strict=True)):
            is_known = len(shopper.bought) > 0
            if is_known == (task == COLD_START):
                continue
            allowed = everything
            if task == COLD_START:
                shopper = Shopper(group=shopper.group, month=shopper.month)  # noqa: PLW2901  all that is told
            elif task == NEW_ITEMS:
                allowed = everything.copy()
                allowed[shopper.bought] = False
                relevant = relevant[allowed[relevant]]  # noqa: PLW2901  the rest was bought before
            if len(relevant):
                yield i, shopper, allowed, relevant


@dataclass(frozen=True, slots=True)
class When:
    """A cut-off in microseconds of UTC, how many days count after it, and its calendar month from 0 to 11."""

    cut: int
    horizon_days: float
    month: int = 0

    @property
    def end(self) -> int:
        """The end of the window."""
        return self.cut + round(self.horizon_days * MICROSECONDS_PER_DAY)


def window_of(
    items: Items,
    purchases: Purchases,
    views: Views | None,
    when: When,
    group: Array | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
) -> Window:
    """Return the customers who bought within some days after a cut-off.

    Parameters
    ----------
    items : Items
        Built from what was known at the cut-off.
    purchases, views : Purchases, Views or None
        Of all times; their products are positions in ``items``.
    group : ndarray of int, shape (customers,), optional
        The group of each customer, -1 for none.
    limit : int, optional
        Customers, drawn with ``seed`` where there are more.
    """
    after = between(purchases, when.cut, when.end)
    buyers = np.unique(after.customer)
    if limit is not None and len(buyers) > limit:
        buyers = np.sort(np.random.default_rng(seed).choice(buyers, limit, replace=False))
    past = before(purchases, when.cut)
    oldest = when.cut - round(VIEW_DAYS * MICROSECONDS_PER_DAY)
    seen = None if views is None else between(views, oldest, when.cut)
    bought, later = _parts(past.customer, buyers), _parts(after.customer, buyers)
    viewed = None if seen is None else _parts(seen.customer, buyers)
    shoppers = []
    for k, customer in enumerate(buyers.tolist()):
        told = {}
        if seen is not None and viewed is not None:
            told = {"viewed": seen.product[viewed[k]], "viewed_days": _days(seen.at[viewed[k]], when.cut)}
        shoppers.append(
            Shopper(
                bought=past.product[bought[k]],
                bought_days=_days(past.at[bought[k]], when.cut),
                order=past.order[bought[k]],
                group=-1 if group is None else int(group[customer]),
                month=when.month,
                **told,
            )
        )
    relevant = tuple(np.unique(after.product[rows]) for rows in later)
    carts = carts_of(after, limit, seed)
    return Window(items, buyers, tuple(shoppers), relevant, carts, when.month)


def carts_of(purchases: Purchases, limit: int | None, seed: int) -> tuple[tuple[Array, Array], ...]:
    """Return orders of two products or more, each as one product, drawn, and the others.

    Parameters
    ----------
    limit : int, optional
        Orders, drawn with ``seed`` where there are more.
    """
    rng = np.random.default_rng(seed)
    by_order = np.argsort(purchases.order, kind="stable")
    ends = np.flatnonzero(np.diff(purchases.order[by_order])) + 1
    baskets = [part for part in np.split(purchases.product[by_order], ends) if len(part) > 1]
    if limit is not None and len(baskets) > limit:
        baskets = [baskets[k] for k in np.sort(rng.choice(len(baskets), limit, replace=False)).tolist()]
    drawn = [int(rng.integers(len(basket))) for basket in baskets]
    return tuple(
        (basket[k : k + 1], np.sort(np.delete(basket, k))) for basket, k in zip(baskets, drawn, strict=True)
    )


def _days(at: Array, cut: int) -> Array:
    """Return the days from some times to a cut-off."""
    answer: Array = (cut - at) / MICROSECONDS_PER_DAY
    return answer


def _parts(owner: Array, wanted: Array) -> list[slice]:
    """Return where the rows of each wanted customer stand, in rows sorted by customer."""
    starts = np.searchsorted(owner, wanted, side="left").tolist()
    ends = np.searchsorted(owner, wanted, side="right").tolist()
    return [slice(*ends_of) for ends_of in zip(starts, ends, strict=True)]


TASKS_OF_HISTORY: Final = (ALL_ITEMS, NEW_ITEMS)
"""The tasks that are asked of the same customers."""
