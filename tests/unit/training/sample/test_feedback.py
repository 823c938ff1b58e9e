from __future__ import annotations

import numpy as np
import pytest

from tests.unit.training.sample.reading import columns
from training.sample import SimulatedBusiness


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7), ("review", 1, 5)]
)
def test_scores_are_whole_and_on_their_scale(
    business: SimulatedBusiness, kind: str, low: int, high: int
) -> None:
    feedback = columns(business.tables["feedback"])
    rows = feedback["kind"] == kind
    score = feedback["score"][rows]
    assert len(score) > 200
    assert (score == np.rint(score)).all()
    assert score.min() >= low
    assert score.max() == high
    assert (feedback["scale_max"][rows] == high).all()


def test_scores_show_the_latent_satisfaction(business: SimulatedBusiness) -> None:
    surveys = columns(business.truth["surveys"])
    for kind in ("csat", "nps", "ces"):
        rows = surveys["kind"] == kind
        assert np.corrcoef(surveys["latent_satisfaction"][rows], surveys["score"][rows])[0, 1] > 0.6


def test_the_satisfied_answer_more_often(business: SimulatedBusiness) -> None:
    surveys = columns(business.truth["surveys"])
    for kind in ("csat", "nps"):
        rows = surveys["kind"] == kind
        felt, answered = surveys["latent_satisfaction"][rows], surveys["answered"][rows]
        assert 0.1 < answered.mean() < 0.45
        assert felt[answered].mean() > felt[~answered].mean() + 0.1


def test_answers_in_the_table_are_those_of_the_truth(business: SimulatedBusiness) -> None:
    surveys, feedback = columns(business.truth["surveys"]), columns(business.tables["feedback"])
    score = dict(zip(feedback["feedback_id"], feedback["score"], strict=True))
    answered = surveys["answered"]
    assert all(
        score[key] == value
        for key, value in zip(surveys["feedback_id"][answered], surveys["score"][answered], strict=True)
    )
    assert (surveys["feedback_id"][~answered] == np.array(None)).all()
    assert answered.sum() == (feedback["kind"] != "review").sum()
