"""Requests over loopback to a server in another process, whose CPU time that process tells."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.serving.host import CPU

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
OK = 200


@dataclass(frozen=True, slots=True)
class Target:
    """A server that listens."""

    host: str
    port: int
    process: subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Load:
    """What a number of requests took: CPU microseconds of the server per request, and requests per second."""

    cpu_microseconds: float
    per_second: float


@contextmanager
def started(module: str, models: Path) -> Iterator[Target]:
    """Start a module that serves and tells its address on stderr; end it afterwards."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "KITH_MODELS": str(models),
            "KITH_VAR": folder,
            "KITH_PORT": "0",
            "KITH_DRAIN_SECONDS": "0",
        }
        log = Path(folder) / "stderr"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env={**kept, **settings},
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
            )
        try:
            host, port = _address(process, log)
            yield Target(host, port, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: subprocess.Popen[str], log: Path) -> tuple[str, int]:
    """Return where a server listens, from the first of its lines that tells an address."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text("utf-8").splitlines():
            if line.startswith("{") and "address" in (told := json.loads(line)):
                parts = urlsplit(told["address"])
                return str(parts.hostname), int(parts.port or 0)
        time.sleep(0.005)
    raise TimeoutError(log.read_text("utf-8"))


def get(target: Target, path: str) -> tuple[int, bytes]:
    """Make one GET on a connection of its own; return status and body."""

    async def call() -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(target.host, target.port)
        try:
            return await _exchange(reader, writer, _request("GET", path, b""))
        finally:
            writer.close()

    return asyncio.run(call())


def wait_ready(target: Target) -> None:
    """Wait until a release answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if get(target, "/readyz")[0] == OK:
            return
        time.sleep(0.02)
    raise TimeoutError(get(target, "/readyz?verbose")[1].decode())


def load(target: Target, path: str, bodies: Sequence[bytes], requests: int, connections: int) -> Load:
    """Send requests on kept-alive connections, each of which waits for its answer before it asks again.

    Raises
    ------
    RuntimeError
        An answer is not 200: what is measured must be answers.
    """
    before, began = int(get(target, CPU)[1]), time.perf_counter()
    send(target, path, bodies, requests, connections)
    seconds, after = time.perf_counter() - began, int(get(target, CPU)[1])
    return Load((after - before) / 1000 / requests, requests / seconds)


def send(target: Target, path: str, bodies: Sequence[bytes], requests: int, connections: int) -> None:
    """Send requests and read their answers; see :func:`load`.

    Raises
    ------
    RuntimeError
        An answer is not 200.
    """
    asyncio.run(_send_all(target, path, bodies, requests, connections))


async def _send_all(
    target: Target, path: str, bodies: Sequence[bytes], requests: int, connections: int
) -> None:
    work = itertools.islice(itertools.cycle([_request("POST", path, body) for body in bodies]), requests)

    async def one() -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port)
        try:
            for request in work:
                status, body = await _exchange(reader, writer, request)
                if status != OK:
                    raise RuntimeError(f"{path} answered {status}: {body.decode()[:400]}")
        finally:
            writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))


def _request(method: str, path: str, body: bytes) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    """Send one request and read its answer, which must have a Content-Length."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
    return int(lines[0].split()[1]), await reader.readexactly(length)
