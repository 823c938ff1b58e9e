"""Which kind of buyer a customer is: models and their quality are told apart for each kind."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array

REPEAT: Final = "repeat"
FIRST_ORDER: Final = "first_order"
LAPSED: Final = "lapsed"
BUYERS: Final = (REPEAT, FIRST_ORDER, LAPSED)
"""Order days on two days or more; on one; silent for longer than the limit that counts as gone."""


def buyer_inputs(*, is_summary: bool) -> tuple[str, str]:
    """Return the features that decide: days since the last order, and how many order days there were."""
    if is_summary:
        return "summary.days_since_last_order", "summary.order_count"
    return "days_since_last_order", "order_days"


def kind_of_buyer(
    silence: Array, orders: Array, gone_after_days: float, populations: tuple[str, ...]
) -> Array:
    """Return the index of each customer's kind in ``populations``, shape (N,).

    -1 is who has not bought yet, -2 who is lapsed where ``populations`` has no such kind. Where one order day
    is not told apart, all others are of the first kind.

    Parameters
    ----------
    silence, orders : ndarray, shape (N,)
        Days since the last order, NaN without one; order days.
    gone_after_days : float
        Who has been silent for longer is lapsed.
    """
    first = populations.index(FIRST_ORDER) if FIRST_ORDER in populations else 0
    repeat = populations.index(REPEAT) if REPEAT in populations else 0
    lapsed = populations.index(LAPSED) if LAPSED in populations else -2
    kind = np.where(silence > gone_after_days, lapsed, np.where(orders >= 2, repeat, first))
    answer: Array = np.where((orders > 0) & (silence >= 0), kind, -1)
    return answer
