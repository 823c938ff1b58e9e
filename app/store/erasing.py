"""Erases what is remembered of a person, and remembers that it was erased, so that nothing brings it back.

What was spent stays in the books of its budget. The ids of requests, decisions, events and verdicts stay as
keyed hashes, without the person, to answer a replay with ``erased``.
"""

from __future__ import annotations

from sqlalchemy import and_, delete, func, literal, or_, select, update

from app.store.judging import DECISION
from app.store.records import RELEASED
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
from app.store.transaction import Transaction, upsert


def erase(transaction: Transaction, person: str, at: int) -> dict[str, int]:
    """Erase a person; return how many rows of each table that took.

    The person must be held by the transaction. Once more finds nothing, and is remembered at the later time.
    """
    _keep_spending(transaction, person)
    ids = select(DECISIONS.c.decision_id).where(DECISIONS.c.person == person)
    is_verdict = or_(
        FEEDBACK.c.person == person, and_(FEEDBACK.c.target == DECISION, FEEDBACK.c.target_id.in_(ids))
    )
    erased = {
        "outcomes": (OUTCOMES, OUTCOMES.c.person == person, {"event": "event_key"}),
        "feedback": (FEEDBACK, is_verdict, {"feedback": "feedback_key"}),
        "contacts": (CONTACTS, CONTACTS.c.person == person, {}),
        "reservations": (RESERVATIONS, RESERVATIONS.c.person == person, {}),
        "decisions": (
            DECISIONS,
            DECISIONS.c.person == person,
            {"request": "request_key", "decision": "decision_id"},
        ),
    }
    keep = upsert(transaction.dialect, ERASED_KEYS)
    counts = {}
    for name, (table, condition, keys) in erased.items():
        for kind, column in keys.items():
            chosen = select(literal(kind), table.c[column]).where(condition)
            transaction.connection.execute(keep.from_select(["kind", "key"], chosen))
        counts[name] = transaction.connection.execute(delete(table).where(condition)).rowcount
    before = select(ERASURES.c.at).where(ERASURES.c.person == person)
    earlier = transaction.connection.execute(before).scalar()
    transaction.new_rows += earlier is None
    latest = at if earlier is None else max(at, earlier)
    transaction.write(upsert(transaction.dialect, ERASURES, "at"), [{"person": person, "at": latest}])
    return counts


def _keep_spending(transaction: Transaction, person: str) -> None:
    row = RESERVATIONS.c
    charges = (
        select(row.budget, func.sum(row.charge))
        .where(row.person == person, row.budget.is_not(None), row.state != RELEASED)
        .group_by(row.budget)
    )
    for budget, charge in transaction.rows(charges):
        transaction.connection.execute(
            update(BUDGETS).where(BUDGETS.c.budget == budget).values(erased=BUDGETS.c.erased + charge)
        )
