"""What becomes of a request that fails: it is counted, its cause logged without a word of it, and told."""

from __future__ import annotations

import logging
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.api.problems import ProblemError, as_problem, preferred_locale, problem_response
from app.api.telemetry import Metrics, cause
from app.domain.errors import KithError

log = logging.getLogger("kith")

INTERNAL_ERROR: Final = 500


def counted(error: Exception, metrics: Metrics, event: str) -> ProblemError:
    """Return the problem that an error is, counted; a failure of the service is logged as an event."""
    problem = as_problem(error)
    metrics.refusals.labels(problem.kind).inc()
    if problem.status == INTERNAL_ERROR and not isinstance(error, ProblemError):
        log.error(event, extra=cause(error))
    return problem


def refused(error: KithError, request: Request, metrics: Metrics, event: str) -> Response:
    """Return the answer to a request that cannot be answered."""
    problem = counted(error, metrics, event)
    return problem_response(problem, preferred_locale(request.scope["headers"]))
