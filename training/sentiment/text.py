"""The texts that sentiment is learned from: which a score rates, as what, by whom, and their n-grams.

Rules:

1. A text is learned from if it has a score on its scale, was known at the run's ``as_of``, and its writer
   allows profiling today.
2. An nps of 6 or less is negative, 7 and 8 are neutral, 9 and 10 positive. On any other scale the lower half
   is negative, the middle (within a tenth of the scale) neutral, the upper half positive.
3. Texts are drawn by the seed until ``TEXT_LIMIT`` texts or ``CHARACTER_LIMIT`` characters are reached; the
   rest is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from app.domain.consent import granted
from app.domain.history import FEEDBACK_KINDS, Array
from app.estimators.grams import grams
from training.run import Run

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
TEXT_LIMIT: Final = 200_000
"""Rated texts that are learned from."""
CHARACTER_LIMIT: Final = 15_000_000
"""Characters of rated texts that are learned from: about 60 million n-grams of Chinese, fewer of English."""
NOT_RATED: Final = -1

_NPS: Final = FEEDBACK_KINDS.index("nps")
_SCALES: Final = {"csat": (1.0, 5.0), "nps": (0.0, 10.0), "ces": (1.0, 7.0), "review": (1.0, 5.0)}
"""The lowest score of each kind, and the highest where a row does not say."""
_MIDDLE: Final = 0.1
_TEXTS_AT_ONCE: Final = 1000

Matrix = Any
"""A SciPy sparse matrix; SciPy ships no types."""


@dataclass(frozen=True, slots=True)
class Rated:
    """N rated texts: what they say, the class of their score, and who wrote them (an index of the history).

    ``row`` is where each stands in the table feedback. ``off_scale`` counts texts whose score is not on its
    scale, ``denied`` those of customers who deny profiling, ``left_out`` those beyond the limit.
    """

    texts: tuple[str, ...]
    label: Array
    customer: Array
    row: Array
    off_scale: int = 0
    denied: int = 0
    left_out: int = 0


def rated_texts(run: Run, limit: int = TEXT_LIMIT, characters: int = CHARACTER_LIMIT) -> Rated:
    """Return the texts that a run may learn sentiment from (rules 1 to 3)."""
    nothing = np.empty(0, dtype=np.int64)
    table = run.history.tables.get("feedback")
    if table is None:
        return Rated((), nothing, nothing, nothing)
    owner = np.repeat(np.arange(run.history.size), np.diff(table.offsets))
    has_text = np.array([bool(text and text.strip()) for text in table["text"]], dtype=bool)
    known = has_text & (table["submitted_at"] <= run.as_of) & ~np.isnan(table["score"])
    label = class_of(table["kind"], table["score"], table["scale_max"])
    today = np.full(run.history.size, run.as_of)
    allowed = granted(run.history, "profiling", today, run.business.consent_defaults)[owner]
    rows = np.flatnonzero(known & allowed & (label != NOT_RATED))
    drawn = np.random.default_rng(run.seed).permutation(rows)[:limit]
    length = np.array([len(text) for text in table["text"][drawn]], dtype=np.int64)
    kept = np.sort(drawn[np.cumsum(length) <= characters])
    return Rated(
        tuple(table["text"][kept]),
        label[kept],
        owner[kept],
        kept,
        off_scale=int((known & (label == NOT_RATED)).sum()),
        denied=int((known & ~allowed).sum()),
        left_out=len(rows) - len(kept),
    )


def class_of(kind: Array, score: Array, scale_max: Array) -> Array:
    """Return the class of each score: 0 negative, 1 neutral, 2 positive, -1 where it is not on its scale.

    Parameters
    ----------
    kind : ndarray of int, shape (N,)
        Indexes of ``FEEDBACK_KINDS``.
    score, scale_max : ndarray, shape (N,)
        ``scale_max`` is NaN where a row does not say; then the usual scale of its kind holds.
    """
    lowest = np.array([_SCALES[word][0] for word in FEEDBACK_KINDS])[kind]
    usual = np.array([_SCALES[word][1] for word in FEEDBACK_KINDS])[kind]
    highest = np.where(np.isnan(scale_max), usual, scale_max)
    with np.errstate(invalid="ignore", divide="ignore"):
        place = (score - lowest) / (highest - lowest) - 0.5
        is_rated = (score >= lowest) & (score <= highest) & (highest > lowest)
        answer = np.where(np.abs(place) <= _MIDDLE, NEUTRAL, np.where(place < 0, NEGATIVE, POSITIVE))
        by_nps = np.digitize(score, [6.5, 8.5])
    answer = np.where((kind == _NPS) & (highest == 10.0), by_nps, answer)
    return np.where(is_rated & (kind >= 0), answer, NOT_RATED).astype(np.int64)


@dataclass(frozen=True, slots=True)
class TextMatrix:
    """The grams of N texts: ``X`` is sparse, float32 of shape (N, V); ``buckets`` are its columns, rising."""

    X: Matrix
    buckets: Array

    def rows(self, chosen: Array) -> TextMatrix:
        """Return some of the texts, over the same columns."""
        return TextMatrix(self.X[chosen], self.buckets)


def matrix_of(texts: Sequence[str], bits: int) -> TextMatrix:
    """Return the grams of texts as a sparse matrix over the buckets that stand in them."""
    counts, found, weights = [], [], []
    for k in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[k : k + _TEXTS_AT_ONCE]
        part = grams(some, bits)
        counts.append(np.bincount(part.owner, minlength=len(some)))
        found.append(part.bucket)
        weights.append(part.weight.astype(np.float32))
    if not counts:
        return TextMatrix(sparse.csr_matrix((0, 0), dtype=np.float32), np.empty(0, dtype=np.uint32))
    ends = np.r_[0, np.cumsum(np.concatenate(counts))]
    buckets, place = np.unique(np.concatenate(found), return_inverse=True)
    column = place.astype(np.int32)
    shape = (len(texts), len(buckets))
    return TextMatrix(sparse.csr_matrix((np.concatenate(weights), column, ends), shape=shape), buckets)
