"""Models folders with tiny artifacts, made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.artifacts import tiny


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with two artifacts, whose models differ."""
    models = tmp_path_factory.mktemp("made") / "models"
    for seed in (0, 1):
        tiny.write(models, seed)
    return models


@pytest.fixture
def models(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test to break."""
    return Path(shutil.copytree(made, tmp_path / "models"))


@pytest.fixture
def artifacts(models: Path) -> tuple[Path, ...]:
    """The folders of the two artifacts."""
    return tuple(sorted((models / "churn").iterdir()))
