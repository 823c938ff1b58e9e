"""What operators see: a request id, one access-log line per request, metrics, and a last net for errors.

Rules: no customer data in logs or labels; every label comes from a closed list; the path of a request is
logged as its route, never as sent. An error that nothing caught is logged with its type and its place in the
code, not with its message, which may quote data.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.condition import Condition
from app.api.memory_metrics import MemoryMetrics
from app.api.problems import ProblemError, preferred_locale, problem_response

log = logging.getLogger("kith")

REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_LEFT: Final = 499
"""The status in log and metrics where the caller hung up before the answer."""
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

ROUTES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"/v1/models/[^/]+"), "/v1/models/{capability}"),
    (re.compile(r"/v1/models/[^/]+/card"), "/v1/models/{capability}/card"),
    (re.compile(r"/v1/decisions/[^/]+"), "/v1/decisions/{decision_id}"),
    (re.compile(r"/v1/customers/.*", re.DOTALL), "/v1/customers/{customer_id}"),
)
PLAIN_ROUTES: Final = frozenset(
    {
        "/v1/scores",
        "/v1/scores/batch",
        "/v1/recommendations",
        "/v1/recommendations/similar-items",
        "/v1/next-best-actions",
        "/v1/next-best-actions/batch",
        "/v1/outcomes",
        "/v1/outcomes/batch",
        "/v1/feedback",
        "/v1/text/sentiment",
        "/v1/models",
        "/v1/definitions",
        "/livez",
        "/readyz",
        "/metrics",
        "/docs",
        "/openapi.json",
    }
)
UNMATCHED: Final = "unmatched"
TEXTS: Final = "sentiment"
"""What texts are counted as: the capability that reads them."""


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self) -> None:
        """Register every metric."""
        self.registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(namespace="kith", registry=self.registry)
        self.requests = Counter(
            "kith_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "kith_http_request_duration_seconds",
            "Time from the first byte to the end of the answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.scores = Counter(
            "kith_scores",
            "Scores and lists given, and texts judged.",
            ["capability", "tier", "grade"],
            registry=self.registry,
        )
        self.abstentions = Counter(
            "kith_abstentions",
            "Blocks without a score, lists not given, and texts not judged.",
            ["capability", "reason"],
            registry=self.registry,
        )
        self.refusals = Counter(
            "kith_problems", "Requests and batch items refused.", ["kind"], registry=self.registry
        )
        self.nonfinite = Counter(
            "kith_nonfinite_answers",
            "Answers withheld because a number was not finite.",
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "kith_requests_in_progress", "Requests being read or answered.", ["route"], registry=self.registry
        )
        self.release = Gauge(
            "kith_release_info", "1 for the release that answers.", ["release"], registry=self.registry
        )
        self.release_refused = Counter(
            "kith_release_refused", "Releases that failed verification.", registry=self.registry
        )
        self.refreshed = Gauge(
            "kith_refresh_timestamp_seconds",
            "When the models directory was last looked at.",
            registry=self.registry,
        )
        self.memory = MemoryMetrics(self.registry)
        self._counted: dict[tuple[str, str, int], Callable[[float], None]] = {}
        self._counters: dict[tuple[str, ...], Counter] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        observe = self._counted.get(key)
        if observe is None:
            requests = self.requests.labels(method, route, str(status))
            histogram = self.seconds.labels(route)

            def observe(seconds: float) -> None:
                requests.inc()
                histogram.observe(seconds)

            self._counted[key] = observe
        observe(seconds)

    def count_blocks(self, answer: Mapping[str, Any]) -> None:
        """Count the scores and abstentions of one answer."""
        for name, block in answer.items():
            if type(block) is dict and "eligible" in block:
                self.count_answer(name, block)

    def count_answer(self, capability: str, answer: Mapping[str, Any]) -> None:
        """Count one block, or one list of products: given by a model, or not given and why."""
        if answer["eligible"]:
            model = answer["model"]
            self._count(self.scores, (capability, model["tier"], model["grade"]))
        else:
            self._count(self.abstentions, (capability, answer["ineligible_reason"]))

    def count_texts(self, answer: Mapping[str, Any]) -> None:
        """Count the texts of one answer: read by a model, or not judged and why."""
        model = answer["model"]
        for result in answer["results"]:
            if result["abstained"]:
                self._count(self.abstentions, (TEXTS, result["abstained_reason"]))
            else:
                self._count(self.scores, (TEXTS, model["tier"], model["grade"]))

    def _count(self, family: Counter, labels: tuple[str, ...]) -> None:
        counter = self._counters.get(labels)
        if counter is None:
            counter = self._counters[labels] = family.labels(*labels)
        counter.inc()


class Telemetry:
    """Outermost layer: gives each request an id, logs and counts it, answers what nothing caught."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, condition: Condition, write: Callable[[str], object] | None
    ) -> None:
        """Wrap an application; ``write`` takes the access-log lines, None leaves them out."""
        self._app = app
        self._metrics = metrics
        self._condition = condition
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope["headers"])
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id),
                    (b"x-content-type-options", b"nosniff"),
                ]
                if self._condition.draining:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:  # noqa: BLE001 - the last net: the caller gets a problem, the log the cause
            known = {"request_id": request_id.decode(), **cause(error)}
            log.error("request_failed", extra=known)  # noqa: TRY400 - messages may quote data
            if not status:
                problem = ProblemError("internal_error")
                await problem_response(problem, preferred_locale(scope["headers"]))(scope, receive, observed)
        finally:
            self._observe(scope, request_id, status or CLIENT_LEFT, time.perf_counter() - began)

    def _observe(self, scope: Scope, request_id: bytes, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = route_of(scope["path"])
        self._metrics.answered(method, route, status, seconds)
        if self._write is not None:
            # Every part is from a closed alphabet, so that no escaping is needed: this runs on each request.
            self._write(
                f'{{"time":"{datetime.now(UTC).isoformat(timespec="milliseconds")}","level":"info",'
                f'"event":"request","request_id":"{request_id.decode()}","method":"{method}",'
                f'"route":"{route}","status":{status},"seconds":{seconds:.6f}}}\n'
            )


_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
"""What every log record holds; whatever else one holds was named by the caller."""


class JsonLines(logging.Formatter):
    """One JSON object per log record: time, level, event, and the fields that the caller named."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception only its type and place are told."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= cause(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(level: str) -> None:
    """Send every log record of the process to stderr as one JSON object per line."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def cause(error: BaseException) -> dict[str, Any]:
    """Return an error's type and where in the code it came from, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{PurePath(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in frames[-8:]]
    return {"error": type(error).__name__, "at": places}


def route_of(path: str) -> str:
    """Return the route that a path belongs to, so that no label or log line holds a caller's words."""
    if path in PLAIN_ROUTES:
        return path
    return next((route for pattern, route in ROUTES if pattern.fullmatch(path)), UNMATCHED)


def metrics_endpoint(metrics: Metrics) -> Callable[[Request], Any]:
    """Return the handler of ``GET /metrics``."""

    async def scrape(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"Content-Type": media_type})

    return scrape


def _request_id(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return the caller's request id if it is harmless, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            if REQUEST_ID.fullmatch(value):
                return value
            break
    return os.urandom(8).hex().encode()
