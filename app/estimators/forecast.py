"""The statistical rung of purchases: a buy-till-you-die model, the value of an order, and the season's clock.

A customer's future depends on four inputs: days since the last and the first order, how many order days there
were, and their average value. The **clock** carries season and level: it maps calendar days since training to
days of the model's own time, so that every closed form, asked for any horizon, stays monotone in it. It
repeats every 365 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import factorial
from typing import Final, Literal

import numpy as np

from app.domain.history import Array
from app.estimators.base import Contributions, Estimator, Moment, logit
from app.estimators.btyd import (
    GammaGamma,
    Transactions,
    expected_order_value,
    expected_orders,
    p_alive,
    p_any,
)

Quantity = Literal["no_order", "spend"]
ValueOf = Literal["all", "repeat"]
QUANTITIES: Final[tuple[Quantity, ...]] = ("no_order", "spend")
YEAR_DAYS: Final = 365.0
INPUTS: Final = 4
"""Days since the last order, days since the first, order days, average value of an order day."""

_DISCOUNT_NODES, _DISCOUNT_WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a buy-till-you-die model knows of N customers; each of shape (N,), in days and money.

    ``frequency`` counts repeat order days, ``recency`` runs from the first to the last one. ``value`` is the
    average of all order days, ``repeat_value`` of those after the first; 0 where there is none.
    """

    frequency: Array
    recency: Array
    T: Array
    value: Array
    repeat_value: Array


@dataclass(frozen=True)
class Forecast:
    """A fitted model of purchases; see the module for the fields."""

    transactions: Transactions
    value: GammaGamma | None
    value_of: ValueOf
    value_level: float
    clock: Array
    horizon_days: int
    columns: tuple[int, int, int, int]
    names: tuple[str, str, str, str]
    reference: tuple[float, float, float, float]
    longest_days: float

    def statistics(self, X: Array) -> Statistics:
        """Return the statistics of N customers from X of shape (N, F); a missing input reads as the usual."""
        return self.statistics_of(X[:, self.columns])

    def statistics_of(self, inputs: Array) -> Statistics:
        """Return the statistics for inputs of shape (N, 4), made to fit together."""
        known = np.where(np.isnan(inputs), self.usual, inputs)
        longest = self.longest_days
        T = np.minimum(np.maximum(known[:, 1], 0.0), longest)
        frequency = np.minimum(np.maximum(known[:, 2] - 1.0, 0.0), T)
        recency = np.where(frequency > 0, np.maximum(T - np.maximum(known[:, 0], 0.0), 0.0), 0.0)
        value = np.maximum(known[:, 3], 0.0)
        return Statistics(frequency, recency, T, value, value)

    def days(self, moment: Moment) -> Array:
        """Return the model's days that pass within the horizon asked for, shape (N,)."""
        horizon = self.horizon_days if moment.horizon_days is None else moment.horizon_days
        return self.between(moment.elapsed_days, moment.elapsed_days + float(horizon))

    def between(self, start: Array, end: Array) -> Array:
        """Return the model's days between two calendar times, in days since training."""
        return self._told(end) - self._told(start)

    def _told(self, calendar: Array) -> Array:
        """Return what the clock shows at a calendar time; it runs on, and repeats every year."""
        year = np.floor(calendar / YEAR_DAYS)
        within = np.interp(calendar - year * YEAR_DAYS, self._steps, self.clock)
        shown: Array = year * self.clock[-1] + within
        return shown

    @cached_property
    def _steps(self) -> Array:
        """The calendar days of the clock, shape (K,)."""
        return np.linspace(0.0, YEAR_DAYS, len(self.clock))

    @cached_property
    def usual(self) -> Array:
        """The customer of reference, shape (4,)."""
        return np.array(self.reference)

    def margin(self, quantity: Quantity, inputs: Array, days: Array) -> Array:
        """Return log-odds of no order, or the logarithm of the expected spend, shape (N,)."""
        known = self.statistics_of(inputs)
        past = (known.frequency, known.recency, known.T)
        if quantity == "no_order":
            return logit(1.0 - p_any(days, *past, self.transactions))
        orders = expected_orders(days, *past, self.transactions)
        margin: Array = np.log(np.maximum(orders, 1e-12)) + np.log(self.order_value(known))
        return margin

    def order_value(self, known: Statistics) -> Array:
        """Return the expected value of one order day, shape (N,); 1 where no money is known."""
        if self.value is None:
            return np.ones(len(known.T))
        # An average below a thousandth of the usual one, or none at all, says that values are not known.
        value = np.maximum(known.value, 1e-3 * self.reference[3])
        orders = known.frequency + 1.0 if self.value_of == "all" else known.frequency
        return self.value_level * expected_order_value(orders, value, self.value)

    def p_alive(self, known: Statistics) -> Array:
        """Return the probability that each customer is still active, shape (N,)."""
        return p_alive(known.frequency, known.recency, known.T, self.transactions)

    def orders(self, known: Statistics, days: Array) -> Array:
        """Return the expected orders within so many of the model's days; ``days`` (N,) or (N, K)."""
        past = (known.frequency, known.recency, known.T)
        if days.ndim == 2:
            past = (past[0][:, None], past[1][:, None], past[2][:, None])
        return expected_orders(days, *past, self.transactions)

    def any_order(self, known: Statistics, days: Array) -> Array:
        """Return P(at least one order) within so many of the model's days; ``days`` (N,) or (N, K)."""
        past = (known.frequency, known.recency, known.T)
        if days.ndim == 2:
            past = (past[0][:, None], past[1][:, None], past[2][:, None])
        return p_any(days, *past, self.transactions)

    def discount(self, known: Statistics, moment: Moment, rate: float) -> Array:
        """Return what one unit of value, spread as orders are expected, is worth today; (N,), in (0, 1].

        Continuous discounting at an annual ``rate``: the integral of exp(-δt) dE[orders(t)], by parts.
        """
        return self.ahead(known, moment, rate)[0]

    def ahead(self, known: Statistics, moment: Moment, rate: float) -> tuple[Array, Array]:
        """Return :meth:`discount` and the expected orders of the horizon, each of shape (N,)."""
        horizon = float(self.horizon_days if moment.horizon_days is None else moment.horizon_days)
        force = np.log1p(rate) / YEAR_DAYS
        nodes = horizon * (_DISCOUNT_NODES + 1) / 2
        start = moment.elapsed_days[:, None]
        passed = self.between(start, start + np.append(nodes, horizon)[None, :])
        orders = self.orders(known, passed)
        whole = np.maximum(orders[:, -1], 1e-12)
        weights = np.exp(-force * nodes) * _DISCOUNT_WEIGHTS * horizon / 2
        last = np.exp(-force * horizon)
        worth = last + force * (orders[:, :-1] @ weights) / whole
        factor: Array = np.minimum(np.maximum(worth, last), 1.0)
        return factor, orders[:, -1]


@dataclass(frozen=True, slots=True)
class _Answering:
    """A forecast, asked for one quantity at one moment; ``weight`` scales the distance from the reference.

    The distance is that of the trained horizon, ``trained_days`` of the model's time, whatever is asked for:
    what it adds to a customer is the same at all horizons, so that answers rise with them.
    """

    forecast: Forecast
    quantity: Quantity
    days: Array
    trained_days: Array
    weight: float

    def margin(self, X: Array) -> Array:
        """Return the margins, shape (N,)."""
        own = X[:, self.forecast.columns]
        if self.weight == 1.0 or not len(X):
            return self.forecast.margin(self.quantity, own, self.days)
        # The customer of reference is asked about once for all, where all are asked about at one time.
        is_one = len(self.days) == 1 or (self.trained_days == self.trained_days[0]).all()
        if is_one:
            both = np.concatenate([own, self.forecast.usual[None, :]])
            told = self.forecast.margin(self.quantity, both, self.trained_days[:1])
            distance = told[:-1] - told[-1:]
        else:
            usual = np.broadcast_to(self.forecast.usual, own.shape)
            told = self.forecast.margin(self.quantity, own, self.trained_days)
            distance = told - self.forecast.margin(self.quantity, usual, self.trained_days)
        if self._is_trained:
            margin: Array = told[: len(own)] + (self.weight - 1.0) * distance
        else:
            margin = self.forecast.margin(self.quantity, own, self.days) + (self.weight - 1.0) * distance
        return margin

    @property
    def _is_trained(self) -> bool:
        return bool((self.days == self.trained_days).all())

    def contributions(self, X: Array) -> Contributions:
        """Return exact Shapley values of the inputs against the customer of reference.

        References
        ----------
        Shapley (1953), "A value for n-person games".
        """
        forecast, size = self.forecast, len(X)
        # Of no order the average value says nothing: three inputs play.
        players = INPUTS - 1 if self.quantity == "no_order" else INPUTS
        chosen, weights = _coalitions(players)
        own = X[:, forecast.columns]
        mixed = np.where(chosen[:, None, :], own[None, :, :], forecast.usual).reshape(-1, INPUTS)
        told = self._told(mixed, self.days, size, len(chosen))
        adds = told * self.weight
        if self.weight != 1.0 and not self._is_trained:
            adds = told + (self.weight - 1.0) * self._told(mixed, self.trained_days, size, len(chosen))
        values = np.zeros(X.shape)
        for j in range(players):
            # A missing input reads as the usual one: what is left of it is the last bit of a sum.
            values[:, forecast.columns[j]] = np.where(np.isnan(own[:, j]), 0.0, weights[j] @ adds)
        return Contributions(told[0].copy(), values)

    def _told(self, mixed: Array, days: Array, size: int, coalitions: int) -> Array:
        """Return the margin of each coalition of inputs, shape (2^P, N)."""
        spread = np.tile(np.broadcast_to(days, size), coalitions)
        return self.forecast.margin(self.quantity, mixed, spread).reshape(coalitions, size)


@cache
def _coalitions(players: int) -> tuple[Array, Array]:
    """Return who plays in each coalition, nobody first, and what each of them adds to a player's value.

    bool of shape (2^P, 4) and float64 of shape (P, 2^P).
    """
    count = 1 << players
    chosen = np.zeros((count, INPUTS), dtype=bool)
    weights = np.zeros((players, count))
    for number in range(count):
        inside = [j for j in range(players) if number >> j & 1]
        chosen[number, inside] = True
        for j in range(players):
            size = len(inside) - (j in inside)
            share = factorial(size) * factorial(players - size - 1) / factorial(players)
            weights[j, number] = share if j in inside else -share
    return chosen, weights


@dataclass(frozen=True, slots=True)
class Forecasting:
    """The forecast of one quantity, at any moment.

    ``weight`` scales how far a customer is from the customer of reference. A weight of the whole margin would
    not do: what is right at one horizon would move the level of another.
    """

    forecast: Forecast
    quantity: Quantity
    weight: float = 1.0

    def at(self, moment: Moment) -> Estimator:
        """Return what answers at a moment."""
        trained = self.forecast.days(Moment(None, moment.elapsed_days))
        days = trained if moment.horizon_days is None else self.forecast.days(moment)
        return _Answering(self.forecast, self.quantity, days, trained, self.weight)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A forecast that a second model adjusts: forecast + ``weight`` · adjustment."""

    forecasting: Forecasting
    adjustment: Estimator
    weight: float

    def at(self, moment: Moment) -> Estimator:
        """Return what answers at a moment."""
        return _Sum(self.forecasting.at(moment), self.adjustment, self.weight)


@dataclass(frozen=True, slots=True)
class _Sum:
    """One estimator and a weighted second one."""

    first: Estimator
    second: Estimator
    weight: float

    def margin(self, X: Array) -> Array:
        """Return the margins, shape (N,)."""
        margin: Array = self.first.margin(X) + self.weight * self.second.margin(X)
        return margin

    def contributions(self, X: Array) -> Contributions:
        """Return what each column added through either."""
        a, b = self.first.contributions(X), self.second.contributions(X)
        return Contributions(a.base + self.weight * b.base, a.values + self.weight * b.values)
