"""Writes feedback: what people who deal with customers say about a score or a decision, each verdict once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, insert, select

from app.domain.errors import ConflictError, ErasedError, KithError, UnknownDecisionError
from app.store.records import NewFeedback
from app.store.tables import DECISIONS, FEEDBACK
from app.store.transaction import Rows, Transaction, among

DECISION: Final = "decision"
"""The target of a verdict whose ``target_id`` is a decision id."""

_INSERT: Final = insert(FEEDBACK)


def judge(transaction: Transaction, verdicts: Sequence[NewFeedback]) -> list[bool | Exception]:
    """Return for each verdict whether it was on record before, or why it was not taken."""
    batch = _Batch(transaction, verdicts)
    results: list[bool | Exception] = []
    for verdict in verdicts:
        try:
            results.append(batch.take(verdict))
        except KithError as error:
            results.append(error)
    batch.write()
    return results


class _Batch:
    """What is on record about the verdicts of a batch, together with what they have added to it."""

    def __init__(self, transaction: Transaction, verdicts: Sequence[NewFeedback]) -> None:
        self._transaction = transaction
        dialect = transaction.dialect
        keys = list({verdict.feedback_key for verdict in verdicts})
        self._hashes = {row[0]: row[1] for row in transaction.rows(_on_record(dialect), keys=keys)}
        self._erased_keys = transaction.erased("feedback", keys)
        ids = list({verdict.target_id for verdict in verdicts if verdict.target == DECISION})
        self._persons = (
            {row[0]: row[1] for row in transaction.rows(_decided(dialect), ids=ids)} if ids else {}
        )
        self._erased_ids = transaction.erased("decision", ids)
        persons = list({verdict.person for verdict in verdicts if verdict.person})
        self._erasures = transaction.erasures(persons)
        self._rows: Rows = []

    def take(self, verdict: NewFeedback) -> bool:
        """Take one verdict in; return whether it was there before, or raise why it cannot be taken."""
        if verdict.feedback_key in self._hashes:
            if self._hashes[verdict.feedback_key] != verdict.body_hash:
                raise ConflictError("The feedback id was used before, for another verdict")
            return True
        person = verdict.person
        if self._is_erased(verdict):
            raise ErasedError("The verdict belongs to a customer who was erased")
        if verdict.target == DECISION:
            person = self._persons.get(verdict.target_id)
            if person is None or not self._transaction.holds(person):
                raise UnknownDecisionError("No decision of that id is on record")
        self._rows.append(asdict(verdict) | {"person": person})
        self._hashes[verdict.feedback_key] = verdict.body_hash
        return False

    def write(self) -> None:
        """Write what the verdicts have added."""
        self._transaction.write(_INSERT, self._rows)

    def _is_erased(self, verdict: NewFeedback) -> bool:
        if verdict.feedback_key in self._erased_keys:
            return True
        if verdict.target == DECISION:
            return verdict.target_id in self._erased_ids
        return verdict.person in self._erasures and verdict.at <= self._erasures[verdict.person]


@cache
def _on_record(dialect: str) -> Select[Any]:
    row = FEEDBACK.c
    return select(row.feedback_key, row.body_hash).where(among(dialect, row.feedback_key, "keys"))


@cache
def _decided(dialect: str) -> Select[Any]:
    row = DECISIONS.c
    return select(row.decision_id, row.person).where(among(dialect, row.decision_id, "ids"))
