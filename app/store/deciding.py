"""Writes decisions with their reservations and budgets, many in a few statements.

All decision tasks of a batch read together, choose one after another, each with what those before it have
just promised, and write together. Replays, request ids that were used for something else, and erased ones are
told apart from new questions before anything is chosen.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import CompoundSelect, Select, bindparam, insert, literal, select, union_all

from app.store.records import (
    RELEASED,
    RESERVED,
    Asked,
    BudgetState,
    Choice,
    Contacted,
    Decided,
    DecisionTask,
    Known,
    NewDecision,
)
from app.store.tables import BUDGETS, CONTACTS, DECISIONS, RESERVATIONS
from app.store.transaction import Rows, Transaction, among, upsert

_JSON: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_INSERT_DECISIONS: Final = insert(DECISIONS)
_INSERT_RESERVATIONS: Final = insert(RESERVATIONS)
_BUDGET_COLUMNS: Final = ("spent", "price", "opportunities", "net_total")


def decide(transaction: Transaction, tasks: Sequence[DecisionTask]) -> list[list[Decided] | Exception]:
    """Return the answers to each task, or the error that its choice raised: then it has written nothing.

    Persons, request ids and budgets of the tasks must be held by the transaction.
    """
    batch = _Batch(transaction, tasks)
    results: list[list[Decided] | Exception] = []
    for task in tasks:
        try:
            results.append(batch.take(task))
        except Exception as error:  # noqa: BLE001  whatever one choice raises, the others are decided
            results.append(error)
    batch.write()
    return results


def read_contacts(
    transaction: Transaction, persons: Iterable[str], since: int
) -> defaultdict[str, list[Contacted]]:
    """Return the contacts of persons that count, since a time, and with each one whose it is."""
    found: defaultdict[str, list[Contacted]] = defaultdict(list)
    wanted = list(dict.fromkeys(persons))
    if not wanted:
        return found
    reserved: set[tuple[str, str]] = set()
    statement = _contacts(transaction.dialect)
    bound = {"persons": wanted, "since": since, "released": RELEASED}
    rows = transaction.connection.execute(statement, bound).all()
    for person, at, channel, action_id, is_transactional, key, contact_key, is_reserved in rows:
        if is_reserved:
            reserved.add((person, contact_key))
            found[person].append(Contacted(at, channel, action_id, key, bool(is_transactional), contact_key))
    for person, at, channel, action_id, _, key, _, is_reserved in rows:
        if not is_reserved and (person, key) not in reserved:
            found[person].append(Contacted(at, channel, action_id, key))
    return found


def read_budgets(transaction: Transaction, budgets: Iterable[str]) -> dict[str, BudgetState]:
    """Return where budgets stand; one that nobody has used yet stands at the beginning."""
    states = {budget: BudgetState() for budget in budgets}
    if states:
        rows = transaction.rows(_budgets(transaction.dialect), budgets=list(states))
        states.update((row[0], BudgetState(*row[1:])) for row in rows)
    return states


class _Batch:
    """What is on record for the tasks of a batch, together with what they have added to it."""

    def __init__(self, transaction: Transaction, tasks: Sequence[DecisionTask]) -> None:
        asked = [one for task in tasks for one in task.asked]
        keys = list(dict.fromkeys(one.request_key for one in asked))
        self._transaction = transaction
        self._answers = {row[0]: (row[1], row[2]) for row in _on_record(transaction, keys)}
        self._erased = transaction.erased("request", [key for key in keys if key not in self._answers])
        self._since = min((task.since for task in tasks), default=0)
        persons = list({one.person for one in asked if one.request_key not in self._answers})
        self._erasures = transaction.erasures(persons)
        self._contacts = read_contacts(transaction, persons, self._since)
        self._budgets = read_budgets(transaction, (name for task in tasks for name in task.budgets))
        self._changed: set[str] = set()
        self._decisions: Rows = []
        self._reservations: Rows = []

    def take(self, task: DecisionTask) -> list[Decided]:
        """Choose for the new questions of a task; return the answers to all of them."""
        first: dict[str, int] = {}
        for position, asked in enumerate(task.asked):
            if asked.request_key not in self._answers and asked.request_key not in self._erased:
                first.setdefault(asked.request_key, position)
        new = self._choose(task, list(first.values()))
        refused = {task.asked[position].request_key for position in first.values() if position not in new}
        return [
            Decided({}, error="erased")
            if asked.request_key in refused
            else self._answer(asked, is_new=position in new)
            for position, asked in enumerate(task.asked)
        ]

    def write(self) -> None:
        """Write what the tasks have added."""
        transaction = self._transaction
        transaction.write(_INSERT_DECISIONS, self._decisions)
        transaction.write(_INSERT_RESERVATIONS, self._reservations)
        budgets = [_budget_row(name, self._budgets[name]) for name in sorted(self._changed)]
        transaction.write(upsert(transaction.dialect, BUDGETS, *_BUDGET_COLUMNS), budgets)

    def _choose(self, task: DecisionTask, positions: Sequence[int]) -> set[int]:
        """Choose for the questions at some positions; return those at which something was decided."""
        choice = self._chosen(task, positions)
        # Whoever is erased meanwhile is left out, with what the choice promised them from the budgets.
        alive = [
            position
            for position, decision in zip(positions, choice.decisions, strict=True)
            if decision.decided_at > self._erasures.get(decision.person, decision.decided_at - 1)
        ]
        if len(alive) < len(positions):
            choice = self._chosen(task, alive)
        self._keep(task, alive, choice)
        return set(alive)

    def _chosen(self, task: DecisionTask, positions: Sequence[int]) -> Choice:
        if not positions:
            return Choice([])
        knowns = [self._known(task.asked[position].person, task.since) for position in positions]
        budgets = {name: self._budgets[name] for name in task.budgets}
        choice = task.choose(positions, knowns, budgets)
        _check(choice, task, positions)
        return choice

    def _keep(self, task: DecisionTask, positions: Sequence[int], choice: Choice) -> None:
        asked = [task.asked[position] for position in positions]
        rows = [_decision_row(*pair) for pair in zip(choice.decisions, asked, strict=True)]
        # From here on nothing raises: a task that fails leaves no trace for those after it.
        self._decisions += rows
        self._budgets.update(choice.budgets)
        self._changed.update(choice.budgets)
        for decision, one in zip(choice.decisions, asked, strict=True):
            self._answers[one.request_key] = (one.body_hash, decision.answer)
            self._reserve(decision)

    def _reserve(self, decision: NewDecision) -> None:
        reservation = decision.reservation
        if reservation is None:
            return
        self._reservations.append(
            {
                "decision_id": decision.decision_id,
                "person": decision.person,
                "at": reservation.at,
                "channel": reservation.channel,
                "action_id": reservation.action_id,
                "is_transactional": reservation.is_transactional,
                "budget": reservation.budget,
                "charge": reservation.charge,
                "state": RESERVED,
                "planned_at": reservation.at,
                "confirmed_at": None,
                "is_unsent": False,
                "contact_key": None,
            }
        )
        self._contacts[decision.person].append(
            Contacted(
                reservation.at,
                reservation.channel,
                reservation.action_id,
                decision.decision_id,
                reservation.is_transactional,
            )
        )

    def _known(self, person: str, since: int) -> Known:
        contacts = self._contacts.get(person, ())
        return Known(tuple(contact for contact in contacts if contact.at >= since))

    def _answer(self, asked: Asked, *, is_new: bool) -> Decided:
        if asked.request_key in self._erased:
            return Decided({}, error="erased")
        body_hash, answer = self._answers[asked.request_key]
        if body_hash != asked.body_hash:
            return Decided({}, error="conflict")
        return Decided(json.loads(answer) if isinstance(answer, str) else answer, is_replay=not is_new)


def _check(choice: Choice, task: DecisionTask, positions: Sequence[int]) -> None:
    if len(choice.decisions) != len(positions):
        raise ValueError(f"{len(choice.decisions)} decisions for {len(positions)} questions")
    if not choice.budgets.keys() <= set(task.budgets):
        raise ValueError("a budget was changed that the task does not name")
    if not all(map(math.isfinite, _numbers(choice))):
        raise ValueError("a number of a decision or a budget is not finite")


def _numbers(choice: Choice) -> Iterator[float]:
    """Yield the numbers that are written as such; JSON is checked as it is encoded."""
    for decision in choice.decisions:
        yield decision.propensity or 0.0
        yield decision.reservation.charge if decision.reservation else 0.0
    for state in choice.budgets.values():
        yield from (state.spent, state.price, state.net_total)


def _on_record(transaction: Transaction, keys: Sequence[str]) -> Sequence[Any]:
    return transaction.rows(_requests(transaction.dialect), keys=keys) if keys else ()


def _decision_row(decision: NewDecision, asked: Asked) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "request_key": asked.request_key,
        "body_hash": asked.body_hash,
        "person": decision.person,
        "decided_at": decision.decided_at,
        "mode": decision.mode,
        "release": decision.release,
        "policy_version": decision.policy_version,
        "arm": decision.arm,
        "slice": decision.slice,
        "action_id": decision.action_id,
        "channel": decision.channel,
        "propensity": decision.propensity,
        "evidence": decision.evidence,
        "candidates": _JSON.encode(decision.candidates),
        "snapshot": _JSON.encode(decision.snapshot),
        "answer": _JSON.encode(decision.answer),
        "expires_at": decision.expires_at,
        "window_ends_at": decision.window_ends_at,
    }


def _budget_row(name: str, state: BudgetState) -> dict[str, Any]:
    return {
        "budget": name,
        "spent": state.spent,
        "price": state.price,
        "opportunities": state.opportunities,
        "net_total": state.net_total,
        "erased": 0.0,
    }


@cache
def _requests(dialect: str) -> Select[Any]:
    row = DECISIONS.c
    return select(row.request_key, row.body_hash, row.answer).where(among(dialect, row.request_key, "keys"))


@cache
def _budgets(dialect: str) -> Select[Any]:
    row = BUDGETS.c
    columns = (row.budget, *(row[name] for name in _BUDGET_COLUMNS))
    return select(*columns).where(among(dialect, row.budget, "budgets"))


@cache
def _contacts(dialect: str) -> CompoundSelect[Any]:
    held, told = RESERVATIONS.c, CONTACTS.c
    return union_all(
        select(
            held.person,
            held.at,
            held.channel,
            held.action_id,
            held.is_transactional,
            held.decision_id,
            held.contact_key,
            literal(1),
        ).where(
            among(dialect, held.person, "persons"),
            held.at >= bindparam("since"),
            held.state != bindparam("released"),
        ),
        select(
            told.person,
            told.at,
            told.channel,
            told.action_id,
            literal(value=False),
            told.key,
            literal(None),
            literal(0),
        ).where(among(dialect, told.person, "persons"), told.at >= bindparam("since")),
    )
