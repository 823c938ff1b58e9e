"""What the higher rungs stand on: the forecast of purchases at an origin, and what it said of rows before it.

Trees learn how customers differ from the forecast, never its level: at every cut-off the forecast of the rows
to learn from is moved to the level that their own labels had. What the level will be is the forecast's part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.btyd import BgNbd
from app.estimators.forecast import Forecast, Quantity, Statistics, ValueOf
from app.features.schema import FeatureSet
from training.btyd import Kind, fit_transactions
from training.calibrating import logit_shift
from training.forecasting import Outlook, even, fit_value

INPUTS: Final = ("days_since_last_order", "days_since_first_order", "order_days", "average_order_value")
SUMMARY_INPUTS: Final = (
    "summary.days_since_last_order",
    "summary.days_since_first_order",
    "summary.order_count",
    "summary.average_order_value",
)
REPEAT_VALUE: Final = "average_repeat_order_value"
LONGEST_DAYS: Final = 36_500.0
_ANY: Final = BgNbd(1.0, 1.0, 1.0, 1.0)
"""Stands in until the model is fitted."""


def inputs_of(variant: str, quantity: Quantity) -> tuple[str, ...]:
    """Return the features that a forecast of a quantity reads in a variant."""
    if variant == "summary":
        return SUMMARY_INPUTS
    return (*INPUTS, REPEAT_VALUE) if quantity == "spend" else INPUTS


@dataclass(frozen=True, slots=True)
class Stand:
    """A forecast and what it is asked for."""

    forecast: Forecast
    quantity: Quantity


@dataclass(frozen=True)
class Standing:
    """Forecasts of one variant at any origin.

    ``outlook_at`` gives what could be fitted at a time (microseconds); ``everybody`` the inputs of all who
    had ordered by a cut-off, shape (M, F). ``cut``, shape (R,), says when each row of the data was asked
    about, ``learned_days`` over which horizon its label looks, ``horizon_days`` which one will be asked for.
    """

    features: FeatureSet
    quantity: Quantity
    horizon_days: int
    learned_days: int
    cut: Array
    outlook_at: Callable[[int], Outlook | None]
    everybody: Callable[[int], Array]
    _fitted: dict[tuple[Kind, str, int], Forecast] = field(default_factory=dict)

    def at(self, origin: int, asked_days: int) -> Stand | None:
        """Return the forecast of an origin, None where too little was known then."""
        outlook = self.outlook_at(origin)
        if outlook is None:
            return None
        return Stand(self._forecast(outlook, self.everybody(origin), asked_days), self.quantity)

    def origin(self, rows: Array) -> int:
        """Return the time that rows are asked about, the newest where there are several."""
        return int(self.cut[rows].max())

    def said(self, origin: int, rows: Array, X: Array, y: Array) -> tuple[Array, Array]:
        """Return what forecasts said at each row's own cut-off, moved to the level of its labels; (R,).

        The second is what they said of the customer of reference, moved likewise: weights turn around it.

        Parameters
        ----------
        origin : int
            When this is looked at: it decides the kind of model, and nothing later is known.
        rows, X, y : ndarray, shapes (R,), (R, F) and (R,)
            Places in the data, inputs and labels (0 or 1, or an amount), all complete by the origin.
        """
        cut = self.cut[rows]
        outlook = self.outlook_at(origin)
        if outlook is None:
            raise ValueError("there is no forecast at this origin")
        answer, middle = np.empty(len(y)), np.empty(len(y))
        for at in np.unique(cut).tolist():
            own = cut == at
            passed = np.full(int(own.sum()), float(self.learned_days))
            past = self._past(outlook, at)
            margin = past.margin(self.quantity, self._inputs(X[own], outlook), passed)
            shift = self._shift(margin, y[own])
            answer[own] = margin + shift
            usual = np.asarray(past.reference)[None, :]
            middle[own] = past.margin(self.quantity, usual, passed[:1])[0] + shift
        return answer, middle

    def _shift(self, margin: Array, y: Array) -> float:
        """Return what moves forecasts to the level of the labels."""
        if self.quantity == "no_order":
            return logit_shift(margin, y)
        return float(np.log(max(float(y.sum()), 1e-9)) - np.log(float(np.exp(margin).sum())))

    def _past(self, outlook: Outlook, at: int) -> Forecast:
        key = (outlook.kinds[self.quantity], outlook.value_of, at)
        if key not in self._fitted:
            self._fitted[key] = self._forecast(even(outlook), self.everybody(at), self.learned_days)
        return self._fitted[key]

    def names(self, outlook: Outlook) -> tuple[str, str, str, str]:
        """Return the four inputs of a forecast."""
        if SUMMARY_INPUTS[0] in self.features.names:
            return SUMMARY_INPUTS
        is_repeat = self.quantity == "spend" and outlook.value_of == "repeat"
        return (*INPUTS[:3], REPEAT_VALUE) if is_repeat else INPUTS

    def _inputs(self, X: Array, outlook: Outlook) -> Array:
        columns = [self.features.positions[name] for name in self.names(outlook)]
        inputs: Array = X[:, columns]
        return inputs

    def _forecast(self, outlook: Outlook, X: Array, asked_days: int) -> Forecast:
        """Return the outlook's kind of model, fitted to the inputs of everybody at a time."""
        names = self.names(outlook)
        inputs = self._inputs(X, outlook)
        usual = _usual(inputs)
        value_of: ValueOf = "repeat" if names[3] == REPEAT_VALUE else "all"
        forecast = Forecast(
            _ANY,
            None,
            value_of,
            outlook.value_level,
            outlook.seasons[self.quantity].clock,
            asked_days,
            tuple(self.features.positions[name] for name in names),  # type: ignore[arg-type]
            names,
            (float(usual[0]), float(usual[1]), float(usual[2]), float(usual[3])),
            LONGEST_DAYS,
        )
        known = forecast.statistics_of(inputs)
        params = fit_transactions(
            outlook.kinds[self.quantity], known.frequency, known.recency, known.T
        ).params
        value = None
        if outlook.value is not None and self.quantity == "spend":
            told = Statistics(known.frequency, known.recency, known.T, inputs[:, 3], inputs[:, 3])
            value = fit_value(told, value_of)
        return replace(forecast, transactions=params, value=value)


def _usual(inputs: Array) -> Array:
    """Return the customer of reference, shape (4,): the middle of the half that ordered last.

    A middle of everybody would be somebody long gone, of whom every active customer differs in everything.
    """
    usual = np.zeros(inputs.shape[1])
    silence = inputs[:, 0]
    recent = inputs[silence <= np.nanmedian(silence)] if (~np.isnan(silence)).any() else inputs
    known_once = ~np.isnan(recent).all(axis=0)
    usual[known_once] = np.nanmedian(recent[:, known_once], axis=0)
    return usual
