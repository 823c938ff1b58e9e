"""``POST /v1/recommendations`` and ``…/similar-items``: read, ask the release, answer.

Rules: the release is read once per request; ``as_of`` is resolved first and told; the answer and its
``recommendation_id`` depend on the resolved body and the release alone; a number that is not finite never
leaves; a short question to a catalogue of common size is answered where it arrives, all else leaves the event
loop; rows that do not count are told, but of who denies profiling or personalisation only consents are read.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.checks import contradictions, resolve_as_of, uncounted_rows, warning
from app.api.faults import invalid_body
from app.api.finite import is_finite
from app.api.item_checks import filter_faults, recommendation_faults
from app.api.problem_texts import Locale
from app.api.problems import Fault, ProblemError
from app.api.refusals import refused
from app.api.releases import Releases, ReleaseView
from app.api.schemas.recommend import (
    RecommendationRequest,
    SimilarItemsRequest,
    ask_of,
    ask_of_similar,
    canonical_recommendation,
    canonical_similar,
    count_recommendation_fields,
    count_similar_fields,
    read_recommendation,
    read_similar,
)
from app.api.schemas.request import OBJECTS_LIMIT, has_repeated_key, has_too_many_objects, to_rows
from app.api.telemetry import Metrics
from app.capabilities.recommend import RECOMMENDATIONS
from app.domain.clock import to_microseconds
from app.domain.errors import KithError
from app.domain.rows import Row, build_history
from app.serving.recommend import recommend, similar_items
from app.serving.release import LoadedRelease

BODY_BYTES: Final = 4 << 20
"""Room for a customer of 1 MiB and 100,000 ids in stock of up to 28 characters each."""
INLINE_BYTES: Final = 16 * 1024
INLINE_PRODUCTS: Final = 20_000
"""A larger body, a larger catalogue, or a varied list takes milliseconds and is answered in a thread."""
CONCURRENT: Final = 64
"""Requests in progress at once, at most: those that wait hold their bodies."""

Answer = dict[str, Any]
Answerer = Callable[[bytes, ReleaseView], bytes]
Recommender = Callable[..., Answer]

_ANSWER: Final = TypeAdapter(dict[str, Any], config=ConfigDict(ser_json_inf_nan="constants"))
_to_json: Final[Callable[[Answer], bytes]] = _ANSWER.serializer.to_json
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Recommendations:
    """The handlers of both addresses, with all that they need passed in."""

    def __init__(
        self,
        releases: Releases,
        clock: Callable[[], datetime],
        id_key: bytes,
        metrics: Metrics,
        recommender: Recommender = recommend,
    ) -> None:
        """Keep the collaborators; ``clock`` gives aware times, ``id_key`` keys the ids of lists."""
        self._releases = releases
        self._clock = clock
        self._keyed = hmac.new(id_key, digestmod="sha256")
        self._metrics = metrics
        self._recommender = recommender

    async def personal(self, request: Request) -> Response:
        """Answer ``POST /v1/recommendations``."""
        return await self._respond(request, self._personal)

    async def similar(self, request: Request) -> Response:
        """Answer ``POST /v1/recommendations/similar-items``."""
        return await self._respond(request, self._similar)

    async def _respond(self, request: Request, answerer: Answerer) -> Response:
        body = await request.body()
        try:
            if has_too_many_objects(body):
                fault = Fault("", "too_many_objects", {"limit": f"{OBJECTS_LIMIT:,}"})
                raise ProblemError("too_large", [fault])
            view = self._releases.active()
            if is_quick(body, view.release):
                content = answerer(body, view)
            else:
                content = await asyncio.to_thread(answerer, body, view)
        except KithError as error:
            return refused(error, request, self._metrics, "recommendation_failed")
        return Response(content, media_type="application/json", headers=_NO_STORE)

    def _personal(self, body: bytes, view: ReleaseView) -> bytes:
        """Return the JSON of a person's list; raises a KithError for a request that cannot be answered."""
        try:
            request = read_recommendation(body)
        except ValidationError as error:
            raise invalid_body(error, "", view.attributes, RecommendationRequest) from None
        _refuse_repeats(body, count_recommendation_fields(request), request.locale)
        as_of = resolve_as_of(request, self._clock().astimezone(view.zone))
        faults = contradictions(request, as_of, view.release.business.currency, view.attributes, "")
        faults += recommendation_faults(request)
        if faults:
            raise ProblemError("invalid_request", faults, locale=request.locale)
        request.as_of, ask = as_of, ask_of(request)
        person, at = to_rows(request), to_microseconds(as_of)
        answer = self._recommender(view.release, person, request.cart or (), at, ask)
        read = person if answer["personalised"] else {"consents": person.get("consents")}
        answer["as_of"] = as_of.isoformat()
        answer["warnings"] += _uncounted(read, at, view, ask.locale)
        question = b"recommendations\n" + canonical_recommendation(request)
        return self._finished(answer, question, view.release.name, ask.locale)

    def _similar(self, body: bytes, view: ReleaseView) -> bytes:
        """Return the JSON of a list beside products; raises a KithError as well."""
        try:
            request = read_similar(body)
        except ValidationError as error:
            raise invalid_body(error, model=SimilarItemsRequest) from None
        _refuse_repeats(body, count_similar_fields(request), request.locale)
        faults = list(filter_faults(request.filters))
        if faults:
            raise ProblemError("invalid_request", faults, locale=request.locale)
        ask = ask_of_similar(request)
        answer = similar_items(view.release, request.products, ask)
        question = b"similar-items\n" + canonical_similar(request)
        return self._finished(answer, question, view.release.name, ask.locale)

    def _finished(self, answer: Answer, question: bytes, release: str, locale: Locale) -> bytes:
        """Return the JSON of an answer with its id, if every number in it is finite."""
        code = self._keyed.copy()
        code.update(release.encode() + b"\n" + question)
        content = _to_json({"recommendation_id": code.hexdigest()[:32], **answer})
        if (b"NaN" in content or b"Infinity" in content) and not is_finite(answer):
            self._metrics.nonfinite.inc()
            raise ProblemError("not_finite", locale=locale)
        self._metrics.count_answer(RECOMMENDATIONS.name, answer)
        return content


def is_quick(body: bytes, release: LoadedRelease) -> bool:
    """Return whether a request takes about a millisecond: short, over few products, not to be varied."""
    artifact = release.artifacts.get(RECOMMENDATIONS.name)
    model = None if artifact is None else artifact.item_model
    products = 0 if model is None else model.items.size
    return len(body) <= INLINE_BYTES and products <= INLINE_PRODUCTS and b'"diversity"' not in body


def _refuse_repeats(body: bytes, keys: int, locale: Locale | None) -> None:
    if has_repeated_key(body, keys):
        raise ProblemError("invalid_request", [Fault("", "repeated_key")], locale=locale)


def _uncounted(person: Row, as_of: int, view: ReleaseView, locale: Locale) -> list[dict[str, str]]:
    """Return warnings about rows that did not count."""
    history = build_history([{"customer_id": "", **person}], view.release.business.timezone)
    at = np.array([as_of], dtype=np.int64)
    return [warning(code, table, count, locale) for _, code, table, count in uncounted_rows(history, at)]
