"""What trigger rules and the brief ask about, and no model learns from: none of these is an input.

An order here is one that was placed and not cancelled; a pending one counts, because who has just ordered
needs no push.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.clock import local_day
from app.domain.history import CASE_TYPES, EVENTS, NAT, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import View

EVENT_FEATURES: Final = (
    Feature("viewed_days_without_order", "count", high=14.0, table="events", is_input=False),
)
CASE_FEATURES: Final = (Feature("oldest_open_complaint_days", "days", table="support_cases", is_input=False),)
LIFE_FEATURES: Final = (Feature("days_since_sign_of_life", "days", table="", summary=True, is_input=False),)

_VIEWED: Final = EVENTS.index("product_viewed")
_COMPLAINT: Final = CASE_TYPES.index("complaint")
_VIEW_DAYS: Final = 14


def compute_views(view: View) -> dict[str, Array]:
    """Return on how many of the last 14 days products were viewed, after the day of the last order; (N,).

    Not known where neither orders nor a summary tell whether there was an order.
    """
    events = view.rows("events")
    if events is None:
        return {}
    is_told, last = _last_order_day(view)
    counted = (events["event"] == _VIEWED) & (events.age_days < _VIEW_DAYS)
    # Without an order so far every day counts, and a comparison with NaN is never true.
    counted &= ~(events.day <= events.spread(last))
    owner, day = events.owner[counted], events.day[counted]
    days = ragged.count(owner, view.size, ragged.begins(owner, day))
    return {"viewed_days_without_order": np.where(is_told, days, np.nan)}


def compute_complaints(view: View) -> dict[str, Array]:
    """Return for how many days the oldest open complaint has been open, NaN where none is; shape (N,).

    A complaint that was closed and opened again has been open since then.
    """
    cases = view.rows("support_cases")
    if cases is None:
        return {}
    closed, reopened_at = cases.known("closed_at"), cases["reopened_at"]
    again = closed & cases.known("reopened_at") & (reopened_at > cases["closed_at"])
    is_open = (cases["type"] == _COMPLAINT) & (~closed | again)
    since = np.where(again, reopened_at, cases["opened_at"])[is_open]
    owner = cases.owner[is_open]
    today = view.today if view.size == 1 else view.today[owner]
    age = today - local_day(since, view.history.timezone)
    return {"oldest_open_complaint_days": ragged.largest(ragged.offsets_of(owner, view.size), age)}


def compute_life(view: View) -> dict[str, Array]:
    """Return the days since the last order or event, of those that were given; shape (N,)."""
    _, last = _last_order_day(view)
    events = view.rows("events")
    if events is not None:
        last = np.fmax(last, ragged.last(events.offsets, events.day))
    return {"days_since_sign_of_life": view.today - last}


def _last_order_day(view: View) -> tuple[Array, Array]:
    """Return for whom it is told whether they ordered, bool, and the day of the last order, NaN; (N,)."""
    is_told, last = np.zeros(view.size, dtype=bool), np.full(view.size, np.nan)
    orders, purchases = view.rows("orders"), view.purchases
    if orders is not None and purchases is not None:
        placed = ~purchases.cancelled & (orders["revenue"] >= 0)
        if placed.all():
            last = ragged.last(orders.offsets, orders.day)
        else:
            last = ragged.last(ragged.offsets_of(orders.owner[placed], view.size), orders.day[placed])
        is_told = orders.given
    summary = view.history.summary
    if summary is not None:
        at = summary["last_order_at"]
        known = (at != NAT) & (at <= view.as_of)
        day = np.where(known, local_day(at, view.history.timezone), np.nan)
        is_told, last = is_told | known, np.fmax(last, day)
    return is_told, last
