"""The season's clock: how many of the model's own days pass in each calendar day ahead.

A buy-till-you-die model knows no season. What it would have said a year ago, against what then happened,
shows how the year ahead differs from an even one; that ratio sets the clock. Rules:

1. The year-ago window is taken where it has half a year of history before it; otherwise the level of the
   latest complete window, which knows no season and is believed less, and the card says so.
2. A ratio is believed in proportion to its evidence: the more past origins show that the ratio of a year
   before told theirs, the more (empirical Bayes on the logarithm; see ``SPREAD`` and ``SURPRISE``).
3. The clock never stands still and never runs backwards.
4. Orders and buyers have clocks of their own: in a gift season more people buy once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from app.domain.history import Array
from app.estimators.btyd import Transactions, expected_orders, p_any
from app.estimators.forecast import YEAR_DAYS, Quantity, Statistics
from app.features import ragged
from training.btyd import Kind, fit_transactions
from training.purchase_days import Cohort, PurchaseDays, cohort_at

Basis = Literal["year_ago", "recent", "none"]

STEPS: Final = 52
HISTORY_DAYS: Final = 90
YEAR_AGO_HISTORY_DAYS: Final = 180
"""Of history before an origin, for a fit there to mean anything; a year ago everybody must not be new."""
CUSTOMERS: Final = 50
ORDERS: Final = 30
"""In a window, for its ratio to be looked at."""
SPREAD: Final = 0.3
"""Standard deviation of the logarithm of a season's ratio, before anything is seen."""
SURPRISE: Final = 0.2
RECENT_SURPRISE: Final = 0.3
"""Standard deviation of what a year changes in that logarithm, before anything is seen; and of what it
changes from the latest window to the next, whatever their seasons."""
LIMIT: Final = 2.5
"""No clock runs faster than this, or slower than its inverse, on average."""
SUPPORT_STEP_DAYS: Final = 30
SUPPORTS: Final = 12
SAMPLE: Final = 4_000
_AHEAD_YEARS: Final = 4


@dataclass(frozen=True, slots=True)
class Window:
    """What a model fitted at one day said of a window after it, and what happened.

    ``ratio`` holds the actual over the expected number at the ends of ``days``, each of shape (K,): of buyers
    where the quantity is P(no order), else of orders. ``happened`` is the actual number in all.
    """

    origin: int
    days: Array
    ratio: Array
    happened: float

    def at(self, horizon: float) -> float:
        """Return the ratio of the first so many days."""
        return float(np.interp(horizon, self.days, self.ratio))


@dataclass(frozen=True, slots=True)
class Season:
    """The clock and what it rests on.

    ``clock`` is what :class:`app.estimators.forecast.Forecast` holds; ``ratio`` is the seen ratio at the
    horizon, ``weight`` how far it is believed, ``origins`` how many past origins tested it.
    """

    clock: Array
    basis: Basis
    ratio: float
    weight: float
    origins: int


EVEN: Final = Season(np.linspace(0.0, YEAR_DAYS, STEPS + 1), "none", 1.0, 0.0, 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a clock is for: which model of orders, which quantity, and the days ahead that matter most."""

    kind: Kind
    quantity: Quantity
    horizon: int


def season_of(days: PurchaseDays, asked: Asked, now: Cohort, params: Transactions) -> Season:
    """Return the clock for the time after the last known day.

    Parameters
    ----------
    days : PurchaseDays
        What is known.
    asked : Asked
    now, params
        The customers of today, and what was fitted on them.
    """
    year = round(YEAR_DAYS)
    window = _year_ago(days, asked, days.today, year)
    if window is not None:
        shifts = _surprises(days, asked)
        tests = min(float(len(shifts)), max(1.0, days.history_days() / asked.horizon))
        variance = (SURPRISE**2 + tests * float(np.mean(np.square(shifts or [0.0])))) / (1 + tests)
        return _set(window, now, params, variance, asked, ("year_ago", len(shifts)))
    length = min(asked.horizon, days.history_days() // 2)
    recent = window_at(days, asked, days.today - length, length)
    if recent is None:
        return EVEN
    level = np.full(2, recent.ratio[-1])
    flat = Window(recent.origin, np.array([1.0, YEAR_DAYS]), level, recent.happened)
    return _set(flat, now, params, RECENT_SURPRISE**2, asked, ("recent", 1))


def _year_ago(days: PurchaseDays, asked: Asked, today: int, length: int) -> Window | None:
    """Return the window of a year before a day; None where too little was known before it."""
    origin = today - round(YEAR_DAYS)
    if origin - days.earliest < YEAR_AGO_HISTORY_DAYS:
        return None
    return window_at(days, asked, origin, length)


def window_at(days: PurchaseDays, asked: Asked, origin: int, length: int) -> Window | None:
    """Return a window after an origin; None where too little is known of it."""
    length = min(length, days.today - origin)
    if origin - days.earliest < HISTORY_DAYS or length < 1:
        return None
    cohort = cohort_at(days, origin)
    if len(cohort.customers) < CUSTOMERS:
        return None
    known = cohort.known
    params = fit_transactions(asked.kind, known.frequency, known.recency, known.T).params
    grid = np.linspace(0.0, float(length), max(round(length * STEPS / YEAR_DAYS), 1) + 1)[1:]
    is_member = np.zeros(days.size, dtype=bool)
    is_member[cohort.customers] = True
    after = (days.day > origin) & (days.day <= origin + length) & is_member[days.owner]
    owner, when = days.owner[after], days.day[after] - origin
    if asked.quantity == "no_order":
        when = when[ragged.begins(owner, np.zeros_like(owner))]
    happened = np.searchsorted(np.sort(when), grid, side="right").astype(np.float64)
    if happened[-1] < ORDERS:
        return None
    expected = expected_curve(params, known, grid, asked.quantity)
    return Window(origin, grid, np.maximum(happened, 0.5) / np.maximum(expected, 1e-9), float(happened[-1]))


def expected_curve(params: Transactions, known: Statistics, grid: Array, quantity: Quantity) -> Array:
    """Return the orders, or the buyers, that are expected up to each day of a grid from all customers."""
    size = len(known.T)
    every = max(1, -(-size // SAMPLE))
    past = [column[::every, None] for column in (known.frequency, known.recency, known.T)]
    formula = p_any if quantity == "no_order" else expected_orders
    each = formula(grid[None, :], past[0], past[1], past[2], params)
    answer: Array = each.sum(axis=0) * (size / max(len(each), 1))
    return answer


def _surprises(days: PurchaseDays, asked: Asked) -> list[float]:
    """Return, for past origins, how far the ratio of a year before was from theirs, in logarithms."""
    found = []
    horizon = min(asked.horizon, round(YEAR_DAYS))
    for k in range(SUPPORTS):
        origin = days.today - horizon - k * SUPPORT_STEP_DAYS
        before = _year_ago(days, asked, origin, horizon)
        if before is None:
            break
        then = window_at(days, asked, origin, horizon)
        if then is not None:
            found.append(float(np.log(then.ratio[-1]) - np.log(before.ratio[-1])))
    return found


def _set(
    window: Window,
    now: Cohort,
    params: Transactions,
    variance: float,
    asked: Asked,
    evidence: tuple[Basis, int],
) -> Season:
    """Return the clock that a window's ratios set, as far as they are believed."""
    calendar = np.linspace(0.0, YEAR_DAYS, STEPS + 1)
    ahead = np.linspace(0.0, _AHEAD_YEARS * YEAR_DAYS, _AHEAD_YEARS * STEPS + 1)
    expected = np.r_[0.0, expected_curve(params, now.known, ahead[1:], asked.quantity)]
    logs = np.log(np.interp(calendar[1:], window.days, window.ratio))
    # Of few orders a ratio is chance: as many more as make a standard error.
    chance = 1.0 / np.maximum(window.happened * calendar[1:] / YEAR_DAYS, 1.0)
    weight = SPREAD**2 / (SPREAD**2 + variance + chance)
    ratio = np.exp(np.clip(weight * logs, -np.log(LIMIT), np.log(LIMIT)))
    reached = np.r_[0.0, np.maximum.accumulate(np.interp(calendar[1:], ahead, expected) * ratio)]
    rising = np.maximum.accumulate(expected + 1e-9 * np.arange(len(expected)))
    told = np.interp(reached, rising, ahead)
    # The clock never stands still: at least a twentieth of a day passes in a day.
    clock: Array = np.maximum.accumulate(told - calendar / 20) + calendar / 20
    basis, origins = evidence
    at = float(np.interp(asked.horizon, calendar[1:], weight))
    return Season(clock, basis, window.at(min(asked.horizon, YEAR_DAYS)), at, origins)
