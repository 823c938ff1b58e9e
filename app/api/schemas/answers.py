"""What the service answers, as wire types for the OpenAPI document and for tests.

Answers are written by :mod:`app.serving.score` and go out as they are: nothing validates them at run time.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Tier = Literal["rules", "statistical", "ml", "causal"]
Grade = Literal["A", "B", "C"]
Locale = Literal["en", "zh-CN"]


class Told(BaseModel):
    """A part of an answer: closed and finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Baseline(Told):
    """The named simple rule, its value of the metric, and the model's on the same customers."""

    name: str = Field(description="The simple rule.")
    metric: str = Field(description="What was measured.")
    value: float = Field(description="The rule's value.")
    model_value: float = Field(description="The model's value.")


class Model(Told):
    """Who answered, how good that is, and against what."""

    capability: str = Field(description="What it predicts.")
    version: str = Field(description="Day and content hash of the artifact.")
    tier: Tier = Field(description="Which rung of the ladder answered.")
    grade: Grade = Field(description="How it compares with the baseline.")
    baseline: Baseline = Field(description="What it was compared with.")
    population: str = Field(description="The kind of customer that this rung answers for.")
    trained_as_of: str = Field(description="The world as known then was learnt from.")


class Reason(Told):
    """One input that moved the score."""

    feature: str = Field(description="Name of the input; `/v1/definitions` says what it means.")
    value: float | str | None = Field(description="Its value for this customer; null where not known.")
    direction: Literal["raises", "lowers"] = Field(description="Which way it moved the score.")
    impact: float = Field(description="By how much, on the link scale; parts add up exactly.")
    text: str = Field(description="The same in words.")


class Explanation(Told):
    """The numbers that make the reasons add up: base + listed impacts + other = sum."""

    link: Literal["logit", "identity"] = Field(description="The scale of impacts.")
    base: float = Field(description="Where the sum begins.")
    other: float = Field(description="Impact of all reasons that are not listed.")
    sum: float = Field(description="The score on the link scale.")


class Block(Told):
    """What every block says, whether or not it has a score."""

    eligible: bool = Field(description="Whether a score applies to this customer.")
    ineligible_reason: str | None = Field(None, description="Why none is given.")
    data_sufficiency: Literal["full", "partial", "insufficient"] = Field(
        description="Whether the data sent were enough for the best answer."
    )
    missing: list[str] = Field(description="Inputs that would have helped.")
    model: Model | None = Field(description="Who answered; null where nothing is published.")
    reasons: list[Reason] | None = Field(None, description="What moved the score, with `explain`.")
    explanation: Explanation | None = Field(None, description="How the reasons add up, with `explain`.")


class ChurnBlock(Block):
    """The probability that the customer is lost within the horizon."""

    probability: Probability | None = Field(None, description="Calibrated probability of being lost.")
    percentile: Probability | None = Field(
        None, description="Share of eligible reference customers with no higher probability."
    )
    risk_level: Literal["green", "yellow", "red"] | None = Field(None, description="Colour of the risk.")
    horizon_days: int | None = Field(None, description="Days that the probability looks ahead.")


class UnpublishedBlock(Block):
    """A block that no published model answers."""

    eligible: Literal[False] = Field(description="Always false.")
    ineligible_reason: Literal["no_model", "profiling_denied"] = Field(description="Why no answer is given.")


class Warning(Told):  # noqa: A001 - the contract's word
    """Something to know about the whole answer."""

    code: str = Field(description="Stable name.")
    detail: str = Field(description="The same in words.")


class Score(Told):
    """The answer for one customer: the envelope, and one block for each thing wanted."""

    customer_id: str = Field(description="As sent.")
    as_of: Moment = Field(description="The moment the answer is for.")
    release: str = Field(description="The set of models that answered.")
    score_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="Keyed hash of question and release.")
    personalised: bool = Field(description="False where profiling is denied.")
    locale: Locale = Field(description="Language of the texts.")
    warnings: list[Warning] = Field(description="What to know about the whole answer.")
    churn: ChurnBlock | None = Field(None, description="Churn, where wanted.")
    clv: UnpublishedBlock | None = Field(None, description="Customer lifetime value, where wanted.")
    purchase: UnpublishedBlock | None = Field(None, description="Next purchase, where wanted.")
    satisfaction: UnpublishedBlock | None = Field(None, description="Satisfaction, where wanted.")
    segment: UnpublishedBlock | None = Field(None, description="Segment, where wanted.")
    triggers: UnpublishedBlock | None = Field(None, description="Triggers, where wanted.")
    brief: UnpublishedBlock | None = Field(None, description="Brief, where wanted.")


class ProblemFault(Told):
    """One fault of the request."""

    pointer: str = Field(description="JSON pointer to the place; the parent of an unknown field.")
    code: str = Field(description="Stable name of the fault.")
    detail: str = Field(description="What is wrong.")
    hint: str = Field(description="How to mend it.")


class Problem(Told):
    """Why there is no answer (RFC 9457). Never repeats what was sent."""

    type: str = Field(description="`urn:kith:problem:<name>`.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What it means.")
    errors: list[ProblemFault] = Field(description="Every fault found, the first 50.")


class BatchResult(Told):
    """One result: a score, or the problem of that request."""

    status: int = Field(description="200, or the status that the request would have had alone.")
    score: Score | None = Field(None, description="The answer, with status 200.")
    problem: Problem | None = Field(None, description="The problem, with any other status.")


class BatchScores(Told):
    """The results of a batch, in the order of its requests."""

    results: list[BatchResult] = Field(description="One for each request.")


class PublishedPopulation(Told):
    """Who answers for one kind of customer, and how well."""

    variant: str = Field(description="`full` history or `summary`.")
    population: str = Field(description="The kind of customer.")
    tier: Tier = Field(description="Which rung of the ladder answers.")
    grade: Grade = Field(description="How it compares with the baseline.")
    baseline: Baseline = Field(description="What it was compared with.")


class PublishedModel(Told):
    """One model of the release."""

    capability: str = Field(description="What it predicts.")
    version: str = Field(description="Day and content hash of the artifact.")
    trained_as_of: str = Field(description="The world as known then was learnt from.")
    label: dict[str, Any] = Field(description="Definition, horizon, and the same in words.")
    populations: list[PublishedPopulation] = Field(description="Who answers for whom.")
    card: str = Field(description="Address of the model card.")


class PublishedModelDetail(PublishedModel):
    """One model with its inputs, metrics and cut points."""

    variants: list[dict[str, Any]] = Field(description="Inputs, metrics, counts and cut points by variant.")


class ModelList(Told):
    """The models in force."""

    release: str = Field(description="Name of the release.")
    created_at: str = Field(description="When it was published.")
    business: dict[str, Any] = Field(
        description="Name, currency, time zone, consent defaults, simulated or not."
    )
    models: list[PublishedModel] = Field(description="One for each capability.")


class Readiness(Told):
    """Whether the service can answer; with `?verbose` also why."""

    status: Literal["ready"] = Field(description="Always `ready`; otherwise a problem with status 503.")
    release: str | None = Field(None, description="The release that answers.")
    activated_at: str | None = Field(None, description="Since when it answers.")
    artifacts: dict[str, str] | None = Field(None, description="Version by capability.")
    last_refused: dict[str, Any] | None = Field(None, description="The last release refused, and why.")
    refresh_age_seconds: float | None = Field(None, description="Since the models folder was looked at.")
    draining: bool | None = Field(None, description="Whether the service is stopping.")
