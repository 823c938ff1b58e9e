from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from app.capabilities.base import Model, Rung
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Calibration, Contributions
from app.serving.loading import load_draft
from app.serving.probe import probe_model, probe_rows
from tests.unit.artifacts import tiny


@dataclass(frozen=True)
class Fake:
    """An estimator that answers what it is told, with reasons that are off by ``error``."""

    value: float
    error: float = 0.0
    short: int = 0

    def margin(self, X: Array) -> Array:
        return np.full(len(X) - self.short, self.value)

    def contributions(self, X: Array) -> Contributions:
        return Contributions(np.full(len(X), self.value + self.error), np.zeros(X.shape))


def model(estimator: Fake) -> Model:
    return Model(tiny.feature_set(), (Rung("repeat", estimator, Calibration(0.5, 2.0)),), "label", None)


def test_real_models_pass() -> None:
    for name, held in load_draft(tiny.draft(), tiny.estimators()).models.items():
        probe_model(held, name)


def test_rows_meet_ends_middle_and_missing_values() -> None:
    X = probe_rows(tiny.feature_set())
    assert X.shape == (8, 4)
    assert np.isnan(X[-1]).all()
    assert X[:-1, 0].min() == 0
    assert X[:-1, 0].max() >= 1e9
    assert set(X[:-1, 2]) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Fake(np.nan), "not finite"),
        (Fake(np.inf), "not finite"),
        (Fake(1.0, error=1e-3), "do not add up"),
        (Fake(1.0, error=np.nan), "not finite"),
        (Fake(1.0, short=1), "another shape"),
    ],
    ids=["nan", "infinite", "unexplained", "nan reasons", "short"],
)
def test_estimator_without_sound_numbers_is_refused(estimator: Fake, message: str) -> None:
    with pytest.raises(StructureError, match=f"here: repeat .*{message}|reasons of repeat {message}"):
        probe_model(model(estimator), "here")
