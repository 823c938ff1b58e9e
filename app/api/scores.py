"""``POST /v1/scores`` and ``POST /v1/scores/batch``: read, ask the release, answer.

Rules: the release is read once per request; ``as_of`` is resolved first and told; the answer and its
``score_id`` depend on the resolved body and the release alone; a number that is not finite never leaves; a
small request is answered where it arrives, because a thread would cost more than the models; large bodies and
batches leave the event loop.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.batch import MEMBER, split_batch
from app.api.checks import contradictions, resolve_as_of, uncounted_rows, warning
from app.api.faults import invalid_body
from app.api.finite import is_finite
from app.api.problem_texts import Locale
from app.api.problems import Fault, ProblemError, document, preferred_locale
from app.api.refusals import counted, refused
from app.api.releases import Releases, ReleaseView
from app.api.schemas.request import (
    OBJECTS_LIMIT,
    Block,
    ScoreRequest,
    canonical,
    has_too_many_objects,
    read_request,
    repeats_a_key,
    to_rows,
)
from app.api.telemetry import Metrics
from app.domain.clock import to_microseconds
from app.domain.errors import KithError
from app.domain.history import Array, History
from app.domain.rows import build_history
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score

INLINE_BYTES: Final = 64 * 1024
"""A larger body takes milliseconds and is answered in a thread."""
CUSTOMER_BYTES: Final = 1 << 20

Answer = dict[str, Any]
Scorer = Callable[[LoadedRelease, History, Array, Ask], list[Answer]]

_ANSWER: Final = TypeAdapter(dict[str, Any], config=ConfigDict(ser_json_inf_nan="constants"))
_to_json: Final[Callable[[Answer], bytes]] = _ANSWER.serializer.to_json
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Item:
    """One request, read and resolved."""

    request: ScoreRequest
    as_of: datetime
    ask: Ask


class Scores:
    """The handlers of both addresses, with all that they need passed in."""

    def __init__(
        self,
        releases: Releases,
        clock: Callable[[], datetime],
        id_key: bytes,
        metrics: Metrics,
        scorer: Scorer = score,
    ) -> None:
        """Keep the collaborators; ``clock`` gives aware times, ``id_key`` keys the score ids."""
        self._releases = releases
        self._clock = clock
        self._keyed = hmac.new(id_key, digestmod="sha256")
        self._metrics = metrics
        self._scorer = scorer

    async def single(self, request: Request) -> Response:
        """Answer ``POST /v1/scores``."""
        body = await request.body()
        try:
            view = self._releases.active()
            if len(body) <= INLINE_BYTES:
                content = self._answer(body, view)
            else:
                content = await asyncio.to_thread(self._answer, body, view)
        except KithError as error:
            return refused(error, request, self._metrics, "score_failed")
        return Response(content, media_type="application/json", headers=_NO_STORE)

    async def batch(self, request: Request) -> Response:
        """Answer ``POST /v1/scores/batch``."""
        body = await request.body()
        locale = preferred_locale(request.scope["headers"])
        try:
            view = self._releases.active()
            content = await asyncio.to_thread(self._answers, body, view, locale)
        except KithError as error:
            return refused(error, request, self._metrics, "score_failed")
        return Response(content, media_type="application/json", headers=_NO_STORE)

    def _answer(self, body: bytes, view: ReleaseView) -> bytes:
        """Return the JSON of one answer; raises a KithError for a request that cannot be answered."""
        item = self._read(body, view, self._now(view), "")
        (answer,) = self._scored([item], view)
        return self._finished(item, answer, view)

    def _answers(self, body: bytes, view: ReleaseView, locale: Locale) -> bytes:
        """Return the JSON of a batch's results, in the order of its requests."""
        now = self._now(view)
        results: list[bytes] = []
        groups: dict[tuple[Ask, bool], list[tuple[int, _Item]]] = {}
        for k, part in enumerate(split_batch(body)):
            try:
                item = self._read(part, view, now, f"/{MEMBER}/{k}")
            except KithError as error:
                results.append(self._refused_item(error, locale))
            else:
                results.append(b"")
                groups.setdefault((item.ask, item.request.summary is not None), []).append((k, item))
        for group in groups.values():
            for k, content in self._group(group, view, locale):
                results[k] = content
        return b'{"results":[' + b",".join(results) + b"]}"

    def _group(
        self, group: Sequence[tuple[int, _Item]], view: ReleaseView, locale: Locale
    ) -> list[tuple[int, bytes]]:
        """Return the results of requests that ask the same; if they break together, each is tried alone."""
        items = [item for _, item in group]
        try:
            answers = self._scored(items, view)
        except Exception as error:  # noqa: BLE001 - whatever one customer's data cause, the others get answers
            if len(group) == 1:
                return [(group[0][0], self._refused_item(error, locale))]
            return [result for one in group for result in self._group([one], view, locale)]
        results = []
        for (k, item), answer in zip(group, answers, strict=True):
            try:
                content = b'{"status":200,"score":' + self._finished(item, answer, view) + b"}"
            except Exception as error:  # noqa: BLE001 - the same
                content = self._refused_item(error, item.ask.locale)
            results.append((k, content))
        return results

    def _now(self, view: ReleaseView) -> datetime:
        return self._clock().astimezone(view.zone)

    def _read(self, body: bytes, view: ReleaseView, now: datetime, prefix: str) -> _Item:
        """Return one request, validated and resolved, or raise the problem that it has."""
        if len(body) > CUSTOMER_BYTES:
            raise ProblemError("too_large", [Fault(prefix, "too_large", {"limit": str(CUSTOMER_BYTES)})])
        if has_too_many_objects(body):
            raise ProblemError(
                "too_large", [Fault(prefix, "too_many_objects", {"limit": f"{OBJECTS_LIMIT:,}"})]
            )
        try:
            request = read_request(body)
        except ValidationError as error:
            raise invalid_body(error, prefix, view.attributes) from None
        if repeats_a_key(body, request):
            raise ProblemError("invalid_request", [Fault(prefix, "repeated_key")], locale=request.locale)
        as_of = resolve_as_of(request, now)
        faults = contradictions(request, as_of, view.release.business.currency, view.attributes, prefix)
        if faults:
            raise ProblemError("invalid_request", faults, locale=request.locale)
        ask = Ask(
            want=view.published if request.want is None else tuple(dict.fromkeys(request.want)),
            horizon_days=request.horizon_days,
            locale=request.locale or "en",
            explain=bool(request.explain),
        )
        request.as_of, request.want = as_of, cast("list[Block]", list(ask.want))
        request.locale, request.explain = ask.locale, ask.explain
        return _Item(request, as_of, ask)

    def _scored(self, items: Sequence[_Item], view: ReleaseView) -> list[Answer]:
        """Return the answers of requests that ask the same, with warnings about rows that did not count."""
        business = view.release.business
        history = build_history([to_rows(item.request) for item in items], business.timezone, view.attributes)
        as_of = np.array([to_microseconds(item.as_of) for item in items], dtype=np.int64)
        answers = self._scorer(view.release, history, as_of, items[0].ask)
        for i, code, table, count in uncounted_rows(history, as_of):
            answers[i]["warnings"] = [
                *answers[i]["warnings"],
                warning(code, table, count, items[i].ask.locale),
            ]
        return answers

    def _finished(self, item: _Item, answer: Answer, view: ReleaseView) -> bytes:
        """Return the JSON of an answer with its id, if every number in it is finite."""
        told = {
            "customer_id": answer.pop("customer_id"),
            "as_of": item.as_of.isoformat(),
            "release": answer.pop("release"),
            "score_id": self._score_id(item.request, view.release.name),
        }
        del answer["as_of"]
        # Three times as fast as the json module, but it writes NaN where that would raise: hence the look.
        content = _to_json({**told, **answer})
        if (b"NaN" in content or b"Infinity" in content) and not is_finite(answer):
            self._metrics.nonfinite.inc()
            raise ProblemError("not_finite", locale=item.ask.locale)
        self._metrics.count_blocks(answer)
        return content

    def _score_id(self, request: ScoreRequest, release: str) -> str:
        """Return the keyed hash of the resolved body and the release, 32 hex digits."""
        code = self._keyed.copy()
        code.update(release.encode() + b"\n" + canonical(request))
        return code.hexdigest()[:32]

    def _refused_item(self, error: Exception, locale: Locale) -> bytes:
        problem = counted(error, self._metrics, "score_failed")
        told = document(problem, problem.locale or locale)
        return _to_json({"status": problem.status, "problem": told})
