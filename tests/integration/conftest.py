"""Servers over tiny real artifacts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.running import Server, start
from tests.unit.artifacts import tiny

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
