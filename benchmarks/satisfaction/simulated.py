"""Satisfaction of the simulated business: judged on later answers, and held beside what is really true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import spearmanr

from app.domain.consent import granted
from app.domain.history import Array
from app.estimators.base import sigmoid
from benchmarks.satisfaction.truth import TRUE_SIGNS
from training.capabilities.satisfaction import Learning, with_texts
from training.evaluation import METRICS
from training.run import Run
from training.satisfaction.quality import coverage_of, held_out, ordinal_quality, segment_mean
from training.satisfaction.report import Learned
from training.satisfaction.rows import given_scores
from training.tables import Business, read_tables
from training.tables.objectives import SatisfactionObjective
from training.train import SEED, known_at
from training.variants import published_rung

DEFINITIONS: Final = ("review", "csat", "nps")
_VARIANT: Final = "full"


@dataclass(frozen=True, slots=True)
class Found:
    """One definition's figures: metrics of P(dissatisfied), against rule and segment mean, range, truth.

    ``signs`` holds, for each true driver, the rank correlation of the input with the held-out answers times
    the true sign, in standard errors. ``truth`` is the rank correlation of today's answers with the hidden
    satisfaction of those who are still there.
    """

    definition: str
    rows: int
    metrics: Mapping[str, float]
    rule: Mapping[str, float]
    segment: Mapping[str, Any]
    ordinal: Mapping[str, Any]
    coverage: Mapping[str, Any]
    signs: Mapping[str, float]
    truth: float
    tier: str


def satisfaction_of(business: Business, definition: str) -> Found:
    """Train one definition on a sample business, and hold it beside the truth that stands next to it."""
    objective = SatisfactionObjective.model_validate({"definition": definition})
    with read_tables(business) as tables:
        tables.refuse_errors()
        run = Run(business, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)
        given = given_scores(run, objective)
        history, _ = with_texts(run)
        learned = Learning(run, objective, given, history, None).fitted((_VARIANT,))[_VARIANT]
        hidden = _hidden(Path(business.path).parent)
        felt = np.array([hidden.get(name, np.nan) for name in run.history.customer_ids])
        today = np.full(run.history.size, run.as_of)
        felt = felt[granted(run.history, "profiling", today, business.consent_defaults)]
    fitted = learned.fitted
    held = held_out(fitted, given, objective.interval_level)
    verdict = segment_mean(fitted, learned.examples.columns, _VARIANT, SEED)
    if held is None or verdict is None:
        raise ValueError("the sample is too small to judge by")
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    rule = fitted.tested.p["rules"]
    return Found(
        definition,
        len(y),
        {name: metric(y, p) for name, metric in METRICS.items()},
        {name: metric(y, rule) for name, metric in METRICS.items()},
        {
            "grade": verdict.grade,
            "reduction": verdict.reduction.model_dump(),
            **verdict.baseline.model_dump(),
        },
        ordinal_quality(held, SEED),
        coverage_of(held, objective.interval_level, SEED),
        _signs(learned, p),
        _rank(felt, -_today(learned)),
        fitted.chosen[0].tier,
    )


def _hidden(folder: Path) -> dict[str, float]:
    """Return the hidden satisfaction at the end of those who are still there, by id."""
    table = pq.read_table(
        folder / "truth" / "customers.parquet", columns=["customer_id", "satisfaction_at_end"]
    )
    pairs = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
    return {name: felt for name, felt in pairs if felt is not None}


def _signs(learned: Learned, p: Array) -> dict[str, float]:
    """Return how clearly each true driver shows in the held-out answers with its true sign."""
    fitted = learned.fitted
    found = {}
    for name, sign in TRUE_SIGNS.items():
        place = fitted.data.features.positions.get(name)
        if place is not None:
            x = fitted.data.X[fitted.tested.rows, place]
            found[name] = sign * _rank(x, p) * float(np.sqrt(max((~np.isnan(x)).sum() - 1, 1)))
    return found


def _today(learned: Learned) -> Array:
    """Return P(dissatisfied) of everybody who may be asked about today."""
    rung = published_rung(learned.fitted, 0)
    return sigmoid(rung.margin(learned.X, np.zeros(len(learned.X), dtype=np.int64)))


def _rank(a: Array, b: Array) -> float:
    known = ~np.isnan(a) & ~np.isnan(b)
    return float(spearmanr(a[known], b[known]).statistic)
