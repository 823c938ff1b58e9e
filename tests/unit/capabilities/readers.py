"""A text model that knows a handful of words, made by hand."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.grams import grams
from app.estimators.ngrams import NgramModel

BITS: Final = 28
WORDS: Final = {
    0: "late bad rude broken awful slow expensive angry 慢 差 坏 贵 烂 😡",
    1: "ok average was is the it and box arrived delivery quality price service staff 一 般 客 服 物 流",
    2: "great good lovely quick friendly cheap perfect love 好 快 棒 不错 喜 欢 👍",
}
STRENGTH: Final = 9.0


def reader(abstain_below: float = 0.5) -> NgramModel:
    """Return a model in which each word above stands for its class."""
    known: dict[int, Array] = {}
    for label, words in WORDS.items():
        for word in words.split():
            row = np.zeros(3)
            row[label] = STRENGTH if label != 1 else 0.5
            known.update(dict.fromkeys(grams([word], BITS).bucket.tolist(), row))
    buckets = sorted(known)
    return NgramModel(
        BITS,
        np.array(buckets, dtype=np.uint32),
        np.array([known[bucket] for bucket in buckets], dtype=np.float32),
        np.array([0.0, 0.4, 0.0]),
        abstain_below,
    )
