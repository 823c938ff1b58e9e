"""How likely each product is the next for a person: a weighted sum of sources, by product.

``margin(i) = sum over sources s of weight[s] x value[s](i)``; the odds of two products are the exponential
of the difference of their margins (a conditional logit). Sources of products that the person bought stand
apart from those of new ones, so that one ranking holds both:

- ``bought``: 1 for what was bought; ``breadth``: for these, the logarithm of how many products were bought;
- ``frequency``: log(1 + orders / e), an order counting less the older it is; ``orders``: the logarithm of the
  number of orders with the product; ``rebuy``: the logarithm of the share that bought such a product again,
  by the time since the last order over the usual interval, and by the number of orders;
- ``links_bought`` and ``links_new``: log(1 + s / e) of the sum of links from what the person bought and has
  in the cart, beside the largest of all products; ``view_links``: the same from what was viewed;
- ``popularity_bought`` and ``popularity_new``: the logarithm of recent popularity; ``trend_new``: whether a
  product has lately found more buyers than before; ``ever``: the logarithm of its customers of all times;
- ``viewed``: log(1 + v / e), a view counting less the older it is;
- ``cart_pairs``: log(1 + s / e) of how often orders hold a product together with those in the cart;
- ``group`` and ``season``: what the customer's group and the calendar month add to popularity.

Weights are at least 0, so that no source works against its meaning; only ``bought`` and ``breadth``, which
part what was bought from what is new, may have either sign.

References
----------
McFadden (1974), "Conditional Logit Analysis of Qualitative Choice Behavior".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Estimator
from app.estimators.items import Items

ALL_ITEMS, NEW_ITEMS = "all_items", "new_items"
CART_ITEMS, COLD_START = "cart_items", "cold_start"
TASKS: Final = (ALL_ITEMS, NEW_ITEMS, CART_ITEMS, COLD_START)
"""What is ranked, as the populations of the manifest name it: everything, what the person has not bought yet,
what goes with a cart of somebody without purchases, and anything for somebody of whom nothing is known."""
SIMILAR_ITEMS: Final = "similar_items"
"""The population of what goes with a product, whoever looks at it: no blend answers it."""

SOURCES: Final = (
    "bought",
    "breadth",
    "frequency",
    "orders",
    "rebuy",
    "links_bought",
    "popularity_bought",
    "links_new",
    "popularity_new",
    "trend_new",
    "ever",
    "viewed",
    "view_links",
    "group",
    "season",
    "cart_pairs",
)
EITHER_SIGN: Final = ("bought", "breadth")
AT: Final = {name: k for k, name in enumerate(SOURCES)}
REBUY_ORDERS: Final = 5
"""Rows of the table of shares that bought again: 1 order, 2, 3, 4, and more."""


@dataclass(frozen=True, slots=True)
class Blend:
    """The numbers of a fitted blend.

    ``weights`` holds, for each task, one weight for each of ``SOURCES``; ``reranked`` names the tasks whose
    best candidates trees rank again. ``frequency_days``, ``link_days`` and ``view_days`` are the ages at
    which an order, a purchase and a view count 1/e. ``cart_weight`` is what the cart counts beside all
    purchases. ``rebuy_edges`` and ``rebuy`` of shape (5, len + 1) are the table of shares that bought
    again, ``interval_prior`` how many gaps of its own a person needs to count as much as the product's
    usual interval; ``interval_default`` stands for products without one. ``group_by`` is the field of the
    profile that gives the group, "" without.
    """

    weights: Mapping[str, Array]
    reranked: frozenset[str]
    frequency_days: float
    link_days: float
    view_days: float
    cart_weight: float
    rebuy_edges: Array
    rebuy: Array
    interval_prior: float
    interval_default: float
    group_by: str = ""

    def settings(self) -> dict[str, Any]:
        """Return the numbers as the manifest's settings hold them."""
        return {
            "weights": {
                task: dict(zip(SOURCES, row.tolist(), strict=True)) for task, row in self.weights.items()
            },
            "reranked": sorted(self.reranked),
            **{name: getattr(self, name) for name in _NUMBERS},
            "rebuy_edges": self.rebuy_edges.tolist(),
            "rebuy": self.rebuy.tolist(),
            "group_by": self.group_by,
        }

    @staticmethod
    def of_settings(settings: Mapping[str, Any]) -> Blend:
        """Read the numbers from a manifest's settings.

        Raises
        ------
        StructureError
            A number is missing, not finite or out of its range.
        """
        try:
            weights = {task: _row(settings["weights"][task]) for task in TASKS}
            edges = np.array(settings["rebuy_edges"], dtype=np.float64)
            shares = np.array(settings["rebuy"], dtype=np.float64)
            numbers = {name: float(settings[name]) for name in _NUMBERS}
            reranked = frozenset(map(str, settings["reranked"]))
            group_by = str(settings["group_by"])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StructureError(
                f"the settings of the blend cannot be read: {type(error).__name__}"
            ) from error
        if edges.ndim != 1 or shares.shape != (REBUY_ORDERS, len(edges) + 1) or (np.diff(edges) <= 0).any():
            raise StructureError("the table of shares that bought again does not fit its edges")
        if not ((shares > 0) & (shares <= 1)).all() or not np.isfinite(edges).all():
            raise StructureError("the table of shares that bought again holds something else than shares")
        for name, (low, high) in _NUMBERS.items():
            if not low <= numbers[name] <= high:
                raise StructureError(f"{name} is not from {low:g} to {high:g}")
        if not reranked <= set(TASKS):
            raise StructureError(f"reranked names something else than {', '.join(TASKS)}")
        return Blend(
            weights=weights, reranked=reranked, rebuy_edges=edges, rebuy=shares, group_by=group_by, **numbers
        )


_NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "frequency_days": (1e-3, 1e6),
    "link_days": (1e-3, 1e6),
    "view_days": (1e-3, 1e6),
    "cart_weight": (0.0, 1e3),
    "interval_prior": (1e-3, 1e6),
    "interval_default": (1e-3, 1e6),
}
"""The single numbers of a blend and their ranges."""


def _row(weights: Mapping[str, float]) -> Array:
    """Return the weights of one task in the order of the sources."""
    if weights.keys() != set(SOURCES):
        raise StructureError(f"the weights are not those of {', '.join(SOURCES)}")
    row = np.array([float(weights[name]) for name in SOURCES])
    if not (np.abs(row) <= 1e3).all():
        raise StructureError("a weight is not finite or beyond 1000")
    if any(row[AT[name]] < 0 for name in SOURCES if name not in EITHER_SIGN):
        raise StructureError("a weight is below 0")
    return row


@dataclass(frozen=True)
class ItemModel:
    """What ranks products: the catalogue, the blend, and trees that rank its best candidates again."""

    items: Items
    blend: Blend
    reranker: Estimator | None = None
