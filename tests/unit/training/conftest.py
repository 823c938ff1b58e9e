"""Small simulated businesses, trained once: by the commands themselves, and by the trainers in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.serving.loading import VerifiedRelease, read_release
from tests.unit.artifacts.tiny import release_bytes
from tests.unit.training.shops import run_of
from training.__main__ import main
from training.capabilities import TRAINERS
from training.run import Run, Trained
from training.sample import write_sample
from training.train import write


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


@dataclass(frozen=True)
class Valued:
    """A simulated business of 250 customers, what was trained of it in one run, and where it was written."""

    run: Run
    trained: Mapping[str, Trained]
    models: Path
    paths: Mapping[str, Path]

    def verified(self, *capabilities: str, **others: Path) -> VerifiedRelease:
        """Return a release of written artifacts, read and checked; ``others`` stand in for some."""
        paths = [others.get(name, self.paths[name]) for name in (capabilities or self.paths)]
        return read_release(self.models, release_bytes(None, "2026-01-31T09:30:00Z", *paths))


@pytest.fixture(scope="session")
def valued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valued]:
    """Tests of it share an xdist_group "valued-business", so that it is trained once."""
    folder = tmp_path_factory.mktemp("valued")
    write_sample(folder / "sample", 250, 11)
    with run_of(folder / "sample" / "business.yaml") as run:
        trained = {name: TRAINERS[name](run) for name in ("churn", "purchase", "clv", "segment")}
        paths = {name: write(folder / "models", one) for name, one in trained.items()}
        yield Valued(run, trained, folder / "models", paths)
