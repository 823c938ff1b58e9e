"""The real server in a process of its own, on a free port of this machine."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A server that runs; ``stop`` ends it and returns its exit code."""

    process: subprocess.Popen[str]
    folder: Path
    host: str = ""
    port: int = 0
    stopped: list[int] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Make one call on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, content, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def wait_ready(self, release: str | None = None) -> None:
        """Wait until a release, or a certain one, answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            told = self.call("GET", "/readyz?verbose")
            if told.status == 200 and release in (None, told.json()["release"]):
                return
            time.sleep(0.05)
        raise TimeoutError(self.log())

    def log(self) -> str:
        """Return what the server has written so far to stdout and stderr."""
        return "".join((self.folder / name).read_text("utf-8") for name in ("stdout", "stderr"))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        if not self.stopped:
            self.process.send_signal(number)
            self.stopped.append(self.process.wait(timeout=PATIENCE_SECONDS))
        return self.stopped[0]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a server: this one's without KITH_*, and the settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
    defaults = {
        "KITH_PORT": "0",
        "KITH_MODELS": str(folder / "models"),
        "KITH_VAR": str(folder / "var"),
        "KITH_REFRESH_SECONDS": "0.1",
        "KITH_DRAIN_SECONDS": "0.3",
    }
    return {**kept, "PYTHONPATH": str(ROOT), **defaults, **settings}


def start(folder: Path, **settings: str) -> Server:
    """Start a server over a folder's models; return when it listens."""
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=folder,
            env=environment(folder, **settings),
            stdout=out,
            stderr=err,
            text=True,
        )
    server = Server(process, folder)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in (folder / "stderr").read_text("utf-8").splitlines():
            if line.startswith("{") and (told := json.loads(line))["event"] == "listening":
                address = urlsplit(told["address"])
                server.host, server.port = str(address.hostname), int(address.port or 0)
                return server
        time.sleep(0.02)
    process.kill()
    raise TimeoutError(server.log())
