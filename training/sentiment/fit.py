"""Fitting a text model: a softmax regression on hashed n-grams that starts from a base model.

Rules:

1. A gram is learned from only if at least two customers wrote it, or two texts hold it where it is not known
   who wrote them: what one customer alone wrote gets no weight of its own. Beyond ``BUCKET_LIMIT`` buckets
   those that most customers wrote are kept. The grams of the base model are in every model.
2. A bucket is scaled by how unevenly the classes use it (the log ratio of its shares), so that the penalty
   presses on buckets that say little (Wang & Manning 2012, "Baselines and bigrams").
3. The base model's margins enter with a weight of their own, which is 1 where the texts say nothing else.
4. Margins that no fit has seen are calibrated by one temperature and an offset of each class.
5. The model abstains below the lowest confidence from which on the share of right answers among the
   answered ones reaches the stated level, and always where another class than the told one is as likely
   as not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from app.domain.history import Array
from app.estimators.ngrams import CLASSES, NgramModel, softmax
from training.sentiment.descent import lowest
from training.sentiment.text import Matrix, TextMatrix

BITS: Final = 32
BUCKET_LIMIT: Final = 250_000
FEWEST_WRITERS: Final = 2
"""Customers who must have written a gram."""
STRENGTH: Final = 2.0
"""How much the texts count against the penalty."""
SMOOTHING: Final = 1.0
"""Texts that are added to the count of each bucket in each class."""
FLOOR: Final = 0.3
"""What every scale of rule 2 begins at."""
BASE_WIDTH: Final = 0.5
"""How far the base model's weight may go from 1 at the price of one half in the loss of one text."""
FOLDS: Final = 5
ABSTAIN_BELOW: Final = 0.5
"""The least confidence that is believed, and the threshold where nothing better is known."""
LEVEL: Final = 0.85
"""The share of right answers among the answered ones that is aimed at."""
_ITERATIONS, _TOLERANCE = 60, 1e-6
"""When the search for the lowest loss ends: beyond this, held-out answers no longer change."""
_FEWEST_ANSWERED: Final = 0.3
"""The threshold never leaves more than the rest unanswered."""


@dataclass(frozen=True, slots=True)
class Calibration3:
    """Margins are multiplied by ``slope`` and shifted by ``offset``, shape (3,)."""

    slope: float
    offset: Array

    def apply(self, margin: Array) -> Array:
        """Return calibrated probabilities of margins, shape (N, 3)."""
        return softmax(self.slope * margin + self.offset)


def fit_model(
    texts: TextMatrix, label: Array, base: NgramModel | None = None, writer: Array | None = None
) -> NgramModel:
    """Fit the model of N rated texts, not calibrated yet.

    Parameters
    ----------
    texts : TextMatrix
        Of ``BITS`` bits.
    label : ndarray of int, shape (N,)
        0 negative, 1 neutral, 2 positive.
    base : NgramModel, optional
        Where to start from.
    writer : ndarray of int, shape (N,), optional
        Who wrote each text; everybody one text if not given.
    """
    Y = np.eye(CLASSES)[label]
    columns = _columns(texts.X, writer)
    X, buckets = texts.X[:, columns], texts.buckets[columns]
    scale = _scale(X, Y)
    start = np.zeros((len(label), CLASSES)) if base is None else margins_of(texts, base)
    weights, intercept, trust = _softmax_regression(X @ sparse.diags(scale), Y, start)
    weights *= scale[:, None]
    if base is not None:
        every = np.union1d(buckets, base.buckets)
        joined = np.zeros((len(every), CLASSES))
        joined[np.searchsorted(every, buckets)] = weights
        joined[np.searchsorted(every, base.buckets)] += trust * base.weights
        buckets, weights, intercept = every, joined, intercept + trust * base.intercept
    # Only differences between classes count: centred weights are the smallest ones.
    weights = weights - weights.mean(axis=1, keepdims=True)
    return NgramModel(BITS, buckets, weights.astype(np.float32), intercept, ABSTAIN_BELOW)


def margins_of(texts: TextMatrix, model: NgramModel) -> Array:
    """Return a model's margins of texts that are given as a matrix, shape (N, 3)."""
    _, column, row = np.intersect1d(texts.buckets, model.buckets, assume_unique=True, return_indices=True)
    answer: Array = texts.X[:, column] @ model.weights[row].astype(np.float64) + model.intercept
    return answer


def calibrate(margin: Array, label: Array) -> Calibration3:
    """Fit one slope and an offset of each class on margins that no fit has seen.

    Weak priors (log slope 0 ± 0.5, offsets 0 ± 1) keep few rows near the identity, and a class that never
    occurs from a probability of zero.
    """
    Y = np.eye(CLASSES)[label]

    def loss(at: Array) -> tuple[float, Array]:
        slope = np.exp(at[0])
        p = softmax(slope * margin + at[1:])
        error = p - Y
        value = -np.log(np.maximum(p[np.arange(len(label)), label], 1e-12)).sum()
        prior = 2 * at[0] ** 2 + at[1:] @ at[1:] / 2
        gradient = np.r_[slope * (error * margin).sum() + 4 * at[0], error.sum(axis=0) + at[1:]]
        return float(value + prior), gradient

    found = minimize(loss, np.zeros(CLASSES + 1), jac=True, method="L-BFGS-B")
    return Calibration3(float(np.exp(found.x[0])), np.asarray(found.x[1:]))


def calibrated(model: NgramModel, calibration: Calibration3, abstain_below: float) -> NgramModel:
    """Return a model whose weights carry its calibration."""
    return NgramModel(
        model.bits,
        model.buckets,
        (calibration.slope * model.weights).astype(np.float32),
        calibration.slope * model.intercept + calibration.offset,
        abstain_below,
    )


def abstention(p: Array, label: Array, level: float = LEVEL) -> float:
    """Return the confidence below which to abstain (rule 5).

    0.5 where no threshold that leaves three texts of ten answered reaches the level.

    Parameters
    ----------
    p : ndarray, shape (N, 3)
        Probabilities that no fit has seen.
    """
    confidence, right = p.max(axis=1), p.argmax(axis=1) == label
    for threshold in np.round(np.arange(ABSTAIN_BELOW, 0.96, 0.01), 2):
        answered = confidence >= threshold
        if answered.mean() < _FEWEST_ANSWERED:
            break
        if right[answered].mean() >= level:
            return float(threshold)
    return ABSTAIN_BELOW


def _columns(X: Matrix, writer: Array | None) -> Array:
    """Return the buckets that are learned from (rule 1), rising."""
    held = X if writer is None else _by_writer(X, writer)
    writers = np.bincount(held.indices, minlength=X.shape[1])
    columns = np.flatnonzero(writers >= FEWEST_WRITERS)
    if len(columns) > BUCKET_LIMIT:
        order = np.argsort(-writers[columns], kind="stable")
        columns = np.sort(columns[order[:BUCKET_LIMIT]])
    return columns


def _by_writer(X: Matrix, writer: Array) -> Matrix:
    """Return which writer wrote which gram, a sparse bool matrix of shape (writers, columns)."""
    ids, row = np.unique(writer, return_inverse=True)
    size = len(writer)
    wrote = sparse.csr_matrix((np.ones(size, dtype=bool), (row, np.arange(size))), shape=(len(ids), size))
    return wrote @ X.astype(bool)


def _scale(X: Matrix, Y: Array) -> Array:
    """Return the scale of each column (rule 2), shape (columns,): the largest log ratio over the classes."""
    count = np.asarray((X > 0).astype(np.float64).T @ Y) + SMOOTHING
    rest = count.sum(axis=1, keepdims=True) - count
    ratio = np.log(count / count.sum(axis=0)) - np.log(rest / rest.sum(axis=0))
    scale: Array = FLOOR + np.abs(ratio[:, Y.sum(axis=0) > 0]).max(axis=1, initial=0.0)
    return scale


def _softmax_regression(X: Matrix, Y: Array, start: Array) -> tuple[Array, Array, float]:
    """Return weights of shape (columns, 3), intercepts and the base's weight at the lowest penalised loss."""
    columns, turned = X.shape[1], X.T.tocsr()
    share = np.log((Y.sum(axis=0) + 0.5) / (len(Y) + 0.5 * CLASSES))

    def loss(at: Array) -> tuple[float, Array]:
        weights, intercept, trust = (
            at[: -CLASSES - 1].reshape(columns, CLASSES),
            at[-CLASSES - 1 : -1],
            at[-1],
        )
        margin = X @ weights + intercept + trust * start
        p = softmax(margin)
        error = STRENGTH * (p - Y)
        value = -STRENGTH * np.log(np.maximum((p * Y).sum(axis=1), 1e-12)).sum()
        away = intercept - share
        penalty = (weights * weights).sum() / 2 + 0.05 * away @ away + ((trust - 1) / BASE_WIDTH) ** 2 / 2
        by_weight = (turned @ error + weights).ravel()
        by_trust = (error * start).sum() + (trust - 1) / BASE_WIDTH**2
        return float(value + penalty), np.r_[by_weight, error.sum(axis=0) + 0.1 * away, by_trust]

    begin = np.r_[np.zeros(columns * CLASSES), share, 1.0]
    found = lowest(loss, begin, _ITERATIONS, _TOLERANCE)
    weights = found[: -CLASSES - 1].reshape(columns, CLASSES)
    return weights, found[-CLASSES - 1 : -1], float(found[-1])
