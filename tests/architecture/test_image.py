"""The image holds the service alone, and the files that build it say what they must."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))

# Imports every module of app while all that the image does not hold refuses to be imported.
ALONE = """
import importlib, importlib.abc, json, pkgutil, sys
blocked = frozenset(json.loads(sys.argv[1]))

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}: the image does not hold it", name=name)

sys.meta_path.insert(0, Absent())
import app
names = [module.name for module in pkgutil.walk_packages(app.__path__, "app.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), "app.main" in sys.modules)
"""


def service_distributions() -> set[str]:
    """Return the names of all distributions that the service's own dependencies bring along."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [Requirement(line) for line in project["dependencies"]]
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        wanted += [Requirement(line) for line in metadata.requires(name) or []]
    return found


def absent_modules() -> list[str]:
    """Return the importable names that this environment has and the image has not."""
    ours = service_distributions()
    held = {"app"}
    others = {"training", "benchmarks", "tests", "tools"}
    for module, distributions in metadata.packages_distributions().items():
        is_held = ours.intersection(map(canonicalize_name, distributions))
        (held if is_held else others).add(module)
    return sorted(others - held)


def run_alone(folder: Path, blocked: list[str]) -> subprocess.CompletedProcess[str]:
    """Import the service in a folder that holds app/ and nothing else."""
    shutil.copytree(ROOT / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, json.dumps(blocked)],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith(("KITH_", "PYTHONPATH"))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_service_imports_with_its_own_dependencies_alone(tmp_path: Path) -> None:
    absent = absent_modules()
    assert {"training", "sklearn", "duckdb", "joblib", "matplotlib", "pytest", "yaml"} <= set(absent)
    done = run_alone(tmp_path, absent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("True\n")


def test_a_module_that_the_image_does_not_hold_is_noticed(tmp_path: Path) -> None:
    done = run_alone(tmp_path, [*absent_modules(), "pydantic"])
    assert done.returncode != 0
    assert "the image does not hold it" in done.stderr


def test_what_the_dockerfile_copies_may_enter_the_build() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignore[1] == "*"
    assert copied == {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)


def test_image_runs_as_nobody_in_particular() -> None:
    final = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    user = re.search(r"^USER (\d+):(\d+)$", final, re.MULTILINE)
    assert user
    assert int(user[1]) > 0
    assert "HEALTHCHECK" in final
    assert "/readyz" in final
    assert "pip install" not in final
    assert "uv sync --locked --no-default-groups" in DOCKERFILE


def test_commands_of_the_dockerfile_are_json() -> None:
    for line in re.findall(r"^\s*CMD (.+)$", DOCKERFILE, re.MULTILINE):
        command = json.loads(line)
        assert command[0] == "python"
        if command[1] == "-c":
            compile(command[2], "HEALTHCHECK", "exec")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("read_only", True),
        ("cap_drop", ["ALL"]),
        ("security_opt", ["no-new-privileges:true"]),
        ("init", True),
    ],
)
def test_compose_gives_the_service_nothing_to_misuse(key: str, value: object) -> None:
    assert COMPOSE["services"]["kith"][key] == value


def test_nothing_opens_a_port_to_the_network() -> None:
    service = COMPOSE["services"]["kith"]
    assert service["network_mode"] == "host"
    assert "ports" not in service
    assert "KITH_HOST" not in DOCKERFILE + json.dumps(service)
    assert not re.search(r"^EXPOSE", DOCKERFILE, re.MULTILINE)


def test_health_is_asked_where_the_service_listens() -> None:
    command = COMPOSE["services"]["kith"]["healthcheck"]["test"]
    assert command[:3] == ["CMD", "python", "-c"]
    compile(command[3], "healthcheck", "exec")
    assert "os.environ['KITH_PORT']" in command[3]
    environment = COMPOSE["services"]["kith"]["environment"]
    assert environment["KITH_PORT"] == "${KITH_PORT:-8000}"
    assert (
        environment["KITH_STORE"] is environment["KITH_ID_KEY"] is None
    )  # passed through where they are set


def test_models_cannot_be_written_by_the_service() -> None:
    models = [volume for volume in COMPOSE["services"]["kith"]["volumes"] if "models" in volume]
    assert models == ["./models:/srv/kith/models:ro"]
