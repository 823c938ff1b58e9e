from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.artifacts.canonical import canonical_bytes
from app.artifacts.manifest import MANIFEST_NAME, EstimatorEntry, FeatureEntry, ManifestDraft, Variant
from app.artifacts.reader import VerifiedArtifact
from app.domain.errors import DigestMismatchError, FeatureMismatchError, StructureError
from app.estimators.base import Moment, trained_moment
from app.estimators.forecast import Forecasting
from app.estimators.trees import read_trees
from app.serving.loading import VerifiedRelease, load_artifact, load_draft, load_release, read_release
from app.serving.probe import probe_model
from tests.unit.artifacts import tiny
from tests.unit.capabilities.buyers import customers
from tests.unit.estimators.forecasts import forecast
from tests.unit.serving import composed

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
            one, other = (rung.at(trained_moment(2)).margin(X) for rung in (a, b))
            np.testing.assert_array_equal(one, other)


def is_of(folder: Path, seed: int) -> bool:
    return (folder / "repeat.txt").read_bytes() == tiny.trees(seed)


# What estimators are made of


def moment_of(size: int, horizon: int | None = None, elapsed: float = 0.0) -> Moment:
    return Moment(horizon, np.full(size, elapsed))


def test_a_forecast_is_asked_for_its_quantity_and_its_distances_are_scaled() -> None:
    [_, rung] = composed.loaded(composed.churn()).models["full"].rungs
    X = customers()
    for moment in (trained_moment(len(X)), moment_of(len(X), 30, 200.0)):
        expected = 0.2 + Forecasting(forecast(), "no_order", 0.7).at(moment).margin(X)
        np.testing.assert_allclose(rung.calibration.apply(rung.at(moment).margin(X)), expected)
    # The weight turns around the customer of reference: a slope of the whole margin would not.
    usual = np.append(forecast().reference, [0.0, 0.0])[None, :]
    alone = Forecasting(forecast(), "no_order").at(moment_of(1, 30)).margin(usual)
    np.testing.assert_allclose(rung.calibration.apply(rung.at(moment_of(1, 30)).margin(usual)), 0.2 + alone)


def test_trees_that_stand_on_a_forecast_are_added_to_it_with_their_own_weight() -> None:
    [rung, _] = composed.loaded(composed.churn()).models["full"].rungs
    X, trees = customers(), read_trees(composed.trees())
    for moment in (trained_moment(len(X)), moment_of(len(X), 30, -50.0)):
        below = Forecasting(forecast(), "no_order", 0.9).at(moment).margin(X)
        expected = -0.1 + below + 0.6 * trees.margin(X)
        np.testing.assert_allclose(rung.calibration.apply(rung.at(moment).margin(X)), expected)


def test_elsewhere_is_a_rung_of_its_own_with_the_thresholds_of_the_population() -> None:
    [rung, other] = composed.loaded(composed.churn()).models["full"].rungs
    assert other.elsewhere is None
    assert rung.elsewhere is not None
    assert rung.elsewhere.population == "repeat"
    assert rung.elsewhere.thresholds == rung.thresholds
    assert rung.elsewhere.calibration.intercept == 0.2
    X, moment = customers(), moment_of(80, 30)
    expected = Forecasting(forecast(), "no_order", 0.7).at(moment).margin(X)
    np.testing.assert_allclose(rung.elsewhere.at(moment).margin(X), expected)


def test_an_estimator_that_does_not_know_time_is_the_same_at_every_moment() -> None:
    rung = load_draft(DRAFT, tiny.estimators()).models["full"].rungs[0]
    assert rung.timed is None
    assert rung.at(moment_of(3, 7, 99.0)) is rung.estimator


def test_the_forecast_of_a_variant_is_the_one_that_its_rungs_stand_on() -> None:
    model = composed.loaded(composed.purchase()).models["full"]
    assert model.forecast is not None
    assert all(rung.timed.forecasting.forecast is model.forecast for rung in model.rungs)  # type: ignore[union-attr]
    assert composed.loaded(composed.churn()).models["full"].forecast is None


def test_a_population_without_an_estimator_answers_from_the_settings() -> None:
    model = composed.loaded(composed.segment()).models["full"]
    [rung] = model.rungs
    assert (rung.estimator, rung.timed, rung.elsewhere) == (None, None, None)
    with pytest.raises(ValueError, match="nothing is fitted"):
        rung.at(trained_moment(1))
    assert model.settings["cycle_days"] == 40.0


def test_settings_of_the_variant_join_those_of_the_artifact() -> None:
    model = composed.loaded(composed.clv()).models["full"]
    assert model.settings["margin"] == 0.4
    assert model.settings["range"]["spread"] == [0.1, 0.6, 0.3]
    with pytest.raises(TypeError):
        model.settings["margin"] = 1.0  # type: ignore[index]


def clv_with(**own: Any) -> ManifestDraft:
    """Return clv with other settings of its variant."""
    one = composed.clv()
    [full] = one.variants
    return copied(one, variants=(copied(full, settings={**full.settings, **own}),))  # type: ignore[no-any-return]


def churn_with(entry: EstimatorEntry, **changes: Any) -> ManifestDraft:
    return composed.churn(composed.population("repeat", entry, **changes))


MISCOMPOSED: dict[str, tuple[ManifestDraft, str]] = {
    "setting twice": (clv_with(margin=0.4), "setting 'margin' stands twice"),
    "forecast without a quantity": (churn_with(composed.btyd(None)), "out of place"),
    "quantity of trees": (
        churn_with(copied(composed.on_a_forecast(), quantity="spend")),
        "out of place",
    ),
    "forecast under a rule": (
        churn_with(composed.on_a_forecast(kind="rates", file="rule.json")),
        "out of place",
    ),
    "forecast upside down": (churn_with(composed.btyd(slope=-0.1)), "upside down"),
    "trees upside down": (churn_with(composed.on_a_forecast(slope=-0.1)), "upside down"),
    "forecast below upside down": (
        churn_with(
            composed.on_a_forecast(forecast={"file": composed.FORECAST, "quantity": "no_order", "weight": -1})
        ),
        "upside down",
    ),
    "elsewhere upside down": (
        churn_with(composed.on_a_forecast(), elsewhere=composed.elsewhere(slope=-1.0)),
        "upside down",
    ),
    "elsewhere that is not there": (
        churn_with(composed.on_a_forecast(), elsewhere=composed.elsewhere(file="other.json")),
        "not among the files",
    ),
    "forecast that is not there": (
        churn_with(composed.on_a_forecast(forecast={"file": "other.json", "quantity": "no_order"})),
        "not among the files",
    ),
    "forecast of the variant that is not there": (
        composed.purchase(variants=(copied(composed.purchase().variants[0], forecast="other.json"),)),
        "not among the files",
    ),
    "trees in place of a forecast": (churn_with(composed.btyd(file=composed.TREES)), "lies in a .json file"),
    "rule in place of a forecast": (churn_with(composed.btyd(file="rule.json")), "the fields are not"),
    "levels of the wrong order": (clv_with(range={"levels": [[0.9, 0.1]] * 3, "spread": [0, 0, 0]}), "range"),
    "no range at all": (clv_with(range={}), "cannot answer from its settings: KeyError"),
    "range that is a word": (clv_with(range="wide"), "cannot answer from its settings: TypeError"),
    "margin that is a word": (composed.clv({"margin": "all"}), "cannot answer from its settings: ValueError"),
    "purchase without a horizon": (
        composed.purchase(label=composed.draft("segment", composed.variant(), {}).label),
        "no horizon",
    ),
}


@pytest.mark.parametrize(("one", "message"), MISCOMPOSED.values(), ids=MISCOMPOSED.keys())
def test_what_does_not_belong_together_is_refused(one: ManifestDraft, message: str) -> None:
    with pytest.raises(StructureError, match=message):
        composed.loaded(one)


@pytest.mark.parametrize(
    "make", [composed.churn, composed.purchase, composed.clv], ids=["churn", "purchase", "clv"]
)
def test_composed_models_stand_the_probe(make: Callable[[], ManifestDraft]) -> None:
    for model in composed.loaded(make()).models.values():
        probe_model(model, "here")


def test_a_fitted_capability_without_an_estimator_is_refused() -> None:
    with pytest.raises(StructureError):
        composed.loaded(composed.churn(composed.population("repeat", None)))
