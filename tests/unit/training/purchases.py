"""A simulated business of purchase days alone, with a season that is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

from app.domain.history import Array
from training.purchase_days import PurchaseDays

EPOCH = date(1970, 1, 1)
OPENED = (date(2020, 11, 1) - EPOCH).days
TODAY = (date(2023, 11, 1) - EPOCH).days


def even(day: Array) -> Array:
    return np.ones(len(day))


def december(day: Array) -> Array:
    """Return a season in which December sells twice what other months do, 30 to 60 days after ``TODAY``."""
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    return np.where(months == 11, 2.2, 0.9)


def simulated(
    season: Callable[[Array], Array] = even, *, customers: int = 1500, seed: int = 0, until: int = TODAY
) -> PurchaseDays:
    """Return the purchase days of a business: customers come at any time, order at a rate, and leave.

    Later days than ``until`` are not known; what is known before does not depend on it.
    """
    rng = np.random.default_rng(seed)
    end = TODAY + 400
    day = np.arange(OPENED, end)
    first = rng.integers(OPENED, end, customers)
    rate = rng.gamma(1.5, 1 / 60, customers)
    left = first + rng.exponential(700.0, customers)
    happens = rng.random((customers, len(day))) < rate[:, None] * season(day)[None, :]
    happens &= (day[None, :] > first[:, None]) & (day[None, :] <= left[:, None])
    happens |= day[None, :] == first[:, None]
    owner, place = happens.nonzero()
    level = rng.gamma(4.0, 10.0, customers)
    value = rng.gamma(3.0, level[owner] / 3.0)
    known = day[place] <= until
    return PurchaseDays(owner[known], day[place][known], value[known], customers, until)


def followed(days: PurchaseDays, season: Callable[[Array], Array] = even, seed: int = 0) -> PurchaseDays:
    """Return the same business with the days that came after."""
    return simulated(season, customers=days.size, seed=seed, until=TODAY + 399)
