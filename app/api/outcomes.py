"""``POST /v1/outcomes``, ``…/batch`` and ``POST /v1/feedback``: what came of answers, and verdicts on them.

Rules: an id with the same body is taken once, however often it comes; reports may be late and out of order,
but not from the future; the store gets pseudonyms, never a caller's id; no release is needed, but to check a
currency.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.batch import split_batch
from app.api.checks import CLOCK_SKEW, NAMES_IN_HINT
from app.api.faults import invalid_body
from app.api.memory import PATIENCE_SECONDS, Memory, kept
from app.api.problem_texts import Locale
from app.api.problems import Fault, ProblemError, document, preferred_locale
from app.api.questions import model_of
from app.api.refusals import counted, refused
from app.api.releases import Releases, ReleaseView
from app.api.schemas.remember import (
    FeedbackReport,
    OutcomeReport,
    feedback_of,
    given_targets,
    outcome_of,
    read_feedback,
    read_outcome,
)
from app.api.schemas.request import has_repeated_key
from app.api.telemetry import Metrics
from app.domain.actions import NONE
from app.domain.errors import ConflictError, KithError, ModelUnavailableError, UnknownDecisionError
from app.serving.pseudonyms import Keys
from app.store.records import NewOutcome, Reported

REPORT_BYTES: Final = 64 * 1024
"""Room for a report with ids and a comment in which every character is escaped."""
BATCH_BYTES: Final = 4 << 20
MEMBER: Final = "outcomes"
OUTCOME_FAILED: Final = "outcome_failed"
FEEDBACK_FAILED: Final = "feedback_failed"
OK, CREATED = 200, 201

Document = dict[str, Any]
Asked = TypeVar("Asked", bound=BaseModel)

_NO_STORE: Final = {"Cache-Control": "no-store"}


class Outcomes:
    """The handlers of the three addresses, with all that they need passed in."""

    def __init__(
        self,
        releases: Releases,
        clock: Callable[[], datetime],
        keys: Keys,
        metrics: Metrics,
        memory: Memory,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Keep the collaborators; the store must answer within ``patience`` seconds, also for a batch."""
        self._releases = releases
        self._clock = clock
        self._keys = keys
        self._metrics = metrics
        self._memory = memory
        self._patience = patience

    async def single(self, request: Request) -> Response:
        """Answer ``POST /v1/outcomes``."""
        body = await request.body()
        try:
            outcome = self._outcome(body, "")
            status, told = await self._reported(outcome, self._memory.report(outcome), "", self._patience)
        except KithError as error:
            return refused(error, request, self._metrics, OUTCOME_FAILED)
        return _answer(told, status)

    async def batch(self, request: Request) -> Response:
        """Answer ``POST /v1/outcomes/batch``: all are handed to the store, then waited for together."""
        body = await request.body()
        locale = preferred_locale(request.scope["headers"])
        try:
            handed = await asyncio.to_thread(self._handed, body)
        except KithError as error:
            return refused(error, request, self._metrics, OUTCOME_FAILED)
        results = []
        clock = asyncio.get_running_loop().time
        until = clock() + self._patience
        for k, one in enumerate(handed):
            try:
                if isinstance(one, KithError):
                    raise one
                status, told = await self._reported(*one, f"/{MEMBER}/{k}", until - clock())
                results.append({"status": status, "outcome": told})
            except KithError as error:
                results.append(self._refused_item(error, locale))
        return _answer({"results": results}, OK)

    async def feedback(self, request: Request) -> Response:
        """Answer ``POST /v1/feedback``."""
        body = await request.body()
        try:
            now = self._clock()
            report = _read(body, read_feedback, FeedbackReport, "")
            faults = list(_feedback_faults(report, now))
            if faults:
                raise ProblemError("invalid_request", faults)
            verdict = feedback_of(report, self._keys, now)
            is_replay = await kept(self._memory.judge(verdict), self._patience)
        except KithError as error:
            return refused(_placed(error, "", "feedback_id"), request, self._metrics, FEEDBACK_FAILED)
        return _answer({"replay": is_replay, "target": verdict.target}, OK if is_replay else CREATED)

    def _handed(self, body: bytes) -> list[tuple[NewOutcome, Future[Reported]] | KithError]:
        """Return the outcomes of a batch, in the hands of the store, or the problem of each."""
        handed: list[tuple[NewOutcome, Future[Reported]] | KithError] = []
        for k, part in enumerate(split_batch(body, MEMBER)):
            try:
                outcome = self._outcome(part, f"/{MEMBER}/{k}")
                handed.append((outcome, self._memory.report(outcome)))
            except KithError as error:
                handed.append(error)
        return handed

    def _outcome(self, body: bytes, prefix: str) -> NewOutcome:
        """Return an outcome, validated, or raise the problem that it has."""
        now = self._clock()
        report = _read(body, read_outcome, OutcomeReport, prefix)
        view = self._view()
        faults = list(_outcome_faults(report, now, prefix))
        if view is not None:
            faults += _release_faults(report, view, prefix)
        if faults:
            raise ProblemError("invalid_request", faults)
        if view is None and report.currency is not None and report.value is not None:
            raise ModelUnavailableError("no release tells the currency of the business")
        return outcome_of(report, self._keys, now)

    async def _reported(
        self,
        outcome: NewOutcome,
        future: Future[Reported],
        prefix: str,
        seconds: float,
    ) -> tuple[int, Document]:
        """Return the status and the answer to an outcome once it is on record."""
        try:
            reported = await kept(future, seconds)
        except KithError as error:
            raise _placed(error, prefix, "event_id") from error
        if not reported.is_replay:
            self._metrics.memory.outcomes.labels(outcome.type, reported.joined_by).inc()
        told = {
            "replay": reported.is_replay,
            "decision_id": reported.decision_id,
            "joined_by": reported.joined_by,
            "reservation": reported.reservation,
        }
        return (OK if reported.is_replay else CREATED), told

    def _view(self) -> ReleaseView | None:
        try:
            return self._releases.active()
        except ModelUnavailableError:
            return None

    def _refused_item(self, error: KithError, locale: Locale) -> Document:
        problem = counted(error, self._metrics, OUTCOME_FAILED)
        return {"status": problem.status, "problem": document(problem, locale)}


def _read(body: bytes, reader: Callable[[bytes], Asked], model: type[Asked], prefix: str) -> Asked:
    """Return a flat report, validated, or raise the problem that it has."""
    try:
        report = reader(body)
    except ValidationError as error:
        raise invalid_body(error, prefix, model=model) from None
    if has_repeated_key(body, len(report.model_fields_set)):
        raise ProblemError("invalid_request", [Fault(prefix, "repeated_key")])
    return report


def _outcome_faults(report: OutcomeReport, now: datetime, prefix: str) -> Iterator[Fault]:
    is_of_decision, is_of_customer = report.decision_id is not None, report.customer_id is not None
    if is_of_decision == is_of_customer or (is_of_decision and report.action_id is not None):
        yield Fault(prefix, "outcome_of_what")
    if report.at > now + CLOCK_SKEW:
        yield Fault(f"{prefix}/at", "in_future")
    if report.type == "revenue" and report.value is None:
        yield Fault(f"{prefix}/value", "required")


def _release_faults(report: OutcomeReport, view: ReleaseView, prefix: str) -> Iterator[Fault]:
    currency, model = view.release.business.currency, model_of(view)
    if report.currency is not None and report.currency != currency:
        yield Fault(f"{prefix}/currency", "wrong_currency", {"currency": currency})
    if model is not None and report.action_id is not None:
        names = [*(action.id for action in model.playbook.actions), NONE]
        if report.action_id not in names:
            known = ", ".join(names[:NAMES_IN_HINT])
            yield Fault(f"{prefix}/action_id", "unknown_action", {"expected": known})


def _feedback_faults(report: FeedbackReport, now: datetime) -> Iterator[Fault]:
    if len(list(given_targets(report))) != 1:
        yield Fault("", "verdict_on_what")
    elif report.decision_id is None and report.customer_id is None:
        yield Fault("/customer_id", "required")
    if report.at is not None and report.at > now + CLOCK_SKEW:
        yield Fault("/at", "in_future")


def _placed(error: KithError, prefix: str, name: str) -> KithError:
    """Return what the store said, with the place that it speaks of."""
    if isinstance(error, ConflictError):
        return ProblemError("conflict", [Fault(f"{prefix}/{name}", "id_taken")])
    if isinstance(error, UnknownDecisionError):
        return ProblemError("unknown_decision", [Fault(f"{prefix}/decision_id", "unknown_decision")])
    return error


def _answer(told: Document, status: int) -> Response:
    return Response(json.dumps(told), status, media_type="application/json", headers=_NO_STORE)
