"""Satisfaction: the score that a customer would give if asked now, also one who was never asked.

The margin is the log-odds of dissatisfaction; the scale of the artifact turns it into the probability, the
expected score and the range. What counts as the score is chosen by the business and told with every answer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from app.capabilities.base import (
    Answers,
    Model,
    Output,
    Scorer,
    contributions,
    margins,
    percentile,
    refuse_unfitted,
)
from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions, Moment, sigmoid
from app.estimators.ordinal import Scale, read_scale

DEFINITIONS: Final = ("csat", "nps", "ces", "review", "complaint", "label")
"""What a score may be: the answer to a survey, stars, no complaint within some days, or a given label."""

OUTPUTS: Final = (
    Output("eligible", "flag"),
    Output("ineligible_reason", "word"),
    Output("expected_score", "points"),
    Output("scale_max", "points"),
    Output("low", "points"),
    Output("high", "points"),
    Output("dissatisfied_probability", "probability", 0.0, 1.0),
    Output("percentile", "share", 0.0, 1.0),
    Output("interval_level", "probability", 0.0, 1.0),
    Output("label_definition", "word", words=DEFINITIONS),
)

_ROUNDING: Final = 1e-12
"""Answers of another machine may differ in the last bit; at a reference quantile that must not show."""


def scale_of(model: Model) -> Scale:
    """Return the scale of a model."""
    scale = model.settings["scale"]
    return _scale(tuple(scale["scores"]), scale["cut"], tuple(scale["steps"]), scale["width"])


@lru_cache(maxsize=32)
def _scale(scores: tuple[float, ...], cut: int, steps: tuple[float, ...], width: float) -> Scale:
    return read_scale({"scores": scores, "cut": cut, "steps": steps, "width": width})


def population(_: Model, X: Array) -> Array:
    """Return who answers for each row: the one population, for everybody; shape (N,)."""
    return np.zeros(len(X), dtype=np.int64)


def deciding(_: Model) -> tuple[str, ...]:
    """Return nothing: anybody can be asked about."""
    return ()


def predict(model: Model, X: Array, moment: Moment) -> Answers:
    """Return the columns of ``OUTPUTS`` and ``population``, each of shape (N,), for X of shape (N, F)."""
    size, who, scale = len(X), population(model, X), scale_of(model)
    margin = margins(model, X, who, moment)
    probability = sigmoid(margin)
    low, high = scale.range(margin)
    return {
        "eligible": who >= 0,
        "ineligible_reason": np.full(size, None, dtype=object),
        "expected_score": scale.expected(margin),
        "scale_max": np.full(size, scale.scores[-1]),
        "low": low,
        "high": high,
        "dissatisfied_probability": probability,
        "percentile": percentile(model.rungs[0].reference, probability + _ROUNDING),
        "interval_level": np.full(size, float(model.settings["interval_level"])),
        "label_definition": np.full(size, model.definition, dtype=object),
        "population": who,
    }


def explain(model: Model, X: Array, moment: Moment) -> Contributions:
    """Return what each feature added to the calibrated log-odds of dissatisfaction."""
    return contributions(model, X, population(model, X), moment)


def check(model: Model) -> None:
    """Refuse a model without its one population, a scale, or a definition that is known.

    Raises
    ------
    StructureError
        Names what is wrong.
    """
    refuse_unfitted("satisfaction", model)
    if len(model.rungs) != 1:
        raise StructureError(f"satisfaction has {len(model.rungs)} populations, not 1")
    if model.definition not in DEFINITIONS:
        raise StructureError(f"satisfaction is none of {', '.join(DEFINITIONS)}")
    if not 0 < float(model.settings["interval_level"]) < 1:
        raise StructureError("the level of satisfaction's range is not between 0 and 1")
    scale_of(model)


SATISFACTION: Final = Scorer("satisfaction", OUTPUTS, predict, explain, population, deciding, check=check)
