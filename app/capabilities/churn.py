"""Churn: the probability that a customer is lost within the horizon.

By inactivity it is the probability of no order within the horizon, of customers who are not gone yet; those
with one order day are a population of their own. By subscription it is the probability of having no running
subscription at the horizon's end, of those who have one. By label it is the probability of the given label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.capabilities.base import Answers, Model, Output, Scorer
from app.domain.history import Array
from app.estimators.base import Contributions, sigmoid

RISK_LEVELS: Final = ("green", "yellow", "red")

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output(
        "ineligible_reason",
        "word",
        words=("no_orders", "already_churned", "no_active_subscription", "horizon_not_trained"),
    ),
    Output("probability", "probability", 0.0, 1.0),
    Output("percentile", "share", 0.0, 1.0),
    Output("risk_level", "word", words=RISK_LEVELS),
    Output("horizon_days", "days", 1.0),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be asked about: population index, -1 with a reason where nobody answers."""

    population: Array
    reason: Array


def reach(definition: str, settings: Mapping[str, object], populations: tuple[str, ...], inputs: Mapping[str, Array]) -> Reach:
    """Return which population each of N customers belongs to, and why not.

    Training and serving ask this same function. ``inputs`` holds the columns named by :func:`reach_features`.
    """
    if definition == "label":
        size = len(next(iter(inputs.values()))) if inputs else 0
        return Reach(np.zeros(size, dtype=np.int64), np.full(size, None, dtype=object))
    if definition == "subscription_end":
        active = np.nan_to_num(inputs["active_subscriptions"]) > 0
        reason = np.where(active, None, "no_active_subscription")
        return Reach(np.where(active, 0, -1), reason)
    prefix = "" if "days_since_last_order" in inputs else "summary."
    silence = inputs[f"{prefix}days_since_last_order"]
    orders = np.nan_to_num(inputs["order_days" if not prefix else "summary.order_count"])
    has, gone = orders > 0, silence > float(str(settings["gone_after_days"]))
    has &= ~np.isnan(silence)
    first = populations.index("first_order") if "first_order" in populations else 0
    index = np.where(orders >= 2, populations.index("repeat") if "repeat" in populations else 0, first)
    reason = np.where(~has, "no_orders", np.where(gone, "already_churned", None))
    return Reach(np.where(has & ~gone, index, -1), reason)


def reach_features(definition: str, *, is_summary: bool) -> tuple[str, ...]:
    """Return the features that decide who can be asked about; a model's inputs begin with them."""
    if definition == "label":
        return ()
    if definition == "subscription_end":
        return ("active_subscriptions",)
    if is_summary:
        return ("summary.days_since_last_order", "summary.order_count")
    return ("days_since_last_order", "order_days")


def _reach(model: Model, X: Array) -> Reach:
    if model.definition == "label":
        return Reach(np.zeros(len(X), dtype=np.int64), np.full(len(X), None, dtype=object))
    inputs = {name: X[:, j] for j, name in enumerate(model.features.names)}
    return reach(model.definition, model.settings, tuple(rung.population for rung in model.rungs), inputs)


def population(model: Model, X: Array) -> Array:
    """Return the index into ``model.rungs`` of who answers for each row, -1 where nobody does, shape (N,)."""
    return _reach(model, X).population


def predict(model: Model, X: Array) -> Answers:
    """Return the columns of ``OUTPUTS``, each of shape (N,), for X of shape (N, F)."""
    who = _reach(model, X)
    size = len(X)
    probability, percentile = np.full(size, np.nan), np.full(size, np.nan)
    risk = np.full(size, None, dtype=object)
    for index, rung in enumerate(model.rungs):
        rows = np.flatnonzero(who.population == index)
        if not len(rows):
            continue
        answer = sigmoid(rung.calibration.apply(rung.estimator.margin(X[rows])))
        probability[rows] = answer
        percentile[rows] = np.searchsorted(rung.reference, answer, side="right") / max(len(rung.reference), 1)
        level = (answer >= rung.thresholds["yellow"]).astype(np.int64) + (answer >= rung.thresholds["red"])
        risk[rows] = np.array(RISK_LEVELS, dtype=object)[level]
    return {
        "eligible": who.population >= 0,
        "ineligible_reason": who.reason,
        "probability": probability,
        "percentile": percentile,
        "risk_level": risk,
        "horizon_days": np.full(size, np.nan if model.horizon_days is None else float(model.horizon_days)),
    }


def explain(model: Model, X: Array) -> Contributions:
    """Return what each feature added to the calibrated log-odds; zero where nobody answers."""
    who = population(model, X)
    base, values = np.zeros(len(X)), np.zeros(X.shape)
    for index, rung in enumerate(model.rungs):
        rows = np.flatnonzero(who == index)
        if len(rows):
            parts = rung.calibration.apply_to(rung.estimator.contributions(X[rows]))
            base[rows], values[rows] = parts.base, parts.values
    return Contributions(base, values)


CHURN: Final = Scorer("churn", OUTPUTS, predict, explain, population)
