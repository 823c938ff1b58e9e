"""Training churn: who can be asked about, what counts as lost, and what was known when.

By inactivity: no purchase in (cut, cut + horizon], of customers who have bought and are not gone yet; those
with one order day are a population of their own. By subscription: no running subscription at the horizon's
end, of customers who have one. By label: the label that was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text
from app.capabilities.churn import reach_features
from app.domain.clock import from_microseconds
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, Array, History
from app.features.compute import columns_of
from app.features.schema import Columns, FeatureSet
from app.features.view import View
from training import leaks
from training.churn_rows import Compute, Question, examples_of, seen_by
from training.examples import (
    Declared,
    Examples,
    candidates,
    feature_set,
    optional_columns,
)
from training.ladder import Data
from training.probability import fit_variant, variant_entry
from training.report import Goal, card_of, plots_of
from training.run import Run, Trained
from training.snapshots import Splits, alike, at_random, by_cut, by_date
from training.tables.objectives import ChurnObjective

_RULES: Final = {
    "repeat": ("silence_ratio", "days_since_last_order"),
    "first_order": ("days_since_last_order",),
}
"""What the rule of a population by inactivity may be made of; the better one is the named baseline."""


Splitting = Callable[[Question, Data, Examples, bool], Splits]
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
    question = Question(run, objective, populations, features_of)
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
    for variant, (examples, now, is_dated) in examples_of(question, question.variants()).items():
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


def _windows(question: Question, cuts: Array) -> dict[str, str | int]:
    """Return for the card which times the final fit learned from."""

    def iso(at: int) -> str:
        return from_microseconds(at, question.run.business.timezone).isoformat(timespec="seconds")

    return {
        "cut_offs": len(np.unique(cuts)),
        "first_cut_off": iso(int(cuts.min())),
        "last_cut_off": iso(int(cuts.max())),
        "last_label_ends": iso(int(cuts.max()) + question.horizon),
    }


def _refuse_without_tables(question: Question) -> None:
    needs = {"inactivity": "orders", "subscription_end": "subscriptions", "label": "labels"}[
        question.definition
    ]
    if not question.run.tables.has(needs):
        raise TableError(
            f"churn by {question.definition} needs the table {needs}",
            table=needs,
            remedy=f"map {needs} under tables, or choose another objectives.churn.definition",
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


def _features(question: Question, variant: str, examples: Examples, is_dated: bool) -> FeatureSet:  # noqa: FBT001
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


def _data(features: FeatureSet, question: Question, variant: str, examples: Examples) -> Data:
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


def _splits(question: Question, data: Data, examples: Examples, is_dated: bool) -> Splits:  # noqa: FBT001
    days, seed = question.objective.horizon_days, question.run.seed
    if question.definition != "label":
        return by_cut(examples.cut, data.y, data.customer, data.X, days, seed)
    if is_dated:
        return by_date(examples.cut, data.y, data.customer, data.X, days, seed)
    # Rows that are alike in everything stay on one side: a copy in both would be a leak.
    return at_random(data.y, alike(data.X), seed, np.arange(len(data.y)), "the label has no dates")


def _refuse_leaks(question: Question, variant: str, data: Data, splits: Splits, cuts: frozenset[int]) -> None:
    """Raise where a tripwire catches something; ``cuts`` are the times past which no feature may look."""
    run = question.run
    run.progress(f"{variant}: leak checks")

    def computing(history: History, cut: int) -> Columns:
        view = View(history, np.full(history.size, cut), question.consent_defaults)
        return question.features_of(seen_by(variant, view))

    allowed = question.objective.allow_near_label
    near = leaks.near_label(data.features, data.X, data.y, data.customer, allowed)
    beyond = leaks.past_the_cuts(run.history, cuts, data.features, run.seed, computing)
    shuffled = leaks.shuffled_label(data, splits.backtests, run.seed)
    leaks.refuse_leaks("churn", near, beyond, shuffled)


def _origins(splits: Splits, examples: Examples) -> frozenset[int]:
    """Return the times of the backtests, or of the newest rows where the backtest is no test over time."""
    origins = frozenset(split.origin for split in splits.backtests if split.origin is not None)
    return origins or frozenset({int(examples.cut.max())})
