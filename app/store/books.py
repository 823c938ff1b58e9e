"""Counts what is on record and checks that it balances: decisions, reservations, outcomes and charges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, and_, case, exists, func, select

from app.store.records import (
    CONFIRMED,
    CONFIRMING,
    RELEASED,
    RELEASING,
    RESERVED,
    Document,
)
from app.store.tables import (
    BUDGETS,
    CONTACTS,
    DECISIONS,
    ERASED_KEYS,
    ERASURES,
    FEEDBACK,
    OUTCOMES,
    RESERVATIONS,
)

_TOLERANCE: Final = 1e-6
"""Charges are added in another order each time; nothing that was promised is off by so little."""
_GROUPED: Final = {
    "decisions": DECISIONS.c.mode,
    "reservations": RESERVATIONS.c.state,
    "outcomes": OUTCOMES.c.type,
    "feedback": FEEDBACK.c.verdict,
    "erased_keys": ERASED_KEYS.c.kind,
}
_COUNTED: Final = {"contacts": CONTACTS, "budgets": BUDGETS, "erasures": ERASURES}


def read_books(connection: Connection) -> Document:
    """Return the counts of each table, by state where it has one, and a list of everything that is amiss.

    A fault is ``{"check": name, "count": n}``; an empty list says that the books balance.
    """
    counts: Document = {
        name: {row[0]: row[1] for row in connection.execute(select(column, func.count()).group_by(column))}
        for name, column in _GROUPED.items()
    }
    for name, table in _COUNTED.items():
        counts[name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
    found = {name: connection.execute(query).scalar_one() for name, query in _checks()}
    found["budget_spent_is_not_the_sum_of_charges"] = _unbalanced(connection)
    return {
        "counts": counts,
        "faults": [{"check": name, "count": count} for name, count in found.items() if count],
    }


def _checks() -> Iterator[tuple[str, Select[Any]]]:
    """Yield the name of each check with the query that counts what fails it."""
    yield "reservation_without_decision", _orphans(RESERVATIONS.c.decision_id)
    yield "outcome_without_decision", _orphans(OUTCOMES.c.decision_id)
    yield "request_twice", _repeated(DECISIONS.c.request_key)
    yield "event_twice", _repeated(OUTCOMES.c.event_key)
    yield "feedback_twice", _repeated(FEEDBACK.c.feedback_key)
    held = RESERVATIONS.c
    is_confirmed, is_unsent = _told(*CONFIRMING), _told(RELEASING)
    expected = case((is_confirmed, CONFIRMED), (is_unsent, RELEASED), else_=RESERVED)
    yield "reservation_state_contradicts_outcomes", _count(RESERVATIONS.c.decision_id, held.state != expected)
    told = OUTCOMES.c
    earliest = (
        select(func.min(told.at))
        .where(told.decision_id == held.decision_id, told.type.in_(sorted(CONFIRMING)))
        .scalar_subquery()
    )
    is_moved = held.at != func.coalesce(earliest, held.planned_at)
    yield "contact_time_contradicts_outcomes", _count(held.decision_id, is_moved)
    yield (
        "reservation_of_another_person",
        _count(
            held.decision_id, DECISIONS.c.decision_id == held.decision_id, DECISIONS.c.person != held.person
        ),
    )
    yield (
        "outcome_of_another_person",
        _count(
            told.event_key, DECISIONS.c.decision_id == told.decision_id, DECISIONS.c.person != told.person
        ),
    )


def _told(*types: str) -> Any:
    told = OUTCOMES.c
    return exists().where(and_(told.decision_id == RESERVATIONS.c.decision_id, told.type.in_(sorted(types))))


def _orphans(column: Column[Any]) -> Select[Any]:
    has_decision = exists().where(DECISIONS.c.decision_id == column)
    return _count(column, column.is_not(None), ~has_decision)


def _repeated(column: Column[Any]) -> Select[Any]:
    return select(func.count(column) - func.count(column.distinct()))


def _count(column: Column[Any], *conditions: Any) -> Select[Any]:
    return select(func.count(column)).where(*conditions)


def _unbalanced(connection: Connection) -> int:
    held = RESERVATIONS.c
    charges = (
        select(held.budget, func.sum(held.charge))
        .where(held.budget.is_not(None), held.state != RELEASED)
        .group_by(held.budget)
    )
    sums = {budget: float(charge) for budget, charge in connection.execute(charges)}
    rows = connection.execute(select(BUDGETS.c.budget, BUDGETS.c.spent, BUDGETS.c.erased))
    spent = {budget: (amount, amount - erased) for budget, amount, erased in rows}
    return sum(
        not math.isclose(
            sums.get(budget, 0.0),
            spent.get(budget, (0.0, 0.0))[1],
            rel_tol=_TOLERANCE,
            abs_tol=_TOLERANCE * max(1.0, spent.get(budget, (0.0, 0.0))[0]),
        )
        for budget in sums.keys() | spent.keys()
    )
