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

    link: Literal["logit", "log", "identity"] = Field(description="The scale of impacts.")
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


class ClvBlock(Block):
    """What the customer has brought, and what is to be expected within the horizon."""

    currency: str | None = Field(None, description="ISO 4217.")
    horizon_days: int | None = Field(None, description="Days that the prediction looks ahead.")
    historic_value: float | None = Field(None, description="Net revenue so far, all refunds taken off.")
    predicted_value: float | None = Field(
        None, description="Expected net revenue of the horizon × margin, discounted."
    )
    predicted_low: float | None = Field(None, description="Low end of the range of the outcome.")
    predicted_high: float | None = Field(None, description="High end of the range of the outcome.")
    interval_level: Probability | None = Field(None, description="How often the outcome lies in the range.")
    expected_orders: float | None = Field(None, description="Expected order days within the horizon.")
    average_order_value: float | None = Field(None, description="Mean net value of an order day so far.")
    value_tier: Literal["A", "B", "C"] | None = Field(None, description="By predicted value.")
    value_class: Literal["high", "potential", "general"] | None = Field(
        None, description="By historic and predicted value together."
    )
    max_justified_spend: float | None = Field(
        None, ge=0, description="What may be spent without regret: the low end of the range."
    )


class PurchaseBlock(Block):
    """Whether and when the customer orders next."""

    probability: Probability | None = Field(None, description="P(at least one order within the horizon).")
    horizon_days: int | None = Field(None, description="Days that the probability looks ahead.")
    p_alive: Probability | None = Field(
        None, description="P(not gone for good); null where the model cannot tell it."
    )
    expected_at: Moment | None = Field(None, description="Middle of the window of the next order.")
    earliest_at: Moment | None = Field(None, description="Beginning of the window.")
    latest_at: Moment | None = Field(None, description="End of the window.")
    no_window_reason: (
        Literal["fewer_than_two_orders", "too_few_customers_for_a_forecast", "an_order_is_unlikely"] | None
    ) = Field(None, description="Why there is no window.")
    average_days_between_orders: int | None = Field(None, description="Mean gap so far.")


class Evidence(Told):
    """One value that a trigger rule asked about."""

    feature: str | None = Field(None, description="Name of the input, or")
    score: str | None = Field(None, description="name of the score, `<block>.<field>`.")
    value: float | str | None = Field(description="Its value.")
    text: str = Field(description="The same in words.")


class Trigger(Told):
    """A rule that holds for the customer."""

    rule_id: str = Field(description="Name of the rule.")
    fired_at: Moment = Field(description="Since when it holds.")
    text: str = Field(description="What it means.")
    evidence: list[Evidence] = Field(description="Why it holds.")
    suggests: list[str] = Field(description="What to do; `/v1/definitions` says what the words mean.")


class Rfm(Told):
    """Recency, frequency and monetary value, scored against the other customers; 5 is best."""

    recency: Annotated[int, Field(ge=1, le=5)] = Field(description="How lately the customer bought.")
    frequency: Annotated[int, Field(ge=1, le=5)] = Field(description="On how many days.")
    monetary: Annotated[int, Field(ge=1, le=5)] | None = Field(
        None, description="For how much, net; null where no money is known."
    )
    code: str = Field(pattern=r"^R[1-5]F[1-5](M[1-5])?$", description="The scores as one word.")


class Cluster(Told):
    """The group of customers that this one is nearest to."""

    id: Annotated[int, Field(ge=1, le=8)] = Field(description="Number of the cluster; 1 is the largest.")
    name: str = Field(description="What stands out in it.")
    distance: float = Field(ge=0, description="How far from its middle, in spreads of the inputs.")
    runner_up: str = Field(description="Name of the second nearest cluster.")


class SegmentBlock(Block):
    """Who the customer is among the others."""

    rfm: Rfm | None = Field(None, description="The three scores.")
    name: (
        Literal[
            "champions",
            "loyal",
            "potential_loyalists",
            "new_customers",
            "promising",
            "needs_attention",
            "about_to_sleep",
            "cannot_lose",
            "at_risk",
            "hibernating",
            "lost",
        ]
        | None
    ) = Field(None, description="The named segment that the scores belong to.")
    label: str | None = Field(None, description="The same in the reader's language.")
    frequency_tier: Literal["low", "high"] | None = Field(None, description="How often the customer buys.")
    value_tier: Literal["A", "B", "C"] | None = Field(
        None, description="By net value so far; null where no money is known."
    )
    lifecycle_stage: Literal["new", "active", "at_risk", "dormant", "lost"] | None = Field(
        None, description="In multiples of the customer's own purchase cycle."
    )
    cluster: Cluster | None = Field(None, description="Null where no stable clusters were found.")


class SatisfactionBlock(Block):
    """The score that the customer would give if asked now."""

    expected_score: float | None = Field(None, description="Mean of the scores that may be given.")
    scale_max: float | None = Field(None, description="Best score there is.")
    low: float | None = Field(None, description="Lowest score of the range.")
    high: float | None = Field(None, description="Highest score of the range.")
    dissatisfied_probability: Probability | None = Field(
        None, description="Probability of a score that counts as dissatisfied."
    )
    percentile: Probability | None = Field(
        None, description="Share of the customers who are no more likely to be dissatisfied."
    )
    interval_level: Probability | None = Field(None, description="How often the score lies in the range.")
    label_definition: Literal["csat", "nps", "ces", "review", "complaint", "label"] | None = Field(
        None, description="What counts as the score; the model card states the scale and the cut."
    )


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
    clv: ClvBlock | None = Field(None, description="Customer lifetime value, where wanted.")
    purchase: PurchaseBlock | None = Field(None, description="Next purchase, where wanted.")
    satisfaction: SatisfactionBlock | UnpublishedBlock | None = Field(
        None, description="Satisfaction, where wanted."
    )
    segment: SegmentBlock | UnpublishedBlock | None = Field(None, description="Segment, where wanted.")
    triggers: list[Trigger] | UnpublishedBlock | None = Field(
        None, description="The rules that hold, where wanted."
    )
    brief: list[str] | UnpublishedBlock | None = Field(
        None, description="Up to five sentences for the person on the phone, where wanted."
    )


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


class StoreState(Told):
    """How the store is."""

    state: Literal["up", "down", "full"] = Field(description="As the last write has shown.")
    reason: str | None = Field(description="Why it is not up, where that is known.")
    waiting: int = Field(ge=0, description="Writes that wait.")


class Readiness(Told):
    """Whether the service can answer; with `?verbose` also why."""

    status: Literal["ready"] = Field(description="Always `ready`; otherwise a problem with status 503.")
    release: str | None = Field(None, description="The release that answers.")
    activated_at: str | None = Field(None, description="Since when it answers.")
    artifacts: dict[str, str] | None = Field(None, description="Version by capability.")
    last_refused: dict[str, Any] | None = Field(None, description="The last release refused, and why.")
    refresh_age_seconds: float | None = Field(None, description="Since the models folder was looked at.")
    store: StoreState | None = Field(None, description="What the service remembers; scores need none of it.")
    draining: bool | None = Field(None, description="Whether the service is stopping.")
