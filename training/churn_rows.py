"""The rows that churn is learned from: who can be asked about, what was known then, and what came of it.

A row belongs to one customer at one time: its features are what was known then, its label what happened in
the horizon after it. Who denies profiling today has no row at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.capabilities.churn import Reach, reach, reach_features
from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, Table
from app.features.compute import columns_of
from app.features.ragged import count
from app.features.schema import Columns
from app.features.subscription import is_active
from app.features.summary import summarise
from app.features.view import View, bought_between, purchased_between
from training.examples import Examples, stack, take
from training.run import Run
from training.snapshots import cut_times
from training.tables.objectives import ChurnObjective

ROW_LIMIT: Final = 600_000
"""Rows over all cut-offs; beyond it customers are drawn at random, by the seed."""


Compute = Callable[[View], Columns]
"""From what was known to the features of it: :func:`app.features.compute.columns_of`."""
Asked = tuple[Examples, Examples, bool]
"""The labelled rows of a variant, today's customers, and whether the rows have dates (a fact, no switch)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What churn means here, with everything that building rows needs."""

    run: Run
    objective: ChurnObjective
    populations: tuple[str, ...]
    features_of: Compute = columns_of
    learned_days: int | None = None
    """Over which horizon the label looks, where the history is too short for the one that is asked for."""
    capability: str = "churn"
    """Who asks: what a refusal speaks of."""

    @property
    def definition(self) -> str:
        """What counts as lost: inactivity, subscription_end or label."""
        return self.objective.definition

    @property
    def settings(self) -> dict[str, int]:
        """The numbers that serving needs to tell who can be asked about."""
        return {"gone_after_days": self.objective.gone_after_days}

    @property
    def horizon(self) -> int:
        """The horizon in microseconds."""
        return self.horizon_days * MICROSECONDS_PER_DAY

    @property
    def horizon_days(self) -> int:
        """The horizon of the label in days."""
        return self.objective.horizon_days if self.learned_days is None else self.learned_days

    @property
    def consent_defaults(self) -> Mapping[str, str]:
        """What holds for a purpose without a consent row."""
        return self.run.business.consent_defaults

    def variants(self) -> tuple[str, ...]:
        """Return the forms of input that a model is trained for: a summary stands for orders."""
        return ("full", "summary") if self.definition == "inactivity" else ("full",)


def examples_for(question: Question, variant: str) -> Asked:
    """Return the labelled rows of one variant, today's customers, and whether the rows have dates."""
    return examples_of(question, (variant,))[variant]


def examples_of(question: Question, variants: tuple[str, ...]) -> dict[str, Asked]:
    """Return for each variant its labelled rows, today's customers, and whether the rows have dates.

    Raises
    ------
    TableError
        There is no row to learn from, or all have the same label.
    """
    run, history = question.run, question.run.history
    now = rows_at(question, variants, np.full(history.size, run.as_of))
    if question.definition == "label":
        is_dated = bool((run.tables.labels.of("churn").as_of != NAT).all())
        labelled = {variant: _labelled(question, variant) for variant in variants}
    else:
        is_dated = True
        labelled = _at_cuts(question, variants)
    for examples in labelled.values():
        _refuse_one_class(examples, question.capability)
    return {variant: (labelled[variant], now[variant], is_dated) for variant in variants}


def _at_cuts(question: Question, variants: tuple[str, ...]) -> dict[str, Examples]:
    """Return the rows of everybody who can be asked about at each cut-off, and what became of them."""
    run, size = question.run, question.run.history.size
    # Of the time after the last row nobody knows whether it was silent or is not there yet.
    latest = run.as_of if run.tables.latest == NAT else min(run.as_of, run.tables.latest)
    cuts = cut_times(_earliest(question), latest, question.horizon_days)
    if not cuts:
        raise TableError(
            f"the history is too short: it takes one complete horizon of {question.objective.horizon_days} "
            "days, and at least 30 days before it",
            remedy=f"shorten objectives.{question.capability}.horizon_days or bring a longer history",
        )
    chosen = _drawn(question, size, len(cuts))
    parts: dict[str, list[Examples]] = {variant: [] for variant in variants}
    for number, cut in enumerate(cuts):
        run.progress(f"features at {number + 1} of {len(cuts)} cut-offs")
        at = np.full(size, cut)
        y, spend = churned(question, at), spent(question, at)
        for variant, rows in rows_at(question, variants, at).items():
            keep = np.flatnonzero((rows.population >= 0) & chosen)
            parts[variant].append(take_rows(replace(rows, y=y, spend=spend), keep))
    return {variant: stack(found) for variant, found in parts.items()}


def _earliest(question: Question) -> int:
    """Return the first time in the table that the definition reads."""
    name, column = {
        "inactivity": ("orders", "ordered_at"),
        "subscription_end": ("subscriptions", "started_at"),
    }[question.definition]
    times = question.run.history.tables[name][column]
    return int(times.min()) if len(times) else question.run.as_of


def _drawn(question: Question, customers: int, cuts: int) -> Array:
    """Return who is trained on: everybody, or a random part of the customers where there are very many."""
    chosen = np.ones(customers, dtype=bool)
    if customers * cuts > ROW_LIMIT:
        rng = np.random.default_rng(question.run.seed)
        chosen = rng.random(customers) < ROW_LIMIT / (customers * cuts)
    return chosen


def take_rows(part: Examples, rows: Array) -> Examples:
    """Return some of the rows."""
    return Examples(
        take(part.columns, rows),
        part.y[rows],
        part.population[rows],
        part.cut[rows],
        part.customer[rows],
        part.spend[rows] if len(part.spend) else part.spend,
    )


def rows_at(question: Question, variants: tuple[str, ...], at: Array) -> dict[str, Examples]:
    """Return every customer's row at a time, without label; population -1 where nobody can be asked."""
    run, history = question.run, question.run.history
    size = history.size
    # Who denies profiling today is not learned from, whatever held at the cut-off.
    today = np.full(size, run.as_of)
    allowed = granted(history, "profiling", at, question.consent_defaults)
    allowed &= granted(history, "profiling", today, question.consent_defaults)
    view = View(history, at, question.consent_defaults)
    answer = {}
    for variant in variants:
        columns = question.features_of(seen_by(variant, view))
        names = reach_features(question.definition, is_summary=variant == "summary")
        inputs = {name: columns[name] for name in names}
        who: Reach = reach(question.definition, question.settings, question.populations, inputs)
        population = who.population if len(who.population) else np.zeros(size, dtype=np.int64)
        answer[variant] = Examples(
            columns,
            np.full(size, np.nan),
            np.where(allowed, population, -1),
            at.astype(np.int64),
            np.arange(size),
        )
    return answer


def seen_by(variant: str, view: View) -> View:
    """Return what a variant is told of a view: all of it, or its summary in place of every table."""
    if variant == "full":
        return view
    tables: dict[str, Table] = {
        name: table for name, table in view.history.tables.items() if name == "consents"
    }
    return View(
        replace(view.history, tables=tables, summary=summarise(view)), view.as_of, view.consent_defaults
    )


def churned(question: Question, at: Array) -> Array:
    """Return the label of every customer at a cut-off, 0 or 1."""
    history, until = question.run.history, at + question.horizon
    if question.definition == "inactivity":
        return 1.0 - purchased_between(history, at, until).astype(np.float64)
    rows = View(history, until, question.consent_defaults).rows("subscriptions")
    assert rows is not None  # noqa: S101  the table was asked for before
    # A renewal that began after the cut keeps the customer: what counts is whether any subscription runs.
    running = count(rows.owner[is_active(rows)], history.size)
    return np.where(running == 0, 1.0, 0.0)


def spent(question: Question, at: Array) -> Array:
    """Return what every customer spent within the horizon after a cut-off; nothing by another definition."""
    if question.definition != "inactivity":
        return np.empty(0)
    _, value = bought_between(question.run.history, at, at + question.horizon)
    return value


def _labelled(question: Question, variant: str) -> Examples:
    """Return the rows of the labels table, each at its own date or at the latest time.

    Where the world is asked for as of an earlier time, a label counts only if its horizon had ended by then.
    """
    run, history = question.run, question.run.history
    labels = run.tables.labels.of("churn")
    place, y = labels.customers, np.full(history.size, np.nan)
    if len(np.unique(place)) < len(place):
        raise TableError(
            "a customer has more than one churn label",
            table="labels",
            column="customer_id",
            remedy="keep one label for each customer",
        )
    at = np.where(labels.as_of == NAT, run.as_of, labels.as_of)
    is_complete = np.ones(len(place), dtype=bool)
    if run.tables.as_of is not None:
        is_complete = (labels.as_of == NAT) | (at + question.horizon <= run.as_of)
    place, at = place[is_complete], at[is_complete]
    when = np.full(history.size, run.as_of)
    when[place] = at
    y[place] = labels.label[is_complete]
    rows = rows_at(question, (variant,), when)[variant]
    return take_rows(replace(rows, y=y), np.sort(place[rows.population[place] >= 0]))


def _refuse_one_class(examples: Examples, capability: str) -> None:
    if not examples.size:
        raise TableError(
            f"nobody can be asked about {capability} at any cut-off",
            remedy="bring customers who had bought (or subscribed, or have a label) a horizon before the "
            "data end, were not gone by then, and allow profiling",
        )
    if examples.y.min() == examples.y.max():
        raise TableError(
            f"the {capability} label has one class only, so nothing can be learned from it",
            remedy="check the definition, the horizon, and whether the data hold both customers who left and "
            "customers who stayed",
        )
