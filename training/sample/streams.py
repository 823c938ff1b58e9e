"""Random streams by name: one per concern and block, so that one more table changes no other.

A stream depends on the seed, the name of the concern and the number of the block, and on nothing else. The
order in which streams are opened is irrelevant.
"""

from __future__ import annotations

import zlib

import numpy as np


class Streams:
    """The random generators of one block of customers, opened when first asked for."""

    def __init__(self, seed: int, block: int) -> None:
        """Keep the seed and the block number; draw nothing."""
        self._seed = seed
        self._block = block
        self._open: dict[str, np.random.Generator] = {}

    def __getitem__(self, concern: str) -> np.random.Generator:
        """Return the generator of a concern; the same object each time, so that it goes on."""
        if concern not in self._open:
            key = (zlib.crc32(concern.encode()), self._block)
            sequence = np.random.SeedSequence(self._seed, spawn_key=key)
            self._open[concern] = np.random.default_rng(sequence)
        return self._open[concern]
