"""A text model: a linear softmax over hashed n-grams, calibrated, in NumPy alone.

For each text the margin of class k is ``intercept[k] + sum over its grams of weight x weights[bucket, k]``;
probabilities are the softmax of the margins. Inverse document frequencies and the temperature of the
calibration are part of the weights.

File format (.npz, stored): for K buckets that training kept
- ``bits`` int64 (1,): there are 2 ** bits buckets, 10 to 32 bits; the more, the fewer n-grams share one;
- ``buckets`` uint32 (K,): rising; a bucket that is not among them was not seen or not kept, and adds nothing;
- ``weights`` float32 (K, 3): what a gram of weight 1 adds to negative, neutral and positive;
- ``intercept`` float64 (3,);
- ``abstain_below`` float64 (1,): the highest of the three probabilities below which the model should not be
  believed, from 0 to 1.

No word, character or text is in the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.archive import members, plain_array
from app.estimators.characters import made_alike
from app.estimators.grams import Grams, grams_of_alike

CLASSES: Final = 3
"""Negative, neutral, positive, in this order."""
NGRAM_KEYS: Final = ("bits", "buckets", "weights", "intercept", "abstain_below")
FILE_LIMIT_BYTES: Final = 32 << 20
BITS: Final = (10, 32)
WEIGHT_LIMIT: Final = 1e4
_TYPES: Final = {
    "bits": "<i8",
    "buckets": "<u4",
    "weights": "<f4",
    "intercept": "<f8",
    "abstain_below": "<f8",
}
CHARACTERS_AT_ONCE: Final = 64_000
"""Characters, made alike, whose grams are held at one time."""
_BETWEEN: Final = 3
"""Characters that part a text from the next."""


@dataclass(frozen=True)
class NgramModel:
    """A fitted text model; see the module for the fields."""

    bits: int
    buckets: Array
    weights: Array
    intercept: Array
    abstain_below: float

    def margins(self, texts: Sequence[str]) -> Array:
        """Return the margins of the classes, float64 of shape (N, 3)."""
        return self._read(texts)[0]

    def probabilities(self, texts: Sequence[str]) -> Array:
        """Return calibrated P(negative), P(neutral), P(positive).

        Parameters
        ----------
        texts : sequence of str, length N

        Returns
        -------
        ndarray, shape (N, 3)
            Rows add up to 1. A text of which nothing is known gets the shares of the intercept.
        """
        return self.answers(texts)[0]

    def known(self, texts: Sequence[str]) -> Array:
        """Return the share of each text's different n-grams that training kept, shape (N,); 0 of no text."""
        return self._read(texts)[1]

    def answers(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Return :meth:`probabilities` and :meth:`known` of texts that are read once."""
        margins, known = self._read(texts)
        return softmax(margins), known

    def _read(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Return margins of shape (N, 3) and known shares of shape (N,)."""
        margins, known = np.empty((len(texts), CLASSES)), np.empty(len(texts))
        start = 0
        for alike in batches(texts):
            rows = slice(start, start + len(alike))
            margins[rows], known[rows] = self._of_grams(grams_of_alike(alike, self.bits), len(alike))
            start = rows.stop
        return margins, known

    def _of_grams(self, found: Grams, size: int) -> tuple[Array, Array]:
        """Return margins and known shares of texts that are given as grams."""
        margins = np.tile(self.intercept, (size, 1))
        if not len(self.buckets):
            return margins, np.zeros(size)
        place = np.minimum(np.searchsorted(self.buckets, found.bucket), len(self.buckets) - 1)
        hits = np.flatnonzero(self.buckets[place] == found.bucket)
        owner, weight, rows = found.owner[hits], found.weight[hits], self.weights[place[hits]]
        for k in range(CLASSES):
            margins[:, k] += np.bincount(owner, weight * rows[:, k], size)
        every = np.bincount(found.owner, minlength=size)
        return margins, np.bincount(owner, minlength=size) / np.maximum(every, 1)


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts, made alike, in order, as many at a time as have few enough characters together."""
    some: list[str] = []
    size = 0
    for text in texts:
        alike = made_alike(text)
        size += len(alike) + _BETWEEN
        if some and size > CHARACTERS_AT_ONCE:
            yield some
            some, size = [], len(alike) + _BETWEEN
        some.append(alike)
    if some:
        yield some


def softmax(margins: Array) -> Array:
    """Return probabilities of margins, shape (N, K); rows add up to 1."""
    grown = np.exp(margins - margins.max(axis=1, keepdims=True))
    answer: Array = grown / grown.sum(axis=1, keepdims=True)
    return answer


def read_ngrams(data: bytes) -> NgramModel:
    """Parse the file format of this module.

    Raises
    ------
    StructureError
        The bytes are not such a file; says which array is wrong.
    """
    found = members(data, NGRAM_KEYS, FILE_LIMIT_BYTES)
    arrays = {name: plain_array(name, content, _TYPES[name]) for name, content in found.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all() or np.abs(array.astype(np.float64)).max(initial=0) > _limit(name):
            raise StructureError(f"{name} holds a number that is not finite or out of its range")
    for name, shape in (("bits", (1,)), ("intercept", (CLASSES,)), ("abstain_below", (1,))):
        if arrays[name].shape != shape:
            raise StructureError(f"{name} is of shape {arrays[name].shape}; {shape} was expected")
    bits, buckets = int(arrays["bits"][0]), arrays["buckets"]
    if not BITS[0] <= bits <= BITS[1]:
        raise StructureError(f"bits is {bits}; {BITS[0]} to {BITS[1]} were expected")
    if buckets.ndim != 1 or arrays["weights"].shape != (len(buckets), CLASSES):
        raise StructureError(f"weights is of shape {arrays['weights'].shape}, buckets of {buckets.shape}")
    if len(buckets) and (int(buckets[-1]) >= 1 << bits or not (buckets[1:] > buckets[:-1]).all()):
        raise StructureError("buckets do not rise, or one is beyond the number of buckets")
    abstain_below = float(arrays["abstain_below"][0])
    if abstain_below < 0:
        raise StructureError("abstain_below is below 0")
    return NgramModel(bits, buckets, arrays["weights"], arrays["intercept"], abstain_below)


def write_ngrams(model: NgramModel) -> bytes:
    """Return the file of a text model, the same bytes for the same model."""
    arrays = {
        "bits": np.array([model.bits], dtype="<i8"),
        "buckets": model.buckets.astype("<u4"),
        "weights": np.ascontiguousarray(model.weights, dtype="<f4"),
        "intercept": model.intercept.astype("<f8"),
        "abstain_below": np.array([model.abstain_below], dtype="<f8"),
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _limit(name: str) -> float:
    """Return the largest size that a number of an array may have."""
    return {"abstain_below": 1.0, "weights": WEIGHT_LIMIT, "intercept": WEIGHT_LIMIT}.get(name, np.inf)
