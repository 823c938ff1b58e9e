"""The service as users run it: ``python -m app``, a port, and callers who are not all well-behaved."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from app.api.schemas.answers import BatchScores, Problem, Score
from tests.integration.conftest import Start
from tests.integration.running import Server, environment
from tests.unit.artifacts import tiny

pytestmark = pytest.mark.xdist_group("server")

CANARY = "canary.jane@mail.example"
POST = b"POST /v1/scores HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


def body(customer_id: str = "c", **fields: Any) -> dict[str, Any]:
    orders = [
        {"order_id": str(k), "ordered_at": f"2026-0{k}-10T10:00:00Z", "revenue": 20.0, "currency": "GBP"}
        for k in (5, 7, 9)
    ]
    return {
        "as_of": "2026-11-01T09:30:00Z",
        "explain": True,
        "customer": {"customer_id": customer_id, "country": "CN", "attributes": {"contract": "yearly"}},
        "orders": orders,
        **fields,
    }


def publish(folder: Path, index: int, created_at: str) -> str:
    models = folder / "models"
    artifact = sorted((models / "churn").iterdir())[index]
    name: str = json.loads(tiny.publish_quietly(models, artifact, created_at=created_at))["name"]
    return name


def exchange(server: Server, sent: bytes, seconds: float = 10.0) -> bytes:
    """Send raw bytes and return all that comes back until the server closes, or time is up."""
    with socket.create_connection((server.host, server.port), timeout=seconds) as connection:
        connection.sendall(sent)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except TimeoutError:
            received += b"<open>"
        return received


def test_score_comes_back_in_the_contract_form_and_a_retry_gives_the_same(server: Server) -> None:
    first, second = (server.call("POST", "/v1/scores", body()) for _ in range(2))
    assert first.status == 200, first.body
    told = Score.model_validate(first.json())
    assert told.churn is not None
    assert told.churn.eligible
    assert told.churn.reasons
    assert told.churn.explanation is not None
    assert first.body == second.body


def test_summary_and_denied_profiling_are_answered(server: Server) -> None:
    summary = {
        "first_order_at": "2026-01-01T00:00:00Z",
        "last_order_at": "2026-10-01T00:00:00Z",
        "order_count": 4,
        "revenue": 90,
        "currency": "GBP",
    }
    asked = {**body(summary=summary), "locale": "zh-CN"}
    del asked["orders"]
    told = server.call("POST", "/v1/scores", asked).json()
    Score.model_validate(told)
    assert told["churn"]["data_sufficiency"] == "partial"
    denied = [{"purpose": "profiling", "status": "denied", "status_at": "2026-10-01T00:00:00Z"}]
    told = server.call("POST", "/v1/scores", body(consents=denied)).json()
    Score.model_validate(told)
    assert told["personalised"] is False
    assert told["churn"]["ineligible_reason"] == "profiling_denied"


def test_batch_of_many_kinds_equals_single_answers(server: Server) -> None:
    bodies = [
        body(str(k), locale=["en", "zh-CN"][k % 2], want=["churn", "clv"][: 1 + k % 2]) for k in range(40)
    ]
    bodies += [
        body("late", as_of="2026-06-01T00:00:00Z"),
        {"customer": {"customer_id": "nobody"}, "as_of": bodies[0]["as_of"]},
    ]
    reply = server.call("POST", "/v1/scores/batch", {"requests": bodies})
    told = reply.json()
    BatchScores.model_validate(told)
    for result, one in zip(told["results"], bodies, strict=True):
        assert result["score"] == server.call("POST", "/v1/scores", one).json()


def test_problem_reaches_the_caller_as_rfc_9457(server: Server) -> None:
    reply = server.call("POST", "/v1/scores", {"customer": {}}, {"Accept-Language": "zh"})
    assert reply.status == 422
    assert reply.headers["content-type"] == "application/problem+json"
    Problem.model_validate(reply.json())


def test_customer_is_erased_by_an_id_that_is_decoded_once(server: Server) -> None:
    for sent, customer_id in (("%2541%2Fx", "%41/x"), ("%E5%AE%A2%20%E6%88%B7", "客 户")):
        event = {"event_id": sent, "customer_id": customer_id, "type": "opened", "at": "2026-10-01T00:00:00Z"}
        assert server.call("POST", "/v1/outcomes", event).status == 201
        reply = server.call("DELETE", f"/v1/customers/{sent}")
        assert (reply.status, reply.json()["erased"]["outcomes"]) == (200, 1)
        assert server.call("POST", "/v1/outcomes", event).status == 410
    assert "客" not in server.log()


def test_server_does_not_say_what_it_is_made_of(server: Server) -> None:
    assert not {"server", "x-powered-by"} & {name.lower() for name in server.call("GET", "/livez").headers}


@pytest.mark.parametrize("size", [2 << 20, 30 << 20])
def test_refusal_of_a_large_body_arrives(server: Server, size: int) -> None:
    announced = POST + b"Content-Length: %d\r\n\r\n" % size
    received = b""
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(announced)
        try:
            for _ in range(size >> 16):
                connection.sendall(b"x" * 65536)
        except OSError:
            pass  # the server has closed: what it said before is what counts
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except OSError:
            pass
    assert received.startswith(b"HTTP/1.1 413")


def test_chunked_bomb_is_cut_off_and_the_service_goes_on(server: Server) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(head)
        sent = 0
        try:
            while sent < 200 << 20:
                connection.sendall(chunk)
                sent += 65536
        except OSError:
            pass
    assert sent < 20 << 20
    assert server.call("GET", "/livez").status == 200


def test_headers_that_do_not_end_are_not_waited_for(server: Server) -> None:
    began = time.monotonic()
    assert b"<open>" not in exchange(server, b"POST /v1/scores HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
    assert b"<open>" not in exchange(server, b"")
    assert time.monotonic() - began < 8


def test_second_request_of_a_connection_has_a_deadline_for_its_headers_too(server: Server) -> None:
    first = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    received = exchange(server, first + b"GET /livez HTTP/1.1\r\nX-A: ")
    assert received.startswith(b"HTTP/1.1 200")
    assert b"<open>" not in received


def test_body_that_does_not_end_is_408(server: Server) -> None:
    received = exchange(server, POST + b"Content-Length: 100\r\n\r\n{")
    assert received.startswith(b"HTTP/1.1 408")
    assert b"<open>" not in received


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    ],
)
def test_what_is_no_http_is_refused_and_the_service_goes_on(server: Server, sent: bytes) -> None:
    assert not exchange(server, sent).startswith(b"HTTP/1.1 200")
    assert server.call("GET", "/livez").status == 200


def test_log_is_json_without_a_word_of_the_caller(server: Server) -> None:
    server.call("POST", "/v1/scores", body(CANARY))
    server.call("POST", "/v1/scores", body(customer={"customer_id": CANARY, CANARY: CANARY}))
    server.call("POST", f"/{CANARY}", CANARY.encode(), {"X-Request-ID": CANARY, "User-Agent": CANARY})
    server.call("POST", "/v1/scores", CANARY.encode())
    lines = server.log().splitlines()
    assert len(lines) > 4
    assert all(json.loads(line)["event"] for line in lines)
    assert CANARY not in server.log()
    assert CANARY not in server.call("GET", "/metrics").body.decode()


def test_service_waits_for_a_release_swaps_refuses_and_goes_on(folder: Path, started: Start) -> None:
    server = started()
    assert server.call("GET", "/livez").status == 200
    assert server.call("GET", "/readyz").json()["type"] == "urn:kith:problem:no_release"
    assert server.call("POST", "/v1/scores", body()).status == 503

    names = [publish(folder, 0, "2026-01-31T09:30:00Z")]
    server.wait_ready(names[0])
    failed: list[object] = []
    seen: dict[str, set[str]] = {}
    stop = threading.Event()

    def traffic() -> None:
        while not stop.is_set():
            try:
                reply = server.call("POST", "/v1/scores", body())
                told = reply.json()
                seen.setdefault(told["release"], set()).add(told["churn"]["model"]["version"])
            except Exception as error:  # noqa: BLE001 - any failure is one
                failed.append(error)
            else:
                if reply.status != 200:
                    failed.append(reply)

    callers = [threading.Thread(target=traffic) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        names.append(publish(folder, 1, "2026-01-31T09:40:00Z"))
        server.wait_ready(names[1])
        publish(folder, 0, "2026-01-31T09:30:00Z")
        server.wait_ready(names[0])
        model = next((folder / "models/churn").glob("*/repeat.txt"))
        model.write_bytes(model.read_bytes().replace(b"0", b"1", 1))
        publish(
            folder, sorted((folder / "models/churn").iterdir()).index(model.parent), "2026-01-31T09:50:00Z"
        )
        deadline = time.monotonic() + 30
        while (told := server.call("GET", "/readyz?verbose").json())["last_refused"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert not failed
    assert set(seen) == set(names)
    assert all(len(versions) == 1 for versions in seen.values())
    assert told["release"] == names[0]
    assert told["last_refused"]["error"] == "DigestMismatchError"
    assert "repeat.txt" in told["last_refused"]["reason"]
    assert b"kith_release_refused_total 1.0" in server.call("GET", "/metrics").body


def test_terminated_service_drains_answers_and_exits_cleanly(folder: Path, started: Start) -> None:
    publish(folder, 0, "2026-01-31T09:30:00Z")
    server = started(KITH_DRAIN_SECONDS="1.5")
    server.wait_ready()
    first = server.call("POST", "/v1/scores", body())
    server.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 1
    while (ready := server.call("GET", "/readyz")).status == 200:
        assert time.monotonic() < deadline
    assert ready.json()["type"] == "urn:kith:problem:draining"
    during = server.call("POST", "/v1/scores", body())
    assert (during.status, during.body) == (200, first.body)
    assert during.headers["connection"] == "close"
    assert server.process.wait(timeout=10) == 0
    server.stopped.append(0)
    assert "Traceback" not in server.log()
    again = started()
    again.wait_ready()
    assert again.call("POST", "/v1/scores", body()).body == first.body
    assert again.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"KITH_ALLOW_UNAUTHENTICATED": "1"}, "has been removed"),
        ({"KITH_STORE": "mysql://db/kith"}, "KITH_STORE"),
        ({"KITH_HOST": "0.0.0.0"}, "put a proxy"),  # noqa: S104 - what is refused
        ({"KITH_MODELZ": "x"}, "KITH_MODELS"),
        ({"KITH_PORT": "TAKEN"}, "KITH_PORT"),
    ],
)
def test_service_that_cannot_start_says_why_and_exits_with_2(
    tmp_path: Path, server: Server, settings: dict[str, str], told: str
) -> None:
    chosen = {name: str(server.port) if value == "TAKEN" else value for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=tmp_path,
        env=environment(tmp_path, **chosen),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
