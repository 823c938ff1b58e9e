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


_DAYS_PER_MONTH: Final = 365.2425 / 12


def is_active(rows: Rows) -> Array:
    """Return whether each subscription runs at ``as_of``, bool of shape (R,).

    It runs until it ends, or until its cancellation takes effect: a cancelled one runs to ``ends_at`` where
    that is later than the cancellation, else it stops at once.
    """
    cancelled, ends_at = rows.known("cancelled_at"), rows["ends_at"]
    is_over = (ends_at != NAT) & (ends_at <= rows.as_of)
    # An end that is still to come tells when a cancellation takes effect; without one, it does so at once.
    active: Array = ~is_over & (~cancelled | (ends_at > rows.as_of))
    return active


def compute(view: View) -> dict[str, Array]:
    """Return the features of subscriptions, each of shape (N,).

    ``recurrence_months`` is the longest period, ``days_to_renewal`` the days until the next renewal or end.
    """
    rows = view.rows("subscriptions")
    if rows is None:
        return {}
    size, active = view.size, is_active(rows)
    owner = rows.owner[active]
    recurring, months, amount = (
        rows[name][active] for name in ("is_recurring", "recurrence_months", "amount")
    )
    cancelled = rows.known("cancelled_at")
    days_left = _days_left(view, rows, cancelled)[active]
    running = ragged.count(owner, size)
    known = ragged.count(owner, size, ~np.isnan(recurring))
    renewing = ragged.count(owner, size, recurring == 1.0)
    return {
        "active_subscriptions": running,
        "days_subscribed": _largest(owner, rows.age_days[active].astype(np.float64), size),
        "days_to_renewal": -_largest(owner, -days_left, size),
        "has_recurring_subscription": np.where(known > 0, np.minimum(renewing, 1.0), np.nan),
        "recurrence_months": _largest(owner, months, size),
        "subscription_amount": np.where(
            (running > 0) & (ragged.count(owner, size, ~np.isnan(amount)) == 0),
            np.nan,
            ragged.total(owner, np.nan_to_num(amount), size),
        ),
        "subscriptions_cancelled": ragged.count(rows.owner, size, cancelled),
        "subscriptions_ended": ragged.count(rows.owner, size, ~active & ~cancelled),
    }


def _days_left(view: View, rows: Rows, cancelled: Array) -> Array:
    """Return the days until each subscription renews or ends, NaN where that is not known, shape (R,).

    The end on record of one that renews itself moves with every renewal, so it would tell at an earlier
    ``as_of`` of renewals still to come: its next renewal is reckoned from its start. An end counts where it
    was agreed at the start, or came with a cancellation that is known.
    """
    ends_at, age = rows["ends_at"], rows.age_days
    left = local_day(ends_at, view.history.timezone) - (rows.day + age)
    period = rows["recurrence_months"] * _DAYS_PER_MONTH
    return np.where(
        (rows["is_recurring"] == 1.0) & ~cancelled,
        period - np.mod(age, period),
        np.where(ends_at == NAT, np.nan, left),
    )


def _largest(owner: Array, values: Array, size: int) -> Array:
    """Return each customer's largest known value, shape (N,), NaN where none is."""
    known = ~np.isnan(values)
    return ragged.largest(ragged.offsets_of(owner[known], size), values[known])
