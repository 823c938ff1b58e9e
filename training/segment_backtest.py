"""How well segments tell, out of time, who buys next.

At an earlier cut-off the cut points are fitted and the buying rate of every name is learned, once its horizon
is over; at a later cut-off customers are named by the same cut points and given the rate of their name. What
happened then judges it, against the rate of everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binomtest

from app.artifacts.manifest import Interval
from app.capabilities.segment import INPUTS, SUMMARY_INPUTS, read_rules
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.scores import NAMES
from app.features.schema import Columns
from app.features.view import purchased_between
from training.evaluation import Verdict, judge, metrics_with_intervals
from training.run import Run
from training.segmenting import Bought, Wanted, fit_rules
from training.snapshots import ORIGINS, STEPS_PER_HORIZON

PRIOR_ROWS: Final = 10.0
"""The rate of a name counts as if so many more customers had bought at the rate of everybody."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The customers with a purchase at one time who may be profiled: who they are, and their columns."""

    customer: Array
    columns: Columns

    def bought(self, names: tuple[str, ...]) -> Bought:
        """Return the columns of the rules; ``names`` are ``INPUTS`` or ``SUMMARY_INPUTS``."""
        silence, orders, revenue, first, gap = (self.columns[name] for name in names)
        return Bought(silence, orders, revenue, first, gap)


@dataclass(frozen=True, slots=True)
class Backtest:
    """Held-out rows, pooled over the origins: what was said of each and what came, and the verdict on it."""

    origins: tuple[int, ...]
    learned: int
    learned_positives: int
    customer: Array
    name: Array
    p: Array
    base: Array
    y: Array
    verdict: Verdict
    metrics: Mapping[str, Interval]

    def rate(self, name: str) -> tuple[int, Interval | None]:
        """Return how many held-out rows had a name, and the share of them that bought, with its interval."""
        own = self.y[self.name == name]
        if not len(own):
            return 0, None
        found = binomtest(int(own.sum()), len(own)).proportion_ci(method="wilson")
        return len(own), Interval(value=float(own.mean()), low=float(found.low), high=float(found.high))


def inputs_of(variant: str) -> tuple[str, ...]:
    """Return the inputs of the rules of a variant."""
    return SUMMARY_INPUTS if variant == "summary" else INPUTS


def names_at(settings: Mapping[str, object], seen: Seen, variant: str) -> Array:
    """Return the name of each customer, object of shape (N,)."""
    names = inputs_of(variant)
    rules = read_rules(settings, {name: j for j, name in enumerate(names)})
    answer: Array = rules.answer(np.column_stack([seen.columns[name] for name in names]))["name"]
    return answer


def backtest(
    run: Run,
    variant: str,
    wanted: Wanted,
    horizon_days: int,
    cuts: tuple[int, ...],
    seen_at: Callable[[int], Seen],
) -> Backtest:
    """Judge the segments of one variant at up to three origins.

    Parameters
    ----------
    horizon_days : int
        Who buys within so many days counts.
    cuts : tuple of int
        Cut-offs with a complete horizon, newest first, a third of a horizon apart; too few of them leave
        nothing to judge by, and the grade is C.
    seen_at : callable
        From a cut-off to the customers of this variant then.
    """
    room = len(cuts) - STEPS_PER_HORIZON
    apart = STEPS_PER_HORIZON if room > (ORIGINS - 1) * STEPS_PER_HORIZON else 1
    origins = [k for k in range(0, ORIGINS * apart, apart) if k < room]
    parts: list[tuple[Array, ...]] = []
    learned = positives = 0
    for k in origins:
        before, after = seen_at(cuts[k + STEPS_PER_HORIZON]), seen_at(cuts[k])
        if not len(before.customer) or not len(after.customer):
            continue
        y = _bought_after(run, before, cuts[k + STEPS_PER_HORIZON], horizon_days)
        settings = fit_rules(before.bought(inputs_of(variant)), wanted)
        base = (y.sum() + 0.5) / (len(y) + 1.0)
        rates = _rates(names_at(settings, before, variant), y, base)
        name = names_at(settings, after, variant)
        p = np.array([rates[one] for one in name.tolist()])
        came = _bought_after(run, after, cuts[k], horizon_days)
        parts.append((after.customer, name, p, np.full(len(p), base), came))
        learned, positives = learned + len(y), positives + int(y.sum())
    nothing = tuple(np.empty(0, dtype=kind) for kind in (np.int64, object, float, float, float))
    customer, name, p, base_rate, y = (
        (np.concatenate(columns) for columns in zip(*parts, strict=True)) if parts else nothing
    )
    return Backtest(
        tuple(cuts[k] for k in origins) if parts else (),
        learned,
        positives,
        customer,
        name,
        p,
        base_rate,
        y,
        judge(y, p, base_rate, customer, "base_rate", run.seed),
        metrics_with_intervals(y, p, customer, run.seed),
    )


def _rates(name: Array, y: Array, base: float) -> dict[str, float]:
    """Return the buying rate of every name, drawn towards that of everybody."""
    rates = {}
    for one in NAMES:
        own = y[name == one]
        rates[one] = (float(own.sum()) + PRIOR_ROWS * base) / (len(own) + PRIOR_ROWS)
    return rates


def _bought_after(run: Run, seen: Seen, cut: int, horizon_days: int) -> Array:
    """Return who bought within the horizon after a cut-off, 0 or 1."""
    after = np.full(run.history.size, cut)
    until = after + horizon_days * MICROSECONDS_PER_DAY
    answer: Array = purchased_between(run.history, after, until)[seen.customer].astype(np.float64)
    return answer
