"""Servers over tiny real artifacts, and empty databases of each kind."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.integration.running import Server, start
from tests.unit.artifacts import tiny

POSTGRESQL = os.environ.get("KITH_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")

Start = Callable[..., Server]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with two artifacts, whose models differ."""
    models = tmp_path_factory.mktemp("made") / "models"
    for seed in (0, 1):
        tiny.write(models, seed)
    return models


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A folder with models of its own, none of them published."""
    shutil.copytree(made, tmp_path / "models")
    return tmp_path


@pytest.fixture
def started(folder: Path) -> Iterator[Start]:
    """Give a function that starts a server over the folder."""
    running: list[Server] = []

    def begin(**settings: str) -> Server:
        running.append(start(folder, **settings))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


@pytest.fixture(scope="module")
def server(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a release, for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("server")
    models = Path(shutil.copytree(made, folder / "models"))
    tiny.publish_quietly(models, min((models / "churn").iterdir()))
    running = start(folder, KITH_HEADER_SECONDS="1", KITH_BODY_SECONDS="1")
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty database in PostgreSQL."""
    server = create_engine(
        POSTGRESQL, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    name = f"kith_test_{secrets.token_hex(8)}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError:
        pytest.skip("no PostgreSQL answers at KITH_TEST_POSTGRES")
    yield make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql_url")
        return found
    return f"sqlite:///{tmp_path}/var/store.db"
