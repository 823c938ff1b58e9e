"""Who answers, and how they differ from those who could have been asked.

Satisfied customers answer more often than others, so the mean of the answers says too much of everybody.
What shows in the record is told, and weighed for where enough of everybody is among those who answered: each
answer counts as often as customers like the one who gave it are in the base. What does not show in the record
cannot be weighed for, and the card says so.

References
----------
Horvitz & Thompson (1952); Little & Rubin (2019), "Statistical Analysis with Missing Data", section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array
from app.features.schema import FeatureSet
from training.evaluation import auc
from training.rungs import fit_linear

ROWS_FLOOR: Final = 200
STRENGTH: Final = 0.05
LIMITS: Final = (0.1, 10.0)
"""No answer counts for less or more than this, against the mean."""
ENOUGH: Final = 0.5
"""The share of the answers that the weighted ones must be worth, for weights to be used."""
APART: Final = 0.8
"""The AUC of who answered from which on the base holds many of whose like nobody answered."""
TOLD: Final = 8
CENTRAL: Final = 0.98
"""The central share of the answers that counts as what they show of an input."""
UNSUPPORTED: Final = 0.5
"""The share of the base outside that, from which on an input is of no use: it tells the moment of a question.

Who is asked after a delivery has ordered some days ago. Somebody who ordered a year ago would be told like
the one whose parcel took longest."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How those who answered differ from the base in one input: means, and the gap in standard deviations."""

    feature: str
    responders: float
    base: float
    gap: float


@dataclass(frozen=True, slots=True)
class Response:
    """Who answered, against the base: how well the two can be told apart, the largest differences, weights.

    ``auc`` is 0.5 where they cannot be told apart. ``worth`` is the share of answers that the weighted ones
    are worth. ``weight`` (R,) has mean 1; None where the data do not allow it, and ``why`` says so.
    ``left_out`` names the inputs of which the answers show too little to speak of the base.
    """

    responders: int
    base: int
    auc: float
    differences: tuple[Difference, ...]
    worth: float
    weight: Array | None
    why: str
    left_out: tuple[str, ...] = ()


def response_of(features: FeatureSet, answered: Array, base: Array, seed: int) -> Response:
    """Return how those who answered differ from the base, and what each answer should count.

    Parameters
    ----------
    answered, base : ndarray, shapes (R, F) and (B, F)
        Inputs of the answers, and of customers drawn from everybody at the same times.
    """
    if min(len(answered), len(base)) < ROWS_FLOOR:
        # The means of a few would be somebody's own figures.
        return Response(
            len(answered), len(base), float("nan"), (), float("nan"), None, "too few rows to tell"
        )
    told = _differences(features, answered, base)
    X = np.vstack([answered, base])
    came = np.r_[np.ones(len(answered)), np.zeros(len(base))]
    margin = np.empty(len(X))
    fold = np.random.default_rng(seed).integers(0, 2, len(X))
    for k in (0, 1):
        model = fit_linear(features, X[fold != k], came[fold != k], STRENGTH, seed)
        margin[fold == k] = model.margin(X[fold == k])
    weight = np.exp(np.clip(-margin[: len(answered)], -20, 20))
    weight = np.clip(weight / weight.mean(), *LIMITS)
    weight /= weight.mean()
    worth = float(weight.sum() ** 2 / (weight**2).sum() / len(weight))
    apart = auc(came, margin)
    if worth < ENOUGH or apart > APART:
        why = (
            f"too few of the base answer: weighted, the answers would be worth {worth:.0%} of their number, "
            f"and who answers can be told with an AUC of {apart:.2f}"
        )
        return Response(len(answered), len(base), apart, told, worth, None, why)
    return Response(len(answered), len(base), apart, told, worth, weight, "")


def supported(features: FeatureSet, answered: Array, base: Array) -> tuple[FeatureSet, tuple[str, ...]]:
    """Return the inputs of which the answers show enough to speak of the base, and the names of the others.

    Parameters
    ----------
    answered, base : ndarray, shapes (R, F) and (B, F)
        As :func:`response_of`; no label is looked at.
    """
    if min(len(answered), len(base)) < ROWS_FLOOR:
        return features, ()
    left_out = []
    for j, feature in enumerate(features.features):
        a, b = (column[~np.isnan(column)] for column in (answered[:, j], base[:, j]))
        if feature.kind != "number" or not len(a) or not len(b):
            continue
        low, high = np.quantile(a, [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2])
        if ((b < low) | (b > high)).mean() > UNSUPPORTED:
            left_out.append(feature.name)
    kept = tuple(feature for feature in features.features if feature.name not in left_out)
    if not kept:
        return features, ()
    return FeatureSet(kept, features.vocabularies), tuple(left_out)


def _differences(features: FeatureSet, answered: Array, base: Array) -> tuple[Difference, ...]:
    """Return the numbers in which the two differ most, in standard deviations of the base."""
    found = []
    for j, feature in enumerate(features.features):
        if feature.kind == "category":
            continue
        a, b = (column[~np.isnan(column)] for column in (answered[:, j], base[:, j]))
        if not len(a) or not len(b):
            continue
        spread = float(b.std())
        gap = (float(a.mean()) - float(b.mean())) / spread if spread > 0 else 0.0
        found.append(Difference(feature.name, float(a.mean()), float(b.mean()), gap))
    return tuple(sorted(found, key=lambda one: -abs(one.gap))[:TOLD])
