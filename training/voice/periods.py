"""The times that a voice report speaks of: twelve months, now, and the time before that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from app.domain.clock import from_microseconds, local_day, to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array
from training.planning.months import Month

MONTHS: Final = 12
NOW_DAYS: Final = 90
"""Now are the latest days of this number; what was before are as many."""
STAKE_DAYS: Final = 2 * NOW_DAYS

_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Periods:
    """The running month and the eleven before it; now and before as microseconds since 1970 in UTC.

    ``now_after``, ``before_after`` and ``starts`` are where each time begins: later than the first two, not
    earlier than the last. ``first`` is the number of the first month, counted from January 1970.
    """

    as_of: int
    timezone: str
    months: tuple[Month, ...]
    first: int
    starts: int

    @property
    def now_after(self) -> int:
        """Where the latest days begin."""
        return self.as_of - NOW_DAYS * MICROSECONDS_PER_DAY

    @property
    def before_after(self) -> int:
        """Where as many days before them begin."""
        return self.as_of - STAKE_DAYS * MICROSECONDS_PER_DAY

    def is_now(self, at: Array) -> Array:
        """Return which times are of the latest days, bool of shape (R,)."""
        found: Array = (at > self.now_after) & (at <= self.as_of)
        return found

    def is_recent(self, at: Array) -> Array:
        """Return which times are of the latest days or as many before them, bool of shape (R,)."""
        found: Array = (at > self.before_after) & (at <= self.as_of)
        return found

    def is_told(self, at: Array) -> Array:
        """Return which times are of the twelve months, bool of shape (R,)."""
        found: Array = (at >= self.starts) & (at <= self.as_of)
        return found

    def month_of(self, at: Array) -> Array:
        """Return which of the months each time is in, int64 of shape (R,); beyond them below 0."""
        days = local_day(at, self.timezone)
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - self.first


def periods_of(as_of: int, timezone: str) -> Periods:
    """Return the times of a report.

    Parameters
    ----------
    as_of : int
        Microseconds since 1970 in UTC.
    timezone : str
        An IANA name; months begin at its midnight.
    """
    now = from_microseconds(as_of, timezone)
    running = (now.year - 1970) * 12 + now.month - 1
    numbers = [running - MONTHS + 1 + k for k in range(MONTHS)]
    begins = [_midnight(number, timezone) for number in (*numbers, running + 1)]
    months = tuple(
        Month(
            f"{starts.year}-{starts.month:02d}",
            starts.isoformat(),
            min(ends, now).isoformat(),
            # The last hours of a month are not missed.
            (ends - now).total_seconds() >= _DAY_SECONDS,
        )
        for starts, ends in pairwise(begins)
    )
    return Periods(as_of, timezone, months, numbers[0], to_microseconds(begins[0]))


def _midnight(number: int, timezone: str) -> datetime:
    return datetime(1970 + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(timezone))
