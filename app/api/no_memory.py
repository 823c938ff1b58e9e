"""A memory that takes nothing, for a service that must not remember: it says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NoReturn

from app.domain.errors import StoreUnavailableError
from app.store.records import DecisionTask, NewFeedback, NewOutcome


class NoMemory:
    """Refuses everything, at once."""

    state = "down"
    counts: Mapping[str, int] = {"commits": 0, "written": 0, "failed": 0, "waiting": 0}

    def __init__(self, reason: str) -> None:
        """Keep the reason, which is told to whoever asks how the store is."""
        self.reason: str | None = reason

    def start(self) -> None:
        """Do nothing."""

    def close(self, seconds: float) -> None:
        """Do nothing."""

    def decide(self, _: DecisionTask) -> Future[Any]:
        """Refuse."""
        self._refuse()

    def look(self, *_: Sequence[str] | int) -> Future[Any]:
        """Refuse."""
        self._refuse()

    def report(self, _: NewOutcome) -> Future[Any]:
        """Refuse."""
        self._refuse()

    def judge(self, _: NewFeedback) -> Future[Any]:
        """Refuse."""
        self._refuse()

    def erase(self, *_: str | int) -> Future[Any]:
        """Refuse."""
        self._refuse()

    def view(self, *_: str | int) -> Future[Any]:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreUnavailableError(self.reason or "")
