"""Customer lifetime value: what a customer has brought, and what is to be expected within the horizon.

``historic_value`` is the net revenue so far. ``predicted_value`` is the expected net revenue of the horizon
times the margin, discounted to the time of the question; the range around it is that of the outcome, not of
the mean, so that its low end is what may be spent without regret. Everybody who has ever bought can be asked
about, over any horizon: the longer, the more is left to the model's form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from app.capabilities.base import (
    HORIZON_NOT_TRAINED,
    Answers,
    Model,
    Output,
    Scorer,
    answered,
    buyers_deciding,
    buyers_population,
    contributions,
    is_other_horizon,
    margins,
    refuse_unfitted,
    words,
)
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions, Moment
from app.estimators.forecast import Forecast, Statistics
from app.estimators.spending import Spending, spending

NO_ORDERS: Final = "no_orders"
TIERS: Final = ("A", "B", "C")
CLASSES: Final = ("high", "potential", "general")

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output("ineligible_reason", "word", words=(NO_ORDERS, HORIZON_NOT_TRAINED)),
    Output("currency", "word"),
    Output("horizon_days", "days", 1.0),
    Output("historic_value", "currency"),
    Output("predicted_value", "currency", 0.0),
    Output("predicted_low", "currency", 0.0),
    Output("predicted_high", "currency", 0.0),
    Output("interval_level", "probability", 0.0, 1.0),
    Output("expected_orders", "count", 0.0),
    Output("average_order_value", "currency"),
    Output("value_tier", "word", words=TIERS),
    Output("value_class", "word", words=CLASSES),
    Output("max_justified_spend", "currency", 0.0),
)

_REASONS: Final = np.array([None, NO_ORDERS, HORIZON_NOT_TRAINED], dtype=object)
_TIERS: Final = np.array(TIERS, dtype=object)
_ROUNDING: Final = 1e-9
"""Relative: answers of another machine may differ in the last bit, which must change no word."""


def _column(model: Model, X: Array, feature: str) -> Array:
    """Return an input by its name in the full history, or its twin of a summary."""
    at = model.features.positions
    column: Array = X[:, at.get(feature, at.get(f"summary.{feature}"))]
    return column


def predict(model: Model, X: Array, moment: Moment) -> Answers:
    """Return the columns of ``OUTPUTS`` and ``population``, each of shape (N,), for X of shape (N, F)."""
    reached = buyers_population(model, X)
    who, is_lost = answered(model, reached, moment)
    size, settings = len(X), model.settings
    horizon = model.horizon_days if moment.horizon_days is None else moment.horizon_days
    is_silent = who < 0
    revenue = np.exp(margins(model, X, who, moment))
    worth, orders, low, high = _ahead(model, X, who, moment, revenue)
    predicted = revenue * worth
    historic = _column(model, X, "revenue_total")
    tier, kind = _standing(model, moment, predicted, historic, is_silent)
    return {
        "eligible": ~is_silent,
        "ineligible_reason": _REASONS[np.where(is_lost, 2, (reached < 0).astype(np.int64))],
        "currency": np.full(size, settings["currency"], dtype=object),
        "horizon_days": np.full(size, np.nan if horizon is None else float(horizon)),
        "historic_value": historic,
        "predicted_value": predicted,
        "predicted_low": low,
        "predicted_high": high,
        "interval_level": np.where(is_silent, np.nan, float(settings["interval_level"])),
        "expected_orders": np.where(is_silent, np.nan, orders),
        "average_order_value": _column(model, X, "average_order_value"),
        "value_tier": tier,
        "value_class": kind,
        "max_justified_spend": np.maximum(low, 0.0),
        "population": who,
    }


def _ahead(
    model: Model, X: Array, who: Array, moment: Moment, revenue: Array
) -> tuple[Array, Array, Array, Array]:
    """Return what a unit of revenue is worth today, the expected orders, and the ends of the range."""
    settings = model.settings
    margin = float(settings["margin"])
    if model.forecast is None:
        # The rule knows of no orders and no timing: value comes in the middle of the horizon.
        days = model.horizon_days if moment.horizon_days is None else moment.horizon_days
        worth = np.full(len(X), margin * (1.0 + float(settings["discount_rate"])) ** (-(days or 0) / 730.0))
        nothing = np.full(len(X), np.nan)
        factors = np.asarray(settings["range"]["factors"], dtype=np.float64)[np.maximum(who, 0)]
        return worth, nothing, revenue * worth * factors[:, 0], revenue * worth * factors[:, 1]
    known = model.forecast.statistics(X)
    levels = np.asarray(settings["range"]["levels"], dtype=np.float64)[np.maximum(who, 0)]
    worth, orders = model.forecast.ahead(known, moment, float(settings["discount_rate"]))
    worth = margin * worth
    told = spend_of(model.forecast, known, moment, revenue, orders, settings)
    is_silent = who < 0
    # Who orders nothing with more than the tail's probability may bring nothing, whatever other times showed.
    tail = (1.0 - float(settings["interval_level"])) / 2
    sure = 1.0 - told.any_order < tail
    least = np.where(sure, np.minimum(told.quantile(levels[:, 0]), revenue), 0.0)
    low = np.where(is_silent, np.nan, least * worth)
    high = np.where(is_silent, np.nan, np.maximum(told.quantile(levels[:, 1]), revenue) * worth)
    return worth, orders, low, high


def spend_of(
    forecast: Forecast,
    known: Statistics,
    moment: Moment,
    revenue: Array,
    orders: Array,
    settings: Mapping[str, Any],
) -> Spending:
    """Return the distribution of the revenue of N customers around what is expected, shape (N,)."""
    return spending(
        forecast.any_order(known, forecast.days(moment)),
        np.where(np.isnan(revenue), 1.0, revenue),
        orders,
        known.frequency + 1.0,
        settings["range"]["spread"],
    )


def _standing(
    model: Model, moment: Moment, predicted: Array, historic: Array, is_silent: Array
) -> tuple[Array, Array]:
    """Return the tier by predicted value and the class; none where another horizon was asked for."""
    size = len(predicted)
    nobody = np.full(size, None, dtype=object)
    if is_other_horizon(model, moment):
        return nobody, nobody
    cuts = model.settings["tiers"]
    reached = predicted * (1.0 + _ROUNDING)
    place = (reached < float(cuts["A"])).astype(np.int64) + (reached < float(cuts["B"]))
    is_valuable = historic * (1.0 + _ROUNDING) >= float(cuts["historic_A"])
    kind = np.where(place == 0, np.where(is_valuable, "high", "potential"), "general")
    return words(_TIERS[place], is_silent), words(kind, is_silent)


def explain(model: Model, X: Array, moment: Moment) -> Contributions:
    """Return what each feature added to the logarithm of the expected revenue; zero where nobody answers."""
    who, _ = answered(model, buyers_population(model, X), moment)
    return contributions(model, X, who, moment)


def check(model: Model) -> None:
    """Refuse a model without the numbers that turn revenue into value, ranges and tiers.

    Raises
    ------
    StructureError
        Names what is wrong.
    """
    refuse_unfitted("clv", model)
    settings = model.settings
    float(settings["gone_after_days"])
    if not 0 < float(settings["margin"]) <= 1 or not 0 <= float(settings["discount_rate"]) <= 1:
        raise StructureError("clv's margin or discount rate is out of its range")
    if not float(settings["tiers"]["A"]) >= float(settings["tiers"]["B"]):
        raise StructureError("clv's tiers are upside down")
    float(settings["tiers"]["historic_A"])
    if not 0 < float(settings["interval_level"]) < 1 or not isinstance(settings["currency"], str):
        raise StructureError("clv has no interval level or no currency")
    part = "factors" if model.forecast is None else "levels"
    ends = settings["range"][part]
    if len(ends) != len(model.rungs) or any(not 0 <= float(low) <= float(high) for low, high in ends):
        raise StructureError(f"clv's range has no {part} for each population")
    if model.forecast is not None:
        if any(not 0 < float(low) <= float(high) < 1 for low, high in ends):
            raise StructureError("the levels of clv's range are not between 0 and 1")
        if len(settings["range"]["spread"]) != 3 or min(map(float, settings["range"]["spread"])) < 0:
            raise StructureError("clv's range has no spread")


CLV: Final = Scorer(
    "clv", OUTPUTS, predict, explain, buyers_population, buyers_deciding, link="log", check=check
)
