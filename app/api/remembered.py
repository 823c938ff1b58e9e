"""``GET /v1/decisions/{decision_id}``, ``DELETE /v1/customers/{customer_id}``: what is on record, its end.

Rules: the id of a customer in an address is decoded once and never logged; erasing can be repeated; a
decision is told without its customer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from app.api.memory import Memory, kept
from app.api.problems import Fault, ProblemError
from app.api.refusals import refused
from app.api.telemetry import Metrics
from app.domain.clock import from_microseconds, to_microseconds
from app.domain.errors import KithError
from app.serving.pseudonyms import Keys

LONGEST_ID: Final = 128
CONCURRENT_ERASURES: Final = 16
MOMENTS: Final = ("decided_at", "expires_at", "window_ends_at")

Document = dict[str, Any]

_DECISION_ID: Final = re.compile(r"[0-9a-f]{32}")
_NO_STORE: Final = {"Cache-Control": "no-store"}


class _Id(Convertor[str]):
    """The rest of an address as one id, slashes and line breaks included."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", _Id())


class Remembered:
    """The handlers of both addresses, with all that they need passed in."""

    def __init__(self, clock: Callable[[], datetime], keys: Keys, metrics: Metrics, memory: Memory) -> None:
        """Keep the collaborators; ``clock`` gives aware times."""
        self._clock = clock
        self._keys = keys
        self._metrics = metrics
        self._memory = memory
        self._erasing = 0

    async def decision(self, request: Request) -> Response:
        """Answer ``GET /v1/decisions/{decision_id}``."""
        decision_id = request.path_params["decision_id"]
        found: Document | None = None
        try:
            if _DECISION_ID.fullmatch(decision_id):
                found = await kept(self._memory.view(decision_id, to_microseconds(self._clock())))
            if found is None:
                raise ProblemError("unknown_decision")
        except KithError as error:
            return refused(error, request, self._metrics, "view_failed")
        return _answer(_told(found))

    async def erase(self, request: Request) -> Response:
        """Answer ``DELETE /v1/customers/{customer_id}``."""
        customer_id = request.path_params["customer_id"]
        try:
            if not (1 <= len(customer_id) <= LONGEST_ID and "\x00" not in customer_id and _is_utf8(request)):
                raise ProblemError("invalid_request", [Fault("", "no_customer_id")])
            erased = await self._erased(customer_id)
        except KithError as error:
            return refused(error, request, self._metrics, "erasure_failed")
        self._metrics.memory.erasures.inc()
        return _answer({"erased": dict(erased)})

    async def _erased(self, customer_id: str) -> Mapping[str, int]:
        """Return what was erased; each one holds up all other writing, so that only some may wait."""
        if self._erasing >= CONCURRENT_ERASURES:
            raise ProblemError("overloaded", headers={"Retry-After": "1"})
        self._erasing += 1
        try:
            person = self._keys.person(customer_id)
            return await kept(self._memory.erase(person, to_microseconds(self._clock())))
        finally:
            self._erasing -= 1


def _is_utf8(request: Request) -> bool:
    """Say whether an address is UTF-8: the server puts a replacement character for whatever is not."""
    try:
        unquote_to_bytes(request.scope.get("raw_path") or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _told(found: Document) -> Document:
    """Return a decision with its times as a caller reads them."""
    told = {**found, **{name: _moment(found[name]) for name in MOMENTS}}
    told["outcomes"] = [{**one, "at": _moment(one["at"])} for one in found["outcomes"]]
    return told


def _moment(at: int) -> str:
    return from_microseconds(at, "UTC").isoformat()


def _answer(told: Document) -> Response:
    return Response(json.dumps(told), media_type="application/json", headers=_NO_STORE)
