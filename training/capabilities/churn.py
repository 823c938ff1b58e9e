"""Training churn: who can be asked about, what counts as lost, and what was known when.

By inactivity: no purchase in (cut, cut + horizon], of customers who have bought and are not gone yet; those
with one order day are a population of their own. By subscription: no running subscription at the horizon's
end, of customers who have one. By label: the label that was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text
from app.capabilities.churn import Reach, reach, reach_features
from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History, Table
from app.features.compute import columns_of
from app.features.ragged import count
from app.features.schema import Columns, FeatureSet
from app.features.subscription import is_active
from app.features.summary import summarise
from app.features.view import View, purchased_between
from training import leaks
from training.examples import (
    Declared,
    Examples,
    candidates,
    feature_set,
    optional_columns,
    stack,
    take,
)
from training.ladder import Data
from training.probability import fit_variant, variant_entry
from training.report import Goal, card_of, plots_of
from training.run import Run, Trained
from training.snapshots import Splits, alike, at_random, by_cut, by_date, cut_times
from training.tables.objectives import ChurnObjective

ROW_LIMIT: Final = 600_000
"""Rows over all cut-offs; beyond it customers are drawn at random, by the seed."""

_RULES: Final = {
    "repeat": ("silence_ratio", "days_since_last_order"),
    "first_order": ("days_since_last_order",),
}
"""What the rule of a population by inactivity may be made of; the better one is the named baseline."""


Compute = Callable[[View], Columns]
"""From what was known to the features of it: :func:`app.features.compute.columns_of`."""
_Asked = tuple[Examples, Examples, bool]
"""The labelled rows of a variant, today's customers, and whether the rows have dates (a fact, no switch)."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What churn means here, with everything that building rows needs."""

    run: Run
    objective: ChurnObjective
    populations: tuple[str, ...]
    features_of: Compute = columns_of

    @property
    def definition(self) -> str:
        return self.objective.definition

    @property
    def settings(self) -> dict[str, int]:
        return {"gone_after_days": self.objective.gone_after_days}

    @property
    def horizon(self) -> int:
        return self.objective.horizon_days * MICROSECONDS_PER_DAY

    @property
    def consent_defaults(self) -> Mapping[str, str]:
        return self.run.business.consent_defaults

    def variants(self) -> tuple[str, ...]:
        """Return the forms of input that a model is trained for: a summary stands for orders."""
        return ("full", "summary") if self.definition == "inactivity" else ("full",)


Splitting = Callable[[_Question, Data, Examples, bool], Splits]
"""From labelled rows to who is learned from and who is judged by: :func:`_splits`."""


def train_churn(run: Run, *, features_of: Compute = columns_of, split: Splitting | None = None) -> Trained:
    """Train churn for one business.

    Parameters
    ----------
    run : Run
    features_of : callable
        What computes the features of a view.
    split : callable, optional
        What chooses the rows to learn from and to be judged by; out of time where there are dates by default.

    Raises
    ------
    TableError
        A table that the definition needs is missing, nobody can be asked about, or the label has one class.
    PublicationError
        A tripwire caught a leak.
    """
    objective = run.business.objectives.churn or ChurnObjective()
    populations = ("repeat", "first_order") if objective.definition == "inactivity" else ("all",)
    question = _Question(run, objective, populations, features_of)
    goal = Goal(
        objective.cost_missed,
        objective.cost_false_alarm,
        run.business.currency,
        objective.red,
        objective.yellow,
        objective.red_probability,
        objective.yellow_probability,
    )
    _refuse_without_tables(question)
    fitted, entries, windows = {}, [], {}
    for variant, (examples, now, is_dated) in _examples_of(question, question.variants()).items():
        features = _features(question, variant, examples, is_dated)
        data = _data(features, question, variant, examples)
        splits = (split or _splits)(question, data, examples, is_dated)
        cuts = _origins(splits, examples) if is_dated else frozenset()
        _refuse_leaks(question, variant, data, splits, cuts)
        fitted[variant] = fit_variant(variant, data, splits, run.seed, run.progress)
        X = features.matrix(now.columns, now.size)
        entries.append(
            variant_entry(fitted[variant], X, now.population, run.attribute_labels, goal.cut_points)
        )
        if question.definition != "label":
            windows[variant] = _windows(question, examples.cut[splits.final])
    draft = ManifestDraft(
        capability="churn",
        business=run.entry,
        label=_label(objective),
        settings=question.settings,
        variants=tuple(entries),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    return Trained(
        draft,
        {name: content for one in fitted.values() for name, content in one.files.items()},
        {name: one.data.features for name, one in fitted.items()},
        card_of(draft, fitted, goal, run.tables, windows),
        plots_of(fitted, simulated=run.business.simulated),
    )


def _windows(question: _Question, cuts: Array) -> dict[str, str | int]:
    """Return for the card which times the final fit learned from."""

    def iso(at: int) -> str:
        return from_microseconds(at, question.run.business.timezone).isoformat(timespec="seconds")

    return {
        "cut_offs": len(np.unique(cuts)),
        "first_cut_off": iso(int(cuts.min())),
        "last_cut_off": iso(int(cuts.max())),
        "last_label_ends": iso(int(cuts.max()) + question.horizon),
    }


def _refuse_without_tables(question: _Question) -> None:
    needs = {"inactivity": "orders", "subscription_end": "subscriptions", "label": "labels"}[
        question.definition
    ]
    if not question.run.tables.has(needs):
        raise TableError(
            f"churn by {question.definition} needs the table {needs}",
            table=needs,
            remedy=f"map {needs} under tables, or choose another objectives.churn.definition",
        )


def _refuse_one_class(examples: Examples) -> None:
    if not examples.size:
        raise TableError(
            "nobody can be asked about churn at any cut-off",
            remedy="bring customers who had bought (or subscribed, or have a label) a horizon before the "
            "data end, were not gone by then, and allow profiling",
        )
    if examples.y.min() == examples.y.max():
        raise TableError(
            "the churn label has one class only, so nothing can be learned from it",
            remedy="check the definition, the horizon, and whether the data hold both customers who left and "
            "customers who stayed",
        )


def _label(objective: ChurnObjective) -> Label:
    days = objective.horizon_days
    texts = {
        "inactivity": (
            f"no order within {days} days",
            f"{days} 天内没有下单",
        ),
        "subscription_end": (
            f"no running subscription after {days} days",
            f"{days} 天后没有生效的订阅",
        ),
        "label": ("the label that the business gave", "企业给定的流失标签"),
    }
    en, zh = texts[objective.definition]
    horizon = (
        None
        if objective.definition == "label" and not objective.model_fields_set & {"horizon_days"}
        else days
    )
    return Label(definition=objective.definition, horizon_days=horizon, text=Text(en=en, zh_cn=zh))


def _examples(question: _Question, variant: str) -> _Asked:
    """Return the labelled rows of one variant, today's customers, and whether the rows have dates."""
    return _examples_of(question, (variant,))[variant]


def _examples_of(question: _Question, variants: tuple[str, ...]) -> dict[str, _Asked]:
    """Return for each variant its labelled rows, today's customers, and whether the rows have dates.

    Raises
    ------
    TableError
        There is no row to learn from, or all have the same label.
    """
    run, history = question.run, question.run.history
    now = _rows(question, variants, np.full(history.size, run.as_of))
    if question.definition == "label":
        is_dated = bool((run.tables.labels.of("churn").as_of != NAT).all())
        labelled = {variant: _labelled(question, variant) for variant in variants}
    else:
        is_dated = True
        labelled = _at_cuts(question, variants)
    for examples in labelled.values():
        _refuse_one_class(examples)
    return {variant: (labelled[variant], now[variant], is_dated) for variant in variants}


def _at_cuts(question: _Question, variants: tuple[str, ...]) -> dict[str, Examples]:
    """Return the rows of everybody who can be asked about at each cut-off, and what became of them."""
    run, size = question.run, question.run.history.size
    # Of the time after the last row nobody knows whether it was silent or is not there yet.
    latest = run.as_of if run.tables.latest == NAT else min(run.as_of, run.tables.latest)
    cuts = cut_times(_earliest(question), latest, question.objective.horizon_days)
    if not cuts:
        raise TableError(
            f"the history is too short: it takes one complete horizon of {question.objective.horizon_days} "
            "days, and at least 30 days before it",
            remedy="shorten objectives.churn.horizon_days or bring a longer history",
        )
    chosen = _drawn(question, size, len(cuts))
    parts: dict[str, list[Examples]] = {variant: [] for variant in variants}
    for number, cut in enumerate(cuts):
        run.progress(f"features at {number + 1} of {len(cuts)} cut-offs")
        at = np.full(size, cut)
        y = _churned(question, at)
        for variant, rows in _rows(question, variants, at).items():
            keep = np.flatnonzero((rows.population >= 0) & chosen)
            parts[variant].append(_take(replace(rows, y=y), keep))
    return {variant: stack(found) for variant, found in parts.items()}


def _earliest(question: _Question) -> int:
    """Return the first time in the table that the definition reads."""
    name, column = {
        "inactivity": ("orders", "ordered_at"),
        "subscription_end": ("subscriptions", "started_at"),
    }[question.definition]
    times = question.run.history.tables[name][column]
    return int(times.min()) if len(times) else question.run.as_of


def _drawn(question: _Question, customers: int, cuts: int) -> Array:
    """Return who is trained on: everybody, or a random part of the customers where there are very many."""
    chosen = np.ones(customers, dtype=bool)
    if customers * cuts > ROW_LIMIT:
        rng = np.random.default_rng(question.run.seed)
        chosen = rng.random(customers) < ROW_LIMIT / (customers * cuts)
    return chosen


def _take(part: Examples, rows: Array) -> Examples:
    return Examples(
        take(part.columns, rows), part.y[rows], part.population[rows], part.cut[rows], part.customer[rows]
    )


def _rows(question: _Question, variants: tuple[str, ...], at: Array) -> dict[str, Examples]:
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
        columns = question.features_of(_seen_by(variant, view))
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


def _seen_by(variant: str, view: View) -> View:
    """Return what a variant is told of a view: all of it, or its summary in place of every table."""
    if variant == "full":
        return view
    tables: dict[str, Table] = {
        name: table for name, table in view.history.tables.items() if name == "consents"
    }
    return View(
        replace(view.history, tables=tables, summary=summarise(view)), view.as_of, view.consent_defaults
    )


def _churned(question: _Question, at: Array) -> Array:
    """Return the label of every customer at a cut-off, 0 or 1."""
    history, until = question.run.history, at + question.horizon
    if question.definition == "inactivity":
        return 1.0 - purchased_between(history, at, until).astype(np.float64)
    rows = View(history, until, question.consent_defaults).rows("subscriptions")
    assert rows is not None  # noqa: S101  the table was asked for before
    # A renewal that began after the cut keeps the customer: what counts is whether any subscription runs.
    running = count(rows.owner[is_active(rows)], history.size)
    return np.where(running == 0, 1.0, 0.0)


def _labelled(question: _Question, variant: str) -> Examples:
    """Return the rows of the labels table, each at its own date or at the latest time."""
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
    when = np.full(history.size, run.as_of)
    when[place] = np.where(labels.as_of == NAT, run.as_of, labels.as_of)
    y[place] = labels.label
    rows = _rows(question, (variant,), when)[variant]
    return _take(replace(rows, y=y), np.sort(place[rows.population[place] >= 0]))


def _features(question: _Question, variant: str, examples: Examples, is_dated: bool) -> FeatureSet:  # noqa: FBT001
    run = question.run
    declared = Declared(
        run.business.attribute_kinds,
        frozenset(name for name, attribute in run.business.attributes.items() if attribute.static),
    )
    chosen = candidates(
        frozenset(run.history.tables), declared, is_summary=variant == "summary", is_dated=is_dated
    )
    first = reach_features(question.definition, is_summary=variant == "summary")
    span = (examples.cut.max() - examples.cut.min()) / MICROSECONDS_PER_DAY
    features = feature_set(chosen, examples.columns, first, span)
    if not features.features:
        raise TableError(
            "there is no input to learn from",
            remedy="declare attributes, or map orders, events or another table with a time",
        )
    return features


def _data(features: FeatureSet, question: _Question, variant: str, examples: Examples) -> Data:
    prefix = "summary." if variant == "summary" else ""
    rules = tuple(
        tuple(prefix + name for name in _RULES.get(population, ()) if prefix + name in features.names)
        or features.names
        for population in question.populations
    )
    needed = {"inactivity": "orders", "subscription_end": "subscriptions"}.get(question.definition, "")
    return Data(
        features,
        question.populations,
        rules,
        features.matrix(examples.columns, examples.size),
        examples.y,
        examples.population,
        examples.customer,
        optional_columns(features, frozenset({needed})),
    )


def _splits(question: _Question, data: Data, examples: Examples, is_dated: bool) -> Splits:  # noqa: FBT001
    days, seed = question.objective.horizon_days, question.run.seed
    if question.definition != "label":
        return by_cut(examples.cut, data.y, data.customer, data.X, days, seed)
    if is_dated:
        return by_date(examples.cut, data.y, data.customer, data.X, days, seed)
    # Rows that are alike in everything stay on one side: a copy in both would be a leak.
    return at_random(data.y, alike(data.X), seed, np.arange(len(data.y)), "the label has no dates")


def _refuse_leaks(
    question: _Question, variant: str, data: Data, splits: Splits, cuts: frozenset[int]
) -> None:
    """Raise where a tripwire catches something; ``cuts`` are the times past which no feature may look."""
    run = question.run
    run.progress(f"{variant}: leak checks")

    def computing(history: History, cut: int) -> Columns:
        view = View(history, np.full(history.size, cut), question.consent_defaults)
        return question.features_of(_seen_by(variant, view))

    allowed = question.objective.allow_near_label
    near = leaks.near_label(data.features, data.X, data.y, data.customer, allowed)
    beyond = leaks.past_the_cuts(run.history, cuts, data.features, run.seed, computing)
    shuffled = leaks.shuffled_label(data, splits.backtests, run.seed)
    leaks.refuse_leaks("churn", near, beyond, shuffled)


def _origins(splits: Splits, examples: Examples) -> frozenset[int]:
    """Return the times of the backtests, or of the newest rows where the backtest is no test over time."""
    origins = frozenset(split.origin for split in splits.backtests if split.origin is not None)
    return origins or frozenset({int(examples.cut.max())})
