from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.domain.errors import StoreBusyError, StoreUnavailableError
from app.store.memory import Memory
from app.store.records import Asked, Choice, Decided, DecisionTask, NewOutcome


def outcome(key: str) -> NewOutcome:
    return NewOutcome(key, "body", "opened", 1, 2, person="ann", channel="email")


class Held:
    """A memory whose writer is held up by one task until it is let go."""

    def __init__(self, path: Path, **limits: float) -> None:
        self.memory = Memory(f"sqlite:///{path}", queue_limit=3, **limits)  # type: ignore[arg-type]
        self.memory.start()
        self._began, self._go = threading.Event(), threading.Event()
        asked = [Asked("ann", "request", "body")]
        self.task: Future[list[Decided]] = self.memory.decide(DecisionTask(asked, 0, [], self._choose))
        assert self._began.wait(10)

    def _choose(self, *_: object) -> Choice:
        self._began.set()
        self._go.wait(10)
        raise InterruptedError

    def let_go(self) -> None:
        self._go.set()
        with pytest.raises(InterruptedError):
            self.task.result(10)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    made = Held(tmp_path / "store.db")
    yield made
    made.memory.close(10)


def test_what_the_queue_cannot_hold_is_refused_at_once(held: Held) -> None:
    futures = [held.memory.report(outcome(key)) for key in "abc"]
    with pytest.raises(StoreBusyError):
        held.memory.report(outcome("d"))
    assert held.memory.counts["waiting"] == 3
    held.let_go()
    assert [future.result(10).is_replay for future in futures] == [False] * 3
    assert held.memory.report(outcome("d")).result(10).is_replay is False


def test_what_was_cancelled_while_it_waited_is_not_written(held: Held) -> None:
    futures = {key: held.memory.report(outcome(key)) for key in "ab"}
    assert futures["a"].cancel()
    held.let_go()
    assert futures["b"].result(10).is_replay is False
    assert held.memory.report(outcome("a")).result(10).is_replay is False


def test_closing_writes_what_waits_and_takes_no_more(held: Held) -> None:
    future = held.memory.report(outcome("a"))
    held.let_go()
    held.memory.close(10)
    assert future.result(0).is_replay is False
    with pytest.raises(StoreUnavailableError):
        held.memory.report(outcome("b"))


def test_closing_in_a_hurry_fails_what_is_left(held: Held) -> None:
    future = held.memory.report(outcome("a"))
    held.memory.close(0)
    with pytest.raises(StoreUnavailableError):
        future.result(0)
    held.let_go()


def test_memory_is_down_until_it_has_met_its_database(tmp_path: Path) -> None:
    memory = Memory(f"sqlite:///{tmp_path}/store.db")
    before = memory.state
    memory.start()
    memory.view("nothing", 0).result(10)
    assert (before, memory.state) == ("down", "up")
    memory.close(10)
    assert memory.counts == {"commits": 1, "written": 0, "failed": 0, "retried": 0, "waiting": 0}


def test_queue_counts_questions_and_takes_a_large_task_only_where_nothing_waits(held: Held) -> None:
    def ask(count: int, key: str) -> Future[list[Decided]]:
        asked = [Asked("ann", f"{key}-{number}", "body") for number in range(count)]
        return held.memory.decide(DecisionTask(asked, 0, [], lambda *_: Choice([])))

    futures = [ask(2, "a")]
    with pytest.raises(StoreBusyError):
        ask(2, "b")
    futures.append(ask(1, "c"))
    assert held.memory.counts["waiting"] == 3
    held.let_go()
    assert all(isinstance(future.exception(10), ValueError) for future in futures)
    assert isinstance(ask(5, "d").exception(10), ValueError)


def test_what_was_cancelled_frees_its_place_at_once(held: Held) -> None:
    futures = [held.memory.report(outcome(key)) for key in "abc"]
    assert futures[1].cancel()
    assert held.memory.counts["waiting"] == 2
    futures[1] = held.memory.report(outcome("d"))
    held.let_go()
    assert [future.result(10).is_replay for future in futures] == [False] * 3
    assert not futures[0].cancel()
    assert held.memory.counts["waiting"] == 0


def test_database_that_does_not_answer_is_down_meanwhile(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    held = Held(tmp_path / "store.db", silent_seconds=0.3)
    until = time.monotonic() + 10
    while held.memory.state == "up" and time.monotonic() < until:
        time.sleep(0.02)
    assert (held.memory.state, held.memory.reason) == (
        "down",
        "The database has not answered for 0.3 seconds",
    )
    with pytest.raises(StoreUnavailableError, match="not answered"):
        held.memory.report(outcome("a"))
    held.let_go()
    assert held.memory.report(outcome("a")).result(10).is_replay is False
    assert (held.memory.state, held.memory.reason) == ("up", None)
    held.memory.close(10)
    assert [record.getMessage() for record in caplog.records] == ["store_up", "store_down", "store_up"]
