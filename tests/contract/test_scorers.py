"""What every scorer of the register keeps to, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from app.capabilities import SCORERS
from app.capabilities.base import Answers
from app.domain.history import Array
from app.estimators.base import Contributions, Moment, trained_moment
from tests.contract.models import MODELS, Case

CASES = [case for make in MODELS.values() for case in make()]


@pytest.fixture(params=CASES, ids=lambda case: f"{case.scorer}-{case.name}", scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    one: Case = request.param
    return one


def predict(case: Case, X: Array, moment: Moment | None = None) -> Answers:
    return SCORERS[case.scorer].predict(case.model, X, moment or trained_moment(len(X)))


def explain(case: Case, X: Array, moment: Moment | None = None) -> Contributions:
    return SCORERS[case.scorer].explain(case.model, X, moment or trained_moment(len(X)))


def same(one: Array, other: Array) -> bool:
    if one.dtype == object:
        return bool(one.tolist() == other.tolist())
    return bool(np.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True))


def test_every_scorer_of_the_register_stands_here() -> None:
    assert MODELS.keys() == SCORERS.keys()
    assert all(scorer.name == name for name, scorer in SCORERS.items())


def test_answers_are_the_outputs_and_who_answered(case: Case) -> None:
    X = case.rows()
    answers = predict(case, X)
    assert answers.keys() == {output.name for output in SCORERS[case.scorer].outputs} | {"population"}
    assert all(column.shape == (len(X),) for column in answers.values())
    assert [output.name for output in SCORERS[case.scorer].outputs[:2]] == ["eligible", "ineligible_reason"]


def moments(size: int) -> Iterator[Moment]:
    """Yield the trained moment, then others: horizons of a day and of ten years, long before and after."""
    yield trained_moment(size)
    for horizon in (None, 1, 90, 3650):
        yield Moment(horizon, np.linspace(-800.0, 800.0, size))


def test_every_output_is_in_bounds_or_missing_at_any_moment(case: Case) -> None:
    X = case.rows()
    for moment in moments(len(X)):
        answers = predict(case, X, moment)
        for output in SCORERS[case.scorer].outputs:
            column = answers[output.name]
            if output.unit == "flag":
                assert column.dtype == np.bool_
            elif output.unit == "word" and output.words:
                assert {word for word in column if word is not None} <= set(output.words)
            elif output.unit == "word":
                assert all(word is None or isinstance(word, str) for word in column)
            else:
                known = column[~np.isnan(column)]
                assert np.isfinite(known).all()
                assert ((known >= output.low) & (known <= output.high)).all()


MAYBE: Mapping[str, frozenset[str]] = {
    "churn": frozenset(),
    "purchase": frozenset({"p_alive", "expected_at", "earliest_at", "latest_at", "no_window_reason"}),
    "clv": frozenset({"expected_orders", "historic_value", "average_order_value", "currency"}),
    "satisfaction": frozenset(),
    "segment": frozenset(
        {"rfm.monetary", "value_tier", "cluster.id", "cluster.name", "cluster.distance", "cluster.runner_up"}
    ),
}
"""What need not be told of everybody who is eligible, or is told of others too, by scorer."""


def is_told(column: Array) -> list[bool]:
    if column.dtype == object:
        return [word is not None for word in column]
    found: list[bool] = (~np.isnan(column)).tolist()
    return found


def test_who_is_eligible_has_every_number_and_no_reason_and_who_is_not_has_a_reason(case: Case) -> None:
    answers = predict(case, case.rows())
    eligible = answers["eligible"]
    assert eligible.any()
    # Where no input decides, everybody can be asked about.
    assert eligible.all() == (not SCORERS[case.scorer].deciding(case.model))
    assert [reason is None for reason in answers["ineligible_reason"]] == eligible.tolist()
    assert ((answers["population"] >= 0) == eligible).all()
    for output in SCORERS[case.scorer].outputs[2:]:
        if output.unit != "days" and output.name not in MAYBE[case.scorer]:
            assert is_told(answers[output.name]) == eligible.tolist(), output.name


def test_another_horizon_is_answered_by_who_can_and_refused_with_a_reason_by_who_cannot(case: Case) -> None:
    X = case.rows()
    trained = predict(case, X)
    other = predict(case, X, Moment(31, np.zeros(len(X))))
    if case.is_any_horizon or case.model.horizon_days is None:
        np.testing.assert_array_equal(other["eligible"], trained["eligible"])
        assert other["ineligible_reason"].tolist() == trained["ineligible_reason"].tolist()
    else:
        assert not other["eligible"].any()
        assert set(other["ineligible_reason"][trained["eligible"]]) == {"horizon_not_trained"}
    parts = explain(case, X, Moment(31, np.zeros(len(X))))
    assert not parts.values[~other["eligible"]].any()


def test_who_answers_is_one_of_the_rungs(case: Case) -> None:
    X = case.rows()
    population = SCORERS[case.scorer].population(case.model, X)
    assert population.tolist() == predict(case, X)["population"].tolist()
    assert population.min() >= -1
    assert population.max() < len(case.model.rungs)


def test_what_decides_is_among_the_inputs(case: Case) -> None:
    assert set(SCORERS[case.scorer].deciding(case.model)) <= set(case.model.features.names)


def test_rows_answer_for_themselves_in_any_order(case: Case) -> None:
    X = case.rows()
    order = np.random.default_rng(1).permutation(len(X))
    answers, shuffled = predict(case, X), predict(case, X[order])
    assert all(same(answers[name][order], shuffled[name]) for name in answers)


def test_one_row_is_the_same_as_in_the_batch(case: Case) -> None:
    X = case.rows()
    moment = Moment(None, np.linspace(-400.0, 400.0, len(X)))
    answers, parts = predict(case, X, moment), explain(case, X, moment)
    for k in range(len(X)):
        own = moment.take(np.array([k]))
        alone = predict(case, X[k : k + 1], own)
        assert all(same(column[k : k + 1], alone[name]) for name, column in answers.items())
        told = explain(case, X[k : k + 1], own)
        assert same(told.base, parts.base[k : k + 1])
        assert same(told.values, parts.values[k : k + 1])


def test_nobody_gets_empty_columns(case: Case) -> None:
    X = case.rows()[:0]
    assert all(column.shape == (0,) for column in predict(case, X).values())
    parts = explain(case, X)
    assert (parts.base.shape, parts.values.shape) == ((0,), X.shape)
    assert SCORERS[case.scorer].population(case.model, X).shape == (0,)


def test_reasons_add_up_to_the_margin(case: Case) -> None:
    X = case.rows()
    parts, who = explain(case, X), predict(case, X)["population"]
    assert parts.values.shape == X.shape
    total = parts.base + parts.values.sum(axis=1)
    for k, rung in enumerate(case.model.rungs):
        if rung.estimator is None:
            continue  # what a capability answers from its settings alone, its own tests hold to account
        rows = np.flatnonzero(who == k)
        margin = rung.calibration.apply(rung.at(trained_moment(len(rows))).margin(X[rows]))
        np.testing.assert_allclose(total[rows], case.sign * margin, rtol=1e-9, atol=1e-9)
    assert not total[who < 0].any()
    assert not parts.values[who < 0].any()


def test_a_scorer_leaves_its_inputs_alone(case: Case) -> None:
    X = case.rows()
    kept = X.copy()
    X.flags.writeable = False
    predict(case, X)
    explain(case, X)
    np.testing.assert_array_equal(X, kept)
