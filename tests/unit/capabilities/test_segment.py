"""Segment: who can be asked about, scores and names, tiers, the own cycle, clusters, and what decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capabilities.base import Answers, Model, Rung
from app.capabilities.segment import INPUTS, SEGMENT, SUMMARY_INPUTS, read_rules
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Calibration, trained_moment
from app.features.library import LIBRARY
from app.features.schema import FeatureSet

NAN = float("nan")
SCALE = {"edges": [1.5, 2.5, 4.5, 8.5], "scores": [1, 2, 3, 4, 5]}
CLUSTERS = {
    "inputs": ["order_days", "average_order_value"],
    "low": [1.0, 1.0],
    "high": [50.0, 500.0],
    "offset": [1.0, 5.0],
    "center": [1.0, 4.0],
    "scale": [1.0, 1.0],
    "centroids": [[-0.3, 0.0], [2.0, 1.0], [0.0, 2.0]],
    "names": ["rare", "frequent_high_spend", "high_spend"],
}


def settings(**changes: Any) -> dict[str, Any]:
    known = {
        "recency": {"edges": [10, 30, 90, 300], "scores": [5, 4, 3, 2, 1]},
        "frequency": SCALE,
        "monetary": {"edges": [20, 60, 200, 900], "scores": [1, 2, 3, 4, 5]},
        "frequent_from": 4.5,
        "value_a_from": 500.0,
        "value_b_from": 50.0,
        "cycle_days": 40.0,
        "cycle_weight": 2.0,
        "stages": {"new": 1.0, "active": 1.5, "at_risk": 3.0, "dormant": 6.0},
        "clusters": None,
    }
    return {**known, **changes}


def model(*extra: str, inputs: tuple[str, ...] = INPUTS, **changes: Any) -> Model:
    features = FeatureSet(tuple(LIBRARY[name] for name in (*inputs, *extra)))
    return Model(features, (Rung("all", None, Calibration()),), "rfm", None, settings(**changes))


def asked(*rows: tuple[float, ...], **changes: Any) -> Answers:
    """Answer for rows of (silence, order days, revenue, days since first, average gap)."""
    X = np.array(rows)
    return SEGMENT.predict(model(**changes), X, trained_moment(len(X)))


def told(answers: Answers, name: str) -> list[Any]:
    values: list[Any] = answers[name].tolist()
    return values


# ── Who ───────────────────────────────────────────────────────────────────────────────────────────────
def test_everybody_with_a_purchase_can_be_asked_about() -> None:
    answers = asked(
        (5, 1, 9, 5, NAN), (NAN, 0, 0, NAN, NAN), (NAN, NAN, NAN, NAN, NAN), (4000, 9, 1, 5000, 99)
    )
    assert told(answers, "eligible") == [True, False, False, True]
    assert told(answers, "ineligible_reason") == [None, "no_orders", "no_orders", None]
    assert told(answers, "population") == [0, -1, -1, 0]
    assert told(answers, "name")[1:3] == [None, None]
    assert np.isnan(answers["rfm.recency"][1:3]).all()


def test_the_summary_variant_answers_alike() -> None:
    rows = ((5, 3, 120, 200, 60), (400, 1, 9, 400, NAN))
    full, summary = asked(*rows), asked(*rows, inputs=SUMMARY_INPUTS)
    for name, column in full.items():
        assert str(column.tolist()) == str(summary[name].tolist()), name
    assert SEGMENT.deciding(model()) == ("days_since_last_order", "order_days")
    assert SEGMENT.deciding(model(inputs=SUMMARY_INPUTS)) == SUMMARY_INPUTS[:2]


# ── Scores and names ──────────────────────────────────────────────────────────────────────────────────
def test_scores_code_and_name() -> None:
    answers = asked((5, 9, 1000, 400, 40), (350, 2, 30, 400, 50), (100, 5, 300, 800, 90))
    scores = [told(answers, f"rfm.{part}") for part in ("recency", "frequency", "monetary")]
    assert scores == [[5, 1, 2], [5, 2, 4], [5, 2, 4]]
    assert told(answers, "rfm.code") == ["R5F5M5", "R1F2M2", "R2F4M4"]
    assert told(answers, "name") == ["champions", "lost", "at_risk"]


def test_without_money_the_rest_is_told_all_the_same() -> None:
    whole = asked((5, 9, 1000, 400, 40), monetary=None, value_a_from=None, value_b_from=None)
    one = asked((5, 9, NAN, 400, 40), (5, 9, 1000, 400, 40))
    for answers in (whole, one):
        assert np.isnan(answers["rfm.monetary"][0])
        assert told(answers, "rfm.code")[0] == "R5F5"
        assert told(answers, "name")[0] == "champions"
        assert told(answers, "value_tier")[0] is None
    assert told(one, "rfm.code")[1] == "R5F5M5"
    assert told(one, "value_tier")[1] == "A"


def test_value_tiers_by_net_value_so_far() -> None:
    rows = [(5, 1, value, 5, NAN) for value in (500, 499.99, 50, 49.99, 0, -300)]
    assert told(asked(*rows), "value_tier") == ["A", "B", "B", "C", "C", "C"]


def test_frequency_tier_begins_at_its_cut_point() -> None:
    assert told(asked((5, 4, 9, 50, 9), (5, 5, 9, 50, 9)), "frequency_tier") == ["low", "high"]
    assert told(asked((5, 4, 9, 50, 9), frequent_from=4.0), "frequency_tier") == ["high"]


# ── Lifecycle ─────────────────────────────────────────────────────────────────────────────────────────
def test_the_same_silence_means_more_for_who_buys_often() -> None:
    weekly, yearly = (90, 40, 9, 400, 7.0), (90, 6, 9, 2000, 365.0)
    assert told(asked(weekly, yearly), "lifecycle_stage") == ["lost", "active"]


@pytest.mark.parametrize(
    ("silence", "stage"),
    [(40, "new"), (41, "active"), (60, "active"), (61, "at_risk"), (120, "at_risk"), (121, "dormant")],
)
def test_one_order_is_held_against_the_cycle_of_the_business(silence: int, stage: str) -> None:
    assert told(asked((silence, 1, 9, silence, NAN)), "lifecycle_stage") == [stage]


def test_stages_end_at_six_cycles() -> None:
    answers = asked((240, 1, 9, 240, NAN), (241, 1, 9, 241, NAN))
    assert told(answers, "lifecycle_stage") == ["dormant", "lost"]


def test_the_own_cycle_is_drawn_to_the_business_the_fewer_gaps_there_are() -> None:
    rules = read_rules(settings(), {name: j for j, name in enumerate(INPUTS)})
    orders, gap = np.array([1.0, 2, 4, 200, 3, 2]), np.array([NAN, 10, 10, 10, NAN, 0.1])
    cycle = rules.cycle(orders, gap)
    np.testing.assert_allclose(cycle[:5], [40, (10 + 80) / 3, (30 + 80) / 5, (1990 + 80) / 201, 40])
    assert (cycle >= 1).all()


def test_two_quick_orders_of_a_beginner_are_new() -> None:
    assert told(asked((1, 2, 9, 4, 3.0)), "lifecycle_stage") == ["new"]


# ── Clusters ──────────────────────────────────────────────────────────────────────────────────────────
def test_clusters_are_told_only_where_they_are_published() -> None:
    silent = asked((5, 9, 1000, 400, 40))
    assert told(silent, "cluster.name") == [None]
    assert told(silent, "cluster.runner_up") == [None]
    assert np.isnan(silent["cluster.id"]).all()
    assert np.isnan(silent["cluster.distance"]).all()


def test_a_customer_belongs_to_the_nearest_cluster() -> None:
    one = model("average_order_value", clusters=CLUSTERS)
    X = np.array([[5, 1, 10, 400, 40, 50.0], [NAN, 0, 0, NAN, NAN, NAN], [5, 30, 6000, 400, 40, 200.0]])
    answers = SEGMENT.predict(one, X, trained_moment(3))
    assert told(answers, "cluster.name") == ["rare", None, "frequent_high_spend"]
    assert told(answers, "cluster.runner_up") == ["high_spend", None, "high_spend"]
    assert str(told(answers, "cluster.id")) == "[1.0, nan, 2.0]"
    Z = np.array([np.log(2.0) - 1, np.log(55.0) - 4])
    assert answers["cluster.distance"][0] == pytest.approx(np.hypot(*(Z - [-0.3, 0.0])))


# ── Reasons ───────────────────────────────────────────────────────────────────────────────────────────
def test_each_score_is_the_part_of_its_input() -> None:
    X = np.array([[5, 9, 30, 400, 40], [NAN, 0, 0, NAN, NAN], [100, 3, NAN, 400, 40]])
    parts = SEGMENT.explain(model(), X, trained_moment(3))
    assert parts.base.tolist() == [0.0, 0.0, 0.0]
    assert parts.values.tolist() == [[2, 2, -1, 0, 0], [0, 0, 0, 0, 0], [-1, 0, 0, 0, 0]]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5000),
            st.integers(1, 3000),
            st.floats(-1e7, 1e7),
            st.integers(0, 9000),
            st.floats(0.5, 900) | st.just(NAN),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whoever_is_asked_about_gets_a_whole_answer(rows: list[tuple[float, ...]]) -> None:
    answers = asked(*rows)
    X = np.array(rows, dtype=float)
    for output in SEGMENT.outputs[2:]:
        column: Array = answers[output.name]
        if output.name.startswith("cluster."):
            continue
        if output.unit == "word":
            assert set(column.tolist()) <= set(output.words), output.name
        else:
            assert ((column >= output.low) & (column <= output.high)).all(), output.name
    total = SEGMENT.explain(model(), X, trained_moment(len(X))).values.sum(axis=1)
    scores = sum(answers[f"rfm.{part}"] for part in ("recency", "frequency", "monetary"))
    np.testing.assert_allclose(total, scores - 9)
    for k in range(len(rows)):
        alone = asked(rows[k])
        assert all(str(alone[name][0]) == str(column[k]) for name, column in answers.items())


# ── What is refused at load ───────────────────────────────────────────────────────────────────────────
def test_settings_that_hold_together_are_accepted() -> None:
    SEGMENT.check(model())
    SEGMENT.check(model("average_order_value", clusters=CLUSTERS))
    SEGMENT.check(model(monetary=None, value_a_from=None, value_b_from=None))


@pytest.mark.parametrize(
    "changes",
    [
        {"frequent_from": 0.0},
        {"cycle_days": -1.0},
        {"cycle_weight": float("inf")},
        {"value_a_from": 10.0},
        {"value_b_from": NAN},
        {"recency": {"edges": [3.0, 1.0], "scores": [1, 2, 3]}},
        {"stages": {"new": 1.0, "active": 3.0, "at_risk": 2.0, "dormant": 6.0}},
        {"stages": {"new": 0.0, "active": 1.5, "at_risk": 2.0, "dormant": 6.0}},
        {"clusters": CLUSTERS},
    ],
)
def test_settings_that_do_not_hold_together_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StructureError):
        SEGMENT.check(model(**changes))


@pytest.mark.parametrize("name", sorted(settings()))
def test_no_setting_may_be_missing(name: str) -> None:
    whole = model()
    short = Model(
        whole.features,
        whole.rungs,
        whole.definition,
        None,
        {k: v for k, v in whole.settings.items() if k != name},
    )
    with pytest.raises((KeyError, StructureError)):
        SEGMENT.check(short)
