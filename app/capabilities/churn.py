"""Churn: the probability that a customer is lost within the horizon.

By inactivity it is the probability of no order within the horizon, of customers who are not gone yet; those
with one order day are a population of their own. By subscription it is the probability of having no running
subscription at the horizon's end, of those who have one. By label it is the probability of the given label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.capabilities.base import (
    HORIZON_NOT_TRAINED,
    Answers,
    Model,
    Output,
    Scorer,
    answered,
    contributions,
    is_other_horizon,
    margins,
    percentile,
    refuse_unfitted,
)
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions, Moment, sigmoid
from app.estimators.populations import buyer_inputs, kind_of_buyer

RISK_LEVELS: Final = ("green", "yellow", "red")
NO_ORDERS: Final = "no_orders"
ALREADY_CHURNED: Final = "already_churned"
NO_ACTIVE_SUBSCRIPTION: Final = "no_active_subscription"

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output(
        "ineligible_reason",
        "word",
        words=(NO_ORDERS, ALREADY_CHURNED, NO_ACTIVE_SUBSCRIPTION, HORIZON_NOT_TRAINED),
    ),
    Output("probability", "probability", 0.0, 1.0),
    Output("percentile", "share", 0.0, 1.0),
    Output("risk_level", "word", words=RISK_LEVELS),
    Output("horizon_days", "days", 1.0),
)

_ROUNDING: Final = 1e-12
"""Answers of another machine may differ in the last bit; at a cut point that must not change a word."""
_LEVELS: Final = np.array(RISK_LEVELS, dtype=object)
_INACTIVITY_REASONS: Final = np.array([None, ALREADY_CHURNED, NO_ORDERS], dtype=object)
"""By the kind of buyer: 0 and above, -2, -1."""
_SUBSCRIPTION_REASONS: Final = np.array([None, NO_ACTIVE_SUBSCRIPTION], dtype=object)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be asked about: population index, -1 with a reason where nobody answers."""

    population: Array
    reason: Array


def reach(
    definition: str, settings: Mapping[str, Any], populations: tuple[str, ...], inputs: Mapping[str, Array]
) -> Reach:
    """Return which population each of N customers belongs to, and why not.

    Training and serving ask this same function.

    Parameters
    ----------
    definition : str
        What counts as lost: inactivity, subscription_end or label.
    settings : mapping
        By inactivity ``gone_after_days``: who has been silent for longer is gone already.
    populations : tuple of str
        Names of the populations that are told apart; by inactivity ``repeat`` and ``first_order``, and
        ``lapsed`` where those who are gone are looked at as well.
    inputs : mapping of str to ndarray, shape (N,)
        The columns named by :func:`reach_features`; none by label, where everybody can be asked about.
    """
    if definition == "label":
        size = len(next(iter(inputs.values()))) if inputs else 0
        return Reach(np.zeros(size, dtype=np.int64), np.full(size, None, dtype=object))
    if definition == "subscription_end":
        is_out = ~(inputs["active_subscriptions"] > 0)
        return Reach(-is_out.astype(np.int64), _SUBSCRIPTION_REASONS[is_out.astype(np.int64)])
    is_summary = "days_since_last_order" not in inputs
    silence, orders = (inputs[name] for name in buyer_inputs(is_summary=is_summary))
    kind = kind_of_buyer(silence, orders, float(settings["gone_after_days"]), populations)
    return Reach(np.maximum(kind, -1), _INACTIVITY_REASONS[np.minimum(kind, 0)])


def reach_features(definition: str, *, is_summary: bool) -> tuple[str, ...]:
    """Return the features that decide who can be asked about; a model's inputs begin with them."""
    if definition == "label":
        return ()
    if definition == "subscription_end":
        return ("active_subscriptions",)
    return buyer_inputs(is_summary=is_summary)


def deciding(model: Model) -> tuple[str, ...]:
    """Return the features of a model that decide who can be asked about."""
    is_summary = "summary.days_since_last_order" in model.features.positions
    return reach_features(model.definition, is_summary=is_summary)


def _reach(model: Model, X: Array) -> Reach:
    if model.definition == "label":
        return Reach(np.zeros(len(X), dtype=np.int64), np.full(len(X), None, dtype=object))
    at = model.features.positions
    inputs = {name: X[:, at[name]] for name in deciding(model)}
    return reach(model.definition, model.settings, tuple([rung.population for rung in model.rungs]), inputs)


def population(model: Model, X: Array) -> Array:
    """Return the index into ``model.rungs`` of who answers for each row, -1 where nobody does, shape (N,)."""
    return _reach(model, X).population


def predict(model: Model, X: Array, moment: Moment) -> Answers:
    """Return the columns of ``OUTPUTS`` and ``population``, each of shape (N,), for X of shape (N, F)."""
    reached = _reach(model, X)
    who, is_lost = answered(model, reached.population, moment)
    size = len(X)
    share = np.full(size, np.nan)
    risk = np.empty(size, dtype=object)
    probability = sigmoid(margins(model, X, who, moment))
    if not is_other_horizon(model, moment):
        for index, rung in enumerate(model.rungs):
            (rows,) = (who == index).nonzero()
            if len(rows):
                answer = probability[rows] + _ROUNDING
                share[rows] = percentile(rung.reference, answer)
                level = (answer >= rung.thresholds["yellow"]).astype(np.int64)
                risk[rows] = _LEVELS[level + (answer >= rung.thresholds["red"])]
    trained = model.horizon_days
    # A label without a horizon has none, whatever is asked for.
    horizon = trained if trained is None or moment.horizon_days is None else moment.horizon_days
    return {
        "eligible": who >= 0,
        "ineligible_reason": np.where(is_lost, HORIZON_NOT_TRAINED, reached.reason).astype(object),
        "probability": probability,
        "percentile": share,
        "risk_level": risk,
        "horizon_days": np.full(size, np.nan if horizon is None else float(horizon)),
        "population": who,
    }


def explain(model: Model, X: Array, moment: Moment) -> Contributions:
    """Return what each feature added to the calibrated log-odds; zero where nobody answers."""
    who, _ = answered(model, population(model, X), moment)
    return contributions(model, X, who, moment)


def check(model: Model) -> None:
    """Refuse a model without the cut points of its colours, or the limit of who is gone.

    Raises
    ------
    StructureError
        Names what is missing.
    """
    refuse_unfitted("churn", model)
    for rung in model.rungs:
        if not {"red", "yellow"} <= rung.thresholds.keys():
            raise StructureError(f"churn of {rung.population} has no cut points for red and yellow")
    if model.definition == "inactivity":
        float(model.settings["gone_after_days"])


CHURN: Final = Scorer("churn", OUTPUTS, predict, explain, population, deciding, check=check)
