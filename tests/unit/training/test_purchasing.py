"""What is learned of whether customers order: one model for churn and purchase, on a forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY as DAY
from app.estimators.base import Calibration, trained_moment
from app.estimators.forecast import Forecasting
from app.estimators.populations import BUYERS
from tests.unit.training.rows import orders_sql, run_over
from tests.unit.training.tables.small import rows_of
from training.evaluation import auc
from training.purchasing import (
    RULES,
    Ground,
    Learned,
    buyers_objective,
    ground_of,
    learn_purchases,
    told_settings,
    without_lapsed,
)
from training.run import Run
from training.snapshots import cut_times
from training.standing import INPUTS, SUMMARY_INPUTS

ORDERS = orders_sql(350, 4200, 900)
HORIZON = 60


@dataclass(frozen=True)
class Made:
    """A run, its rows, and what was learned."""

    run: Run
    ground: Ground
    learned: dict[str, Learned]


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with run_over({"orders": ORDERS}) as run:
        learned = learn_purchases(run, HORIZON)
        yield Made(run, ground_of(run, HORIZON), dict(learned))


# ── The rows ──────────────────────────────────────────────────────────────────────────────────────────
def test_everybody_who_ever_bought_is_learned_from_by_kind(made: Made) -> None:
    for variant in ("full", "summary"):
        examples = made.ground.examples[variant]
        assert set(np.unique(examples.population)) == {0, 1, 2}
        prefix = "" if variant == "full" else "summary."
        silence = examples.columns[f"{prefix}days_since_last_order"]
        orders = examples.columns["order_days" if variant == "full" else "summary.order_count"]
        gone = made.ground.question.objective.gone_after_days
        assert (silence[examples.population == BUYERS.index("lapsed")] > gone).all()
        kept = examples.population != BUYERS.index("lapsed")
        assert (silence[kept] <= gone).all()
        assert (orders[examples.population == BUYERS.index("first_order")] == 1).all()


def test_spend_after_the_cut_stands_beside_whether_there_was_any(made: Made) -> None:
    examples = made.ground.examples["full"]
    assert ((examples.spend > 0) == (examples.y == 0)).all()
    assert examples.spend.max() > 20


def test_rows_and_what_is_learned_are_made_once_for_a_run(made: Made) -> None:
    assert ground_of(made.run, HORIZON) is made.ground
    again = learn_purchases(made.run, HORIZON)
    assert all(again[variant] is made.learned[variant] for variant in made.learned)


def test_what_inactivity_means_is_churns_own_or_its_defaults(made: Made) -> None:
    assert buyers_objective(made.run, 45).horizon_days == 45
    own = {"churn": {"definition": "inactivity", "horizon_days": 30, "gone_after_days": 500}}
    with run_over({"orders": ORDERS}, objectives=own) as run:
        objective = buyers_objective(run, 120)
        assert (objective.horizon_days, objective.gone_after_days) == (120, 500)
    labels = rows_of("customer_id, capability, label", "'c1', 'churn', 1", "'c2', 'churn', 0")
    by_label = {"churn": {"definition": "label"}}
    with run_over({"orders": ORDERS, "labels": labels}, objectives=by_label) as run:
        assert buyers_objective(run, 120).definition == "inactivity"


# ── What is learned ───────────────────────────────────────────────────────────────────────────────────
def test_the_statistical_rung_is_a_forecast_and_trees_stand_on_it(made: Made) -> None:
    for variant, inputs in (("full", INPUTS), ("summary", SUMMARY_INPUTS)):
        fitted = made.learned[variant].fitted
        assert fitted.data.populations == BUYERS
        assert fitted.stand is not None
        assert fitted.stand.quantity == "no_order"
        assert fitted.stand.forecast.names == inputs
        assert fitted.stand.forecast.horizon_days == HORIZON
        statistical = fitted.ladder.rungs["statistical"]
        assert all(entry.trees is None for entry in statistical.entries)
        assert isinstance(statistical.calibrations[0], Calibration)
        if "ml" in fitted.ladder.rungs:
            for entry in fitted.ladder.rungs["ml"].entries:
                assert entry.trees is not None
                assert entry.stand.forecast is fitted.stand.forecast


def test_the_forecast_ranks_held_out_customers(made: Made) -> None:
    fitted = made.learned["full"].fitted
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested.p["statistical"]
    assert auc(y, p) > 0.58
    assert auc(y, p) > auc(y, fitted.tested.base)
    assert p.mean() == pytest.approx(y.mean(), abs=0.08)


def test_inputs_are_those_of_the_forecast_and_of_the_library(made: Made) -> None:
    features = made.ground.features("full", "spend").names
    assert {*INPUTS, "average_repeat_order_value"} <= set(features)
    assert features[:2] == ("days_since_last_order", "order_days")
    assert set(SUMMARY_INPUTS) <= set(made.ground.features("summary", "no_order").names)
    named = {name for names in RULES.values() for name in names}
    assert named <= set(features)


def test_one_forecast_answers_for_each_variant_alike(made: Made) -> None:
    """Of the same customers, full histories and summaries say the same to a forecast."""
    full, summary = made.learned["full"], made.learned["summary"]
    assert full.fitted.stand is not None
    assert summary.fitted.stand is not None
    told = [
        Forecasting(one.fitted.stand.forecast, "no_order")  # type: ignore[union-attr]
        .at(trained_moment(1))
        .margin(one.X)[one.population >= 0]
        for one in (full, summary)
    ]
    assert np.corrcoef(told[0], told[1])[0, 1] > 0.98


# ── Churn is what purchase leaves ─────────────────────────────────────────────────────────────────────
def test_churn_keeps_the_answers_and_leaves_out_who_is_gone(made: Made) -> None:
    whole, kept = made.learned["full"], without_lapsed(made.learned["full"])
    assert [one.name for one in kept.fitted.chosen] == ["repeat", "first_order"]
    population = whole.fitted.data.population
    assert (population[kept.fitted.tested.rows] < 2).all()
    assert len(kept.fitted.tested.rows) == int((population[whole.fitted.tested.rows] < 2).sum())
    for one, other in zip(kept.fitted.chosen, whole.fitted.chosen, strict=False):
        assert (one.tier, one.verdict) == (other.tier, other.verdict)
        rows = kept.fitted.tested.rows[one.rows]
        np.testing.assert_array_equal(rows, whole.fitted.tested.rows[other.rows])
        for tier, p in kept.fitted.tested.p.items():
            np.testing.assert_array_equal(p[one.rows], whole.fitted.tested.p[tier][other.rows])
    assert (kept.population == np.where(whole.population == 2, -1, whole.population)).all()
    assert kept.fitted.ladder is whole.fitted.ladder
    assert not any(".lapsed." in name for name in kept.fitted.files)


# ── Time ──────────────────────────────────────────────────────────────────────────────────────────────
def test_nothing_after_a_time_changes_what_a_forecast_of_it_says(made: Made) -> None:
    at = made.run.as_of - 200 * DAY
    known = f"SELECT * FROM ({ORDERS}) WHERE ordered_at <= to_timestamp({at / 1e6})"  # noqa: S608
    with run_over({"orders": known}, as_of=at) as run:
        assert run.as_of == at
        then = ground_of(run, HORIZON).outlook(at, HORIZON)
    later = made.ground.outlook(at, HORIZON)
    assert then is not None
    assert later is not None
    assert (then.kinds, then.value, then.value_of, then.value_level) == (
        later.kinds,
        later.value,
        later.value_of,
        later.value_level,
    )
    for quantity, season in then.seasons.items():
        np.testing.assert_array_equal(season.clock, later.seasons[quantity].clock)
    np.testing.assert_array_equal(then.cohort.known.T, later.cohort.known.T)


def test_backtests_stand_on_forecasts_of_their_own_time(made: Made) -> None:
    fitted = made.learned["full"].fitted
    stands = fitted.tested.stands
    assert len(stands) == len(fitted.splits.backtests)
    longest = []
    for split, stand in zip(fitted.splits.backtests, stands, strict=True):
        assert stand is not None
        assert split.origin is not None
        longest.append((split.origin, stand.forecast.reference[1]))
        assert fitted.stand is not None
        assert stand.forecast.transactions != fitted.stand.forecast.transactions
    # The longer ago, the shorter everybody was known.
    assert [known for _, known in sorted(longest)] == sorted(known for _, known in longest)


def test_an_outlook_is_of_those_who_allow_profiling(made: Made) -> None:
    denied = rows_of(
        "customer_id, purpose, status, status_at",
        *(f"'c{k}', 'profiling', 'denied', TIMESTAMPTZ '2024-01-01 00:00+00'" for k in range(60, 70)),
    )
    with run_over({"orders": ORDERS, "consents": denied}) as run:
        found = ground_of(run, HORIZON).outlook(run.as_of, HORIZON)
    whole = made.ground.outlook(made.run.as_of, HORIZON)
    assert found is not None
    assert whole is not None
    gone = len(whole.cohort.customers) - len(found.cohort.customers)
    assert 5 < gone <= 10


# ── A short history ───────────────────────────────────────────────────────────────────────────────────
def test_a_short_history_teaches_a_shorter_horizon_that_is_carried_to_the_one_asked_for() -> None:
    with run_over({"orders": orders_sql(250, 2500, 150)}) as run:
        learned = learn_purchases(run, 365)
        ground = ground_of(run, 365)
        one = learned["full"]
        assert 7 <= one.learned_days < 60
        assert ground.question.horizon_days == one.learned_days
        assert len(np.unique(ground.examples["full"].cut)) >= 4
        assert one.fitted.stand is not None
        assert one.fitted.stand.forecast.horizon_days == 365
        times = run.history.tables["orders"]["ordered_at"]
        assert cut_times(int(times.min()), run.as_of, 365) == ()


def test_where_the_history_is_long_enough_the_horizon_itself_is_learned(made: Made) -> None:
    assert {one.learned_days for one in made.learned.values()} == {HORIZON}
    assert made.ground.question.learned_days is None


def test_without_orders_there_is_nothing_to_learn_from() -> None:
    events = rows_of("customer_id, event, timestamp", "'a', 'signed_in', TIMESTAMPTZ '2026-01-01 00:00+00'")
    with (
        run_over({"events": events}) as run,
        pytest.raises(TableError, match="learned from the table orders"),
    ):
        ground_of(run, 90)


def test_windows_say_what_the_final_fit_learned_from(made: Made) -> None:
    windows = made.learned["full"].windows
    first, last, ends = (str(windows[name]) for name in ("first_cut_off", "last_cut_off", "last_label_ends"))
    assert first < last < ends
    gap = to_microseconds(datetime.fromisoformat(ends)) - to_microseconds(datetime.fromisoformat(last))
    assert abs(gap - HORIZON * DAY) < DAY


def test_an_artifact_says_what_its_answers_must_warn_of(made: Made) -> None:
    found = made.ground.outlook(made.run.as_of, HORIZON)
    assert found is not None
    season = found.seasons["no_order"]
    told = {"learned_days": 60, "season": season.basis, "season_origins": season.origins}
    assert told_settings(60, found, "no_order") == told
    assert told_settings(9, None, "spend") == {"learned_days": 9, "season": "none", "season_origins": 0}
