"""The customer's record and the season, by rule."""

from __future__ import annotations

import math

import pytest

from tests.unit.features.histories import AS_OF, DAY, features_of


def test_tenure_is_not_known_before_the_record_began() -> None:
    assert features_of({"customer_id": "c", "customer": {"created_at": AS_OF - 9 * DAY}})["tenure_days"] == 9
    assert features_of({"customer_id": "c", "customer": {"created_at": AS_OF + 1}})["tenure_days"] is None
    assert features_of({"customer_id": "c"})["tenure_days"] is None


def test_words_on_record_come_as_they_are() -> None:
    found = features_of({"customer_id": "c", "customer": {"country": "CN", "company_size": None}})
    assert (found["country"], found["company_size"], found["company_industry"]) == ("CN", None, None)


def test_the_season_comes_round_every_year() -> None:
    now, later = (features_of({"customer_id": "c"}, as_of=AS_OF + days * DAY) for days in (0, 1461))
    half = features_of({"customer_id": "c"}, as_of=AS_OF + 183 * DAY)
    for name in ("season_cosine", "season_sine"):
        assert isinstance(now[name], float)
        assert math.isclose(now[name], later[name], abs_tol=0.02)  # type: ignore[arg-type]
        assert math.isclose(now[name], -half[name], abs_tol=0.02)  # type: ignore[arg-type, operator]
    assert math.hypot(now["season_cosine"], now["season_sine"]) == pytest.approx(1.0)  # type: ignore[arg-type]
