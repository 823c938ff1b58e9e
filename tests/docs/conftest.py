"""The world in which documents are tried: a copy of the project, the sample business, and a server."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.runner import ADDRESS, World
from training.tables import load_business

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
CUSTOMERS = "300"
"""Enough for every form of answer, few enough to be trained in seconds."""
LINKED = (
    "app",
    "training",
    "benchmarks",
    "tools",
    "docs",
    "examples",
    "openapi",
    "pyproject.toml",
    "uv.lock",
    "Makefile",
)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _environment(**more: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KITH_", "MAKE", "COV_"))
    }
    return {**kept, **more}


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like a clone in which `make serve` has trained, only on fewer customers."""
    folder = tmp_path_factory.mktemp("clone")
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    for path in ROOT.glob("*.md"):
        shutil.copy(path, folder)
    (folder / ".venv/bin").mkdir(parents=True)
    for words in (
        ("sample", "--customers", CUSTOMERS, "--out", "sample"),
        ("train", "--business", "sample/business.yaml"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "training", *words],
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    address: str

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Return status and answer, parsed where it is JSON."""
        request = urllib.request.Request(
            f"{self.address}{path}", data=body or None, headers=dict(headers), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                content, status = answer.read(), answer.status
        except urllib.error.HTTPError as refused:
            content, status = refused.read(), refused.code
        text = content.decode()
        return status, json.loads(text) if text.startswith(("{", "[")) else text

    def is_ready(self) -> bool:
        """Say whether a release answers."""
        try:
            return self.ask("GET", "/readyz", {}, b"")[0] == 200
        except OSError:
            return False


@pytest.fixture(scope="session")
def server(workspace: Path) -> Iterator[Server]:
    """Start a server on the sample release."""
    started = Server(f"http://127.0.0.1:{(port := _free_port())}")
    log = workspace / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=workspace,
            env=_environment(KITH_PORT=str(port)),
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not started.is_ready():
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.1)
    yield started
    process.terminate()
    assert process.wait(timeout=20) == 0


@cache
def options(words: tuple[str, ...]) -> str:
    """Return the help text of a sub-command of training, "" where there is none."""
    command = [sys.executable, "-m", "training", *words, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


@pytest.fixture
def world(workspace: Path, server: Server) -> World:
    """Return the world of one document."""

    def run(arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, *(word.replace(ADDRESS, server.address) for word in arguments)],
            cwd=workspace,
            env=_environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def business(mapping: Mapping[str, Any]) -> None:
        path = workspace / "shown.yaml"
        path.write_text(yaml.safe_dump(dict(mapping), allow_unicode=True), "utf-8")
        load_business(path)

    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = frozenset(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    return World(
        targets=targets, send=server.ask, run=run, options=options, business=business, folder=workspace
    )
