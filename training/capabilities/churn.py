"""Training churn: who can be asked about, what counts as lost, and what was known when.

By inactivity: no purchase in (cut, cut + horizon], of customers who have bought and are not gone yet; those
with one order day are a population of their own. By subscription: no running subscription at the horizon's
end, of customers who have one. By label: the label that was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text
from app.capabilities.churn import Reach, reach, reach_features
from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History, Table
from app.features.compute import columns_of
from app.features.ragged import count
from app.features.schema import FeatureSet
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
from training.snapshots import Splits, at_random, by_cut, by_date, cut_times
from training.tables.objectives import ChurnObjective

ROW_LIMIT: Final = 600_000
"""Rows over all cut-offs; beyond it customers are drawn at random, by the seed."""

_RULES: Final = {"repeat": "silence_ratio", "first_order": "days_since_last_order"}


@dataclass(frozen=True, slots=True)
class _Question:
    """What churn means here, with everything that building rows needs."""

    run: Run
    objective: ChurnObjective
    populations: tuple[str, ...]

    @property
    def definition(self) -> str:
        return self.objective.definition

    @property
    def settings(self) -> dict[str, int]:
        return {"gone_after_days": self.objective.gone_after_days}

    @property
    def horizon(self) -> int:
        return self.objective.horizon_days * MICROSECONDS_PER_DAY

    def variants(self) -> tuple[str, ...]:
        """The forms of input that a model is trained for: a summary replaces orders, so it needs them here."""
        return ("full", "summary") if self.definition == "inactivity" else ("full",)


def train_churn(run: Run) -> Trained:
    """Train churn for one business.

    Raises
    ------
    TableError
        A table that the definition needs is missing, nobody can be asked about, or the label has one class.
    PublicationError
        A tripwire caught a leak.
    """
    objective = run.business.objectives.churn or ChurnObjective()
    populations = ("repeat", "first_order") if objective.definition == "inactivity" else ("all",)
    question = _Question(run, objective, populations)
    _refuse_without_tables(question)
    fitted, entries, today = {}, [], {}
    for variant in question.variants():
        examples, now, is_dated = _examples(question, variant)
        _refuse_one_class(examples)
        features = _features(question, variant, examples, is_dated)
        data = _data(features, question, variant, examples)
        splits = _splits(question, data, examples, is_dated)
        _refuse_leaks(question, data, splits, is_dated, variant)
        fitted[variant] = fit_variant(variant, data, splits, run.seed, run.progress)
        X = features.matrix(now.columns, now.size)
        entries.append(
            variant_entry(fitted[variant], X, now.population, run.attribute_labels, _cut_points(objective))
        )
        today[variant] = X
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
    goal = Goal(objective.cost_missed, objective.cost_false_alarm, run.business.currency, objective.red, objective.yellow)
    return Trained(
        draft,
        {name: content for one in fitted.values() for name, content in one.files.items()},
        {name: one.data.features for name, one in fitted.items()},
        card_of(draft, fitted, goal, run.tables),
        plots_of(fitted, simulated=run.business.simulated),
    )


def _refuse_without_tables(question: _Question) -> None:
    needs = {"inactivity": "orders", "subscription_end": "subscriptions", "label": "labels"}[question.definition]
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
            remedy="the history must be longer than the horizon, with customers who bought before it",
        )
    if examples.y.min() == examples.y.max():
        raise TableError(
            "the churn label has one class only, so nothing can be learned from it",
            remedy="check the definition, the horizon, and whether the data hold customers who left and who stayed",
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
    horizon = None if objective.definition == "label" and not objective.model_fields_set & {"horizon_days"} else days
    return Label(definition=objective.definition, horizon_days=horizon, text=Text(en=en, zh_cn=zh))


def _cut_points(objective: ChurnObjective) -> Callable[[Array], dict[str, float]]:
    """Return the function from today's answers to the thresholds of the colours."""

    def points(answers: Array) -> dict[str, float]:
        if objective.red_probability is not None and objective.yellow_probability is not None:
            return {"red": objective.red_probability, "yellow": objective.yellow_probability}
        if not len(answers):
            return {"red": 1.0, "yellow": 1.0}
        return {
            "red": float(np.quantile(answers, 1 - objective.red, method="higher")),
            "yellow": float(np.quantile(answers, 1 - objective.red - objective.yellow, method="higher")),
        }

    return points


def _examples(question: _Question, variant: str) -> tuple[Examples, Examples, bool]:
    """Return the labelled rows, today's customers, and whether the rows have dates."""
    history = question.run.history
    now = _rows(question, variant, np.full(history.size, question.run.as_of), None)
    if question.definition == "label":
        is_dated = bool((question.run.tables.labels.of("churn").as_of != NAT).all())
        return (*_labelled(question, now), is_dated)
    cuts = cut_times(_earliest(question), question.run.as_of, question.objective.horizon_days)
    chosen = _drawn(question, history.size, len(cuts))
    parts = []
    for cut in cuts:
        question.run.progress(f"{variant}: features at {len(parts) + 1} of {len(cuts)} cut-offs")
        at = np.full(history.size, cut)
        part = _rows(question, variant, at, _churned(question, at))
        keep = np.flatnonzero((part.population >= 0) & chosen)
        parts.append(_take(part, keep))
    if not parts:
        raise TableError(
            "the history is too short for one complete horizon and 30 days before it",
            remedy="shorten objectives.churn.horizon_days or bring a longer history",
        )
    return stack(parts), now, True


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


def _rows(question: _Question, variant: str, at: Array, y: Array | None) -> Examples:
    """Return every customer's row at a time; population -1 where nobody can be asked."""
    history, defaults = question.run.history, question.run.business.consent_defaults
    view = View(history, at, defaults)
    if variant == "summary":
        profile_only = replace(history, tables=_consents(history), summary=summarise(view))
        view = View(profile_only, at, defaults)
    columns = columns_of(view)
    names = reach_features(question.definition, is_summary=variant == "summary")
    who: Reach = reach(
        question.definition, question.settings, question.populations, {name: columns[name] for name in names}
    )
    population = who.population if len(who.population) else np.zeros(history.size, dtype=np.int64)
    allowed = granted(history, "profiling", at, defaults)
    label = np.full(history.size, np.nan) if y is None else y
    return Examples(
        columns, label, np.where(allowed, population, -1), at.astype(np.int64), np.arange(history.size)
    )


def _consents(history: History) -> dict[str, Table]:
    return {name: table for name, table in history.tables.items() if name == "consents"}


def _churned(question: _Question, at: Array) -> Array:
    """Return the label of every customer at a cut-off, 0 or 1."""
    history, until = question.run.history, at + question.horizon
    if question.definition == "inactivity":
        return 1.0 - purchased_between(history, at, until).astype(np.float64)
    rows = View(history, until, question.run.business.consent_defaults).rows("subscriptions")
    assert rows is not None  # noqa: S101  the table was asked for before
    # A renewal that began after the cut keeps the customer: what counts is whether any subscription runs.
    return (count(rows.owner[is_active(rows)], history.size) == 0).astype(np.float64)


def _labelled(question: _Question, now: Examples) -> tuple[Examples, Examples]:
    """Return the rows of the labels table, each at its own date or at the latest time, and today's customers."""
    run = question.run
    labels = run.tables.labels.of("churn")
    if len(np.unique(labels.customers)) < len(labels.customers):
        raise TableError(
            "a customer has more than one churn label",
            table="labels",
            column="customer_id",
            remedy="keep one label for each customer",
        )
    place = labels.customers
    at = np.where(labels.as_of == NAT, run.as_of, labels.as_of)
    when = np.full(run.history.size, run.as_of)
    when[place] = at
    rows = _rows(question, "full", when, None)
    y = np.full(run.history.size, np.nan)
    y[place] = labels.label
    labelled = replace(rows, y=y)
    return _take(labelled, np.sort(place[labelled.population[place] >= 0])), now


def _features(question: _Question, variant: str, examples: Examples, is_dated: bool) -> FeatureSet:
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
        prefix + _RULES[name] if name in _RULES and prefix + _RULES[name] in features.names else None
        for name in question.populations
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


def _splits(question: _Question, data: Data, examples: Examples, is_dated: bool) -> Splits:
    days, seed = question.objective.horizon_days, question.run.seed
    if question.definition != "label":
        return by_cut(examples.cut, data.y, data.customer, days, seed)
    if is_dated:
        return by_date(examples.cut, data.y, data.customer, days, seed)
    # Rows that are alike in everything stay on one side: a copy in both would be a leak.
    _, group = np.unique(np.nan_to_num(data.X, nan=-1e300), axis=0, return_inverse=True)
    return at_random(data.y, group.reshape(-1), seed, np.arange(len(data.y)), "the label has no dates")


def _refuse_leaks(question: _Question, data: Data, splits: Splits, is_dated: bool, variant: str) -> None:
    run = question.run
    run.progress(f"{variant}: leak checks")
    near = leaks.near_label(data.features, data.X, data.y, question.objective.allow_near_label)
    beyond: list[str] = []
    if is_dated and variant == "full":
        sample = _some(run.history, run.seed)
        cuts = sorted({split.origin for split in splits.backtests if split.origin is not None})
        names = tuple(name for name in data.features.names if not name.startswith("attribute."))
        for cut in cuts:
            beyond.extend(leaks.past_the_cut(sample, cut, names))
    shuffled = (0.5, 0.0)
    if splits.backtests and len(splits.backtests[0].train) >= 200:
        shuffled = leaks.shuffled_label_auc(data, splits.backtests[0], run.seed)
    leaks.refuse_leaks("churn", near, sorted(set(beyond)), shuffled)


def _some(history: History, seed: int) -> History:
    """Return a random few customers, enough to see a feature that looks ahead."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(history.size)[: leaks.CHECKED_CUSTOMERS])
    return leaks.some_customers(history, rows)


