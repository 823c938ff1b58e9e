"""Answers on record for questions that the release of today would refuse.

A playbook may have lost an action, a moment may have passed, or no release may be there: whoever repeats a
question all the same gets the answer that was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.api.memory import PATIENCE_SECONDS, Memory, kept
from app.domain.clock import to_microseconds
from app.domain.errors import KithError
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys
from app.store.records import Asked, BudgetState, Choice, DecisionTask, Known

Answer = dict[str, Any]


class NewQuestionError(KithError):
    """A question is not on record."""


async def recalled(
    memory: Memory,
    asked: Sequence[tuple[str, AskAction]],
    keys: Keys,
    now: datetime,
    patience: float = PATIENCE_SECONDS,
) -> list[Answer | str | None]:
    """Return what is on record for questions: the answer, or the kind of problem; None for a new one.

    Parameters
    ----------
    asked : sequence of (str, AskAction)
        The id of each customer, and what is asked.
    now : datetime
        Aware.
    patience : float
        Seconds within which the store must answer for all of them.

    Raises
    ------
    StoreError
        The store cannot say.
    """
    since = to_microseconds(now)
    futures = [
        memory.decide(
            DecisionTask(
                [Asked(keys.person(customer_id), keys.request(ask.request_id), ask.body_hash)],
                since,
                (),
                _decline,
            )
        )
        for customer_id, ask in asked
    ]
    clock = asyncio.get_running_loop().time
    until = clock() + patience
    found: list[Answer | str | None] = []
    try:
        for (customer_id, _), future in zip(asked, futures, strict=True):
            try:
                (decided,) = await kept(future, until - clock())
            except NewQuestionError:
                found.append(None)
            else:
                answer = {**decided.answer, "customer_id": customer_id, "replay": decided.is_replay}
                found.append(decided.error or answer)
    finally:
        for future in futures:
            future.cancel()
    return found


def _decline(_: Sequence[int], __: Sequence[Known], ___: Mapping[str, BudgetState]) -> Choice:
    """Decide nothing: see :data:`app.store.records.Choose`."""
    raise NewQuestionError
