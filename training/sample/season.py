"""The days of the simulated business: when it trades, its seasons, sales weeks and strained carriers.

Day 0 is 2023-07-01 and the last day 2026-06-30, both in Asia/Shanghai, a zone without daylight saving. All
times are int64 microseconds since 1970 in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from app.domain.clock import to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array

TIMEZONE: Final = "Asia/Shanghai"
CURRENCY: Final = "CNY"
FIRST_DAY: Final = "2023-07-01"
LAST_DAY: Final = "2026-06-30"
NEW_YEARS: Final = ("2024-02-10", "2025-01-29", "2026-02-17")
"""Chinese New Year's days within the simulated years."""

HOUR: Final = 3_600_000_000
_START: Final = to_microseconds(datetime.fromisoformat(FIRST_DAY).replace(tzinfo=ZoneInfo(TIMEZONE)))
_DATES: Final = np.arange(np.datetime64(FIRST_DAY), np.datetime64(LAST_DAY) + 1)
DAYS: Final = len(_DATES)
END: Final = _START + DAYS * MICROSECONDS_PER_DAY - 1
"""The last microsecond of the data."""


def at(day: Array | int, hours: Array | float = 0.0) -> Array:
    """Return the times that lie some hours after the local midnight of some days."""
    since = np.asarray(day, dtype=np.int64) * MICROSECONDS_PER_DAY
    return np.asarray(_START + since + np.rint(np.asarray(hours) * HOUR).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Calendar:
    """Per day: demand factor, whether a sale is on, carriers' strain (log odds). Then two lists of days."""

    demand: Array
    sale: Array
    strain: Array
    month_starts: Array
    survey_days: Array


def _between(first: str, last: str) -> Array:
    """Return True on the days from ``first`` to ``last`` (month-day words) of every year."""
    month_day = np.char.partition(_DATES.astype(str), "-")[:, 2]
    return np.asarray((month_day >= first) & (month_day <= last))


def calendar() -> Calendar:
    """Return the calendar of all simulated days; every column has shape (DAYS,)."""
    year_start = _DATES.astype("datetime64[Y]")
    day_of_year = (_DATES - year_start.astype("datetime64[D]")).astype(int)
    peak = np.exp(-0.5 * ((day_of_year - 333) / 17.0) ** 2)
    demand = (1.0 + 0.05 * np.cos(2 * np.pi * (day_of_year - 15) / 365.25)) * (1.0 + 0.6 * peak)
    strain = 0.9 * _between("11-08", "12-18")
    for word in NEW_YEARS:
        distance = (_DATES - np.datetime64(word)).astype(int)
        demand = demand * np.where((distance >= -21) & (distance <= -6), 1.15, 1.0)
        demand = demand * np.where((distance >= -5) & (distance <= 9), 0.45, 1.0)
        strain = strain + 1.1 * ((distance >= -9) & (distance <= 14))
    weekday = (_DATES.astype(int) + 3) % 7
    demand = demand * np.where(weekday >= 5, 1.12, 0.95)
    months = _DATES.astype("datetime64[M]")
    month_start = months.astype("datetime64[D]") == _DATES
    in_quarter = months.astype(int) % 3 == 0
    mid_month = (_DATES - months.astype("datetime64[D]")).astype(int) == 14
    return Calendar(
        demand=demand / demand[:365].mean(),
        sale=_between("06-10", "06-18") | _between("11-01", "11-11") | _between("12-08", "12-12"),
        strain=strain,
        month_starts=np.flatnonzero(month_start),
        survey_days=np.flatnonzero(mid_month & in_quarter),
    )


def monthly_demand() -> dict[str, float]:
    """Return the mean demand factor of each month, for the record of the truth."""
    months = _DATES.astype("datetime64[M]")
    demand = calendar().demand
    return {str(month): round(float(demand[months == month].mean()), 4) for month in np.unique(months)}
