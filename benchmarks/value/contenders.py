"""What a user would pick instead: naive rates, a hiatus rule, and the lifetimes package.

Each tells the expected orders, the expected spend and, where it has one, the probability of any order.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from app.estimators.base import sigmoid
from benchmarks.value.questions import Asked, Known
from training.calibrating import fit_calibration


@dataclass(frozen=True, slots=True)
class Told:
    """What one contender says of N customers; None where it says nothing. ``note`` explains a failure."""

    any_order: Array | None
    orders: Array | None
    spend: Array | None
    cpu_seconds: float = 0.0
    note: str = ""


def lifetime_rate(known: Known, horizon: int) -> Told:
    """Go on as ever: orders and spend so far per day, times the horizon."""
    past = known.statistics
    rate = (past.frequency + 1.0) / np.maximum(past.T, 1.0)
    orders = rate * horizon
    return Told(1.0 - np.exp(-orders), orders, orders * past.value)


def same_again(known: Known, horizon: int) -> Told:
    """Take the next horizon to be as the last one was."""
    orders, spend = known.last_horizon
    # Ties at zero: who ordered later comes first.
    tie = 1e-9 * (known.statistics.recency - known.statistics.T) / max(float(horizon), 1.0)
    return Told(np.clip(1.0 - np.exp(-orders) + tie, 1e-4, 1 - 1e-4), orders, spend)


def hiatus(known: Known, horizon: int) -> Told:
    """Who has been silent for less than the horizon orders again, told as a rate that fits the outcome.

    Its scale is fitted on the outcome itself, which flatters it: what counts is how it ranks.
    """
    gap = known.statistics.T - known.statistics.recency
    y = (known.orders > 0).astype(np.float64)
    scaled = -np.log1p(gap / max(horizon, 1))
    return Told(sigmoid(fit_calibration(scaled, y).apply(scaled)), None, None)


def lifetimes_model(kind: str, known: Known, horizon: int) -> Told:
    """Fit a model of the lifetimes package with its Gamma-Gamma, as its guide shows.

    The usual churn score of that package is P(alive): for BG/NBD it has no P(any order) of a customer.
    """
    import lifetimes  # noqa: PLC0415  a benchmark dependency, and slow to import

    past = known.statistics
    weeks = 7.0
    fitters: dict[str, Any] = {
        "bg_nbd": lifetimes.BetaGeoFitter,
        "mbg_nbd": lifetimes.ModifiedBetaGeoFitter,
        "pareto_nbd": lifetimes.ParetoNBDFitter,
    }
    started = time.process_time()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            fitted = fitters[kind](penalizer_coef=0.0)
            columns = (past.frequency, past.recency / weeks, past.T / weeks)
            fitted.fit(*columns)
            orders = np.asarray(
                fitted.conditional_expected_number_of_purchases_up_to_time(horizon / weeks, *columns)
            )
            alive = np.asarray(fitted.conditional_probability_alive(*columns)).ravel()
            repeat = (past.frequency > 0) & (past.repeat_value > 0)
            money = lifetimes.GammaGammaFitter(penalizer_coef=0.0)
            money.fit(past.frequency[repeat], past.repeat_value[repeat])
            value = np.asarray(money.conditional_expected_average_profit(past.frequency, past.repeat_value))
    except Exception as error:  # noqa: BLE001 - whatever it raises is a finding, told in the table
        return Told(None, None, None, time.process_time() - started, f"failed: {type(error).__name__}")
    return Told(
        np.clip(alive, 1e-4, 1 - 1e-4),
        np.nan_to_num(orders),
        np.nan_to_num(orders * value),
        time.process_time() - started,
        f"{int(np.isnan(orders).sum())} NaN" if np.isnan(orders).any() else "",
    )


def ours(asked: Asked) -> Told:
    """Return the service's own answers."""
    return Told(
        np.array([answer["purchase"]["probability"] for answer in asked.answers]),
        np.array([_number(answer["clv"]["expected_orders"]) for answer in asked.answers]),
        np.array([answer["clv"]["predicted_value"] for answer in asked.answers]),
        asked.cpu_seconds,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


OURS: Final = "Kith"
RULES: Final[Mapping[str, Callable[[Known, int], Told]]] = {
    "lifetime rate": lifetime_rate,
    "same as the last horizon": same_again,
    "hiatus (days since the last order)": hiatus,
}
LIFETIMES: Final[Mapping[str, str]] = {
    "lifetimes BG/NBD": "bg_nbd",
    "lifetimes MBG/NBD": "mbg_nbd",
    "lifetimes Pareto/NBD": "pareto_nbd",
}


def contenders(asked: Asked) -> dict[str, Told]:
    """Return what everybody says, ours first."""
    known, horizon = asked.known, asked.question.horizon
    found = {OURS: ours(asked)}
    found |= {name: rule(known, horizon) for name, rule in RULES.items()}
    return found | {name: lifetimes_model(kind, known, horizon) for name, kind in LIFETIMES.items()}
