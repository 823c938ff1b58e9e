"""A models folder with two tiny artifacts whose answers differ, and a server over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.drills.stage import Stage
from tests.integration.running import start
from tests.unit.artifacts import tiny

FIRST_DAY = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with two artifacts, nothing published."""
    models = tmp_path_factory.mktemp("drills") / "models"
    for seed in (0, 1):
        tiny.write(models, seed)
    return models


@pytest.fixture(scope="module")
def stage(
    written: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    """A server with one of the two artifacts in force; one for all tests of a module.

    A module may say with ``DRAIN_SECONDS`` how long it goes on answering once it is told to stop.
    """
    folder = tmp_path_factory.mktemp("stage")
    models = Path(shutil.copytree(written, folder / "models"))
    first, second = sorted((models / "churn").iterdir())
    ticks = iter(FIRST_DAY + timedelta(minutes=k) for k in range(1_000))
    tiny.publish_quietly(models, first)
    drain = str(getattr(request.module, "DRAIN_SECONDS", 0.3))
    server = start(folder, KITH_TRIAL_SECONDS="300", KITH_DRAIN_SECONDS=drain)
    try:
        server.wait_ready()
        yield Stage(server, models, first, second, lambda: next(ticks))
    finally:
        server.stop()
