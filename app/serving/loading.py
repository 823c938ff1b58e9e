"""From verified bytes to a release that can answer. The only place where bytes of an artifact are parsed.

Rules:

1. Bytes come from :mod:`app.artifacts.reader`, digests checked, and go through
   :mod:`app.artifacts.structure` before an estimator reads them.
2. The capability stands in the register. A library feature has the version and kind that this code
   computes, and the schema hash is the one that belongs to the listed features.
3. A variant is of a known form; names of variants, of populations and of features are unique.
4. All artifacts of a release were trained for the same business: its currency, time zone and consents hold
   for every answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

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
from app.artifacts.structure import check_estimator
from app.capabilities import SCORERS
from app.capabilities.base import Model, Rung
from app.domain.errors import FeatureMismatchError, StructureError
from app.domain.history import PURPOSES
from app.estimators.base import Calibration, Estimator
from app.estimators.linear import read_linear
from app.estimators.rates import read_rates
from app.estimators.trees import read_trees
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX, FeatureSet
from app.serving.release import LoadedArtifact, LoadedRelease

READERS: Final[Mapping[str, Callable[[bytes], Estimator]]] = MappingProxyType(
    {"rates": read_rates, "linear": read_linear, "trees": read_trees}
)
VARIANTS: Final = ("full", "summary")
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
    return LoadedRelease(
        name=verified.release.name,
        created_at=verified.release.created_at,
        business=first.manifest.business,
        artifacts=MappingProxyType(artifacts),
        digest=verified.digest,
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
    if manifest.capability not in SCORERS:
        raise StructureError(f"no such capability; this service knows {', '.join(sorted(SCORERS))}")
    _check_business(manifest.business)
    _refuse_twice("variant", (variant.name for variant in manifest.variants))
    models = {variant.name: _load_variant(manifest, variant, verified.files) for variant in manifest.variants}
    return LoadedArtifact(
        manifest,
        MappingProxyType(models),
        verified.files.get(CARD_NAME, b"{}"),
        verified.files.get(CARD_MARKDOWN_NAME, b""),
    )


def _load_variant(manifest: Manifest, variant: Variant, files: Mapping[str, bytes]) -> Model:
    """Return one variant's model (rules 1 to 3)."""
    if variant.name not in VARIANTS:
        raise StructureError(f"the variant {variant.name!r} is none of {', '.join(VARIANTS)}")
    features = _feature_set(variant)
    if not variant.populations:
        raise StructureError(f"the variant {variant.name} answers for no population")
    _refuse_twice("population", (population.name for population in variant.populations))
    read: dict[tuple[str, str], Estimator] = {}
    for population in variant.populations:
        entry = population.estimator
        if entry.file not in files:
            raise StructureError(f"the estimator {entry.file} is not among the files")
        if (entry.kind, entry.file) not in read:
            check_estimator(entry.kind, entry.file, files[entry.file], features)
            read[entry.kind, entry.file] = _estimator(entry.kind, entry.file, files[entry.file])
    return Model(
        features=features,
        rungs=tuple(
            _rung(population, read[population.estimator.kind, population.estimator.file])
            for population in variant.populations
        ),
        definition=manifest.label.definition,
        horizon_days=manifest.label.horizon_days,
        settings=MappingProxyType(dict(manifest.settings)),
    )


def _estimator(kind: str, file: str, data: bytes) -> Estimator:
    """Return a fitted model from bytes whose structure has been checked."""
    try:
        return READERS[kind](data)
    except ValueError as error:
        # LightGBM's own parameters, which no answer depends on, are parsed as JSON and may still fail.
        raise StructureError(f"{file}: its parser refuses it: {type(error).__name__}") from error


def _rung(population: Population, estimator: Estimator) -> Rung:
    """Return the published rung of one population."""
    reference = np.array(population.reference, dtype=np.float64)
    if (np.diff(reference) < 0).any():
        raise StructureError(f"the reference quantiles of {population.name} fall")
    if population.estimator.slope < 0:
        raise StructureError(f"the calibration of {population.name} turns the model upside down")
    reference.flags.writeable = False
    return Rung(
        population=population.name,
        estimator=estimator,
        calibration=Calibration(population.estimator.intercept, population.estimator.slope),
        thresholds=MappingProxyType(dict(population.thresholds)),
        reference=reference,
    )


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
