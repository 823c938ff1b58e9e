"""Purchase: whether and when a customer orders next.

The probability is that of at least one order within the horizon, of everybody who has ever bought; churn by
inactivity is one minus it. ``p_alive`` is the probability that the customer has not left for good, which is
another question: somebody may be there and not order. The window says when the next order comes if it comes
within the horizon; it is told from two orders on.
"""

from __future__ import annotations

from typing import Final

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
    margins,
    refuse_unfitted,
    words,
)
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions, Moment, sigmoid
from app.estimators.btyd import BgNbd
from app.estimators.forecast import Forecast

NO_ORDERS: Final = "no_orders"
ONE_ORDER: Final = "fewer_than_two_orders"
NO_FORECAST: Final = "too_few_customers_for_a_forecast"
UNLIKELY: Final = "an_order_is_unlikely"
UNLIKELY_BELOW: Final = 0.001
"""P(any order) by the forecast below which there is nothing to say of when."""
WINDOW_LEVELS: Final = (0.1, 0.5, 0.9)

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output("ineligible_reason", "word", words=(NO_ORDERS, HORIZON_NOT_TRAINED)),
    Output("probability", "probability", 0.0, 1.0),
    Output("horizon_days", "days", 1.0),
    Output("p_alive", "probability", 0.0, 1.0),
    Output("expected_at", "date", 0.0),
    Output("earliest_at", "date", 0.0),
    Output("latest_at", "date", 0.0),
    Output("no_window_reason", "word", words=(ONE_ORDER, NO_FORECAST, UNLIKELY)),
    Output("average_days_between_orders", "days", 0.0),
)

_REASONS: Final = np.array([None, NO_ORDERS, HORIZON_NOT_TRAINED], dtype=object)
STEPS: Final = np.linspace(0.0, 1.0, 25) ** 2
"""Shares of the horizon at which the forecast is asked for the window; they are finest at its beginning."""


def predict(model: Model, X: Array, moment: Moment) -> Answers:
    """Return the columns of ``OUTPUTS`` and ``population``, each of shape (N,), for X of shape (N, F)."""
    reached = buyers_population(model, X)
    who, is_lost = answered(model, reached, moment)
    size = len(X)
    horizon = model.horizon_days if moment.horizon_days is None else moment.horizon_days
    assert horizon is not None  # noqa: S101  a purchase model has a horizon: see check
    forecast = model.forecast
    repeat = X[:, model.features.positions[buyers_deciding(model)[1]]] >= 2
    window, alive = np.full((size, 3), np.nan), np.full(size, np.nan)
    is_known = np.zeros(size, dtype=bool)
    if forecast is not None:
        alive = _alive(forecast, X)
        (rows,) = (repeat & (who >= 0)).nonzero()
        if len(rows):
            told = told_by(forecast, X[rows], moment.take(rows), horizon)
            is_known[rows] = told[:, -1] >= UNLIKELY_BELOW
            window[rows] = _days_at(told, horizon, model.settings["window_levels"])
            window[~is_known] = np.nan
    at = model.features.positions
    gap = at.get("average_gap_days", at.get("summary.average_gap_days"))
    reason = np.where(repeat, UNLIKELY, ONE_ORDER) if forecast is not None else np.full(size, NO_FORECAST)
    is_silent = who < 0
    return {
        "eligible": ~is_silent,
        "ineligible_reason": _REASONS[np.where(is_lost, 2, (reached < 0).astype(np.int64))],
        "probability": 1.0 - sigmoid(margins(model, X, who, moment)),
        "horizon_days": np.full(size, float(horizon)),
        "p_alive": np.where(is_silent, np.nan, alive),
        "expected_at": window[:, 1],
        "earliest_at": window[:, 0],
        "latest_at": window[:, 2],
        "no_window_reason": words(reason, is_silent | is_known),
        "average_days_between_orders": np.full(size, np.nan) if gap is None else np.round(X[:, gap]),
        "population": who,
    }


def _alive(forecast: Forecast, X: Array) -> Array:
    """Return P(alive); not told of one order by a model in which nobody leaves before a repeat order."""
    known = forecast.statistics(X)
    alive = forecast.p_alive(known)
    if isinstance(forecast.transactions, BgNbd):
        return np.where(known.frequency > 0, alive, np.nan)
    return alive


def window_days(
    forecast: Forecast, X: Array, moment: Moment, horizon: int, levels: tuple[float, float, float]
) -> Array:
    """Return when the next order comes, if it comes within the horizon: days ahead, shape (N, 3).

    Parameters
    ----------
    levels : three numbers in (0, 1), rising
        Which quantiles of the time to the next order are told; chosen so that the window keeps its word on
        customers that were held out.
    """
    return _days_at(told_by(forecast, X, moment, horizon), horizon, levels)


def _days_at(told: Array, horizon: int, levels: tuple[float, float, float]) -> Array:
    """Return the days at which the time to the next order passes its levels, shape (N, 3)."""
    shares = told / np.maximum(told[:, -1:], 1e-12)
    grid, rows = STEPS * horizon, np.arange(len(told))
    after = np.minimum((shares[:, :, None] < np.asarray(levels)).sum(axis=1), len(STEPS) - 1)
    before = np.maximum(after - 1, 0)
    low, high = shares[rows[:, None], before], shares[rows[:, None], after]
    part = np.where(high > low, (levels - low) / np.maximum(high - low, 1e-12), 1.0)
    days = grid[before] + np.clip(part, 0.0, 1.0) * (grid[after] - grid[before])
    whole: Array = np.maximum(np.ceil(days - 1e-6), 1.0)
    return whole


def told_by(forecast: Forecast, X: Array, moment: Moment, horizon: int) -> Array:
    """Return P(next order by t) at 25 times from 0 to the horizon, shape (N, 25)."""
    start = moment.elapsed_days[:, None]
    passed = forecast.between(start, start + (STEPS * horizon)[None, :])
    return forecast.any_order(forecast.statistics(X), passed)


def shares_by(forecast: Forecast, X: Array, moment: Moment, horizon: int) -> Array:
    """Return P(next order by t | one within the horizon) at the same times, shape (N, 25)."""
    told = told_by(forecast, X, moment, horizon)
    shares: Array = told / np.maximum(told[:, -1:], 1e-12)
    return shares


def explain(model: Model, X: Array, moment: Moment) -> Contributions:
    """Return what each feature added to the log-odds of an order; zero where nobody answers."""
    who, _ = answered(model, buyers_population(model, X), moment)
    parts = contributions(model, X, who, moment)
    return Contributions(-parts.base, -parts.values)


def check(model: Model) -> None:
    """Refuse a model without horizon, limit of who is gone, or levels of the window.

    Raises
    ------
    StructureError
        Names what is missing.
    """
    refuse_unfitted("purchase", model)
    if model.horizon_days is None:
        raise StructureError("purchase has no horizon")
    float(model.settings["gone_after_days"])
    low, middle, high = model.settings["window_levels"]
    if not 0 < low < middle < high < 1:
        raise StructureError("the levels of purchase's window do not rise from 0 to 1")


PURCHASE: Final = Scorer(
    "purchase", OUTPUTS, predict, explain, buyers_population, buyers_deciding, check=check
)
