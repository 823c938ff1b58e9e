"""From the files of fitted models to the rungs that answer: what the manifest says of each, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from app.artifacts.canonical import sha256
from app.artifacts.manifest import EstimatorEntry, Population
from app.artifacts.structure import check_estimator
from app.capabilities.base import Rung
from app.domain.errors import StructureError
from app.estimators.base import Calibration, Estimator, trained_moment
from app.estimators.forecast import Adjusted, Forecast, Forecasting
from app.estimators.forecast_file import read_forecast
from app.estimators.linear import read_linear
from app.estimators.rates import read_rates
from app.estimators.trees import read_trees
from app.features.schema import FeatureSet

Fitted = Estimator | Forecast
READERS: Final[Mapping[str, Callable[[bytes], Fitted]]] = MappingProxyType(
    {"rates": read_rates, "linear": read_linear, "trees": read_trees, "btyd": read_forecast}
)


@dataclass(frozen=True, slots=True)
class EstimatorFiles:
    """The files of a variant's estimators: each is checked and parsed once."""

    files: Mapping[str, bytes]
    features: FeatureSet
    done: dict[tuple[str, str], Fitted]

    def fitted(self, kind: str, file: str) -> Fitted:
        """Return what a file holds."""
        if file not in self.files:
            raise StructureError(f"the estimator {file} is not among the files")
        if (kind, file) not in self.done:
            check_estimator(kind, file, self.files[file], self.features)
            self.done[kind, file] = _parsed(kind, file, self.files[file])
        return self.done[kind, file]

    def key(self, entry: EstimatorEntry) -> str:
        """Return what is the same for the same estimator over the same inputs, in any artifact."""
        files = [entry.file, *([] if entry.forecast is None else [entry.forecast.file])]
        parts = [
            entry.model_dump_json(),
            self.features.schema_hash,
            *(sha256(self.files[file]) for file in files),
        ]
        return " ".join(parts)

    def forecast(self, file: str) -> Forecast:
        """Return the forecast that a file holds."""
        fitted = self.fitted("btyd", file)
        assert isinstance(fitted, Forecast)  # noqa: S101  what the reader of this kind returns
        return fitted


def _parsed(kind: str, file: str, data: bytes) -> Fitted:
    """Return a fitted model from bytes whose structure has been checked."""
    try:
        return READERS[kind](data)
    except ValueError as error:
        # LightGBM's own parameters, which no answer depends on, are parsed as JSON and may still fail.
        raise StructureError(f"{file}: its parser refuses it: {type(error).__name__}") from error


def rung_of(population: Population, read: EstimatorFiles) -> Rung:
    """Return the published rung of one population."""
    reference = np.array(population.reference, dtype=np.float64)
    if (np.diff(reference) < 0).any():
        raise StructureError(f"the reference quantiles of {population.name} fall")
    reference.flags.writeable = False
    thresholds = MappingProxyType(dict(population.thresholds))
    if population.estimator is None:
        return Rung(population.name, None, Calibration(), thresholds, reference)
    elsewhere = None
    if population.elsewhere is not None:
        other = _answering(population.elsewhere.estimator, population.name, read)
        elsewhere = Rung(
            population.name,
            other[0],
            other[1],
            thresholds,
            reference,
            other[2],
            key=read.key(population.elsewhere.estimator),
        )
    estimator, calibration, timed = _answering(population.estimator, population.name, read)
    key = read.key(population.estimator)
    return Rung(population.name, estimator, calibration, thresholds, reference, timed, elsewhere, key)


def _answering(
    entry: EstimatorEntry, population: str, read: EstimatorFiles
) -> tuple[Estimator, Calibration, Forecasting | Adjusted | None]:
    """Return what answers, how it is calibrated, and, where it can be asked for any moment, what is asked."""
    if entry.slope < 0 or (entry.forecast is not None and entry.forecast.weight < 0):
        raise StructureError(f"the calibration of {population} turns the model upside down")
    if (entry.kind == "btyd") != (entry.quantity is not None) or (entry.forecast and entry.kind != "trees"):
        raise StructureError(f"the estimator of {population} names a quantity or a forecast out of place")
    if entry.kind == "btyd":
        assert entry.quantity is not None  # noqa: S101  asked for above
        asked = Forecasting(read.forecast(entry.file), entry.quantity, entry.slope)
        return asked.at(trained_moment(1)), Calibration(entry.intercept), asked
    fitted = read.fitted(entry.kind, entry.file)
    assert not isinstance(fitted, Forecast)  # noqa: S101  what the readers of the other kinds return
    if entry.forecast is None:
        return fitted, Calibration(entry.intercept, entry.slope), None
    below = entry.forecast
    adjusted = Adjusted(
        Forecasting(read.forecast(below.file), below.quantity, below.weight), fitted, entry.slope
    )
    return adjusted.at(trained_moment(1)), Calibration(entry.intercept), adjusted
