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

from app.capabilities.base import Answers, Model, Output, Scorer
from app.domain.history import Array
from app.estimators.base import Contributions, sigmoid

RISK_LEVELS: Final = ("green", "yellow", "red")
NO_ORDERS: Final = "no_orders"
ALREADY_CHURNED: Final = "already_churned"
NO_ACTIVE_SUBSCRIPTION: Final = "no_active_subscription"

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output("ineligible_reason", "word", words=(NO_ORDERS, ALREADY_CHURNED, NO_ACTIVE_SUBSCRIPTION)),
    Output("probability", "probability", 0.0, 1.0),
    Output("percentile", "share", 0.0, 1.0),
    Output("risk_level", "word", words=RISK_LEVELS),
    Output("horizon_days", "days", 1.0),
)

_ROUNDING: Final = 1e-12
"""Answers of another machine may differ in the last bit; at a cut point that must not change a word."""
_LEVELS: Final = np.array(RISK_LEVELS, dtype=object)
_INACTIVITY_REASONS: Final = np.array([None, NO_ORDERS, ALREADY_CHURNED], dtype=object)
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
        Names of the populations that are told apart; ``first_order`` and ``repeat`` by inactivity.
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
    silence, orders = (inputs[name] for name in reach_features(definition, is_summary=is_summary))
    is_new = ~((orders > 0) & (silence >= 0))
    is_gone = silence > float(settings["gone_after_days"])
    first = populations.index("first_order") if "first_order" in populations else 0
    repeat = populations.index("repeat") if "repeat" in populations else 0
    index = np.where(orders >= 2, repeat, first)
    return Reach(
        np.where(is_new | is_gone, -1, index),
        _INACTIVITY_REASONS[np.where(is_new, 1, np.where(is_gone, 2, 0))],
    )


def reach_features(definition: str, *, is_summary: bool) -> tuple[str, ...]:
    """Return the features that decide who can be asked about; a model's inputs begin with them."""
    if definition == "label":
        return ()
    if definition == "subscription_end":
        return ("active_subscriptions",)
    if is_summary:
        return ("summary.days_since_last_order", "summary.order_count")
    return ("days_since_last_order", "order_days")


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


def predict(model: Model, X: Array) -> Answers:
    """Return the columns of ``OUTPUTS`` and ``population``, each of shape (N,), for X of shape (N, F)."""
    who = _reach(model, X)
    size = len(X)
    probability, percentile = np.full(size, np.nan), np.full(size, np.nan)
    risk = np.empty(size, dtype=object)
    for index, rung in enumerate(model.rungs):
        (rows,) = (who.population == index).nonzero()
        if len(rows):
            answer = sigmoid(rung.calibration.apply(rung.estimator.margin(X[rows])))
            reached = answer + _ROUNDING
            probability[rows], percentile[rows] = answer, _percentile(rung.reference, reached)
            level = (reached >= rung.thresholds["yellow"]).astype(np.int64)
            risk[rows] = _LEVELS[level + (reached >= rung.thresholds["red"])]
    return {
        "eligible": who.population >= 0,
        "ineligible_reason": who.reason,
        "probability": probability,
        "percentile": percentile,
        "risk_level": risk,
        "horizon_days": np.full(size, np.nan if model.horizon_days is None else float(model.horizon_days)),
        "population": who.population,
    }


def _percentile(reference: Array, answer: Array) -> Array:
    """Return the share of the reference population with an answer no higher; NaN without a reference.

    ``reference`` holds quantiles at equal steps from 0 to 1, shape (Q,).
    """
    steps = len(reference) - 1
    if steps < 1:
        return np.full(len(answer), np.nan)
    place = reference.searchsorted(answer, side="right") - 1
    return np.maximum(place, 0) / steps


def explain(model: Model, X: Array) -> Contributions:
    """Return what each feature added to the calibrated log-odds; zero where nobody answers."""
    who = population(model, X)
    base, values = np.zeros(len(X)), np.zeros(X.shape)
    for index, rung in enumerate(model.rungs):
        (rows,) = (who == index).nonzero()
        if len(rows):
            parts = rung.calibration.apply_to(rung.estimator.contributions(X[rows]))
            base[rows], values[rows] = parts.base, parts.values
    return Contributions(base, values)


CHURN: Final = Scorer("churn", OUTPUTS, predict, explain, population, deciding)
