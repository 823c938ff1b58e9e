"""How good each contender is: ranking, level and calibration; ranges and windows beside simple ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from benchmarks.value.contenders import OURS, Told
from benchmarks.value.questions import Asked, Known
from training.evaluation import auc, ece, log_loss
from training.value_metrics import decile_error, interval_scores, level, normalised_gini

SAMPLES: Final = 200
LEVEL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Line:
    """One contender's figures; None where it has no such answer."""

    name: str
    gini: float | None
    gini_interval: tuple[float, float] | None
    spend_level: float | None
    order_level: float | None
    decile_error: float | None
    auc: float | None
    log_loss: float | None
    ece: float | None
    cpu_seconds: float
    note: str


@dataclass(frozen=True, slots=True)
class Ranges:
    """80 % ranges of spend: who ended above and below, and the mean interval score beside a bootstrap's.

    The bootstrap takes the range from what customers of the same segment spent in the last horizon.
    """

    above: float
    below: float
    score: float
    bootstrap_score: float


@dataclass(frozen=True, slots=True)
class Windows:
    """The window of the next order of repeat buyers who came back: coverage, and errors in days."""

    buyers: int
    coverage: float
    error: float
    best_constant: float
    own_gap: float


def line(name: str, told: Told, known: Known, seed: int = 0) -> Line:
    """Return the figures of one contender."""
    y = (known.orders > 0).astype(np.float64)
    gini = None if told.spend is None else normalised_gini(known.spend, told.spend)
    interval = None
    if told.spend is not None and name == OURS:
        rng = np.random.default_rng(seed)
        draws = []
        for _ in range(SAMPLES):
            rows = rng.integers(0, len(y), len(y))
            draws.append(normalised_gini(known.spend[rows], told.spend[rows]))
        interval = (float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975)))
    p = told.any_order
    return Line(
        name,
        gini,
        interval,
        None if told.spend is None else level(known.spend, told.spend),
        None if told.orders is None else level(known.orders, told.orders),
        None if told.spend is None else decile_error(known.spend, told.spend),
        None if p is None else auc(y, p),
        None if p is None else log_loss(y, p),
        None if p is None else ece(y, p),
        told.cpu_seconds,
        told.note,
    )


def ranges(asked: Asked) -> Ranges:
    """Return how the ranges of spend did."""
    low, high = (
        np.array([answer["clv"][name] for answer in asked.answers])
        for name in ("predicted_low", "predicted_high")
    )
    spend = asked.known.spend
    plain_low, plain_high = _segment_bootstrap(asked.known)
    return Ranges(
        float((spend > high).mean()),
        float((spend < low).mean()),
        float(interval_scores(spend, low, high, LEVEL).mean()),
        float(interval_scores(spend, plain_low, plain_high, LEVEL).mean()),
    )


def _segment_bootstrap(known: Known) -> tuple[Array, Array]:
    """Return the 80 % range of what each customer's segment spent in the last horizon.

    Segments are quintiles of the days since the last order, by order days: one, two or three, more. A
    bootstrap of the segment's spend has in the limit the quantiles of that spend.
    """
    past = known.statistics
    gap = past.T - past.recency
    fifth = np.searchsorted(np.quantile(gap, [0.2, 0.4, 0.6, 0.8]), gap)
    segment = fifth * 3 + np.digitize(past.frequency, [1, 3])
    _, spend = known.last_horizon
    low, high = np.zeros(len(gap)), np.zeros(len(gap))
    for one in np.unique(segment):
        own = segment == one
        low[own], high[own] = np.quantile(spend[own], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return low, high


def windows(asked: Asked, days_of: Any) -> Windows:
    """Return how the windows of the next order did; ``days_of`` turns an answer's time into days ahead."""
    known = asked.known
    blocks = [answer["purchase"] for answer in asked.answers]
    has = np.array([block["expected_at"] is not None for block in blocks]) & np.isfinite(known.wait)
    rows = np.flatnonzero(has)
    early, middle, late = (
        np.array([days_of(blocks[k][name]) for k in rows], dtype=np.float64)
        for name in ("earliest_at", "expected_at", "latest_at")
    )
    wait, past = known.wait[rows], known.statistics
    gap = (past.recency / np.maximum(past.frequency, 1.0))[rows]
    silent = (past.T - past.recency)[rows]
    return Windows(
        len(rows),
        float(((wait >= early) & (wait <= late)).mean()),
        float(np.abs(wait - middle).mean()),
        float(np.abs(wait - np.median(wait)).mean()),
        float(np.abs(wait - np.clip(gap - silent, 1.0, None)).mean()),
    )


def document(*parts: Any) -> list[dict[str, Any]]:
    """Return figures as plain documents."""
    return [asdict(part) for part in parts]
