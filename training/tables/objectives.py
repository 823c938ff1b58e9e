"""What counts for each capability: the ``objectives`` of business.yaml, with their stated defaults."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CAPABILITIES: Final = (
    "churn",
    "clv",
    "purchase",
    "satisfaction",
    "segment",
    "sentiment",
    "recommendations",
    "next_best_action",
    "triggers",
)
"""Every capability that a business file may want, a label may be for, and readiness reports on."""

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Days = Annotated[int, Field(ge=1, le=3650)]
Amount = Annotated[float, Field(ge=0.0)]
Cycles = Annotated[float, Field(gt=0.0, le=100.0)]


class Part(BaseModel):
    """A part of the business file: strict types, no unknown keys, no infinities, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ChurnObjective(Part):
    """Who counts as churned, over which horizon, what an error costs, and where the risk colours begin.

    ``cost_missed`` and ``cost_false_alarm`` are in the business's currency. ``red`` is the share of the
    eligible customers with the highest risk, ``yellow`` the share that comes next; ``red_probability`` and
    ``yellow_probability`` replace them.
    """

    definition: Literal["inactivity", "subscription_end", "label"] = "inactivity"
    horizon_days: Days = 90
    gone_after_days: Days = 180
    """Who has been silent for longer has gone already and is not at risk; twice the horizon if not given."""
    cost_missed: Amount = 60.0
    cost_false_alarm: Amount = 5.0
    red: Share = 0.10
    yellow: Share = 0.30
    red_probability: Share | None = None
    yellow_probability: Share | None = None
    allow_near_label: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Columns that may nearly equal the label without being refused as a leak."""

    @model_validator(mode="before")
    @classmethod
    def _derive_gone_after(cls, data: Any) -> Any:
        """Take twice the horizon where nothing is said."""
        if not isinstance(data, dict) or data.get("gone_after_days") is not None:
            return data
        horizon = data.get("horizon_days", 90)
        return {**data, "gone_after_days": min(2 * horizon, 3650)} if isinstance(horizon, int) else data

    @model_validator(mode="after")
    def _check_bands(self) -> Self:
        """Hold the colours apart: red is the narrower band, and both are given in one way."""
        if (self.red_probability is None) != (self.yellow_probability is None):
            msg = "red_probability and yellow_probability belong together: give both or none"
            raise ValueError(msg)
        if self.red_probability is None or self.yellow_probability is None:
            if self.red + self.yellow >= 1.0:
                msg = "red and yellow together must leave a share for green"
                raise ValueError(msg)
        elif {"red", "yellow"} & self.model_fields_set:
            msg = "give either shares (red, yellow) or probabilities (red_probability, yellow_probability)"
            raise ValueError(msg)
        elif self.red_probability <= self.yellow_probability:
            msg = "red_probability must be above yellow_probability"
            raise ValueError(msg)
        if self.gone_after_days < self.horizon_days:
            msg = "gone_after_days must not be shorter than horizon_days"
            raise ValueError(msg)
        return self


class ClvObjective(Part):
    """Over which horizon value counts, which share of it is margin, and what a year of waiting costs.

    ``tier_a`` and ``tier_b`` are the shares of the predicted value that the tiers A and B hold;
    ``interval_level`` is how often the outcome shall lie in the range.
    """

    horizon_days: Days = 365
    margin: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    discount_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    tier_a: Share = 0.80
    tier_b: Share = 0.15
    interval_level: Annotated[float, Field(ge=0.5, le=0.98)] = 0.80

    @model_validator(mode="after")
    def _check_tiers(self) -> Self:
        """Leave a share for the tier C."""
        if self.tier_a + self.tier_b >= 1.0:
            msg = "tier_a and tier_b together must leave a share for C"
            raise ValueError(msg)
        return self


class PurchaseObjective(Part):
    """Over which horizon the next order is asked for: churn's, where churn is by inactivity; else 90 days."""

    horizon_days: Days | None = None


class SegmentObjective(Part):
    """Where the tiers of segments begin, and over which horizon they are held to account.

    ``value_a`` and ``value_b`` are the shares of the value so far that the tiers A and B hold, ``frequent``
    is the share of the customers whose frequency is high. A customer is at risk, dormant and lost after so
    many purchase cycles of silence.
    """

    horizon_days: Days | None = None
    """Over how many days the segments must tell who buys; churn's horizon, else 90, if not given."""
    value_a: Share = 0.80
    value_b: Share = 0.15
    frequent: Share = 0.20
    at_risk_after: Cycles = 1.5
    dormant_after: Cycles = 3.0
    lost_after: Cycles = 6.0

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        """Hold the tiers and the stages apart."""
        if self.value_a + self.value_b >= 1.0:
            msg = "value_a and value_b together must leave a share for C"
            raise ValueError(msg)
        if not self.at_risk_after < self.dormant_after < self.lost_after:
            msg = "at_risk_after, dormant_after and lost_after must rise"
            raise ValueError(msg)
        return self


class SatisfactionObjective(Part):
    """What counts as a customer's satisfaction, and from where on it is dissatisfaction.

    ``definition`` is the kind of feedback whose score is predicted, ``complaint`` (no complaint within
    ``horizon_days``, where nobody is asked) or ``label`` (the table labels); the kind with the most scores if
    not given. Scores at or below ``dissatisfied_at`` are dissatisfied: 6 of an NPS, else the lower half of
    the scale, if not given. ``interval_level`` is how often the score shall lie in the range.
    """

    definition: Literal["csat", "nps", "ces", "review", "complaint", "label"] | None = None
    dissatisfied_at: Annotated[float, Field(ge=-1000.0, le=1000.0)] | None = None
    horizon_days: Days = 30
    interval_level: Annotated[float, Field(ge=0.5, le=0.98)] = 0.80
    allow_near_label: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Columns that may nearly equal the label without being refused as a leak."""


class SentimentObjective(Part):
    """Below which confidence no sentiment is told; learned from the rated texts if not given."""

    abstain_below: Annotated[float, Field(ge=0.34, lt=1.0)] | None = None


Group = Literal[
    "acquisition_channel",
    "loyalty_tier",
    "gender",
    "country",
    "state",
    "city",
    "company_industry",
    "company_size",
]
"""The texts of a customer's profile."""


class RecommendationsObjective(Part):
    """Over how many days a recommendation must prove itself, and whose customers are told apart.

    What a customer buys within ``horizon_days`` is what should have been shown. ``group_by`` is a column of
    the table customers: each of its groups has popular products of its own, if that helps; groups are not
    told apart if not given. Whether a product that a customer has already is shown, each request says.
    """

    horizon_days: Annotated[int, Field(ge=1, le=365)] = 30
    group_by: Group | None = None


class TriggersObjective(Part):
    """Which trigger rules hold: those of the product, and those of the company's own file.

    ``file`` is relative to the business file. ``without`` names default rules that are left out.
    """

    file: Annotated[str, Field(min_length=1)] | None = None
    defaults: bool = True
    without: Annotated[tuple[str, ...], Field(strict=False)] = ()


class NextBestActionObjective(Part):
    """What may be done for customers: the default playbook, and the company's own file.

    ``file`` is relative to the business file. ``without`` names default actions that are left out. The
    default policy (limits, quiet hours, holdout) holds either way, until the file says otherwise.
    """

    file: Annotated[str, Field(min_length=1)] | None = None
    defaults: bool = True
    without: Annotated[tuple[str, ...], Field(strict=False)] = ()


class Objectives(Part):
    """The capabilities that are wanted. A key without a value wants it with every default."""

    churn: ChurnObjective | None = None
    clv: ClvObjective | None = None
    purchase: PurchaseObjective | None = None
    satisfaction: SatisfactionObjective | None = None
    segment: SegmentObjective | None = None
    sentiment: SentimentObjective | None = None
    recommendations: RecommendationsObjective | None = None
    next_best_action: NextBestActionObjective | None = None
    triggers: TriggersObjective | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_bare_keys(cls, data: Any) -> Any:
        """Read ``churn:`` with nothing behind it as ``churn: {}``."""
        return {k: {} if v is None else v for k, v in data.items()} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check_one_probability(self) -> Self:
        """Hold churn by inactivity and purchase to one horizon: they are one probability and its rest."""
        churn, purchase = self.churn, self.purchase
        if churn is None or purchase is None or churn.definition != "inactivity":
            return self
        if purchase.horizon_days not in {None, churn.horizon_days}:
            msg = (
                "purchase.horizon_days must be churn.horizon_days, or be left out: churn by inactivity is "
                "one minus the probability of a purchase"
            )
            raise ValueError(msg)
        return self

    @property
    def purchase_horizon_days(self) -> int:
        """The horizon of the next order."""
        if self.purchase is not None and self.purchase.horizon_days is not None:
            return self.purchase.horizon_days
        if self.churn is not None and self.churn.definition == "inactivity":
            return self.churn.horizon_days
        return 90

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the capabilities that are wanted, in the order of ``CAPABILITIES``."""
        return tuple(name for name in CAPABILITIES if getattr(self, name) is not None)
