"""Days and months of a business's time zone, for whole columns of times.

Rules: a day is a calendar day of the business's zone, also across daylight-saving changes; day 0 is
1970-01-01 in that zone; the result for one time does not depend on the others in the column.
"""

from __future__ import annotations

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


@lru_cache(maxsize=64)
def _transitions(timezone: str) -> tuple[Array, Array]:
    """Return the times at which a zone's offset changes and the offset from each on, microseconds."""
    zone = ZoneInfo(timezone)

    def offset(second: int) -> int:
        value = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
        return 0 if value is None else round(value.total_seconds())

    step = 7 * 86_400
    end = int((datetime(_LAST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    starts, offsets = [np.iinfo(np.int64).min], [offset(0)]
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
        starts.append(right * 1_000_000)
        offsets.append(offset(right))
    return np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64) * 1_000_000


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
        Days since 1970-01-01 in that zone; ``NO_DAY`` where the time is missing.
    """
    if timezone == "UTC":
        days = times // MICROSECONDS_PER_DAY
    else:
        starts, offsets = _transitions(timezone)
        days = (times + offsets[np.searchsorted(starts, times, side="right") - 1]) // MICROSECONDS_PER_DAY
    return np.where(times == NAT, NO_DAY, days)
