"""One training run: what every capability's trainer is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.artifacts.manifest import BusinessEntry, ManifestDraft, Text
from app.domain.clock import from_microseconds
from app.domain.history import History
from app.features.schema import FeatureSet
from training.tables import Business, Tables
from training.variants import Progress


@dataclass(frozen=True, slots=True)
class Run:
    """The business, its tables as columns, and how to report progress."""

    business: Business
    tables: Tables
    history: History
    as_of: int
    """What is known is known at this time, microseconds since 1970 in UTC."""
    seed: int
    git_commit: str
    libraries: Mapping[str, str]
    progress: Progress
    memo: dict[str, Any] = field(default_factory=dict)
    """What capabilities share: a model that two of them are made of is fitted once."""

    @property
    def as_of_iso(self) -> str:
        """``as_of`` as ISO 8601 in the business's zone."""
        return from_microseconds(self.as_of, self.business.timezone).isoformat()

    @property
    def entry(self) -> BusinessEntry:
        """What the manifest says of the business."""
        return BusinessEntry(
            name=self.business.name,
            currency=self.business.currency,
            timezone=self.business.timezone,
            consent_defaults=dict(self.business.consent_defaults),
            simulated=self.business.simulated,
            attributes={name: attribute.kind for name, attribute in self.business.attributes.items()},
        )

    @property
    def attribute_labels(self) -> dict[str, Text]:
        """Labels of the declared attributes, as the manifest holds them."""
        return {
            name: Text(en=attribute.label.en, zh_cn=attribute.label.zh_cn)
            for name, attribute in self.business.attributes.items()
        }


@dataclass(frozen=True, slots=True)
class Trained:
    """A capability, trained and judged, not written yet.

    ``draft`` and ``files`` make the artifact once golden answers and the card are added; ``card`` is the
    model card as a document, ``markdown`` in words; ``plots`` are its pictures by file name.
    """

    draft: ManifestDraft
    files: Mapping[str, bytes]
    features: Mapping[str, FeatureSet]
    card: Mapping[str, Any]
    markdown: str
    plots: Mapping[str, bytes] = field(default_factory=dict)
