"""From verified bytes to a release that can answer. The only place where bytes of an artifact are parsed.

Rules:

1. Bytes come from :mod:`app.artifacts.reader`, digests checked, and go through
   :mod:`app.artifacts.structure` before an estimator reads them.
2. The capability stands in the register. A library feature has the version and kind that this code
   computes, and the schema hash is the one that belongs to the listed features.
3. A variant is of a known form; names of variants, of populations and of features are unique.
4. All artifacts of a release were trained for the same business: its currency, time zone and consents hold
   for every answer.
5. Churn by inactivity and purchase are one probability and its rest: both come from the same files.
6. A model of texts is an archive of plain arrays, checked whole by its own reader.
7. A catalogue likewise; trees that rank again have one input for each of the blend's.
8. A playbook is compiled whole; beside it stands at most a model of who answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from app.artifacts.canonical import parse_object, sha256
from app.artifacts.manifest import (
    CARD_MARKDOWN_NAME,
    CARD_NAME,
    BusinessEntry,
    Manifest,
    ManifestDraft,
    Population,
    Release,
    Variant,
)
from app.artifacts.reader import VerifiedArtifact, parse_release, read_artifact
from app.capabilities import CAPABILITIES, SCORERS, TRIGGERS
from app.capabilities.base import Model, Scorer
from app.domain.errors import FeatureMismatchError, StructureError
from app.domain.history import PURPOSES
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX, FeatureSet
from app.serving.composing import EstimatorFiles, rung_of
from app.serving.loading_parts import action_model, item_model, text_model
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.rules import rules_of

VARIANTS: Final = ("full", "summary")
CONTACTED: Final = "contacted"
_DRAFT_VERSION: Final = "00000000-00000000"


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release and the bytes of its artifacts, all checked by digest, none of them parsed."""

    release: Release
    artifacts: Mapping[str, VerifiedArtifact]
    digest: str


def read_release(models: Path, data: bytes) -> VerifiedRelease:
    """Return the release that some bytes describe, with the verified bytes of its artifacts.

    Parameters
    ----------
    models : Path
        The models folder.
    data : bytes
        A release file's content: the authority for every digest.

    Raises
    ------
    ArtifactError
        The release or an artifact cannot be read, differs from its digest, or is not what it must be.
    """
    release = parse_release(data)
    artifacts = {
        name: read_artifact(models / name / entry.version, entry.manifest_sha256)
        for name, entry in release.artifacts.items()
    }
    return VerifiedRelease(release, MappingProxyType(artifacts), sha256(data))


def load_release(verified: VerifiedRelease) -> LoadedRelease:
    """Return a release that can answer.

    Raises
    ------
    StructureError
        A model is not well-formed, or the artifacts were trained for different businesses.
    FeatureMismatchError
        A model was trained on features that this code does not compute.
    """
    artifacts = {name: load_artifact(artifact) for name, artifact in verified.artifacts.items()}
    first, *others = artifacts.values()
    for other in others:
        if other.manifest.business != first.manifest.business:
            raise StructureError(
                f"{first.manifest.capability} and {other.manifest.capability} were trained for different "
                "businesses, or for different settings of one; all artifacts of a release must agree"
            )
    _check_one_probability(artifacts)
    return LoadedRelease(
        name=verified.release.name,
        created_at=verified.release.created_at,
        business=first.manifest.business,
        artifacts=MappingProxyType(artifacts),
        digest=verified.digest,
    )


def _check_one_probability(artifacts: Mapping[str, LoadedArtifact]) -> None:
    """Refuse churn by inactivity and purchase that are not one model: they must add up to 1 (rule 5)."""
    churn, purchase = artifacts.get("churn"), artifacts.get("purchase")
    if churn is None or purchase is None or churn.manifest.label.definition != "inactivity":
        return
    for variant in churn.manifest.variants:
        twin = purchase.manifest.variant(variant.name)
        others = {} if twin is None else {one.name: one for one in twin.populations}
        for population in variant.populations:
            other = others.get(population.name)
            if other is None or _digests(churn, population) != _digests(purchase, other):
                raise StructureError(
                    "churn by inactivity and purchase were not trained together, so their probabilities "
                    "would not add up to 1; train both: --only churn,purchase"
                )


def _digests(artifact: LoadedArtifact, population: Population) -> tuple[object, ...]:
    """Return what decides a population's probability: who is in it, how it is composed, its files."""
    entry, manifest = population.estimator, artifact.manifest
    if entry is None:
        return ()
    files = [entry.file, *([] if entry.forecast is None else [entry.forecast.file])]
    return (
        entry,
        *(manifest.files[file].sha256 for file in files),
        manifest.label.horizon_days,
        manifest.settings.get("gone_after_days"),
        manifest.trained_as_of,
    )


def load_artifact(verified: VerifiedArtifact) -> LoadedArtifact:
    """Return an artifact that can answer.

    Raises
    ------
    StructureError, FeatureMismatchError
        As :func:`load_release`; the message begins with the artifact's name.
    """
    manifest = verified.manifest
    try:
        _check_card(verified.files)
        return _load(verified)
    except (StructureError, FeatureMismatchError) as error:
        raise type(error)(f"{manifest.capability}/{manifest.version}: {error}") from error


def load_draft(draft: ManifestDraft, files: Mapping[str, bytes]) -> LoadedArtifact:
    """Return an artifact that can answer before it is written, to get its golden answers.

    Parameters
    ----------
    draft : ManifestDraft
        The manifest without version and files.
    files : mapping of name to bytes
        The estimators; a model card is not needed yet.

    Raises
    ------
    StructureError, FeatureMismatchError
        As :func:`load_artifact`.
    """
    document = draft.model_dump(by_alias=True, include=set(ManifestDraft.model_fields))
    manifest = Manifest.model_validate({**document, "version": _DRAFT_VERSION, "files": {}})
    return _load(VerifiedArtifact(manifest, files))


def _load(verified: VerifiedArtifact) -> LoadedArtifact:
    manifest = verified.manifest
    if manifest.capability not in CAPABILITIES:
        raise StructureError(f"no such capability; this service knows {', '.join(sorted(CAPABILITIES))}")
    if manifest.capability == TRIGGERS:
        rules_of(manifest.settings)
    _check_business(manifest.business)
    _refuse_twice("variant", (variant.name for variant in manifest.variants))
    models = {variant.name: _load_variant(manifest, variant, verified.files) for variant in manifest.variants}
    return LoadedArtifact(
        manifest,
        MappingProxyType(models),
        verified.files.get(CARD_NAME, b"{}"),
        verified.files.get(CARD_MARKDOWN_NAME, b""),
        text_model(manifest, verified.files),
        item_model(manifest, verified.files),
        action_model(manifest),
    )


def _load_variant(manifest: Manifest, variant: Variant, files: Mapping[str, bytes]) -> Model:
    """Return one variant's model (rules 1 to 3)."""
    if variant.name not in VARIANTS:
        raise StructureError(f"the variant {variant.name!r} is none of {', '.join(VARIANTS)}")
    features = _feature_set(variant)
    scorer = SCORERS.get(manifest.capability)
    if scorer is not None and not variant.populations:
        raise StructureError(f"the variant {variant.name} answers for no population")
    _refuse_twice("population", (population.name for population in variant.populations))
    twice = manifest.settings.keys() & variant.settings.keys()
    if twice:
        raise StructureError(f"the setting {min(twice)[:64]!r} stands twice")
    read = EstimatorFiles(files, features, {})
    model = Model(
        features=features,
        rungs=tuple(rung_of(population, read) for population in variant.populations),
        definition=manifest.label.definition,
        horizon_days=manifest.label.horizon_days,
        settings=MappingProxyType({**manifest.settings, **variant.settings}),
        forecast=None if variant.forecast is None else read.forecast(variant.forecast),
    )
    if scorer is not None:
        _check_model(scorer, model)
    return model


def _check_model(scorer: Scorer, model: Model) -> None:
    """Refuse a model that its capability cannot answer from."""
    try:
        scorer.check(model)
    except (KeyError, TypeError, ValueError) as error:
        raise StructureError(
            f"{scorer.name} cannot answer from its settings: {type(error).__name__}"
        ) from error


def _feature_set(variant: Variant) -> FeatureSet:
    """Return a variant's inputs, if this code computes every one of them as training did (rule 2)."""
    _refuse_twice("feature", (entry.name for entry in variant.features))
    for entry in variant.features:
        _refuse_twice(f"word of {entry.name}", entry.vocabulary)
        if entry.vocabulary and entry.kind != "category":
            raise StructureError(f"{entry.name} is a {entry.kind} with a vocabulary")
        if entry.name.startswith(ATTRIBUTE_PREFIX):
            continue
        known = LIBRARY.get(entry.name)
        if known is None:
            raise FeatureMismatchError(
                f"the model needs the feature {entry.name}, which this code does not know"
            )
        if (known.version, known.kind) != (entry.version, entry.kind):
            raise FeatureMismatchError(
                f"the model was trained on {entry.name} version {entry.version} ({entry.kind}); this code "
                f"computes version {known.version} ({known.kind})"
            )
    features = variant.feature_set()
    if features.schema_hash != variant.schema_hash:
        raise FeatureMismatchError(
            f"the features of the variant {variant.name} have the schema hash {features.schema_hash[:12]}; "
            f"the manifest states {variant.schema_hash[:12]}"
        )
    return features


def _check_card(files: Mapping[str, bytes]) -> None:
    """Refuse an artifact without a card, or whose card is not what a caller will take it for."""
    for card in (CARD_NAME, CARD_MARKDOWN_NAME):
        if card not in files:
            raise StructureError(f"the model card {card} is missing")
    parse_object(files[CARD_NAME], CARD_NAME)


def _check_business(business: BusinessEntry) -> None:
    """Refuse a business whose days or consents could not be told."""
    try:
        ZoneInfo(business.timezone)
    except (OSError, ValueError, KeyError):
        raise StructureError(f"the time zone {business.timezone[:64]!r} is not known here") from None
    if not business.consent_defaults.keys() <= set(PURPOSES):
        raise StructureError(f"consent_defaults names another purpose than {', '.join(PURPOSES)}")


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise StructureError(f"the {what} {twice[0][:64]!r} stands twice")
