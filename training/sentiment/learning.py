"""From rated texts to a calibrated text model, with what it says of texts that it has not seen.

Rules:

1. Every fold is told by a model that learned from the other folds, and from no text that stands in the fold
   word for word, whoever wrote it.
2. The calibration and the threshold of abstention come from those held-out margins; the model itself learns
   from every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.history import Array
from app.estimators.characters import made_alike
from app.estimators.ngrams import CLASSES, NgramModel
from training.sentiment.fit import (
    FOLDS,
    abstention,
    calibrate,
    calibrated,
    fit_model,
    margins_of,
)
from training.sentiment.text import NEGATIVE, POSITIVE, TextMatrix
from training.variants import Progress


@dataclass(frozen=True, slots=True)
class Learned:
    """A calibrated model, its held-out probabilities of shape (N, 3), and the model of each fold."""

    model: NgramModel
    held_out: Array
    of_fold: tuple[NgramModel, ...]


def learn(
    texts: Sequence[str],
    matrix: TextMatrix,
    label: Array,
    fold: Array,
    base: NgramModel,
    progress: Progress,
) -> Learned | None:
    """Return the model of N rated texts; None where they are so alike that a fold leaves one side none.

    Parameters
    ----------
    texts, matrix : sequence of str, TextMatrix
        The texts and their grams.
    label, fold : ndarray of int, shape (N,)
        Classes; folds from 0 to ``FOLDS`` - 1, with all texts of a writer in one.
    base : NgramModel
        Where learning starts from.
    progress : callable
        Told of each fold.
    """
    alike = numbered(texts)
    margins, models = np.zeros((len(label), CLASSES)), []
    for k in range(FOLDS):
        test = fold == k
        train = np.flatnonzero(~test & ~np.isin(alike, alike[test]))
        if not {NEGATIVE, POSITIVE} <= set(label[train].tolist()):
            return None
        progress(f"sentiment: fold {k + 1} of {FOLDS}, {len(train)} texts")
        models.append(fit_model(matrix.rows(train), label[train], base))
        margins[test] = margins_of(matrix.rows(np.flatnonzero(test)), models[-1])
    calibration = calibrate(margins, label)
    held_out = calibration.apply(margins)
    threshold = abstention(held_out, label)
    return Learned(
        calibrated(fit_model(matrix, label, base), calibration, threshold),
        held_out,
        tuple(calibrated(model, calibration, threshold) for model in models),
    )


def folds_of(writer: Array, seed: int, folds: int = FOLDS) -> Array:
    """Return the fold of each text, int64 of shape (N,): all texts of a writer are in one."""
    ids, place = np.unique(writer, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(ids)) % folds
    answer: Array = dealt[place]
    return answer


def numbered(texts: Sequence[str]) -> Array:
    """Return a number for each text, int64 of shape (N,); texts that read alike have the same one."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(made_alike(text), len(numbers)) for text in texts], dtype=np.int64)
