"""What is predicted, a probability or an amount: how rungs are fitted, told and judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.artifacts.manifest import Interval
from app.domain.history import Array
from app.estimators.base import logit, sigmoid
from training.calibrating import logit_shift
from training.evaluation import Verdict, judge, log_loss, metrics_with_intervals
from training.ladder import Data, Ladder, climb
from training.snapshots import Fold
from training.standing import Stand

TESTED_FLOOR: Final = 25
"""Held-out rows of the rarer class below which no tier above the rules can be judged."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is predicted: how its ladder is climbed, how margins become answers, how those are judged.

    ``loss`` is the mean loss of answers, ``rate`` what a group is expected to do as a whole; ``is_enough``
    says whether held-out labels can tell a tier above the rules from chance. ``shift`` is what added to
    margins gives them the total of some answers. ``carry`` takes margins of a rule to a horizon so many times
    as long, at an even pace. ``name`` names the constant rule.
    """

    name: str
    climb: Callable[[Data, Sequence[Fold], int, Stand | None], Ladder]
    link: Callable[[Array], Array]
    judge: Callable[[Array, Array, Array, Array, str, int], Verdict]
    metrics: Callable[[Array, Array, Array, int], dict[str, Interval]]
    loss: Callable[[Array, Array], float]
    rate: Callable[[Array], float]
    is_enough: Callable[[Array], bool]
    shift: Callable[[Array, Array], float]
    carry: Callable[[Array, float], Array]


def _enough(y: Array) -> bool:
    return min(float(y.sum()), len(y) - float(y.sum())) >= TESTED_FLOOR


def _rate(y: Array) -> float:
    return float((y.sum() + 0.5) / (len(y) + 1.0))


def _carry(margin: Array, ratio: float) -> Array:
    """Return log-odds of nothing happening in a longer time, where it happens at an even pace."""
    return logit(sigmoid(margin) ** ratio)


PROBABILITY: Final = Target(
    "base_rate",
    climb,
    sigmoid,
    judge,
    metrics_with_intervals,
    log_loss,
    _rate,
    _enough,
    logit_shift,
    _carry,
)
