"""The same requests without a socket: the application is called in this process, as the server would."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import ASGIApp, Message, Scope

from app.main import create_app
from app.serving.model_store import ModelStore
from app.serving.release import LoadedRelease
from app.settings import Settings

OK = 200


def loaded_store(models: Path) -> ModelStore:
    """Return a store in which the published release answers.

    Raises
    ------
    RuntimeError
        The release is refused.
    """
    settings = Settings()
    store = ModelStore(
        models,
        trial_seconds=settings.trial_seconds,
        trial_memory_bytes=settings.trial_memory_bytes,
        now=lambda: datetime.now(UTC),
    )
    asyncio.run(store.refresh())
    if store.current is None:
        raise RuntimeError(f"the release in {models} was refused: {store.status()}")
    return store


def release_of(store: ModelStore) -> LoadedRelease:
    """Return the release that answers."""
    if store.current is None:
        raise RuntimeError("no release answers")
    return store.current


def service_app(store: ModelStore, var: Path) -> ASGIApp:
    """Return the service as it comes; its access log is formatted and thrown away."""
    settings = replace(Settings(), var=var)
    return create_app(settings, store=store, write=lambda _: None)


def caller(app: ASGIApp, path: str, bodies: Sequence[bytes], requests: int) -> Callable[[], float]:
    """Return a function that makes requests and returns the CPU microseconds of each."""

    def measure() -> float:
        return asyncio.run(_send_all(app, path, bodies, requests))

    return measure


async def _send_all(app: ASGIApp, path: str, bodies: Sequence[bytes], requests: int) -> float:
    calls = [(_scope(path, body), body) for body in bodies]
    work = list(itertools.islice(itertools.cycle(calls), requests))
    answers: list[Message] = []

    async def send(message: Message) -> None:
        answers.append(message)

    began = time.process_time_ns()
    for scope, body in work:
        await app({**scope}, _Body(body), send)
    used = time.process_time_ns() - began
    for answer in answers:
        if answer["type"] == "http.response.start" and answer["status"] != OK:
            raise RuntimeError(f"{path} answered {answer['status']}")
    return used / 1000 / requests


class _Body:
    """Receives one whole body."""

    def __init__(self, body: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def __call__(self) -> Message:
        return self._messages.pop() if self._messages else {"type": "http.disconnect"}


def _scope(path: str, body: bytes) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
