"""Windows of simulated customers whose next purchases follow known tastes."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array
from app.estimators.blend import ItemModel
from app.estimators.candidates import score_candidates
from app.estimators.items import Items
from app.estimators.shopper import Shopper
from tests.unit.estimators.random_items import random_catalogue, random_shopper
from training.recommendations.windows import Window


def buyers(rng: np.random.Generator, size: int, count: int) -> tuple[Shopper, ...]:
    """Return customers who bought something."""
    found: list[Shopper] = []
    while len(found) < count:
        one = random_shopper(rng, size)
        if len(one.bought):
            found.append(one)
    return tuple(found)


def window_by(
    rng: np.random.Generator, model: ItemModel, truth: Array, count: int, bought: int = 1
) -> Window:
    """Return customers who bought products by the odds of a blend with these weights.

    Parameters
    ----------
    truth : ndarray, shape (len(SOURCES),)
    bought : int
        Products that each customer bought in the window.
    """
    size = model.items.size
    people = buyers(rng, size, count)
    everything = np.ones(size, dtype=bool)
    relevant = []
    for one in people:
        margin = score_candidates(model, one, truth, everything, is_wide=True).margin
        noise = rng.gumbel(size=size)
        relevant.append(np.sort(np.argsort(-(margin + noise))[:bought]))
    return Window(model.items, np.arange(count), people, tuple(relevant))


def catalogue_of(seed: int, size: int = 14) -> Items:
    """Return a random catalogue."""
    return random_catalogue(np.random.default_rng(seed), size)
