"""One thread that writes: it takes all that waits into one transaction, and answers after the commit.

Nothing is delayed on purpose: while one batch is being committed, the next one gathers. If a batch fails for
a reason of the database it is rolled back, its connection is thrown away unless data was at fault, and each
task is tried once more, alone, so that only those fail that cannot be written. Tasks can be run again: a task
whose commit failed in a way that leaves open whether it was written finds itself on record.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from sqlalchemy import Connection, Engine

from app.domain.errors import StoreError, StoreFullError, StoreUnavailableError
from app.store.batches import Erasure, Pulse, Task, run
from app.store.engine import failure, is_of_database, is_refusal_of_data
from app.store.migrations import migrate
from app.store.standing import SILENT_SECONDS, Standing
from app.store.transaction import Transaction
from app.store.waiting import Waiter, Waiting
from app.store.write_ahead import clear, secure

_RETRY_SECONDS: Final = 1.0
"""How long a database that did not answer is left alone, and a log that is read is left as it is."""
_PATIENCE_SECONDS: Final = 5.0
"""How long the tasks of a failed batch are tried one by one before the rest fails without a try."""


class Writer:
    """Runs tasks against a database, many in one transaction."""

    def __init__(
        self,
        engine: Engine,
        *,
        queue_limit: int,
        batch_limit: int,
        key_check: str | None = None,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        """Take tasks from now on; nothing is connected before ``start``."""
        self._engine = engine
        self._batch_limit = batch_limit
        self._key_check = key_check
        self._waiting = Waiting(queue_limit)
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._connection: Connection | None = None
        self._is_migrated = False
        self._has_log_to_clear = False
        self._clear_at = 0.0
        self._retry_at = 0.0
        self._refusal: StoreError = StoreUnavailableError("The database does not answer")
        self._counts: Counter[str] = Counter(commits=0, written=0, failed=0, retried=0)
        self.standing = Standing(silent_seconds)

    @property
    def counts(self) -> Mapping[str, int]:
        """Commits, rows written, tasks that the database failed, batches tried anew, questions that wait."""
        return {**self._counts, "waiting": self._waiting.size}

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
            The writer was closed, or waits for a database that has gone silent.
        """
        if self.standing.is_silent:
            raise StoreUnavailableError(self.standing.reason or "The database does not answer")
        return self._waiting.put(task)

    def close(self, seconds: float) -> None:
        """Write what waits, for so long at most; what is left then fails."""
        self._waiting.close()
        if self._thread.is_alive():
            self._thread.join(seconds)
        for _, future in self._waiting.drain():
            if future.set_running_or_notify_cancel():
                future.set_exception(StoreUnavailableError("The store was closed"))

    def _work(self) -> None:
        self._feel_pulse()
        while (taken := self._waiting.take(self._batch_limit, self._idle_seconds())) is not None:
            if taken:
                self._serve(taken)
            elif self.standing.state != "up":
                self._feel_pulse()
            self._clear_log()
        self._disconnect()

    def _idle_seconds(self) -> float | None:
        """Return after how long there is something to do even if no task comes."""
        is_settled = self.standing.state == "up" and not self._has_log_to_clear
        return None if is_settled else _RETRY_SECONDS

    def _serve(self, taken: Sequence[Waiter]) -> None:
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
        with self.standing.attempt():
            connection = self._connected()
            transaction = Transaction(connection)
            try:
                with connection.begin():
                    results = run(transaction, tasks)
            except Exception as error:
                if self._is_broken(error):
                    self._disconnect()
                raise
        self._counts["commits"] += transaction.has_written
        self._counts["written"] += transaction.new_rows
        if transaction.has_written or self.standing.state == "down":
            self.standing.note("up")
        if isinstance(tasks[0], Erasure):
            self._has_log_to_clear, self._clear_at = True, 0.0
            self._clear_log()
        return results

    def _is_broken(self, error: Exception) -> bool:
        """Say whether the connection is of no more use.

        It is sound where there was no room, and opening another one would need room; and where one task's
        data was at fault.
        """
        if not is_of_database(error) or is_refusal_of_data(error):
            return False
        return not isinstance(failure(error, self._engine), StoreFullError)

    def _failed(self, error: Exception) -> Exception:
        """Return what a task's future says about an error, and note what it says about the database."""
        if not is_of_database(error):
            return error
        meaning = failure(error, self._engine)
        meaning.__cause__ = error if meaning is not error else error.__cause__
        self._counts["failed"] += 1
        if not is_refusal_of_data(error):
            self.standing.note("full" if isinstance(meaning, StoreFullError) else "down", str(meaning))
        return meaning

    def _connected(self) -> Connection:
        if self._connection is not None:
            return self._connection
        began = time.monotonic()
        if began < self._retry_at:
            raise type(self._refusal)(str(self._refusal))
        try:
            if not self._is_migrated:
                migrate(self._engine, key_check=self._key_check)
                self._is_migrated = True
            self._connection = self._engine.connect()
            secure(self._connection)
            # A process before this one may have erased something and ended while somebody read the log.
            self._has_log_to_clear = not clear(self._connection)
        except Exception as error:
            self._disconnect()
            self._is_migrated = False
            # What waits is told so meanwhile, rather than each batch after a try that takes as long again.
            ended = time.monotonic()
            self._retry_at = ended + max(_RETRY_SECONDS, ended - began)
            self._refusal = failure(error, self._engine)
            raise self._refusal from error
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

    def _clear_log(self) -> None:
        """Take what was erased out of SQLite's write-ahead log too; later, if somebody reads from it now."""
        connection, now = self._connection, time.monotonic()
        if not self._has_log_to_clear or connection is None or now < self._clear_at:
            return
        self._clear_at = now + _RETRY_SECONDS
        try:
            self._has_log_to_clear = not clear(connection)
        except Exception:  # noqa: BLE001  the thread must not end
            self._disconnect()  # the erasure itself is done; the next connection begins with the log
