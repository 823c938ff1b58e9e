"""What ``POST /v1/next-best-actions`` answers, as wire types for the OpenAPI document and for tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.api.schemas import answers
from app.api.schemas.act import Channel, Mode
from app.api.schemas.answers import Locale, Moment, Probability, Problem, Tier, Told

Whole = Annotated[int, Field(ge=0)]
DecisionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Evidence = Literal["rule_prior", "pilot", "experiment", "bandit"]
ActionType = Literal[
    "none",
    "coupon",
    "reminder",
    "call",
    "tutorial",
    "vip_service",
    "cross_sell",
    "upsell",
    "win_back",
    "loyalty_reward",
    "survey",
    "service_recovery",
    "message",
]
Layer = Literal[
    "request",
    "validity",
    "consent",
    "eligible",
    "applicable",
    "suitable",
    "contact_policy",
    "quiet_hours",
    "budget",
]


class Assignment(Told):
    """Which part of the programme the customer belongs to, and how the choice came about."""

    arm: Literal["treatment", "control"] = Field(description="Nothing is done for `control`: the holdout.")
    slice: Literal["exploit", "explore", "random", "holdout", "caller"] = Field(
        description="The best action, one drawn to learn from, one drawn for a person of the random slice, "
        "none for a person of the holdout, or the caller's own."
    )


class ExpectedProfit(Told):
    """What an action brings beyond doing nothing, its cost taken off, in money."""

    low: float = Field(description="At the low end of the effect.")
    mid: float = Field(description="At the expected effect.")
    high: float = Field(description="At the high end of the effect.")


class Hours(Told):
    """Hours of the customer's day."""

    from_: Annotated[int, Field(ge=0, le=23)] = Field(alias="from", description="First hour.")
    to: Annotated[int, Field(ge=0, le=24)] = Field(description="The hour at which it ends.")
    timezone: str = Field(description="IANA zone that the hours are told in: the business's.")


class ActionReason(Told):
    """Why an action stands where it does."""

    code: str = Field(description="Stable name, or the id of a rule of the playbook.")
    text: str = Field(description="The same in words.")


class ChosenAction(Told):
    """One action of the list."""

    action_id: str = Field(description="Id in the playbook; `none` is to do nothing.")
    type: ActionType = Field(description="What kind of action it is.")
    channel: Channel | None = Field(description="By which way; null for `none`.")
    content_key: str | None = Field(description="Name of the content in your own system.")
    text: str = Field(description="The action in words.")
    rank: Annotated[int, Field(ge=1)] = Field(description="1 is the decision; others are alternatives.")
    not_before: Moment | None = Field(description="From when on the customer may be disturbed.")
    due_by: Moment | None = Field(description="Until when it must be done to be of use.")
    expires_at: Moment = Field(description="Until when the offer, or the decision to do nothing, holds.")
    expected_incremental_profit: ExpectedProfit | None = Field(
        description="Null where the worth of a success is not known."
    )
    currency: str = Field(description="ISO 4217.")
    cost: float = Field(ge=0, description="What the contact costs.")
    evidence: Evidence = Field(
        description="What the profit rests on: a belief, a trial that is not clear of chance, a trial that "
        "is, or one that goes on."
    )
    propensity: Probability | None = Field(
        description="Exact probability with which it was drawn; null where the caller chose."
    )
    best_hours: Hours | None = Field(description="When customers like this answer; null where not known.")
    reasons: list[ActionReason] = Field(description="Why it stands there.")


class SuppressedAction(Told):
    """An action that may not be done, or not by one of its channels."""

    action_id: str = Field(description="Id in the playbook.")
    channel: Channel | None = Field(None, description="Left out where it holds for every channel.")
    layer: Layer = Field(description="Which kind of rule took it.")
    rule_id: str = Field(description="Which rule.")
    text: str = Field(description="The same in words.")


class PolicyUsed(Told):
    """The playbook that decided."""

    version: str = Field(description="Day and content hash of the artifact.")
    tier: Tier = Field(description="Which rung of the ladder decided.")


class DroppedCount(Told):
    """How many candidates one rule took."""

    layer: Layer = Field(description="Which kind of rule.")
    rule_id: str = Field(description="Which rule.")
    count: Whole = Field(description="Candidates: actions, each by one channel.")


class Funnel(Told):
    """What became of all candidates of one customer."""

    candidates: Whole = Field(description="All of them: actions, each by one channel.")
    dropped: list[DroppedCount] = Field(description="What took how many.")
    allowed: Whole = Field(description="What was left to choose from, doing nothing apart.")


class NamedCandidate(Told):
    """An action by a channel."""

    action_id: str = Field(description="Id in the playbook, or `none`.")
    channel: Channel | None = Field(description="By which way; null for `none`.")


class ResponseChance(Told):
    """Who answers a contact, by the response model."""

    probability: Probability = Field(description="P(this customer answers a contact).")
    base_rate: Probability | None = Field(description="The same over all customers.")


class Decision(Told):
    """What to do next for one customer."""

    decision_id: DecisionId | None = Field(
        description="Name it in outcomes and verdicts; null where nothing was decided or written."
    )
    customer_id: str = Field(description="As sent.")
    as_of: Moment = Field(description="The moment it was decided for.")
    release: str = Field(description="The set of models that decided.")
    mode: Mode = Field(description="As asked.")
    logged: bool = Field(description="Whether the decision is on record.")
    replay: bool = Field(description="Whether it was on record before this request.")
    personalised: bool | None = Field(
        None, description="False where profiling or personalisation is denied: nothing of the record is read."
    )
    locale: Locale = Field(description="Language of the texts.")
    eligible: bool = Field(description="Whether there can be a decision.")
    ineligible_reason: Literal["no_model"] | None = Field(None, description="Why there is none.")
    assignment: Assignment | None = Field(description="How the choice came about; null without one.")
    actions: list[ChosenAction] = Field(description="The decision, then alternatives up to `limit`.")
    suppressed: list[SuppressedAction] = Field(description="What may not be done, and why.")
    policy: PolicyUsed | None = Field(description="The playbook that decided.")
    response: ResponseChance | None = Field(None, description="Where a response model is published.")
    variables: dict[str, Any] | None = Field(
        None, description="With `explain`: what was known when the rules were read."
    )
    funnel: Funnel | None = Field(None, description="With `dry_run`: what became of all candidates.")
    caller_choice: NamedCandidate | None = Field(None, description="Your own choice, where one was sent.")
    own_choice: NamedCandidate | None = Field(None, description="Beside yours: what would be done here.")
    agrees: bool | None = Field(None, description="Whether the two are the same.")
    warnings: list[answers.Warning] = Field(description="What to know about the whole answer.")


class DecisionResult(Told):
    """One result: a decision, or the problem of that request."""

    status: int = Field(description="200, or the status that the request would have had alone.")
    decision: Decision | None = Field(None, description="The answer, with status 200.")
    problem: Problem | None = Field(None, description="The problem, with any other status.")


class ChosenCount(Told):
    """How many customers get one action by one channel."""

    action_id: str = Field(description="Id in the playbook, or `none`.")
    channel: Channel | None = Field(description="By which way; null for `none`.")
    count: Whole = Field(description="Customers.")


class BatchFunnel(Told):
    """What became of all candidates of all customers of a batch."""

    customers: Whole = Field(description="Customers who got a decision.")
    candidates: Whole = Field(description="All their candidates: actions, each by one channel.")
    dropped: list[DroppedCount] = Field(description="What took how many, in the order of the layers.")
    allowed: Whole = Field(description="What was left to choose from, doing nothing apart.")
    chosen: list[ChosenCount] = Field(description="How many customers get what, the most frequent first.")


class Decisions(Told):
    """The results of a batch, in the order of its requests, and what became of all candidates."""

    results: list[DecisionResult] = Field(description="One for each request.")
    funnel: BatchFunnel = Field(description="Over all requests that were answered.")


class OutcomeOnRecord(Told):
    """One outcome of a decision."""

    type: str = Field(description="What happened.")
    value: float | None = Field(description="Money that it brought; null where none was told.")
    at: Moment = Field(description="When it happened.")


class DecisionOnRecord(Told):
    """A decision with what came of it."""

    decision_id: DecisionId = Field(description="As it was told.")
    mode: Mode = Field(description="As it was asked.")
    arm: Literal["treatment", "control"] = Field(description="The customer's part of the programme.")
    slice: Literal["exploit", "explore", "random", "holdout", "caller"] = Field(
        description="How the choice came about."
    )
    action_id: str = Field(description="What was decided; `none` is to do nothing.")
    channel: Channel | None = Field(description="By which way.")
    propensity: Probability | None = Field(description="Null where the caller chose.")
    decided_at: Moment = Field(description="When it was decided.")
    expires_at: Moment = Field(description="Until when the offer holds.")
    window_ends_at: Moment = Field(description="Until when an outcome is waited for.")
    reservation: Literal["reserved", "confirmed", "released"] | None = Field(
        description="How the contact that was promised stands; null where none was."
    )
    outcomes: list[OutcomeOnRecord] = Field(description="What was reported, by time.")
    converted: bool | None = Field(description="Whether it succeeded; null while that can still happen.")
    value: float | None = Field(description="What that was worth; null while it is not known.")
