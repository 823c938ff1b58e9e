"""Segment: who a customer is among the others, by rules that need no learning and work from the first one on.

Rules:
- recency, frequency and monetary are scored 1 to 5 (5 best) by the business's own quantiles; the cut points
  lie between values, so customers who are alike have the same score. Where no money is known, monetary, the
  value tier and the M of the code are left out, and the name is decided without it;
- the name is looked up by the scores, one for every combination (:mod:`app.estimators.scores`);
- the lifecycle stage is told in multiples of the customer's own purchase cycle, never in days: the average
  gap, drawn towards the business's median cycle the fewer gaps there are;
- clusters are told only where training found stable ones.

The settings of a variant hold ``{"recency", "frequency", "monetary": {"edges", "scores"} or null,
"frequent_from", "value_a_from", "value_b_from", "cycle_days", "cycle_weight", "stages": {"new", "active",
"at_risk", "dormant"}, "clusters": {…} or null}``; see :mod:`app.estimators.clusters` for the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from app.capabilities.base import Answers, Model, Output, Scorer
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions, Moment
from app.estimators.clusters import NAMES as CLUSTER_NAMES
from app.estimators.clusters import Clusters, read_clusters
from app.estimators.scores import CODES, NAMED, NAMES, Scale, place_of, read_scale

NO_ORDERS: Final = "no_orders"
FREQUENCY_TIERS: Final = ("low", "high")
VALUE_TIERS: Final = ("A", "B", "C")
STAGES: Final = ("new", "active", "at_risk", "dormant", "lost")
INPUTS: Final = (
    "days_since_last_order",
    "order_days",
    "revenue_total",
    "days_since_first_order",
    "average_gap_days",
)
SUMMARY_INPUTS: Final = (
    "summary.days_since_last_order",
    "summary.order_count",
    "summary.revenue_total",
    "summary.days_since_first_order",
    "summary.average_gap_days",
)
"""The inputs of the rules, in the order that :class:`Rules` reads; a model's inputs begin with them."""

_MODELS: Final = 32
"""Models whose rules are kept ready."""
_ROUNDING: Final = 1e-9
"""A last bit must not change a stage."""


_STAGES: Final = np.array(STAGES, dtype=object)
_FREQUENCY_TIERS: Final = np.array(FREQUENCY_TIERS, dtype=object)
_VALUE_TIERS: Final = np.array([None, *VALUE_TIERS], dtype=object)

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output("ineligible_reason", "word", words=(NO_ORDERS,)),
    Output("rfm.recency", "score", 1.0, 5.0),
    Output("rfm.frequency", "score", 1.0, 5.0),
    Output("rfm.monetary", "score", 1.0, 5.0),
    Output("rfm.code", "word", words=tuple(CODES.tolist())),
    Output("name", "word", words=NAMES),
    Output("frequency_tier", "word", words=FREQUENCY_TIERS),
    Output("value_tier", "word", words=VALUE_TIERS),
    Output("lifecycle_stage", "word", words=STAGES),
    Output("cluster.id", "score", 1.0, 8.0),
    Output("cluster.name", "word", words=CLUSTER_NAMES),
    Output("cluster.distance", "distance", 0.0),
    Output("cluster.runner_up", "word", words=CLUSTER_NAMES),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a variant as arrays, ready to answer; ``columns`` are those of ``INPUTS`` in X."""

    columns: tuple[int, ...]
    recency: Scale
    frequency: Scale
    monetary: Scale | None
    frequent_from: float
    value_from: Array
    cycle_days: float
    cycle_weight: float
    new_until: float
    stages: Array
    clusters: Clusters | None

    def eligible(self, X: Array) -> Array:
        """Return who has a purchase, bool of shape (N,)."""
        answer: Array = (X[:, self.columns[1]] > 0) & (X[:, self.columns[0]] >= 0)
        return answer

    def scores(self, X: Array) -> tuple[Array, Array, Array]:
        """Return recency, frequency and monetary of customers with a purchase, int64; 0 is not known."""
        silence, orders, revenue = (X[:, j] for j in self.columns[:3])
        recency, frequency = self.recency.of(silence), self.frequency.of(orders)
        if self.monetary is None:
            return recency, frequency, np.zeros(len(X), dtype=np.int64)
        monetary = self.monetary.of(revenue)
        is_unknown = np.isnan(revenue)
        if is_unknown.any():
            monetary = np.where(is_unknown, 0, monetary)
        return recency, frequency, monetary

    def value_tier(self, revenue: Array) -> Array:
        """Return A, B or C by net value so far, None where no money is known, object of shape (N,)."""
        if self.monetary is None:
            return np.full(len(revenue), None, dtype=object)
        # From the highest: 1 is A, 2 is B, 3 is C, also of what is not above zero.
        place = len(self.value_from) + 1 - self.value_from.searchsorted(revenue, side="right")
        is_unknown = np.isnan(revenue)
        answer: Array = _VALUE_TIERS[np.where(is_unknown, 0, place) if is_unknown.any() else place]
        return answer

    def cycle(self, orders: Array, gap: Array) -> Array:
        """Return each customer's purchase cycle in days, 1 at least, shape (N,).

        The average of the own gaps and of ``cycle_weight`` gaps as long as the business's median cycle.
        """
        gaps = np.where(np.isnan(gap), 0.0, orders - 1.0)
        own = np.where(gaps > 0, gaps * gap, 0.0)
        cycle = (own + self.cycle_weight * self.cycle_days) / (np.maximum(gaps, 0.0) + self.cycle_weight)
        answer: Array = np.maximum(cycle, 1.0)
        return answer

    def stage(self, X: Array) -> Array:
        """Return the lifecycle stage of customers with a purchase, object of shape (N,)."""
        silence, orders, _, first, gap = (X[:, j] for j in self.columns)
        cycle = self.cycle(orders, gap)
        place = self.stages.searchsorted(silence / cycle - _ROUNDING) + 1
        is_new = first <= self.new_until * cycle + _ROUNDING
        answer: Array = _STAGES[np.where(is_new, 0, place)]
        return answer

    def answer(self, X: Array) -> dict[str, Array]:
        """Return the columns of ``OUTPUTS`` that say something of customers with a purchase."""
        recency, frequency, monetary = self.scores(X)
        place = place_of(recency, frequency, monetary)
        known = monetary.astype(np.float64)
        known[monetary == 0] = np.nan
        is_frequent = X[:, self.columns[1]] >= self.frequent_from
        answer = {
            "rfm.recency": recency.astype(np.float64),
            "rfm.frequency": frequency.astype(np.float64),
            "rfm.monetary": known,
            "rfm.code": CODES[place],
            "name": NAMED[place],
            "frequency_tier": _FREQUENCY_TIERS[is_frequent.view(np.int8)],
            "value_tier": self.value_tier(X[:, self.columns[2]]),
            "lifecycle_stage": self.stage(X),
        }
        if self.clusters is not None:
            own, distance, second = self.clusters.nearest(X)
            answer["cluster.id"] = own + 1.0
            answer["cluster.name"] = self.clusters.names[own]
            answer["cluster.distance"] = distance
            answer["cluster.runner_up"] = self.clusters.names[second]
        return answer


@dataclass(frozen=True, slots=True, eq=False)
class _Key:
    """A model; the same model is the same object."""

    model: Model

    def __hash__(self) -> int:
        return id(self.model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.model is other.model


@lru_cache(maxsize=_MODELS)
def _rules(key: _Key) -> Rules:
    return read_rules(key.model.settings, key.model.features.positions)


def read_rules(settings: Mapping[str, Any], positions: Mapping[str, int]) -> Rules:
    """Return the rules that the settings of a variant describe.

    Parameters
    ----------
    settings : mapping
        The JSON of this module.
    positions : mapping of str to int
        The column of X that each feature stands in.

    Raises
    ------
    StructureError
        An input is missing, cut points do not rise, or a number is out of range.
    """
    inputs = SUMMARY_INPUTS if SUMMARY_INPUTS[0] in positions else INPUTS
    money, clusters = settings["monetary"], settings["clusters"]
    stages = [float(settings["stages"][name]) for name in ("new", "active", "at_risk", "dormant")]
    rules = Rules(
        tuple(positions[name] for name in inputs),
        read_scale(settings["recency"]),
        read_scale(settings["frequency"]),
        None if money is None else read_scale(money),
        float(settings["frequent_from"]),
        # Without money nobody reads them.
        np.array([float(settings[name]) for name in ("value_b_from", "value_a_from")] if money else []),
        float(settings["cycle_days"]),
        float(settings["cycle_weight"]),
        stages[0],
        np.array(stages[1:]),
        None if clusters is None else read_clusters(clusters, positions),
    )
    numbers = np.array([rules.frequent_from, rules.cycle_days, rules.cycle_weight, rules.new_until])
    if not (np.isfinite(numbers).all() and (numbers > 0).all() and np.isfinite(rules.value_from).all()):
        raise StructureError("a cut point of the segments is not finite, or not above zero")
    if (np.diff(rules.value_from) < 0).any() or not (np.diff(rules.stages) > 0).all():
        raise StructureError("the cut points of value or of the lifecycle do not rise")
    return rules


def deciding(model: Model) -> tuple[str, ...]:
    """Return the features of a model that decide who can be asked about."""
    inputs = SUMMARY_INPUTS if SUMMARY_INPUTS[0] in model.features.positions else INPUTS
    return inputs[:2]


def population(model: Model, X: Array) -> Array:
    """Return 0 for everybody with a purchase, -1 for the others, shape (N,)."""
    answer: Array = _rules(_Key(model)).eligible(X).astype(np.int64) - 1
    return answer


def predict(model: Model, X: Array, moment: Moment) -> Answers:  # noqa: ARG001  a segment looks at today alone
    """Return the columns of ``OUTPUTS`` and ``population``, each of shape (N,), for X of shape (N, F)."""
    rules = _rules(_Key(model))
    eligible = rules.eligible(X)
    is_all = bool(eligible.all())
    found = rules.answer(X if is_all else X[eligible])
    reason = np.empty(len(X), dtype=object)
    if not is_all:
        reason[~eligible] = NO_ORDERS
    answers: dict[str, Array] = {"eligible": eligible, "ineligible_reason": reason}
    for output in OUTPUTS[2:]:
        column = found.get(output.name)
        if column is None or not is_all:
            # An empty array of objects is full of None.
            spread = np.empty(len(X), dtype=object) if output.unit == "word" else np.full(len(X), np.nan)
            if column is not None:
                spread[eligible] = column
            column = spread
        answers[output.name] = column
    answers["population"] = eligible.astype(np.int64) - 1
    return answers


def explain(model: Model, X: Array, moment: Moment) -> Contributions:  # noqa: ARG001  as above
    """Return what decided the name: each score less 3, the middle, as the part of the input it is read from.

    A rule has no link scale; the parts add up to recency + frequency + monetary - 9, where a score that is
    not known counts as 3. Zero where nobody answers.
    """
    rules = _rules(_Key(model))
    eligible = rules.eligible(X)
    values = np.zeros(X.shape)
    for column, score in zip(rules.columns, rules.scores(X[eligible]), strict=False):
        values[eligible, column] = np.where(score > 0, score - 3.0, 0.0)
    return Contributions(np.zeros(len(X)), values)


def check(model: Model) -> None:
    """Refuse settings that do not hold together.

    Raises
    ------
    StructureError
        As :func:`read_rules`.
    """
    read_rules(model.settings, model.features.positions)


SEGMENT: Final = Scorer("segment", OUTPUTS, predict, explain, population, deciding, "identity", check)
