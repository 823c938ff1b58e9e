"""The body of a score request, what it leads to when read, and its form for the columns.

Rules: the bytes are validated as they came; a key that stands twice in one object is refused, because readers
differ on which of the two counts; nothing here knows a release.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import Field, TypeAdapter

from app.api.schemas.customer import (
    Consent,
    Contact,
    Customer,
    Event,
    Feedback,
    Order,
    Subscription,
    Summary,
    SupportCase,
)
from app.api.schemas.fields import Timestamp, Wire

Block = Literal["churn", "clv", "purchase", "satisfaction", "segment", "triggers", "brief"]
Locale = Literal["en", "zh-CN"]

ROW_TABLES: Final = (
    "orders",
    "events",
    "support_cases",
    "feedback",
    "subscriptions",
    "contacts",
    "consents",
)
BATCH_LIMIT: Final = 1_000
OBJECTS_LIMIT: Final = 50_000
"""Objects of one customer: a row of the contract takes more than 20 bytes, and a customer 1 MiB."""


class CustomerRequest(Wire):
    """One customer as known now: what every question about a customer may carry."""

    as_of: Timestamp | None = Field(
        None, description="The moment the answer is for; later rows do not count. Now, where left out."
    )
    locale: Locale | None = Field(None, description="Language of the sentences; `en` where left out.")
    explain: bool | None = Field(None, description="Whether to say what moved each score.")
    customer: Customer | None = Field(None, description="Who it is.")
    orders: list[Order] | None = Field(
        None,
        description="The orders; beyond the latest 2,000 they do not count. Not together with `summary`.",
    )
    summary: Summary | None = Field(None, description="What the CRM has on record instead of `orders`.")
    events: list[Event] | None = Field(
        None, description="What was done on web and app; beyond the latest 5,000 they do not count."
    )
    support_cases: list[SupportCase] | None = Field(None, description="Cases with customer service.")
    feedback: list[Feedback] | None = Field(None, description="Answers to surveys, and reviews.")
    subscriptions: list[Subscription] | None = Field(None, description="Contracts that run over time.")
    contacts: list[Contact] | None = Field(None, description="Messages and calls to the customer.")
    consents: list[Consent] | None = Field(None, description="Statements of consent.")


class ScoreRequest(CustomerRequest):
    """One customer as known now, and what is asked about that customer."""

    customer: Customer = Field(description="Who it is.")
    want: list[Block] | None = Field(
        None, min_length=1, max_length=20, description="Blocks to answer; all published scores if left out."
    )
    horizon_days: int | None = Field(
        None, ge=1, le=3650, description="Days ahead; the trained horizon where left out."
    )


class BatchRequest(Wire):
    """Up to 1,000 score requests. Only documents the body: it is read item by item."""

    requests: list[ScoreRequest] = Field(
        min_length=1, max_length=BATCH_LIMIT, description="The requests; answers keep their order."
    )


_REQUEST: Final = TypeAdapter(ScoreRequest)
read_request: Final[Callable[[bytes | str], ScoreRequest]] = _REQUEST.validator.validate_json
"""Validate the bytes of one request; raises ``pydantic.ValidationError``."""


def canonical(request: ScoreRequest) -> bytes:
    """Return the one form of all bodies that say the same: the fields that are set, in declared order."""
    sort_attributes(request)
    content: bytes = _REQUEST.serializer.to_json(request, exclude_none=True)
    return content


def sort_attributes(request: CustomerRequest) -> None:
    """Put the declared attributes of a request in the order of their names."""
    customer = request.customer
    if customer is not None and customer.attributes:
        customer.attributes = dict(sorted(customer.attributes.items()))


def to_rows(request: CustomerRequest) -> dict[str, Any]:
    """Return one customer as nested mappings, the form that :func:`app.domain.rows.build_history` reads.

    Without a customer there is no ``customer_id``.
    """
    rows: dict[str, Any] = {}
    if request.customer is not None:
        customer = request.customer.__dict__
        rows = {
            "customer_id": customer["customer_id"],
            "customer": customer,
            "attributes": customer["attributes"],
        }
    given = request.__dict__
    for name in ROW_TABLES:
        table = given[name]
        if table is not None:
            rows[name] = [row.__dict__ for row in table]
    summary = request.summary
    if summary is not None:
        rows["summary"] = summary.__dict__
    return rows


def repeats_a_key(body: bytes, request: ScoreRequest) -> bool:
    """Say whether an object of the body has the same key twice.

    The body must be the one that the request was read from.
    """
    return has_repeated_key(body, count_fields(request))


def has_repeated_key(body: bytes, keys: int) -> bool:
    """Say whether an object of a body has the same key twice; ``keys`` fields were set by reading it.

    As a rule a count decides: without space before a colon, every key is followed by ``":`` in the bytes, so
    if there are no more of these than fields that were set, no key stands twice. Only where texts contain
    ``":`` or keys are followed by space is the body parsed a second time.
    """
    spaced = b" :" in body or b"\n:" in body or b"\t:" in body or b"\r:" in body
    if not spaced and body.count(b'":') == keys:
        return False
    try:
        json.loads(body, object_pairs_hook=_unique)
    except _RepeatedKeyError:
        return True
    return False


def has_too_many_objects(body: bytes) -> bool:
    """Say whether a body holds more objects than rows of a customer can be.

    Asked before it is read: every faulty object would become several errors in memory, so that a few
    megabytes of them would take gigabytes.
    """
    return body.count(b"{") > OBJECTS_LIMIT


class _RepeatedKeyError(Exception):
    """An object has the same key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _RepeatedKeyError


def count_fields(request: CustomerRequest) -> int:
    """Return how many fields of the request and of all that it says of the customer were set."""
    count = len(request.__pydantic_fields_set__)
    if request.customer is not None:
        count += len(request.customer.__pydantic_fields_set__) + len(request.customer.attributes or ())
    if request.summary is not None:
        count += len(request.summary.__pydantic_fields_set__)
    given = request.__dict__
    for name in ROW_TABLES:
        for row in given[name] or ():
            count += len(row.__pydantic_fields_set__)
    for order in request.orders or ():
        for line in order.products or ():
            count += len(line.__pydantic_fields_set__)
    return count
