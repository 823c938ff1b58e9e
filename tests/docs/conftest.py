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
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.runner import ADDRESS, World
from training.tables import load_business

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
LINKED = ("app", "training", "tools", "docs", "examples", "openapi", "pyproject.toml", "uv.lock", "Makefile")


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
    """Return a folder like a fresh clone, in which the sample business has been trained as `make serve` does."""
    folder = tmp_path_factory.mktemp("clone")
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    for path in ROOT.glob("*.md"):
        shutil.copy(path, folder)
    (folder / ".venv/bin").mkdir(parents=True)
    for words in (("sample", "--out", "sample"), ("train", "--business", "sample/business.yaml")):
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


@pytest.fixture(scope="session")
def send(workspace: Path) -> Iterator[Callable[..., tuple[int, Any]]]:
    """Start a server on the sample release, and give the function that asks it."""
    port = _free_port()
    log = (workspace / "server.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=workspace,
        env=_environment(KITH_PORT=str(port)),
        stdout=log,
        stderr=log,
    )

    def ask(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", data=body or None, headers=dict(headers), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                content, status = answer.read(), answer.status
        except urllib.error.HTTPError as refused:
            content, status = refused.read(), refused.code
        text = content.decode()
        return status, json.loads(text) if text.startswith(("{", "[")) else text

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if ask("GET", "/readyz", {}, b"")[0] == 200:
                break
        except OSError:
            pass
        assert server.poll() is None, (workspace / "server.log").read_text("utf-8")
        assert time.monotonic() < deadline, (workspace / "server.log").read_text("utf-8")
        time.sleep(0.1)
    ask.address = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    yield ask
    server.terminate()
    server.wait(timeout=20)
    log.close()


@pytest.fixture
def world(workspace: Path, send: Callable[..., tuple[int, Any]]) -> World:
    """Return the world of one document."""

    def run(arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, *(word.replace(ADDRESS, send.address) for word in arguments)],  # type: ignore[attr-defined]
            cwd=workspace,
            env=_environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @cache
    def options(words: tuple[str, ...]) -> str:
        code, text = run(["-m", "training", *words, "--help"], {})
        return text if code == 0 else ""

    def business(mapping: Mapping[str, Any]) -> None:
        path = workspace / "shown.yaml"
        path.write_text(yaml.safe_dump(dict(mapping), allow_unicode=True), "utf-8")
        load_business(path)

    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = frozenset(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    return World(targets=targets, send=send, run=run, options=options, business=business, folder=workspace)
