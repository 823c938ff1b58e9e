"""Columns of N customers: everything that is known about them, in one shape.

One customer and a million have the same form: a :class:`Table` holds the rows of all customers one after
the other, and ``offsets`` says where each customer begins. Within a customer, rows are sorted by time, then
by id, so that every sum runs in the same order online and offline.

Times are int64 microseconds since 1970 in UTC, ``NAT`` where missing. Numbers are float64, NaN where
missing. Enumerations are int16 indexes into the vocabularies below, -1 where missing. Texts are objects, str
or None. Ids other than the customer's are int64 codes that only mean "same" or "different" within one
customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

NAT: Final = int(np.iinfo(np.int64).min)
MICROSECONDS_PER_DAY: Final = 86_400_000_000

ORDER_LIMIT: Final = 2_000
EVENT_LIMIT: Final = 5_000

ORDER_STATUSES: Final = ("completed", "refunded", "partially_refunded", "cancelled", "pending")
EVENTS: Final = (
    "product_viewed",
    "product_added",
    "product_removed",
    "cart_viewed",
    "checkout_started",
    "products_searched",
    "coupon_applied",
    "email_opened",
    "email_link_clicked",
    "unsubscribed",
    "signed_in",
    "feature_used",
)
"""The event names that features tell apart. The list is open: any other name is ``OTHER_EVENT``."""
OTHER_EVENT: Final = len(EVENTS)
CASE_TYPES: Final = ("complaint", "question", "return", "technical", "other")
PRIORITIES: Final = ("low", "normal", "high", "urgent")
FEEDBACK_KINDS: Final = ("csat", "nps", "ces", "review")
CONTACT_CHANNELS: Final = ("email", "sms", "push", "phone", "wechat", "in_app", "mail", "other")
ARMS: Final = ("treatment", "control")
PURPOSES: Final = ("profiling", "personalisation", "marketing", "behavioural_tracking")
CONSENT_STATUSES: Final = ("granted", "denied", "revoked")

PROFILE_TEXTS: Final = (
    "acquisition_channel",
    "loyalty_tier",
    "gender",
    "country",
    "state",
    "city",
    "company_industry",
    "company_size",
)

TIME, NUMBER, FLAG, CODE, TEXT = "time", "number", "flag", "code", "text"
"""Kinds of a column. An enumeration's kind is its tuple of words. A flag is a number that is 0 or 1."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Which columns a table has: the time that a row counts from, and the kind of every column."""

    time: str
    columns: Mapping[str, str | tuple[str, ...]]


TABLES: Final[Mapping[str, TableSpec]] = MappingProxyType(
    {
        "orders": TableSpec(
            "ordered_at",
            {
                "ordered_at": TIME,
                "revenue": NUMBER,
                "status": ORDER_STATUSES,
                "refund": NUMBER,
                "refunded_at": TIME,
                "cancelled_at": TIME,
                "discount": NUMBER,
                "has_coupon": FLAG,
                "promised_at": TIME,
                "shipped_at": TIME,
                "delivered_at": TIME,
            },
        ),
        "order_lines": TableSpec(
            "ordered_at",
            {
                "ordered_at": TIME,
                "order": CODE,
                "product": CODE,
                "quantity": NUMBER,
                "price": NUMBER,
                "discount": NUMBER,
            },
        ),
        "events": TableSpec(
            "timestamp",
            {
                "timestamp": TIME,
                "event": (*EVENTS, "other"),
                "product": CODE,
                "category": CODE,
                "value": NUMBER,
                "duration_seconds": NUMBER,
            },
        ),
        "support_cases": TableSpec(
            "opened_at",
            {
                "opened_at": TIME,
                "closed_at": TIME,
                "reopened_at": TIME,
                "type": CASE_TYPES,
                "priority": PRIORITIES,
            },
        ),
        "feedback": TableSpec(
            "submitted_at",
            {
                "submitted_at": TIME,
                "kind": FEEDBACK_KINDS,
                "score": NUMBER,
                "scale_max": NUMBER,
                "text": TEXT,
            },
        ),
        "subscriptions": TableSpec(
            "started_at",
            {
                "started_at": TIME,
                "ends_at": TIME,
                "cancelled_at": TIME,
                "is_recurring": FLAG,
                "recurrence_months": NUMBER,
                "amount": NUMBER,
            },
        ),
        "contacts": TableSpec(
            "contacted_at",
            {
                "contacted_at": TIME,
                "channel": CONTACT_CHANNELS,
                "arm": ARMS,
                "propensity": NUMBER,
                "outcome": NUMBER,
                "outcome_at": TIME,
                "cost": NUMBER,
            },
        ),
        "consents": TableSpec(
            "status_at",
            {"status_at": TIME, "purpose": PURPOSES, "status": CONSENT_STATUSES},
        ),
    }
)
"""The canonical tables with a time, as features see them. Ids decide the order of rows, then are dropped."""

SUMMARY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first_order_at": TIME,
        "last_order_at": TIME,
        "order_count": NUMBER,
        "revenue": NUMBER,
        "refund": NUMBER,
        "refund_count": NUMBER,
        "orders_90d": NUMBER,
        "revenue_90d": NUMBER,
        "orders_365d": NUMBER,
        "revenue_365d": NUMBER,
    }
)
"""What a payload may carry instead of orders. The last six may be missing."""


class LazyColumns(Mapping[str, Array]):
    """Named columns, each made when it is first asked for: a model pays only for what it reads."""

    __slots__ = ("_made", "_make", "_names")

    def __init__(self, names: Mapping[str, object], make: Callable[[str], Array]) -> None:
        """Keep the names and the function that makes a column; it must be pure."""
        self._names = names
        self._make = make
        self._made: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        """Return one column."""
        column = self._made.get(name)
        if column is None:
            if name not in self._names:
                raise KeyError(name)
            column = self._made[name] = self._make(name)
        return column

    def __iter__(self) -> Iterator[str]:
        """Return the names, in order."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many columns there are."""
        return len(self._names)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of N customers, grouped by customer, within one by time and id.

    ``offsets`` is int64 of shape (N + 1,); customer ``i`` owns rows ``offsets[i]:offsets[i + 1]``. Every
    column has shape (offsets[-1],). ``given`` is bool of shape (N,): False where nothing was said about
    this table for this customer, which is not the same as an empty list.
    """

    offsets: Array
    columns: Mapping[str, Array]
    given: Array

    def __getitem__(self, column: str) -> Array:
        """Return one column, shape (R,)."""
        return self.columns[column]


@dataclass(frozen=True, slots=True)
class History:
    """All that is known about N customers.

    A table that is absent from ``tables`` was given for nobody. ``profile`` holds ``created_at`` (int64),
    ``birth_year`` (float64) and the texts of ``PROFILE_TEXTS`` (object: str or None), each of shape (N,).
    ``attributes`` holds declared attributes: float64 for numeric and boolean ones, object for categorical
    ones. ``summary`` holds the columns of ``SUMMARY`` instead of orders, or is None.
    """

    customer_ids: tuple[str, ...]
    timezone: str
    tables: Mapping[str, Table]
    profile: Mapping[str, Array]
    attributes: Mapping[str, Array]
    summary: Mapping[str, Array] | None = None

    @property
    def size(self) -> int:
        """N, the number of customers."""
        return len(self.customer_ids)


def empty_column(kind: str | tuple[str, ...], rows: int) -> Array:
    """Return a column of ``rows`` missing values of a kind."""
    if isinstance(kind, tuple):
        return np.full(rows, -1, dtype=np.int16)
    if kind == TIME:
        return np.full(rows, NAT, dtype=np.int64)
    if kind == TEXT:
        return np.full(rows, None, dtype=object)
    if kind == CODE:
        return np.full(rows, -1, dtype=np.int64)
    return np.full(rows, np.nan)
