from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.artifacts.canonical import canonical_bytes
from app.artifacts.manifest import MANIFEST_NAME, FeatureEntry, Variant
from app.artifacts.reader import VerifiedArtifact
from app.domain.errors import DigestMismatchError, FeatureMismatchError, StructureError
from app.serving.loading import VerifiedRelease, load_artifact, load_draft, load_release, read_release
from tests.unit.artifacts import tiny

DRAFT = tiny.draft()
FULL, SUMMARY = DRAFT.variants


def verified(models: Path, folder: Path) -> VerifiedRelease:
    return read_release(models, tiny.release_bytes(None, "2026-01-31T09:30:00Z", folder))


def copied(entry: Any, **changes: Any) -> Any:
    return entry.model_copy(update=changes)


def with_features(**changes: Any) -> Variant:
    """Return the full variant with its first feature changed, and the schema hash that belongs to it."""
    features = (copied(FULL.features[0], **changes), *FULL.features[1:])
    variant: Variant = copied(FULL, features=features)
    return copied(variant, schema_hash=variant.feature_set().schema_hash)  # type: ignore[no-any-return]


def test_release_is_loaded_with_a_model_for_each_variant(models: Path, artifacts: tuple[Path, ...]) -> None:
    release = load_release(verified(models, artifacts[0]))
    churn = release.artifacts["churn"]
    assert release.business == tiny.BUSINESS
    assert churn.manifest.version == artifacts[0].name
    assert [rung.population for rung in churn.models["full"].rungs] == ["repeat", "first_order"]
    assert churn.models["full"].features.names == tiny.FULL
    assert churn.models["summary"].features.names == tiny.SUMMARY
    assert churn.models["full"].settings == {"gone_after_days": 365}
    assert churn.models["full"].rungs[0].calibration.slope == 0.9
    assert churn.card == b'{"goal":"test"}'


def test_release_cannot_be_changed(models: Path, artifacts: tuple[Path, ...]) -> None:
    release = load_release(verified(models, artifacts[0]))
    with pytest.raises(FrozenInstanceError):
        release.name = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        release.artifacts["churn"] = release.artifacts["churn"]  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        release.artifacts["churn"].models["full"].rungs[0].reference[0] = 1.0


def test_flipped_byte_stops_the_release(models: Path, artifacts: tuple[Path, ...]) -> None:
    path = artifacts[0] / "repeat.txt"
    path.write_bytes(path.read_bytes().replace(b"leaf_value=0", b"leaf_value=1", 1).swapcase())
    with pytest.raises(DigestMismatchError):
        verified(models, artifacts[0])


def test_manifest_of_another_version_than_the_release_states_is_refused(
    models: Path, artifacts: tuple[Path, ...]
) -> None:
    document = json.loads(tiny.release_bytes(None, "2026-01-31T09:30:00Z", artifacts[0]))
    document["artifacts"]["churn"]["version"] = artifacts[1].name
    with pytest.raises(StructureError):
        read_release(models, canonical_bytes(document))


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (with_features(version=2), "trained on days_since_last_order version 2"),
        (with_features(kind="flag"), "trained on days_since_last_order version 1 .flag."),
        (with_features(name="days_since_the_flood"), "days_since_the_flood, which this code does not know"),
        (copied(FULL, schema_hash="0" * 64), "schema hash"),
    ],
    ids=["version", "kind", "unknown", "hash"],
)
def test_feature_that_this_code_does_not_compute_is_refused(variant: Variant, message: str) -> None:
    with pytest.raises(FeatureMismatchError, match=message):
        load_draft(tiny.draft(variants=(variant, SUMMARY)), tiny.estimators())


def test_declared_attribute_needs_no_library() -> None:
    assert "attribute.contract" in load_draft(DRAFT, tiny.estimators()).models["full"].features.names


def with_population(**changes: Any) -> Variant:
    first, *others = FULL.populations
    return copied(FULL, populations=(copied(first, **changes), *others))  # type: ignore[no-any-return]


def with_estimator(**changes: Any) -> Variant:
    return with_population(estimator=copied(FULL.populations[0].estimator, **changes))


def with_vocabulary(index: int, *words: str) -> Variant:
    features: list[FeatureEntry] = list(FULL.features)
    features[index] = copied(features[index], vocabulary=words)
    return copied(FULL, features=tuple(features))  # type: ignore[no-any-return]


WRONG: dict[str, tuple[Mapping[str, Any], str]] = {
    "unknown capability": ({"capability": "horoscope"}, "no such capability"),
    "unknown variant": ({"variants": (copied(FULL, name="partial"),)}, "variant 'partial'"),
    "variant twice": ({"variants": (FULL, FULL)}, "variant 'full' stands twice"),
    "no population": ({"variants": (copied(FULL, populations=()),)}, "no population"),
    "population twice": (
        {"variants": (copied(FULL, populations=FULL.populations * 2),)},
        "population 'repeat'",
    ),
    "feature twice": ({"variants": (copied(FULL, features=FULL.features * 2),)}, "feature 'days_since"),
    "word twice": ({"variants": (with_vocabulary(2, "CN", "CN"),)}, "word of country 'CN'"),
    "number with words": ({"variants": (with_vocabulary(0, "CN"),)}, "number with a vocabulary"),
    "file that is not there": ({"variants": (with_estimator(file="other.txt"),)}, "not among the files"),
    "file of another kind": ({"variants": (with_estimator(kind="linear"),)}, "lies in a .npz file"),
    "calibration upside down": ({"variants": (with_estimator(slope=-1.0),)}, "upside down"),
    "quantiles that fall": ({"variants": (with_population(reference=(0.2, 0.1)),)}, "quantiles"),
    "unknown time zone": ({"business": copied(tiny.BUSINESS, timezone="Europe/Atlantis")}, "time zone"),
    "time zone that is a path": (
        {"business": copied(tiny.BUSINESS, timezone="../../etc/passwd")},
        "time zone",
    ),
    "unknown purpose": (
        {"business": copied(tiny.BUSINESS, consent_defaults={"spying": "granted"})},
        "purpose",
    ),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG.keys())
def test_manifest_that_cannot_answer_is_refused(changes: Mapping[str, Any], message: str) -> None:
    with pytest.raises(StructureError, match=message):
        load_draft(tiny.draft(**changes), tiny.estimators())


def test_structure_is_checked_before_a_parser_sees_the_bytes() -> None:
    crafted = tiny.rewritten(tiny.trees(), ("left_child", "0 0 0 0 0"))
    with pytest.raises(StructureError, match=r"repeat\.txt: tree 0"):
        load_draft(DRAFT, {**tiny.estimators(), "repeat.txt": crafted})


def artifact_of(models: Path, folder: Path) -> VerifiedArtifact:
    return verified(models, folder).artifacts["churn"]


@pytest.mark.parametrize("card", ["card.json", "card.md"])
def test_artifact_without_a_card_is_refused(models: Path, artifacts: tuple[Path, ...], card: str) -> None:
    held = artifact_of(models, artifacts[0])
    files = {name: content for name, content in held.files.items() if name != card}
    with pytest.raises(StructureError, match=f"churn/{artifacts[0].name}: the model card {card}"):
        load_artifact(replace(held, files=files))


def test_card_that_is_no_json_is_refused(models: Path, artifacts: tuple[Path, ...]) -> None:
    held = artifact_of(models, artifacts[0])
    with pytest.raises(StructureError, match=r"card\.json"):
        load_artifact(replace(held, files={**held.files, "card.json": b'{"auc": NaN}'}))


def test_artifacts_of_different_businesses_are_refused(models: Path, artifacts: tuple[Path, ...]) -> None:
    one = verified(models, artifacts[0])
    held = one.artifacts["churn"]
    for business in (copied(tiny.BUSINESS, currency="EUR"), copied(tiny.BUSINESS, name="another")):
        other = replace(held, manifest=held.manifest.model_copy(update={"business": business}))
        with pytest.raises(StructureError, match="different businesses"):
            load_release(replace(one, artifacts={"churn": held, "other": other}))


def test_estimator_that_two_populations_share_is_parsed_once() -> None:
    shared = copied(FULL.populations[1], estimator=FULL.populations[0].estimator)
    variant = copied(FULL, populations=(FULL.populations[0], shared))
    rungs = load_draft(tiny.draft(variants=(variant,)), tiny.estimators()).models["full"].rungs
    assert rungs[0].estimator is rungs[1].estimator


def test_draft_and_written_artifact_answer_the_same(models: Path, artifacts: tuple[Path, ...]) -> None:
    X = np.array([[40.0, 3.0, 1.0, np.nan], [10.0, 1.0, np.nan, 0.0]])
    loaded = {
        json.loads((folder / MANIFEST_NAME).read_bytes())["files"]["repeat.txt"]["sha256"]: folder
        for folder in artifacts
    }
    assert len(loaded) == 2
    seed_of = {folder.name: seed for seed in (0, 1) for folder in artifacts if is_of(folder, seed)}
    for folder in artifacts:
        written = load_artifact(artifact_of(models, folder)).models["full"]
        drafted = load_draft(DRAFT, tiny.estimators(seed_of[folder.name])).models["full"]
        for a, b in zip(written.rungs, drafted.rungs, strict=True):
            np.testing.assert_array_equal(a.estimator.margin(X), b.estimator.margin(X))


def is_of(folder: Path, seed: int) -> bool:
    return (folder / "repeat.txt").read_bytes() == tiny.trees(seed)
