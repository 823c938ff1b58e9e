"""Scores from 1 to 5, 5 best, by cut points, and the named segment of every combination of three of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array

SCORES: Final = range(1, 6)
GRID: Final = (
    ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("about_to_sleep", "about_to_sleep", "needs_attention", "loyal", "loyal"),
    ("promising", "potential_loyalists", "potential_loyalists", "loyal", "loyal"),
    ("new_customers", "potential_loyalists", "potential_loyalists", "champions", "champions"),
)
"""The name by recency (row 1 to 5) and frequency (column 1 to 5). Money, where known, moves two of them:
a champion with monetary 1 or 2 is loyal, and who is at risk with monetary 5 is one you cannot lose."""
NAMES: Final = (
    "champions",
    "loyal",
    "potential_loyalists",
    "new_customers",
    "promising",
    "needs_attention",
    "about_to_sleep",
    "cannot_lose",
    "at_risk",
    "hibernating",
    "lost",
)


def named(recency: int, frequency: int, monetary: int) -> str:
    """Return the name of a combination of scores; ``monetary`` is 0 where it is not known."""
    name = GRID[recency - 1][frequency - 1]
    if name == "champions" and monetary in {1, 2}:
        return "loyal"
    if name == "at_risk" and monetary == SCORES[-1]:
        return "cannot_lose"
    return name


def coded(recency: int, frequency: int, monetary: int) -> str:
    """Return scores as one word: R5F4M5, or R5F4 where monetary is not known (0)."""
    return f"R{recency}F{frequency}" + (f"M{monetary}" if monetary else "")


_ALL: Final = tuple((r, f, m) for r in SCORES for f in SCORES for m in (0, *SCORES))
CODES: Final = np.array([coded(*scores) for scores in _ALL], dtype=object)
NAMED: Final = np.array([named(*scores) for scores in _ALL], dtype=object)
"""The code and the name of each combination; :func:`place_of` says where it stands."""


def place_of(recency: Array, frequency: Array, monetary: Array) -> Array:
    """Return where combinations of scores stand in ``CODES`` and ``NAMED``, int64 of shape (N,)."""
    place: Array = (recency - 1) * 30 + (frequency - 1) * 6 + monetary
    return place


@dataclass(frozen=True, slots=True)
class Scale:
    """Scores by value: ``scores[k]`` of a value with k of the rising ``edges`` at or below it."""

    edges: Array
    scores: Array

    def of(self, values: Array) -> Array:
        """Return the score of each value, int64 of shape (N,); NaN is no value to ask about."""
        answer: Array = self.scores[self.edges.searchsorted(values, side="right")]
        return answer


def read_scale(found: Mapping[str, Any]) -> Scale:
    """Return the scale that ``{"edges", "scores"}`` of an artifact describe.

    Raises
    ------
    StructureError
        The cut points do not rise, or there is not one score more than they are, from 1 to 5.
    """
    edges, scores = np.array(found["edges"], dtype=np.float64), np.array(found["scores"], dtype=np.int64)
    if edges.ndim != 1 or scores.shape != (len(edges) + 1,):
        raise StructureError(f"{len(scores)} scores do not fit {len(edges)} cut points")
    if not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise StructureError("the cut points of a score do not rise")
    if scores.min() < SCORES[0] or scores.max() > SCORES[-1]:
        raise StructureError("a score is not 1 to 5")
    return Scale(edges, scores)
