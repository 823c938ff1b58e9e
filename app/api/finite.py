"""A number that is not finite never leaves: the last look at an answer."""

from __future__ import annotations

from typing import Any


def is_finite(answer: Any) -> bool:
    """Say whether every number of an answer, or of a part of it, is finite."""
    if isinstance(answer, dict):
        return all(map(is_finite, answer.values()))
    if isinstance(answer, list | tuple):
        return all(map(is_finite, answer))
    return not isinstance(answer, float) or answer - answer == 0.0
