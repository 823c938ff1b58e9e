"""How good each contender is: ranking, classes, probabilities, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array
from benchmarks.text.contenders import Told
from training.evaluation import auc, ece
from training.sentiment.judging import class_losses, confusion, macro_f1
from training.sentiment.text import NEUTRAL, POSITIVE

SAMPLES: Final = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One contender's figures; None where it has no such answer.

    ``auc`` is of positive against negative texts; ``auc_interval`` is 95 % over texts.
    """

    name: str
    auc: float
    auc_interval: tuple[float, float] | None
    macro_f1: float
    accuracy: float
    log_loss: float | None
    ece: float | None
    fit_seconds: float
    us_per_text: float
    kilobytes: float | None
    note: str


def line(told: Told, label: Array, *, with_interval: bool = False) -> Line:
    """Return the figures of one contender on N texts."""
    sided = label != NEUTRAL
    positive, score = (label[sided] == POSITIVE).astype(np.float64), told.score[sided]
    p = told.p
    right = (told.label == label).astype(np.float64)
    return Line(
        told.name,
        auc(positive, score),
        _interval(positive, score) if with_interval else None,
        macro_f1(confusion(label, np.eye(3)[told.label])),
        float(right.mean()),
        None if p is None else float(class_losses(label, p).mean()),
        None if p is None else ece(right, p.max(axis=1)),
        told.fit_seconds,
        told.us_per_text,
        None if told.bytes_ is None else told.bytes_ / 1024,
        told.note,
    )


def _interval(positive: Array, score: Array, seed: int = 0) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(SAMPLES):
        rows = rng.integers(0, len(positive), len(positive))
        draws.append(auc(positive[rows], score[rows]))
    return float(np.nanquantile(draws, 0.025)), float(np.nanquantile(draws, 0.975))
