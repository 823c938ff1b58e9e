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
from pydantic import ConfigDict, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from app.api.action_checks import uncounted
from app.api.action_funnel import batch_funnel
from app.api.batch import MEMBER, split_batch
from app.api.finite import is_finite
from app.api.memory import PATIENCE_SECONDS, Memory, UncertainError, kept
from app.api.problem_texts import Locale
from app.api.problems import Fault, ProblemError, document, preferred_locale
from app.api.questions import Question, model_of, read_question
from app.api.recall import recalled
from app.api.refusals import counted, refused
from app.api.releases import Releases, ReleaseView
from app.api.schemas.request import to_rows
from app.api.telemetry import Metrics
from app.domain.clock import to_microseconds
from app.domain.errors import KithError, ModelUnavailableError, StoreError
from app.serving.decide import Prepared, prepare
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys

INLINE_BYTES: Final = 32 * 1024
"""A larger body takes milliseconds and is read in a thread."""
EVENT: Final = "decision_failed"
NO_ANSWER: Final = "internal_error"

Answer = dict[str, Any]
Preparer = Callable[..., Prepared]

_ANSWER: Final = TypeAdapter(dict[str, Any], config=ConfigDict(ser_json_inf_nan="constants"))
_to_json: Final[Callable[[Answer], bytes]] = _ANSWER.serializer.to_json
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(slots=True)
class _Batch:
    """Requests of one batch with their places.

    Those that can be asked, those that are refused unless an answer is on record, the problems of the others.
    """

    items: list[tuple[int, Question]]
    refused: list[tuple[int, Question]]
    problems: dict[int, Exception]


class Actions:
    """The handlers of both addresses, with all that they need passed in."""

    def __init__(  # noqa: PLR0913 - the collaborators, those that vary by name
        self,
        releases: Releases,
        clock: Callable[[], datetime],
        keys: Keys,
        metrics: Metrics,
        memory: Memory,
        *,
        answers_unlogged: bool = False,
        preparer: Preparer = prepare,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Keep the collaborators.

        With ``answers_unlogged`` what cannot be written down is told all the same; ``patience`` are the
        seconds within which the store must answer.
        """
        self._releases = releases
        self._clock = clock
        self._keys = keys
        self._metrics = metrics
        self._memory = memory
        self._answers_unlogged = answers_unlogged
        self._preparer = preparer
        self._patience = patience

    async def single(self, request: Request) -> Response:
        """Answer ``POST /v1/next-best-actions``."""
        body = await request.body()
        try:
            view = self._view()
            if len(body) <= INLINE_BYTES:
                item, prepared = self._asked(body, view)
            else:
                item, prepared = await asyncio.to_thread(self._asked, body, view)
            answer = await self._answered(item, prepared)
            content = self._finished(item, answer)
        except KithError as error:
            return refused(error, request, self._metrics, EVENT)
        return Response(content, media_type="application/json", headers=_NO_STORE)

    async def batch(self, request: Request) -> Response:
        """Answer ``POST /v1/next-best-actions/batch``."""
        body = await request.body()
        locale = preferred_locale(request.scope["headers"])
        try:
            view = self._view()
            batch, prepared = await asyncio.to_thread(self._asked_together, body, view)
            answers: list[Answer | str] = []
            if prepared is not None:
                answers += await self._decided([item for _, item in batch.items], prepared)
            answers += await self._recall(batch)
            if view is None and not answers:
                raise ModelUnavailableError("no release is active")
            content = await asyncio.to_thread(self._told, batch, answers, view, locale)
        except KithError as error:
            return refused(error, request, self._metrics, EVENT)
        return Response(content, media_type="application/json", headers=_NO_STORE)

    def _view(self) -> ReleaseView | None:
        try:
            return self._releases.active()
        except ModelUnavailableError:
            return None

    def _now(self, view: ReleaseView | None) -> datetime:
        now = self._clock()
        return now if view is None else now.astimezone(view.zone)

    def _asked(self, body: bytes, view: ReleaseView | None) -> tuple[Question, Prepared | None]:
        """Return one question, weighed if it can be; raises a KithError where it cannot be answered."""
        item = read_question(body, view, self._now(view), self._keys, "")
        return item, None if view is None or item.refusal is not None else self._prepared([item], view)

    def _asked_together(self, body: bytes, view: ReleaseView | None) -> tuple[_Batch, Prepared | None]:
        """Return the questions of a batch, and those that can be answered weighed together."""
        now = self._now(view)
        batch = _Batch([], [], {})
        seen: dict[str, str] = {}
        for k, part in enumerate(split_batch(body)):
            prefix = f"/{MEMBER}/{k}"
            try:
                item = read_question(part, view, now, self._keys, prefix)
                if item.request.request_id in seen:
                    fault = Fault(f"{prefix}/request_id", "repeated_request_id")
                    raise ProblemError("invalid_request", [fault], locale=item.ask.locale)
            except KithError as error:
                batch.problems[k] = error
                continue
            seen[item.request.request_id] = item.ask.mode
            if item.ask.mode != next(iter(seen.values())):
                fault = Fault(f"{prefix}/mode", "mixed_modes")
                raise ProblemError("invalid_request", [fault], locale=item.ask.locale)
            (batch.items if item.refusal is None else batch.refused).append((k, item))
        return batch, None if view is None else self._prepared_together(batch, view)

    async def _answered(self, item: Question, prepared: Prepared | None) -> Answer | str:
        if prepared is not None:
            (answer,) = await self._decided([item], prepared)
            return answer
        (found,) = await self._recalled([item])
        if found is None:
            raise item.refusal or ProblemError(NO_ANSWER)
        return found

    async def _recall(self, batch: _Batch) -> list[Answer | str]:
        """Return what is on record for what is refused; the rest is a problem each."""
        answers: list[Answer | str] = []
        found = await self._recalled([item for _, item in batch.refused])
        for (k, item), answer in zip(batch.refused, found, strict=True):
            if answer is None:
                batch.problems[k] = item.refusal or ProblemError(NO_ANSWER)
            else:
                batch.items.append((k, item))
                answers.append(answer)
        return answers

    async def _recalled(self, items: Sequence[Question]) -> list[Answer | str | None]:
        asked = [(item.customer_id, item.ask) for item in items]
        return await recalled(self._memory, asked, self._keys, self._clock(), self._patience)

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

    def _prepared(self, items: Sequence[Question], view: ReleaseView) -> Prepared:
        as_of = np.array([to_microseconds(item.as_of) for item in items], dtype=np.int64)
        people = [to_rows(item.request) for item in items]
        return self._preparer(view.release, people, as_of, [item.ask for item in items], self._keys)

    async def _decided(self, items: Sequence[Question], prepared: Prepared) -> Sequence[Answer | str]:
        """Return the answers in order; the kind of problem in place of one that the store refuses.

        Raises
        ------
        StoreError
            The store cannot write it down, and that is needed.
        """
        if items[0].ask.mode == "dry_run":
            return await self._tried(prepared)
        task = prepared.task()
        if task is None:
            held = await self._recalled(items)
            return [
                one or answer or NO_ANSWER for one, answer in zip(held, prepared.answers(()), strict=True)
            ]
        try:
            decided = await kept(self._memory.decide(task), self._patience)
        except UncertainError:
            raise
        except StoreError:
            if not self._answers_unlogged:
                raise
            # Without an id: what is not on record can be named in no outcome.
            return [{**one, "decision_id": None} for one in await asyncio.to_thread(prepared.unlogged)]
        found = prepared.answers(decided)
        return [answer or one.error or NO_ANSWER for one, answer in zip(decided, found, strict=True)]

    async def _tried(self, prepared: Prepared) -> Sequence[Answer]:
        """Return what would be decided; also where what is on record cannot be read, which is told."""
        if prepared.model is None:
            return prepared.dry_run()
        try:
            look = self._memory.look(prepared.persons, prepared.since, tuple(prepared.budgets))
            knowns, budgets = await kept(look, self._patience)
        except StoreError:
            return await asyncio.to_thread(prepared.dry_run)
        return await asyncio.to_thread(prepared.dry_run, knowns, budgets)

    def _told(
        self,
        batch: _Batch,
        answers: Sequence[Answer | str],
        view: ReleaseView | None,
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
        funnel = _to_json(batch_funnel(model_of(view), answered))
        ordered = b",".join(results[k] for k in sorted(results))
        return b'{"results":[' + ordered + b'],"funnel":' + funnel + b"}"

    def _finished(self, item: Question, answer: Answer | str, prefix: str = "") -> bytes:
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
