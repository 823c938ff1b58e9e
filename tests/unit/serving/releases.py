"""Releases in memory whose models read every feature of the library, fitted to random histories."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from app.artifacts.manifest import (
    Baseline,
    BusinessEntry,
    EstimatorEntry,
    FeatureEntry,
    Interval,
    Label,
    ManifestDraft,
    Population,
    Text,
    Variant,
)
from app.capabilities.churn import reach_features
from app.domain.history import Array
from app.estimators.linear import Linear, write_linear
from app.features.compute import compute
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX, FeatureSet
from app.serving.loading import load_draft
from app.serving.release import LoadedArtifact, LoadedRelease
from tests.unit.features.histories import AS_OF, ATTRIBUTES, Chance, Raw, customer, history_of

VOCABULARIES: Final = {
    "country": ("CN", "GB"),
    "loyalty_tier": ("", "gold"),
    "attribute.contract": ("monthly", "yearly"),
}
LABELS: Final = {
    "contract": Text(en="contract type", zh_cn="合约类型"),
    "seats": Text(en="seats", zh_cn="席位数"),
    "paperless": None,
}
BUSINESS: Final = BusinessEntry(
    name="random", currency="GBP", timezone="Europe/London", consent_defaults={"marketing": "denied"}
)
KINDS: Final = {"categorical": "category", "numeric": "number", "boolean": "flag"}
UNITS: Final = {"categorical": "word", "numeric": "value", "boolean": "flag"}


def population_of(seed: int, size: int = 220) -> list[Raw]:
    """Return random customers."""
    return [customer(Chance(seed * 10_000 + k), f"c{k}") for k in range(size)]


def entries(definition: str, *, is_summary: bool) -> tuple[FeatureEntry, ...]:
    """Return the inputs of a variant: the deciding ones, then all others of the library, then attributes."""
    first = reach_features(definition, is_summary=is_summary)
    rest = [name for name, feature in LIBRARY.items() if (feature.summary if is_summary else True)]
    if not is_summary:
        rest = [name for name in rest if LIBRARY[name].table != "summary"]
    names = [*first, *(name for name in rest if name not in first)]
    library = [
        FeatureEntry(
            name=name,
            version=LIBRARY[name].version,
            kind=LIBRARY[name].kind,
            unit=LIBRARY[name].unit,
            table=LIBRARY[name].table,
            vocabulary=VOCABULARIES.get(name, ("a", "b")) if LIBRARY[name].kind == "category" else (),
        )
        for name in names
    ]
    declared = [
        FeatureEntry.model_validate(
            {
                "name": ATTRIBUTE_PREFIX + name,
                "version": 1,
                "kind": KINDS[kind],
                "unit": UNITS[kind],
                "table": "customers",
                "vocabulary": VOCABULARIES.get(ATTRIBUTE_PREFIX + name, ()),
                "label": LABELS[name],
            }
        )
        for name, kind in ATTRIBUTES.items()
    ]
    return (*library, *declared)


def variant_of(name: str, definition: str, populations: tuple[Population, ...]) -> Variant:
    blank = Variant(
        name=name,
        features=entries(definition, is_summary=name == "summary"),
        schema_hash="0" * 64,
        populations=populations,
    )
    return blank.model_copy(update={"schema_hash": blank.feature_set().schema_hash})


def population(name: str, kind: str, file: str) -> Population:
    return Population(
        name=name,
        tier="ml" if kind == "trees" else "statistical",
        grade="A",
        estimator=EstimatorEntry.model_validate(
            {"kind": kind, "file": file, "intercept": -0.2, "slope": 0.8}
        ),
        baseline=Baseline(name="silence", metric="auc", value=0.7, model_value=0.8),
        metrics={"auc": Interval(value=0.8, low=0.75, high=0.85)},
        counts={"rows": 400},
        thresholds={"yellow": 0.4, "red": 0.6},
        reference=tuple(np.linspace(0.05, 0.95, 21).tolist()),
    )


def matrix_of(features: FeatureSet, raw: list[Raw]) -> Array:
    return features.matrix(compute(history_of(raw, BUSINESS.timezone), AS_OF), len(raw))


def fitted_trees(features: FeatureSet, raw: list[Raw]) -> bytes:
    """Return trees that tell random labels of random histories apart."""
    X = matrix_of(features, raw)
    y = (np.random.default_rng(5).random(len(X)) < 0.5).astype(float)
    data = lgb.Dataset(
        X,
        y,
        feature_name=[f"f{j}" for j in range(X.shape[1])],
        categorical_feature=list(features.categorical),
        params={"min_data_per_group": 5, "min_data_in_bin": 1, "verbosity": -1},
    )
    settings = {
        "objective": "binary",
        "num_leaves": 9,
        "min_data_in_leaf": 3,
        "feature_fraction": 0.3,
        "seed": 2,
        "deterministic": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    return lgb.train(settings, data, 30).model_to_string().encode()


def random_linear(features: FeatureSet) -> bytes:
    """Return a linear model with a part in every input."""
    rng, width = np.random.default_rng(3), len(features.names)
    words = [len(features.vocabularies.get(name, ())) for name in features.names]
    coefficient = np.where(np.array(words) > 0, 0.0, rng.normal(0, 0.4, width))
    return write_linear(
        Linear(
            is_log=rng.integers(0, 2, width).astype(float),
            low=np.full(width, -3.0),
            high=np.full(width, 6.0),
            center=rng.normal(2, 1, width),
            scale=rng.uniform(0.5, 3, width),
            coefficient=coefficient,
            missing=rng.normal(0, 0.2, width),
            level_offsets=np.cumsum([0, *words]),
            levels=rng.normal(0, 0.5, sum(words)),
            intercept=-0.3,
        )
    )


@lru_cache(maxsize=4)
def artifact(definition: str = "inactivity", horizon_days: int | None = 90) -> LoadedArtifact:
    """Return an artifact that reads everything; by inactivity it also takes summaries."""
    full: tuple[Population, ...] = (population("all", "trees", "full.txt"),)
    if definition == "inactivity":
        full = (population("repeat", "trees", "full.txt"), population("first_order", "linear", "full.npz"))
    variants = [variant_of("full", definition, full)]
    if definition == "inactivity":
        names = ("repeat", "first_order")
        variants.append(
            variant_of(
                "summary", definition, tuple(population(name, "linear", "summary.npz") for name in names)
            )
        )
    draft = ManifestDraft(
        capability="churn",
        business=BUSINESS,
        label=Label(definition=definition, horizon_days=horizon_days, text=Text(en="lost", zh_cn="流失")),
        settings={"gone_after_days": 300},
        variants=tuple(variants),
        golden="golden.json",
        trained_as_of="2024-06-12T15:20:00+01:00",
        data_fingerprint="0" * 64,
        seed=1,
        git_commit="unknown",
        libraries={},
    )
    features = variants[0].feature_set()
    made = {"full.txt": fitted_trees(features, population_of(9)), "full.npz": random_linear(features)}
    if definition == "inactivity":
        made["summary.npz"] = random_linear(variants[1].feature_set())
    return load_draft(draft, made)


def release(definition: str = "inactivity", **changes: Any) -> LoadedRelease:
    known = {
        "name": "20240612T152000Z-00000000",
        "created_at": "2024-06-12T15:20:00Z",
        "business": BUSINESS,
        "artifacts": MappingProxyType({"churn": artifact(definition)}),
        "digest": "0" * 64,
    }
    return LoadedRelease(**{**known, **changes})
