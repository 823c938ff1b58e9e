"""Purchase: the chance of an order, the window of the next one, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.capabilities.base import Answers, Model, Rung
from app.capabilities.churn import CHURN
from app.capabilities.purchase import PURCHASE, UNLIKELY_BELOW, check, shares_by, window_days
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Moment, trained_moment
from tests.unit.capabilities.buyers import (
    PURCHASE_SETTINGS,
    SUMMARY,
    by_rule,
    customers,
    purchase_model,
)
from tests.unit.estimators.forecasts import GIFT, NAN, TRANSACTIONS, forecast

KINDS = tuple(TRANSACTIONS)
DATES = ("earliest_at", "expected_at", "latest_at")
HORIZONS = (1, 30, 90, 365, 3650)


def ask(model: Model, X: Array, horizon: int | None = None, elapsed: float = 0.0) -> Answers:
    return PURCHASE.predict(model, X, Moment(horizon, np.full(len(X), elapsed)))


# Silence, first order, orders, value, revenue, gap.
REGULAR, ONCE, GONE, NEVER = (
    (10, 300, 11, 40, 440, 29),
    (20, 20, 1, 40, 40, NAN),
    (900, 1200, 4, 40, 160, 100),
    (NAN, NAN, 0, NAN, 0, NAN),
)


# ── Who ───────────────────────────────────────────────────────────────────────────────────────────────
def test_everybody_who_ever_bought_is_answered_by_the_own_kind() -> None:
    answers = ask(purchase_model(), np.array([REGULAR, ONCE, GONE, NEVER, (NAN,) * 6]))
    assert answers["population"].tolist() == [0, 1, 2, -1, -1]
    assert answers["eligible"].tolist() == [True, True, True, False, False]
    assert answers["ineligible_reason"].tolist() == [None, None, None, "no_orders", "no_orders"]
    assert np.isnan(answers["probability"]).tolist() == [False] * 3 + [True] * 2
    assert np.isnan(answers["p_alive"]).tolist() == [False] * 3 + [True] * 2
    assert answers["no_window_reason"].tolist() == [None, "fewer_than_two_orders", None, None, None]
    assert PURCHASE.deciding(purchase_model()) == ("days_since_last_order", "order_days")


def test_the_limit_of_who_is_lapsed_is_a_setting() -> None:
    settings = {**PURCHASE_SETTINGS, "gone_after_days": 1000}
    assert ask(purchase_model(settings=settings), np.array([GONE]))["population"].tolist() == [0]


def test_a_summary_is_answered_alike() -> None:
    X = customers()
    one, other = ask(purchase_model(), X), ask(purchase_model(names=SUMMARY), X)
    assert all(str(one[name].tolist()) == str(other[name].tolist()) for name in one)


def test_churn_is_what_purchase_leaves() -> None:
    X = customers()
    X = X[X[:, 0] <= 400]
    model = purchase_model()
    rungs = tuple(replace(rung, thresholds={"yellow": 0.3, "red": 0.6}) for rung in model.rungs)
    churn = replace(model, definition="inactivity", rungs=rungs)
    for horizon in (None, 1, 90, 400):
        moment = Moment(horizon, np.full(len(X), 12.0))
        lost = CHURN.predict(churn, X, moment)["probability"]
        np.testing.assert_allclose(lost + PURCHASE.predict(model, X, moment)["probability"], 1.0, atol=1e-12)


# ── The probability ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
def test_the_longer_the_horizon_the_likelier_an_order(kind: str) -> None:
    X = customers()
    told = [ask(purchase_model(kind), X, days, 40.0) for days in HORIZONS]
    for days, answers in zip(HORIZONS, told, strict=True):
        assert (answers["horizon_days"] == days).all()
        assert ((answers["probability"] >= 0) & (answers["probability"] <= 1)).all()
    for earlier, later in pairwise(told):
        assert (later["probability"] >= earlier["probability"] - 1e-12).all()
        assert later["probability"].mean() > earlier["probability"].mean()
        np.testing.assert_array_equal(earlier["p_alive"], later["p_alive"])


def test_the_trained_horizon_may_be_named() -> None:
    X = customers()
    one, other = ask(purchase_model(), X), ask(purchase_model(), X, 90)
    assert all(str(one[name].tolist()) == str(other[name].tolist()) for name in one)


def test_reasons_of_an_order_are_those_of_silence_turned_around() -> None:
    X, model = customers(), purchase_model()
    parts = PURCHASE.explain(model, X, trained_moment(len(X)))
    odds = parts.base + parts.values.sum(axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), ask(model, X)["probability"], atol=1e-9)
    regular = PURCHASE.explain(model, np.array([REGULAR, NEVER]), trained_moment(2))
    assert regular.values[0, 2] > 0
    assert not regular.values[1].any()


# ── Still a customer ──────────────────────────────────────────────────────────────────────────────────
def test_being_there_is_not_told_of_one_order_where_nobody_could_have_left() -> None:
    X = np.array([REGULAR, ONCE])
    assert np.isnan(ask(purchase_model("bg_nbd"), X)["p_alive"]).tolist() == [False, True]
    for kind in ("mbg_nbd", "pareto_nbd"):
        alive = ask(purchase_model(kind), X)["p_alive"]
        assert ((alive > 0) & (alive < 1)).all()


def test_silence_makes_it_less_likely_to_be_there() -> None:
    rows = np.array([(silence, 600, 12, 40, 480, 30) for silence in (0, 30, 100, 300)])
    alive = ask(purchase_model(), rows)["p_alive"]
    assert (np.diff(alive) < 0).all()


# ── The window ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon", [1, 7, 90, 3650])
@pytest.mark.parametrize("elapsed", [-200.0, 0.0, 301.5])
def test_the_window_is_in_order_and_within_the_horizon(kind: str, horizon: int, elapsed: float) -> None:
    X = customers()
    answers = ask(purchase_model(kind), X, horizon, elapsed)
    window = np.column_stack([answers[name] for name in DATES])
    is_told = ~np.isnan(window).any(axis=1)
    assert is_told.any()
    assert np.isnan(window[~is_told]).all()
    assert ((window[is_told] >= 1) & (window[is_told] <= horizon)).all()
    assert (np.diff(window[is_told], axis=1) >= 0).all()
    assert (window[is_told] == np.round(window[is_told])).all()
    told = forecast(kind)
    days = told.between(np.full(len(X), elapsed), np.full(len(X), elapsed + horizon))
    likely = told.any_order(told.statistics(X), days) >= UNLIKELY_BELOW
    reasons = [
        "fewer_than_two_orders" if orders < 2 else None if is_likely else "an_order_is_unlikely"
        for orders, is_likely in zip(X[:, 2], likely, strict=True)
    ]
    assert answers["no_window_reason"].tolist() == reasons
    assert (is_told == [reason is None for reason in reasons]).all()


def test_the_window_holds_the_shares_that_it_says() -> None:
    told, X, levels = forecast(clock=GIFT), customers(), (0.1, 0.5, 0.9)
    moment = Moment(200, np.full(len(X), 220.0))
    days = window_days(told, X, moment, 200, levels)
    past = told.statistics(X)
    whole = told.any_order(past, told.days(moment))
    for k, level in enumerate(levels):
        reached, before = (
            told.any_order(past, told.between(moment.elapsed_days, moment.elapsed_days + day)) / whole
            for day in (days[:, k], days[:, k] - 1)
        )
        # The share is interpolated over 25 steps, and a window ends with a whole day.
        assert (reached >= level - 0.03).all()
        assert (before <= level + 0.03).all()


def test_of_who_hardly_orders_at_all_no_window_is_told() -> None:
    left = (3000, 3900, 30, 40, 1200, 31)
    for horizon, reason in ((1, "an_order_is_unlikely"), (90, "an_order_is_unlikely"), (None, None)):
        rows = np.array([left if reason else REGULAR])
        answers = ask(purchase_model(), rows, horizon)
        assert answers["eligible"].tolist() == [True]
        assert answers["no_window_reason"].tolist() == [reason]
        assert [bool(np.isnan(answers[name][0])) for name in DATES] == [reason is not None] * 3


def test_shares_run_from_none_to_all() -> None:
    X = customers()
    shares = shares_by(forecast(), X, trained_moment(len(X)), 90)
    assert shares.shape == (len(X), 25)
    np.testing.assert_array_equal(shares[:, 0], 0.0)
    np.testing.assert_allclose(shares[:, -1], 1.0)
    assert (np.diff(shares, axis=1) >= 0).all()


def test_who_orders_often_orders_sooner_and_levels_widen_the_window() -> None:
    often, seldom = (5, 600, 60, 40, 2400, 10), (100, 600, 3, 40, 120, 250)
    answers = ask(purchase_model(), np.array([often, seldom]))
    assert answers["expected_at"][0] < answers["expected_at"][1]
    wide = purchase_model(settings={**PURCHASE_SETTINGS, "window_levels": (0.01, 0.5, 0.99)})
    wider = ask(wide, np.array([often, seldom]))
    assert (wider["latest_at"] > answers["latest_at"]).all()
    assert (wider["earliest_at"] <= answers["earliest_at"]).all()


def test_the_average_gap_is_told_in_whole_days() -> None:
    answers = ask(purchase_model(), np.array([(10, 300, 11, 40, 440, 28.7), ONCE]))
    assert answers["average_days_between_orders"].tolist()[0] == 29
    assert np.isnan(answers["average_days_between_orders"][1])
    without = purchase_model(names=("days_since_last_order", "days_since_first_order", "order_days",
                                    "average_order_value"))  # fmt: skip
    assert np.isnan(ask(without, np.array([REGULAR[:4]]))["average_days_between_orders"]).all()


# ── Without a forecast ────────────────────────────────────────────────────────────────────────────────
def test_a_rule_tells_a_probability_and_neither_window_nor_presence() -> None:
    X = np.array([REGULAR, ONCE, NEVER])
    answers = ask(by_rule(purchase_model(), 0.4), X)
    np.testing.assert_allclose(answers["probability"][0], 1 - 1 / (1 + np.exp(-0.5)))
    assert np.isnan(answers["p_alive"]).all()
    assert all(np.isnan(answers[name]).all() for name in DATES)
    assert answers["no_window_reason"].tolist() == ["too_few_customers_for_a_forecast"] * 2 + [None]


def test_a_rule_answers_for_no_other_horizon() -> None:
    answers = ask(by_rule(purchase_model(), 0.4), np.array([REGULAR, NEVER]), 30)
    assert answers["eligible"].tolist() == [False, False]
    assert answers["ineligible_reason"].tolist() == ["horizon_not_trained", "no_orders"]
    assert np.isnan(answers["probability"]).all()
    assert answers["no_window_reason"].tolist() == [None, None]


def test_what_answers_elsewhere_is_asked_for_other_horizons_only() -> None:
    model = purchase_model()
    ruled = by_rule(model, 0.4)
    rungs = tuple(replace(rule, elsewhere=rung) for rule, rung in zip(ruled.rungs, model.rungs, strict=True))
    both, X = replace(ruled, rungs=rungs), customers()
    np.testing.assert_array_equal(ask(both, X)["probability"], ask(ruled, X)["probability"])
    np.testing.assert_array_equal(ask(both, X, 90)["probability"], ask(ruled, X)["probability"])
    np.testing.assert_array_equal(ask(both, X, 30)["probability"], ask(model, X, 30)["probability"])
    assert ask(both, X, 30)["eligible"].all()


@pytest.mark.parametrize("column", range(6))
def test_what_is_not_known_changes_no_answer_into_nothing(column: int) -> None:
    X = customers()
    X[:, column] = NAN
    answers = ask(purchase_model(), X)
    assert answers["eligible"].any() == (column not in {0, 2})
    assert (~np.isnan(answers["probability"]) == answers["eligible"]).all()


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"horizon_days": None}, StructureError),
        ({"settings": {**PURCHASE_SETTINGS, "window_levels": (0.5, 0.1, 0.9)}}, StructureError),
        ({"settings": {**PURCHASE_SETTINGS, "window_levels": (0.0, 0.5, 0.9)}}, StructureError),
        ({"settings": {**PURCHASE_SETTINGS, "window_levels": (0.1, 0.5, 1.0)}}, StructureError),
        ({"settings": {**PURCHASE_SETTINGS, "window_levels": (0.1, 0.9)}}, ValueError),
        ({"settings": {"window_levels": (0.1, 0.5, 0.9)}}, KeyError),
        ({"settings": {**PURCHASE_SETTINGS, "gone_after_days": "long"}}, ValueError),
    ],
    ids=["horizon", "order", "zero", "one", "two", "no limit", "no number"],
)
def test_a_model_that_cannot_answer_is_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    check(purchase_model())
    with pytest.raises(error):
        check(purchase_model(**changes))


def test_a_rung_that_is_not_there_is_not_asked() -> None:
    first: tuple[Rung, ...] = purchase_model().rungs[:2]
    answers = ask(purchase_model(rungs=first), np.array([GONE, REGULAR]))
    assert answers["population"].tolist() == [-1, 0]
