"""What a body must pass before anything parses it: media type, size, time, and room for it.

Rules: the size counts as it arrives, whatever Content-Length says; what exceeds it is never kept; a refusal
reads and discards a little first, so that the caller receives the answer instead of a reset connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import Fault, ProblemError, preferred_locale, problem_response
from app.api.telemetry import Metrics

DISCARDED_BYTES: Final = 1 << 20
DISCARD_SECONDS: Final = 1.0
RETRY_AFTER: Final = {"Retry-After": "1"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one address takes: bytes of a body, and requests in progress at once."""

    body_bytes: int
    concurrent: int


class Guard:
    """Reads the bodies of the guarded addresses whole, under limits, and hands them on."""

    def __init__(
        self, app: ASGIApp, limits: Mapping[str, Limits], body_seconds: float, metrics: Metrics
    ) -> None:
        """Wrap an application; ``limits`` names the guarded paths, which take POST only."""
        self._app = app
        self._limits = limits
        self._body_seconds = body_seconds
        self._metrics = metrics
        self._in_progress = dict.fromkeys(limits, 0)
        for path in limits:
            metrics.in_progress.labels(path).set_function(partial(self._in_progress.__getitem__, path))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse its body."""
        limits = self._limits.get(scope["path"]) if scope["type"] == "http" else None
        if limits is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if self._in_progress[path] >= limits.concurrent:
            await self._refuse(ProblemError("overloaded", headers=RETRY_AFTER), scope, receive, send)
            return
        self._in_progress[path] += 1
        try:
            try:
                _check_headers(scope["headers"], limits.body_bytes)
                body = await self._read(receive, limits.body_bytes)
            except ProblemError as problem:
                await self._refuse(problem, scope, receive, send)
                return
            if body is not None:
                await self._app(scope, _replay(body, receive), send)
        finally:
            self._in_progress[path] -= 1

    async def _read(self, receive: Receive, limit: int) -> bytes | None:
        """Return the whole body, or None if the caller hung up."""
        try:
            async with asyncio.timeout(self._body_seconds):
                chunks: list[bytes] = []
                size = 0
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > limit:
                        raise _too_large(limit)
                    chunks.append(chunk)
                    if not message.get("more_body", False):
                        return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        except TimeoutError:
            raise ProblemError("body_timeout", headers={"Connection": "close"}) from None

    async def _refuse(self, problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.refusals.labels(problem.kind).inc()
        response = problem_response(problem, preferred_locale(scope["headers"]))
        if problem.kind == "too_large":
            await _discard(receive)
            response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _check_headers(headers: list[tuple[bytes, bytes]], limit: int) -> None:
    """Raise where the headers alone show that the body cannot be taken."""
    media_type = b""
    for name, value in headers:
        if name == b"content-type":
            media_type = value
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise ProblemError("unsupported_media_type", [Fault("", "content_encoding")])
        elif name == b"content-length":
            if not value.isdigit():
                raise ProblemError("invalid_http", [Fault("", "content_length")])
            if len(value) > 12 or int(value) > limit:
                raise _too_large(limit)
    if media_type != b"application/json" and not _is_json(media_type):
        raise ProblemError("unsupported_media_type", [Fault("", "content_type")])


def _is_json(media_type: bytes) -> bool:
    """Say whether a Content-Type means JSON in UTF-8."""
    name, _, parameters = media_type.lower().partition(b";")
    if name.strip() != b"application/json":
        return False
    _, found, charset = parameters.partition(b"charset=")
    return not found or charset.split(b";")[0].strip(b' "') in {b"utf-8", b"utf8"}


def _too_large(limit: int) -> ProblemError:
    return ProblemError("too_large", [Fault("", "too_large", {"limit": str(limit)})])


async def _discard(receive: Receive) -> None:
    """Read on a little and keep nothing: closing on unread data resets the connection before the answer."""
    size = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while size < DISCARDED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body once, then what the connection says."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
