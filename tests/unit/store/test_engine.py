from __future__ import annotations

import errno
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.domain.errors import StoreError, StoreFullError, StoreUnavailableError
from app.store.engine import READING, failure, is_refusal_of_data, open_engine


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:s3cret@host/db",
        "postgresql+psycopg2://me:s3cret@host/db",
        "postgres://me:s3cret@host/db",
        "s3cret",
        "postgresql://me:s3cret@host:port/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:s3cret?mode=memory",
    ],
)
def test_other_databases_are_refused_without_showing_the_url(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_engine(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_through_psycopg(scheme: str) -> None:
    assert open_engine(f"{scheme}://me@host/db").dialect.driver == "psycopg"


def test_sqlite_syncs_every_commit_and_keeps_its_file_private(tmp_path: Path) -> None:
    with open_engine(f"sqlite:///{tmp_path}/var/store.db").connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
        connection.execute(text("CREATE TABLE t (x)"))
        connection.commit()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").iterdir()}
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "secure_delete": 1,
    }
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_engine_that_only_reads_makes_no_file_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a ?#%" / "store.db"
    with pytest.raises(StoreUnavailableError, match="does not exist"):
        open_engine(f"sqlite:///{quote(str(path))}", is_read_only=True).connect()
    assert list(tmp_path.iterdir()) == []
    url = f"sqlite:///{tmp_path}/store.db"
    with open_engine(url).connect() as connection, connection.begin():
        connection.execute(text("CREATE TABLE t (x)"))
    with open_engine(url, is_read_only=True).connect() as connection:
        reading = connection.execution_options(**{READING: True})
        assert reading.execute(text("SELECT count(*) FROM t")).scalar() == 0
        with pytest.raises(OperationalError, match="readonly"):
            reading.execute(text("INSERT INTO t VALUES (1)"))


def test_errors_are_told_apart_by_what_ops_can_do(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    full, broken = sqlite3.OperationalError(), sqlite3.OperationalError()
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    broken.sqlite_errorcode = sqlite3.SQLITE_IOERR
    refused = sqlite3.IntegrityError()
    for error, kind in (
        (full, StoreFullError),
        (OSError(errno.ENOSPC, "no room"), StoreFullError),
        (broken, StoreUnavailableError),
        (refused, StoreError),
        (OSError(errno.EIO, "broken"), StoreUnavailableError),
    ):
        assert type(failure(OperationalError("", {}, error), engine)) is kind
        assert type(failure(error, engine)) is kind
    assert is_refusal_of_data(OperationalError("", {}, refused))
    assert not is_refusal_of_data(OperationalError("", {}, broken))
