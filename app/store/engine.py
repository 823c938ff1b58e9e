"""From a URL to a database that keeps what it acknowledged.

``sqlite:///path`` gives a file that only its owner reads, with a write-ahead log, a sync at every commit,
foreign keys, and erased rows overwritten. ``postgresql://`` gives PostgreSQL through psycopg, with commits on
disk before they return. Errors never show the URL: it may hold a password.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from app.domain.errors import StoreError, StoreFullError, StoreUnavailableError

BUSY_SECONDS: Final = 10
"""How long a transaction waits for a lock that another instance holds."""
READING: Final = "kith_reading"
"""Execution option of connections that only read: in SQLite they do not wait for the writer."""

_CONNECT_SECONDS: Final = 5
_KEEPALIVES: Final = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that is gone without a word is noticed after about ten seconds (the last one in milliseconds)."""
_REFUSALS: Final = frozenset({"IntegrityError", "DataError", "OverflowError", "UnicodeEncodeError"})
_LITTLE_ROOM: Final = 64 * 1024
_DISK_FULL: Final = "53100"
_POSTGRESQL: Final = ("postgresql", "postgresql+psycopg")
_SQLITE: Final = ("sqlite", "sqlite+pysqlite")
_WRITE_AHEAD: Final = "PRAGMA journal_mode = WAL"
_TURN_SECONDS: Final = 0.01
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
)
_READING_PRAGMAS: Final = (f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}", "PRAGMA query_only = ON")
_OPTIONS: Final = (
    "-c synchronous_commit=on -c client_min_messages=warning -c timezone=UTC "
    f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout=60s -c idle_in_transaction_session_timeout=600s"
)


def open_engine(url: str, *, is_read_only: bool = False) -> Engine:
    """Return the engine for a URL, without connecting; one that only reads makes no SQLite file.

    Raises
    ------
    StoreError
        The URL cannot be read, or names another kind of database; the message does not show it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("The URL of the store cannot be read; expected sqlite:///path") from None
    if parsed.drivername in _SQLITE:
        return _sqlite_engine(parsed, is_read_only=is_read_only)
    if parsed.drivername in _POSTGRESQL:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": _CONNECT_SECONDS, "options": _OPTIONS, **_KEEPALIVES},
        )
    raise StoreError("The URL of the store names an unknown kind of database; sqlite and postgresql work")


def failure(error: Exception, engine: Engine) -> StoreError:
    """Return what an error of the database, its driver or the file system means to who wanted to write."""
    if isinstance(error, StoreError):
        return error
    cause = error.orig if isinstance(error, DBAPIError) else error
    if is_refusal_of_data(error):
        return StoreError(f"The database refuses what was to be written: {_name(cause)}")
    if _is_full(cause, engine):
        return StoreFullError("The database has no room left")
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorname", None) or type(cause).__name__
        return StoreUnavailableError(f"SQLite failed: {code}")
    return StoreUnavailableError(f"The database does not answer or failed: {_name(cause)}")


def is_refusal_of_data(error: Exception) -> bool:
    """Say whether a database that works, or its driver, refused what one task wanted to write."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    names = {type_.__name__ for type_ in type(cause).__mro__}
    return bool(names & _REFUSALS)


def is_of_database(error: Exception) -> bool:
    """Say whether an error comes from the database or its files rather than from the code."""
    return isinstance(error, SQLAlchemyError | sqlite3.Error | OSError | StoreError) or is_refusal_of_data(
        error
    )


def _name(cause: BaseException | None) -> str:
    return getattr(cause, "sqlstate", None) or type(cause).__name__


def _is_full(cause: BaseException | None, engine: Engine) -> bool:
    if isinstance(cause, OSError):
        return cause.errno in {errno.ENOSPC, errno.EDQUOT}
    if not isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlstate", None) == _DISK_FULL
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        # A sync or a mapped file that found no room: SQLite only says that the input or output failed.
        return _has_little_room(Path(engine.url.database or "."))
    return code == sqlite3.SQLITE_FULL


def _has_little_room(path: Path) -> bool:
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LITTLE_ROOM


def _sqlite_engine(url: URL, *, is_read_only: bool) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StoreError("The URL of the store names no file; expected sqlite:///path")
    path = Path(url.database).absolute()
    options = {"mode": "ro", "uri": "true"} if is_read_only else {}
    engine = create_engine(
        URL.create(
            "sqlite", database=f"file:{quote(str(path))}" if is_read_only else str(path), query=options
        ),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "do_connect")
    def create(*_: object) -> None:
        if not is_read_only:
            _create_private(path)
        elif not path.exists():
            raise StoreUnavailableError("The file of the database does not exist")

    # SQLAlchemy's documented way around the transactions that Python's sqlite3 would begin by itself.
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None
        for pragma in _READING_PRAGMAS if is_read_only else _PRAGMAS:
            connection.execute(pragma).close()
        if not is_read_only:
            _log_ahead(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        is_reading = connection.get_execution_options().get(READING, False)
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    return engine


def _log_ahead(connection: Any) -> None:
    """Begin the write-ahead log; where several instances do so at once, SQLite does not wait by itself."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(_WRITE_AHEAD).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_TURN_SECONDS)
        else:
            return


def _create_private(path: Path) -> None:
    """Create the file with its folder for its owner alone; the log beside it takes over its rights."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
