"""Contacts with known truth, as columns."""

from __future__ import annotations

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from training.actions.rows import Contacts

START = 1_759_968_000_000_000


def contacts_of(
    y: Array,
    treated: Array | None = None,
    *,
    propensity: Array | float = 0.5,
    customer: Array | None = None,
    action: Array | str = "coupon",
    channel: Array | str = "email",
    day: Array | None = None,
    hour: Array | float = 12.0,
    is_untimed: Array | None = None,
) -> Contacts:
    """Return contacts with windows of 7 days; every row is a customer of its own by default."""
    size = len(y)
    days = np.arange(size) // 50 if day is None else day
    at = START + (days + np.broadcast_to(hour, size) / 24) * MICROSECONDS_PER_DAY
    return Contacts(
        np.arange(size) if customer is None else customer,
        at.astype(np.int64),
        np.array(np.broadcast_to(action, size), dtype=object),
        np.array(np.broadcast_to(channel, size), dtype=object),
        np.ones(size) if treated is None else treated,
        np.array(np.broadcast_to(propensity, size), dtype=np.float64),
        y,
        np.zeros(size, dtype=bool) if is_untimed is None else is_untimed,
        np.full(size, 7.0),
    )


def trial(seed: int, size: int, without: float, effect: float, propensity: Array | float = 0.5) -> Contacts:
    """Return a trial of one action: answers with a share of ``without``, and ``effect`` more when treated."""
    rng = np.random.default_rng(seed)
    chance = np.array(np.broadcast_to(propensity, size), dtype=np.float64)
    treated = (rng.random(size) < chance).astype(np.float64)
    y = (rng.random(size) < without + effect * treated).astype(np.float64)
    return contacts_of(y, treated, propensity=chance)
