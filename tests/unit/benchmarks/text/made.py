"""Made-up texts for the tests of the text benchmark."""

from __future__ import annotations

import numpy as np

from benchmarks.text.sets import Texts


def made(count: int = 120, seed: int = 0) -> Texts:
    """Return texts whose class is in their words: grux negative, plain neutral, zorp positive."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, count)
    words = ("grux bad", "plain thing", "zorp good")
    return Texts(tuple(f"{words[k]} {rng.choice(['coat', 'box'])} {n}" for n, k in enumerate(label)), label)
