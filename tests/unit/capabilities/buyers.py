"""Models of purchase and clv over a known forecast, and customers to ask them about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from app.capabilities.base import Model, Rung
from app.domain.history import Array
from app.estimators.base import Calibration, trained_moment
from app.estimators.forecast import Forecast, Forecasting, Quantity
from app.estimators.populations import BUYERS
from app.estimators.rates import Rates
from app.features.library import LIBRARY
from app.features.schema import FeatureSet
from tests.unit.estimators.forecasts import INPUTS, NAN, buyers, forecast

FULL: Final = (*INPUTS, "revenue_total", "average_gap_days")
SUMMARY: Final = (
    "summary.days_since_last_order",
    "summary.days_since_first_order",
    "summary.order_count",
    "summary.average_order_value",
    "summary.revenue_total",
    "summary.average_gap_days",
)
PURCHASE_SETTINGS: Final[dict[str, Any]] = {"gone_after_days": 400, "window_levels": (0.1, 0.5, 0.9)}
CLV_SETTINGS: Final[dict[str, Any]] = {
    "gone_after_days": 400,
    "currency": "GBP",
    "margin": 0.4,
    "discount_rate": 0.1,
    "interval_level": 0.8,
    "tiers": {"A": 30.0, "B": 10.0, "historic_A": 200.0},
    "range": {
        "levels": [[0.15, 0.85], [0.1, 0.9], [0.05, 0.95]],
        "factors": [[0.3, 2.0], [0.1, 3.0], [0.0, 4.0]],
        "spread": [0.1, 0.6, 0.3],
    },
}


def features(names: tuple[str, ...] = FULL) -> FeatureSet:
    return FeatureSet(tuple(LIBRARY[name] for name in names))


def rungs(told: Forecast, quantity: Quantity) -> tuple[Rung, ...]:
    """Return a rung for each kind of buyer, all of them standing on a forecast."""
    forecastings = [Forecasting(told, quantity, weight) for weight in (1.0, 0.8, 0.6)]
    return tuple(
        Rung(name, one.at(trained_moment(1)), Calibration(shift), timed=one)
        for name, shift, one in zip(BUYERS, (0.1, -0.2, 0.0), forecastings, strict=True)
    )


def constant(margin: float, width: int = len(FULL)) -> Rates:
    """Return a rule that says the same of everybody."""
    return Rates("", 0, width, np.empty(0), np.array([margin]), margin, margin)


def purchase_model(kind: str = "mbg_nbd", *, names: tuple[str, ...] = FULL, **changes: Any) -> Model:
    told = forecast(kind, names=names[:4])
    known = Model(features(names), rungs(told, "no_order"), "any_order", 90, PURCHASE_SETTINGS, told)
    return replace(known, **changes)


def clv_model(kind: str = "mbg_nbd", *, names: tuple[str, ...] = FULL, **changes: Any) -> Model:
    told = forecast(kind, names=names[:4])
    return replace(
        Model(features(names), rungs(told, "spend"), "net_revenue", 90, CLV_SETTINGS, told), **changes
    )


def by_rule(model: Model, margin: float) -> Model:
    """Return a model of the same capability that has no forecast, only a rule."""
    width = len(model.features.names)
    ruled = tuple(replace(rung, estimator=constant(margin, width), timed=None) for rung in model.rungs)
    return replace(model, rungs=ruled, forecast=None)


def customers(seed: int = 1, size: int = 80) -> Array:
    """Return inputs of customers in the order of ``FULL``, shape (N, 6)."""
    X = buyers(seed, size)
    gap = np.where(X[:, 2] > 1, (X[:, 1] - X[:, 0]) / np.maximum(X[:, 2] - 1, 1), NAN)
    return np.column_stack([X, X[:, 2] * X[:, 3], gap])
