"""Subscriptions in force, how long, and how soon they end."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.clock import local_day
from app.domain.history import NAT, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import Rows, View

FEATURES: Final = tuple(
    Feature(name, unit, high=high, kind="flag" if unit == "flag" else "number", table="subscriptions")
    for name, unit, high in (
        ("active_subscriptions", "count", np.inf),
        ("days_subscribed", "days", np.inf),
        ("days_to_renewal", "days", np.inf),
        ("has_recurring_subscription", "flag", 1.0),
        ("recurrence_months", "months", np.inf),
        ("subscription_amount", "currency", np.inf),
        ("subscriptions_cancelled", "count", np.inf),
        ("subscriptions_ended", "count", np.inf),
    )
)


def is_active(rows: Rows) -> Array:
    """Return whether each subscription runs at ``as_of``, bool of shape (R,).

    It runs until it ends, or until its cancellation takes effect: a cancelled one runs to ``ends_at`` where
    that is later than the cancellation, else it stops at once.
    """
    cancelled = rows.known("cancelled_at")
    ends_at = rows["ends_at"]
    ended = (ends_at != NAT) & (ends_at <= rows.as_of)
    runs_on = cancelled & (ends_at != NAT) & (ends_at > rows.as_of)
    return ~ended & (~cancelled | runs_on)


def compute(view: View) -> dict[str, Array]:
    """Return the features of subscriptions, each of shape (N,)."""
    rows = view.rows("subscriptions")
    if rows is None:
        return {}
    size = view.size
    active = is_active(rows)
    owner = rows.owner[active]
    ends = rows["ends_at"][active]
    days_left = np.where(
        ends == NAT, -np.inf, -(local_day(ends, view.history.timezone) - view.today[owner]).astype(np.float64)
    )
    cancelled = rows.known("cancelled_at")
    ended = ~active & ~cancelled
    return {
        "active_subscriptions": ragged.count(owner, size),
        "days_subscribed": ragged.largest(owner, rows.age_days[active].astype(np.float64), size),
        "days_to_renewal": -ragged.largest(owner, days_left, size),
        "has_recurring_subscription": np.minimum(
            ragged.count(owner, size, rows["is_recurring"][active] == 1.0), 1.0
        ),
        "recurrence_months": ragged.largest(owner, np.nan_to_num(rows["recurrence_months"][active]), size),
        "subscription_amount": ragged.total(owner, np.nan_to_num(rows["amount"][active]), size),
        "subscriptions_cancelled": ragged.count(rows.owner, size, cancelled),
        "subscriptions_ended": ragged.count(rows.owner, size, ended),
    }
