"""``/livez``: the loop turns. ``/readyz``: a verified release answers and the service is not stopping."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.condition import Condition
from app.api.memory import Memory
from app.api.problems import Fault, ProblemError, preferred_locale, problem_response
from app.api.releases import Releases

Document = dict[str, Any]


class Health:
    """The handlers of both addresses."""

    def __init__(
        self, releases: Releases, condition: Condition, clock: Callable[[], datetime], memory: Memory
    ) -> None:
        """Keep what to look at."""
        self._memory = memory
        self._releases = releases
        self._condition = condition
        self._clock = clock

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - a handler's signature
        """Answer ``GET /livez``."""
        return _answer({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """Answer ``GET /readyz``; with ``?verbose`` also what answers, what was refused, how the store is.

        Scores need no store: one that is down or full is told, and the service stays ready.
        """
        verbose = self._details() if "verbose" in request.query_params else {}
        problem = self._problem()
        if problem is None:
            return _answer({"status": "ready", **verbose})
        return problem_response(problem, preferred_locale(request.scope["headers"]), verbose)

    def _problem(self) -> ProblemError | None:
        if self._condition.draining:
            return ProblemError("draining", headers={"Retry-After": "1"})
        if not self._releases.status().is_ready:
            return ProblemError("no_release", [Fault("", "no_release")], headers={"Retry-After": "5"})
        return None

    def _details(self) -> Document:
        status = self._releases.status()
        refused, looked = status.refused, self._condition.refreshed_at
        return {
            "release": status.release,
            "activated_at": None if status.activated_at is None else status.activated_at.isoformat(),
            "artifacts": dict(status.artifacts),
            "last_refused": None
            if refused is None
            else {
                "release": refused.release,
                "digest": refused.digest,
                "error": refused.error,
                "reason": refused.reason,
                "at": refused.at.isoformat(),
                "attempts": refused.attempts,
            },
            "refresh_age_seconds": None
            if looked is None
            else round(max(0.0, (self._clock() - looked).total_seconds()), 3),
            "store": {
                "state": self._memory.state,
                "reason": self._memory.reason,
                "waiting": self._memory.counts["waiting"],
            },
            "draining": self._condition.draining,
        }


def _answer(document: Document) -> Response:
    content = json.dumps(document, ensure_ascii=False)
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})
