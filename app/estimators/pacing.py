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

    Parameters
    ----------
    net, charge : ndarray, shape (N,)
        What each contact promises beyond its cost, and what it takes from the budget.
    """
    wanted = net > price
    if float(charge[wanted].sum()) <= left:
        return price
    order = np.argsort(-net[wanted], kind="stable")
    nets, taken = net[wanted][order], np.cumsum(charge[wanted][order])
    first_out = int(np.searchsorted(taken, left, side="right"))
    return float(nets[first_out])
