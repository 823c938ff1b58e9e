from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api.guard import Guard, Limits
from app.api.telemetry import Metrics

LIMIT = 1000
JSON = (b"content-type", b"application/json")


class Inner:
    """An application that reads its body and keeps what it got."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.bodies: list[bytes] = []
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        self.bodies.append(message.get("body", b""))
        if self.gate is not None:
            await self.gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def guard(
    inner: Inner, *, concurrent: int = 10, seconds: float = 5.0, metrics: Metrics | None = None
) -> Guard:
    return Guard(inner, {"/v1/scores": Limits(LIMIT, concurrent)}, seconds, metrics or Metrics())


async def call(
    app: Guard,
    chunks: Iterable[bytes | None],
    headers: Iterable[tuple[bytes, bytes]] = (JSON,),
    method: str = "POST",
    path: str = "/v1/scores",
) -> tuple[int, dict[str, str], Any, int]:
    """Send a body in chunks (None: the caller hangs up, no more chunks: it waits); return the answer."""
    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    waiting = list(chunks)
    sent: list[Message] = []
    read = 0

    async def receive() -> Message:
        nonlocal read
        if not waiting:
            await asyncio.sleep(3600)
        chunk = waiting.pop(0)
        if chunk is None:
            return {"type": "http.disconnect"}
        read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return 0, {}, None, read
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], answered, json.loads(body) if body else None, read


def test_body_arrives_whole_however_it_was_cut() -> None:
    inner = Inner()
    status, *_ = asyncio.run(call(guard(inner), [b"ab", b"cd", b""]))
    assert status == 200
    assert inner.bodies == [b"abcd"]


def test_body_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    inner = Inner()
    assert asyncio.run(call(guard(inner), [b"x" * LIMIT, b""]))[0] == 200
    assert asyncio.run(call(guard(inner), [b"x" * LIMIT, b"x", b""]))[0] == 413
    assert inner.bodies == [b"x" * LIMIT]


def test_chunked_bomb_is_cut_off() -> None:
    inner = Inner()
    status, headers, told, read = asyncio.run(call(guard(inner), [b"x" * 65536] * 4000))
    assert status == 413
    assert headers["connection"] == "close"
    assert told["errors"][0]["code"] == "too_large"
    assert 1 << 20 < read < 3 * (1 << 20)  # read on a little, so that the answer arrives
    assert not inner.bodies


@pytest.mark.parametrize("length", [b"1001", b"99999999999999999999999"])
def test_announced_length_over_the_limit_is_refused(length: bytes) -> None:
    inner = Inner()
    status, _, told, _ = asyncio.run(call(guard(inner), [b""], [JSON, (b"content-length", length)]))
    assert status == 413
    assert str(LIMIT) in told["errors"][0]["detail"]


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"", b"0x10", "١".encode()])
def test_length_that_is_no_number_is_400(length: bytes) -> None:
    status, *_ = asyncio.run(call(guard(Inner()), [b""], [JSON, (b"content-length", length)]))
    assert status == 400


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json; version=1",
    ],
)
def test_json_is_taken_however_it_is_announced(media_type: bytes) -> None:
    assert asyncio.run(call(guard(Inner()), [b""], [(b"content-type", media_type)]))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/json; charset=utf-16")],
        [(b"content-type", b"application/x-www-form-urlencoded")],
        [(b"content-type", b"application/jsonp")],
        [JSON, (b"content-encoding", b"gzip")],
    ],
)
def test_other_media_types_and_encodings_are_415(headers: list[tuple[bytes, bytes]]) -> None:
    assert asyncio.run(call(guard(Inner()), [b""], headers))[0] == 415


def test_identity_is_no_encoding() -> None:
    assert asyncio.run(call(guard(Inner()), [b""], [JSON, (b"content-encoding", b"identity")]))[0] == 200


def test_body_that_does_not_end_is_408() -> None:
    status, headers, *_ = asyncio.run(call(guard(Inner(), seconds=0.05), [b"x"]))
    assert status == 408
    assert headers["connection"] == "close"


def test_caller_that_hangs_up_gets_nothing() -> None:
    inner = Inner()
    assert asyncio.run(call(guard(inner), [b"x", None]))[0] == 0
    assert not inner.bodies


def test_more_requests_than_allowed_are_shed_and_counted() -> None:
    async def scenario() -> None:
        gate, metrics = asyncio.Event(), Metrics()
        app = guard(Inner(gate), concurrent=2, metrics=metrics)
        running = [asyncio.create_task(call(app, [b""])) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        in_progress = {"route": "/v1/scores"}
        assert metrics.registry.get_sample_value("kith_requests_in_progress", in_progress) == 2
        status, headers, *_ = await call(app, [b""])
        assert status == 503
        assert headers["retry-after"] == "1"
        gate.set()
        assert [answer[0] for answer in await asyncio.gather(*running)] == [200, 200]
        assert (await call(app, [b""]))[0] == 200
        assert metrics.registry.get_sample_value("kith_requests_in_progress", in_progress) == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/scores"), ("POST", "/v1/other")])
def test_what_is_not_guarded_passes_as_it_is(method: str, path: str) -> None:
    assert asyncio.run(call(guard(Inner()), [b""], [], method, path))[0] == 200


def test_place_is_free_again_after_a_refusal() -> None:
    app = guard(Inner(), concurrent=1)

    async def scenario() -> list[int]:
        return [(await call(app, [b"x" * 5000, b""]))[0] for _ in range(3)]

    assert asyncio.run(scenario()) == [413, 413, 413]
