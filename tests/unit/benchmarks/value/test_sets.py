from __future__ import annotations

from datetime import datetime

import pytest

from benchmarks.value.questions import Bounds
from benchmarks.value.sets import QUESTIONS
from training.tables import load_business


def test_the_bounds_are_those_that_were_set() -> None:
    assert {name: one.bounds for name, one in QUESTIONS.items()} == {
        "cdnow": Bounds(gini=0.721, auc=0.768, log_loss=0.495, ece=0.02),
        "retail-91": Bounds(gini=0.833, auc=0.803, log_loss=0.537, ece=0.06),
        "retail-183": Bounds(gini=0.872, auc=0.811, log_loss=0.526),
    }
    for one in QUESTIONS.values():
        assert (one.bounds.level, one.bounds.above, one.bounds.window) == (
            (0.85, 1.15),
            (0.07, 0.13),
            (0.75, 0.85),
        )


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_a_business_and_a_cut_at_the_end_of_its_day(name: str) -> None:
    one = QUESTIONS[name]
    business = load_business(one.file)
    assert business.objectives.clv is not None
    cut = datetime.fromisoformat(one.cut)
    assert cut.tzinfo is not None
    assert (cut.hour, cut.minute, cut.second) == (23, 59, 59)
    asked = one.business().objectives
    assert asked.clv is not None
    assert (asked.clv.horizon_days, asked.purchase_horizon_days) == (one.horizon, one.horizon)


def test_cuts_and_horizons_are_those_that_were_asked_for() -> None:
    assert {name: (one.cut[:10], one.horizon) for name, one in QUESTIONS.items()} == {
        "cdnow": ("1997-09-30", 273),
        "retail-91": ("2011-09-09", 91),
        "retail-183": ("2011-06-09", 183),
    }
