"""The playbook as an artifact, with what contacts taught: effects of trials, channels and hours, who answers.

The playbook answers with what its owner believes where there is no table contacts. Effects, shares of answers
and the typical order are its settings; the model of who answers, where one is published, is a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text, Variant
from app.capabilities import NEXT_BEST_ACTION
from app.domain.consent import granted
from app.domain.history import Array
from app.domain.playbook import as_document
from app.estimators.responses import INPUTS
from app.features.compute import columns_of
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX, Columns, Feature, FeatureSet
from app.features.view import View
from app.serving.action_model import ActionModel
from app.serving.knowledge import ATTRIBUTES, FEATURES, ORDER_VALUE
from app.serving.rules import TWINS
from training.actions.answering import (
    Answering,
    columns_before,
    files_of,
    learn_answers,
    population_of,
    with_inputs,
)
from training.actions.effects import measure
from training.actions.plots import effect_plot
from training.actions.reading import playbook_for
from training.actions.report import Learned, card_of
from training.actions.responses import learn_responses
from training.actions.rows import Contacts, read_contacts
from training.actions.text import markdown
from training.run import Run, Trained
from training.variant_entry import feature_entries, histograms

_ORDER_TABLES: Final = frozenset({"orders", "order_lines"})
_KINDS: Final = {"numeric": "number", "boolean": "flag", "categorical": "category"}
_UNITS: Final = {"numeric": "value", "boolean": "flag", "categorical": "word"}
_WORDS: Final = 64
_ANY: Final = ("any",)
"""Stands for the words of a category that no customer has."""


def train_next_best_action(run: Run) -> Trained:
    """Return the playbook of one business as an artifact, with what its contacts taught, and the card.

    Raises
    ------
    BusinessFileError
        The company's own playbook cannot be used.
    """
    playbook = playbook_for(run.business)
    windows = {action.id: action.window_days for action in playbook.actions}
    learned = _learned(run, windows)
    settings: dict[str, Any] = {
        "playbook": as_document(playbook),
        "effects": {
            one.action: one.setting()
            for one in learned.measured
            if one.effect is not None and one.action in windows
        },
        "responses": learned.responses.as_document(),
        "response_base_rate": learned.answers.base_rate,
        "response_confirmed": learned.answers.is_confirmed,
        "typical_order_value": learned.typical_order_value,
    }
    settings["tier"] = _tier(settings)
    model = ActionModel.of_settings(settings, run.business.attribute_kinds)
    full, summary = _features(run, model.reads)
    answers = with_inputs(learned.answers, full)
    features = {"full": answers.features, "summary": summary}
    draft = ManifestDraft(
        capability=NEXT_BEST_ACTION,
        business=run.entry,
        label=Label(
            definition="playbook",
            text=Text(en="what to do next, and what it is worth", zh_cn="下一步做什么，以及值多少"),
        ),
        settings=settings,
        variants=tuple(_entry(run, name, one, answers) for name, one in features.items()),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    card = card_of(draft, playbook, learned, run.tables.counts)
    plots = effect_plot(learned.measured, f"{run.business.name}{' (simulated)' * run.business.simulated}")
    return Trained(
        draft=draft,
        files=files_of(answers.model),
        features=features,
        card=card,
        markdown=markdown(card, tuple(sorted(plots))),
        plots=plots,
    )


def _tier(settings: Mapping[str, Any]) -> str:
    """Return what answers: an effect that a trial made clear, something that was counted, or beliefs."""
    if any(one["evidence"] == "experiment" for one in settings["effects"].values()):
        return "causal"
    is_counted = settings["effects"] or settings["responses"] or settings["response_base_rate"] is not None
    return "statistical" if is_counted else "rules"


def _learned(run: Run, windows: Mapping[str, float]) -> Learned:
    """Return what the contacts taught."""
    run.progress("next best action: reading contacts")
    read = read_contacts(run.tables, run.history, run.as_of, windows)
    known = read.contacts.take(np.flatnonzero(~np.isnan(read.contacts.y)))
    reached = known.take(np.flatnonzero(known.treated != 0))
    told, channels, hours, names = learn_responses(
        reached, *_rhythm(run, reached), run.business.timezone, run.seed
    )
    return Learned(
        read,
        measure(read.contacts),
        told,
        channels,
        names,
        hours,
        learn_answers(run, known),
        _typical_order_value(run),
    )


def _rhythm(run: Run, contacts: Contacts) -> tuple[Array, Array]:
    """Return what tells the segment of each customer just before the contact, each of shape (R,)."""
    columns = columns_before(run, contacts, frozenset(INPUTS))
    unknown = np.full(contacts.size, np.nan)
    orders, silence = (columns.get(name, unknown) for name in INPUTS)
    return orders, silence


def _typical_order_value(run: Run) -> float | None:
    """Return the median of the customers' average orders, None where nobody's is known or above zero."""
    today = np.full(run.history.size, run.as_of)
    defaults = run.business.consent_defaults
    columns = columns_of(View(run.history, today, defaults), frozenset({ORDER_VALUE}))
    value = columns[ORDER_VALUE][granted(run.history, "profiling", today, defaults)]
    value = value[~np.isnan(value)]
    median = float(np.median(value)) if len(value) else 0.0
    return median if median > 0 else None


def _features(run: Run, names: frozenset[str]) -> tuple[FeatureSet, FeatureSet]:
    """Return what the playbook reads of a full history, and of a summary."""
    asked = {name.removeprefix(FEATURES) for name in names if name.startswith(FEATURES)}
    asked |= {TWINS[name] for name in asked if name in TWINS}
    asked |= {
        ATTRIBUTE_PREFIX + name.removeprefix(ATTRIBUTES) for name in names if name.startswith(ATTRIBUTES)
    }
    every = [_feature(run, name) for name in sorted(asked)]
    words = _words(run, every)
    return (
        _part([feature for feature in every if feature.table != "summary"], words),
        _part([feature for feature in every if feature.table not in _ORDER_TABLES], words),
    )


def _part(features: list[Feature], words: Mapping[str, tuple[str, ...]]) -> FeatureSet:
    own = {one.name: words[one.name] for one in features if one.kind == "category"}
    return FeatureSet(tuple(features), own)


def _feature(run: Run, name: str) -> Feature:
    if name in LIBRARY:
        return LIBRARY[name]
    kind = run.business.attribute_kinds[name.removeprefix(ATTRIBUTE_PREFIX)]
    return Feature(name, _UNITS[kind], low=-np.inf, kind=_KINDS[kind], table="customers")  # type: ignore[arg-type]


def _words(run: Run, features: list[Feature]) -> dict[str, tuple[str, ...]]:
    """Return the words of each category that customers have today, most frequent first to be kept."""
    names = frozenset(feature.name for feature in features if feature.kind == "category")
    if not names:
        return {}
    today = np.full(run.history.size, run.as_of)
    columns: Columns = columns_of(View(run.history, today, run.business.consent_defaults), names)
    found = {}
    for name in names:
        known = [word for word in columns[name].tolist() if isinstance(word, str)]
        words, counts = np.unique(np.array(known, dtype=str), return_counts=True)
        kept = words[np.argsort(-counts, kind="stable")[:_WORDS]]
        found[name] = tuple(sorted(kept.tolist())) or _ANY
    return found


def _entry(run: Run, name: str, features: FeatureSet, answers: Answering) -> Variant:
    """Return the manifest's entry of one form of input; the model of who answers reads the full one."""
    is_asked = name == "full" and answers.model is not None
    return Variant(
        name=name,
        features=feature_entries(features, run.attribute_labels),
        schema_hash=features.schema_hash,
        populations=(population_of(answers),) if is_asked else (),
        reference_histograms=histograms(answers.features, answers.X)
        if is_asked and answers.X is not None
        else {},
    )
