"""Each import contract of pyproject.toml is broken once on purpose, and must say so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
    "importlinter"
]["contracts"]
NAMES: dict[str, str] = {contract["id"]: contract["name"] for contract in CONTRACTS}

# contract, module to plant, its code, the words that the tool must name it by
VIOLATIONS = [
    ("layers", "app.domain.planted", "import app.features.schema", "app.domain.planted"),
    ("layers", "app.estimators.planted", "import app.artifacts.manifest", "app.estimators.planted"),
    ("layers", "app.features.planted", "import app.estimators.base", "app.features.planted"),
    ("layers", "app.artifacts.planted", "import app.capabilities.base", "app.artifacts.planted"),
    ("layers", "app.serving.planted", "import app.api", "app.serving.planted"),
    ("layers", "app.api.planted", "import app.settings", "app.api.planted"),
    ("layers", "app.novelty", "", "app.novelty"),
    ("service-without-training", "app.serving.planted", "import training", "app.serving.planted"),
    ("service-without-training", "app.domain.planted", "import tests", "app.domain.planted"),
    ("training-below-http", "training.planted", "import app.api", "training.planted"),
    ("training-below-http", "training.planted", "import app.settings", "training.planted"),
    ("training-below-http", "training.planted", "import app.main", "training.planted"),
    ("capabilities-independent", "app.capabilities.planted", "import app.capabilities.churn", "planted"),
    ("pure-core", "app.domain.planted", "import pydantic", "app.domain.planted"),
    ("pure-core", "app.features.planted", "import pandas", "app.features.planted"),
    ("pure-core", "app.capabilities.planted", "import app.estimators.trees", "app.capabilities.planted"),
    ("lightgbm-in-one-place", "app.serving.planted", "import lightgbm", "app.serving.planted"),
    ("training-libraries", "app.serving.planted", "import duckdb", "app.serving.planted"),
    ("training-libraries", "app.estimators.planted", "import scipy.special", "app.estimators.planted"),
    ("serving-without-http", "app.serving.planted", "import fastapi", "app.serving.planted"),
    ("serving-without-http", "app.artifacts.planted", "import starlette", "app.artifacts.planted"),
    ("layers", "app.store.planted", "import app.capabilities.base", "app.store.planted"),
    ("database-in-one-place", "app.serving.planted", "import sqlalchemy", "app.serving.planted"),
    ("database-in-one-place", "app.api.planted", "import sqlite3", "app.api.planted"),
    ("expressions-in-one-place", "app.capabilities.planted", "import cel_expr_python", "planted"),
    ("nothing-unpickled", "app.estimators.planted", "import pickle", "app.estimators.planted"),
    ("nothing-unpickled", "app.artifacts.planted", "import joblib", "app.artifacts.planted"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a copy of the code and of the contracts, to be damaged at will."""
    for name in ("app", "training"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(tree: Path) -> tuple[int, str]:
    """Run the contracts over a tree; the width keeps a line of the answer on one line."""
    command = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def broken(report: str) -> set[str]:
    """Return the contracts that a report calls broken."""
    return {key for key, name in NAMES.items() if f"{name} BROKEN" in report}


def test_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    code, report = lint_imports(tree)
    assert code == 0, report
    assert f"{len(NAMES)} kept, 0 broken" in report


def test_every_contract_is_tried_here() -> None:
    assert {contract for contract, *_ in VIOLATIONS} == set(NAMES)
    assert len(NAMES) == len(CONTRACTS)


@pytest.mark.parametrize(
    ("contract", "module", "code", "named"),
    VIOLATIONS,
    ids=[f"{c}-{m}-{i}" for i, (c, m, *_) in enumerate(VIOLATIONS)],
)
def test_violation_is_refused_and_named(
    tree: Path, contract: str, module: str, code: str, named: str
) -> None:
    path = tree.joinpath(*module.split("."))
    if module.count(".") == 1 and module.startswith("app."):
        path.mkdir()
        path /= "__init__"
    path.with_suffix(".py").write_text(f"{code}\n", "utf-8")
    status, report = lint_imports(tree)
    assert status != 0
    assert contract in broken(report), report
    assert named in report
