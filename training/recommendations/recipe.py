"""How the arrays of a catalogue are made at a moment: one recipe for every window and for the artifact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.blend import TASKS, Blend, ItemModel
from training.recommendations.blend import DEFAULTS, row_of
from training.recommendations.catalogue import ItemSettings, assemble
from training.recommendations.links import LinkSettings
from training.recommendations.purchases import Catalogue, Purchases, Views, before
from training.recommendations.rebuy import INTERVAL_PRIOR, rebuy_table, usual_intervals

LINK_DAYS: Final = (60.0, 180.0, None)
"""Ages at which a purchase counts 1/e for the links; None counts all alike."""
POPULARITY_DAYS: Final = (30.0, 14.0, 90.0, 365.0)
"""Windows of popularity to choose from, the first where others are no better."""
FREQUENCY_DAYS: Final = 365.0
QUERY_DAYS: Final = 180.0
VIEWED_DAYS: Final = 7.0
CART_WEIGHT: Final = 1.0
REBUY_CUTS: Final = 2
"""Horizons before the cut-off whose purchases tell how often products are bought again."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is chosen on windows: how fast purchases age for links and popularity, which group is told apart.

    ``is_knn`` makes the links of the contender that a user would pick instead: cosines of items, by tf-idf.
    """

    link_days: float | None = 90.0
    popularity_days: float = 30.0
    group_by: str = ""
    with_links: bool = True
    is_knn: bool = False

    @property
    def links(self) -> LinkSettings | None:
        """How links are made; None for none."""
        if not self.with_links:
            return None
        if self.is_knn:
            return LinkSettings(row_power=0.0, column_power=0.0, weighting="tf-idf", ease_limit=0)
        return LinkSettings(decay_days=self.link_days)


@dataclass(frozen=True, slots=True)
class Record:
    """What recommendations are learned from.

    ``profile`` is the field ``group_by`` of each customer, object of shape (customers,), None where unknown.
    """

    catalogue: Catalogue
    purchases: Purchases
    views: Views | None
    timezone: str
    group_by: str = ""
    profile: Array | None = None

    def group_of(self, groups: tuple[str, ...]) -> Array | None:
        """Return the group of each customer as a position in ``groups``, -1 for none of them."""
        if self.profile is None or not groups:
            return None
        place = {name: k for k, name in enumerate(groups)}
        return np.array([place.get(value, -1) for value in self.profile.tolist()], dtype=np.int64)


def model_at(record: Record, recipe: Recipe, cut: int, horizon_days: float) -> ItemModel:
    """Return the model as it would have been at a cut-off, with the default weights.

    Parameters
    ----------
    cut : int
        Microseconds since 1970 in UTC; nothing from it on is read.
    horizon_days : float
        Over which "bought again" is counted, in windows that end at the cut-off.
    """
    known = before(record.purchases, cut)
    settings = ItemSettings(
        until=cut,
        timezone=record.timezone,
        popularity_days=recipe.popularity_days,
        links=recipe.links,
        with_pairs=recipe.with_links,
    )
    items = assemble(record.catalogue, known, settings, record.profile if recipe.group_by else None)
    horizon = round(horizon_days * MICROSECONDS_PER_DAY)
    table = rebuy_table(known, [cut - k * horizon for k in range(1, REBUY_CUTS + 1)], horizon_days)
    blend = Blend(
        weights=dict.fromkeys(TASKS, row_of(DEFAULTS)),
        reranked=frozenset(),
        frequency_days=FREQUENCY_DAYS,
        link_days=QUERY_DAYS,
        view_days=VIEWED_DAYS,
        cart_weight=CART_WEIGHT,
        rebuy_edges=table.edges,
        rebuy=table.shares,
        interval_prior=INTERVAL_PRIOR,
        interval_default=usual_intervals(known).default,
        group_by=recipe.group_by,
    )
    return ItemModel(items, blend)
