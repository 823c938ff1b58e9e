"""Contacts as rows: closed windows, times of answers, consents."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.unit.training.rows import run_over
from tests.unit.training.tables.small import rows_of
from training.actions.rows import Read, read_contacts

COLUMNS = "contact_id, customer_id, contacted_at, channel, action_id, arm, propensity, outcome, outcome_at"
ORDERS = rows_of(
    "order_id, customer_id, ordered_at, revenue", "'o1', 'a', TIMESTAMPTZ '2026-06-30 11:00+00', 20.0"
)


def at(text: str) -> str:
    return f"TIMESTAMPTZ '{text} 12:00+00'"


def row(name: str, day: str, outcome: str, outcome_at: str, *, who: str = "a", action: str = "x") -> str:
    told = "NULL::TIMESTAMPTZ" if not outcome_at else at(outcome_at)
    return f"'{name}', '{who}', {at(day)}, 'email', '{action}', 'treatment', 0.5, {outcome}, {told}"


def read(*rows: str, windows: dict[str, float] | None = None, **more: Any) -> Read:
    tables = {"orders": ORDERS, "contacts": rows_of(COLUMNS, *rows), **more}
    with run_over(tables) as run:
        return read_contacts(run.tables, run.history, run.as_of, windows or {})


def test_an_open_window_is_not_read_even_if_there_is_an_answer() -> None:
    found = read(
        row("k1", "2026-05-01", "'converted'", "2026-05-03"),
        row("k2", "2026-06-25", "'converted'", "2026-06-26"),
    )
    assert found.contacts.y.tolist() == [1.0]
    assert found.open_windows == 1


def test_the_window_is_the_playbooks() -> None:
    rows = (row("k1", "2026-06-20", "'none'", ""), row("k2", "2026-06-20", "'none'", "", action="y"))
    found = read(*rows, windows={"x": 7.0})
    assert found.contacts.action.tolist() == ["x"]
    assert found.contacts.window_days.tolist() == [7.0]


def test_an_answer_after_the_window_is_none() -> None:
    found = read(row("k1", "2026-05-01", "'converted'", "2026-05-20"), windows={"x": 7.0})
    assert found.contacts.y.tolist() == [0.0]


def test_an_answer_without_a_time_is_not_known_and_no_answer_is() -> None:
    found = read(
        row("k1", "2026-05-01", "'converted'", ""),
        row("k2", "2026-05-02", "'no_response'", ""),
        row("k3", "2026-05-03", "NULL", ""),
    )
    assert np.isnan(found.contacts.y[[0, 2]]).all()
    assert found.contacts.y[1] == 0.0
    assert found.contacts.is_untimed.tolist() == [True, False, False]


def test_an_answer_before_the_contact_is_not_known() -> None:
    found = read(
        row("k1", "2026-05-10", "'converted'", "2026-05-01"),
        row("k2", "2026-05-11", "'converted'", "2026-05-11"),
    )
    assert np.isnan(found.contacts.y[0])
    assert found.contacts.y[1] == 1.0
    assert found.contacts.is_untimed.tolist() == [True, False]


def test_who_denies_profiling_is_not_read() -> None:
    consents = rows_of(
        "customer_id, purpose, status, status_at",
        f"'b', 'profiling', 'denied', {at('2026-06-01')}",
        f"'c', 'profiling', 'denied', {at('2026-04-01')}",
        f"'c', 'profiling', 'granted', {at('2026-05-15')}",
    )
    found = read(
        *(row(f"k{k}", "2026-05-01", "'none'", "", who=who) for k, who in enumerate("abc")), consents=consents
    )
    assert found.contacts.size == 1
    assert found.denied == 2


def test_without_contacts_there_is_no_row() -> None:
    with run_over({"orders": ORDERS}) as run:
        found = read_contacts(run.tables, run.history, run.as_of, {})
    assert (found.contacts.size, found.open_windows, found.denied) == (0, 0, 0)
