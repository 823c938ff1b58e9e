"""What is known of made-up customers, for the tests of the value benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from app.estimators.forecast import Statistics
from benchmarks.value.questions import Asked, Bounds, Known, Question

HORIZON: Final = 90


def known(seed: int = 0, size: int = 400) -> Known:
    """Return customers who order at rates of their own and never leave, and what they then did."""
    rng = np.random.default_rng(seed)
    T = np.floor(rng.uniform(100.0, 400.0, size))
    rate = rng.gamma(1.0, 1 / 60.0, size)
    repeat = np.minimum(rng.poisson(rate * T), T)
    recency = np.where(repeat > 0, np.floor(T * rng.beta(np.maximum(repeat, 1), 1.0)), 0.0)
    recency = np.maximum(recency, np.minimum(repeat, T))
    value = rng.gamma(4.0, 10.0, size)
    orders = rng.poisson(rate * HORIZON).astype(np.float64)
    last = rng.poisson(rate * HORIZON).astype(np.float64)
    wait = np.where(orders > 0, np.ceil(HORIZON * rng.beta(1.0, np.maximum(orders, 1.0))), np.inf)
    statistics = Statistics(repeat.astype(np.float64), recency, T, value, value)
    return Known(statistics, (last, last * value), orders, orders * value, wait)


def question(file: Path = Path("nowhere.yaml"), **said: Any) -> Question:
    """Return a question about a business file."""
    fields: dict[str, Any] = {
        "title": "Tiny",
        "about": "Made up.",
        "file": file,
        "cut": "2023-06-30T23:59:59+00:00",
        "horizon": HORIZON,
        "bounds": Bounds(level=None, above=None, window=None),
    }
    return Question(**(fields | said))


def answer(
    probability: float, orders: float | None, spend: float, ends: tuple[float, float], days: Any = None
) -> Mapping[str, Any]:
    """Return what the service would say of one customer."""
    early, middle, late = days or (None, None, None)
    return {
        "purchase": {
            "probability": probability,
            "earliest_at": early,
            "expected_at": middle,
            "latest_at": late,
        },
        "clv": {
            "expected_orders": orders,
            "predicted_value": spend,
            "predicted_low": ends[0],
            "predicted_high": ends[1],
        },
    }


def asked(told: Known, answers: tuple[Mapping[str, Any], ...], **said: Any) -> Asked:
    """Return a question that is answered."""
    return Asked(question(**said), told, answers, 1.5)


def perfect(told: Known) -> Array:
    """Return probabilities that rank the outcome without error."""
    return np.where(told.orders > 0, 0.9, 0.1)
