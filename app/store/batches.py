"""Runs the tasks of a batch within one transaction, all of a kind together.

Order within a batch: decisions, outcomes, feedback, then what only reads. Nothing of a batch was acknowledged
before, so that its tasks may count as having come in this order. An erasure is a batch of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.store import erasing, judging, reporting
from app.store.deciding import decide, read_budgets, read_contacts
from app.store.records import BudgetState, DecisionTask, Known, NewFeedback, NewOutcome
from app.store.tables import PULSES
from app.store.transaction import Transaction, upsert
from app.store.viewing import view


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of persons and budgets."""

    persons: Sequence[str]
    since: int
    budgets: Sequence[str]


@dataclass(frozen=True, slots=True)
class View:
    """One decision as it stands at a time."""

    decision_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person is erased at a time."""

    person: str
    at: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether the database takes anything."""

    beat: str


Task = DecisionTask | NewOutcome | NewFeedback | Look | View | Erasure | Pulse


def run(transaction: Transaction, tasks: Sequence[Task]) -> list[Any]:
    """Return the result of each task, an exception where it alone failed; raise what fails all of them."""
    decisions = {place: task for place, task in enumerate(tasks) if isinstance(task, DecisionTask)}
    outcomes = {place: task for place, task in enumerate(tasks) if isinstance(task, NewOutcome)}
    verdicts = {place: task for place, task in enumerate(tasks) if isinstance(task, NewFeedback)}
    if not transaction.is_alone:
        _hold(transaction, tasks)
    results: dict[int, Any] = {}
    if decisions:
        results.update(zip(decisions, decide(transaction, list(decisions.values())), strict=True))
    if outcomes:
        results.update(zip(outcomes, reporting.report(transaction, list(outcomes.values())), strict=True))
    if verdicts:
        results.update(zip(verdicts, judging.judge(transaction, list(verdicts.values())), strict=True))
    return [
        results[place] if place in results else _alone(transaction, task) for place, task in enumerate(tasks)
    ]


def _alone(transaction: Transaction, task: Task) -> Any:
    """Return the result of a task of a kind that gains nothing from company."""
    match task:
        case Look():
            return _look(transaction, task)
        case View():
            return view(transaction, task.decision_id, task.at)
        case Erasure():
            return erasing.erase(transaction, task.person, task.at)
        case Pulse():
            transaction.write(upsert(transaction.dialect, PULSES, "beat"), [{"id": 1, "beat": task.beat}])
    return None


def _hold(transaction: Transaction, tasks: Sequence[Task]) -> None:
    """Hold every person and id that the tasks are about, then every budget."""
    about = _About()
    for task in tasks:
        about.add(task)
    about.changed |= reporting.persons_of(transaction, about.decision_ids)
    if about.persons or about.changed or about.ids:
        transaction.hold(about.persons | about.changed, about.ids)
        transaction.hold_budgets(about.budgets | reporting.budgets_of(transaction, sorted(about.changed)))


@dataclass(slots=True)
class _About:
    """What tasks are about; ``changed`` are persons whose reservations may change, and with them budgets."""

    persons: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)
    decision_ids: list[str] = field(default_factory=list)
    budgets: set[str] = field(default_factory=set)

    def add(self, task: Task) -> None:
        match task:
            case DecisionTask():
                self.persons.update(one.person for one in task.asked)
                self.ids += (one.request_key for one in task.asked)
                self.budgets.update(task.budgets)
            case NewOutcome():
                self.ids.append(task.event_key)
                self._point(task.decision_id, task.person, self.changed)
            case NewFeedback():
                self.ids.append(task.feedback_key)
                is_of_decision = task.target == judging.DECISION
                self._point(task.target_id if is_of_decision else None, task.person, self.persons)
            case Erasure():
                self.changed.add(task.person)

    def _point(self, decision_id: str | None, person: str | None, persons: set[str]) -> None:
        if decision_id:
            self.decision_ids.append(decision_id)
        elif person:
            persons.add(person)


def _look(transaction: Transaction, task: Look) -> tuple[list[Known], dict[str, BudgetState]]:
    contacts = read_contacts(transaction, task.persons, task.since)
    knowns = [Known(tuple(contacts.get(person, ()))) for person in task.persons]
    return knowns, read_budgets(transaction, task.budgets)
