"""The composition root: from settings to an application with stores, handlers, layers and refresh loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Lifespan

from app.api import releases as release_views
from app.api.actions import Actions
from app.api.condition import Condition
from app.api.docs import POLICY, docs_page
from app.api.guard import Guard, Limits
from app.api.health import Health
from app.api.hosts import Hosts
from app.api.id_key import IdKey, KeyFileError, find_key
from app.api.memory import Memory
from app.api.models import Models
from app.api.no_memory import NoMemory
from app.api.openapi import openapi_document, openapi_text
from app.api.outcomes import BATCH_BYTES, REPORT_BYTES, Outcomes
from app.api.problems import HTTP_STATUSES, ProblemError, as_problem, preferred_locale, problem_response
from app.api.recommendations import BODY_BYTES as ITEM_BYTES
from app.api.recommendations import CONCURRENT as CONCURRENT_LISTS
from app.api.recommendations import Recommendations
from app.api.releases import Releases
from app.api.remembered import Remembered
from app.api.scores import Scorer, Scores
from app.api.telemetry import Metrics, Telemetry, cause, metrics_endpoint
from app.api.text import BODY_BYTES, CONCURRENT, Texts
from app.domain.errors import KithError, StoreError
from app.serving.model_store import ModelStore
from app.serving.pseudonyms import Keys
from app.serving.score import score
from app.settings import Settings, SettingsError
from app.store.memory import Memory as Database

log = logging.getLogger("kith")

Handler = Callable[[Request], Awaitable[Response]]

KEY_NOT_KEPT = "the key could not be kept in KITH_VAR"
CLOSE_SECONDS = 10.0
"""Time for what waits to be written when the service stops."""


class Store(release_views.Store, Protocol):
    """A store that looks for new releases; :class:`app.serving.model_store.ModelStore` is one."""

    refused_count: int

    async def refresh(self) -> bool:
        """Look for a new release; True where another one answers now."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers of one application share."""

    settings: Settings
    store: Store
    memory: Memory
    metrics: Metrics
    condition: Condition
    clock: Callable[[], datetime]
    scorer: Scorer
    id_key: bytes
    keys: Keys


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    store: Store | None = None,
    memory: Memory | None = None,
    scorer: Scorer = score,
    write: Callable[[str], object] | None = None,
) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    settings : Settings
        All that can be told from outside.
    clock : callable
        Gives aware times.
    store : Store, optional
        Holds the active release; by default a :class:`ModelStore` over ``settings.models``.
    memory : Memory, optional
        What the service remembers, not started yet; by default a database at ``settings.store_url``.
    scorer : callable
        Answers for N customers.
    write : callable, optional
        Takes the lines of the access log; by default stdout.

    Raises
    ------
    SettingsError
        The key of the score ids on disk, or the URL of the database, cannot be used.
    """
    held: Store = store or ModelStore(
        settings.models,
        trial_seconds=settings.trial_seconds,
        trial_memory_bytes=settings.trial_memory_bytes,
        now=clock,
    )
    id_key = read_id_key(settings)
    keys = Keys(id_key.value)
    # What is written under a key that the next start has not could never be found again, nor erased.
    remembering = (memory or open_memory(settings, keys)) if id_key.is_kept else NoMemory(KEY_NOT_KEPT)
    parts = Parts(settings, held, remembering, Metrics(), Condition(), clock, scorer, id_key.value, keys)
    parts.metrics.memory.watch(remembering)
    # FastAPI's OpenTelemetry hooks stay off whatever is installed: nothing about requests leaves unasked.
    app = FastAPI(
        title="Kith",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=_lifespan(parts),
        exception_handlers={HTTPException: _refused_by_router, KithError: _refused},
    )
    app.state.condition = parts.condition
    _add_routes(app, parts)
    app.add_middleware(
        Guard, limits=_limits(settings), body_seconds=settings.body_seconds, metrics=parts.metrics
    )
    app.add_middleware(Hosts, allowed=settings.allowed_hosts, metrics=parts.metrics)
    lines = (write or sys.stdout.write) if settings.access_log else None
    app.add_middleware(Telemetry, metrics=parts.metrics, condition=parts.condition, write=lines)
    return app


def open_memory(settings: Settings, keys: Keys) -> Database:
    """Return the database of what the service remembers under a key, without connecting.

    Raises
    ------
    SettingsError
        Its URL cannot be used.
    """
    try:
        return Database(settings.store_url, queue_limit=settings.store_queue, key_check=keys.check())
    except StoreError as error:
        raise SettingsError(f"KITH_STORE cannot be used: {error}") from error


def _limits(settings: Settings) -> dict[str, Limits]:
    """Return what each address that takes a body takes."""
    single = Limits(settings.max_body_bytes, settings.max_concurrent)
    batch = Limits(settings.max_batch_bytes, settings.max_concurrent_batches)
    lists = Limits(min(settings.max_batch_bytes, ITEM_BYTES), min(settings.max_concurrent, CONCURRENT_LISTS))
    texts = Limits(min(settings.max_batch_bytes, BODY_BYTES), min(settings.max_concurrent, CONCURRENT))
    report = Limits(min(settings.max_body_bytes, REPORT_BYTES), settings.max_concurrent)
    reports = Limits(min(settings.max_batch_bytes, BATCH_BYTES), settings.max_concurrent_batches)
    return {
        "/v1/scores": single,
        "/v1/scores/batch": batch,
        "/v1/recommendations": lists,
        "/v1/recommendations/similar-items": lists,
        "/v1/next-best-actions": single,
        "/v1/next-best-actions/batch": batch,
        "/v1/outcomes": report,
        "/v1/outcomes/batch": reports,
        "/v1/feedback": report,
        "/v1/text/sentiment": texts,
    }


def _add_routes(app: FastAPI, parts: Parts) -> None:
    """Add the routes as plain ones: what a body must be is read from its bytes, not by the framework."""
    releases, clock, metrics, memory = Releases(parts.store), parts.clock, parts.metrics, parts.memory
    id_key, keys = parts.id_key, parts.keys
    scores = Scores(releases, clock, id_key, metrics, parts.scorer)
    lists = Recommendations(releases, clock, id_key, metrics)
    answers_unlogged = parts.settings.unlogged_decisions == "answer"
    actions = Actions(releases, clock, keys, metrics, memory, answers_unlogged=answers_unlogged)
    outcomes = Outcomes(releases, clock, keys, metrics, memory)
    remembered = Remembered(clock, keys, metrics, memory)
    texts = Texts(releases, metrics)
    models = Models(releases)
    health = Health(releases, parts.condition, clock, memory)
    posted: dict[str, Handler] = {
        "/v1/scores": scores.single,
        "/v1/scores/batch": scores.batch,
        "/v1/recommendations": lists.personal,
        "/v1/recommendations/similar-items": lists.similar,
        "/v1/next-best-actions": actions.single,
        "/v1/next-best-actions/batch": actions.batch,
        "/v1/outcomes": outcomes.single,
        "/v1/outcomes/batch": outcomes.batch,
        "/v1/feedback": outcomes.feedback,
        "/v1/text/sentiment": texts.sentiment,
    }
    got: dict[str, Handler] = {
        "/v1/decisions/{decision_id}": remembered.decision,
        "/v1/models": models.listed,
        "/v1/models/{capability}": models.one,
        "/v1/models/{capability}/card": models.card,
        "/v1/definitions": models.definitions,
        "/livez": health.live,
        "/readyz": health.ready,
        "/metrics": metrics_endpoint(metrics),
    }
    if parts.settings.docs:
        got |= {"/docs": _docs, "/openapi.json": _openapi}
    for path, handler in posted.items():
        app.add_route(path, handler, methods=["POST"])
    for path, handler in got.items():
        app.add_route(path, handler, methods=["GET"])
    app.add_route("/v1/customers/{customer_id:id}", remembered.erase, methods=["DELETE"])


def _lifespan(parts: Parts) -> Lifespan[FastAPI]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(_log_cause)
        # In the background: the port opens at once, and /readyz says when a release has proved itself. The
        # database may come later too: scores need none.
        parts.memory.start()
        task = asyncio.create_task(_keep_fresh(parts))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(parts.memory.close, CLOSE_SECONDS)

    return lifespan


async def _keep_fresh(parts: Parts) -> None:
    """Look for a new release again and again; nothing that a look does ends the watch."""
    store, metrics, condition = parts.store, parts.metrics, parts.condition
    refused = 0
    while True:
        try:
            await store.refresh()
            condition.refreshed_at = parts.clock()
            metrics.refreshed.set(condition.refreshed_at.timestamp())
        except Exception as error:  # noqa: BLE001 - see above
            log.error("refresh_failed", extra=cause(error))  # noqa: TRY400 - told in one line
        metrics.release_refused.inc(store.refused_count - refused)
        refused = store.refused_count
        metrics.release.clear()
        if store.current is not None:
            metrics.release.labels(store.current.name).set(1)
        await asyncio.sleep(parts.settings.refresh_seconds)


def read_id_key(settings: Settings) -> IdKey:
    """Return the key of the score ids and pseudonyms: from the settings, from disk, or made now.

    Raises
    ------
    SettingsError
        The key on disk is too short or cannot be read.
    """
    if settings.id_key:
        return IdKey(settings.id_key)
    try:
        found = find_key(settings.var)
    except KeyFileError as error:
        raise SettingsError(str(error)) from error
    if not found.is_kept:
        known = {"error": found.reason, "remedy": "set KITH_ID_KEY, or make KITH_VAR writable"}
        log.warning("id_key_not_kept", extra=known)
    return found


def _log_cause(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught by its kind and place: its message may speak of a customer."""
    error = context.get("exception")
    log.error("uncaught", extra={} if error is None else cause(error))


async def _refused_by_router(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such address, no such method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = {
        name: value for name, value in (getattr(error, "headers", None) or {}).items() if name == "Allow"
    }
    problem = ProblemError(HTTP_STATUSES.get(status, "internal_error"), headers=headers)
    return problem_response(problem, preferred_locale(request.scope["headers"]))


async def _refused(request: Request, error: Exception) -> Response:
    return problem_response(as_problem(error), preferred_locale(request.scope["headers"]))


async def _docs(_: Request) -> Response:
    page = docs_page(openapi_document())
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})


async def _openapi(_: Request) -> Response:
    return Response(openapi_text(), media_type="application/json")
