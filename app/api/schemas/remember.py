"""What callers report: outcomes and verdicts; their forms for the store, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from app.api.schemas.act import Channel
from app.api.schemas.answers import Problem, Told
from app.api.schemas.fields import Currency, Id, Money, Timestamp, Wire, put_in_utc
from app.api.schemas.request import BATCH_LIMIT
from app.domain.clock import to_microseconds
from app.serving.pseudonyms import Keys
from app.store.records import NewFeedback, NewOutcome

COMMENT_LIMIT: Final = 500
TARGETS: Final = ("decision", "score", "recommendation")

PRINTABLE: Final = r"^[^\x00-\x08\x0B-\x1F\x7F]*$"
"""No control characters but tabs and line feeds."""

ActionId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
Capability = Literal[
    "churn",
    "clv",
    "purchase",
    "satisfaction",
    "segment",
    "triggers",
    "sentiment",
    "recommendations",
    "next_best_action",
]
AnswerId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
OutcomeType = Literal[
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
]


class OutcomeReport(Wire):
    """One thing that came of a decision, of an action, or of a customer for whom nothing was done."""

    event_id: Id = Field(
        description="Your own id of this event: the same id with the same body changes nothing, with another "
        "body it is a conflict."
    )
    decision_id: AnswerId | None = Field(
        None, description="The decision that it came of; alone, or else `customer_id`."
    )
    customer_id: Id | None = Field(None, description="The customer, where the decision is not known.")
    action_id: ActionId | None = Field(
        None,
        description="With `customer_id`: the action of the playbook that it came of, if it came of one; what "
        "came of an action that the playbook has lost is reported by `decision_id`.",
    )
    type: OutcomeType = Field(description="What happened; `not_sent` frees the contact that was promised.")
    value: Money | None = Field(None, description="Money that it brought; required with `revenue`.")
    currency: Currency | None = Field(None, description="ISO 4217; the business's own where left out.")
    channel: Channel | None = Field(None, description="By which way the customer was reached.")
    contact_id: Id | None = Field(
        None, description="Your id of the contact, as in `contacts[]`, so that it is not counted twice."
    )
    at: Timestamp = Field(description="When it happened; may be long ago.")


class OutcomeBatch(Wire):
    """Up to 1,000 outcomes. Only documents the body: it is read item by item."""

    outcomes: list[OutcomeReport] = Field(
        min_length=1, max_length=BATCH_LIMIT, description="The outcomes; results keep their order."
    )


class FeedbackReport(Wire):
    """What somebody in front of the customer says about an answer of the service."""

    feedback_id: Id = Field(
        description="Your own id of this verdict: the same id with the same body changes nothing."
    )
    decision_id: AnswerId | None = Field(None, description="The decision that is judged; or")
    score_id: AnswerId | None = Field(None, description="the score that is judged; or")
    recommendation_id: AnswerId | None = Field(None, description="the list that is judged.")
    customer_id: Id | None = Field(
        None,
        description="Whom it is about; required with `score_id` and `recommendation_id`, so that the verdict "
        "can be erased with the customer.",
    )
    capability: Capability | None = Field(None, description="Which part of a score, e.g. `churn`.")
    verdict: Literal["agree", "disagree", "unsure"] = Field(description="The verdict.")
    reason: Slug | None = Field(None, description="A word of your own list of reasons.")
    comment: Annotated[str, Field(max_length=COMMENT_LIMIT, pattern=PRINTABLE)] | None = Field(
        None, description="At most 500 characters. No names, numbers or addresses of customers, please."
    )
    at: Timestamp | None = Field(None, description="When it was given; now where left out.")


class OutcomeTaken(Told):
    """How an outcome was taken."""

    replay: bool = Field(description="Whether it was on record already.")
    decision_id: AnswerId | None = Field(description="The decision that it was joined to.")
    joined_by: Literal["decision_id", "customer_action", "customer"] = Field(
        description="How that was found; `customer`: recorded for the customer alone."
    )
    reservation: Literal["reserved", "confirmed", "released"] | None = Field(
        description="How the contact that the decision promised stands now; null where it promised none."
    )


class OutcomeResult(Told):
    """One result: how the outcome was taken, or its problem."""

    status: int = Field(description="The status that the outcome would have had alone.")
    outcome: OutcomeTaken | None = Field(None, description="With status 200 or 201.")
    problem: Problem | None = Field(None, description="With any other status.")


class OutcomeResults(Told):
    """The results, in the order of the outcomes."""

    results: list[OutcomeResult] = Field(description="One for each outcome.")


class FeedbackTaken(Told):
    """How a verdict was taken."""

    replay: bool = Field(description="Whether it was on record already.")
    target: Literal["decision", "score", "recommendation"] = Field(description="What was judged.")


class Erased(Told):
    """What was erased of a customer."""

    erased: dict[str, int] = Field(description="Rows by kind; all 0 where nothing was on record.")


_OUTCOME: Final = TypeAdapter(OutcomeReport)
_FEEDBACK: Final = TypeAdapter(FeedbackReport)
read_outcome: Final[Callable[[bytes | str], OutcomeReport]] = _OUTCOME.validator.validate_json
read_feedback: Final[Callable[[bytes | str], FeedbackReport]] = _FEEDBACK.validator.validate_json
"""Validate the bytes of one report; raise ``pydantic.ValidationError``."""


def outcome_of(report: OutcomeReport, keys: Keys, received_at: datetime) -> NewOutcome:
    """Return an outcome as the store takes it: with pseudonyms in place of the caller's ids."""
    put_in_utc(report)
    content: bytes = _OUTCOME.serializer.to_json(report, exclude_none=True)
    return NewOutcome(
        event_key=keys.event(report.event_id),
        body_hash=keys.body(b"outcome\n" + content),
        type=report.type,
        at=to_microseconds(report.at),
        received_at=to_microseconds(received_at),
        decision_id=report.decision_id,
        person=_key(keys.person, report.customer_id),
        action_id=report.action_id,
        channel=report.channel,
        value=report.value,
        contact_key=_key(keys.contact, report.contact_id),
    )


def feedback_of(report: FeedbackReport, keys: Keys, received_at: datetime) -> NewFeedback:
    """Return a verdict as the store takes it; exactly one target must be given."""
    put_in_utc(report)
    content: bytes = _FEEDBACK.serializer.to_json(report, exclude_none=True)
    target, target_id = next(given_targets(report))
    return NewFeedback(
        feedback_key=keys.feedback(report.feedback_id),
        body_hash=keys.body(b"feedback\n" + content),
        target=target,
        target_id=target_id,
        verdict=report.verdict,
        received_at=to_microseconds(received_at),
        at=to_microseconds(report.at or received_at),
        person=_key(keys.person, report.customer_id),
        capability=report.capability,
        reason=report.reason,
        comment=report.comment,
    )


def given_targets(report: FeedbackReport) -> Iterator[tuple[str, str]]:
    """Yield what a verdict is about: kind and id."""
    for target in TARGETS:
        value = getattr(report, f"{target}_id")
        if value is not None:
            yield target, value


def _key(of: Callable[[str], str], name: str | None) -> str | None:
    return None if name is None else of(name)
