"""One decision as a value: the question, what was weighed, what was drawn, and what the store writes of it.

Nothing here is told to a caller; :mod:`app.serving.action_answers` does that. What is written holds no id of
a customer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from app.capabilities.next_best_action import Draw
from app.domain.actions import NONE
from app.domain.clock import from_microseconds
from app.domain.history import MICROSECONDS_PER_DAY
from app.serving.action_model import ActionModel
from app.serving.knowledge import Person
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.weighing import Settled, Weighed, budget_key, charge_of
from app.store.records import Contacted, NewDecision, NewReservation
from app.texts.catalogue import Locale

Answer = dict[str, Any]

NONE_HOLDS_DAYS: Final = 1.0
"""Doing nothing is asked about again after a day."""


@dataclass(frozen=True, slots=True)
class AskAction:
    """One question. ``candidates`` and ``channels`` of None are all; ``timezone`` is the customer's own.

    ``caller_choice`` is an action id with a channel, or None for the action's first.
    """

    request_id: str
    body_hash: str
    mode: str = "live"
    candidates: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    limit: int = 1
    locale: Locale = "en"
    explain: bool = False
    timezone: str | None = None
    caller_choice: tuple[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One decision with everything that it came from."""

    release: LoadedRelease
    artifact: LoadedArtifact
    model: ActionModel
    ask: AskAction
    person: Person
    person_key: str
    weighed: Weighed
    settled: Settled
    drawn: Draw
    assigned: str
    decision_id: str
    is_logged: bool

    @property
    def none(self) -> int:
        """The position of doing nothing."""
        return len(self.model.candidates)

    @property
    def open(self) -> list[int]:
        """The positions of all that was left, doing nothing last."""
        return [*self.settled.allowed.nonzero()[0].tolist(), self.none]

    @property
    def position(self) -> int:
        """The position of what is to be done: the draw's, or the caller's own in apprentice mode."""
        choice = self.ask.caller_choice
        if self.ask.mode != "apprentice" or choice is None:
            return self.drawn.chosen
        return position_of(self.model, *choice)

    @property
    def slice(self) -> str:
        """How the choice came about."""
        return "caller" if self.ask.mode == "apprentice" else self.drawn.slice

    @property
    def arm(self) -> str:
        """The person's part of the programme: nothing is done for the control arm."""
        return "control" if self.assigned == "holdout" and self.ask.mode != "apprentice" else "treatment"

    @property
    def evidence(self) -> str:
        """What the expected profit of the choice rests on."""
        return evidence_of(self.model, self.position)

    @property
    def reservation(self) -> NewReservation | None:
        """The contact that is promised; None where there is none."""
        k = self.position
        if self.ask.mode == "shadow" or k == self.none:
            return None
        one = self.model.candidates[k]
        budget = one.budget
        return NewReservation(
            at=self.weighed.starts[k],
            channel=one.channel,
            action_id=one.action.id,
            is_transactional=one.action.is_transactional,
            budget=None if budget is None else budget_key(budget),
            charge=0.0 if budget is None else charge_of(budget, one.cost),
        )

    @property
    def planned(self) -> Contacted | None:
        """The promised contact as limits count it."""
        one = self.reservation
        if one is None:
            return None
        return Contacted(one.at, one.channel, one.action_id, self.decision_id, one.is_transactional)

    @property
    def timezone(self) -> str:
        """The customer's time zone, else the business's."""
        return self.ask.timezone or self.release.business.timezone

    def iso(self, at: int) -> str:
        """Return a time as ISO 8601."""
        return from_microseconds(at, self.timezone).isoformat()

    def expires(self, k: int) -> int:
        """Return when the offer of a candidate, or of doing nothing, ends."""
        if k == self.none:
            return self.weighed.now + round(NONE_HOLDS_DAYS * MICROSECONDS_PER_DAY)
        return self.weighed.expires[k]


def position_of(model: ActionModel, action_id: str, channel: str | None) -> int:
    """Return the position of an action by a channel, its first for None; doing nothing comes last.

    Raises
    ------
    KeyError
        The playbook has no such action, or not by this channel.
    """
    if action_id == NONE:
        return len(model.candidates)
    for k, one in enumerate(model.candidates):
        if one.action.id == action_id and channel in {None, one.channel}:
            return k
    raise KeyError(action_id)


def funnel_of(told: Told) -> Answer:
    """Return how many candidates there were, what took how many, and how many were left."""
    counts = Counter((drop.layer, drop.rule_id) for drop in told.settled.drops if drop is not None)
    return {
        "candidates": told.none,
        "dropped": [
            {"layer": layer, "rule_id": rule, "count": count} for (layer, rule), count in counts.items()
        ],
        "allowed": told.none - counts.total(),
    }


def new_decision(told: Told, answer: Answer) -> NewDecision:
    """Return a decision as the store writes it."""
    model, k = told.model, told.position
    one = None if k == told.none else model.candidates[k]
    window = max((action.window_days for action in model.playbook.actions), default=0.0)
    waits = window if one is None else one.action.window_days
    probability, worth = told.drawn.probabilities.tolist(), [*told.weighed.worth.tolist(), 0.0]
    return NewDecision(
        decision_id=told.decision_id,
        person=told.person_key,
        decided_at=told.weighed.now,
        mode=told.ask.mode,
        release=told.release.name,
        policy_version=told.artifact.manifest.version,
        arm=told.arm,
        slice=told.slice,
        action_id=NONE if one is None else one.action.id,
        channel=None if one is None else one.channel,
        propensity=propensity_of(told, k),
        evidence=told.evidence,
        candidates=[
            {**name_of(model, j), "probability": probability[j], "worth": worth[j]} for j in told.open
        ],
        snapshot={
            "variables": dict(told.person.variables),
            "order_value": told.person.order_value,
            "response": told.person.response,
            "assigned": told.assigned,
            "own_choice": name_of(model, told.drawn.chosen),
        },
        answer=answer,
        expires_at=told.expires(k),
        window_ends_at=told.weighed.now + round(waits * MICROSECONDS_PER_DAY),
        reservation=told.reservation,
    )


def propensity_of(told: Told, k: int) -> float | None:
    """Return the probability with which a candidate was drawn; None where the caller chose."""
    return None if told.ask.mode == "apprentice" else float(told.drawn.probabilities[k])


def evidence_of(model: ActionModel, k: int) -> str:
    """Return what a candidate's numbers rest on; doing nothing rests on nothing but the rule."""
    return "rule_prior" if k == len(model.candidates) else model.believed[k].evidence


def name_of(model: ActionModel, k: int) -> Answer:
    """Return what a candidate is called: its action, and its channel."""
    if k == len(model.candidates):
        return {"action_id": NONE, "channel": None}
    one = model.candidates[k]
    return {"action_id": one.action.id, "channel": one.channel}
