"""SQLite's write-ahead log: on disk before it is believed, empty after an erasure.

The log may hold a commit whose sync failed. SQLite reads it back when the file is opened anew, and to answer
from it would acknowledge what a loss of power can still undo. Another sync of the same bytes proves nothing:
the kernel takes them for clean since the failed one. A checkpoint would carry them over, but has to wait for
every reader. So the bytes are written anew at their place and synced, which no reader holds up.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

_CHUNK: Final = 1 << 20
_CLEARING_MILLISECONDS: Final = 20
"""How long the writer waits for readers to leave the log before it lets them be and tries again later."""


def secure(connection: Connection) -> None:
    """Make sure that all that can be read is on disk; nothing to do for other databases.

    Raises
    ------
    OSError
        It cannot be made sure.
    """
    if connection.dialect.name != "sqlite":
        return
    driver = _driver(connection)
    # Nobody else appends to the log or begins it anew meanwhile.
    driver.execute("BEGIN IMMEDIATE").close()
    try:
        _write_anew(Path(f"{_file(driver)}-wal"))
    finally:
        driver.execute("ROLLBACK").close()


def clear(connection: Connection) -> bool:
    """Empty the log; say whether that was done. False where somebody reads from it."""
    if connection.dialect.name != "sqlite":
        return True
    driver = _driver(connection)
    patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout = {_CLEARING_MILLISECONDS}").close()
    try:
        is_busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}").close()
    return not is_busy


def _driver(connection: Connection) -> Any:
    """Return the connection beneath SQLAlchemy, which would begin a transaction of its own."""
    return connection.connection.driver_connection


def _file(driver: Any) -> str:
    """Return the path of the database, with links resolved."""
    path: str = next(row[2] for row in driver.execute("PRAGMA database_list").fetchall() if row[1] == "main")
    return path


def _write_anew(log: Path) -> None:
    try:
        file = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        position = 0
        while chunk := os.pread(file, _CHUNK, position):
            position += os.pwrite(file, chunk, position)
        os.fsync(file)
    finally:
        os.close(file)
