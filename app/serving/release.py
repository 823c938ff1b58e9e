"""A release in memory: verified, loaded, immutable, and replaced whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.artifacts.manifest import BusinessEntry, Manifest
from app.capabilities.base import Model
from app.estimators.blend import ItemModel
from app.estimators.ngrams import NgramModel
from app.serving.action_model import ActionModel


@dataclass(frozen=True, slots=True)
class LoadedArtifact:
    """One capability, ready to answer: a model for each variant, and the card as it was written.

    ``text_model`` reads texts, ``item_model`` ranks products and ``action_model`` chooses actions, where the
    capability needs that.
    """

    manifest: Manifest
    models: Mapping[str, Model]
    card: bytes
    card_markdown: bytes
    text_model: NgramModel | None = None
    item_model: ItemModel | None = None
    action_model: ActionModel | None = None


@dataclass(frozen=True, slots=True)
class LoadedRelease:
    """The artifacts that answer together.

    ``digest`` is the sha256 of the release file's bytes, 64 hex digits. A request reads the store's reference
    to this once, so that no answer mixes two releases.
    """

    name: str
    created_at: str
    business: BusinessEntry
    artifacts: Mapping[str, LoadedArtifact]
    digest: str
