"""Satisfaction: one margin told as probability, expected score and range; and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from app.capabilities.base import Answers, Model, Rung
from app.capabilities.satisfaction import DEFINITIONS, SATISFACTION, check
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Calibration, Contributions, Moment, sigmoid, trained_moment
from app.features.schema import Feature, FeatureSet

SCALE = {"scores": [1.0, 2.0, 3.0, 4.0, 5.0], "cut": 1, "steps": [-1.5, 0.0, 1.4, 3.0], "width": 0.8}
NAN = float("nan")


@dataclass(frozen=True)
class Fixed:
    """An estimator whose margin is the first input."""

    def margin(self, X: Array) -> Array:
        return X[:, 0].copy()

    def contributions(self, X: Array) -> Contributions:
        values = np.zeros(X.shape)
        values[:, 0] = X[:, 0] - 0.5
        return Contributions(np.full(len(X), 0.5), values)


def model(**changes: Any) -> Model:
    rung = Rung("all", Fixed(), Calibration(-1.0, 2.0), {}, np.linspace(0, 1, 11))
    known = {
        "features": FeatureSet((Feature("margin", "x"), Feature("other", "x"))),
        "rungs": (rung,),
        "definition": "csat",
        "horizon_days": None,
        "settings": {"scale": SCALE, "interval_level": 0.8},
    }
    return Model(**{**known, **changes})


def asked(*margin: float) -> Array:
    return np.column_stack([np.array(margin, dtype=np.float64), np.full(len(margin), NAN)])


def ask(one: Model, X: Array) -> Answers:
    return SATISFACTION.predict(one, X, trained_moment(len(X)))


def test_probability_expected_score_and_range_are_of_one_margin() -> None:
    answers = ask(model(), asked(-2.0, 0.5, 3.0))
    np.testing.assert_allclose(answers["dissatisfied_probability"], sigmoid(np.array([-5.0, 0.0, 5.0])))
    assert (np.diff(answers["expected_score"]) < 0).all()
    assert answers["low"].tolist() == [4.0, 1.0, 1.0]
    assert answers["high"].tolist() == [5.0, 4.0, 1.0]
    assert answers["scale_max"].tolist() == [5.0] * 3
    assert answers["interval_level"].tolist() == [0.8] * 3
    assert set(answers["label_definition"]) == {"csat"}


def test_everybody_can_be_asked_about() -> None:
    X = np.full((3, 2), NAN)
    X[:, 0] = 0.0
    answers = ask(model(), X)
    assert answers["eligible"].all()
    assert answers["ineligible_reason"].tolist() == [None] * 3
    assert answers["population"].tolist() == [0, 0, 0]
    assert SATISFACTION.deciding(model()) == ()


def test_the_percentile_is_the_share_of_the_reference_at_or_below() -> None:
    answers = ask(model(), asked(-30.0, 0.5, 30.0))
    assert answers["percentile"].tolist() == pytest.approx([0.0, 0.5, 1.0], abs=0.05)


def test_another_horizon_asks_for_nothing_else() -> None:
    X = asked(0.1, 0.7)
    one, other = ask(model(), X), SATISFACTION.predict(model(), X, Moment(7, np.zeros(2)))
    assert one["expected_score"].tolist() == other["expected_score"].tolist()


def test_reasons_are_parts_of_the_calibrated_log_odds() -> None:
    parts = SATISFACTION.explain(model(), asked(2.0), trained_moment(1))
    assert parts.base[0] + parts.values.sum() == pytest.approx(2 * 2.0 - 1.0)
    assert parts.values[0, 0] == pytest.approx(2 * 1.5)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_every_definition_is_accepted_and_told(definition: str) -> None:
    one = model(definition=definition)
    check(one)
    assert set(ask(one, asked(0.0))["label_definition"]) == {definition}


def test_two_scores_are_told_as_well() -> None:
    scale = {"scores": [0.0, 1.0], "cut": 0, "steps": [0.0], "width": 0.6}
    answers = ask(model(settings={"scale": scale, "interval_level": 0.8}), asked(0.5, 2.0))
    np.testing.assert_allclose(answers["expected_score"], 1 - answers["dissatisfied_probability"])
    assert answers["low"].tolist() == [0.0, 0.0]
    assert answers["high"].tolist() == [1.0, 0.0]


def settings(**changes: Any) -> dict[str, Any]:
    return {"scale": SCALE, "interval_level": 0.8} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rungs": model().rungs * 2}, "2 populations"),
        ({"definition": "mood"}, "is none of"),
        ({"settings": settings(interval_level=1.0)}, "level"),
        ({"settings": settings(scale=SCALE | {"cut": 2})}, "cut"),
        ({"settings": settings(scale=SCALE | {"steps": [0.0, 0.0]})}, "do not fit"),
        ({"rungs": (replace(model().rungs[0], estimator=None),)}, "satisfaction"),
    ],
)
def test_a_model_that_cannot_answer_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StructureError, match=message):
        check(model(**changes))
