"""What the release in force says of many customers, as columns for a report."""

from __future__ import annotations

import numpy as np

from app.domain.history import Array, History
from app.serving.blocks import Answered, Part
from app.serving.plan import FULL, plan_of
from app.serving.release import LoadedRelease


def asked(release: LoadedRelease, history: History, at: int, names: tuple[str, ...]) -> dict[str, Answered]:
    """Return what those of the named scorers that are published answer of N customers at a time."""
    plans = {name: plan_of(release.artifacts[name], FULL) for name in names if name in release.artifacts}
    needed = frozenset().union(*(plan.needed for plan in plans.values()))
    part = Part(release, history, np.full(history.size, at, dtype=np.int64), needed)
    return {name: Answered(part, plan, None) for name, plan in plans.items()}


def numbers(block: Answered | None, name: str, size: int) -> Array:
    """Return a column of numbers, shape (N,), NaN where the block is silent."""
    if block is None:
        return np.full(size, np.nan)
    return np.where(block.answers["eligible"], block.answers[name], np.nan).astype(np.float64)


def words(block: Answered | None, name: str, known: tuple[str, ...], size: int) -> Array:
    """Return a column of words as indexes into the known ones, shape (N,), -1 where there is none."""
    found = np.full(size, -1, dtype=np.int64)
    if block is not None:
        for place, word in enumerate(known):
            found[block.answers[name] == word] = place
    return found
