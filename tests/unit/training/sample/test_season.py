from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.domain.clock import from_microseconds, local_day
from app.domain.history import Array
from training.sample.season import DAYS, END, FIRST_DAY, LAST_DAY, TIMEZONE, at, calendar


def _between(first: str, last: str) -> Array:
    dates = np.datetime64(FIRST_DAY) + np.arange(DAYS)
    return np.asarray((dates >= np.datetime64(first)) & (dates <= np.datetime64(last)))


def test_the_data_end_with_the_last_day_of_the_business_zone() -> None:
    assert from_microseconds(END, TIMEZONE).isoformat() == "2026-06-30T23:59:59.999999+08:00"
    assert from_microseconds(int(at(0)), TIMEZONE).isoformat() == "2023-07-01T00:00:00+08:00"
    assert str(np.datetime64(FIRST_DAY) + DAYS - 1) == LAST_DAY


@given(day=st.integers(0, DAYS - 1), hours=st.floats(0.0, 23.99))
def test_a_time_lies_on_its_day(day: int, hours: float) -> None:
    first = int(local_day(np.array([int(at(0))]), TIMEZONE)[0])
    assert local_day(np.array([int(at(day, hours))]), TIMEZONE)[0] - first == day


def test_demand_peaks_before_christmas_and_dips_at_chinese_new_year() -> None:
    demand = calendar().demand
    peak = demand[_between("2024-11-10", "2024-12-20")].mean()
    quiet = demand[_between("2025-04-01", "2025-05-31")].mean()
    dip = demand[_between("2025-01-26", "2025-02-05")].mean()
    assert peak > 1.3 * quiet
    assert dip < 0.6 * quiet
    assert demand.min() > 0


def test_carriers_are_strained_in_the_peak() -> None:
    strain = calendar().strain
    assert (
        strain[_between("2024-11-20", "2024-12-10")].min()
        > strain[_between("2025-04-01", "2025-05-31")].max()
    )
