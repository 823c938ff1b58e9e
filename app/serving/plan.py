"""What two requests to one variant of an artifact have in common, worked out once.

A request for one customer takes microseconds; what depends on the artifact alone must not be part of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from app.artifacts.manifest import FeatureEntry, Population, Text, Variant
from app.capabilities import SCORERS
from app.capabilities.base import Model, Output, Scorer
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.release import LoadedArtifact, LoadedRelease
from app.texts.catalogue import Locale

FULL: Final = "full"
SUMMARY: Final = "summary"

Block = dict[str, Any]
"""One capability's part of an answer."""

PLANS: Final = 16
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
    about, ``cards`` the ``model`` part of a block for each population, ``inputs`` what ``missing`` may name.
    """

    variant: str
    scorer: Scorer
    model: Model
    needed: frozenset[str]
    outputs: tuple[Output, ...]
    features: tuple[Told, ...]
    deciding: tuple[int, ...]
    cards: tuple[Block, ...]
    inputs: tuple[Input, ...]
    always_missing: tuple[str, ...]


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


def published(release: LoadedRelease) -> tuple[str, ...]:
    """Return the scorers that a release answers with, in the register's order."""
    return tuple([name for name in SCORERS if name in release.artifacts])


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
        cards=tuple(_card(key.artifact, population) for population in entry.populations),
        inputs=tuple(_inputs(entry)),
        always_missing=("orders",) if key.variant == SUMMARY else (),
    )


def _told(feature: FeatureEntry) -> Told:
    label = feature.label
    if label is None and feature.name.startswith(ATTRIBUTE_PREFIX):
        name = feature.name.removeprefix(ATTRIBUTE_PREFIX)
        label = Text(en=name, zh_cn=name)
    return Told(feature.name, feature.kind, feature.unit, label)


def _card(artifact: LoadedArtifact, population: Population) -> Block:
    """Return who answers and how good that is."""
    manifest = artifact.manifest
    return {
        "capability": manifest.capability,
        "version": manifest.version,
        "tier": population.tier,
        "grade": population.grade,
        "baseline": population.baseline.model_dump(),
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
