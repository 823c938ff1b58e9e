"""Models to hold each scorer of the register to: every definition, every kind of estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.capabilities.base import Model
from app.domain.history import Array
from app.estimators.rates import Rates
from tests.unit.serving.releases import artifact, matrix_of, population_of


@dataclass(frozen=True)
class Case:
    """One trained model of a scorer."""

    scorer: str
    name: str
    model: Model

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


MODELS: Final[Mapping[str, Callable[[], Iterator[Case]]]] = {"churn": churn}
"""One entry for each scorer of the register."""
