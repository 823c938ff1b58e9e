"""Each kind of score is told on its own scale, and an NPS by its definition."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from app.domain.history import FEEDBACK_KINDS, MICROSECONDS_PER_DAY, Array
from tests.unit.training.tables.small import NOW
from training.voice.periods import periods_of
from training.voice.rows import Answers
from training.voice.scores import scores_part

PERIODS = periods_of(to_microseconds(NOW), "UTC")


def answers(kind: str, score: Array, scale_max: Array | float, days_ago: Array | float = 5.0) -> Answers:
    size = len(score)
    days = np.broadcast_to(days_ago, size)
    return Answers(
        owner=np.arange(size),
        at=PERIODS.as_of - (days * MICROSECONDS_PER_DAY).astype(np.int64),
        kind=np.full(size, FEEDBACK_KINDS.index(kind)),
        score=np.asarray(score, dtype=np.float64),
        scale_max=np.broadcast_to(scale_max, size).astype(np.float64),
        text=np.full(size, None, dtype=object),
    )


def test_an_nps_is_promoters_less_detractors() -> None:
    [told] = scores_part(answers("nps", np.r_[np.full(5, 9), np.full(3, 8), np.full(2, 6)], 10.0), PERIODS)
    assert (told["unit"], told["mean"]["mean"]) == ("points", pytest.approx(30.0))
    assert -100 < told["mean"]["low"] < 30.0 < told["mean"]["high"] < 100


@pytest.mark.parametrize(("kind", "scale"), [("csat", 5.0), ("ces", 7.0), ("review", 5.0)])
def test_a_scale_that_is_not_stated_is_the_usual_one(kind: str, scale: float) -> None:
    [told] = scores_part(answers(kind, np.arange(10) % 5 + 1, np.nan), PERIODS)
    assert (told["scale_max"], told["left_out"]["rows"], told["mean"]["mean"]) == (scale, 0, 3.0)


def test_scores_off_the_scale_or_on_another_one_are_left_out_and_counted() -> None:
    score = np.r_[np.full(10, 4.0), np.full(5, 80.0), 9.0]
    [told] = scores_part(answers("csat", score, np.r_[np.full(10, 5.0), np.full(5, 100.0), 5.0]), PERIODS)
    assert (told["scale_max"], told["left_out"]["rows"], told["mean"]["mean"]) == (5.0, 6, 4.0)


def test_months_and_change_are_those_of_the_answers() -> None:
    days = np.r_[np.full(40, 10.0), np.full(40, 100.0)]
    score = np.r_[np.arange(40) % 2 + 4.0, np.arange(40) % 2 + 1.0]
    [told] = scores_part(answers("review", score, 5.0, days), PERIODS)
    assert told["change"]["difference"] == pytest.approx(3.0)
    assert told["change"]["is_clear"] is True
    assert [month["rows"] for month in told["months"] if month["rows"]] == [40, 40]
    assert told["months"][-1]["mean"] == 4.5


def test_few_answers_are_hidden_and_none_are_no_kind() -> None:
    [told] = scores_part(answers("csat", np.full(4, 2.0), 5.0), PERIODS)
    assert told["mean"]["is_hidden"]
    assert told["months"][-1]["mean"] is None
    assert scores_part(answers("csat", np.full(4, np.nan), 5.0), PERIODS) == []
    assert scores_part(answers("csat", np.full(4, 2.0), 5.0, 900.0), PERIODS) == []
