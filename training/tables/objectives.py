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
)
"""Every capability that a business file may want, a label may be for, and readiness reports on."""

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Days = Annotated[int, Field(ge=1, le=3650)]
Amount = Annotated[float, Field(ge=0.0)]


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
    """Over which horizon value counts, which share of it is margin, and what a year of waiting costs."""

    horizon_days: Days = 365
    margin: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    discount_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1


class Objectives(Part):
    """The capabilities that are wanted. A key without a value wants it with every default."""

    churn: ChurnObjective | None = None
    clv: ClvObjective | None = None
    purchase: dict[str, Any] | None = None
    satisfaction: dict[str, Any] | None = None
    segment: dict[str, Any] | None = None
    sentiment: dict[str, Any] | None = None
    recommendations: dict[str, Any] | None = None
    next_best_action: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_bare_keys(cls, data: Any) -> Any:
        """Read ``churn:`` with nothing behind it as ``churn: {}``."""
        return {k: {} if v is None else v for k, v in data.items()} if isinstance(data, dict) else data

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the capabilities that are wanted, in the order of ``CAPABILITIES``."""
        return tuple(name for name in CAPABILITIES if getattr(self, name) is not None)
