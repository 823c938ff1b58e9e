"""Training churn: who can be asked about, what counts as lost, and what was known when.

By inactivity: no purchase in (cut, cut + horizon], of customers who have bought and are not gone yet; those
with one order day are a population of their own. By subscription: no running subscription at the horizon's
end, of customers who have one. By label: the label that was given.
"""

from __future__ import annotations

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text
from app.capabilities.churn import reach_features
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY
from app.features.compute import columns_of
from app.features.schema import FeatureSet
from training.churn_rows import Compute, Question, examples_of
from training.examples import Declared, Examples, candidates, feature_set, optional_columns
from training.ladder import Data
from training.purchasing import (
    Learned,
    Splitting,
    learn_purchases,
    refuse_leaks,
    told_settings,
    windows_of,
    without_lapsed,
)
from training.report import Goal, card_of, plots_of
from training.report_text import markdown
from training.run import Run, Trained
from training.snapshots import Splits, alike, at_random, by_cut, by_date
from training.tables.objectives import ChurnObjective
from training.variant_entry import variant_entry
from training.variants import fit_variant


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
    goal = Goal(
        objective.cost_missed,
        objective.cost_false_alarm,
        run.business.currency,
        objective.red,
        objective.yellow,
        objective.red_probability,
        objective.yellow_probability,
    )
    _refuse_without_tables(run, objective)
    if objective.definition == "inactivity":
        learned = {
            variant: without_lapsed(one)
            for variant, one in learn_purchases(
                run, objective.horizon_days, features_of=features_of, split=split
            ).items()
        }
    else:
        learned = {"full": _learn(Question(run, objective, ("all",), features_of), split)}
    entries = tuple(
        variant_entry(one.fitted, one.X, one.population, run.attribute_labels, goal.cut_points)
        for one in learned.values()
    )
    draft = ManifestDraft(
        capability="churn",
        business=run.entry,
        label=_label(objective),
        settings={"gone_after_days": objective.gone_after_days, **_told(objective, learned["full"])},
        variants=entries,
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    fitted = {name: one.fitted for name, one in learned.items()}
    windows = {name: one.windows for name, one in learned.items() if one.windows}
    card = card_of(draft, fitted, goal, run.tables, windows)
    plots = plots_of(fitted, simulated=run.business.simulated)
    return Trained(
        draft,
        {name: content for one in fitted.values() for name, content in one.files.items()},
        {name: one.data.features for name, one in fitted.items()},
        card,
        markdown(card, tuple(sorted(plots))),
        plots,
    )


def _told(objective: ChurnObjective, learned: Learned) -> dict[str, int | str]:
    """Return what an answer must warn of, where churn is by inactivity."""
    if objective.definition != "inactivity":
        return {}
    return told_settings(learned.learned_days, learned.outlook, "no_order")


def _learn(question: Question, split: Splitting | None) -> Learned:
    """Return what is learned by another definition than inactivity."""
    examples, now, is_dated = examples_of(question, ("full",))["full"]
    features = label_features(question, examples, is_dated)
    data = label_data(features, question, examples)
    splits = (split or label_splits)(question, data, examples, is_dated)
    refuse_leaks(question, "full", data, splits, examples if is_dated else None)
    fitted = fit_variant("full", data, splits, question.run.seed, question.run.progress)
    return Learned(
        fitted,
        features.matrix(now.columns, now.size),
        now.population,
        {} if question.definition == "label" else windows_of(question, examples.cut[splits.final]),
        None,
        question.horizon_days,
    )


def _refuse_without_tables(run: Run, objective: ChurnObjective) -> None:
    needs = {"inactivity": "orders", "subscription_end": "subscriptions", "label": "labels"}[
        objective.definition
    ]
    if not run.tables.has(needs):
        raise TableError(
            f"churn by {objective.definition} needs the table {needs}",
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


def label_features(question: Question, examples: Examples, is_dated: bool) -> FeatureSet:  # noqa: FBT001
    """Return the inputs by another definition than inactivity; ``is_dated`` is a fact of the label.

    Raises
    ------
    TableError
        There is none.
    """
    run = question.run
    declared = Declared(
        run.business.attribute_kinds,
        frozenset(name for name, attribute in run.business.attributes.items() if attribute.static),
    )
    chosen = candidates(frozenset(run.history.tables), declared, is_summary=False, is_dated=is_dated)
    first = reach_features(question.definition, is_summary=False)
    span = (examples.cut.max() - examples.cut.min()) / MICROSECONDS_PER_DAY
    features = feature_set(chosen, examples.columns, first, span)
    if not features.features:
        raise TableError(
            "there is no input to learn from",
            remedy="declare attributes, or map orders, events or another table with a time",
        )
    return features


def label_data(features: FeatureSet, question: Question, examples: Examples) -> Data:
    """Return the rows for the ladder by another definition than inactivity."""
    needed = {"subscription_end": "subscriptions"}.get(question.definition, "")
    return Data(
        features,
        question.populations,
        (features.names,),
        features.matrix(examples.columns, examples.size),
        examples.y,
        examples.population,
        examples.customer,
        optional_columns(features, frozenset({needed})),
    )


def label_splits(question: Question, data: Data, examples: Examples, is_dated: bool) -> Splits:  # noqa: FBT001
    """Return who is learned from and who is judged by: out of time where the label has dates."""
    days, seed = question.horizon_days, question.run.seed
    if question.definition != "label":
        return by_cut(examples.cut, data.y, data.customer, data.X, days, seed)
    if is_dated:
        return by_date(examples.cut, data.y, data.customer, data.X, days, seed)
    # Rows that are alike in everything stay on one side: a copy in both would be a leak.
    return at_random(data.y, alike(data.X), seed, np.arange(len(data.y)), "the label has no dates")
