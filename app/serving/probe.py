"""Ask every estimator of a model: finite numbers, which its contributions explain.

Golden histories may not reach every rung; these rows do. Run in the child process that tries a release.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.capabilities.base import Model
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Moment
from app.features.schema import FeatureSet

EXACTNESS: Final = 1e-6
"""Contributions and margins may differ by this much, relative to their size: the sums run in other orders."""

_HORIZONS: Final = (None, 1, 3650)
_NUMBERS: Final = (-1e9, -1.0, 0.0, 0.5, 1.0, 30.0, 1e9)


def probe_model(model: Model, place: str) -> None:
    """Ask every rung of a model for margins and contributions on synthetic rows.

    Raises
    ------
    StructureError
        A margin is not finite, or the contributions do not add up to it; begins with ``place``.
    """
    X = probe_rows(model.features)
    rungs = [rung for one in model.rungs for rung in (one, one.elsewhere) if rung is not None]
    for rung, horizon in ((rung, days) for rung in rungs for days in _HORIZONS):
        if rung.estimator is None or (horizon is not None and rung.timed is None):
            continue
        estimator = rung.at(Moment(horizon, np.linspace(-400.0, 400.0, len(X))))
        margin = rung.calibration.apply(estimator.margin(X))
        parts = rung.calibration.apply_to(estimator.contributions(X))
        if margin.shape != (len(X),) or parts.values.shape != X.shape or parts.base.shape != margin.shape:
            raise StructureError(f"{place}: {rung.population} answers in another shape than it was asked")
        total = parts.base + parts.values.sum(axis=1)
        if not np.isfinite(margin).all() or not np.isfinite(total).all():
            raise StructureError(f"{place}: {rung.population} answers with a number that is not finite")
        if not np.allclose(total, margin, rtol=EXACTNESS, atol=EXACTNESS):
            raise StructureError(f"{place}: the reasons of {rung.population} do not add up to its answers")


def probe_rows(features: FeatureSet) -> Array:
    """Return rows that meet ends, middle and missing values of every input, shape (R, F)."""
    columns = []
    for feature in features.features:
        if feature.kind == "category":
            words = len(features.vocabularies[feature.name])
            column = [float(i * max(words - 1, 0) // (len(_NUMBERS) - 1)) for i in range(len(_NUMBERS))]
            columns.append(column if words else [np.nan] * len(_NUMBERS))
        elif feature.kind == "flag":
            columns.append([float(number > 0) for number in _NUMBERS])
        else:
            columns.append([float(np.clip(number, feature.low, feature.high)) for number in _NUMBERS])
    known = np.array(columns, dtype=np.float64).reshape(len(columns), len(_NUMBERS)).T
    return np.vstack([known, np.full((1, len(columns)), np.nan)])
