"""Days and months of a business's time zone, for whole columns of times.

Rules: a day is a calendar day of the business's zone, also across daylight-saving changes; day 0 is
1970-01-01 in that zone; days never run backwards: where clocks go back over midnight, the hour that comes
twice belongs to the new day; the result for one time does not depend on the others in the column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR: Final = 2100
NO_DAY: Final = int(np.iinfo(np.int64).min)
"""The day of a missing time."""


def to_microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970 in UTC, without rounding."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(microseconds: int, timezone: str = "UTC") -> datetime:
    """Return the aware datetime of a time, in a zone."""
    return (_EPOCH + timedelta(microseconds=microseconds)).astimezone(ZoneInfo(timezone))


@dataclass(frozen=True, slots=True)
class _Zone:
    """When a zone's offset changes, shape (K,), and the offset before, between and after, shape (K + 1,).

    ``first_days`` holds the earliest day that may follow each change; None where no change turns a day back.
    """

    changes: Array
    offsets: Array
    first_days: Array | None


@lru_cache(maxsize=64)
def _zone(timezone: str) -> _Zone:
    """Return the changes of a zone's offset from 1970 to 2100, in microseconds."""
    zone = ZoneInfo(timezone)

    def offset(second: int) -> int:
        value = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
        return 0 if value is None else round(value.total_seconds())

    step = 7 * 86_400
    end = int((datetime(_LAST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    changes, offsets = [], [offset(0)]
    for low in range(0, end, step):
        left, right = low, low + step
        if offset(right) == offsets[-1]:
            continue
        while right - left > 1:
            middle = (left + right) // 2
            if offset(middle) == offsets[-1]:
                left = middle
            else:
                right = middle
        changes.append(right)
        offsets.append(offset(right))
    at = np.array(changes, dtype=np.int64) * 1_000_000
    shift = np.array(offsets, dtype=np.int64) * 1_000_000
    before = (at - 1 + shift[:-1]) // MICROSECONDS_PER_DAY
    turns_back = (at + shift[1:]) // MICROSECONDS_PER_DAY < before
    return _Zone(at, shift, np.r_[NO_DAY, before] if turns_back.any() else None)


def local_day(times: Array, timezone: str) -> Array:
    """Return the calendar day of each time in a zone.

    Parameters
    ----------
    times : ndarray of int64, shape (R,)
        Microseconds since 1970 in UTC, ``NAT`` where missing.
    timezone : str
        An IANA name such as ``Europe/London``.

    Returns
    -------
    ndarray of int64, shape (R,)
        Days since 1970-01-01 in that zone; ``NO_DAY`` where the time is missing. Never falling where the
        times never fall.
    """
    zone = _zone(timezone)
    place = zone.changes.searchsorted(times, side="right")
    days: Array = (times + zone.offsets[place]) // MICROSECONDS_PER_DAY
    if zone.first_days is not None:
        days = np.maximum(days, zone.first_days[place])
    return np.where(times == NAT, NO_DAY, days)
