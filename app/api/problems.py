"""The one table from errors to statuses, and the RFC 9457 documents that tell the caller.

Rule: nothing that a client sent is ever repeated, neither values nor the names of unknown fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from app.api.fault_texts import FAULTS
from app.api.problem_texts import KINDS, Locale, Words, choose
from app.domain.errors import (
    ArtifactError,
    ConflictError,
    ErasedError,
    FieldFault,
    InputError,
    KithError,
    ModelUnavailableError,
    PayloadError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    UnknownDecisionError,
)

MEDIA_TYPE: Final = "application/problem+json"
MOST_FAULTS: Final = 50
"""Further faults are left out of the answer."""

ERRORS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (PayloadError, "invalid_request"),
    (ConflictError, "conflict"),
    (UnknownDecisionError, "unknown_decision"),
    (ErasedError, "erased"),
    (InputError, "invalid_request"),
    (ModelUnavailableError, "no_release"),
    (StoreFullError, "store_full"),
    (StoreBusyError, "store_busy"),
    (StoreUnavailableError, "store_unavailable"),
    (StoreError, "internal_error"),
    (ArtifactError, "model_failed"),
    (KithError, "model_failed"),
    (Exception, "internal_error"),
)
"""Which problem an error is; the first line that fits counts. Statuses stand in ``problem_texts.KINDS``."""

RETRY_SECONDS: Final = {"no_release": "5", "store_full": "60", "store_busy": "1", "store_unavailable": "5"}
"""When it is worth asking again after a problem that passes."""
TOLD_ALONE: Final = frozenset({"no_release", "store_full"})
"""Problems of the service that have a fault text with a remedy for ops."""

HTTP_STATUSES: Final[dict[int, str]] = {
    400: "invalid_http",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
}
"""Which problem a refusal by the router is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: a JSON pointer, which fault, and values for its sentence, none of them the client's."""

    pointer: str
    code: str
    values: Mapping[str, str | Words] = field(default_factory=dict)


class ProblemError(KithError):
    """A request that ends in a problem; its kind is a key of ``KINDS``."""

    def __init__(
        self,
        kind: str,
        faults: Iterable[Fault | FieldFault] = (),
        *,
        headers: Mapping[str, str] | None = None,
        locale: Locale | None = None,
    ) -> None:
        """Keep the faults; the message holds the kind alone."""
        super().__init__(kind)
        self.kind = kind
        self.faults = tuple(faults)
        self.headers = headers or {}
        self.locale = locale

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status


def as_problem(error: Exception) -> ProblemError:
    """Return the problem that an error is, by the table."""
    if isinstance(error, ProblemError):
        return error
    kind = next(kind for known, kind in ERRORS if isinstance(error, known))
    if isinstance(error, PayloadError):
        return ProblemError(kind, error.faults)
    faults = [Fault("", kind)] if kind in TOLD_ALONE else []
    headers = {"Retry-After": RETRY_SECONDS[kind]} if kind in RETRY_SECONDS else {}
    return ProblemError(kind, faults, headers=headers)


def document(problem: ProblemError, locale: Locale) -> dict[str, Any]:
    """Return the members of a problem in one language."""
    kind = KINDS[problem.kind]
    return {
        "type": f"urn:kith:problem:{problem.kind}",
        "title": choose(kind.title, locale),
        "status": kind.status,
        "detail": choose(kind.detail, locale),
        "errors": [_described(fault, locale) for fault in problem.faults[:MOST_FAULTS]],
    }


def problem_response(
    problem: ProblemError, locale: Locale, extra: Mapping[str, Any] | None = None
) -> Response:
    """Return the answer that tells a problem, in its own language if it has one."""
    spoken = problem.locale or locale
    content = {**document(problem, spoken), **(extra or {})}
    return Response(
        json.dumps(content, ensure_ascii=False, allow_nan=False),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": spoken, "Cache-Control": "no-store", **problem.headers},
    )


def preferred_locale(headers: Iterable[tuple[bytes, bytes]]) -> Locale:
    """Return the language that a caller prefers by Accept-Language; English where nothing fits."""
    accepted = next((value for name, value in headers if name == b"accept-language"), b"")
    best: tuple[float, Locale] = (0.0, "en")
    for part in accepted[:200].decode("latin-1").lower().split(","):
        tag, _, weight = part.strip().partition(";")
        language = tag.strip().partition("-")[0]
        if language in {"en", "zh"}:
            quality = _quality(weight)
            if quality > best[0]:
                best = (quality, "zh-CN" if language == "zh" else "en")
    return best[1]


def _quality(weight: str) -> float:
    """Return the q of one preference: 1 where none is given, 0 where it cannot be read."""
    name, _, number = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(number) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0


def _described(fault: Fault | FieldFault, locale: Locale) -> dict[str, str]:
    if isinstance(fault, FieldFault):
        return {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail, "hint": fault.hint}
    text = FAULTS[fault.code]
    values = {
        name: value if isinstance(value, str) else choose(value, locale)
        for name, value in fault.values.items()
    }
    return {
        "pointer": fault.pointer,
        "code": fault.code,
        "detail": choose(text.detail, locale).format(**values),
        "hint": choose(text.hint, locale).format(**values),
    }
