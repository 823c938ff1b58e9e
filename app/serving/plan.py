"""What two requests to one variant of an artifact have in common, worked out once.

A request for one customer takes microseconds; what depends on the artifact alone must not be part of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np

from app.artifacts.manifest import Elsewhere, FeatureEntry, Population, Text, Variant
from app.capabilities import SCORERS, TRIGGERS
from app.capabilities.base import Model, Output, Scorer, is_other_horizon
from app.domain.clock import to_microseconds
from app.domain.history import NAT, Array, History
from app.estimators.base import Moment
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.rules import Rules, blocks_of, features_of, rules_of
from app.texts.catalogue import LOCALES, Locale

FULL: Final = "full"
SUMMARY: Final = "summary"
BRIEF: Final = "brief"

Block = dict[str, Any]
"""One capability's part of an answer."""

PLANS: Final = 32
"""Plans kept: enough for every variant of a release and of the one that it replaces."""

_SUMMARY_FIELDS: Final = {
    "summary.orders_90d": "orders_90d",
    "summary.orders_365d": "orders_365d",
    "summary.revenue_90d": "revenue_90d",
    "summary.revenue_365d": "revenue_365d",
    "summary.return_share": "refund",
}
"""The fields of a summary that may be left out, by the feature that wants them."""


@dataclass(frozen=True, slots=True)
class Told:
    """One input of a model, as a reason speaks of it."""

    name: str
    kind: str
    unit: str
    text: Text | None

    def label(self, locale: Locale) -> str | None:
        """Return the label that the business gave; None for a feature of the library."""
        if self.text is None:
            return None
        return self.text.zh_cn if locale == "zh-CN" else self.text.en


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that a caller can send and a model wants: where it stands, its name there, how it is told."""

    place: Literal["table", "profile", "attribute", "summary"]
    name: str
    told: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How one variant of an artifact answers.

    ``needed`` names the features to compute, ``deciding`` holds the columns of X that decide who can be asked
    about, ``cards`` the ``model`` part of a block for each population, ``elsewhere`` the same for another
    horizon than the trained one, ``inputs`` what ``missing`` may name. ``trained_as_of`` is in microseconds.
    """

    variant: str
    scorer: Scorer
    model: Model
    needed: frozenset[str]
    outputs: tuple[Output, ...]
    features: tuple[Told, ...]
    deciding: tuple[int, ...]
    cards: tuple[Block, ...]
    elsewhere: tuple[Block, ...]
    inputs: tuple[Input, ...]
    always_missing: tuple[str, ...]
    trained_as_of: int

    def cards_at(self, moment: Moment) -> tuple[Block, ...]:
        """Return who answers for each population at a moment."""
        return self.elsewhere if is_other_horizon(self.model, moment) else self.cards


@dataclass(frozen=True, slots=True, eq=False)
class _Key:
    """An artifact and a variant; the same artifact is the same object."""

    artifact: LoadedArtifact
    variant: str

    def __hash__(self) -> int:
        return hash((id(self.artifact), self.variant))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.artifact is other.artifact and self.variant == other.variant


def plan_of(artifact: LoadedArtifact, variant: str) -> Plan:
    """Return how a variant of an artifact answers."""
    return _plan(_Key(artifact, variant))


@dataclass(frozen=True, slots=True)
class RulesPlan:
    """The trigger rules of a release: what they need, and what declared attributes are called."""

    rules: Rules
    features: frozenset[str]
    blocks: frozenset[str]
    labels: Mapping[Locale, Mapping[str, str]]


def rules_plan(release: LoadedRelease) -> RulesPlan:
    """Return how the trigger rules of a release are applied; it must have some."""
    return _rules_plan(_Key(release.artifacts[TRIGGERS], FULL))


@lru_cache(maxsize=4)
def _rules_plan(key: _Key) -> RulesPlan:
    manifest = key.artifact.manifest
    rules = rules_of(manifest.settings)
    labels = {
        locale: {
            entry.name: label
            for variant in manifest.variants
            for entry in variant.features
            if (label := _told(entry).label(locale)) is not None
        }
        for locale in LOCALES
    }
    return RulesPlan(rules, features_of(rules), blocks_of(rules), labels)


def answering(release: LoadedRelease) -> tuple[str, ...]:
    """Return what a release answers with: its scorers, then its trigger rules."""
    return (*published(release), *([TRIGGERS] if TRIGGERS in release.artifacts else []))


def published(release: LoadedRelease) -> tuple[str, ...]:
    """Return the scorers that a release answers with, in the register's order."""
    return tuple([name for name in SCORERS if name in release.artifacts])


def variant_for(artifact: LoadedArtifact, *, is_summary: bool) -> str:
    """Return which variant answers customers who gave a summary in place of orders, or who did not."""
    return SUMMARY if is_summary and SUMMARY in artifact.models else FULL


def by_form(history: History, rows: Array) -> dict[bool, Array]:
    """Return which customers gave a summary in place of orders, and which did not."""
    if history.summary is None:
        parts = {False: rows}
    else:
        is_given = ~np.isnan(history.summary["order_count"]) | (history.summary["last_order_at"] != NAT)
        is_summary = is_given[rows]
        parts = {False: rows[~is_summary], True: rows[is_summary]}
    return {form: part for form, part in parts.items() if len(part)}


@lru_cache(maxsize=PLANS)
def _plan(key: _Key) -> Plan:
    manifest, model = key.artifact.manifest, key.artifact.models[key.variant]
    entry = next(variant for variant in manifest.variants if variant.name == key.variant)
    scorer = SCORERS[manifest.capability]
    return Plan(
        variant=key.variant,
        scorer=scorer,
        model=model,
        needed=frozenset(model.features.names),
        outputs=tuple(o for o in scorer.outputs if o.name not in {"eligible", "ineligible_reason"}),
        features=tuple(_told(feature) for feature in entry.features),
        deciding=tuple(model.features.positions[name] for name in scorer.deciding(model)),
        cards=tuple(_card(key.artifact, population, population) for population in entry.populations),
        elsewhere=tuple(
            _card(key.artifact, population, population.elsewhere or population)
            for population in entry.populations
        ),
        inputs=tuple(_inputs(entry)),
        always_missing=("orders",) if key.variant == SUMMARY else (),
        trained_as_of=to_microseconds(datetime.fromisoformat(manifest.trained_as_of)),
    )


def _told(feature: FeatureEntry) -> Told:
    label = feature.label
    if label is None and feature.name.startswith(ATTRIBUTE_PREFIX):
        name = feature.name.removeprefix(ATTRIBUTE_PREFIX)
        label = Text(en=name, zh_cn=name)
    return Told(feature.name, feature.kind, feature.unit, label)


def _card(artifact: LoadedArtifact, population: Population, judged: Population | Elsewhere) -> Block:
    """Return who answers and how good that is."""
    manifest = artifact.manifest
    return {
        "capability": manifest.capability,
        "version": manifest.version,
        "tier": judged.tier,
        "grade": judged.grade,
        "baseline": judged.baseline.model_dump(),
        "population": population.name,
        "trained_as_of": manifest.trained_as_of,
    }


def _inputs(entry: Variant) -> Iterator[Input]:
    """Yield what a caller can send for a variant: tables, fields of the record, attributes, of a summary."""
    tables = {feature.table for feature in entry.features} - {"", "customers", "summary"}
    for table in sorted(tables):
        yield Input("table", table, table)
    for feature in entry.features:
        if feature.name.startswith(ATTRIBUTE_PREFIX):
            name = feature.name.removeprefix(ATTRIBUTE_PREFIX)
            yield Input("attribute", name, f"attributes.{name}")
        elif feature.table == "customers":
            name = "created_at" if feature.name == "tenure_days" else feature.name
            yield Input("profile", name, f"customer.{name}")
        elif feature.name in _SUMMARY_FIELDS:
            name = _SUMMARY_FIELDS[feature.name]
            yield Input("summary", name, f"summary.{name}")
