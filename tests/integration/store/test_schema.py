from __future__ import annotations

import logging
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from app.domain.errors import StoreUnavailableError
from app.store.engine import open_engine
from app.store.memory import Memory
from app.store.migrations import EMPTY, NEWER, OTHER_KEY, check_schema, migrate
from app.store.tables import METADATA
from tests.integration.store.making import outcome


def test_migrated_schema_is_that_of_the_code(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        indexes = {
            name: {index["name"] for index in inspect(connection).get_indexes(name)}
            for name in METADATA.tables
        }
    assert "ix_reservations_person_at" in indexes["reservations"]


def test_a_column_that_no_migration_makes_is_seen(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("ALTER TABLE contacts DROP COLUMN action_id"))
        assert compare_metadata(MigrationContext.configure(connection), METADATA)


def test_instances_that_start_at_once_migrate_once(url: str) -> None:
    failures: list[BaseException] = []
    ready = threading.Barrier(4)

    def begin() -> None:
        engine = open_engine(url)
        ready.wait()
        try:
            migrate(engine)
        except Exception as error:  # noqa: BLE001  seen below
            failures.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with open_engine(url).connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["0001"]


def test_database_of_a_newer_version_is_refused_and_left_as_it_is(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailableError, match="newer version"):
        migrate(engine)
    memory = Memory(url)
    memory.start()
    with pytest.raises(StoreUnavailableError, match="newer version"):
        memory.erase("ann", 1).result(10)
    assert memory.state == "down"
    assert "newer version" in (memory.reason or "")
    with pytest.raises(StoreUnavailableError, match="newer version"):
        memory.books()
    memory.close(5)
    assert [(one.name, one.getMessage(), vars(one)["reason"]) for one in caplog.records] == [
        ("kith.store", "store_down", NEWER)
    ]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_schema_that_is_missing_is_told(url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection, pytest.raises(StoreUnavailableError, match=EMPTY):
        check_schema(connection)
    migrate(engine)
    with engine.connect() as connection:
        check_schema(connection)


def test_database_belongs_to_the_first_key_that_used_it(url: str) -> None:
    def remember(key: str | None, word: str) -> Memory:
        memory = Memory(url, key_check=key)
        memory.start()
        future = memory.report(outcome(word, "opened", person="ann"))
        if key == "b" * 32:
            with pytest.raises(StoreUnavailableError, match=OTHER_KEY):
                future.result(10)
        else:
            assert future.result(10).is_replay is False
        memory.close(10)
        return memory

    remember(None, "before")
    assert remember("a" * 32, "first").reason is None
    other = remember("b" * 32, "other")
    assert (other.state, other.reason) == ("down", "another KITH_ID_KEY")
    again = remember("a" * 32, "again")
    assert again.books()["counts"]["outcomes"] == {"opened": 3}
