"""The months of a plan begin at the business's midnight, and the running one is what is left of it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from training.planning.months import months_ahead


def at(iso: str) -> int:
    return to_microseconds(datetime.fromisoformat(iso))


def test_the_first_month_is_the_rest_of_the_running_one() -> None:
    found = months_ahead(at("2026-01-11T12:00:00+08:00"), "Asia/Shanghai", 3)
    assert [month.name for month in found.months] == ["2026-01", "2026-02", "2026-03"]
    assert [month.is_partial for month in found.months] == [True, False, False]
    assert found.months[0].starts_at == "2026-01-11T12:00:00+08:00"
    assert found.months[0].ends_at == found.months[1].starts_at == "2026-02-01T00:00:00+08:00"
    assert found.edges.tolist() == [0.0, 20.5, 48.5, 79.5]


def test_months_are_those_of_the_time_zone_across_clock_changes_and_years() -> None:
    found = months_ahead(at("2025-10-01T00:00:00+01:00"), "Europe/London", 4)
    assert [month.name for month in found.months] == ["2025-10", "2025-11", "2025-12", "2026-01"]
    assert not found.months[0].is_partial
    # October has 31 days and the hour that comes twice.
    np.testing.assert_allclose(np.diff(found.edges), [31 + 1 / 24, 30, 31, 31])


def test_the_last_hours_of_a_month_belong_to_the_next_one() -> None:
    found = months_ahead(at("2026-06-30T23:00:00+08:00"), "Asia/Shanghai", 1)
    assert [month.name for month in found.months] == ["2026-07"]
    assert found.months[0].starts_at == "2026-06-30T23:00:00+08:00"
    assert not found.months[0].is_partial
    np.testing.assert_allclose(found.edges, [0, 31 + 1 / 24])
    assert months_ahead(at("2026-06-29T23:00:00+08:00"), "Asia/Shanghai", 1).months[0].name == "2026-06"


def test_a_plan_without_a_month_is_refused() -> None:
    with pytest.raises(ValueError, match="one month"):
        months_ahead(0, "UTC", 0)
