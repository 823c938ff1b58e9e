"""From rated texts to a calibrated text model, with what it says of texts that it has not seen.

Rules:

1. Every fold is told by a model that learned from the other folds, and from no text that stands in the fold
   word for word, whoever wrote it.
2. What a fold is told is calibrated on the held-out margins of the other folds, never on its own labels.
   (The models behind those margins did learn from the fold, so four numbers of its calibration owe it a
   trace.)
3. The published model learns from every text. Its calibration and its threshold of abstention come from all
   held-out margins; no text is left to judge this last step on.
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
    """A calibrated model, the probabilities of held-out texts, and the model of each fold.

    ``model`` carries the calibration of all held-out margins. ``held_out``, of shape (N, 3), is what the
    models of ``of_fold`` say of their folds; each carries the calibration and the threshold of the others.
    """

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
    *,
    writer: Array | None = None,
) -> Learned | None:
    """Return the model of N rated texts; None where without some fold's texts one side is left none.

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
    writer : ndarray of int, shape (N,), optional
        Who wrote each text; everybody one text if not given.
    """
    alike = numbered(texts)
    margins, models = np.zeros((len(label), CLASSES)), []
    for k in range(FOLDS):
        test = fold == k
        train = np.flatnonzero(~test & ~np.isin(alike, alike[test]))
        if not _has_both_sides(label[train]):
            return None
        progress(f"sentiment: fold {k + 1} of {FOLDS}, {len(train)} texts")
        by = None if writer is None else writer[train]
        models.append(fit_model(matrix.rows(train), label[train], base, by))
        margins[test] = margins_of(matrix.rows(np.flatnonzero(test)), models[-1])
    held_out = np.zeros_like(margins)
    of_fold = []
    for k, model in enumerate(models):
        test, others = fold == k, fold != k
        calibration = calibrate(margins[others], label[others])
        held_out[test] = calibration.apply(margins[test])
        threshold = abstention(calibration.apply(margins[others]), label[others])
        of_fold.append(calibrated(model, calibration, threshold))
    published = calibrated(
        fit_model(matrix, label, base, writer), calibrate(margins, label), abstention(held_out, label)
    )
    return Learned(published, held_out, tuple(of_fold))


def leaves_both_sides(label: Array, fold: Array) -> bool:
    """Return whether negative and positive texts are left whichever fold is held back."""
    return all(_has_both_sides(label[fold != k]) for k in range(FOLDS))


def _has_both_sides(label: Array) -> bool:
    return {NEGATIVE, POSITIVE} <= set(label.tolist())


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
