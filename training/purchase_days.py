"""Purchase days as known at a time, and what a buy-till-you-die model needs of them at any earlier day.

One purchase is one customer and day, netted; the days are those that features see, so that what is fitted
here is what is asked about there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.domain.history import Array, History
from app.estimators.forecast import Statistics
from app.features import ragged
from app.features.view import View


@dataclass(frozen=True, slots=True)
class PurchaseDays:
    """Purchase days of N customers, sorted by customer and day; each of shape (P,).

    ``day`` counts from 1970-01-01 in the business's zone, ``today`` is the last day that is known.
    """

    owner: Array
    day: Array
    value: Array
    size: int
    today: int

    @property
    def earliest(self) -> int:
        """The first purchase day of all; today where there is none."""
        return int(self.day.min()) if len(self.day) else self.today

    def history_days(self) -> int:
        """Return how many days the purchases span."""
        return self.today - self.earliest

    def bought(self, after: int, until: int) -> tuple[Array, Array]:
        """Return each customer's purchase days in (after, until] and their value, both of shape (N,)."""
        within = (self.day > after) & (self.day <= until)
        owner = self.owner[within]
        return ragged.count(owner, self.size), ragged.total(owner, self.value[within], self.size)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everybody with a purchase by a day: their places, shape (M,), and what was known of them then."""

    customers: Array
    known: Statistics


def sampled(days: PurchaseDays, limit: int) -> PurchaseDays:
    """Return the purchases of at most so many customers, every n-th of those who have any."""
    (buyers,) = np.bincount(days.owner, minlength=days.size).nonzero()
    if len(buyers) <= limit:
        return days
    is_chosen = np.zeros(days.size, dtype=bool)
    is_chosen[buyers[:: -(-len(buyers) // limit)]] = True
    kept = is_chosen[days.owner]
    return PurchaseDays(days.owner[kept], days.day[kept], days.value[kept], days.size, days.today)


def purchase_days(
    history: History, at: int, consent_defaults: Mapping[str, str], keep: Array | None = None
) -> PurchaseDays:
    """Return the purchase days that were known at a time.

    Parameters
    ----------
    at : int
        Microseconds since 1970 in UTC.
    keep : ndarray of bool, shape (N,), optional
        Whose purchases count; everybody's by default.
    """
    view = View(history, np.full(history.size, at), consent_defaults)
    purchases = view.purchases
    today = int(view.today[0]) if history.size else 0
    if purchases is None:
        nothing = np.empty(0)
        return PurchaseDays(nothing.astype(np.int64), nothing.astype(np.int64), nothing, history.size, today)
    owner, day, value = purchases.owner, purchases.day, purchases.value
    if keep is not None:
        kept = keep[owner]
        owner, day, value = owner[kept], day[kept], value[kept]
    return PurchaseDays(owner, day, value, history.size, today)


def cohort_at(days: PurchaseDays, today: int) -> Cohort:
    """Return everybody with a purchase up to a day, and their statistics then."""
    past = days.day <= today
    owner, day, value = days.owner[past], days.day[past], days.value[past]
    offsets = ragged.offsets_of(owner, days.size)
    count = np.diff(offsets)
    (customers,) = count.nonzero()
    first, last = day[offsets[:-1][customers]], day[offsets[1:][customers] - 1]
    repeat = (count[customers] - 1).astype(np.float64)
    spent, begun = ragged.total(owner, value, days.size)[customers], value[offsets[:-1][customers]]
    with np.errstate(invalid="ignore"):
        later = (spent - begun) / repeat
    return Cohort(
        customers,
        Statistics(
            repeat,
            (last - first).astype(np.float64),
            (today - first).astype(np.float64),
            spent / (repeat + 1.0),
            np.where(repeat > 0, later, 0.0),
        ),
    )
