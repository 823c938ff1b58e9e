"""Models to hold each scorer of the register to: every definition, every kind of estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.capabilities.base import Model, Rung
from app.capabilities.segment import INPUTS, SUMMARY_INPUTS
from app.domain.history import Array
from app.estimators.base import Calibration
from app.estimators.rates import Rates
from app.features.library import LIBRARY
from app.features.schema import FeatureSet
from tests.unit.capabilities import buyers
from tests.unit.estimators.forecasts import TRANSACTIONS
from tests.unit.serving.releases import artifact, matrix_of, population_of


@dataclass(frozen=True)
class Case:
    """One trained model of a scorer.

    ``is_any_horizon`` says that its rungs can be asked for other horizons than the trained one. ``sign`` is
    -1 where reasons speak of the opposite of what the rungs are asked.
    """

    scorer: str
    name: str
    model: Model
    is_any_horizon: bool = False
    sign: float = 1.0

    def rows(self) -> Array:
        """Return inputs of random customers, then nothing known, then numbers beyond all others."""
        X = matrix_of(self.model.features, population_of(21, 90))
        extreme = np.where(np.isnan(X[:2]), 0.0, X[:2])
        far = np.array([feature.kind == "number" for feature in self.model.features.features])
        extreme[0, far], extreme[1, far] = 1e9, 0.0
        return np.vstack([X, np.full((1, X.shape[1]), np.nan), extreme])


def churn() -> Iterator[Case]:
    for definition in ("inactivity", "subscription_end", "label"):
        for variant, model in artifact(definition).models.items():
            yield Case("churn", f"{definition}-{variant}", model)
    full = artifact("inactivity").models["full"]
    width = len(full.features.names)
    table = Rates("order_days", 1, width, np.array([2.5, 6.0]), np.array([0.5, -0.5, -2.0]), 0.3, -0.1)
    rungs = tuple(replace(rung, estimator=table) for rung in full.rungs)
    yield Case("churn", "inactivity-rates", replace(full, rungs=rungs))


def segment() -> Iterator[Case]:
    five = [1, 2, 3, 4, 5]
    settings = {
        "recency": {"edges": [30.0, 90.0, 200.0, 400.0], "scores": five[::-1]},
        "frequency": {"edges": [1.5, 2.5, 4.5, 8.5], "scores": five},
        "monetary": {"edges": [20.0, 60.0, 200.0, 900.0], "scores": five},
        "frequent_from": 2.5,
        "value_a_from": 200.0,
        "value_b_from": 40.0,
        "cycle_days": 60.0,
        "cycle_weight": 2.0,
        "stages": {"new": 1.0, "active": 1.5, "at_risk": 3.0, "dormant": 6.0},
    }
    clusters = {
        "low": [0.0, 1.0],
        "high": [900.0, 40.0],
        "offset": [1.0, 0.0],
        "center": [4.0, 3.0],
        "scale": [1.5, 2.0],
        "centroids": [[0.5, -0.5], [-1.0, 0.5], [-1.0, 3.0]],
        "names": ["silent", "recent", "frequent_recent"],
    }
    for variant, inputs in (("full", INPUTS), ("summary", SUMMARY_INPUTS)):
        features = FeatureSet(tuple(LIBRARY[name] for name in inputs))
        whole = {**settings, "clusters": {**clusters, "inputs": list(inputs[:2])}}
        yield Case(
            "segment", variant, Model(features, (Rung("all", None, Calibration()),), "rfm", None, whole)
        )


def purchase() -> Iterator[Case]:
    for kind in TRANSACTIONS:
        yield Case("purchase", kind, buyers.purchase_model(kind), is_any_horizon=True, sign=-1.0)
    summary = buyers.purchase_model(names=buyers.SUMMARY)
    yield Case("purchase", "summary", summary, is_any_horizon=True, sign=-1.0)
    yield Case("purchase", "rule", buyers.by_rule(buyers.purchase_model(), 0.4), sign=-1.0)


def clv() -> Iterator[Case]:
    for kind in TRANSACTIONS:
        yield Case("clv", kind, buyers.clv_model(kind), is_any_horizon=True)
    yield Case("clv", "summary", buyers.clv_model(names=buyers.SUMMARY), is_any_horizon=True)
    yield Case("clv", "rule", buyers.by_rule(buyers.clv_model(), 3.0))


def satisfaction() -> Iterator[Case]:
    scales = {
        "csat": {"scores": [1.0, 2.0, 3.0, 4.0, 5.0], "cut": 1, "steps": [-1.5, 0.0, 1.4, 3.0], "width": 0.7},
        "complaint": {"scores": [0.0, 1.0], "cut": 0, "steps": [0.0], "width": 0.0},
    }
    [full] = artifact("label").models.values()
    summary = artifact("inactivity").models["summary"]
    for definition, scale in scales.items():
        for name, model in (("full", full), ("summary", summary)):
            whole = {"interval_level": 0.8, "scale": scale}
            rungs = (replace(model.rungs[0], population="all"),)
            yield Case(
                "satisfaction", f"{definition}-{name}", Model(model.features, rungs, definition, None, whole)
            )


MODELS: Final[Mapping[str, Callable[[], Iterator[Case]]]] = {
    "churn": churn,
    "clv": clv,
    "purchase": purchase,
    "satisfaction": satisfaction,
    "segment": segment,
}
"""One entry for each scorer of the register."""
