"""Tiny real artifacts: real estimators over a few real features, written and published by the real code.

For the tests of artifacts, serving and publishing. ``publish_quietly`` writes the files of a release without
the checks of ``training.publish``, as a careless or hostile publisher would.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from app.artifacts.canonical import canonical_bytes, release_name, sha256
from app.artifacts.manifest import (
    CARD_MARKDOWN_NAME,
    CARD_NAME,
    MANIFEST_NAME,
    RELEASE_NAME,
    RELEASES_FOLDER,
    Baseline,
    BusinessEntry,
    EstimatorEntry,
    FeatureEntry,
    Grade,
    Interval,
    Label,
    ManifestDraft,
    Population,
    Text,
    Tier,
    Variant,
)
from app.artifacts.writer import replace_file, write_artifact
from app.features.library import LIBRARY
from app.features.schema import Feature, FeatureSet
from app.serving.golden import write_golden
from app.serving.loading import load_draft

AS_OF: Final = 1_700_000_000_000_000
DAY: Final = 86_400_000_000
COUNTRIES: Final = ("CN", "DE", "GB")
FULL: Final = ("days_since_last_order", "order_days", "country", "attribute.contract")
SUMMARY: Final = ("summary.days_since_last_order", "summary.order_count")
CONTRACTS: Final = ("monthly", "yearly")
BUSINESS: Final = BusinessEntry(
    name="tiny",
    currency="GBP",
    timezone="Europe/London",
    consent_defaults={"marketing": "denied"},
    simulated=True,
)


def feature_entry(name: str) -> FeatureEntry:
    """Return the manifest's entry of a library feature or of the one declared attribute."""
    if name == "attribute.contract":
        label = Text(en="contract type", zh_cn="合约类型")
        return FeatureEntry(
            name=name,
            version=1,
            kind="category",
            unit="word",
            table="customers",
            vocabulary=CONTRACTS,
            label=label,
        )
    known = LIBRARY[name]
    return FeatureEntry(
        name=name,
        version=known.version,
        kind=known.kind,
        unit=known.unit,
        low=known.low if np.isfinite(known.low) else None,
        table=known.table,
        vocabulary=COUNTRIES if known.kind == "category" else (),
    )


def feature_set(names: tuple[str, ...] = FULL) -> FeatureSet:
    """Return the inputs in the form that builds X."""
    entries = [feature_entry(name) for name in names]
    return FeatureSet(
        tuple(Feature(entry.name, entry.unit, kind=entry.kind) for entry in entries),
        {entry.name: entry.vocabulary for entry in entries if entry.kind == "category"},
    )


@lru_cache(maxsize=8)
def trees(seed: int = 0, objective: str = "binary") -> bytes:
    """Return a small LightGBM model over ``FULL``, with categorical splits and missing values."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.gamma(2, 30, 400), rng.integers(2, 20, 400), rng.integers(0, 3, 400), rng.integers(0, 2, 400)]
    ).astype(float)
    X[rng.random(400) < 0.1, 3] = np.nan
    y = ((X[:, 0] > 60) ^ (X[:, 2] == 1)).astype(float)
    settings = {
        "objective": objective,
        "num_leaves": 6,
        "min_data_in_leaf": 10,
        "min_data_per_group": 10,
        "verbosity": -1,
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
    }
    booster = lgb.train(settings, lgb.Dataset(X, y, categorical_feature=[2, 3]), 4)
    return booster.model_to_string().encode()


def linear_arrays(names: tuple[str, ...] = FULL) -> dict[str, Any]:
    """Return the arrays of a linear model."""
    features = feature_set(names)
    words = [len(features.vocabularies.get(name, ())) for name in names]
    count = len(names)
    return {
        "is_log": np.array([1.0] + [0.0] * (count - 1)),
        "low": np.zeros(count),
        "high": np.full(count, 10.0),
        "center": np.ones(count),
        "scale": np.full(count, 2.0),
        "coefficient": np.linspace(0.5, -0.5, count),
        "missing": np.full(count, 0.1),
        "level_offsets": np.cumsum([0, *words]),
        "levels": np.linspace(-0.2, 0.2, sum(words)),
        "intercept": np.array([-1.0]),
    }


def archive(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays as an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def rates_document(base: float = -0.5) -> dict[str, Any]:
    """Return a table of rates by the days since the last order of a summary."""
    return {
        "feature": SUMMARY[0],
        "column": 0,
        "columns": len(SUMMARY),
        "edges": [30.0, 90.0],
        "margins": [-2.0, -0.5, 1.0],
        "missing": 0.0,
        "base": base,
    }


def population(name: str, kind: str, file: str, tier: Tier = "statistical", grade: Grade = "A") -> Population:
    """Return the entry of one population."""
    return Population(
        name=name,
        tier=tier,
        grade=grade,
        estimator=EstimatorEntry.model_validate({"kind": kind, "file": file, "intercept": 0.1, "slope": 0.9}),
        baseline=Baseline(name="silence", metric="auc", value=0.7, model_value=0.8),
        metrics={"auc": Interval(value=0.8, low=0.75, high=0.85)},
        counts={"rows": 400, "positive": 100},
        thresholds={"yellow": 0.3, "red": 0.6},
        reference=(0.1, 0.2, 0.4, 0.6, 0.9),
    )


def variant(name: str, names: tuple[str, ...], *populations: Population) -> Variant:
    """Return the entry of one variant."""
    return Variant(
        name=name,
        features=tuple(feature_entry(feature) for feature in names),
        schema_hash=feature_set(names).schema_hash,
        populations=populations,
    )


def draft(**changes: Any) -> ManifestDraft:
    """Return the draft of an artifact with trees, a linear model and rates, changed where asked."""
    known = {
        "capability": "churn",
        "business": BUSINESS,
        "label": Label(
            definition="inactivity",
            horizon_days=90,
            text=Text(en="no order in 90 days", zh_cn="90 天内无订单"),
        ),
        "settings": {"gone_after_days": 365},
        "variants": (
            variant(
                "full",
                FULL,
                population("repeat", "trees", "repeat.txt", "ml"),
                population("first_order", "linear", "first_order.npz"),
            ),
            variant("summary", SUMMARY, population("repeat", "rates", "summary.json", "rules", "C")),
        ),
        "golden": "golden.json",
        "trained_as_of": "2023-11-14T23:30:00-02:00",
        "data_fingerprint": "0" * 64,
        "seed": 7,
        "git_commit": "unknown",
        "libraries": {"numpy": np.__version__},
    }
    return ManifestDraft(**{**known, **changes})


def estimators(seed: int = 0) -> dict[str, bytes]:
    """Return the files of the estimators that :func:`draft` names."""
    return {
        "repeat.txt": trees(seed),
        "first_order.npz": archive(linear_arrays()),
        "summary.json": json.dumps(rates_document()).encode(),
    }


def customers() -> list[dict[str, Any]]:
    """Return golden histories: repeat, first order, unseen word, summary, nothing at all, gone, denied."""

    def orders(*days: float) -> list[dict[str, Any]]:
        return [
            {"order_id": f"o{i}", "ordered_at": AS_OF - int(day * DAY), "revenue": 20.0 + i}
            for i, day in enumerate(days)
        ]

    return [
        {"customer_id": "g1", "customer": {"country": "CN"}, "attributes": {"contract": "yearly"},
         "orders": orders(10, 50, 120)},
        {"customer_id": "g2", "customer": {"country": "XX"}, "attributes": {"contract": "new"},
         "orders": orders(70, 75, 80)},
        {"customer_id": "g3", "customer": {}, "orders": orders(33)},
        {"customer_id": "g4", "customer": {}, "summary": {
            "first_order_at": AS_OF - 300 * DAY, "last_order_at": AS_OF - 40 * DAY, "order_count": 4.0,
            "revenue": 90.0}},
        {"customer_id": "g5", "customer": {}, "orders": []},
        {"customer_id": "g6", "customer": {}, "orders": orders(500, 600)},
        {"customer_id": "g7", "customer": {}, "orders": orders(5, 6),
         "consents": [{"purpose": "profiling", "status": "denied", "status_at": AS_OF - DAY}]},
    ]  # fmt: skip


def files(seed: int = 0, changes: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return all files of the artifact of :func:`draft`, golden answers included, some of them changed."""
    models = estimators(seed)
    golden = write_golden(load_draft(draft(), models), customers(), AS_OF, {"contract": "categorical"})
    made = {
        **models,
        "golden.json": golden,
        CARD_NAME: b'{"goal":"test"}',
        CARD_MARKDOWN_NAME: b"# Card\n",
        "gains.svg": b"<svg/>",
    }
    return {**made, **(changes or {})}


def write(
    models: Path,
    seed: int = 0,
    changes: Mapping[str, bytes] | None = None,
    changed: ManifestDraft | None = None,
) -> Path:
    """Write a tiny artifact, with changed files or another draft, and return its folder."""
    return write_artifact(models, draft() if changed is None else changed, files(seed, changes))


def release_bytes(previous: str | None, created_at: str, *artifacts: Path) -> bytes:
    """Return the release of some artifacts."""
    document: dict[str, Any] = {
        "format_version": 1,
        "name": "",
        "created_at": created_at,
        "previous": previous,
        "artifacts": {
            path.parent.name: {
                "version": path.name,
                "manifest_sha256": sha256((path / MANIFEST_NAME).read_bytes()),
            }
            for path in artifacts
        },
    }
    document["name"] = release_name(document)
    return canonical_bytes(document)


def publish_quietly(models: Path, *artifacts: Path, created_at: str = "2026-01-31T09:30:00Z") -> bytes:
    """Put artifacts in force without looking at them, and return the release's bytes."""
    data = release_bytes(None, created_at, *artifacts)
    (models / RELEASES_FOLDER).mkdir(exist_ok=True)
    replace_file(models / RELEASES_FOLDER / f"{json.loads(data)['name']}.json", data)
    replace_file(models / RELEASE_NAME, data)
    return data


def rewritten(text: bytes, *changes: tuple[str, str]) -> bytes:
    """Return a LightGBM text with lines of its first tree changed and ``tree_sizes`` made to fit again.

    Each change is a key and the new value; in the header as well.
    """
    lines = text.decode().split("\n")
    for key, value in changes:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{key}="))
        lines[at] = f"{key}={value}"
    return resized("\n".join(lines).encode())


def resized(text: bytes) -> bytes:
    """Return a LightGBM text whose ``tree_sizes`` says how long its trees are."""
    head, rest = text.split(b"\n\n", 1)
    trees_part = rest.split(b"end of trees")[0]
    sizes = [len(b"Tree=" + part) for part in trees_part.split(b"Tree=")[1:]]
    lines = [
        b"tree_sizes=" + " ".join(map(str, sizes)).encode() if line.startswith(b"tree_sizes=") else line
        for line in head.split(b"\n")
    ]
    return b"\n".join(lines) + b"\n\n" + rest


def line_of(text: bytes, key: str) -> str:
    """Return the value of a key in the first tree, or the header."""
    return next(line for line in text.decode().split("\n") if line.startswith(f"{key}=")).partition("=")[2]
