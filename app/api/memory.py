"""What the endpoints need of the store, and how they wait for it.

Rules: nothing is acknowledged before the store says that it is kept; who waits too long is told that the
store does not answer, and can safely ask again; what nobody waits for any more is taken back, unless the
store is at it already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, Protocol, TypeVar

from app.domain.errors import StoreUnavailableError
from app.store.records import (
    BudgetState,
    Decided,
    DecisionTask,
    Document,
    Known,
    NewFeedback,
    NewOutcome,
    Reported,
)

PATIENCE_SECONDS: Final = 30.0

T = TypeVar("T")


class Memory(Protocol):
    """What the service remembers; :class:`app.store.memory.Memory` is one.

    Methods raise a :class:`~app.domain.errors.StoreError`, at once or from the future.
    """

    @property
    def state(self) -> str:
        """``up``, ``down`` or ``full``."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it is not up, for ops; None where there is nothing to say."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Running totals: commits, written, failed; and how many are waiting."""
        ...

    def start(self) -> None:
        """Begin to write; the database need not be there yet."""
        ...

    def close(self, seconds: float) -> None:
        """Write what waits, as far as the time allows, and stop."""
        ...

    def decide(self, task: DecisionTask) -> Future[list[Decided]]:
        """Decide and write, or find what was decided before."""
        ...

    def look(
        self, persons: Sequence[str], since: int, budgets: Sequence[str]
    ) -> Future[tuple[list[Known], dict[str, BudgetState]]]:
        """Read what a decision depends on."""
        ...

    def report(self, outcome: NewOutcome) -> Future[Reported]:
        """Write an outcome."""
        ...

    def judge(self, feedback: NewFeedback) -> Future[bool]:
        """Write a verdict; True where it was there."""
        ...

    def erase(self, person: str, at: int) -> Future[dict[str, int]]:
        """Erase a person; rows by kind."""
        ...

    def view(self, decision_id: str, at: int) -> Future[Document | None]:
        """Return a decision with what came of it; None where there is none."""
        ...


class UncertainError(StoreUnavailableError):
    """The store is at it, and nobody can say whether it will be written."""


async def kept(future: Future[T], seconds: float = PATIENCE_SECONDS) -> T:
    """Return what the store answers; what it does not begin with in time is taken back.

    Raises
    ------
    StoreError
        The store's own; ``StoreUnavailableError`` where it does not answer in time, and nothing was written;
        ``UncertainError`` where it may still be.
    """
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(_looked_at)
    try:
        await asyncio.wait({waiting}, timeout=max(seconds, 0.0))
    except asyncio.CancelledError:
        future.cancel()
        raise
    if not future.done():
        future.cancel()
    if future.cancelled():
        raise StoreUnavailableError("The store does not answer in time")
    if not future.done():
        raise UncertainError("The store does not answer in time")
    return future.result()


def _looked_at(waiting: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for: told by asyncio, its message would reach stderr."""
    if not waiting.cancelled():
        waiting.exception()
