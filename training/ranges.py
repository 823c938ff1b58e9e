"""Ranges that keep their word: fitted to draws from the posterior, then set on customers that were held out.

The spread of what a customer may spend is that of the posterior draws; which levels of it are told is what
held-out customers of the backtests demand (split conformal prediction). The same for the window of the next
order.

References
----------
Vovk, Gammerman & Shafer (2005), "Algorithmic Learning in a Random World".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import nnls
from scipy.special import ndtr, ndtri

from app.capabilities.purchase import STEPS, WINDOW_LEVELS, shares_by, window_days
from app.domain.history import Array
from app.estimators.base import trained_moment
from app.estimators.forecast import Forecast
from app.estimators.spending import spending
from training.btyd import draw_orders, draw_spend
from training.purchase_days import PurchaseDays
from training.variants import Fitted

DRAWN_CUSTOMERS: Final = 1_500
DRAWS: Final = 400
USUAL_SPREAD: Final = (0.3, 0.7, 0.3)
"""Where nothing can be drawn."""
TESTED_FLOOR: Final = 30
"""Held-out customers of a population below which the levels of all populations together are taken."""
UNSEEN_ORIGIN: Final = 0.15
"""How far an unseen time may be from the only one that was seen, on the probit scale."""
LEVEL_ENDS: Final = (0.001, 0.999)


def spread_of(forecast: Forecast, X: Array, seed: int) -> tuple[float, float, float]:
    """Return how far the spend of those who order spreads, from posterior draws; see ``app`` ``spending``.

    Parameters
    ----------
    forecast : Forecast
        With a model of value.
    X : ndarray, shape (N, F)
        Customers of today.
    """
    if forecast.value is None or not len(X):
        return USUAL_SPREAD
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(X))[:DRAWN_CUSTOMERS])
    known = forecast.statistics(X[rows])
    days = forecast.days(trained_moment(len(rows)))
    past = (known.frequency, known.recency, known.T)
    orders = draw_orders(forecast.transactions, *past, days, DRAWS, rng)
    told = known.frequency + 1.0 if forecast.value_of == "all" else known.frequency
    spend = draw_spend(forecast.value, told, np.maximum(known.value, 1e-9), orders, rng)
    bought = orders > 0
    enough = bought.sum(axis=1) >= DRAWS // 20
    if not enough.any():
        return USUAL_SPREAD
    with np.errstate(invalid="ignore", divide="ignore"):
        count = bought.sum(axis=1)
        mean = spend.sum(axis=1) / count
        square = (spend**2).sum(axis=1) / count
        variation = square / mean**2 - 1.0
        given = orders.sum(axis=1) / count
    usable = enough & np.isfinite(variation)
    design = np.column_stack([np.ones(len(rows)), 1.0 / given, 1.0 / (known.frequency + 1.0)])[usable]
    # A few customers with wild draws must not decide: the smallest and largest hundredth are drawn in.
    aim = np.clip(variation[usable], *np.quantile(variation[usable], [0.01, 0.99]))
    found, _ = nnls(design, np.maximum(aim, 0.0))
    return float(found[0]), float(found[1]), float(max(found[2], 1e-3))


@dataclass(frozen=True, slots=True)
class Reached:
    """Where held-out spend lay in its own distribution, for tested rows whose origin had a forecast.

    ``rows`` are places among the tested rows, ``origin`` says which backtest. ``level`` is the probability of
    spending no more than what was spent; ``is_spent`` says whether anything was.
    """

    rows: Array
    origin: Array
    level: Array
    is_spent: Array

    def take(self, chosen: Array) -> Reached:
        """Return some of the rows."""
        return Reached(self.rows[chosen], self.origin[chosen], self.level[chosen], self.is_spent[chosen])

    def above(self) -> Array:
        """Return the levels that matter for the upper end: who spent nothing is above no end."""
        levels: Array = np.where(self.is_spent, self.level, 0.0)
        return levels

    def below(self) -> Array:
        """Return the levels that matter for the lower end: who spent nothing lies anywhere in that mass."""
        place = np.random.default_rng(0).random(len(self.level))
        levels: Array = np.where(self.is_spent, self.level, self.level * place)
        return levels


def tested_spending(fitted: Fitted, spread: tuple[float, float, float]) -> Reached:
    """Return where each held-out spend lay in its own distribution."""
    rows, origins, levels = [], [], []
    expected = fitted.tested_answer()
    for number, stand in enumerate(fitted.tested.stands):
        own = np.flatnonzero(fitted.tested.origin == number)
        if stand is None:
            continue
        place = fitted.tested.rows[own]
        known = stand.forecast.statistics(fitted.data.X[place])
        days = stand.forecast.days(trained_moment(len(place)))
        told = spending(
            stand.forecast.any_order(known, days),
            expected[own],
            stand.forecast.orders(known, days),
            known.frequency + 1.0,
            spread,
        )
        rows.append(own)
        origins.append(np.full(len(own), number))
        levels.append(told.level(fitted.data.y[place]))
    if not rows:
        nothing = np.empty(0, dtype=np.int64)
        return Reached(nothing, nothing, np.empty(0), np.empty(0, dtype=bool))
    found = np.concatenate(rows)
    spent = fitted.data.y[fitted.tested.rows[found]] > 0
    return Reached(found, np.concatenate(origins), np.concatenate(levels), spent)


def range_levels(
    fitted: Fitted, spread: tuple[float, float, float], interval_level: float
) -> list[list[float]]:
    """Return the levels of the range's ends for each population, as held-out customers demand them."""
    tail = (1.0 - interval_level) / 2
    reached = tested_spending(fitted, spread)
    population = fitted.data.population[fitted.tested.rows[reached.rows]]
    everybody = _ends(reached, tail)
    return [
        _ends(reached.take(population == k), tail) if (population == k).sum() >= TESTED_FLOOR else everybody
        for k in range(len(fitted.chosen))
    ]


def _ends(reached: Reached, tail: float) -> list[float]:
    """Return the levels below and above which a share ``tail`` of the outcomes of an unseen time lies.

    Every origin demands its own; the next one will be as far from their middle as they are from each other,
    and the ends are moved out by that (one standard deviation, on the probit scale).
    """
    lows, highs = [], []
    for number in np.unique(reached.origin):
        own = reached.take(reached.origin == number)
        if len(own.rows) >= TESTED_FLOOR:
            lows.append(np.quantile(own.below(), tail, method="lower"))
            highs.append(np.quantile(own.above(), 1.0 - tail, method="higher"))
    if not lows:
        return [tail, 1.0 - tail]
    low, high = (_moved(np.array(ends), sign) for ends, sign in ((lows, -1.0), (highs, 1.0)))
    return [min(low, high), high]


def _moved(levels: Array, sign: float) -> float:
    """Return the middle of some levels, moved out by how far they lie apart."""
    probits = ndtri(np.clip(levels, *LEVEL_ENDS))
    apart = float(np.std(probits, ddof=1)) if len(probits) > 1 else UNSEEN_ORIGIN
    return float(np.clip(ndtr(probits.mean() + sign * apart), *LEVEL_ENDS))


def range_factors(fitted: Fitted, interval_level: float) -> list[list[float]]:
    """Return for each population what a rule's expected amount is multiplied with at the range's ends."""
    tail = (1.0 - interval_level) / 2
    y, told = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    answer = []
    for chosen in fitted.chosen:
        ratio = y[chosen.rows] / np.maximum(told[chosen.rows], 1e-9)
        if len(ratio) < TESTED_FLOOR:
            answer.append([0.0, 3.0])
        else:
            low, high = np.quantile(ratio, [tail, 1.0 - tail])
            answer.append([min(float(low), 1.0), max(float(high), 1.0)])
    return answer


@dataclass(frozen=True, slots=True)
class Window:
    """The levels of the window of the next order, and how it did: held-out repeat buyers who came back.

    ``coverage`` is that of the newest origin with levels from the earlier ones, None where there is one
    origin only. Errors are mean absolute errors in days: of the middle, of the best constant, and of the
    last order plus the customer's own mean gap.
    """

    levels: tuple[float, float, float]
    buyers: int
    coverage: float | None
    error: float | None
    constant_error: float | None
    gap_error: float | None


def window_of(fitted: Fitted, days: PurchaseDays, cut_day: Array) -> Window:
    """Return the levels at which held-out buyers came back.

    Parameters
    ----------
    fitted : Fitted
        Of P(no order), with its tested rows.
    days : PurchaseDays
        Everything that is known.
    cut_day : ndarray of int, shape (R,)
        The local day of each data row's cut-off.
    """
    reached, waited, told, origin, gap = [], [], [], [], []
    for number, stand in enumerate(fitted.tested.stands):
        own = fitted.tested.rows[fitted.tested.origin == number]
        if stand is None or not len(own):
            continue
        forecast = stand.forecast
        waits = next_order(days, fitted.data.customer[own], cut_day[own])
        known = forecast.statistics(fitted.data.X[own])
        came = (waits <= forecast.horizon_days) & (known.frequency > 0)
        X, wait = fitted.data.X[own[came]], waits[came]
        moment = trained_moment(len(X))
        shares = shares_by(forecast, X, moment, forecast.horizon_days)
        grid = STEPS * forecast.horizon_days
        below = np.clip(grid.searchsorted(wait, side="right") - 1, 0, len(grid) - 2)
        part = (wait - grid[below]) / (grid[below + 1] - grid[below])
        rows = np.arange(len(X))
        reached.append(shares[rows, below] * (1 - part) + shares[rows, below + 1] * part)
        waited.append(wait)
        told.append((forecast, X))
        origin.append(np.full(len(X), number))
        usual = (known.recency / np.maximum(known.frequency, 1.0))[came]
        gap.append(np.clip(usual - (known.T - known.recency)[came], 1.0, None))
    if not reached:
        return Window(WINDOW_LEVELS, 0, None, None, None, None)
    return _judged(reached, waited, told, gap)


def _levels(reached: Array) -> tuple[float, float, float]:
    if len(reached) < TESTED_FLOOR:
        return WINDOW_LEVELS
    low, middle, high = np.clip(np.quantile(reached, WINDOW_LEVELS), *LEVEL_ENDS).tolist()
    return (low, max(middle, low + 1e-6), max(high, middle + 2e-6))


def _judged(
    reached: list[Array], waited: list[Array], told: list[tuple[Forecast, Array]], gap: list[Array]
) -> Window:
    """Return the levels of all origins, judged on the newest with those of the others."""
    levels = _levels(np.concatenate(reached))
    buyers = int(sum(map(len, waited)))
    if len(reached) < 2 or not len(waited[0]):
        return Window(levels, buyers, None, None, None, None)
    earlier = _levels(np.concatenate(reached[1:]))
    forecast, X = told[0]
    days = window_days(forecast, X, trained_moment(len(X)), forecast.horizon_days, earlier)
    wait = waited[0]
    constant = float(np.median(np.concatenate(waited[1:])))
    return Window(
        levels,
        buyers,
        float(np.mean((wait >= days[:, 0]) & (wait <= days[:, 2]))),
        float(np.abs(wait - days[:, 1]).mean()),
        float(np.abs(wait - constant).mean()),
        float(np.abs(wait - gap[0]).mean()),
    )


def next_order(days: PurchaseDays, customers: Array, cut_day: Array) -> Array:
    """Return how many days after a day each customer's next order came; infinite where none is known."""
    key = days.owner.astype(np.int64) * (1 << 24) + days.day
    wanted = customers.astype(np.int64) * (1 << 24) + cut_day
    place = key.searchsorted(wanted, side="right")
    found = np.minimum(place, max(len(key) - 1, 0))
    is_own = (
        (place < len(key)) & (days.owner[found] == customers) if len(key) else np.zeros(len(customers), bool)
    )
    wait: Array = np.where(is_own, (days.day[found] if len(key) else 0) - cut_day, np.inf)
    return wait
