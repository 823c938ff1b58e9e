"""Days of a business's zone, held to the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.clock import NO_DAY, from_microseconds, local_day, to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, NAT

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu", "Africa/Casablanca")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001  the zone stands beside it
    datetime(2099, 12, 30),  # noqa: DTZ001  the same
    timezones=st.just(UTC),
)


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_day_is_a_calendar_day_of_the_zone(moment: datetime, zone: str) -> None:
    date = moment.astimezone(ZoneInfo(zone)).date()
    [day] = local_day(np.array([to_microseconds(moment)]), zone)
    assert EPOCH.date() + timedelta(days=int(day)) == date


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Africa/Casablanca"])
def test_every_change_of_the_clocks_is_found_to_the_second(zone: str) -> None:
    info = ZoneInfo(zone)
    hours = [EPOCH + timedelta(hours=k) for k in range(24 * 365 * 40, 24 * 365 * 42)]
    midnights = [b for a, b in pairwise(hours) if a.astimezone(info).date() != b.astimezone(info).date()]
    assert len(midnights) == pytest.approx(730, abs=1)
    times = np.array([to_microseconds(moment) for moment in midnights])
    before, after = local_day(times - 1, zone), local_day(times, zone)
    assert (after - before).tolist() == [1] * len(times)


@given(st.lists(MOMENTS, min_size=2, max_size=20), st.sampled_from((*ZONES, "America/St_Johns")))
def test_one_time_gives_the_same_day_alone_and_days_never_fall(moments: list[datetime], zone: str) -> None:
    times = np.array(sorted(to_microseconds(moment) for moment in moments))
    days = local_day(times, zone)
    assert (np.diff(days) >= 0).all()
    assert days.tolist() == [int(local_day(times[k : k + 1], zone)[0]) for k in range(len(times))]


def test_days_never_run_backwards_where_clocks_go_back_over_midnight() -> None:
    # In St. John's, in 2010, one minute after midnight became one minute after eleven of the day before.
    change = to_microseconds(datetime(2010, 11, 7, 2, 31, tzinfo=UTC))
    times = change + np.arange(-120, 3700, 10) * 1_000_000
    dates = [from_microseconds(int(time), "America/St_Johns").date() for time in times]
    assert dates != sorted(dates)
    days = local_day(times, "America/St_Johns")
    assert (np.diff(days) >= 0).all()
    assert days[-1] - days[0] == 1
    assert np.diff(days).tolist().count(1) == 1


def test_a_missing_time_has_no_day() -> None:
    times = np.array([NAT, 0, NAT])
    for zone in ZONES:
        assert local_day(times, zone).tolist()[::2] == [NO_DAY, NO_DAY]
    assert local_day(np.empty(0, np.int64), "Europe/London").tolist() == []


@given(MOMENTS)
def test_microseconds_are_exact_in_both_directions(moment: datetime) -> None:
    for zone in ("UTC", "America/New_York"):
        assert from_microseconds(to_microseconds(moment.astimezone(ZoneInfo(zone))), zone) == moment


def test_a_day_has_its_microseconds() -> None:
    assert to_microseconds(EPOCH + timedelta(days=1)) == MICROSECONDS_PER_DAY
    assert from_microseconds(0, "Asia/Shanghai").isoformat() == "1970-01-01T08:00:00+08:00"
