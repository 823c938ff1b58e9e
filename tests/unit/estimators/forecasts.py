"""Small forecasts with known parameters, and customers to ask them about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from app.estimators.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd, Transactions
from app.estimators.forecast import YEAR_DAYS, Forecast

NAN: Final = float("nan")
INPUTS: Final = ("days_since_last_order", "days_since_first_order", "order_days", "average_order_value")
TRANSACTIONS: Final[dict[str, Transactions]] = {
    "bg_nbd": BgNbd(0.6, 40.0, 0.8, 2.5),
    "mbg_nbd": MbgNbd(0.7, 35.0, 0.6, 3.0),
    "pareto_nbd": ParetoNbd(0.6, 30.0, 0.5, 90.0),
}
EVEN: Final = np.linspace(0.0, YEAR_DAYS, 53)
GIFT: Final = np.interp(np.linspace(0, 365, 53), [0, 300, 340, 365], [0.0, 240.0, 380.0, 400.0])
"""A clock that runs 3.5 times as fast for 40 days of the year, and shows 400 days at its end."""


def forecast(kind: str = "mbg_nbd", **changes: Any) -> Forecast:
    """Return a forecast whose inputs are the first four columns."""
    known = Forecast(
        transactions=TRANSACTIONS[kind],
        value=GammaGamma(3.0, 3.5, 60.0),
        value_of="all",
        value_level=1.1,
        clock=EVEN,
        horizon_days=90,
        columns=(0, 1, 2, 3),
        names=INPUTS,
        reference=(60.0, 200.0, 3.0, 40.0),
        longest_days=36_500.0,
    )
    return replace(known, **changes)


def buyers(seed: int = 0, size: int = 60) -> Array:
    """Return the four inputs of customers, shape (N, 4): some with one order, some with many."""
    rng = np.random.default_rng(seed)
    first = np.floor(rng.uniform(0, 900, size))
    orders = 1.0 + np.minimum(np.floor(rng.exponential(4.0, size)), first)
    last = np.where(orders > 1, np.floor(first * rng.uniform(0, 1, size)), first)
    return np.column_stack([last, first, orders, rng.gamma(3.0, 20.0, size)])
