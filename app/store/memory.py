"""What the service remembers: decisions, the contacts they promised, what came of them, and who was erased.

Every method returns at once; its future resolves after the commit, so that what it says is kept. Futures may
raise ``StoreFullError`` and ``StoreUnavailableError`` beside what a method names; what was refused so may be
sent again, and is never written twice. A plain ``StoreError`` says that the database works and refuses this
data: another try will not help. The methods themselves raise ``StoreBusyError`` if too much waits, and
``StoreUnavailableError`` where the database has gone silent. What its caller cancels is not written, unless
that has begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from app.store.batches import Erasure, Look, View
from app.store.books import read_books
from app.store.engine import READING, failure, is_of_database, open_engine
from app.store.migrations import check_schema
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
from app.store.standing import SILENT_SECONDS, State
from app.store.writer import Writer


class Memory:
    """A database of the service, and the thread that writes it."""

    def __init__(
        self,
        url: str,
        *,
        queue_limit: int = 10_000,
        batch_limit: int = 256,
        key_check: str | None = None,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        """Prepare to work on a database, without connecting.

        Parameters
        ----------
        url
            ``sqlite:///path`` or ``postgresql://…``.
        queue_limit
            How many questions may wait; an outcome, a verdict or a look counts as one.
        batch_limit
            How many questions are answered in one transaction; a task with more has one of its own.
        key_check
            By what the key is known that made the pseudonyms. The database keeps the first one; under another
            one it stays down, and nothing is written.
        silent_seconds
            How long the database may take before it counts as down.

        Raises
        ------
        StoreError
            The URL cannot be read or names another kind of database.
        """
        self._engine = open_engine(url)
        self._audited = open_engine(url, is_read_only=True)
        self._writer = Writer(
            self._engine,
            queue_limit=queue_limit,
            batch_limit=batch_limit,
            key_check=key_check,
            silent_seconds=silent_seconds,
        )

    @property
    def state(self) -> State:
        """``up``, ``down`` or ``full``, as the last attempt to write has shown."""
        return self._writer.standing.state

    @property
    def reason(self) -> str | None:
        """Why it is not up, in words that hold no URL, password or id; None where it is."""
        return self._writer.standing.reason

    @property
    def counts(self) -> Mapping[str, int]:
        """``commits``, rows ``written``, ``failed`` tasks, ``retried`` batches, questions ``waiting`` now.

        Rows are new decisions, outcomes, verdicts and erased persons.
        """
        return self._writer.counts

    def start(self) -> None:
        """Begin to work; the schema is made or changed as soon as the database answers."""
        self._writer.start()

    def close(self, seconds: float = 10.0) -> None:
        """Write what waits, for so long at most, and let go of the database."""
        self._writer.close(seconds)
        self._engine.dispose()
        self._audited.dispose()

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

        Nothing is written, and no file is made.

        Raises
        ------
        StoreUnavailableError
            The database is not there, does not answer, or has another schema than that of the code.
        """
        try:
            with self._audited.connect() as raw:
                connection = raw.execution_options(**{READING: True})
                if connection.dialect.name == "postgresql":
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.begin():
                    check_schema(connection)
                    return read_books(connection)
        except Exception as error:
            if is_of_database(error):
                raise failure(error, self._engine) from error
            raise
