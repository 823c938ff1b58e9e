"""The body of ``POST /v1/next-best-actions``, what it leads to when read, and the form that is remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from app.api.schemas.customer import Customer
from app.api.schemas.fields import Id, Wire, put_in_utc
from app.api.schemas.request import BATCH_LIMIT, CustomerRequest, count_fields, sort_attributes
from app.serving.decision import AskAction

CANDIDATES_LIMIT: Final = 200
CHANNELS_LIMIT: Final = 8
LIST_LIMIT: Final = 20
DEFAULT_LIMIT: Final = 1
LIVE: Final = "live"

Channel = Literal["email", "sms", "push", "phone", "wechat", "in_app", "mail", "other"]
Mode = Literal["live", "dry_run", "shadow", "apprentice"]


class CallerChoice(Wire):
    """What the caller does, or would do."""

    action_id: Id = Field(description="Id of an action of the playbook, or `none`.")
    channel: Channel | None = Field(None, description="The action's first channel where left out.")


class NextBestActionRequest(CustomerRequest):
    """One customer as known now, and what may be done."""

    customer: Customer = Field(description="Who it is.")
    request_id: Id = Field(
        description="Your own id of this question: the same id with the same body gets the same answer, with "
        "another body a conflict."
    )
    mode: Mode | None = Field(
        None,
        description="`live`, where left out, decides and writes it down; `dry_run` writes nothing; `shadow` "
        "writes down what would be done, and promises no contact; `apprentice` writes "
        "down the caller's own choice as what was done.",
    )
    candidates: Annotated[list[Id], Field(max_length=CANDIDATES_LIMIT)] | None = Field(
        None, description="Ids of the actions to choose from; the whole playbook where left out."
    )
    channels: Annotated[list[Channel], Field(min_length=1, max_length=CHANNELS_LIMIT)] | None = Field(
        None, description="Channels that can be used; all where left out."
    )
    limit: Annotated[int, Field(ge=1, le=LIST_LIMIT)] | None = Field(
        None,
        description="Actions to tell, the chosen one first; 1 where left out. Only that one is promised.",
    )
    timezone: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None,
        description="IANA name of the customer's time zone, e.g. `Asia/Shanghai`; the business's own "
        "where left out. Quiet hours are in it.",
    )
    caller_choice: CallerChoice | None = Field(
        None, description="The caller's own choice: required in `apprentice`, possible in `shadow`."
    )


class NextBestActionBatchRequest(Wire):
    """Up to 1,000 questions. Only documents the body: it is read item by item."""

    requests: list[NextBestActionRequest] = Field(
        min_length=1,
        max_length=BATCH_LIMIT,
        description="The questions, all in one mode; they share the budgets, and answers keep their order.",
    )


_REQUEST: Final = TypeAdapter(NextBestActionRequest)
read_action_request: Final[Callable[[bytes | str], NextBestActionRequest]] = _REQUEST.validator.validate_json
"""Validate the bytes of one request; raises ``pydantic.ValidationError``."""


def canonical_action(request: NextBestActionRequest) -> bytes:
    """Return the one form of all bodies that say the same, with what was left out filled in.

    ``as_of`` is told only where the caller did, so that a question about now can be asked again. Times are in
    UTC: the same moment by another clock is the same moment.
    """
    sort_attributes(request)
    put_in_utc(request)
    request.mode, request.limit = request.mode or LIVE, request.limit or DEFAULT_LIMIT
    request.locale, request.explain = request.locale or "en", bool(request.explain)
    if request.candidates is not None:
        request.candidates = sorted(set(request.candidates))
    if request.channels is not None:
        request.channels = sorted(set(request.channels))
    content: bytes = _REQUEST.serializer.to_json(request, exclude_none=True)
    return content


def ask_of_action(request: NextBestActionRequest, body_hash: str) -> AskAction:
    """Return what is asked, with what was left out filled in."""
    choice = request.caller_choice
    return AskAction(
        request_id=request.request_id,
        body_hash=body_hash,
        mode=request.mode or LIVE,
        candidates=None if request.candidates is None else tuple(request.candidates),
        channels=None if request.channels is None else tuple(request.channels),
        limit=request.limit or DEFAULT_LIMIT,
        locale=request.locale or "en",
        explain=bool(request.explain),
        timezone=request.timezone,
        caller_choice=None if choice is None else (choice.action_id, choice.channel),
    )


def count_action_fields(request: NextBestActionRequest) -> int:
    """Return how many fields of a request and of all its parts were set."""
    choice = request.caller_choice
    return count_fields(request) + (0 if choice is None else len(choice.model_fields_set))
