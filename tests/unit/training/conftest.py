"""A simulated business of 200 customers, trained and scored once by the commands themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from training.__main__ import main


@dataclass(frozen=True)
class Small:
    """Where the business, its models and its scores stand."""

    business: Path
    models: Path
    scores: Path

    @property
    def artifact(self) -> Path:
        [folder] = [path for path in (self.models / "churn").iterdir() if path.is_dir()]
        return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("small")
    found = Small(folder / "sample" / "business.yaml", folder / "models", folder / "scores.parquet")
    told = ["--business", str(found.business), "--models", str(found.models)]
    assert main(["sample", "--out", str(found.business.parent), "--customers", "200", "--seed", "7"]) == 0
    assert main(["train", *told]) == 0
    assert main(["score", *told, "--out", str(found.scores)]) == 0
    return found
