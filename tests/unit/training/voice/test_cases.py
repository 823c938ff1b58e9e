"""Open cases count for as long as they have been open, and shares only where there was time."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from app.domain.history import CASE_TYPES, MICROSECONDS_PER_DAY, Array
from tests.unit.training.tables.small import NOW
from training.voice.cases import cases_part, days_until
from training.voice.periods import periods_of
from training.voice.rows import Cases

PERIODS = periods_of(to_microseconds(NOW), "UTC")


def cases(
    days_ago: Array, took: Array, *, owner: Array | None = None, reopened: Array | None = None
) -> Cases:
    """Return complaints of different customers; what would take longer than there was time is open."""
    at = PERIODS.as_of - (days_ago * MICROSECONDS_PER_DAY).astype(np.int64)
    is_open = took > days_ago
    is_reopened = np.zeros(len(at), dtype=bool) if reopened is None else reopened
    return Cases(
        owner=np.arange(len(at)) if owner is None else owner,
        at=at,
        days=np.minimum(took, days_ago),
        is_open=is_open,
        was_closed=~is_open | is_reopened,
        is_reopened=is_reopened,
        type=np.zeros(len(at), dtype=np.int64),
        priority=np.full(len(at), -1),
    )


def test_the_median_is_kaplan_and_meiers() -> None:
    days = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    closed = np.zeros(5, dtype=bool)
    assert days_until(days, closed, 0.5) == 3.0
    # 1 closed, 2 open: then 2/3 of four fifths are left after 3, and a third of those after 4.
    assert days_until(days, np.array([False, True, False, False, False]), 0.5) == 4.0
    assert days_until(days, ~closed, 0.5) is None
    assert days_until(np.array([0.0]), closed[:1], 0.5) == 0.0
    assert days_until(np.full(10, 2.0), np.arange(10) >= 9, 0.9) == 2.0


def test_open_cases_make_the_median_longer_than_that_of_the_closed_ones() -> None:
    rng = np.random.default_rng(0)
    took = rng.exponential(10.0, 4000)
    found = cases(rng.uniform(0.0, 20.0, 4000), took)
    closed = np.median(found.days[~found.is_open])
    told = days_until(found.days, found.is_open, 0.5)
    assert told == pytest.approx(10.0 * np.log(2.0), rel=0.1)
    assert closed < 0.7 * 10.0 * np.log(2.0)


def test_only_cases_that_had_three_days_count_as_closed_within_them() -> None:
    days_ago = np.r_[np.full(10, 1.0), np.full(10, 20.0)]
    took = np.r_[np.full(10, 50.0), np.full(5, 1.0), np.full(5, 9.0)]
    told = cases_part(cases(days_ago, took), PERIODS, 0.5)["all"]
    assert (told["closed_soon"]["count"], told["closed_soon"]["of"]) == (5, 10)
    assert (told["cases"], told["open"]) == (20, 10)


def test_only_cases_that_were_closed_can_be_reopened() -> None:
    days_ago, took = np.full(20, 20.0), np.r_[np.full(8, 90.0), np.full(12, 2.0)]
    told = cases_part(cases(days_ago, took, reopened=np.arange(20) < 2), PERIODS, 0.5)["all"]
    assert (told["reopened"]["count"], told["reopened"]["of"]) == (2, 14)


def test_months_and_types_hold_every_case_once() -> None:
    rng = np.random.default_rng(2)
    told = cases_part(cases(rng.uniform(0.0, 300.0, 600), rng.exponential(3.0, 600)), PERIODS, 0.5)
    assert sum(month["cases"] for month in told["months"]) == told["all"]["cases"] == 600
    assert [one["type"] for one in told["by_type"]] == ["complaint"]
    assert [one["priority"] for one in told["by_priority"]] == ["unknown"]
    assert all(len(month["types"]) == len(CASE_TYPES) + 1 for month in told["months"])


def test_cases_of_few_customers_are_hidden() -> None:
    found = cases(np.full(30, 5.0), np.full(30, 1.0), owner=np.arange(30) % 3)
    told = cases_part(found, PERIODS, 0.5)
    assert told["all"]["is_hidden"]
    assert told["all"]["cases"] is told["all"]["median_days"] is None
    assert told["change"]["volume"]["is_hidden"]
    assert all(not one["cases"] for month in told["months"] for one in month["types"])


def test_a_change_is_told_against_orders() -> None:
    days_ago = np.r_[np.full(200, 30.0), np.full(100, 120.0)]
    told = cases_part(cases(days_ago, np.r_[np.full(200, 2.0), np.full(100, 8.0)]), PERIODS, 2 / 3)["change"]
    assert told["volume"]["ratio"] == pytest.approx(1.0)
    assert told["closed_soon"]["difference"] == pytest.approx(1.0)
    assert told["closed_soon"]["is_clear"] is True
    assert told["reopened"]["is_clear"] is False
