"""The calendar months that a plan speaks of, in the business's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from app.domain.clock import from_microseconds, to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array

_SHORTEST_DAYS: Final = 1.0
"""A rest of the running month that is shorter than this belongs to the next month."""


@dataclass(frozen=True, slots=True)
class Month:
    """One month, or what is left of it: from ``starts_at`` up to ``ends_at``, ISO 8601."""

    name: str
    starts_at: str
    ends_at: str
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months ahead; ``edges`` holds 0 and the ends of the months in days from now, shape (M + 1,)."""

    months: tuple[Month, ...]
    edges: Array


def months_ahead(as_of: int, timezone: str, count: int) -> Calendar:
    """Return the next months; the first is the rest of the running one.

    Parameters
    ----------
    as_of : int
        Microseconds since 1970 in UTC.
    timezone : str
        An IANA name; months begin at its midnight.
    count : int
        How many, 1 at least.

    Raises
    ------
    ValueError
        No month is asked for.
    """
    if count < 1:
        raise ValueError("a plan needs one month at least")
    now = from_microseconds(as_of, timezone)
    names = [(now.year, now.month)]
    ends = [_next(*names[0])]
    if _days(as_of, ends[0], timezone) < _SHORTEST_DAYS:
        names, ends = [ends[0]], [_next(*ends[0])]
    while len(names) < count:
        names.append(ends[-1])
        ends.append(_next(*ends[-1]))
    told = [now, *(_midnight(year, month, timezone) for year, month in ends)]
    months = tuple(
        Month(f"{year}-{month:02d}", starts.isoformat(), stops.isoformat(), _is_part(starts, (year, month)))
        for (year, month), starts, stops in zip(names, told[:-1], told[1:], strict=True)
    )
    return Calendar(months, np.array([0.0, *(_days(as_of, end, timezone) for end in ends)]))


def _next(year: int, month: int) -> tuple[int, int]:
    return (year + month // 12, month % 12 + 1)


def _midnight(year: int, month: int, timezone: str) -> datetime:
    return datetime(year, month, 1, tzinfo=ZoneInfo(timezone))


def _days(as_of: int, month: tuple[int, int], timezone: str) -> float:
    """Return the days from now to the beginning of a month."""
    return (to_microseconds(_midnight(*month, timezone)) - as_of) / MICROSECONDS_PER_DAY


def _is_part(starts: datetime, month: tuple[int, int]) -> bool:
    """Return whether days of the month are over already."""
    return (starts.year, starts.month) == month and (starts.day, starts.hour, starts.minute) != (1, 0, 0)
