"""Writes outcomes: each one once, joined to its decision, with what it says about the promised contact.

What a reservation comes to follows from the set of its outcomes alone: confirmed if any of them can only
follow a contact, else released if one says that nothing was sent; its time is the earliest confirming one,
and its charge counts unless it is released. So order, repetition and delay of the outcomes do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, insert, select, tuple_, update

from app.domain.errors import ConflictError, ErasedError, KithError, UnknownDecisionError
from app.store.records import (
    CONFIRMED,
    CONFIRMING,
    RELEASED,
    RELEASING,
    RESERVED,
    NewOutcome,
    Reported,
)
from app.store.tables import BUDGETS, CONTACTS, DECISIONS, OUTCOMES, RESERVATIONS
from app.store.transaction import Rows, Transaction, among, upsert

_ANSWERING_MODES: Final = ("live", "apprentice")
"""Modes whose decisions were carried out, so that a customer and an action point to them."""
_SKEW: Final = 5 * 60 * 1_000_000
"""By how much the clock of a platform may be behind: an outcome seems to come before its decision then."""
_INSERT: Final = insert(OUTCOMES)
_UPDATE_RESERVATION: Final = (
    update(RESERVATIONS)
    .where(RESERVATIONS.c.decision_id == bindparam("of"))
    .values({name: bindparam(name) for name in ("at", "state", "confirmed_at", "is_unsent", "contact_key")})
)
_UPDATE_BUDGET: Final = (
    update(BUDGETS)
    .where(BUDGETS.c.budget == bindparam("of"))
    .values(spent=BUDGETS.c.spent + bindparam("change"))
)


def report(transaction: Transaction, outcomes: Sequence[NewOutcome]) -> list[Reported | Exception]:
    """Return how each outcome was taken, or why it was not: then it has written nothing."""
    batch = _Batch(transaction, outcomes)
    results: list[Reported | Exception] = []
    for outcome in outcomes:
        try:
            results.append(batch.take(outcome))
        except KithError as error:
            results.append(error)
    batch.write()
    return results


def persons_of(transaction: Transaction, decision_ids: Sequence[str]) -> set[str]:
    """Return the persons whom decisions are about."""
    if not decision_ids:
        return set()
    rows = transaction.rows(_decisions(transaction.dialect), ids=decision_ids)
    return {row.person for row in rows}


def budgets_of(transaction: Transaction, persons: Sequence[str]) -> set[str]:
    """Return the budgets that contacts with persons were promised from."""
    if not persons:
        return set()
    return {row[0] for row in transaction.rows(_budgets(transaction.dialect), persons=persons)}


def reservation_state(*, is_confirmed: bool, is_unsent: bool) -> str:
    """Return the state of a reservation: does any outcome confirm it, does any say it was not sent."""
    if is_confirmed:
        return CONFIRMED
    return RELEASED if is_unsent else RESERVED


@dataclass(slots=True)
class _Reservation:
    budget: str | None
    charge: float
    state: str
    planned_at: int
    confirmed_at: int | None
    is_unsent: bool
    contact_key: str | None

    def take(self, outcome: NewOutcome) -> float:
        """Add an outcome; return by how much the budget is charged more."""
        was_charged = self.state != RELEASED
        if outcome.type in CONFIRMING:
            times = (self.confirmed_at, outcome.at)
            self.confirmed_at = min(time for time in times if time is not None)
        if outcome.type == RELEASING:
            self.is_unsent = True
        if outcome.contact_key:
            self.contact_key = min(self.contact_key or outcome.contact_key, outcome.contact_key)
        self.state = reservation_state(is_confirmed=self.confirmed_at is not None, is_unsent=self.is_unsent)
        return self.charge * ((self.state != RELEASED) - was_charged)

    def row(self, decision_id: str) -> dict[str, Any]:
        return {
            "of": decision_id,
            "at": self.planned_at if self.confirmed_at is None else self.confirmed_at,
            "state": self.state,
            "confirmed_at": self.confirmed_at,
            "is_unsent": self.is_unsent,
            "contact_key": self.contact_key,
        }


class _Batch:
    """What is on record about the outcomes of a batch, together with what they have added to it."""

    def __init__(self, transaction: Transaction, outcomes: Sequence[NewOutcome]) -> None:
        self._transaction = transaction
        told = _Lookup(transaction)
        events = list({outcome.event_key for outcome in outcomes})
        rows = told.rows(_events, events=events)
        self._reported = {
            row.event_key: (row.body_hash, Reported(True, row.decision_id, row.joined_by, row.reservation))  # noqa: FBT003  is_replay
            for row in rows
        }
        self._erased_events = transaction.erased("event", events)
        ids = list({outcome.decision_id for outcome in outcomes if outcome.decision_id})
        self._decisions = {row.decision_id: row for row in told.rows(_decisions, ids=ids)}
        self._erased_decisions = transaction.erased(
            "decision", [key for key in ids if key not in self._decisions]
        )
        persons = list({one.person for one in outcomes if one.person and not one.decision_id})
        self._erasures = transaction.erasures(persons)
        self._of_action = self._read_of_action(told, outcomes)
        joined = list(
            {*self._decisions, *(row.decision_id for rows in self._of_action.values() for row in rows)}
        )
        self._reservations = {
            row.decision_id: _Reservation(*row[1:]) for row in told.rows(_reservations, ids=joined)
        }
        self._outcomes: Rows = []
        self._changed: set[str] = set()
        self._charges: dict[str, float] = {}
        self._contacts: dict[tuple[str, str], dict[str, Any]] = {}

    @staticmethod
    def _read_of_action(told: _Lookup, outcomes: Sequence[NewOutcome]) -> dict[tuple[str, str], list[Any]]:
        """Return the decisions that outcomes may mean by person and action, latest first."""
        pairs = {
            (one.person, one.action_id)
            for one in outcomes
            if one.person and one.action_id and not one.decision_id
        }
        found: dict[tuple[str, str], list[Any]] = {}
        persons = list({person for person, _ in pairs})
        actions = list({action for _, action in pairs})
        for row in told.rows(_by_action, persons=persons, actions=actions):
            found.setdefault((row.person, row.action_id), []).append(row)
        return {pair: rows for pair, rows in found.items() if pair in pairs}

    def take(self, outcome: NewOutcome) -> Reported:
        """Take one outcome in; raise why it cannot be."""
        if outcome.event_key in self._reported:
            body_hash, reported = self._reported[outcome.event_key]
            if body_hash != outcome.body_hash:
                raise ConflictError("The event id was used before, for another outcome")
            return reported
        decision, joined_by = self._join(outcome)
        person = decision.person if decision else outcome.person
        decision_id = decision.decision_id if decision else None
        reservation = self._reservations.get(decision_id) if decision_id else None
        if reservation and decision_id:
            self._charge(reservation.budget, reservation.take(outcome))
            self._changed.add(decision_id)
        elif person:
            self._count_contact(outcome, person, decision)
        state = reservation.state if reservation else None
        self._outcomes.append(
            {
                "event_key": outcome.event_key,
                "body_hash": outcome.body_hash,
                "type": outcome.type,
                "at": outcome.at,
                "received_at": outcome.received_at,
                "person": person,
                "decision_id": decision_id,
                "action_id": outcome.action_id,
                "channel": outcome.channel,
                "value": outcome.value,
                "contact_key": outcome.contact_key,
                "joined_by": joined_by,
                "reservation": state,
            }
        )
        replay = Reported(is_replay=True, decision_id=decision_id, joined_by=joined_by, reservation=state)
        self._reported[outcome.event_key] = (outcome.body_hash, replay)
        return Reported(is_replay=False, decision_id=decision_id, joined_by=joined_by, reservation=state)

    def _join(self, outcome: NewOutcome) -> tuple[Any, str]:
        """Return the decision that an outcome belongs to, if there is one, and how it was found."""
        if outcome.event_key in self._erased_events or outcome.decision_id in self._erased_decisions:
            raise ErasedError("The outcome belongs to a customer who was erased")
        if outcome.decision_id:
            decision = self._decisions.get(outcome.decision_id)
            if decision is None or not self._transaction.holds(decision.person):
                raise UnknownDecisionError("No decision of that id is on record")
            return decision, "decision_id"
        person = outcome.person or ""
        if person in self._erasures and outcome.at <= self._erasures[person]:
            raise ErasedError("The outcome belongs to a customer who was erased")
        for decision in self._of_action.get((person, outcome.action_id or ""), ()):
            if decision.decided_at <= outcome.at + _SKEW:
                return decision, "customer_action"
        return None, "customer"

    def _charge(self, budget: str | None, change: float) -> None:
        if budget and change:
            self._charges[budget] = self._charges.get(budget, 0.0) + change

    def _count_contact(self, outcome: NewOutcome, person: str, decision: Any) -> None:
        """Count a contact that nothing was reserved for; of all that tell of one, the earliest is right."""
        channel = outcome.channel or (decision.channel if decision else None)
        if outcome.type not in CONFIRMING or not channel:
            return
        key = outcome.contact_key or (decision.decision_id if decision else outcome.event_key)
        row = {
            "person": person,
            "key": key,
            "at": outcome.at,
            "channel": channel,
            "action_id": outcome.action_id or (decision.action_id if decision else ""),
            "event_key": outcome.event_key,
        }
        self._contacts[person, key] = min(self._contacts.get((person, key), row), row, key=_age)

    def write(self) -> None:
        """Write what the outcomes have added."""
        transaction = self._transaction
        transaction.write(_INSERT, self._outcomes)
        changed = [self._reservations[key].row(key) for key in sorted(self._changed)]
        transaction.write(_UPDATE_RESERVATION, changed)
        charges = [{"of": budget, "change": change} for budget, change in self._charges.items() if change]
        transaction.write(_UPDATE_BUDGET, charges)
        if self._contacts:
            pairs = list(self._contacts)
            for row in transaction.connection.execute(_counted(), {"pairs": pairs}).mappings():
                pair = (row["person"], row["key"])
                self._contacts[pair] = min(self._contacts[pair], dict(row), key=_age)
            columns = ("at", "channel", "action_id", "event_key")
            transaction.write(upsert(transaction.dialect, CONTACTS, *columns), list(self._contacts.values()))


class _Lookup:
    """Reads rows by keys; nothing is asked where there are no keys."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def rows(self, statement: Callable[[str], Select[Any]], **keys: Sequence[str]) -> Sequence[Any]:
        if not all(keys.values()):
            return ()
        return self._transaction.rows(statement(self._transaction.dialect), **keys)


def _age(row: dict[str, Any]) -> tuple[int, str]:
    return (row["at"], row["event_key"])


@cache
def _events(dialect: str) -> Select[Any]:
    row = OUTCOMES.c
    columns = (row.event_key, row.body_hash, row.decision_id, row.joined_by, row.reservation)
    return select(*columns).where(among(dialect, row.event_key, "events"))


_DECISION: Final = tuple(
    DECISIONS.c[name] for name in ("decision_id", "person", "action_id", "channel", "decided_at")
)


@cache
def _decisions(dialect: str) -> Select[Any]:
    return select(*_DECISION).where(among(dialect, DECISIONS.c.decision_id, "ids"))


@cache
def _by_action(dialect: str) -> Select[Any]:
    row = DECISIONS.c
    return (
        select(*_DECISION)
        .where(among(dialect, row.person, "persons"), among(dialect, row.action_id, "actions"))
        .where(row.mode.in_(_ANSWERING_MODES))
        .order_by(row.decided_at.desc(), row.decision_id)
    )


@cache
def _reservations(dialect: str) -> Select[Any]:
    names = ("decision_id", *_Reservation.__dataclass_fields__)
    columns = [RESERVATIONS.c[name] for name in names]
    return select(*columns).where(among(dialect, RESERVATIONS.c.decision_id, "ids"))


@cache
def _budgets(dialect: str) -> Select[Any]:
    row = RESERVATIONS.c
    return select(row.budget).distinct().where(among(dialect, row.person, "persons"), row.budget.is_not(None))


@cache
def _counted() -> Select[Any]:
    row = CONTACTS.c
    return select(CONTACTS).where(tuple_(row.person, row.key).in_(bindparam("pairs", expanding=True)))
