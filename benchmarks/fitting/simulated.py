"""Customers who behave as a buy-till-you-die model says, order by order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.domain.history import Array
from app.estimators.btyd import MbgNbd, ParetoNbd, Transactions


def simulate(
    params: Transactions, T: Array, rng: np.random.Generator, *, whole_days: bool = False
) -> tuple[Array, Array, Array]:
    """Simulate customers from their first order on.

    Parameters
    ----------
    T : ndarray, shape (N,)
        Days that each customer is watched.
    whole_days : bool
        Whether times are rounded up to days, several orders on one being one, as in real tables.

    Returns
    -------
    tuple of ndarray
        Frequency, recency and T, shape (N,) each.
    """
    size = len(T)
    rate = np.maximum(rng.gamma(params.r, 1.0 / params.alpha, size), 1e-300)
    leaves, last_day = _leaving(params, size, rng)
    end = np.minimum(T, last_day)
    frequency, recency, time = np.zeros(size), np.zeros(size), np.zeros(size)
    here = np.flatnonzero(~leaves(np.arange(size))) if isinstance(params, MbgNbd) else np.arange(size)
    while len(here):
        time[here] += rng.standard_exponential(len(here)) / rate[here]
        here = here[time[here] <= end[here]]
        seen = np.minimum(np.ceil(time[here]), T[here]) if whole_days else time[here]
        frequency[here] += seen > recency[here]
        recency[here] = seen
        here = here[~leaves(here)]
    return frequency, recency, T


def _leaving(
    params: Transactions, size: int, rng: np.random.Generator
) -> tuple[Callable[[Array], Array], Array]:
    """Return who of some customers leaves after an order, as a function, and when each leaves anyway."""
    if isinstance(params, ParetoNbd):
        stays = rng.standard_exponential(size) / np.maximum(
            rng.gamma(params.s, 1.0 / params.beta, size), 1e-300
        )
        return (lambda who: np.zeros(len(who), dtype=bool)), stays
    inclination = rng.beta(params.a, params.b, size)
    return (lambda who: rng.random(len(who)) < inclination[who]), np.full(size, np.inf)
