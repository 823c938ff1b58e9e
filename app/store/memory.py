"""What the service remembers: decisions, the contacts they promised, what came of them, and who was erased.

Every method returns at once; its future resolves after the commit, so that what it says is kept. Futures may
raise ``StoreFullError`` and ``StoreUnavailableError`` beside what a method names; what was refused so may be
sent again, and is never written twice. The methods themselves raise ``StoreBusyError`` if too much waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from app.store.batches import Erasure, Look, View
from app.store.books import read_books
from app.store.engine import READING, failure, is_of_database, open_engine
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
from app.store.writer import State, Writer


class Memory:
    """A database of the service, and the thread that writes it."""

    def __init__(self, url: str, *, queue_limit: int = 10_000, batch_limit: int = 256) -> None:
        """Prepare to work on a database, without connecting.

        Parameters
        ----------
        url
            ``sqlite:///path`` or ``postgresql://…``.
        queue_limit
            How many tasks may wait.
        batch_limit
            How many tasks are written in one transaction.

        Raises
        ------
        StoreError
            The URL cannot be read or names another kind of database.
        """
        self._engine = open_engine(url)
        self._writer = Writer(self._engine, queue_limit=queue_limit, batch_limit=batch_limit)

    @property
    def state(self) -> State:
        """``up``, ``down`` or ``full``, as the last attempt to write has shown."""
        return self._writer.state

    @property
    def counts(self) -> Mapping[str, int]:
        """``commits``, tasks ``written`` and ``failed``, batches ``retried``, and tasks ``waiting`` now."""
        return self._writer.counts

    def start(self) -> None:
        """Begin to work; the schema is made or changed as soon as the database answers."""
        self._writer.start()

    def close(self, seconds: float = 10.0) -> None:
        """Write what waits, for so long at most, and let go of the database."""
        self._writer.close(seconds)
        self._engine.dispose()

    def decide(self, task: DecisionTask) -> Future[list[Decided]]:
        """Return the answers to questions: new ones are chosen and written, those on record are repeated.

        What ``choose`` raises comes out of the future; then nothing of the task was written.
        """
        return self._writer.submit(task)

    def look(
        self, persons: Sequence[str], since: int, budgets: Sequence[str]
    ) -> Future[tuple[list[Known], dict[str, BudgetState]]]:
        """Return what a decision about persons would know now, without deciding."""
        return self._writer.submit(Look(persons, since, budgets))

    def report(self, outcome: NewOutcome) -> Future[Reported]:
        """Return how an outcome was taken.

        Raises, through the future, ``ConflictError``, ``UnknownDecisionError`` or ``ErasedError``.
        """
        return self._writer.submit(outcome)

    def judge(self, feedback: NewFeedback) -> Future[bool]:
        """Return whether a verdict was on record before.

        Raises, through the future, ``ConflictError``, ``UnknownDecisionError`` or ``ErasedError``.
        """
        return self._writer.submit(feedback)

    def erase(self, person: str, at: int) -> Future[dict[str, int]]:
        """Return how many rows of each table were erased with a person; what was spent stays spent."""
        return self._writer.submit(Erasure(person, at))

    def view(self, decision_id: str, at: int) -> Future[Document | None]:
        """Return a decision with what came of it until a time; None if there is none of that id."""
        return self._writer.submit(View(decision_id, at))

    def books(self) -> Document:
        """Return counts of what is on record, and what is amiss with it; the caller waits for the database.

        Raises
        ------
        StoreUnavailableError
            The database does not answer.
        """
        try:
            with self._engine.connect() as raw:
                connection = raw.execution_options(**{READING: True})
                if connection.dialect.name == "postgresql":
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    return read_books(connection)
        except Exception as error:
            if is_of_database(error):
                raise failure(error, self._engine) from error
            raise
