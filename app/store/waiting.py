"""Tasks that wait for the writer: bounded by the questions they hold, in the order in which they came.

A decision task of a thousand customers takes the place of a thousand outcomes. A task whose future its caller
cancels leaves at once. Erasures are taken apart from all else, for a batch runs its tasks by kind.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any

from app.domain.errors import StoreBusyError, StoreUnavailableError
from app.store.batches import Erasure, Task
from app.store.records import DecisionTask

Waiter = tuple[Task, Future[Any]]


class Waiting:
    """A queue between many threads that submit and one that takes."""

    def __init__(self, limit: int) -> None:
        """Hold so many questions at most; a task that holds more is taken where nothing else waits."""
        self._limit = limit
        self._tasks: OrderedDict[Future[Any], Task] = OrderedDict()
        self._size = 0
        self._changed = threading.Condition()
        self._is_closed = False

    @property
    def size(self) -> int:
        """How many questions wait."""
        return self._size

    def put(self, task: Task) -> Future[Any]:
        """Return the future of a task's result.

        Raises
        ------
        StoreBusyError
            More waits already than the queue may hold.
        StoreUnavailableError
            The queue was closed.
        """
        future: Future[Any] = Future()
        size = size_of(task)
        with self._changed:
            if self._is_closed:
                raise StoreUnavailableError("The store is closed")
            if self._tasks and self._size + size > self._limit:
                raise StoreBusyError("Too much waits to be written")
            self._tasks[future] = task
            self._size += size
            self._changed.notify()
        future.add_done_callback(self._forget)
        return future

    def take(self, most: int, seconds: float | None) -> list[Waiter] | None:
        """Wait so long for tasks; return the first ones, of so many questions or a single task.

        Nothing came in time: an empty list. Nothing will come any more: None.
        """
        with self._changed:
            while not self._tasks:
                if self._is_closed:
                    return None
                if not self._changed.wait(seconds):
                    return []
            taken = [self._pop()]
            size = size_of(taken[0][0])
            is_erasure = isinstance(taken[0][0], Erasure)
            while self._tasks:
                task = next(iter(self._tasks.values()))
                size += size_of(task)
                if size > most or isinstance(task, Erasure) != is_erasure:
                    break
                taken.append(self._pop())
        return taken

    def close(self) -> None:
        """Take no more tasks; those that wait can still be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def drain(self) -> list[Waiter]:
        """Return all that waits, which then waits no more."""
        with self._changed:
            return [self._pop() for _ in range(len(self._tasks))]

    def _pop(self) -> Waiter:
        future, task = self._tasks.popitem(last=False)
        self._size -= size_of(task)
        return task, future

    def _forget(self, future: Future[Any]) -> None:
        if future.cancelled():
            with self._changed:
                task = self._tasks.pop(future, None)
                self._size -= 0 if task is None else size_of(task)


def size_of(task: Task) -> int:
    """Return how many questions a task holds; whatever is no decision counts as one."""
    return max(1, len(task.asked)) if isinstance(task, DecisionTask) else 1
