"""``POST /v1/next-best-actions`` and ``…/batch``: read, weigh, let the store decide, answer.

Rules: the release is read once per request; nothing is told before it is on record, unless the mode or the
settings say so; the same request id with the same body gets the same answer; customers of a batch are decided
together, and one bad request spoils no other; a number that is not finite never leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.action_checks import action_faults, uncounted
from app.api.action_funnel import batch_funnel
from app.api.batch import MEMBER, split_batch
from app.api.checks import contradictions, resolve_as_of
from app.api.faults import invalid_body
from app.api.finite import is_finite
from app.api.memory import Memory, kept
from app.api.problem_texts import Locale
from app.api.problems import Fault, ProblemError, document, preferred_locale
from app.api.refusals import counted, refused
from app.api.releases import Releases, ReleaseView
from app.api.schemas.act import (
    NextBestActionRequest,
    ask_of_action,
    canonical_action,
    count_action_fields,
    read_action_request,
)
from app.api.schemas.request import OBJECTS_LIMIT, has_repeated_key, has_too_many_objects, to_rows
from app.api.telemetry import Metrics
from app.capabilities import NEXT_BEST_ACTION
from app.domain.clock import to_microseconds
from app.domain.errors import KithError, StoreError
from app.serving.action_model import ActionModel
from app.serving.decide import Prepared, prepare
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys
from app.store.records import Known
from app.texts.actions import warning_text

INLINE_BYTES: Final = 32 * 1024
"""A larger body takes milliseconds and is read in a thread."""
CUSTOMER_BYTES: Final = 1 << 20
EVENT: Final = "decision_failed"
NO_ANSWER: Final = "internal_error"

Answer = dict[str, Any]
Preparer = Callable[..., Prepared]

_ANSWER: Final = TypeAdapter(dict[str, Any], config=ConfigDict(ser_json_inf_nan="constants"))
_to_json: Final[Callable[[Answer], bytes]] = _ANSWER.serializer.to_json
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Item:
    """One request, read and resolved."""

    request: NextBestActionRequest
    as_of: datetime
    ask: AskAction


@dataclass(slots=True)
class _Batch:
    """Requests of one batch: those that can be asked, with their places, and the problems of the others."""

    items: list[tuple[int, _Item]]
    problems: dict[int, Exception]


class Actions:
    """The handlers of both addresses, with all that they need passed in."""

    def __init__(
        self,
        releases: Releases,
        clock: Callable[[], datetime],
        keys: Keys,
        metrics: Metrics,
        memory: Memory,
        *,
        answers_unlogged: bool = False,
        preparer: Preparer = prepare,
    ) -> None:
        """Keep the collaborators; ``answers_unlogged``: what cannot be written down is told all the same."""
        self._releases = releases
        self._clock = clock
        self._keys = keys
        self._metrics = metrics
        self._memory = memory
        self._answers_unlogged = answers_unlogged
        self._preparer = preparer

    async def single(self, request: Request) -> Response:
        """Answer ``POST /v1/next-best-actions``."""
        body = await request.body()
        try:
            view = self._releases.active()
            if len(body) <= INLINE_BYTES:
                item, prepared = self._asked(body, view)
            else:
                item, prepared = await asyncio.to_thread(self._asked, body, view)
            (answer,) = await self._decided(prepared, item.ask.mode)
            content = self._finished(item, answer)
        except KithError as error:
            return refused(error, request, self._metrics, EVENT)
        return Response(content, media_type="application/json", headers=_NO_STORE)

    async def batch(self, request: Request) -> Response:
        """Answer ``POST /v1/next-best-actions/batch``."""
        body = await request.body()
        locale = preferred_locale(request.scope["headers"])
        try:
            view = self._releases.active()
            batch, prepared = await asyncio.to_thread(self._asked_together, body, view)
            answers: Sequence[Answer | str] = ()
            if prepared is not None:
                answers = await self._decided(prepared, batch.items[0][1].ask.mode)
            content = await asyncio.to_thread(self._told, batch, answers, view, locale)
        except KithError as error:
            return refused(error, request, self._metrics, EVENT)
        return Response(content, media_type="application/json", headers=_NO_STORE)

    def _asked(self, body: bytes, view: ReleaseView) -> tuple[_Item, Prepared]:
        """Return one question, weighed; raises a KithError where it cannot be answered."""
        item = self._read(body, view, self._clock().astimezone(view.zone), "")
        return item, self._prepared([item], view)

    def _asked_together(self, body: bytes, view: ReleaseView) -> tuple[_Batch, Prepared | None]:
        """Return the questions of a batch, and those that can be answered weighed together."""
        now = self._clock().astimezone(view.zone)
        batch = _Batch([], {})
        seen: set[str] = set()
        for k, part in enumerate(split_batch(body)):
            prefix = f"/{MEMBER}/{k}"
            try:
                item = self._read(part, view, now, prefix)
                if item.request.request_id in seen:
                    fault = Fault(f"{prefix}/request_id", "repeated_request_id")
                    raise ProblemError("invalid_request", [fault], locale=item.ask.locale)
            except KithError as error:
                batch.problems[k] = error
            else:
                seen.add(item.request.request_id)
                batch.items.append((k, item))
        for k, item in batch.items:
            if item.ask.mode != batch.items[0][1].ask.mode:
                fault = Fault(f"/{MEMBER}/{k}/mode", "mixed_modes")
                raise ProblemError("invalid_request", [fault], locale=item.ask.locale)
        return batch, self._prepared_together(batch, view)

    def _prepared_together(self, batch: _Batch, view: ReleaseView) -> Prepared | None:
        """Return all questions weighed together; whose data break that get a problem of their own."""
        if not batch.items:
            return None
        try:
            return self._prepared([item for _, item in batch.items], view)
        except Exception:  # noqa: BLE001 - whatever one customer's data cause, the others get answers
            sound = []
            for k, item in batch.items:
                try:
                    self._prepared([item], view)
                except Exception as error:  # noqa: BLE001 - the same
                    batch.problems[k] = error
                else:
                    sound.append((k, item))
            batch.items = sound
        return self._prepared([item for _, item in sound], view) if sound else None

    def _read(self, body: bytes, view: ReleaseView, now: datetime, prefix: str) -> _Item:
        """Return one request, validated and resolved, or raise the problem that it has."""
        if len(body) > CUSTOMER_BYTES:
            raise ProblemError("too_large", [Fault(prefix, "too_large", {"limit": str(CUSTOMER_BYTES)})])
        if has_too_many_objects(body):
            fault = Fault(prefix, "too_many_objects", {"limit": f"{OBJECTS_LIMIT:,}"})
            raise ProblemError("too_large", [fault])
        try:
            request = read_action_request(body)
        except ValidationError as error:
            raise invalid_body(error, prefix, view.attributes, NextBestActionRequest) from None
        if has_repeated_key(body, count_action_fields(request)):
            raise ProblemError("invalid_request", [Fault(prefix, "repeated_key")], locale=request.locale)
        as_of = resolve_as_of(request, now)
        faults = contradictions(request, as_of, view.release.business.currency, view.attributes, prefix)
        faults += action_faults(request, now, _model_of(view), prefix)
        if faults:
            raise ProblemError("invalid_request", faults, locale=request.locale)
        # The hash is of what was sent: a question about now can be asked again a moment later.
        ask = ask_of_action(request, self._keys.body(b"decision\n" + canonical_action(request)))
        return _Item(request, as_of, ask)

    def _prepared(self, items: Sequence[_Item], view: ReleaseView) -> Prepared:
        as_of = np.array([to_microseconds(item.as_of) for item in items], dtype=np.int64)
        people = [to_rows(item.request) for item in items]
        return self._preparer(view.release, people, as_of, [item.ask for item in items], self._keys)

    async def _decided(self, prepared: Prepared, mode: str) -> Sequence[Answer | str]:
        """Return the answers in order; the kind of problem in place of one that the store refuses.

        Raises
        ------
        StoreError
            The store cannot write it down, and that is needed.
        """
        if mode == "dry_run":
            return await self._tried(prepared)
        task = prepared.task()
        if task is None:
            return [answer or NO_ANSWER for answer in prepared.answers(())]
        try:
            decided = await kept(self._memory.decide(task))
        except StoreError:
            if not self._answers_unlogged:
                raise
            # Without an id: what is not on record can be named in no outcome.
            return [{**one, "decision_id": None} for one in await asyncio.to_thread(prepared.unlogged)]
        found = prepared.answers(decided)
        return [answer or one.error or NO_ANSWER for one, answer in zip(decided, found, strict=True)]

    async def _tried(self, prepared: Prepared) -> Sequence[Answer]:
        """Return what would be decided; also where what is on record cannot be read, which is told."""
        nothing = [Known()] * len(prepared.persons)
        if prepared.model is None:
            return prepared.dry_run(nothing, {})
        try:
            look = self._memory.look(prepared.persons, prepared.since, tuple(prepared.budgets))
            knowns, budgets = await kept(look)
        except StoreError:
            answers = await asyncio.to_thread(prepared.dry_run, nothing, {})
            for answer in answers:
                text = warning_text(answer["locale"], "store_not_read")
                answer["warnings"] = [{"code": "store_not_read", "detail": text}, *answer["warnings"]]
            return answers
        return await asyncio.to_thread(prepared.dry_run, knowns, budgets)

    def _told(
        self,
        batch: _Batch,
        answers: Sequence[Answer | str],
        view: ReleaseView,
        locale: Locale,
    ) -> bytes:
        """Return the JSON of a batch: results in the order of its requests, and the funnel."""
        results: dict[int, bytes] = {}
        answered: list[tuple[AskAction, Answer]] = []
        for (k, item), answer in zip(batch.items, answers, strict=True):
            try:
                content = self._finished(item, answer, f"/{MEMBER}/{k}")
            except Exception as error:  # noqa: BLE001 - one customer's failure spoils no other's answer
                results[k] = self._refused_item(error, item.ask.locale)
            else:
                results[k] = b'{"status":200,"decision":' + content + b"}"
                answered += [(item.ask, answer)] if isinstance(answer, dict) else []
        for k, problem in batch.problems.items():
            results[k] = self._refused_item(problem, locale)
        funnel = _to_json(batch_funnel(_model_of(view), answered))
        ordered = b",".join(results[k] for k in sorted(results))
        return b'{"results":[' + ordered + b'],"funnel":' + funnel + b"}"

    def _finished(self, item: _Item, answer: Answer | str, prefix: str = "") -> bytes:
        """Return the JSON of an answer, if every number in it is finite; raise the problem that it names."""
        if isinstance(answer, str):
            faults = [Fault(f"{prefix}/request_id", "id_taken")] if answer == "conflict" else []
            raise ProblemError(answer, faults, locale=item.ask.locale)
        answer = {"mode": item.ask.mode, **answer}
        # By the answer's own moment: of a replay it is that of the first answer.
        as_of = datetime.fromisoformat(answer["as_of"])
        personalised = answer.get("personalised") is not False
        told = uncounted(item.request, as_of, item.ask.locale, personalised=personalised)
        answer["warnings"] = [*answer["warnings"], *told]
        content = _to_json(answer)
        if (b"NaN" in content or b"Infinity" in content) and not is_finite(answer):
            self._metrics.nonfinite.inc()
            raise ProblemError("not_finite", locale=item.ask.locale)
        self._metrics.memory.count_decision(answer)
        return content

    def _refused_item(self, error: Exception, locale: Locale) -> bytes:
        problem = counted(error, self._metrics, EVENT)
        told = document(problem, problem.locale or locale)
        return _to_json({"status": problem.status, "problem": told})


def _model_of(view: ReleaseView) -> ActionModel | None:
    artifact = view.release.artifacts.get(NEXT_BEST_ACTION)
    return None if artifact is None else artifact.action_model
