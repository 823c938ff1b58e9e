"""What is written to the store, and what it gives back, as values.

Persons, request ids, event ids and contact ids are keyed pseudonyms by the time they come here: the store
never sees what a caller calls anybody. Times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Document = dict[str, Any]
"""JSON-ready."""

RESERVED: Final = "reserved"
CONFIRMED: Final = "confirmed"
RELEASED: Final = "released"

CONFIRMING: Final = frozenset(
    {"delivered", "opened", "clicked", "accepted", "rejected", "unsubscribed", "complaint"}
)
"""Outcomes that can only follow a contact."""
RELEASING: Final = "not_sent"
SUCCESS: Final = frozenset({"converted", "revenue"})
OUTCOME_TYPES: Final = (
    "delivered",
    "not_sent",
    "opened",
    "clicked",
    "accepted",
    "rejected",
    "converted",
    "revenue",
    "unsubscribed",
    "complaint",
)
"""What can come of a decision. The state of a reservation depends on which of these came, never on their
order: any of ``CONFIRMING`` makes it confirmed; else ``not_sent`` makes it released."""


@dataclass(frozen=True, slots=True)
class Contacted:
    """One contact of a person that counts for the limits: reserved or confirmed, never released.

    ``key`` is the pseudonym of the contact's id; of a contact that was decided here, of its decision id.
    ``contact_key`` is then the pseudonym of the platform's own id for it, once an outcome has told that.
    """

    at: int
    channel: str
    action_id: str
    key: str
    is_transactional: bool = False
    contact_key: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """Where a budget stands: what is reserved or spent, its price now, and how many decisions wanted it.

    ``net_total`` is the sum of what those decisions promised beyond the cost: the scale of the price.
    """

    spent: float = 0.0
    price: float = 0.0
    opportunities: int = 0
    net_total: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of a person when it is decided: contacts since the asked time, any order."""

    contacts: tuple[Contacted, ...] = ()


@dataclass(frozen=True, slots=True)
class NewReservation:
    """A contact that is promised: when, how, at which cost, and from which budget."""

    at: int
    channel: str
    action_id: str
    is_transactional: bool
    budget: str | None
    charge: float


@dataclass(frozen=True, slots=True)
class NewDecision:
    """One decision as it is written.

    ``candidates`` holds every candidate with its probability, ``snapshot`` the features that were read,
    ``answer`` what the caller got, without the customer's id. ``propensity`` is that of the chosen action,
    None where the caller chose. A ``none`` has no reservation; neither has a shadow decision.
    """

    decision_id: str
    person: str
    decided_at: int
    mode: str
    release: str
    policy_version: str
    arm: str
    slice: str
    action_id: str
    channel: str | None
    propensity: float | None
    evidence: str
    candidates: Sequence[Document]
    snapshot: Document
    answer: Document
    expires_at: int
    window_ends_at: int
    reservation: NewReservation | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: who, its idempotency key, and the hash of all that it says."""

    person: str
    request_key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: one decision for each question asked about, and the budgets as they stand then."""

    decisions: Sequence[NewDecision]
    budgets: Mapping[str, BudgetState] = field(default_factory=dict)


Choose = Callable[[Sequence[int], Sequence[Known], Mapping[str, BudgetState]], Choice]
"""Chooses for the questions at some positions, given what is known of each of those persons and of every
budget. Called within the transaction that writes the choice, maybe more than once: it must be pure."""


@dataclass(frozen=True, slots=True)
class DecisionTask:
    """Questions that are decided together. ``since`` is how far back contacts count."""

    asked: Sequence[Asked]
    since: int
    budgets: Sequence[str]
    choose: Choose


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer that is on record for a question; ``is_replay`` where it was there before.

    ``error`` is set instead of the answer where the request id was used for another body (``conflict``) or
    belongs to what was erased (``erased``).
    """

    answer: Document
    is_replay: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewOutcome:
    """One thing that came of a decision, of an action, or of a person whom nothing was done for.

    Given is ``decision_id``, or ``person`` with or without ``action_id``. ``contact_key`` is the pseudonym of
    the platform's own contact id, where it told one: the same contact in a payload is then not counted twice.
    """

    event_key: str
    body_hash: str
    type: str
    at: int
    received_at: int
    decision_id: str | None = None
    person: str | None = None
    action_id: str | None = None
    channel: str | None = None
    value: float | None = None
    contact_key: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """How an outcome was taken: new or replayed, what it was joined to, and how the reservation stands.

    ``joined_by`` is ``decision_id``, ``customer_action``, ``customer`` (recorded for the person alone).
    """

    is_replay: bool
    decision_id: str | None
    joined_by: str
    reservation: str | None


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """One front-line verdict on a score or on a decision."""

    feedback_key: str
    body_hash: str
    target: str
    target_id: str
    verdict: str
    received_at: int
    at: int
    person: str | None = None
    capability: str | None = None
    reason: str | None = None
    comment: str | None = None
