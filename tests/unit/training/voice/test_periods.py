"""Months end with the running one; now and before are of one length and do not overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from app.domain.clock import to_microseconds
from training.voice.periods import MONTHS, periods_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = 86_400_000_000


def at(moment: datetime) -> int:
    return to_microseconds(moment)


def test_twelve_months_end_with_the_running_one() -> None:
    periods = periods_of(at(NOON), "Asia/Shanghai")
    assert [month.name for month in periods.months][::11] == ["2025-04", "2026-03"]
    assert len(periods.months) == MONTHS
    assert [month.is_partial for month in periods.months] == [False] * 11 + [True]
    assert periods.months[-1].ends_at == "2026-03-10T20:00:00+08:00"
    assert periods.months[0].starts_at == "2025-04-01T00:00:00+08:00"


def test_a_month_with_hours_left_is_over() -> None:
    periods = periods_of(at(datetime(2026, 3, 31, 15, tzinfo=UTC)), "Asia/Shanghai")
    assert not any(month.is_partial for month in periods.months)


def test_months_are_those_of_the_business() -> None:
    # 20:00 in London is the next day, and month, in Shanghai.
    moment = np.array([at(datetime(2026, 2, 28, 20, tzinfo=UTC))])
    assert periods_of(at(NOON), "Asia/Shanghai").month_of(moment).tolist() == [11]
    assert periods_of(at(NOON), "Europe/London").month_of(moment).tolist() == [10]


def test_now_and_before_are_ninety_days_each() -> None:
    periods = periods_of(at(NOON), "UTC")
    times = np.array([at(NOON + timedelta(days=days)) for days in (1, 0, -89, -90, -179, -180)])
    assert periods.is_now(times).tolist() == [False, True, True, False, False, False]
    assert periods.is_recent(times).tolist() == [False, True, True, True, True, False]


def test_what_is_told_begins_with_the_first_month() -> None:
    periods = periods_of(at(NOON), "UTC")
    start = at(datetime(2025, 4, 1, tzinfo=UTC))
    times = np.array([start - 1, start, at(NOON), at(NOON) + 1])
    assert periods.is_told(times).tolist() == [False, True, True, False]
    assert periods.month_of(times)[:3].tolist() == [-1, 0, 11]
