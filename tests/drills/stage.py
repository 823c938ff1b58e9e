"""What the drills share: a server over two artifacts, its callers, and what each release answers alone."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.domain.clock import to_microseconds
from app.domain.rows import build_history
from app.serving.loading import load_release, read_release
from app.serving.score import Ask, attribute_kinds, score
from app.serving.trial import TrialReport
from tests.integration.running import Server

PATIENCE_SECONDS: Final = 120.0
AS_OF: Final = "2026-11-01T09:30:00+00:00"
PAUSE_SECONDS: Final = 0.04
BATCH_CALLERS: Final = 3
"""Fewer than KITH_MAX_CONCURRENT_BATCHES: more are told to come again, which is no failure of a swap."""


def _customer(customer_id: str, country: str, contract: str | None, *months: int) -> dict[str, Any]:
    return {
        "customer": {"customer_id": customer_id, "country": country, "attributes": {"contract": contract}},
        "orders": [
            {
                "order_id": str(month),
                "ordered_at": f"2026-{month:02}-10T10:00:00+00:00",
                "revenue": 20.0 + month,
            }
            for month in months
        ],
    }


SUMMARY: Final[Mapping[str, Any]] = {
    "first_order_at": "2026-01-01T00:00:00+00:00",
    "last_order_at": "2026-08-01T00:00:00+00:00",
    "order_count": 4,
    "revenue": 90.0,
}
CUSTOMERS: Final[Sequence[Mapping[str, Any]]] = (
    _customer("a", "CN", "yearly", 5, 7, 9),
    _customer("b", "GB", "monthly", 3, 4, 10),
    _customer("c", "DE", None, 2, 8),
    _customer("d", "CN", "monthly", 9),
    {"customer": {"customer_id": "e"}, "summary": SUMMARY},
)
BODIES: Final = tuple({"as_of": AS_OF, "explain": True, **customer} for customer in CUSTOMERS)


async def no_trial(models: Path, data: bytes, *, seconds: float, memory_bytes: int) -> TrialReport:
    """Let a release pass: the service tries it in a child of its own all the same."""
    return TrialReport(0, 0.0, 0)


@dataclass(frozen=True)
class Stage:
    """A server over a models folder with two artifacts."""

    server: Server
    models: Path
    first: Path
    second: Path
    clock: Callable[[], datetime]

    def ready(self) -> dict[str, Any]:
        """Return what ``/readyz?verbose`` says."""
        told: dict[str, Any] = self.server.call("GET", "/readyz?verbose").json()
        return told

    def refused_total(self) -> float:
        """Return the metric that counts refusals."""
        text = self.server.call("GET", "/metrics").body.decode()
        found = re.search(r"(?m)^kith_release_refused_total (\S+)$", text)
        assert found, text
        return float(found[1])

    def answer(self) -> bytes:
        """Return the answer about the first customer."""
        reply = self.server.call("POST", "/v1/scores", BODIES[0])
        assert reply.status == 200, reply.body
        return reply.body

    def wait_for(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until ``/readyz?verbose`` says what is waited for, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(told := self.ready()):
            assert time.monotonic() < deadline, (told, self.server.log()[-4000:])
            time.sleep(0.05)
        return told


def alone(models: Path, release: str) -> list[dict[str, Any]]:
    """Return each customer's churn block as one release answers it, loaded here and not by the server."""
    data = (models / "releases" / f"{release}.json").read_bytes()
    loaded = load_release(read_release(models, data))
    history = build_history(
        [_rows(one) for one in CUSTOMERS], loaded.business.timezone, attribute_kinds(loaded)
    )
    as_of = np.full(history.size, to_microseconds(datetime.fromisoformat(AS_OF)), dtype=np.int64)
    ask = Ask(want=("churn",), horizon_days=None, locale="en", explain=True)
    return [{"release": one["release"], "churn": one["churn"]} for one in score(loaded, history, as_of, ask)]


def _rows(customer: Mapping[str, Any]) -> dict[str, Any]:
    def timed(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: datetime.fromisoformat(value) if name.endswith("_at") else value
            for name, value in row.items()
        }

    profile = customer["customer"]
    rows = {
        "customer_id": profile["customer_id"],
        "customer": profile,
        "attributes": profile.get("attributes"),
    }
    if "summary" in customer:
        return {**rows, "summary": timed(customer["summary"])}
    return {**rows, "orders": [timed(row) for row in customer["orders"]]}


@dataclass
class Caller:
    """A client that keeps one connection for as long as it calls, and what came back on it."""

    number: int
    server: Server
    stop: threading.Event
    seen: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Customer and answer (release and churn block as JSON), and how often."""
    mixed_batches: int = 0
    sent: int = 0
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    told_to_close: bool = False
    thread: threading.Thread = field(init=False)

    def start(self) -> None:
        """Begin to call, in a thread of its own."""
        self.thread = threading.Thread(target=self._call)
        self.thread.start()

    def _call(self) -> None:
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE_SECONDS)
        connection.connect()
        connection.auto_open = 0  # a connection that the server closes unasked is a failure
        try:
            while not self.stop.is_set() and not self.told_to_close:
                self._one(connection)
                time.sleep(PAUSE_SECONDS)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            self.failures.append(f"caller {self.number}, request {self.sent}: {error!r}")
        finally:
            connection.close()

    def _one(self, connection: http.client.HTTPConnection) -> None:
        """Ask about one customer, or now and then about all in one batch."""
        at = (self.sent + self.number) % (len(BODIES) + (self.number < BATCH_CALLERS))
        is_batch = at == len(BODIES)
        path, body = ("/v1/scores/batch", {"requests": BODIES}) if is_batch else ("/v1/scores", BODIES[at])
        self.sent += 1
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        self.answered += 1
        self.told_to_close = answer.getheader("connection", "").lower() == "close"
        if answer.status != 200:
            self.failures.append(
                f"caller {self.number}, request {self.sent}: {answer.status} {content[:300]!r}"
            )
            return
        told = json.loads(content)
        scores = [one["score"] for one in told["results"]] if is_batch else [told]
        self.mixed_batches += len({one["release"] for one in scores}) > 1
        for k, one in enumerate(scores, start=0 if is_batch else at):
            self.seen[k, canonical(one)] += 1


def canonical(answer: Mapping[str, Any]) -> str:
    """Return the part of an answer that a release decides, as one text."""
    return json.dumps({name: answer[name] for name in ("release", "churn")}, sort_keys=True)


def release_of(text: str) -> str:
    """Return the release that a canonical answer names."""
    return str(json.loads(text)["release"])
