"""A tiny artifact on disk, and what its release says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from app.artifacts.canonical import sha256
from app.artifacts.manifest import MANIFEST_NAME
from tests.unit.artifacts import tiny


@dataclass(frozen=True)
class OnDisk:
    """An artifact's folder and the sha256 that a release would state."""

    folder: Path
    digest: str

    @property
    def manifest(self) -> Path:
        return self.folder / MANIFEST_NAME


@pytest.fixture
def artifact(tmp_path: Path) -> OnDisk:
    folder = tiny.write(tmp_path / "models")
    return OnDisk(folder, sha256((folder / MANIFEST_NAME).read_bytes()))
