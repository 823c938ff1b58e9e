"""When customers registered, and what they consented to then and later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import CONSENT_STATUSES, MICROSECONDS_PER_DAY, PURPOSES, Array
from training.sample.events import Rows
from training.sample.people import People
from training.sample.season import END, at
from training.sample.streams import Streams
from training.sample.world import Logs

FOREVER: Final = int(np.iinfo(np.int64).max)
CONSENT_CHANNELS: Final = ("web", "email")
_MINUTE: Final = 60_000_000
_GRANTED, _DENIED, _REVOKED = (CONSENT_STATUSES.index(word) for word in ("granted", "denied", "revoked"))
_REVOKING_SHARE: Final = {"profiling": 0.012, "behavioural_tracking": 0.015}
_MEAN_DAYS_TO_REVOKE: Final = 150.0


@dataclass(frozen=True, slots=True)
class ConsentRows:
    """Consent rows sorted by customer and time; codes are those of the vocabularies."""

    customer: Array
    purpose: Array
    status: Array
    status_at: Array
    channel: Array


def registered_at(
    people: People, visits: Rows, ordered_by: Array, ordered_at: Array, streams: Streams
) -> Array:
    """Return when each customer registered: minutes before the first thing that the customer did that day.

    Parameters
    ----------
    people : People
        Of the block, N customers.
    visits : rows of events
        All of them, tracked or not.
    ordered_by, ordered_at : ndarray of int64, shape (O,)
        The customer and the time of every order.
    """
    rng = streams["registrations"]
    quiet = at(people.arrival, rng.uniform(8.0, 22.0, people.size))
    first = np.full(people.size, FOREVER)
    np.minimum.at(first, visits["customer"], visits["time"])
    np.minimum.at(first, ordered_by, ordered_at)
    ahead = (rng.uniform(1.0, 12.0, people.size) * _MINUTE).astype(np.int64)
    same_day = first < at(people.arrival + 1)
    return np.where(same_day, first - ahead, quiet)


def consent_rows(
    people: People, logs: Logs, created_at: Array, gone_at: Array, streams: Streams
) -> tuple[ConsentRows, Array]:
    """Return every consent row, and from when on each customer allows no tracking, shape (N,)."""
    rng = streams["revocations"]
    parts: list[tuple[Array, ...]] = []
    tracked_until = np.full(people.size, FOREVER)
    for code, purpose in enumerate(PURPOSES):
        granted = people.granted[purpose]
        said = np.flatnonzero(granted >= 0)
        status = np.where(granted[said] == 1, _GRANTED, _DENIED)
        parts.append(_rows(said, code, status, created_at[said] + _MINUTE // 2, 0))
        when = created_at + (
            rng.exponential(_MEAN_DAYS_TO_REVOKE, people.size) * MICROSECONDS_PER_DAY
        ).astype(np.int64)
        share = _REVOKING_SHARE.get(purpose, 0.0)
        wants = (rng.random(people.size) < share) & (granted != 0) & (when < gone_at) & (when <= END)
        who = np.flatnonzero(wants)
        parts.append(_rows(who, code, np.full(len(who), _REVOKED), when[who], 0))
        if purpose == "behavioural_tracking":
            tracked_until = np.where(granted == 0, 0, np.where(wants, when, FOREVER))
    quits = logs.unsubscribed.columns()
    marketing = PURPOSES.index("marketing")
    parts.append(_rows(quits["customer"], marketing, np.full(len(quits["at"]), _REVOKED), quits["at"], 1))
    customer, purpose_code, status, status_at, channel = (np.concatenate(c) for c in zip(*parts, strict=True))
    by = np.lexsort((purpose_code, status_at, customer))
    return ConsentRows(customer[by], purpose_code[by], status[by], status_at[by], channel[by]), tracked_until


def _rows(customer: Array, purpose: int, status: Array, when: Array, channel: int) -> tuple[Array, ...]:
    """Return consent rows of one purpose."""
    size = len(customer)
    return customer, np.full(size, purpose), status, when, np.full(size, channel)
