"""Which scores are learned from, on which scale, and what was known before each was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History
from app.features.support import SENTIMENT_COLUMN
from tests.unit.features.histories import plain
from tests.unit.training.asked import Told, consents_sql, run_with
from training.run import Run
from training.satisfaction.inputs import rows_of
from training.satisfaction.rows import (
    DETRACTOR,
    Given,
    cut_of,
    first_known,
    given_scores,
    levels_of,
    take_only,
)
from training.tables.objectives import SatisfactionObjective

DAY: Final = MICROSECONDS_PER_DAY


def given_of(run: Run) -> Given:
    objective = run.business.objectives.satisfaction
    assert objective is not None
    return given_scores(run, objective)


def names(run: Run, found: Given) -> list[str]:
    return [run.history.customer_ids[k] for k in found.customer]


# ── Which answers ─────────────────────────────────────────────────────────────────────────────────────
def test_the_kind_with_the_most_scores_is_the_definition() -> None:
    with run_with(
        ("a", 1, "csat", 2), ("b", 2, "csat", 5), ("c", 3, "nps", 9), ("d", 4, "review", None)
    ) as run:
        found = given_of(run)
    assert (found.definition, found.scores.tolist(), found.cut) == ("csat", [1, 2, 3, 4, 5], 1)
    assert found.level.tolist() == [1, 4]
    assert found.dissatisfied.tolist() == [1, 0]
    assert found.is_dated


def test_the_business_may_choose_the_kind_and_the_cut() -> None:
    rows = (
        ("a", 1, "csat", 2),
        ("b", 2, "csat", 5),
        ("c", 3, "nps", 6),
        ("d", 4, "nps", 7),
        ("e", 5, "nps", 10),
    )
    with run_with(*rows, objective={"definition": "nps"}) as run:
        found = given_of(run)
    assert found.scores.tolist() == list(range(11))
    assert found.dissatisfied.tolist() == [1, 0, 0]
    with run_with(*rows, objective={"definition": "nps", "dissatisfied_at": 8}) as run:
        assert given_of(run).dissatisfied.tolist() == [1, 1, 0]


def test_what_cannot_be_used_is_left_out_and_counted() -> None:
    rows = (
        ("a", 1, "csat", 2, 5),
        ("b", 2, "csat", 4, 5),
        ("c", 3, "csat", None, 5),
        ("d", 4, "csat", 9, 10),
        ("e", 5, "csat", 7, 5),
        ("f", 6, "csat", -1, 5),
        ("g", 7, "csat", 5),
        ("h", 8, "csat", 3, 0),
        ("i", 9, "csat", 3),
    )
    with run_with(*rows, tables={"consents": consents_sql(("i", 20, "denied"))}) as run:
        found = given_of(run)
        assert names(run, found) == ["a", "b", "g"]
    assert found.left_out == {
        "without_a_score": 1,
        "without_a_scale": 1,
        "on_another_scale": 1,
        "outside_the_scale": 2,
        "profiling_denied": 1,
    }


@pytest.mark.parametrize("at", [0, 5, 9])
def test_a_cut_that_parts_nothing_is_refused(at: float) -> None:
    with run_with(
        ("a", 1, "csat", 2), ("b", 2, "csat", 5), objective={"definition": "csat", "dissatisfied_at": at}
    ) as run:
        with pytest.raises(TableError, match="from 1 to 5") as refused:
            given_of(run)
        assert "1 to 4" in refused.value.remedy


def test_a_scale_that_ends_at_one_begins_at_zero() -> None:
    assert levels_of(np.array([1.0, 1.0]), None, 1.0)[0].tolist() == [0.0, 1.0]
    with run_with(("a", 1, "csat", 1, 1), ("b", 2, "csat", 0, 1), objective={"dissatisfied_at": 0.5}) as run:
        assert given_of(run).dissatisfied.tolist() == [0, 1]


def test_scores_that_cannot_be_used_do_not_choose_the_definition() -> None:
    rows = (("a", 1, "csat", 4, 0), ("b", 2, "csat", 5, 0), ("c", 3, "nps", 2), ("d", 4, "nps", 9))
    with run_with(*rows) as run:
        assert given_of(run).definition == "nps"
    with run_with(*rows, objective={"definition": "csat"}) as run, pytest.raises(TableError) as refused:
        given_of(run)
    assert "2 without a scale" in str(refused.value)


def test_answers_later_than_what_is_known_do_not_count() -> None:
    rows = (("a", 1, "csat", 2), ("b", 2, "csat", 5), ("c", 50, "csat", 1))
    with run_with(*rows) as run:
        early = replace(run, as_of=run.as_of - 30 * DAY)
        assert len(given_of(run).level) == 3
        assert len(given_of(early).level) == 2


def test_who_denies_profiling_today_or_denied_it_then_has_no_row() -> None:
    rows = tuple(
        (name, day, "csat", 1 + k % 5)
        for k, (name, day) in enumerate([(n, d) for n in "abcd" for d in (5, 20)])
    )
    consents = consents_sql(
        ("a", 30, "denied"), ("b", 1, "denied"), ("b", 10, "granted"), ("c", 1, "granted")
    )
    with run_with(*rows, tables={"consents": consents}) as run:
        found = given_of(run)
        kept = list(zip(names(run, found), ((found.at - found.at.min()) // DAY).tolist(), strict=True))
    assert kept == [("b", 15), ("c", 0), ("c", 15), ("d", 0), ("d", 15)]


def test_more_rows_than_the_limit_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.satisfaction.rows.ROW_LIMIT", 6)
    with run_with(*(("a", k, "csat", 1 + k % 5) for k in range(20))) as run:
        one, again = given_of(run), given_of(run)
    assert len(one.level) == 6
    assert one.at.tolist() == again.at.tolist() == sorted(one.at.tolist())


REFUSED: Final[dict[str, tuple[tuple[Told, ...], dict[str, Any]]]] = {
    "all alike": ((("a", 1, "csat", 4), ("b", 2, "csat", 4)), {}),
    "one side of the cut": ((("a", 1, "csat", 3), ("b", 2, "csat", 5)), {}),
    "no scores of the kind": ((("a", 1, "csat", 1), ("b", 2, "csat", 5)), {"definition": "ces"}),
    "no labels": ((("a", 1, "csat", 1), ("b", 2, "csat", 5)), {"definition": "label"}),
    "no cases": ((("a", 1, "csat", 1), ("b", 2, "csat", 5)), {"definition": "complaint"}),
    "off the scale": ((("a", 1, "csat", 8, 5), ("b", 2, "csat", 9, 5)), {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_teaches_nothing_is_refused_with_a_remedy(name: str) -> None:
    rows, objective = REFUSED[name]
    with run_with(*rows, objective=objective) as run, pytest.raises(TableError) as refused:
        given_of(run)
    assert "objectives.satisfaction" in refused.value.remedy
    assert refused.value.table in {"feedback", "labels", "support_cases"}


def test_nothing_to_ask_anybody_with_is_refused_with_a_remedy() -> None:
    orders = (
        "SELECT 'o' AS order_id, 'a' AS customer_id, TIMESTAMPTZ '2026-01-01' AS ordered_at, 5.0 AS revenue"
    )
    with (
        run_with(tables={"orders": orders}) as run,
        pytest.raises(TableError, match="needs answers") as refused,
    ):
        given_of(run)
    assert "feedback" in refused.value.remedy


# ── Scales ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("score", "lowest", "best", "scores", "level"),
    [
        ([1, 3, 5], None, 5, [1, 2, 3, 4, 5], [0, 2, 4]),
        ([0, 3, 5], None, 5, [0, 1, 2, 3, 4, 5], [0, 3, 5]),
        ([1.5, 3, 5], None, 5, [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5], [1, 4, 8]),
        ([0.5, 3], None, 5, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5], [1, 6]),
        ([7, 10], 0.0, 10, list(range(11)), [7, 10]),
        ([0, 14, 15, 99], None, 100, list(range(0, 101, 10)), [0, 1, 2, 10]),
        ([0, 1], 0.0, 1, [0, 1], [0, 1]),
        ([3.3, 4.0], None, 5, [1 + 0.4 * k for k in range(11)], [6, 8]),
    ],
)
def test_a_scale_is_read_from_what_was_given(
    score: list[float], lowest: float | None, best: float, scores: list[float], level: list[int]
) -> None:
    found, at = levels_of(np.array(score, dtype=np.float64), lowest, best)
    assert found.tolist() == pytest.approx(scores)
    assert at.tolist() == level


@pytest.mark.parametrize(
    ("scores", "usual", "at", "cut"),
    [
        (np.arange(1.0, 6.0), None, None, 1),
        (np.arange(1.0, 8.0), None, None, 2),
        (np.arange(1.0, 5.0), None, None, 1),
        (np.arange(0.0, 11.0), DETRACTOR, None, 6),
        (np.arange(0.0, 11.0), DETRACTOR, 4.5, 4),
        (np.array([0.0, 1.0]), None, None, 0),
        (np.array([0.0, 1.0]), None, 0.5, 0),
        (np.arange(1.0, 6.0), None, 3.0, 2),
    ],
)
def test_the_lower_half_is_dissatisfied_unless_it_is_said(
    scores: Array, usual: float | None, at: float | None, cut: int
) -> None:
    assert cut_of(scores, usual, SatisfactionObjective(dissatisfied_at=at)) == cut


# ── Labels and complaints ─────────────────────────────────────────────────────────────────────────────
def labels_sql(dated: str, label: str = "i % 2") -> dict[str, str]:
    return {
        "customers": "SELECT 'c' || i AS customer_id FROM range(6) t(i)",
        "labels": f"SELECT 'c' || i AS customer_id, 'satisfaction' AS capability, {label} AS label"  # noqa: S608
        f", {dated} AS as_of FROM range(6) t(i)",
    }


def test_labels_are_scores_with_or_without_dates() -> None:
    with run_with(tables=labels_sql("TIMESTAMPTZ '2026-03-01' + INTERVAL (i) DAY", "1 + i")) as run:
        found = given_of(run)
    assert (found.definition, found.scores.tolist(), found.cut) == ("label", [1, 2, 3, 4, 5, 6], 2)
    assert found.is_dated
    with run_with(tables=labels_sql("NULL::TIMESTAMPTZ")) as run:
        found = given_of(run)
    assert (found.scores.tolist(), found.cut, found.is_dated) == ([0, 1], 0, False)
    assert (found.at == NAT).all()


def test_labels_that_are_all_alike_are_refused() -> None:
    with (
        run_with(tables=labels_sql("NULL::TIMESTAMPTZ", "3")) as run,
        pytest.raises(TableError, match="one side"),
    ):
        given_of(run)


CASES: Final = """
    SELECT 'k' || i AS case_id, 'c' || (i % 7) AS customer_id,
           TIMESTAMPTZ '2025-01-01 12:00+00' + INTERVAL (i * 6) DAY AS opened_at,
           CASE WHEN i % 3 = 0 THEN 'complaint' ELSE 'question' END AS type
    FROM range(90) t(i)"""


def test_a_complaint_within_the_horizon_stands_in_for_a_score() -> None:
    with run_with(tables={"support_cases": CASES}) as run:
        found = given_of(run)
        cases = run.history.tables["support_cases"]
        owner = np.repeat(np.arange(run.history.size), np.diff(cases.offsets))
        first = first_known(run.history)
    assert (found.definition, found.scores.tolist(), found.cut) == ("complaint", [0, 1], 0)
    complaint = cases["type"] == cases["type"][np.argmin(cases["opened_at"])]
    for customer, at, level in zip(found.customer, found.at, found.level, strict=True):
        opened = cases["opened_at"][(owner == customer) & complaint]
        assert level == (0 if ((opened > at) & (opened <= at + 30 * DAY)).any() else 1)
        assert first[customer] <= at <= run.as_of - 30 * DAY
    assert len(np.unique(found.at)) > 3


# ── What was known ────────────────────────────────────────────────────────────────────────────────────
def inputs(run: Run, history: History, customer: Array, at: Array) -> dict[str, list[Any]]:
    found = rows_of(run, history, ("full",), customer, at)["full"]
    assert np.isnan(found.y).all()
    return {name: [plain(value) for value in column] for name, column in found.columns.items()}


def test_neither_an_answer_nor_its_text_is_among_its_inputs() -> None:
    kinds = [("a", 1, "csat", 1, 5, "bad"), ("a", 9, "csat", 5, 5, "good"), ("b", 4, "csat", 2, 5, "poor")]

    def known(rows: list[Told], heard: list[float]) -> dict[str, list[Any]]:
        with run_with(*rows) as run:
            found = given_of(run)
            table = run.history.tables["feedback"]
            read = replace(table, columns={**table.columns, SENTIMENT_COLUMN: np.array(heard)})
            history = replace(run.history, tables={**run.history.tables, "feedback": read})
            return inputs(run, history, found.customer, found.at - 1)

    before = known(kinds, [-1.0, 1.0, -0.5])
    # The later answer of a, and the only one of b, say something else; nobody's inputs move.
    changed = [kinds[0], ("a", 9, "csat", 1, 5, "awful"), ("b", 4, "csat", 5, 5, "fine")]
    assert known(changed, [-1.0, -1.0, 0.9]) == before
    assert before["last_feedback_score"] == [None, 0.2, None]
    assert before["last_text_sentiment"] == [None, -1.0, None]
    assert before["feedback_365d"] == [0, 1, 0]
    # The first answer of a is known before the second, and only there.
    first = known([("a", 1, "csat", 2, 5, "bad"), *kinds[1:]], [0.3, 1.0, -0.5])
    moved = {name for name in before if first[name] != before[name]}
    assert moved >= {"last_feedback_score", "last_text_sentiment"}
    assert all(first[name][0] == before[name][0] and first[name][2] == before[name][2] for name in moved)


def test_rows_in_parts_are_the_rows_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_with(*((f"c{k % 4}", k, "csat", 1 + k % 5) for k in range(15))) as run:
        found = given_of(run)
        whole = inputs(run, run.history, found.customer, found.at - 1)
        monkeypatch.setattr("training.satisfaction.inputs.CHUNK", 4)
        assert inputs(run, run.history, found.customer, found.at - 1) == whole
        assert given_of(run).level.tolist() == found.level.tolist()
        nobody = rows_of(
            run, run.history, ("full",), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        )
        assert nobody["full"].size == 0


def test_a_summary_stands_in_for_the_orders() -> None:
    orders = """
        SELECT 'o' || i AS order_id, 'a' AS customer_id, 10.0 AS revenue,
               TIMESTAMPTZ '2025-12-01 12:00+00' + INTERVAL (i) DAY AS ordered_at
        FROM range(60) t(i)"""
    with run_with(("a", 1, "csat", 1), ("a", 9, "csat", 5), tables={"orders": orders}) as run:
        found = given_of(run)
        rows = rows_of(run, run.history, ("full", "summary"), found.customer, found.at - 1)
        kept = take_only(run.history, ("orders",))
    assert (
        rows["full"].columns["order_days"].tolist() == rows["summary"].columns["summary.order_count"].tolist()
    )
    assert np.isnan(rows["summary"].columns["order_days"]).all()
    assert set(kept.tables) == {"orders"}


def test_everybody_is_known_from_the_first_trace_on() -> None:
    customers = (
        "SELECT * FROM (VALUES ('a', TIMESTAMPTZ '2026-02-01'), ('z', NULL)) t(customer_id, created_at)"
    )
    orders = (
        "SELECT 'o' AS order_id, 'a' AS customer_id, TIMESTAMPTZ '2026-01-01' AS ordered_at, 5.0 AS revenue"
    )
    with run_with(
        ("a", 1, "csat", 1), ("a", 2, "csat", 5), tables={"customers": customers, "orders": orders}
    ) as run:
        first = dict(zip(run.history.customer_ids, first_known(run.history).tolist(), strict=True))
        [ordered] = run.history.tables["orders"]["ordered_at"]
    assert first == {"a": ordered, "z": NAT}
