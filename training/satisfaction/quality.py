"""How good a score on a scale is on held-out rows: its distribution, its range, and the mean of a segment.

Rules: what is said of the rows of one origin uses a scale that was fitted to the rows of the other origins,
so that no range is judged on the rows that set it. Where there is one origin only, the scale is that of its
own rows, and the card says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Interval
from app.domain.history import Array
from app.estimators.base import logit
from app.estimators.ordinal import Scale
from app.features.schema import Columns
from training.evaluation import Verdict, interval_of, judge, resamples
from training.examples import take
from training.satisfaction.ordinal import fit_scale, ranked_probability
from training.satisfaction.rows import Given
from training.segment_backtest import PRIOR_ROWS, Seen, inputs_of, names_at
from training.segmenting import Wanted, fit_rules
from training.variants import Fitted

NO_ORDERS: Final = "no_orders"
"""The segment of those who have not bought."""
CENTRAL: Final = 0.99
BEYOND: Final = 0.2
"""The share of customers from which on it is told that an input lies outside of what the answers show."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was said of N held-out rows and what came; every number about a row is of the other origins.

    ``level`` (N,) is the position of the score that was given. ``ranked`` and ``expected`` are the ranked
    probability score and the expected score, by who told; ``told`` (N, K) is the probability of every score;
    ``low`` and ``high`` are the range; ``usual`` is the most frequent score, ``mean`` the mean score.
    """

    scores: Array
    customer: Array
    origin: Array
    level: Array
    ranked: Mapping[str, Array]
    expected: Mapping[str, Array]
    told: Array
    low: Array
    high: Array
    usual: Array
    mean: Array
    is_own: bool
    """Whether there was one origin only, so that the scale is that of the rows themselves."""

    @property
    def score(self) -> Array:
        """The score that was given, shape (N,)."""
        answer: Array = self.scores[self.level]
        return answer

    @property
    def covered(self) -> Array:
        """Whether each score lay in its range, shape (N,)."""
        answer: Array = (self.low <= self.score) & (self.score <= self.high)
        return answer


def held_out(fitted: Fitted, given: Given, interval_level: float) -> Held | None:
    """Return what was said of the held-out rows of a variant; None where nothing was held out.

    ``ranked`` and ``expected`` hold the published answers ("model"), the rule's ("rule") and, for ``ranked``,
    the shares of the scores at the other origins ("shares").
    """
    rows, origin = fitted.tested.rows, fitted.tested.origin
    if not len(rows):
        return None
    level, size, count = given.level[rows], len(rows), len(given.scores)
    margins = {"model": logit(fitted.tested_answer()), "rule": logit(fitted.tested.p["rules"])}
    ranked = {name: np.empty(size) for name in (*margins, "shares")}
    expected = {name: np.empty(size) for name in margins}
    low, high, usual, mean = (np.empty(size) for _ in range(4))
    told = np.empty((size, count))
    origins = np.unique(origin)
    for number in origins:
        own = np.flatnonzero(origin == number)
        others = np.flatnonzero(origin != number) if len(origins) > 1 else own
        for name, margin in margins.items():
            scale = fit_scale(given.scores, given.cut, margin[others], level[others], interval_level)
            ranked[name][own] = ranked_probability(scale, margin[own], level[own])
            expected[name][own] = scale.expected(margin[own])
            if name == "model":
                low[own], high[own] = scale.range(margin[own])
                told[own] = probabilities(scale, margin[own])
        shares = np.bincount(level[others], minlength=count) / len(others)
        came = level[own, None] <= np.arange(count - 1)
        ranked["shares"][own] = ((np.cumsum(shares)[:-1] - came) ** 2).mean(axis=1)
        usual[own], mean[own] = given.scores[np.argmax(shares)], given.scores[level[others]].mean()
    return Held(
        given.scores,
        fitted.data.customer[rows],
        origin,
        level,
        ranked,
        expected,
        told,
        low,
        high,
        usual,
        mean,
        len(origins) == 1,
    )


def probabilities(scale: Scale, margin: Array) -> Array:
    """Return the probability of every score, shape (N, K); rows add up to 1."""
    edge = np.zeros((len(margin), 1))
    answer: Array = np.diff(np.hstack([edge, scale.below(margin), edge + 1.0]), axis=1)
    return answer


def ordinal_quality(held: Held, seed: int) -> dict[str, Any]:
    """Return how good distribution and expected score are, beside the rule and beside one answer for all."""
    errors = {name: np.abs(told - held.score) for name, told in held.expected.items()}
    squares = {name: (told - held.score) ** 2 for name, told in held.expected.items()}
    errors["most_frequent_score"] = np.abs(held.usual - held.score)
    squares["mean_score"] = (held.mean - held.score) ** 2
    return {
        "rows": len(held.level),
        "ranked_probability_score": _compared(held.ranked, held.customer, seed),
        "mean_absolute_error": _compared(errors, held.customer, seed),
        "mean_squared_error": _compared(squares, held.customer, seed),
    }


def _compared(found: Mapping[str, Array], customer: Array, seed: int) -> dict[str, Any]:
    """Return the mean of each, and by how much the model's is below the others', with intervals."""
    means = {name: float(values.mean()) for name, values in found.items()}
    draws: dict[str, list[float]] = {name: [] for name in means if name != "model"}
    for times in resamples(customer, seed):
        model = times @ found["model"]
        for name, drawn in draws.items():
            total = times @ found[name]
            drawn.append(1 - model / total if total > 0 else float("nan"))
    reduction = {}
    for name, drawn in draws.items():
        value = 1 - means["model"] / means[name] if means[name] > 0 else float("nan")
        reduction[name] = _dumped(interval_of(value, np.array(drawn)))
    return {**means, "reduction": reduction}


def _dumped(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else interval.model_dump()


def coverage_of(held: Held, interval_level: float, seed: int) -> dict[str, Any]:
    """Return how often the score lay in its range, over all and per origin, and how wide ranges are."""
    covered, width = held.covered.astype(np.float64), held.high - held.low
    draws = np.array([times @ covered / times.sum() for times in resamples(held.customer, seed)])
    origins = []
    for number in np.unique(held.origin).tolist():
        own = held.origin == number
        origins.append(
            {
                "origin": int(number),
                "rows": int(own.sum()),
                "covered": float(covered[own].mean()),
                "mean_width": float(width[own].mean()),
            }
        )
    return {
        "level": interval_level,
        "rows": len(covered),
        "covered": _dumped(interval_of(float(covered.mean()), draws)),
        "mean_width": float(width.mean()),
        "below": float((held.score < held.low).mean()),
        "above": float((held.score > held.high).mean()),
        "origins": origins,
        "fitted_on": "the same rows" if held.is_own else "the other origins",
    }


def distribution_of(held: Held) -> list[dict[str, float]]:
    """Return the share of every score, as predicted and as observed on held-out rows."""
    observed = np.bincount(held.level, minlength=len(held.scores)) / len(held.level)
    predicted = held.told.mean(axis=0)
    return [
        {"score": float(score), "predicted": float(predicted[k]), "observed": float(observed[k])}
        for k, score in enumerate(held.scores.tolist())
    ]


def segment_mean(fitted: Fitted, columns: Columns, variant: str, seed: int) -> Verdict | None:
    """Judge the published answers against the rate of dissatisfied in the customer's named segment.

    Parameters
    ----------
    columns : mapping of ndarray, shape (R,)
        All columns of the rows that the variant is fitted and judged by.

    Returns
    -------
    Verdict or None
        Segments, their cut points and their rates are learned at each origin from the same rows as the model,
        rates drawn towards that of everybody. None without the inputs of segments, or without held-out rows.
    """
    rows = fitted.tested.rows
    if not set(inputs_of(variant)) <= set(columns) or not len(rows):
        return None
    p = np.empty(len(rows))
    for number, split in enumerate(fitted.splits.backtests):
        own = fitted.tested.origin == number
        names, tested = _named(columns, variant, split.train, rows[own])
        if names is None or tested is None:
            return None
        y = fitted.data.y[split.train]
        base = (y.sum() + 0.5) / (len(y) + 1.0)
        rates = {
            name: (float(y[names == name].sum()) + PRIOR_ROWS * base)
            / (int((names == name).sum()) + PRIOR_ROWS)
            for name in np.unique(names.astype(str)).tolist()
        }
        p[own] = [rates.get(name, base) for name in tested.tolist()]
    y, customer = fitted.data.y[rows], fitted.data.customer[rows]
    return judge(y, fitted.tested_answer(), p, customer, "segment_mean", seed)


def _named(columns: Columns, variant: str, train: Array, tested: Array) -> tuple[Array | None, Array | None]:
    """Return the segments of rows to learn from and of tested rows; None where nobody had bought."""
    silence, orders = (columns[name] for name in inputs_of(variant)[:2])
    has_bought = (orders > 0) & (silence >= 0)
    if not has_bought[train].any():
        return None, None
    settings = fit_rules(_seen(columns, train[has_bought[train]]).bought(inputs_of(variant)), Wanted())
    found = []
    for rows in (train, tested):
        names = np.full(len(rows), NO_ORDERS, dtype=object)
        buyers = has_bought[rows]
        if buyers.any():
            names[buyers] = names_at(settings, _seen(columns, rows[buyers]), variant)
        found.append(names)
    return found[0], found[1]


def _seen(columns: Columns, rows: Array) -> Seen:
    return Seen(rows, take(columns, rows))


def beyond(fitted: Fitted, X: Array) -> list[tuple[str, float]]:
    """Return for each number among the inputs the share of customers outside what the answers show of it.

    Parameters
    ----------
    X : ndarray, shape (N, F)
        Inputs of the customers who can be asked about.

    Returns
    -------
    list of (str, float)
        The share of customers outside the central 99 % of the rows learned from, largest first, of the inputs
        where it is a fifth or more. Of them the model says what it says at the edge of what it has seen.
    """
    learned, found = fitted.data.X[fitted.splits.final], []
    for j, feature in enumerate(fitted.data.features.features):
        if feature.kind != "number":
            continue
        seen, now = (column[~np.isnan(column)] for column in (learned[:, j], X[:, j]))
        if len(seen) and len(now):
            low, high = np.quantile(seen, [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2])
            found.append((feature.name, float(((now < low) | (now > high)).mean() * len(now) / len(X))))
    return sorted((one for one in found if one[1] >= BEYOND), key=lambda one: -one[1])
