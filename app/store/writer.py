"""One thread that writes: it takes all that waits into one transaction, and answers after the commit.

Nothing is delayed on purpose: while one batch is being committed, the next one gathers. If a batch fails for
a reason of the database it is rolled back, its connection is thrown away, and each task is tried once more,
alone, so that only those fail that cannot be written. Tasks can be run again: a task whose commit failed in a
way that leaves open whether it was written finds itself on record.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine

from app.domain.errors import StoreBusyError, StoreFullError, StoreUnavailableError
from app.store.batches import Erasure, Pulse, Task, run
from app.store.engine import BUSY_SECONDS, failure, is_of_database, is_refusal_of_data
from app.store.migrations import migrate
from app.store.transaction import Transaction

State = Literal["up", "down", "full"]

_RETRY_SECONDS: Final = 1.0
"""How long a database that did not answer is left alone."""
_PATIENCE_SECONDS: Final = 5.0
"""How long the tasks of a failed batch are tried one by one before the rest fails without a try."""
_TURN_SECONDS: Final = 0.01
"""How long another instance's checkpoint is left alone before the next try."""


class Writer:
    """Runs tasks against a database, many in one transaction."""

    def __init__(self, engine: Engine, *, queue_limit: int, batch_limit: int) -> None:
        """Take tasks from now on; nothing is connected before ``start``."""
        self._engine = engine
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._waiting: deque[tuple[Task, Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._connection: Connection | None = None
        self._is_migrated = False
        self._retry_at = 0.0
        self._refusal: type[StoreFullError | StoreUnavailableError] = StoreUnavailableError
        self._refusal_text = ""
        self._counts: Counter[str] = Counter(commits=0, written=0, failed=0, retried=0)
        self.state: State = "down"

    @property
    def counts(self) -> Mapping[str, int]:
        """Commits, tasks written, tasks that the database failed, batches tried anew, tasks that wait now."""
        return {**self._counts, "waiting": len(self._waiting)}

    def start(self) -> None:
        """Begin to work, whether or not the database answers yet."""
        self._thread.start()

    def submit(self, task: Task) -> Future[Any]:
        """Return the future of a task's result.

        Raises
        ------
        StoreBusyError
            More waits already than the queue may hold.
        StoreUnavailableError
            The writer was closed.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._is_closing:
                raise StoreUnavailableError("The store is closed")
            if len(self._waiting) >= self._queue_limit:
                raise StoreBusyError("Too much waits to be written")
            self._waiting.append((task, future))
            self._changed.notify()
        return future

    def close(self, seconds: float) -> None:
        """Write what waits, for so long at most; what is left then fails."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)
        with self._changed:
            left = list(self._waiting)
            self._waiting.clear()
        for _, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(StoreUnavailableError("The store was closed"))

    def _work(self) -> None:
        self._feel_pulse()
        while (taken := self._take()) is not None:
            if taken:
                self._serve(taken)
            else:
                self._feel_pulse()
        self._disconnect()

    def _take(self) -> list[tuple[Task, Future[Any]]] | None:
        """Return what waits, up to a batch; nothing if it is time for a pulse; None after the last one."""
        with self._changed:
            while not self._waiting:
                if self._is_closing:
                    return None
                if not self._changed.wait(None if self.state == "up" else _RETRY_SECONDS):
                    return []
            taken = [self._waiting.popleft()]
            while self._waiting and len(taken) < self._batch_limit:
                if isinstance(taken[0][0], Erasure) or isinstance(self._waiting[0][0], Erasure):
                    break
                taken.append(self._waiting.popleft())
        return taken

    def _serve(self, taken: Sequence[tuple[Task, Future[Any]]]) -> None:
        alive = [(task, future) for task, future in taken if future.set_running_or_notify_cancel()]
        tasks = [task for task, _ in alive]
        began = time.monotonic()
        try:
            results = self._attempt(tasks) if tasks else []
        except Exception as error:  # noqa: BLE001  whatever it is, every task gets an answer
            self._counts["retried"] += 1
            results = self._one_by_one(tasks, error, began + _PATIENCE_SECONDS)
        for (_, future), result in zip(alive, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _one_by_one(self, tasks: Sequence[Task], error: Exception, until: float) -> list[Any]:
        results: list[Any] = []
        for task in tasks:
            if time.monotonic() > until:
                results.append(self._failed(error))
                continue
            try:
                results += self._attempt([task])
            except Exception as again:  # noqa: BLE001  the same
                results.append(self._failed(again))
        return results

    def _attempt(self, tasks: Sequence[Task]) -> list[Any]:
        """Run tasks in one transaction; return their results after the commit."""
        connection = self._connected()
        transaction = Transaction(connection)
        try:
            with connection.begin():
                results = run(transaction, tasks)
        except Exception as error:
            if not self._is_full(error):
                self._disconnect()
            raise
        self._counts["commits"] += transaction.has_written
        self._counts["written"] += len(tasks) if transaction.has_written else 0
        if transaction.has_written or self.state == "down":
            self.state = "up"
        if isinstance(tasks[0], Erasure):
            self._clear_log(connection)
        return results

    def _is_full(self, error: Exception) -> bool:
        """Say whether there was no room: the connection is sound then, and opening another one needs room."""
        return is_of_database(error) and isinstance(failure(error, self._engine), StoreFullError)

    def _failed(self, error: Exception) -> Exception:
        """Return what a task's future says about an error, and note what it says about the database."""
        if not is_of_database(error):
            return error
        meaning = failure(error, self._engine)
        meaning.__cause__ = error if meaning is not error else error.__cause__
        self._counts["failed"] += 1
        if not is_refusal_of_data(error):
            self.state = "full" if isinstance(meaning, StoreFullError) else "down"
        return meaning

    def _connected(self) -> Connection:
        if self._connection is not None:
            return self._connection
        now = time.monotonic()
        if now < self._retry_at:
            raise self._refusal(self._refusal_text)
        try:
            if not self._is_migrated:
                migrate(self._engine)
                self._is_migrated = True
            self._connection = self._engine.connect()
            self._settle(self._connection)
        except Exception as error:
            self._disconnect()
            self._is_migrated = False
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            meaning = failure(error, self._engine)
            is_full = isinstance(meaning, StoreFullError)
            self._refusal = StoreFullError if is_full else StoreUnavailableError
            self._refusal_text = str(meaning)
            raise meaning from error
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it is thrown away, whatever it has to say
                connection.close()

    def _feel_pulse(self) -> None:
        try:
            self._attempt([Pulse(secrets.token_hex(8))])
        except Exception as error:  # noqa: BLE001  no answer is the answer
            self._failed(error)

    def _clear_log(self, connection: Connection) -> None:
        """Take what was erased out of SQLite's write-ahead log too, unless another instance reads it now."""
        try:
            _checkpoint(connection, "TRUNCATE")
        except sqlite3.Error:
            self._disconnect()  # the erasure itself is done

    @staticmethod
    def _settle(connection: Connection) -> None:
        """Make sure that all that can be read is on disk.

        SQLite's log may hold a commit whose sync failed: reading it would acknowledge what a loss of power
        can still undo, and another sync of the same bytes would prove nothing. They are written anew.
        """
        until = time.monotonic() + BUSY_SECONDS
        while not _checkpoint(connection, "FULL"):
            # Another instance does the same right now: for that SQLite does not wait by itself.
            if time.monotonic() > until:
                raise StoreUnavailableError("Another process keeps the database busy")
            time.sleep(_TURN_SECONDS)


def _checkpoint(connection: Connection, how: str) -> bool:
    """Carry SQLite's write-ahead log over to the database and sync it; say whether that was all."""
    if connection.dialect.name != "sqlite":
        return True
    # Beside SQLAlchemy, which would begin a transaction: within one, SQLite does not do this.
    driver: Any = connection.connection.driver_connection
    is_busy, _, _ = driver.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    return not is_busy
