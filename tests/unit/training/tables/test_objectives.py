"""Objectives that do not hold together are refused."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from app.domain.history import PROFILE_TEXTS
from training.tables.objectives import (
    Group,
    NextBestActionObjective,
    Objectives,
    RecommendationsObjective,
    SegmentObjective,
)


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


def test_recommendations_have_every_default() -> None:
    found = Objectives.model_validate({"recommendations": None}).recommendations
    assert found == RecommendationsObjective()
    assert found is not None
    assert (found.horizon_days, found.group_by) == (30, None)


def test_recommendations_know_the_texts_of_a_profile() -> None:
    assert get_args(Group) == PROFILE_TEXTS
    for name in PROFILE_TEXTS:
        assert RecommendationsObjective.model_validate({"group_by": name}).group_by == name


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"horizon_days": 0}, "horizon_days"),
        ({"horizon_days": 366}, "horizon_days"),
        ({"horizon_days": 30.5}, "horizon_days"),
        ({"group_by": "shoe_size"}, "group_by"),
        ({"repeat": True}, "repeat"),
    ],
)
def test_recommendations_that_cannot_be_learned_are_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RecommendationsObjective.model_validate(said)


def test_next_best_action_names_its_file_and_what_it_leaves_out() -> None:
    said = {"next_best_action": {"file": "actions.yaml", "without": ["upsell"]}}
    objective = Objectives.model_validate(said).next_best_action
    assert objective == NextBestActionObjective(file="actions.yaml", defaults=True, without=("upsell",))
    assert Objectives.model_validate({"next_best_action": None}).next_best_action == NextBestActionObjective()
    for wrong in ({"file": ""}, {"defaults": "no"}, {"action": "a"}):
        with pytest.raises(ValidationError):
            Objectives.model_validate({"next_best_action": wrong})
