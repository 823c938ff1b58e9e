"""The composition root: from settings to an application with its store, handlers, layers and refresh loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Lifespan

from app.api import releases as release_views
from app.api.condition import Condition
from app.api.docs import POLICY, docs_page
from app.api.guard import Guard, Limits
from app.api.health import Health
from app.api.models import Models
from app.api.openapi import openapi_document, openapi_text
from app.api.problems import HTTP_STATUSES, ProblemError, as_problem, preferred_locale, problem_response
from app.api.recommendations import BODY_BYTES as ITEM_BYTES
from app.api.recommendations import CONCURRENT as CONCURRENT_LISTS
from app.api.recommendations import Recommendations
from app.api.releases import Releases
from app.api.scores import Scorer, Scores
from app.api.telemetry import Metrics, Telemetry, cause, metrics_endpoint
from app.api.text import BODY_BYTES, CONCURRENT, Texts
from app.domain.errors import KithError
from app.serving.model_store import ModelStore
from app.serving.score import score
from app.settings import Settings, SettingsError

log = logging.getLogger("kith")

KEY_BYTES = 32


class Store(release_views.Store, Protocol):
    """A store that looks for new releases; :class:`app.serving.model_store.ModelStore` is one."""

    refused_count: int

    async def refresh(self) -> bool:
        """Look for a new release; True where another one answers now."""
        ...


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    store: Store | None = None,
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
    scorer : callable
        Answers for N customers.
    write : callable, optional
        Takes the lines of the access log; by default stdout.

    Raises
    ------
    SettingsError
        The key of the score ids on disk cannot be used.
    """
    metrics = Metrics()
    condition = Condition()
    held: Store = store or ModelStore(
        settings.models,
        trial_seconds=settings.trial_seconds,
        trial_memory_bytes=settings.trial_memory_bytes,
        now=clock,
    )
    releases = Releases(held)
    # FastAPI's OpenTelemetry hooks stay off whatever is installed: nothing about requests leaves unasked.
    app = FastAPI(
        title="Kith",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=_lifespan(held, settings, condition, metrics, clock),
        exception_handlers={HTTPException: _refused_by_router, KithError: _refused},
    )
    app.state.condition = condition
    _add_routes(app, settings, releases, condition, metrics, clock, scorer)
    lists = Limits(min(settings.max_batch_bytes, ITEM_BYTES), min(settings.max_concurrent, CONCURRENT_LISTS))
    limits = {
        "/v1/scores": Limits(settings.max_body_bytes, settings.max_concurrent),
        "/v1/scores/batch": Limits(settings.max_batch_bytes, settings.max_concurrent_batches),
        "/v1/recommendations": lists,
        "/v1/recommendations/similar-items": lists,
        "/v1/text/sentiment": Limits(
            min(settings.max_batch_bytes, BODY_BYTES), min(settings.max_concurrent, CONCURRENT)
        ),
    }
    app.add_middleware(Guard, limits=limits, body_seconds=settings.body_seconds, metrics=metrics)
    lines = (write or sys.stdout.write) if settings.access_log else None
    app.add_middleware(Telemetry, metrics=metrics, condition=condition, write=lines)
    return app


def _add_routes(
    app: FastAPI,
    settings: Settings,
    releases: Releases,
    condition: Condition,
    metrics: Metrics,
    clock: Callable[[], datetime],
    scorer: Scorer,
) -> None:
    """Add the routes as plain ones: what a body must be is read from its bytes, not by the framework."""
    id_key = read_id_key(settings)
    scores = Scores(releases, clock, id_key, metrics, scorer)
    lists = Recommendations(releases, clock, id_key, metrics)
    texts = Texts(releases, metrics)
    models = Models(releases)
    health = Health(releases, condition, clock)
    app.add_route("/v1/scores", scores.single, methods=["POST"])
    app.add_route("/v1/scores/batch", scores.batch, methods=["POST"])
    app.add_route("/v1/recommendations", lists.personal, methods=["POST"])
    app.add_route("/v1/recommendations/similar-items", lists.similar, methods=["POST"])
    app.add_route("/v1/text/sentiment", texts.sentiment, methods=["POST"])
    app.add_route("/v1/models", models.listed, methods=["GET"])
    app.add_route("/v1/models/{capability}", models.one, methods=["GET"])
    app.add_route("/v1/models/{capability}/card", models.card, methods=["GET"])
    app.add_route("/v1/definitions", models.definitions, methods=["GET"])
    app.add_route("/livez", health.live, methods=["GET"])
    app.add_route("/readyz", health.ready, methods=["GET"])
    app.add_route("/metrics", metrics_endpoint(metrics), methods=["GET"])
    if settings.docs:
        app.add_route("/docs", _docs, methods=["GET"])
        app.add_route("/openapi.json", _openapi, methods=["GET"])


def _lifespan(
    store: Store, settings: Settings, condition: Condition, metrics: Metrics, clock: Callable[[], datetime]
) -> Lifespan[FastAPI]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # In the background: the port opens at once, and /readyz says when a release has proved itself.
        task = asyncio.create_task(_keep_fresh(store, settings.refresh_seconds, condition, metrics, clock))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return lifespan


async def _keep_fresh(
    store: Store, seconds: float, condition: Condition, metrics: Metrics, clock: Callable[[], datetime]
) -> None:
    """Look for a new release again and again; nothing that a look does ends the watch."""
    refused = 0
    while True:
        try:
            await store.refresh()
            condition.refreshed_at = clock()
            metrics.refreshed.set(condition.refreshed_at.timestamp())
        except Exception as error:  # noqa: BLE001 - see above
            log.error("refresh_failed", extra=cause(error))  # noqa: TRY400 - told in one line
        metrics.release_refused.inc(store.refused_count - refused)
        refused = store.refused_count
        metrics.release.clear()
        if store.current is not None:
            metrics.release.labels(store.current.name).set(1)
        await asyncio.sleep(seconds)


def read_id_key(settings: Settings) -> bytes:
    """Return the key of the score ids: from the settings, from disk, or made now and kept if possible.

    Raises
    ------
    SettingsError
        The key on disk is too short or cannot be read.
    """
    if settings.id_key:
        return settings.id_key
    path = settings.var / "id.key"
    if path.exists():
        return _read_key(path)
    made = secrets.token_hex(KEY_BYTES).encode()
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        known = {"error": type(error).__name__, "remedy": "set KITH_ID_KEY, or make KITH_VAR writable"}
        log.warning("id_key_not_kept", extra=known)
        return made
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
    return made


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"the key file in KITH_VAR cannot be read ({type(error).__name__})") from error
    if len(key) < KEY_BYTES:
        raise SettingsError("the key file in KITH_VAR is too short; remove it, or set KITH_ID_KEY")
    return key


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
