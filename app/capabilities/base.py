"""What a capability is: a value that names its outputs and holds the pure functions that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.domain.history import Array
from app.estimators.base import Calibration, Contributions, Estimator
from app.features.schema import FeatureSet

Answers = Mapping[str, Array]
"""Named columns of N answers: the outputs, and ``population``, the index into the model's rungs of who
answered, -1 where nobody did. ``eligible`` is bool, ``ineligible_reason`` object (str or None); a number that
does not apply to a row is NaN, a word None."""


@dataclass(frozen=True, slots=True)
class Output:
    """One column of a scorer's answer, with its unit and possible values."""

    name: str
    unit: str
    low: float = -np.inf
    high: float = np.inf
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """The published rung of the ladder for one population of a variant.

    ``thresholds`` are cut points of the answer. ``reference`` holds the answer's quantiles in the eligible
    reference population at equal steps from 0 to 1, shape (Q,).
    """

    population: str
    estimator: Estimator
    calibration: Calibration
    thresholds: Mapping[str, float] = field(default_factory=dict)
    reference: Array = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, slots=True)
class Model:
    """One variant of a trained capability, ready to answer: inputs, rungs, and the label's definition."""

    features: FeatureSet
    rungs: tuple[Rung, ...]
    definition: str
    horizon_days: int | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scorer:
    """A capability that gives each customer numbers.

    ``predict(model, X)`` answers for X of shape (N, F). ``explain(model, X)`` says what each feature added on
    the link scale. ``population(model, X)`` names, as an index into ``model.rungs``, who answers for each
    row; -1 where nobody does. ``deciding(model)`` names the features that decide this: where one of them is
    not known and nobody answers, too little is known.
    """

    name: str
    outputs: tuple[Output, ...]
    predict: Callable[[Model, Array], Answers]
    explain: Callable[[Model, Array], Contributions]
    population: Callable[[Model, Array], Array]
    deciding: Callable[[Model], tuple[str, ...]]
