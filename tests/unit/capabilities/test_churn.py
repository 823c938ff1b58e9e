"""Churn: who can be asked about, the answer, the colour, the percentile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capabilities.base import Answers, Model, Rung
from app.capabilities.churn import CHURN, RISK_LEVELS, deciding, reach, reach_features
from app.domain.history import Array
from app.estimators.base import Calibration, Contributions, trained_moment
from app.features.schema import Feature, FeatureSet

NAN = float("nan")
INACTIVITY = ("repeat", "first_order")
SETTINGS = {"gone_after_days": 200}


@dataclass(frozen=True)
class Fixed:
    """An estimator whose margin is the third input."""

    asked: list[int] = field(default_factory=list)

    def margin(self, X: Array) -> Array:
        self.asked.append(len(X))
        return X[:, 2].copy()

    def contributions(self, X: Array) -> Contributions:
        values = np.zeros(X.shape)
        values[:, 2] = X[:, 2] - 1.0
        return Contributions(np.ones(len(X)), values)


def model(**changes: Any) -> Model:
    names = ("days_since_last_order", "order_days", "margin")
    rungs = tuple(
        Rung(name, Fixed(), Calibration(shift, 2.0), {"yellow": 0.5, "red": 0.8}, np.linspace(0, 1, 11))
        for name, shift in (("repeat", 0.0), ("first_order", 1.0))
    )
    known = {
        "features": FeatureSet(tuple(Feature(name, "x") for name in names)),
        "rungs": rungs,
        "definition": "inactivity",
        "horizon_days": 90,
        "settings": SETTINGS,
    }
    return Model(**{**known, **changes})


def ask(one: Model, X: Array) -> Answers:
    """Return the answers at the moment that the model was trained for."""
    return CHURN.predict(one, X, trained_moment(len(X)))


X = np.array([[10, 3, 0.5], [10, 1, -0.5], [201, 4, 1], [NAN, 0, 1], [NAN, NAN, 1], [200, 2, NAN]])


# ── Reach ─────────────────────────────────────────────────────────────────────────────────────────────
@given(
    st.lists(
        st.tuples(st.integers(0, 400).map(float) | st.just(NAN), st.integers(0, 9).map(float) | st.just(NAN)),
        max_size=9,
    )
)
def test_by_inactivity_those_who_bought_and_are_not_gone_can_be_asked_about(
    rows: list[tuple[float, float]],
) -> None:
    columns = np.array(rows).reshape(-1, 2).T
    names = reach_features("inactivity", is_summary=False)
    who = reach("inactivity", SETTINGS, INACTIVITY, dict(zip(names, columns, strict=True)))
    for (silence, orders), population, reason in zip(rows, who.population, who.reason, strict=True):
        if not orders > 0 or np.isnan(silence):
            assert (population, reason) == (-1, "no_orders")
        elif silence > 200:
            assert (population, reason) == (-1, "already_churned")
        else:
            assert (population, reason) == (0 if orders >= 2 else 1, None)


def test_populations_are_found_by_name() -> None:
    inputs = {
        "summary.days_since_last_order": np.array([5.0, 5.0]),
        "summary.order_count": np.array([1.0, 2.0]),
    }
    assert reach("inactivity", SETTINGS, INACTIVITY[::-1], inputs).population.tolist() == [0, 1]
    assert reach("inactivity", SETTINGS, ("all",), inputs).population.tolist() == [0, 0]


def test_by_subscription_those_with_a_running_one_can_be_asked_about() -> None:
    who = reach("subscription_end", {}, ("all",), {"active_subscriptions": np.array([0.0, 1.0, 3.0, NAN])})
    assert who.population.tolist() == [-1, 0, 0, -1]
    assert who.reason.tolist() == ["no_active_subscription", None, None, "no_active_subscription"]


def test_by_label_everybody_can_be_asked_about() -> None:
    who = reach("label", {}, ("all",), {"anything": np.array([NAN, 1.0])})
    assert (who.population.tolist(), who.reason.tolist()) == ([0, 0], [None, None])
    assert len(reach("label", {}, ("all",), {}).population) == 0


def test_the_deciding_features_follow_the_form_of_the_input() -> None:
    summary = FeatureSet(tuple(Feature(name, "x") for name in reach_features("inactivity", is_summary=True)))
    assert deciding(model()) == ("days_since_last_order", "order_days")
    assert deciding(model(features=summary)) == ("summary.days_since_last_order", "summary.order_count")
    assert deciding(model(definition="subscription_end")) == ("active_subscriptions",)
    assert deciding(model(definition="label")) == ()


# ── Answers ───────────────────────────────────────────────────────────────────────────────────────────
def test_each_population_is_answered_by_its_own_rung() -> None:
    answers = ask(model(), X)
    assert answers["population"].tolist() == [0, 1, -1, -1, -1, 0]
    assert CHURN.population(model(), X).tolist() == answers["population"].tolist()
    expected = [1 / (1 + np.exp(-1.0)), 0.5, NAN, NAN, NAN]
    np.testing.assert_allclose(answers["probability"][:5], expected)
    assert answers["risk_level"].tolist()[:5] == ["yellow", "yellow", None, None, None]
    assert answers["ineligible_reason"].tolist() == [None, None, "already_churned", *["no_orders"] * 2, None]
    assert answers["eligible"].tolist() == [True, True, False, False, False, True]


def test_a_rung_is_not_asked_where_it_has_nobody() -> None:
    one = model()
    ask(one, X[:1])
    CHURN.explain(one, X[:1], trained_moment(len(X[:1])))
    assert [rung.estimator.asked for rung in one.rungs] == [[1], []]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("probability", "level"), [(0.499, "green"), (0.5, "yellow"), (0.799, "yellow"), (0.8, "red")]
)
def test_a_cut_point_belongs_to_the_higher_colour(probability: float, level: str) -> None:
    margin = np.log(probability / (1 - probability)) / 2
    answers = ask(model(), np.array([[10, 3, margin]]))
    assert answers["risk_level"].tolist() == [level]


def test_the_last_bit_of_an_answer_changes_no_word_and_no_percentile() -> None:
    margin = 0.31
    exact = ask(model(), np.array([[10, 3, margin]]))["probability"][0]
    for cut in (exact, np.nextafter(exact, 1), np.nextafter(exact, 0)):
        rung = Rung(
            "repeat", Fixed(), Calibration(0, 2.0), {"yellow": 0.1, "red": float(cut)}, np.full(5, cut)
        )
        answers = ask(model(rungs=(rung,)), np.array([[10, 3, margin]]))
        assert answers["risk_level"].tolist() == ["red"]
        assert answers["percentile"].tolist() == [1.0]


def test_a_percentile_is_the_share_of_the_reference_that_is_no_higher() -> None:
    population = np.random.default_rng(0).beta(2, 5, 20_000)
    reference = np.quantile(population, np.linspace(0, 1, 101))
    rung = Rung("repeat", Fixed(), Calibration(0, 1.0), {"yellow": 0.5, "red": 0.8}, reference)
    margins = np.linspace(-6, 6, 40)
    answers = ask(model(rungs=(rung,)), np.column_stack([np.full(40, 9), np.full(40, 3), margins]))
    shares = [(population <= probability).mean() for probability in answers["probability"]]
    np.testing.assert_allclose(answers["percentile"], shares, atol=0.0101)
    assert answers["percentile"][0] == 0.0
    assert answers["percentile"][-1] == 1.0


def test_without_a_reference_there_is_no_percentile() -> None:
    rung = Rung("repeat", Fixed(), Calibration(), {"yellow": 0.5, "red": 0.8})
    assert np.isnan(ask(model(rungs=(rung,)), X[:1])["percentile"]).all()


def test_the_horizon_is_the_trained_one() -> None:
    assert ask(model(), X)["horizon_days"].tolist() == [90.0] * 6
    assert np.isnan(ask(model(horizon_days=None), X)["horizon_days"]).all()


def test_reasons_explain_the_calibrated_margin_and_say_nothing_where_nobody_answers() -> None:
    one = model()
    parts = CHURN.explain(one, X[:5], trained_moment(len(X[:5])))
    answers = ask(one, X[:5])["probability"]
    np.testing.assert_allclose(1 / (1 + np.exp(-(parts.base + parts.values.sum(axis=1))))[:2], answers[:2])
    assert not parts.base[2:].any()
    assert not parts.values[2:].any()


def test_colours_rise() -> None:
    assert RISK_LEVELS == ("green", "yellow", "red")
