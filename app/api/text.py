"""``POST /v1/text/sentiment``: read up to 100 texts, answer how each sounds and what it speaks of.

Rules: the release is read once per request; a text that cannot be judged is an answer with a reason; of a
request that is refused only pointers and counts are told, never a word of a text; nothing of a text is
logged; whatever takes more than a millisecond leaves the event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.faults import invalid_body
from app.api.finite import is_finite
from app.api.problems import Fault, ProblemError
from app.api.refusals import refused
from app.api.releases import Releases
from app.api.schemas.request import has_repeated_key
from app.api.schemas.text import TextItem, TextRequest, count_fields, read_text_request
from app.api.telemetry import Metrics
from app.domain.errors import KithError
from app.serving.release import LoadedRelease
from app.serving.texts import AskTexts, Text, read_texts

BODY_BYTES: Final = 3 << 20
"""Room for 100 texts of 4,000 characters, each of them escaped as six bytes."""
INLINE_BYTES: Final = 1024
"""A larger body takes milliseconds and is answered in a thread."""
CONCURRENT: Final = 64
"""Requests in progress at once, at most: those that wait hold their bodies, a few at a time are read."""

Reader = Callable[[LoadedRelease, Sequence[Text], AskTexts], dict[str, Any]]

_ANSWER: Final = TypeAdapter(dict[str, Any], config=ConfigDict(ser_json_inf_nan="constants"))
_to_json: Final[Callable[[dict[str, Any]], bytes]] = _ANSWER.serializer.to_json
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Texts:
    """The handler, with all that it needs passed in."""

    def __init__(self, releases: Releases, metrics: Metrics, reader: Reader = read_texts) -> None:
        """Keep the collaborators."""
        self._releases = releases
        self._metrics = metrics
        self._reader = reader

    async def sentiment(self, request: Request) -> Response:
        """Answer ``POST /v1/text/sentiment``."""
        body = await request.body()
        try:
            release = self._releases.active().release
            if len(body) <= INLINE_BYTES:
                content = self._answer(body, release)
            else:
                content = await asyncio.to_thread(self._answer, body, release)
        except KithError as error:
            return refused(error, request, self._metrics, "texts_failed")
        return Response(content, media_type="application/json", headers=_NO_STORE)

    def _answer(self, body: bytes, release: LoadedRelease) -> bytes:
        """Return the JSON of an answer; raises a KithError for a request that cannot be answered."""
        asked = _request_of(body)
        texts = [Text(item.text, item.id, item.language) for item in asked.texts]
        ask = AskTexts(
            locale=asked.locale or "en",
            offsets=asked.offsets or "codepoint",
            aspects=asked.aspects is not False,
        )
        answer = self._reader(release, texts, ask)
        if not all(is_finite(result) for result in answer["results"]):
            self._metrics.nonfinite.inc()
            raise ProblemError("not_finite", locale=ask.locale)
        self._metrics.count_texts(answer)
        return _to_json(answer)


def _request_of(body: bytes) -> TextRequest:
    """Return a request, validated, or raise the problem that it has."""
    try:
        asked = read_text_request(body)
    except ValidationError as error:
        raise _invalid(body, error) from None
    if has_repeated_key(body, count_fields(asked)):
        raise ProblemError("invalid_request", [Fault("", "repeated_key")], locale=asked.locale)
    return asked


def _invalid(body: bytes, error: ValidationError) -> ProblemError:
    """Return the problem of a body that failed validation; half a character is told by its place."""
    problem = invalid_body(error, model=TextRequest)
    if problem.kind != "invalid_json":
        return problem
    try:
        pointers = [*dict.fromkeys(_halves(json.loads(body)))]
    except (ValueError, RecursionError):
        return problem
    faults = [Fault(pointer, "lone_surrogate") for pointer in pointers]
    return ProblemError("invalid_request", faults) if faults else problem


def _halves(content: object) -> Iterator[str]:
    """Yield pointers to the strings of a body that hold half a character, as far as their names are known."""
    items = content.get("texts") if isinstance(content, dict) else None
    known = 0
    for k, item in enumerate(items if isinstance(items, list) else ()):
        for name, value in item.items() if isinstance(item, dict) else ():
            if name in TextItem.model_fields and isinstance(value, str) and _is_half(value):
                known += 1
                yield f"/texts/{k}/{name}"
    if not known and _is_half(json.dumps(content, ensure_ascii=False)):
        yield ""


def _is_half(text: str) -> bool:
    """Return whether a text holds a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
