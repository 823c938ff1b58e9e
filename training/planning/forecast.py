"""Expected orders and revenue by month and segment, of the customers whom a business has.

Rules:

1. The expectation is that of the release: over the trained horizon the revenue of every customer adds up to
   what clv answers, undiscounted and before the margin; the forecast of orders only says when it comes.
2. A range holds what may happen in a cell: orders and their values are drawn for a sample of customers from
   the posterior, and deviations from the mean are scaled to all of them. So sampling leaves the middle as it
   is and blurs the width alone; by how much is told.
3. The range is widened by what no draw of customers knows: the level of the year ahead, common to all months,
   the season of each month, the value of an order, and how far scores and forecast disagree. See
   :class:`Doubt`.
4. An end of a range is never on the wrong side of the expectation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from app.estimators.forecast import Forecast, Statistics
from training.btyd import draw_orders, draw_spend
from training.forecasting import LEVEL_SURPRISE
from training.season import SPREAD, SURPRISE

LEVEL: Final = 0.8
SAMPLE: Final = 4_000
DRAWS: Final = 500
SEED: Final = 7
_ROWS: Final = 20_000
_DRAWN_ROWS: Final = 200
"""Customers whose months are in memory at a time: without draws, and with them."""
_TINY: Final = 1e-9
_FARTHEST: Final = 3.0
"""Where the release expects so many times the revenue of the forecast, what is drawn of the forecast would be
nothing, most of the time, and too much else: orders are then drawn at the release's own rate."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of N customers, and what is asked about them.

    ``inputs`` (N, 4) are those of the forecast, ``revenue`` (N,) is what the release expects of each within
    ``horizon_days``, ``group`` (N,) the segment from 0 to ``groups`` - 1. ``elapsed_days`` run from training
    to now, ``edges`` (M + 1,) from now to the ends of the months, 0 first.
    """

    forecast: Forecast
    inputs: Array
    revenue: Array
    group: Array
    groups: int
    horizon_days: int
    elapsed_days: float
    edges: Array


@dataclass(frozen=True, slots=True)
class Doubt:
    """Standard deviations of the logarithms of four factors with mean 1 that widen a range.

    ``level`` is common to the orders of all months, ``month`` is each month's own; ``value`` and ``scores``
    are common to the revenue of all months. ``basis`` says what the season rests on.
    """

    level: float
    month: float
    value: float
    scores: float
    basis: str


@dataclass(frozen=True, slots=True)
class Noise:
    """How outcomes of a quantity deviate from what is expected, drawn: shape (G, M, D).

    ``customers`` were drawn; ``width_error`` is the relative standard error that this leaves in the standard
    deviation of the total.
    """

    orders: Array
    revenue: Array
    customers: int
    width_error: float


def doubt_of(season: dict[str, Any] | None, scaled_by: float = 1.0) -> Doubt:
    """Return how far level, season and value of the year ahead are open.

    Of the prior spread of a season's ratio, what the seen ratio is not believed to is left to the level. A
    month's own season differs by what a year changes or, where none was seen, by the whole prior spread. The
    revenue that the release answers and that of its forecast are two opinions on one number; their standard
    deviation is their distance over the root of two.

    Parameters
    ----------
    season : dict, optional
        ``basis`` and ``weight`` as the card of clv tells them.
    scaled_by : float
        What the release answers over what its forecast says by itself.
    """
    basis, weight = ("none", 0.0) if season is None else (str(season["basis"]), float(season["weight"]))
    month = SURPRISE if basis == "year_ago" else SPREAD
    level = SPREAD * float(np.sqrt(1.0 - min(weight, 1.0)))
    apart = abs(float(np.log(scaled_by))) / float(np.sqrt(2.0))
    return Doubt(level, month, LEVEL_SURPRISE, apart, basis)


def own_revenue(asked: Asked) -> float:
    """Return the revenue within the trained horizon by the forecast alone, before it is scaled."""
    forecast, total = asked.forecast, 0.0
    start = np.array(asked.elapsed_days)
    days = float(forecast.between(start, start + float(asked.horizon_days)))
    for first in range(0, len(asked.group), _ROWS):
        known = forecast.statistics_of(asked.inputs[first : first + _ROWS])
        orders = forecast.orders(known, np.full(len(known.T), days))
        total += float(orders @ forecast.order_value(known))
    return total


def monthly(asked: Asked, rows: Array | slice) -> tuple[Array, Array]:
    """Return the orders and the revenue expected of some customers in each month, both of shape (n, M)."""
    forecast, known = asked.forecast, asked.forecast.statistics_of(asked.inputs[rows])
    start = np.array(asked.elapsed_days)
    passed = forecast.between(start, start + np.append(asked.edges[1:], float(asked.horizon_days)))
    reached = forecast.orders(known, np.broadcast_to(passed, (len(known.T), len(passed))))
    orders = np.maximum(np.diff(reached[:, :-1], axis=1, prepend=0.0), 0.0)
    whole = reached[:, -1:]
    # Of whom hardly an order is expected, the little revenue comes evenly: its share would be noise.
    even = np.diff(passed[:-1], prepend=0.0) / passed[-1]
    shares = np.where(whole > _TINY, orders / np.maximum(whole, _TINY), even)
    return orders, shares * asked.revenue[rows, None]


def expected(asked: Asked) -> tuple[Array, Array]:
    """Return the orders and the revenue expected of each segment in each month, both of shape (G, M)."""
    shape = (asked.groups, len(asked.edges) - 1)
    orders, revenue = np.zeros(shape), np.zeros(shape)
    for start in range(0, len(asked.group), _ROWS):
        rows = slice(start, start + _ROWS)
        for total, each in zip((orders, revenue), monthly(asked, rows), strict=True):
            np.add.at(total, asked.group[rows], each)
    return orders, revenue


def sampled(weight: Array, group: Array, groups: int, limit: int) -> tuple[Array, Array]:
    """Return whom to draw for, and for how many customers each of them stands, both of shape (n,).

    Everybody where they are few enough. Else each segment has an equal share of the places; half of them go
    to its largest ``weight`` for certain, half to every n-th of the others in order of weight.
    """
    if len(group) <= limit:
        return np.arange(len(group)), np.ones(len(group))
    quota = max(limit // max(groups, 1), 2)
    rows, stands = [], []
    for g in range(groups):
        own = np.flatnonzero(group == g)
        own = own[np.argsort(-weight[own], kind="stable")]
        certain = own if len(own) <= quota else own[: quota // 2]
        rest = own[len(certain) :]
        places = min(quota - quota // 2, len(rest))
        chosen = rest[((np.arange(places) + 0.5) * len(rest) / max(places, 1)).astype(np.int64)]
        rows += [certain, chosen]
        stands += [np.ones(len(certain)), np.full(places, len(rest) / max(places, 1))]
    return np.concatenate(rows), np.concatenate(stands)


def noise_of(asked: Asked, *, limit: int = SAMPLE, draws: int = DRAWS, seed: int = SEED) -> Noise:
    """Draw how outcomes deviate from what is expected.

    Parameters
    ----------
    limit, draws : int
        Customers at most, and draws of each.
    """
    rng = np.random.default_rng(seed)
    rows, stands = sampled(asked.revenue, asked.group, asked.groups, limit)
    size = len(asked.edges) - 1
    orders, revenue = (np.zeros((asked.groups, size, draws)) for _ in range(2))
    variances = np.zeros(len(rows))
    for start in range(0, len(rows), _DRAWN_ROWS):
        part = slice(start, start + _DRAWN_ROWS)
        deviations = _deviations(asked, rows[part], draws, rng)
        variances[part] = deviations[1].sum(axis=1).var(axis=1)
        for total, each in zip((orders, revenue), deviations, strict=True):
            np.add.at(total, asked.group[rows[part]], each * np.sqrt(stands[part])[:, None, None])
    return Noise(orders, revenue, len(rows), _width_error(variances, stands, asked.group[rows]))


def _deviations(asked: Asked, rows: Array, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return drawn less expected orders and revenue of some customers by month, both of shape (n, M, D).

    Orders of the whole time are drawn, then fall into months as expected orders do; what a customer spends
    on them is split between the orders.
    """
    forecast = asked.forecast
    known = forecast.statistics_of(asked.inputs[rows])
    orders, revenue = monthly(asked, rows)
    days = float(forecast.between(np.array(asked.elapsed_days), asked.elapsed_days + asked.edges[-1:])[0])
    past = (known.frequency, known.recency, known.T)
    drawn = draw_orders(forecast.transactions, *past, days, draws, rng)
    shares = orders / np.maximum(orders.sum(axis=1, keepdims=True), _TINY)
    shares[orders.sum(axis=1) <= _TINY] = 1.0 / orders.shape[1]
    split = rng.multinomial(drawn, shares[:, None, :] / shares.sum(axis=1)[:, None, None])
    value = forecast.order_value(known)
    scale = revenue.sum(axis=1) / np.maximum(orders.sum(axis=1) * value, 1e-300)
    is_far = scale > _FARTHEST
    paid = split.copy()
    paid[is_far] = rng.poisson((revenue[is_far] / value[is_far, None])[:, None, :], paid[is_far].shape)
    spent = _spent(forecast, known, paid, rng) * np.where(is_far, 1.0, scale)[:, None, None]
    return (
        split.transpose(0, 2, 1) - orders[:, :, None],
        spent.transpose(0, 2, 1) - revenue[:, :, None],
    )


def _spent(forecast: Forecast, known: Statistics, split: Array, rng: np.random.Generator) -> Array:
    """Return what drawn orders (n, D, M) cost by month, of the same shape; one each without a known value."""
    if forecast.value is None:
        return split.astype(np.float64)
    count = known.frequency + 1.0 if forecast.value_of == "all" else known.frequency
    value = np.maximum(known.value, 1e-3 * forecast.reference[3])
    total = forecast.value_level * draw_spend(forecast.value, count, value, split.sum(axis=2), rng)
    parts = rng.standard_gamma(forecast.value.p * split)
    each: Array = total[:, :, None] * parts / np.maximum(parts.sum(axis=2, keepdims=True), 1e-300)
    return each


def _width_error(variances: Array, stands: Array, group: Array) -> float:
    """Return the relative standard error of the standard deviation of the total, by strata of the sample."""
    whole = float(stands @ variances)
    if whole <= 0:
        return 0.0
    found = 0.0
    for g in np.unique(group[stands > 1]):
        own = (group == g) & (stands > 1)
        n, each = int(own.sum()), float(stands[own][0])
        if n > 1:
            found += n * each**2 * (1.0 - 1.0 / each) * float(variances[own].var(ddof=1))
    return 0.5 * float(np.sqrt(found)) / whole


@dataclass(frozen=True, slots=True)
class Ranges:
    """What is expected of a quantity, with the ends of its range; each of shape (G + 1, M + 1).

    The last row is that of all segments, the last column that of all months.
    """

    expected: Array
    low: Array
    high: Array


def ranges(mean: Array, noise: Array, factor: Array, level: float = LEVEL) -> Ranges:
    """Return what is expected in cells and totals, and their ranges.

    Parameters
    ----------
    mean : ndarray, shape (G, M)
    noise : ndarray, shape (G, M, D)
        Deviations from the mean.
    factor : ndarray, shape (M, D)
        What is common to all segments in a month.
    """
    middle = _with_totals(mean[:, :, None])[:, :, 0]
    # Deviations add up before they are cut at zero: a cell may be empty, its part of a total is not.
    swung = np.maximum(_with_totals((mean[:, :, None] + noise) * factor[None]), 0.0)
    low, high = np.quantile(swung, [(1 - level) / 2, (1 + level) / 2], axis=2)
    return Ranges(middle, np.minimum(low, middle), np.maximum(high, middle))


def factors(doubt: Doubt, months: int, draws: int = DRAWS, seed: int = SEED) -> tuple[Array, Array]:
    """Return what orders and revenue of each month are multiplied by in each draw, both of shape (M, D)."""
    rng = np.random.default_rng((seed, 1))
    level, month = rng.standard_normal((1, draws)), rng.standard_normal((months, draws))
    value, scores = rng.standard_normal((1, draws)), rng.standard_normal((1, draws))
    orders = _lognormal(doubt.level, level) * _lognormal(doubt.month, month)
    return orders, orders * _lognormal(doubt.value, value) * _lognormal(doubt.scores, scores)


def _lognormal(sigma: float, standard: Array) -> Array:
    """Return factors with mean 1."""
    factor: Array = np.exp(sigma * standard - sigma**2 / 2)
    return factor


def _with_totals(cells: Array) -> Array:
    """Return cells (G, M, D) with a row for all segments and a column for all months."""
    rows = np.concatenate([cells, cells.sum(axis=0, keepdims=True)])
    return np.concatenate([rows, rows.sum(axis=1, keepdims=True)], axis=1)
