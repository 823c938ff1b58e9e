"""Reads one decision with what came of it. That nothing came is said only after its window has closed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from app.store.records import SUCCESS, Document
from app.store.tables import DECISIONS, OUTCOMES, RESERVATIONS
from app.store.transaction import Transaction


def view(transaction: Transaction, decision_id: str, at: int) -> Document | None:
    """Return a decision as it stands at a time, or None where no decision of that id is on record."""
    decisions = transaction.rows(_decision(), decision_id=decision_id)
    if not decisions:
        return None
    document: Document = dict(decisions[0]._mapping)  # noqa: SLF001  public in spite of its name
    outcomes = transaction.rows(_outcomes(), decision_id=decision_id)
    ends_at = document["window_ends_at"]
    is_converted, value = _success(outcomes, ends_at, is_closed=at >= ends_at)
    told = [{"type": row.type, "value": row.value, "at": row.at} for row in outcomes]
    return document | {"outcomes": told, "converted": is_converted, "value": value}


def _success(outcomes: Sequence[Any], ends_at: int, *, is_closed: bool) -> tuple[bool | None, float | None]:
    """Return whether a decision succeeded and what that was worth; None where that is not known yet.

    Where revenue was reported, it is the worth, and the values of conversions repeat it.
    """
    successes = [row for row in outcomes if row.type in SUCCESS and row.at <= ends_at]
    if not successes:
        return (False, 0.0) if is_closed else (None, None)
    revenues = [row.value for row in successes if row.type == "revenue" and row.value is not None]
    values = revenues or [row.value for row in successes if row.value is not None]
    return True, sum(values) if values else None


@cache
def _decision() -> Select[Any]:
    names = "decision_id mode arm slice action_id channel propensity decided_at expires_at window_ends_at"
    return (
        select(*(DECISIONS.c[name] for name in names.split()), RESERVATIONS.c.state.label("reservation"))
        .select_from(DECISIONS.outerjoin(RESERVATIONS))
        .where(DECISIONS.c.decision_id == bindparam("decision_id"))
    )


@cache
def _outcomes() -> Select[Any]:
    row = OUTCOMES.c
    return (
        select(row.type, row.value, row.at)
        .where(row.decision_id == bindparam("decision_id"))
        .order_by(row.at, row.event_key)
    )
