"""Objectives that do not hold together are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from training.tables.objectives import Objectives, SegmentObjective


def test_segments_have_every_default() -> None:
    found = Objectives.model_validate({"segment": None}).segment
    assert found == SegmentObjective()
    assert Objectives.model_validate({"segment": None}).wanted == ("segment",)
    assert Objectives().segment is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"value_a": 0.9, "value_b": 0.1}, "leave a share for C"),
        ({"at_risk_after": 3.0}, "must rise"),
        ({"lost_after": 2.0}, "must rise"),
        ({"frequent": 1.0}, "frequent"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"cut": 1}, "cut"),
    ],
)
def test_segments_that_do_not_hold_together_are_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SegmentObjective.model_validate(said)
