from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from app.domain.errors import StoreUnavailableError
from app.store.engine import open_engine
from app.store.memory import Memory
from app.store.migrations import migrate
from app.store.tables import METADATA


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


def test_database_of_a_newer_version_is_refused_and_left_as_it_is(url: str) -> None:
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
    memory.close(5)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
