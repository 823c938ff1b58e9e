"""The statistical rung of purchases, fitted at a time from what was known then: model, value, season, level.

Nothing here is a choice by hand: which model of orders, and whether an order's value is learned from all
orders or from repeat orders only, is what would have done best in windows that were over by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.base import logit, sigmoid
from app.estimators.btyd import (
    GammaGamma,
    expected_order_value,
    expected_orders,
    p_any,
)
from app.estimators.forecast import QUANTITIES, YEAR_DAYS, Quantity, Statistics, ValueOf
from training.btyd import Kind, fit_gamma_gamma, fit_transactions
from training.calibrating import logit_shift
from training.evaluation import log_loss
from training.purchase_days import Cohort, PurchaseDays, cohort_at, sampled
from training.season import (
    EVEN,
    HISTORY_DAYS,
    ORDERS,
    YEAR_AGO_HISTORY_DAYS,
    Asked,
    Season,
    season_of,
)
from training.value_metrics import decile_error, normalised_gini

KINDS: Final[tuple[Kind, ...]] = ("mbg_nbd", "bg_nbd", "pareto_nbd")
USUAL_KIND: Final[Kind] = "mbg_nbd"
"""Where nothing can be compared, and while values are."""
CUSTOMERS_FLOOR: Final = 50
REPEAT_FLOOR: Final = 10
"""Customers in all, and with a repeat order, below which no model of orders is fitted."""
CHOICE_CUSTOMERS: Final = 20_000
"""Customers on whom models are compared; more would only take longer."""
GINI_TIE: Final = 0.001
LOSS_TIE: Final = 0.0005
"""Differences below which two models are alike, added up over the windows."""
LEVEL_SPREAD: Final = 0.2
"""Standard deviation of the logarithm of the value's level, before anything is seen."""
LEVEL_SURPRISE: Final = 0.1
"""The same of what a year changes in it."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is fitted at one time; ``value`` is None where no money is known.

    Whether anybody orders and how much is spent may be told best by different models of orders.
    """

    kinds: Mapping[Quantity, Kind]
    value: GammaGamma | None
    value_of: ValueOf
    value_level: float
    seasons: Mapping[Quantity, Season]
    """The clocks of buyers and of orders."""
    cohort: Cohort
    windows: int
    """How many past windows chose the model and the level."""


@dataclass(frozen=True, slots=True)
class _Past:
    """A window that is over: who was there, what was known, what came."""

    cohort: Cohort
    orders: Array
    spend: Array
    length: int
    is_year_ago: bool


def outlook_at(days: PurchaseDays, horizon: int) -> Outlook | None:
    """Return what can be fitted from purchase days for a horizon; None where they are too few.

    Parameters
    ----------
    days : PurchaseDays
        What is known; nothing later is looked at.
    horizon : int
        Days ahead that will be asked for.
    """
    cohort = cohort_at(days, days.today)
    known = cohort.known
    if len(known.T) < CUSTOMERS_FLOOR or float((known.frequency > 0).sum()) < REPEAT_FLOOR:
        return None
    some = sampled(days, CHOICE_CUSTOMERS)
    windows = _windows(some, horizon)
    today = cohort_at(some, some.today)
    kinds, value_of = _chosen(windows)
    seasons: dict[Quantity, Season] = {}
    for quantity in QUANTITIES:
        there = today.known
        params = fit_transactions(kinds[quantity], there.frequency, there.recency, there.T).params
        seasons[quantity] = season_of(some, Asked(kinds[quantity], quantity, horizon), today, params)
    value = fit_value(known, value_of)
    level = 1.0 if value is None else _value_level(windows, value_of)
    return Outlook(kinds, value, value_of, level, seasons, cohort, len(windows))


def fit_value(known: Statistics, value_of: ValueOf) -> GammaGamma | None:
    """Return the model of an order's value; None where fewer than ten customers have paid anything."""
    orders, value = value_inputs(known, value_of)
    paid = (orders > 0) & (value > 0)
    return fit_gamma_gamma(orders[paid], value[paid]).params if paid.sum() >= REPEAT_FLOOR else None


def value_inputs(known: Statistics, value_of: ValueOf) -> tuple[Array, Array]:
    """Return how many orders the value is learned from, and their average, both of shape (N,)."""
    if value_of == "all":
        return known.frequency + 1.0, known.value
    return known.frequency, known.repeat_value


def _windows(days: PurchaseDays, horizon: int) -> list[_Past]:
    """Return the latest window that is over, and the one of a year ago, each with enough before and in it."""
    length = min(horizon, days.history_days() // 2)
    year = round(YEAR_DAYS)
    found = []
    for origin, span, before in (
        (days.today - length, length, min(HISTORY_DAYS, length)),
        (days.today - year, min(horizon, year), YEAR_AGO_HISTORY_DAYS),
    ):
        if origin - days.earliest < before or span < 1:
            continue
        cohort = cohort_at(days, origin)
        orders, spend = days.bought(origin, origin + span)
        orders, spend = orders[cohort.customers], spend[cohort.customers]
        enough = orders.sum() >= ORDERS and float((cohort.known.frequency > 0).sum()) >= REPEAT_FLOOR
        if enough and len(cohort.customers) >= CUSTOMERS_FLOOR:
            found.append(_Past(cohort, orders, spend, span, before == YEAR_AGO_HISTORY_DAYS))
    return found


def _chosen(windows: Sequence[_Past]) -> tuple[dict[Quantity, Kind], ValueOf]:
    """Return the model of orders for each quantity, and which orders the value is learned from.

    Of models that are alike the first answers: those that cost least to ask come first.
    """
    if not windows:
        return dict.fromkeys(QUANTITIES, USUAL_KIND), "all"
    value_of = _chosen_value(windows, USUAL_KIND)
    told = {kind: sum(_any_loss(past, kind) for past in windows) for kind in KINDS}
    ranked = {kind: sum(_spend_gini(past, kind, value_of) for past in windows) for kind in KINDS}
    return {
        "no_order": next(kind for kind in KINDS if told[kind] <= min(told.values()) + LOSS_TIE),
        "spend": next(kind for kind in KINDS if ranked[kind] >= max(ranked.values()) - GINI_TIE),
    }, value_of


def _any_loss(past: _Past, kind: Kind) -> float:
    """Return the log-loss of P(any order) in a window, its level set right."""
    known = past.cohort.known
    params = fit_transactions(kind, known.frequency, known.recency, known.T).params
    margin = logit(p_any(float(past.length), known.frequency, known.recency, known.T, params))
    y = (past.orders > 0).astype(np.float64)
    return log_loss(y, sigmoid(margin + logit_shift(margin, y)))


def _spend_gini(past: _Past, kind: Kind, value_of: ValueOf) -> float:
    """Return how the expected spend ranks a window's customers; by orders where nothing was spent."""
    spend = _expected_spend(past, kind, value_of)
    if spend is None or past.spend.sum() <= 0:
        known = past.cohort.known
        params = fit_transactions(kind, known.frequency, known.recency, known.T).params
        orders = expected_orders(float(past.length), known.frequency, known.recency, known.T, params)
        return normalised_gini(past.orders, orders)
    return normalised_gini(past.spend, spend)


def _chosen_value(windows: Sequence[_Past], kind: Kind) -> ValueOf:
    """Return which orders the value is learned from: by Gini of the spend, then by decile error."""
    scores: dict[ValueOf, tuple[float, float]] = {}
    options: tuple[ValueOf, ...] = ("all", "repeat")
    for value_of in options:
        ginis, errors = [], []
        for past in windows:
            spend = _expected_spend(past, kind, value_of)
            if spend is not None and past.spend.sum() > 0:
                ginis.append(normalised_gini(past.spend, spend))
                errors.append(decile_error(past.spend, spend * past.spend.sum() / spend.sum()))
        if ginis:
            scores[value_of] = (float(np.mean(ginis)), float(np.mean(errors)))
    if len(scores) < len(options):
        return "all"
    lead = scores["repeat"][0] - scores["all"][0]
    if abs(lead) > GINI_TIE:
        return "repeat" if lead > 0 else "all"
    return "repeat" if scores["repeat"][1] < scores["all"][1] else "all"


def _expected_spend(past: _Past, kind: Kind, value_of: ValueOf) -> Array | None:
    """Return the spend that a window's customers were expected to have, shape (N,)."""
    known = past.cohort.known
    value = fit_value(known, value_of)
    if value is None:
        return None
    params = fit_transactions(kind, known.frequency, known.recency, known.T).params
    orders = expected_orders(float(past.length), known.frequency, known.recency, known.T, params)
    return orders * expected_order_value(*value_inputs(known, value_of), value)


def _value_level(windows: Sequence[_Past], value_of: ValueOf) -> float:
    """Return actual over expected value of the orders placed, believed as far as windows are known to tell.

    A year ago orders were placed in the same season; the latest window may have been another.
    """
    logs, precisions = [], []
    for past in windows:
        value = fit_value(past.cohort.known, value_of)
        if value is not None and past.spend.sum() > 0:
            expected = past.orders @ expected_order_value(*value_inputs(past.cohort.known, value_of), value)
            logs.append(float(np.log(past.spend.sum() / expected)))
            precisions.append((LEVEL_SURPRISE if past.is_year_ago else LEVEL_SPREAD) ** -2)
    if not logs:
        return 1.0
    told = float(np.average(logs, weights=precisions))
    weight = sum(precisions) / (sum(precisions) + LEVEL_SPREAD**-2)
    return float(np.exp(weight * told))


def even(outlook: Outlook) -> Outlook:
    """Return an outlook without season: the models' own level."""
    return replace(outlook, seasons=dict.fromkeys(QUANTITIES, EVEN))
