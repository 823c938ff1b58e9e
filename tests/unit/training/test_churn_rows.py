from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.clock import from_microseconds, to_microseconds
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, History
from app.domain.rows import build_history
from app.features.compute import compute
from app.features.library import LIBRARY
from tests.unit.training.rows import SEED, orders_sql, question_over, run_over
from tests.unit.training.tables.small import business_of, rows_of
from training.churn_rows import Question, _drawn, churned, examples_for, take_rows
from training.examples import Examples
from training.run import Run

DAY: Final = MICROSECONDS_PER_DAY
LONDON: Final = ZoneInfo("Europe/London")
CUT: Final = to_microseconds(datetime(2025, 3, 1, 9, 30, tzinfo=UTC))


def question_of(history: History, **said: Any) -> Question:
    """Return a question over a history in memory; nothing of it but the history is read."""
    business = business_of({"orders": "SELECT 1", "subscriptions": "SELECT 1"}, objectives={"churn": said})
    run = Run(business, None, history, CUT, SEED, "", {}, lambda _: None)  # type: ignore[arg-type]
    return question_over(run)


# Labels against a slow reference


orders = st.fixed_dictionaries(
    {
        "hours": st.integers(-40 * 24, 60 * 24),
        "revenue": st.sampled_from([-30.0, 0.0, 10.0, 20.0, 30.0]),
        "status": st.sampled_from(["completed", "refunded", "partially_refunded", "cancelled", "pending"]),
        "refund": st.sampled_from([None, 10.0, 30.0]),
        "later": st.one_of(st.none(), st.integers(0, 70 * 24)),
    }
)


def order_row(number: int, drawn: dict[str, Any]) -> dict[str, Any]:
    at = CUT + drawn["hours"] * DAY // 24
    fact = None if drawn["later"] is None else at + drawn["later"] * DAY // 24
    is_back = drawn["status"] in {"refunded", "partially_refunded"}
    return {
        "order_id": f"o{number}",
        "ordered_at": at,
        "revenue": drawn["revenue"],
        "status": drawn["status"],
        "refund": drawn["refund"] if is_back else None,
        "refunded_at": fact if is_back else None,
        "cancelled_at": fact if drawn["status"] == "cancelled" else None,
    }


def bought(rows: list[dict[str, Any]], until: int) -> bool:
    """Return whether there is a purchase in (CUT, until], row by row as the contract says it."""
    days: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if not CUT < row["ordered_at"] <= until or row["status"] == "pending":
            continue
        if row["status"] == "cancelled" and (row["cancelled_at"] is None or row["cancelled_at"] <= until):
            continue
        given_back = 0.0
        if row["refunded_at"] is None or row["refunded_at"] <= until:
            whole = max(row["revenue"], 0.0) if row["status"] == "refunded" else 0.0
            given_back = whole if row["refund"] is None else row["refund"]
        day = from_microseconds(row["ordered_at"]).astimezone(LONDON).date()
        days[day].append((row["revenue"] - given_back, abs(row["revenue"]) + given_back))
    return any(
        sum(net for net, _ in parts) > 1e-9 or all(gross == 0 for _, gross in parts)
        for parts in days.values()
    )


@settings(max_examples=60)
@given(st.lists(st.lists(orders, max_size=6), min_size=1, max_size=8), st.sampled_from([7, 30, 45]))
def test_who_did_not_buy_within_the_horizon_is_lost(lives: list[list[dict[str, Any]]], horizon: int) -> None:
    rows = [[order_row(k, drawn) for k, drawn in enumerate(life)] for life in lives]
    history = build_history(
        [{"customer_id": f"c{i:03}", "orders": own} for i, own in enumerate(rows)], "Europe/London"
    )
    found = churned(question_of(history, horizon_days=horizon), np.full(history.size, CUT))
    assert found.tolist() == [0.0 if bought(own, CUT + horizon * DAY) else 1.0 for own in rows]


def test_the_horizon_begins_after_the_cut_and_ends_with_its_last_moment() -> None:
    end = CUT + 30 * DAY
    history = build_history(
        [
            {"customer_id": name, "orders": [{"order_id": name, "ordered_at": at, "revenue": 5.0}]}
            for name, at in (("a", CUT), ("b", CUT + 1), ("c", end), ("d", end + 1))
        ],
        "Europe/London",
    )
    found = churned(question_of(history, horizon_days=30), np.full(4, CUT))
    assert found.tolist() == [1.0, 0.0, 0.0, 1.0]


subscriptions = st.tuples(
    st.integers(-90, 40), st.one_of(st.none(), st.integers(1, 120)), st.one_of(st.none(), st.integers(0, 120))
)


@settings(max_examples=60)
@given(st.lists(st.lists(subscriptions, max_size=4), min_size=1, max_size=6))
def test_who_has_no_running_subscription_at_the_horizons_end_is_lost(
    lives: list[list[tuple[int, int | None, int | None]]],
) -> None:
    end = CUT + 30 * DAY

    def row(number: int, start: int, lasts: int | None, cancelled: int | None) -> dict[str, Any]:
        begin = CUT + start * DAY
        return {
            "subscription_id": f"s{number}",
            "started_at": begin,
            "ends_at": None if lasts is None else begin + lasts * DAY,
            "cancelled_at": None if cancelled is None else begin + cancelled * DAY,
        }

    def runs(one: dict[str, Any]) -> bool:
        if one["started_at"] > end or (one["ends_at"] is not None and one["ends_at"] <= end):
            return False
        is_cancelled = one["cancelled_at"] is not None and one["cancelled_at"] <= end
        return not is_cancelled or one["ends_at"] is not None

    rows = [[row(k, *one) for k, one in enumerate(life)] for life in lives]
    history = build_history(
        [{"customer_id": f"c{i:03}", "subscriptions": own} for i, own in enumerate(rows)], "Europe/London"
    )
    asked = question_of(history, definition="subscription_end", horizon_days=30)
    found = churned(asked, np.full(history.size, CUT))
    assert found.tolist() == [0.0 if any(map(runs, own)) else 1.0 for own in rows]


# Which rows there are


def order_values(*rows: tuple[str, str]) -> str:
    """Return SQL for orders by customer and day."""
    return rows_of(
        "order_id, customer_id, ordered_at, revenue",
        *(f"'o{k}', '{who}', TIMESTAMPTZ '{day} 12:00+00', 20.0" for k, (who, day) in enumerate(rows)),
    )


def rows_by_customer(run: Run, examples: Examples, cut: int) -> dict[str, tuple[int, float]]:
    """Return population and label of everybody who has a row at a cut."""
    at = examples.cut == cut
    names = [run.history.customer_ids[i] for i in examples.customer[at]]
    return dict(
        zip(names, zip(examples.population[at].tolist(), examples.y[at].tolist(), strict=True), strict=True)
    )


LIFE: Final = order_values(
    ("regular", "2025-01-05"),
    ("regular", "2025-06-01"),
    ("regular", "2025-09-20"),
    ("leaves", "2025-02-01"),
    ("leaves", "2025-07-01"),
    ("first", "2025-08-20"),
    ("gone", "2025-01-05"),
    ("gone", "2025-02-05"),
    ("later", "2025-10-20"),
    ("last", "2025-12-01"),
)


def newest_cut(run: Run, horizon: int = 90) -> int:
    return run.as_of - horizon * DAY


def test_who_is_asked_about_and_who_is_not() -> None:
    with run_over({"orders": LIFE}) as run:
        examples, now, is_dated = examples_for(question_over(run), "full")
        asked = rows_by_customer(run, examples, newest_cut(run))
        # 2025-09-02: `gone` has been silent for more than 180 days, `later` and `last` have not bought yet.
        assert asked == {"regular": (0, 0.0), "leaves": (0, 1.0), "first": (1, 1.0)}
        assert is_dated
        today = dict(zip(run.history.customer_ids, now.population.tolist(), strict=True))
        assert today == {"first": 1, "gone": -1, "last": 1, "later": 1, "leaves": 0, "regular": 0}


def test_no_label_reaches_beyond_what_is_known() -> None:
    with run_over({"orders": LIFE}) as run:
        examples, _, _ = examples_for(question_over(run), "full")
        assert (examples.cut + 90 * DAY <= run.as_of).all()
        assert run.as_of == run.tables.latest


def test_who_denies_profiling_at_the_cut_or_today_is_not_learned_from() -> None:
    consents = rows_of(
        "customer_id, purpose, status, status_at",
        "'regular', 'profiling', 'denied', TIMESTAMPTZ '2025-11-01 12:00+00'",
        "'leaves', 'profiling', 'denied', TIMESTAMPTZ '2025-08-01 12:00+00'",
        "'leaves', 'profiling', 'granted', TIMESTAMPTZ '2025-10-01 12:00+00'",
        "'first', 'profiling', 'revoked', TIMESTAMPTZ '2025-08-25 12:00+00'",
    )
    with run_over({"orders": f"{LIFE} UNION ALL {_bystanders()}", "consents": consents}) as run:
        examples, now, _ = examples_for(question_over(run), "full")
        asked = rows_by_customer(run, examples, newest_cut(run))
        assert asked.keys() == {"stays", "goes"}
        learned = {run.history.customer_ids[i] for i in examples.customer}
        # Granted again, `leaves` is learned from, but not at a cut-off at which he had denied it.
        assert "leaves" in learned
        assert not {"regular", "first"} & learned
        eligible = {run.history.customer_ids[i] for i in np.flatnonzero(now.population >= 0)}
        assert "leaves" in eligible
        assert not {"regular", "first"} & eligible


def _bystanders() -> str:
    return order_values(
        *[("stays", f"2025-{month:02}-10") for month in range(2, 12)], ("goes", "2025-08-01")
    ).replace("'o", "'b")


def test_a_business_may_say_that_profiling_needs_consent() -> None:
    consents = rows_of(
        "customer_id, purpose, status, status_at",
        *(
            f"'{who}', 'profiling', 'granted', TIMESTAMPTZ '2025-01-01 12:00+00'"
            for who in ("regular", "leaves")
        ),
    )
    tables = {"orders": LIFE, "consents": consents}
    with run_over(tables, consent_defaults={"profiling": "denied"}) as run:
        examples, now, _ = examples_for(question_over(run), "full")
        assert {run.history.customer_ids[i] for i in examples.customer} <= {"regular", "leaves"}
        assert (now.population >= 0).sum() == 2


def test_training_as_of_a_day_is_training_on_what_was_there_that_day() -> None:
    when = to_microseconds(datetime(2026, 3, 1, tzinfo=UTC))
    whole = orders_sql(60, 700, 700)
    with run_over({"orders": whole}, as_of=when) as past:
        then, _, _ = examples_for(question_over(past), "full")
        latest = past.tables.latest
    cut_off = f"SELECT * FROM ({whole}) WHERE ordered_at <= TIMESTAMPTZ '2026-03-01 00:00+00'"  # noqa: S608
    with run_over({"orders": cut_off}) as alone:
        assert alone.as_of == latest
        same, _, _ = examples_for(question_over(alone), "full")
    assert np.array_equal(then.cut, same.cut)
    assert np.array_equal(then.y, same.y)
    for name, column in then.columns.items():
        if column.dtype != object:
            assert np.array_equal(column, same.columns[name], equal_nan=True), name


def test_silence_after_the_data_end_is_not_taken_for_churn() -> None:
    tables = {"orders": orders_sql(40, 500, 600)}
    with run_over(tables) as run:
        usual, _, _ = examples_for(question_over(run), "full")
    with run_over(tables, as_of=run.as_of + 200 * DAY) as late:
        examples, _, _ = examples_for(question_over(late), "full")
    assert np.array_equal(examples.cut, usual.cut)
    assert np.array_equal(examples.y, usual.y)


def test_the_summary_variant_sees_a_summary_and_the_record_only() -> None:
    with run_over({"orders": LIFE}) as run:
        full, _, _ = examples_for(question_over(run), "full")
        brief, _, _ = examples_for(question_over(run), "summary")
        known = {
            name
            for name, column in brief.columns.items()
            if column.dtype != object and not np.isnan(column).all() and LIBRARY[name].is_input
        }
        assert known <= {name for name in full.columns if name.startswith(("summary.", "season_"))}
        assert "summary.days_since_last_order" in known
        assert np.array_equal(brief.y, full.y)


def test_very_many_rows_are_thinned_by_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.churn_rows.ROW_LIMIT", 500)
    with run_over({"orders": LIFE}) as run:
        chosen = _drawn(question_over(run), 1000, 5)
    assert 60 < chosen.sum() < 140


# Labels that are given


def test_a_dated_label_is_told_what_was_known_on_its_day() -> None:
    labels = rows_of(
        "customer_id, capability, label, as_of",
        "'regular', 'churn', 0, TIMESTAMPTZ '2025-07-01 12:00+00'",
        "'leaves', 'churn', 1, TIMESTAMPTZ '2025-03-01 12:00+00'",
        "'first', 'clv', 1, TIMESTAMPTZ '2025-03-01 12:00+00'",
    )
    with run_over({"orders": LIFE, "labels": labels}, objectives={"churn": {"definition": "label"}}) as run:
        examples, now, is_dated = examples_for(question_over(run), "full")
        assert is_dated
        assert [run.history.customer_ids[i] for i in examples.customer] == ["leaves", "regular"]
        assert examples.y.tolist() == [1.0, 0.0]
        assert examples.columns["days_since_last_order"].tolist() == [28.0, 30.0]
        assert (now.population == 0).all()


def test_a_label_without_a_date_is_told_what_is_known_today() -> None:
    labels = rows_of("customer_id, capability, label", "'regular', 'churn', 0", "'leaves', 'churn', 1")
    with run_over({"orders": LIFE, "labels": labels}, objectives={"churn": {"definition": "label"}}) as run:
        examples, _, is_dated = examples_for(question_over(run), "full")
        assert not is_dated
        today = compute(run.history, run.as_of)["days_since_last_order"]
        assert examples.columns["days_since_last_order"].tolist() == today[examples.customer].tolist()


def test_a_label_whose_horizon_was_not_over_then_is_not_learned_from() -> None:
    labels = rows_of(
        "customer_id, capability, label, as_of",
        "'regular', 'churn', 0, TIMESTAMPTZ '2025-06-05 12:00+00'",
        "'leaves', 'churn', 1, TIMESTAMPTZ '2025-03-01 12:00+00'",
        "'gone', 'churn', 0, TIMESTAMPTZ '2025-03-01 12:00+00'",
    )
    when = to_microseconds(datetime(2025, 7, 1, tzinfo=UTC))
    tables, said = {"orders": LIFE, "labels": labels}, {"definition": "label", "horizon_days": 60}
    with run_over(tables, as_of=when, objectives={"churn": said}) as run:
        examples, _, _ = examples_for(question_over(run), "full")
        assert [run.history.customer_ids[i] for i in examples.customer] == ["gone", "leaves"]


def test_some_rows_are_taken_in_the_order_asked_for() -> None:
    rows = Examples({"a": np.arange(3.0)}, np.arange(3.0), np.arange(3), np.arange(3), np.arange(3))
    taken = take_rows(rows, np.array([2, 0]))
    assert (taken.y.tolist(), taken.columns["a"].tolist(), taken.customer.tolist()) == (
        [2, 0],
        [2, 0],
        [2, 0],
    )


# What is refused


def test_nobody_who_may_be_profiled_is_refused_with_a_remedy() -> None:
    with (
        run_over({"orders": LIFE}, consent_defaults={"profiling": "denied"}) as run,
        pytest.raises(TableError, match="nobody can be asked") as refused,
    ):
        examples_for(question_over(run), "full")
    assert "profiling" in refused.value.remedy


def test_two_labels_of_one_customer_are_refused() -> None:
    labels = rows_of(
        "customer_id, capability, label, as_of",
        "'regular', 'churn', 0, TIMESTAMPTZ '2025-07-01 12:00+00'",
        "'regular', 'churn', 1, TIMESTAMPTZ '2025-09-01 12:00+00'",
    )
    with (
        run_over({"orders": LIFE, "labels": labels}, objectives={"churn": {"definition": "label"}}) as run,
        pytest.raises(TableError, match="more than one churn label"),
    ):
        examples_for(question_over(run), "full")
