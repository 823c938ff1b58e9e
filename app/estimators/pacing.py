"""What a budget asks for a contact now: the dual price of one budget, λ, so that the money lasts.

Of a budget, a contact is sent if what it promises beyond its cost is above λ. One at a time, λ follows what
was spent against what can be spent per wish for the rest of the period (online dual descent: Balseiro, Lu
and Mirrokni 2023, "The best of many worlds"); of a whole batch, λ is the lowest price at which it fits.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array

STEP: Final = 0.3
"""How far one decision moves the price, at most, as a share of what contacts promise on average."""
ROUNDING: Final = 1e-9
ROUNDS: Final = 5
"""How often prices that depend on each other are set anew, at most."""
FEWEST: Final = 2
"""Wishes after which the rate of wishes is believed."""


def next_price(
    price: float,
    taken: float,
    asked: float,
    left: float,
    share_left: float,
    wishes: int,
    typical_net: float,
) -> float:
    """Return λ after one wish for a budget.

    Parameters
    ----------
    price : float
        λ before.
    taken, asked : float
        What the wish took, 0 where nothing was sent, and what it would have taken.
    left : float
        What is left of the budget after that.
    share_left : float
        How much of the period is left, 0 to 1.
    wishes : int
        Wishes so far, this one included.
    typical_net : float
        The mean of what wishes promised beyond their cost.

    Returns
    -------
    float
        At least 0, in money.
    """
    to_come = wishes * share_left / max(1.0 - share_left, 1e-9)
    if wishes < FEWEST or to_come < 1.0:
        return price
    affordable = max(left, 0.0) / to_come
    move = (taken - affordable) / max(asked, affordable, 1e-9)
    return max(price + STEP * abs(typical_net) * move, 0.0)


def batch_price(net: Array, charge: Array, left: float, price: float) -> float:
    """Return the lowest λ from ``price`` up at which all that promise more fit into what is left.

    Of those that promise as much as the first one that does not fit, some may fit: λ lies just below, and
    what is spent decides.

    Parameters
    ----------
    net, charge : ndarray, shape (N,)
        What each contact promises beyond its cost, and what it is expected to take from the budget.
    """
    wanted = net > price
    order = np.argsort(-net[wanted], kind="stable")
    taken = np.cumsum(charge[wanted][order])
    room = max(left, 0.0) * (1.0 + ROUNDING)
    if not len(taken) or taken[-1] <= room:
        return price
    first_out = int(np.searchsorted(taken, room, side="right"))
    return max(float(np.nextafter(net[wanted][order][first_out], -np.inf)), price)


def batch_prices(
    worth: Array,
    allowed: Array,
    budget: Array,
    charge: Array,
    share: Array,
    left: Array,
    least: Array,
) -> Array:
    """Return λ of each budget at which the contacts of a whole batch fit, shape (B,).

    Prices depend on each other: who is priced out of one budget may turn to another. They are set in turn
    until they stand still.

    Parameters
    ----------
    worth, allowed : ndarray, shape (N, K)
        What each candidate promises each person, and whether all but the prices allows it.
    budget, charge : ndarray, shape (K,)
        The budget of each candidate, -1 for none, and what a contact takes from it.
    share : ndarray, shape (N,)
        Which share of each person's decision is drawn evenly from all that is left.
    left, least : ndarray, shape (B,)
        What is left of each budget, and the price that it never falls below.
    """
    prices = least.astype(np.float64)
    rows = np.arange(len(worth))
    for _ in range(ROUNDS):
        before = prices.copy()
        for b in range(len(prices)):
            asked = np.append(prices, -np.inf)[budget]
            asked[budget == b] = -np.inf
            is_open = allowed & (worth > asked)
            count = is_open.sum(axis=1) + 1
            best = np.where(is_open, worth, -np.inf).argmax(axis=1)
            weight = is_open * (share / count)[:, None]
            pays = is_open[rows, best] & (worth[rows, best] > 0)
            weight[rows, best] += np.where(pays, 1.0 - share, 0.0)
            mine = budget == b
            taken = (weight * charge)[:, mine].ravel()
            prices[b] = batch_price(worth[:, mine].ravel(), taken, float(left[b]), float(least[b]))
        if (prices == before).all():
            break
    return prices
