"""Artifacts whose estimators are forecasts, trees on a forecast, and nothing but settings."""

from __future__ import annotations

import json
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from app.artifacts.manifest import (
    Baseline,
    Elsewhere,
    EstimatorEntry,
    ForecastEntry,
    Label,
    ManifestDraft,
    Population,
    Text,
    Variant,
)
from app.capabilities.segment import INPUTS as SEGMENT_INPUTS
from app.estimators.forecast_file import write_forecast
from app.estimators.populations import BUYERS
from app.serving.loading import load_draft
from app.serving.release import LoadedArtifact, LoadedRelease
from tests.unit.artifacts import tiny
from tests.unit.capabilities.buyers import CLV_SETTINGS, FULL, PURCHASE_SETTINGS, customers
from tests.unit.capabilities.test_segment import settings as segment_settings
from tests.unit.estimators.forecasts import forecast

FORECAST: Final = "full.forecast.json"
TREES: Final = "full.ml.txt"
BELOW: Final = Baseline(name="rate", metric="log_loss", value=0.6, model_value=0.55)


@lru_cache(maxsize=1)
def trees() -> bytes:
    """Return small trees over the inputs of buyers."""
    X = customers(3, 400)
    y = (np.random.default_rng(4).random(400) < 0.4).astype(float)
    data = lgb.Dataset(X, y, init_score=np.zeros(400))
    known = {"objective": "binary", "num_leaves": 5, "verbosity": -1, "num_threads": 1, "seed": 1}
    return lgb.train(known, data, 5).model_to_string().encode()


def files() -> dict[str, bytes]:
    """Return the files that the drafts of this module name."""
    table = {
        "feature": "",
        "column": 0,
        "columns": len(FULL),
        "edges": [],
        "margins": [0.4],
        "missing": 0.4,
        "base": 0.4,
    }
    return {FORECAST: write_forecast(forecast()), TREES: trees(), "rule.json": json.dumps(table).encode()}


def btyd(quantity: str | None = "no_order", **changes: Any) -> EstimatorEntry:
    """Return the entry of a forecast that is asked for a quantity."""
    known = {"kind": "btyd", "file": FORECAST, "intercept": 0.2, "slope": 0.7, "quantity": quantity}
    return EstimatorEntry.model_validate({**known, **changes})


def on_a_forecast(quantity: str = "no_order", **changes: Any) -> EstimatorEntry:
    """Return the entry of trees that stand on a forecast."""
    below = ForecastEntry.model_validate({"file": FORECAST, "quantity": quantity, "weight": 0.9})
    known = {"kind": "trees", "file": TREES, "intercept": -0.1, "slope": 0.6, "forecast": below}
    return EstimatorEntry.model_validate({**known, **changes})


def elsewhere(quantity: str = "no_order", **changes: Any) -> Elsewhere:
    """Return who answers for other horizons: the forecast, of another grade and against another baseline."""
    return Elsewhere(tier="statistical", grade="B", estimator=btyd(quantity, **changes), baseline=BELOW)


def population(name: str, estimator: EstimatorEntry | None, **changes: Any) -> Population:
    """Return the entry of a population that trees answer for."""
    one = tiny.population(name, "trees", TREES, "ml")
    return one.model_copy(update={"estimator": estimator, **changes})


def variant(*populations: Population, names: tuple[str, ...] = FULL, **changes: Any) -> Variant:
    """Return the variant of full histories."""
    one = tiny.variant("full", names, *populations)
    return one.model_copy(update=changes)


def draft(capability: str, one: Variant, settings: dict[str, Any], **changes: Any) -> ManifestDraft:
    """Return the draft of an artifact with one variant."""
    label = Label(
        definition={"churn": "inactivity"}.get(capability, capability),
        horizon_days=None if capability == "segment" else 90,
        text=Text(en="what comes", zh_cn="未来"),
    )
    known = {"capability": capability, "label": label, "settings": settings, "variants": (one,)}
    return tiny.draft(**{**known, **changes})


def churn(*populations: Population, **changes: Any) -> ManifestDraft:
    """Return the draft of churn: repeat buyers by trees on the forecast, the others by the forecast."""
    known = populations or (
        population("repeat", on_a_forecast(), elsewhere=elsewhere()),
        population("first_order", btyd(), tier="statistical"),
    )
    return draft("churn", variant(*known), {"gone_after_days": 400}, **changes)


def purchase(**changes: Any) -> ManifestDraft:
    """Return the draft of purchase: like churn, with the forecast for the window."""
    known = [population(name, on_a_forecast(), elsewhere=elsewhere()) for name in BUYERS]
    return draft("purchase", variant(*known, forecast=FORECAST), dict(PURCHASE_SETTINGS), **changes)


def clv(settings: dict[str, Any] | None = None, **changes: Any) -> ManifestDraft:
    """Return the draft of clv; its range stands in the variant's own settings."""
    known = {**CLV_SETTINGS, **(settings or {})}
    own = {"range": known.pop("range")}
    populations = [population(name, btyd("spend"), tier="statistical") for name in BUYERS]
    return draft("clv", variant(*populations, forecast=FORECAST, settings=own), known, **changes)


def segment(**changes: Any) -> ManifestDraft:
    """Return the draft of segment, which answers from its settings."""
    one = variant(
        population("all", None, tier="rules"), names=SEGMENT_INPUTS, settings=segment_settings(**changes)
    )
    return draft("segment", one, {})


def loaded(one: ManifestDraft) -> LoadedArtifact:
    """Return the artifact of a draft of this module."""
    return load_draft(one, files())


def release(*artifacts: LoadedArtifact) -> LoadedRelease:
    """Return a release of artifacts."""
    return LoadedRelease(
        name="20240612T152000Z-00000000",
        created_at="2024-06-12T15:20:00Z",
        business=tiny.BUSINESS,
        artifacts=MappingProxyType({one.manifest.capability: one for one in artifacts}),
        digest="0" * 64,
    )
