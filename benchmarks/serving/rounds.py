"""Interleaved rounds: everything that is compared runs in every round, and the medians are told.

A machine that is shared or throttled slows whatever runs at the moment; within one round all sides meet the
same weather, and the median over rounds drops the worst of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        """Return ``median (low–high)``."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def run_rounds(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return what each side measured in each round; every other round runs in the opposite order."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for name in sides:
        sides[name]()  # the first time is for warming up
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        for name in names:
            found[name].append(sides[name]())
    return found


def ratio(found: Mapping[str, list[float]], side: str, beside: str) -> Spread:
    """Return one side over another, round by round."""
    return Spread.of([a / b for a, b in zip(found[side], found[beside], strict=True)])
