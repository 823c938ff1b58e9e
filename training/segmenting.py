"""Fitting the rules of segments: cut points of scores and tiers, and the business's purchase cycle.

Ties: a customer's place among all is the share of the others below it and half of those alike, so that equal
values have equal scores, few distinct values spread over few scores, and where all are alike all are in the
middle. Cut points lie between values. Whoever bought on one day only has frequency 1: nobody is below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.history import Array

SCORES: Final = 5
DECIMALS: Final = 6
"""Values that are alike to so many decimals are alike: sums of money differ in their last bits."""
CYCLE_WEIGHT: Final = 2.0
"""So many gaps as long as the business's median cycle are added to a customer's own."""
NEW_UNTIL: Final = 1.0
"""A customer is new for so many cycles after the first order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where tiers begin: shares of the value, of the customers, and multiples of the purchase cycle."""

    share_a: float = 0.80
    share_b: float = 0.15
    share_frequent: float = 0.20
    at_risk_after: float = 1.5
    dormant_after: float = 3.0
    lost_after: float = 6.0


@dataclass(frozen=True, slots=True)
class Bought:
    """What is known of N customers with a purchase: columns of shape (N,), NaN where unknown."""

    silence: Array
    orders: Array
    revenue: Array
    first: Array
    gap: Array

    def take(self, rows: Array) -> Bought:
        """Return some of the customers."""
        return Bought(
            self.silence[rows], self.orders[rows], self.revenue[rows], self.first[rows], self.gap[rows]
        )


def fit_rules(bought: Bought, wanted: Wanted) -> dict[str, Any]:
    """Return the settings of a variant as :mod:`app.capabilities.segment` reads them, without clusters.

    Parameters
    ----------
    bought : Bought
        Customers with a purchase, one at least.
    wanted : Wanted

    Raises
    ------
    ValueError
        Nobody has a purchase.
    """
    if not len(bought.orders):
        raise ValueError("rules of segments need a customer with a purchase")
    cycle = median_cycle(bought)
    known = bought.revenue[~np.isnan(bought.revenue)]
    has_money = bool((np.round(known, DECIMALS) != 0).any())
    tiers = value_cuts(known, wanted.share_a, wanted.share_b) if has_money else (None, None)
    return {
        "recency": _recency(bought.silence, cycle, wanted),
        "frequency": frequency_scale(bought.orders),
        "monetary": scale_of(known) if has_money else None,
        "frequent_from": frequent_from(bought.orders, wanted.share_frequent),
        "value_a_from": tiers[0],
        "value_b_from": tiers[1],
        "cycle_days": cycle,
        "cycle_weight": CYCLE_WEIGHT,
        "stages": {
            "new": NEW_UNTIL,
            "active": wanted.at_risk_after,
            "at_risk": wanted.dormant_after,
            "dormant": wanted.lost_after,
        },
        "clusters": None,
    }


def scale_of(values: Array, *, is_low_best: bool = False) -> dict[str, Any]:
    """Return the cut points between the scores of values, ``{"edges", "scores"}``.

    Parameters
    ----------
    values : ndarray, shape (N,)
        Finite, one at least.
    is_low_best : bool
        Whether the lowest value has the highest score.
    """
    distinct, counts = np.unique(np.round(values, DECIMALS), return_counts=True)
    place = (np.cumsum(counts) - counts / 2) / counts.sum()
    # A share that is a whole fifth but for its last bit stays on its side.
    scores = np.minimum(np.floor(np.round(SCORES * place, 9)).astype(np.int64) + 1, SCORES)
    if is_low_best:
        # From above, so that a value on the border is treated as it is the other way round.
        from_above = np.round(SCORES * (1 - place), 9)
        scores = np.minimum(np.floor(from_above).astype(np.int64) + 1, SCORES)
    return _between(distinct, scores)


def frequency_scale(orders: Array) -> dict[str, Any]:
    """Return the cut points of frequency: like :func:`scale_of`, but one order day always scores 1."""
    distinct = np.unique(np.round(orders, DECIMALS))
    found = scale_of(orders)
    scores = np.array(found["scores"])[np.searchsorted(found["edges"], distinct, side="right")]
    scores[distinct <= 1] = 1
    return _between(distinct, scores)


def _between(distinct: Array, scores: Array) -> dict[str, Any]:
    """Return cut points halfway between neighbours whose scores differ."""
    moves = np.flatnonzero(np.diff(scores) != 0)
    edges = (distinct[moves] + distinct[moves + 1]) / 2
    return {"edges": edges.tolist(), "scores": [int(scores[0]), *scores[moves + 1].tolist()]}


def _recency(silence: Array, cycle: float, wanted: Wanted) -> dict[str, Any]:
    """Return the cut points of recency; where all are alike, multiples of the purchase cycle instead."""
    if np.ptp(np.round(silence, DECIMALS)) > 0:
        return scale_of(silence, is_low_best=True)
    return {"edges": [wanted.at_risk_after * cycle, wanted.lost_after * cycle], "scores": [5, 3, 1]}


def value_cuts(revenue: Array, share_a: float, share_b: float) -> tuple[float, float]:
    """Return the lowest net values of tier A and of tier B.

    A customer is in A while those of higher value hold less than ``share_a`` of all value above zero, in B
    while they hold less than ``share_a + share_b``; customers who are alike are in the same tier. What is
    not above zero is never in A or B.
    """
    distinct, counts = np.unique(np.round(revenue, DECIMALS), return_counts=True)
    is_positive = distinct > 0
    value, counts = distinct[is_positive][::-1], counts[is_positive][::-1]
    if not len(value):
        # Nobody's value is above zero; whoever asks with one has more than all of them.
        return 10.0**-DECIMALS, 10.0**-DECIMALS
    held = np.cumsum(value * counts)
    before = np.round(np.r_[0.0, held[:-1]] / held[-1], 9)
    lowest_a, lowest_b = value[before < share_a][-1], value[before < round(share_a + share_b, 9)][-1]
    return _just_below(float(lowest_a)), _just_below(float(lowest_b))


def _just_below(value: float) -> float:
    """Return a cut point that the last bits of a sum do not cross, above zero all the same."""
    return max(value - 0.5 * 10.0**-DECIMALS, value / 2)


def frequent_from(orders: Array, share: float) -> float:
    """Return the order days from which frequency is high: nearest to the wanted share, two at least."""
    distinct, counts = np.unique(np.maximum(np.round(orders), 1.0), return_counts=True)
    above = np.cumsum(counts[::-1])[::-1] / counts.sum()
    candidates, shares = np.r_[distinct, distinct[-1] + 1], np.r_[above, 0.0]
    allowed = candidates >= 2
    nearest = np.argmin(np.round(np.abs(shares[allowed] - share), 9))
    return float(candidates[allowed][nearest]) - 0.5


def median_cycle(bought: Bought) -> float:
    """Return the business's usual purchase cycle in days: the median of its repeat customers' average gaps.

    Where nobody has come back yet, the cycle is at least as long as the longest time since a first order.
    One day at least.
    """
    known = bought.gap[bought.gap > 0]
    if len(known):
        return max(float(np.median(known)), 1.0)
    waited = bought.first[~np.isnan(bought.first)]
    return max(float(waited.max()) if len(waited) else 1.0, 1.0)
