"""From the bytes of one request for the next best action to a question, and what speaks against it.

Rules: what is wrong with the request itself is refused at once; what only today's release or the clock speaks
against is kept beside the question, because the same question may have been answered before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from app.api.action_checks import release_faults, request_faults
from app.api.checks import contradictions, resolve_as_of
from app.api.faults import invalid_body
from app.api.problems import Fault, ProblemError
from app.api.releases import ReleaseView
from app.api.schemas.act import (
    NextBestActionRequest,
    ask_of_action,
    canonical_action,
    count_action_fields,
    read_action_request,
)
from app.api.schemas.request import OBJECTS_LIMIT, has_repeated_key, has_too_many_objects
from app.capabilities import NEXT_BEST_ACTION
from app.domain.errors import KithError, ModelUnavailableError
from app.serving.action_model import ActionModel
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys

CUSTOMER_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """One request, read and resolved; ``refusal`` is why it gets no answer unless one is on record."""

    request: NextBestActionRequest
    as_of: datetime
    ask: AskAction
    refusal: KithError | None = None

    @property
    def customer_id(self) -> str:
        """The caller's id of the customer."""
        return self.request.customer.customer_id


def read_question(body: bytes, view: ReleaseView | None, now: datetime, keys: Keys, prefix: str) -> Question:
    """Return one request, validated and resolved, or raise the problem that it has.

    Parameters
    ----------
    view : ReleaseView or None
        The active release; None where there is none.
    now : datetime
        Aware.
    prefix : str
        Pointer to the request within the body.
    """
    if len(body) > CUSTOMER_BYTES:
        raise ProblemError("too_large", [Fault(prefix, "too_large", {"limit": str(CUSTOMER_BYTES)})])
    if has_too_many_objects(body):
        raise ProblemError("too_large", [Fault(prefix, "too_many_objects", {"limit": f"{OBJECTS_LIMIT:,}"})])
    try:
        request = read_action_request(body)
    except ValidationError as error:
        attributes = () if view is None else view.attributes
        raise invalid_body(error, prefix, attributes, NextBestActionRequest) from None
    if has_repeated_key(body, count_action_fields(request)):
        raise ProblemError("invalid_request", [Fault(prefix, "repeated_key")], locale=request.locale)
    faults = list(request_faults(request, prefix))
    if faults:
        raise ProblemError("invalid_request", faults, locale=request.locale)
    as_of = resolve_as_of(request, now)
    refusal = _refusal(request, as_of, view, now, prefix)
    if refusal is not None and request.mode == "dry_run":
        raise refusal
    # The hash is of what was sent: a question about now can be asked again a moment later.
    ask = ask_of_action(request, keys.body(b"decision\n" + canonical_action(request)))
    return Question(request, as_of, ask, refusal)


def model_of(view: ReleaseView | None) -> ActionModel | None:
    """Return what the active release decides by; None where it holds no playbook."""
    artifact = None if view is None else view.release.artifacts.get(NEXT_BEST_ACTION)
    return None if artifact is None else artifact.action_model


def _refusal(
    request: NextBestActionRequest, as_of: datetime, view: ReleaseView | None, now: datetime, prefix: str
) -> KithError | None:
    if view is None:
        return ModelUnavailableError("no release is active")
    business = view.release.business
    faults = contradictions(request, as_of, business.currency, view.attributes, prefix)
    faults += release_faults(request, now, model_of(view), prefix, may_look_back=business.simulated)
    return ProblemError("invalid_request", faults, locale=request.locale) if faults else None
