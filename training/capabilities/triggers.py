"""The trigger rules as an artifact: the rules are its settings, nothing is fitted, and it carries no grade.

What is measured is how often each rule fires today and, at the newest past cut-off, how many of those for
whom it fired ordered in the 30 days that followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text, Variant
from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array
from app.domain.triggers import as_document
from app.features.compute import columns_of
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX, Columns, Feature, FeatureSet
from app.features.view import View, purchased_between
from app.serving.rules import Rules, compile_rules, features_of
from app.serving.triggers import holding
from training.run import Run, Trained
from training.trigger_report import ORDERED_WITHIN_DAYS, Counted, card_of, markdown
from training.triggers import default_rules, rules_for
from training.variant_entry import feature_entries

_ORDER_TABLES: Final = frozenset({"orders", "order_lines"})
_SEEN_BY: Final = frozenset(
    {"days_since_sign_of_life", "tenure_days", "days_subscribed", "days_since_last_case"}
)
"""A customer of whom one of these is known was known at a time."""
_KINDS: Final = {"numeric": "number", "boolean": "flag", "categorical": "category"}
_UNITS: Final = {"numeric": "value", "boolean": "flag", "categorical": "word"}


def train_triggers(run: Run) -> Trained:
    """Return the rules of one business as an artifact, with their card.

    Raises
    ------
    BusinessFileError
        The company's own rules cannot be used.
    """
    rules = compile_rules(rules_for(run.business))
    today = _counted(run, rules, run.as_of)
    cut = _cut(run)
    past = None if cut is None else _counted(run, rules, cut, is_past=True)
    if past is None or not past.known.any():
        cut, past = None, None
    features = {
        "full": _features(run, rules, lambda feature: feature.table != "summary"),
        "summary": _features(run, rules, lambda feature: feature.table not in _ORDER_TABLES),
    }
    draft = ManifestDraft(
        capability="triggers",
        business=run.entry,
        label=Label(definition="rules", text=Text(en="which trigger rules hold", zh_cn="哪些触发规则成立")),
        settings={"rules": as_document(rules.rules)},
        variants=tuple(_entry(name, one, run.attribute_labels) for name, one in features.items()),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    card = card_of(
        draft,
        rules.rules,
        frozenset(rule.id for rule in default_rules() if rule in rules.rules),
        run.attribute_labels,
        today,
        past,
        None if cut is None else from_microseconds(cut, run.business.timezone).isoformat(timespec="seconds"),
    )
    return Trained(draft=draft, files={}, features=features, card=card, markdown=markdown(card))


def _cut(run: Run) -> int | None:
    """Return the newest time with 30 days of orders behind it, None where there is none."""
    if not run.tables.has("orders"):
        return None
    latest = run.as_of if run.tables.latest == NAT else min(run.as_of, run.tables.latest)
    return latest - ORDERED_WITHIN_DAYS * MICROSECONDS_PER_DAY


def _counted(run: Run, rules: Rules, at: int, *, is_past: bool = False) -> Counted:
    """Return who was known and may be profiled at a time (and today), and of whom each rule held."""
    history, defaults = run.history, run.business.consent_defaults
    size = history.size
    when, today = np.full(size, at), np.full(size, run.as_of)
    run.progress(f"triggers: {len(rules.compiled)} rules on {size} customers")
    columns = columns_of(View(history, when, defaults), features_of(rules) | _SEEN_BY)
    known = granted(history, "profiling", when, defaults) & granted(history, "profiling", today, defaults)
    if is_past:
        known &= _was_there(columns)
    horizon = ORDERED_WITHIN_DAYS * MICROSECONDS_PER_DAY
    ordered = purchased_between(history, when, when + horizon) if is_past else None
    return Counted(known, holding(rules, columns, {}, size), ordered)


def _was_there(columns: Columns) -> Array:
    """Return of whom anything was known, bool of shape (N,)."""
    known: Array = ~np.isnan(np.stack([columns[name] for name in sorted(_SEEN_BY)])).all(axis=0)
    return known


def _features(run: Run, rules: Rules, keep: Callable[[Feature], bool]) -> FeatureSet:
    """Return what the rules read of one form of input, in alphabetical order."""
    chosen, words = [], {}
    for name in sorted(features_of(rules)):
        if name in LIBRARY:
            feature = LIBRARY[name]
        else:
            kind = run.business.attribute_kinds[name.removeprefix(ATTRIBUTE_PREFIX)]
            feature = Feature(name, _UNITS[kind], low=-np.inf, kind=_KINDS[kind], table="customers")  # type: ignore[arg-type]
        if keep(feature):
            chosen.append(feature)
            if feature.kind == "category":
                words[name] = _vocabulary(rules, name)
    return FeatureSet(tuple(chosen), words)


def _vocabulary(rules: Rules, name: str) -> tuple[str, ...]:
    """Return the words that rules look for in a category; any stands for all where they only ask for one."""
    asked = {
        word
        for rule in rules.rules
        for one in rule.conditions
        if one.name == name
        for word in (one.value if isinstance(one.value, tuple) else (one.value,))
        if isinstance(word, str)
    }
    return tuple(sorted(asked)) or ("any",)


def _entry(name: str, features: FeatureSet, labels: Mapping[str, Text]) -> Variant:
    """Return the manifest's entry of one form of input: what is read, and nobody who is scored."""
    return Variant(
        name=name,
        features=feature_entries(features, labels),
        schema_hash=features.schema_hash,
        populations=(),
    )
