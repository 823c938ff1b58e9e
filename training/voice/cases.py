"""Support cases: how many of which type, how often reopened, and how long until they are closed.

Rules:

1. Days to close are Kaplan and Meier's: a case that is open counts for as long as it has been, since a mean
   of the closed ones alone would leave out the slow ones.
2. The share closed within three days is one of cases opened three days ago or earlier, so that each had them.
3. The share reopened is one of cases that were closed at least once. What was closed lately may still be.

References
----------
Kaplan & Meier (1958), "Nonparametric estimation from incomplete observations".
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from app.domain.history import CASE_TYPES, MICROSECONDS_PER_DAY, PRIORITIES, Array
from training.voice.periods import MONTHS, Periods
from training.voice.rows import Cases
from training.voice.shares import change_of, customers_in, hidden_cells, hidden_in, share_of, volume_change

SOON_DAYS: Final = 3
UNKNOWN: Final = "unknown"

Part = dict[str, Any]


def cases_part(cases: Cases, periods: Periods, expected: float) -> Part:
    """Return the cases of the twelve months.

    Parameters
    ----------
    expected : float
        Share of the latest days among the orders of these and of as many before.
    """
    told = np.flatnonzero(periods.is_told(cases.at))
    month = periods.month_of(cases.at)
    types, priorities = (*CASE_TYPES, UNKNOWN), (*PRIORITIES, UNKNOWN)
    kind = _known(cases.type, CASE_TYPES)
    by_type, by_month = (
        _groups(cases, periods, told, group, size) for group, size in ((kind, len(types)), (month, MONTHS))
    )
    return {
        "soon_days": SOON_DAYS,
        "all": _told(cases, periods, told),
        "by_type": [
            {"type": name, **one}
            for name, one in zip(types, by_type, strict=True)
            if one["is_hidden"] or one["cases"]
        ],
        "by_priority": [
            {"priority": name, **one}
            for name, one in zip(
                priorities,
                _groups(cases, periods, told, _known(cases.priority, PRIORITIES), len(priorities)),
                strict=True,
            )
            if one["is_hidden"] or one["cases"]
        ],
        "months": [
            {"month": one.name, **found, "types": cells}
            for one, found, cells in zip(
                periods.months, by_month, _cells(cases, told, kind, month, by_type, by_month), strict=True
            )
        ],
        "change": _change(cases, periods, expected),
    }


def days_until(days: Array, is_open: Array, share: float) -> float | None:
    """Return after how many days a share of cases is closed; None where so many are not, yet (rule 1).

    Parameters
    ----------
    days : ndarray, shape (C,)
        How long each case took or has been open.
    is_open : ndarray of bool, shape (C,)
    """
    times, place = np.unique(days, return_inverse=True)
    closed = np.bincount(place, weights=~is_open, minlength=len(times))
    at_risk = len(days) - np.r_[0, np.cumsum(np.bincount(place, minlength=len(times)))[:-1]]
    left = np.cumprod(1.0 - closed / at_risk)
    # Rounding of the product may leave it a hair above.
    (reached,) = (left <= 1.0 - share + 1e-12).nonzero()
    return float(times[reached[0]]) if len(reached) else None


def _known(codes: Array, words: tuple[str, ...]) -> Array:
    """Return codes with those that are not known behind the others."""
    return np.where(codes < 0, len(words), codes)


def _groups(cases: Cases, periods: Periods, told: Array, group: Array, groups: int) -> list[Part]:
    rows = [told[group[told] == g] for g in range(groups)]
    untold = hidden_in(np.array([customers_in(cases.owner[own]) for own in rows], dtype=np.int64))
    return [
        _told(cases, periods, own, is_hidden=is_hidden)
        for own, is_hidden in zip(rows, untold.tolist(), strict=True)
    ]


def _told(cases: Cases, periods: Periods, rows: Array, *, is_hidden: bool | None = None) -> Part:
    """Return what is told of some cases."""
    names = ("cases", "customers", "open", "reopened", "closed_soon", "median_days", "days_of_nine_in_ten")
    owner = cases.owner[rows]
    if bool(hidden_in(np.array([customers_in(owner)]))[0]) if is_hidden is None else is_hidden:
        return {"is_hidden": True, **dict.fromkeys(names)}
    days, is_open = cases.days[rows], cases.is_open[rows]
    closed = rows[cases.was_closed[rows]]
    had_time = rows[_had_time(cases, periods, rows)]
    values = (
        len(rows),
        customers_in(owner),
        int(is_open.sum()),
        share_of(cases.is_reopened[closed], cases.owner[closed]),
        share_of(_is_soon(cases, had_time), cases.owner[had_time]),
        days_until(days, is_open, 0.5),
        days_until(days, is_open, 0.9),
    )
    return {"is_hidden": False, **dict(zip(names, values, strict=True))}


def _had_time(cases: Cases, periods: Periods, rows: Array) -> Array:
    found: Array = cases.at[rows] <= periods.as_of - SOON_DAYS * MICROSECONDS_PER_DAY
    return found


def _is_soon(cases: Cases, rows: Array) -> Array:
    found: Array = ~cases.is_open[rows] & (cases.days[rows] <= SOON_DAYS)
    return found


def _cells(
    cases: Cases, told: Array, kind: Array, month: Array, by_type: list[Part], by_month: list[Part]
) -> list[list[Part]]:
    """Return the cases of each type by month; few ones are hidden, with what would give them away."""
    cells = [
        [told[(month[told] == m) & (kind[told] == k)] for k in range(len(by_type))] for m in range(MONTHS)
    ]
    customers = np.array([[customers_in(cases.owner[rows]) for rows in line] for line in cells])
    months, types = (np.array([one["is_hidden"] for one in part]) for part in (by_month, by_type))
    untold = hidden_cells(customers, months, types).tolist()
    return [
        [
            {"type": name, "is_hidden": is_hidden, "cases": None if is_hidden else len(rows)}
            for name, rows, is_hidden in zip((*CASE_TYPES, UNKNOWN), line, flags, strict=True)
        ]
        for line, flags in zip(cells, untold, strict=True)
    ]


def _change(cases: Cases, periods: Periods, expected: float) -> Part:
    """Return how the latest days compare with as many before."""
    recent = np.flatnonzero(periods.is_recent(cases.at))
    had_time = recent[_had_time(cases, periods, recent)]
    closed = recent[cases.was_closed[recent]]
    now = periods.is_now(cases.at)
    return {
        "volume": volume_change(now[recent], cases.owner[recent], expected),
        "closed_soon": change_of(now[had_time], _is_soon(cases, had_time), cases.owner[had_time]),
        "reopened": change_of(now[closed], cases.is_reopened[closed], cases.owner[closed]),
    }
