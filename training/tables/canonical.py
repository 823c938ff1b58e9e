"""The canonical tables: which columns each has, of which kind, which are required, what tells rows apart.

The kinds and vocabularies of columns that features see are those of ``app.domain.history``; this module adds
ids, texts and what only training reads. Column names are those of the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.domain.history import FLAG, NUMBER, PROFILE_TEXTS, TABLES, TEXT, TIME
from training.tables.objectives import CAPABILITIES

Kind = str | tuple[str, ...]
"""One of the names below, or the words of an enumeration."""

ID, CURRENCY, OUTCOME, LABEL = "id", "currency", "outcome", "label"
"""Kinds beyond those of a history. An outcome may be a word, a label a boolean; both become numbers."""

ID_LENGTH: Final = 128
TEXT_LENGTH: Final = 4_000


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a canonical table.

    ``sparse`` is True where a missing value is a fact (an order that was not refunded has no ``refunded_at``)
    and not a gap in the data.
    """

    name: str
    kind: Kind
    required: bool = False
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One canonical table: columns, the key (none: whole rows tell apart), and the time of a row."""

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    time: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the required columns, in order."""
        return tuple(field.name for field in self.fields if field.required)

    @property
    def has_customer(self) -> bool:
        """Whether rows name their customer themselves."""
        return "customer_id" in self.names


_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "customers": (
        "customer_id",
        f"created_at birth_year {' '.join(PROFILE_TEXTS)}",
    ),
    "orders": (
        "order_id customer_id ordered_at revenue",
        (
            "currency status refund refunded_at cancelled_at discount coupon channel promised_at shipped_at "
            "delivered_at"
        ),
    ),
    "order_lines": ("order_id product_id quantity price", "discount"),
    "products": ("product_id category", "name brand price active margin"),
    "events": ("customer_id event timestamp", "product_id category value duration_seconds channel"),
    "support_cases": ("case_id customer_id opened_at", "closed_at type priority reopened_at"),
    "feedback": ("feedback_id customer_id submitted_at kind", "score scale_max text language order_id"),
    "subscriptions": (
        "subscription_id customer_id started_at",
        "ends_at cancelled_at is_recurring recurrence_months amount",
    ),
    "contacts": (
        "contact_id customer_id contacted_at channel",
        "action_id campaign_id arm propensity outcome outcome_at cost",
    ),
    "consents": ("customer_id purpose status status_at", "channel"),
    "labels": ("customer_id capability label", "as_of"),
}
"""Required, then optional columns of each table, as in section 2 of the contract."""

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "customers": ("customer_id",),
    "orders": ("order_id",),
    "products": ("product_id",),
    "support_cases": ("case_id",),
    "feedback": ("feedback_id",),
    "subscriptions": ("subscription_id",),
    "contacts": ("contact_id",),
    "consents": ("customer_id", "purpose", "channel", "status_at"),
    "labels": ("customer_id", "capability", "as_of"),
}

_TIMES: Final[Mapping[str, str]] = {"customers": "created_at", "labels": "as_of"}
"""The time that a row counts from, where ``app.domain.history`` does not say it."""

_KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    ("customers", "created_at"): TIME,
    ("customers", "birth_year"): NUMBER,
    ("orders", "currency"): CURRENCY,
    ("events", "event"): TEXT,
    ("products", "price"): NUMBER,
    ("products", "margin"): NUMBER,
    ("products", "active"): FLAG,
    ("contacts", "outcome"): OUTCOME,
    ("labels", "capability"): CAPABILITIES,
    ("labels", "label"): LABEL,
    ("labels", "as_of"): TIME,
}
"""Kinds that ``app.domain.history`` does not say, or says of what is made from the column."""

_SPARSE: Final[Mapping[str, str]] = {
    "orders": "refund refunded_at cancelled_at discount coupon",
    "order_lines": "discount",
    "events": "product_id category value duration_seconds",
    "support_cases": "closed_at reopened_at",
    "feedback": "text order_id",
    "subscriptions": "ends_at cancelled_at recurrence_months",
    "contacts": "outcome outcome_at campaign_id action_id arm propensity",
    "labels": "as_of",
}
"""Columns in which nothing is a fact: no refund, no end, no answer."""


def _kind(table: str, name: str) -> Kind:
    """Return the kind of a column: said here, said by the history, an id by its name, else a text."""
    if (table, name) in _KINDS:
        return _KINDS[table, name]
    if name.endswith("_id"):
        return ID
    spec = TABLES.get(table)
    kind = None if spec is None else spec.columns.get(name)
    return TEXT if kind is None or name == "category" else kind


def _shape(table: str) -> Shape:
    required, optional = (names.split() for names in _COLUMNS[table])
    sparse = _SPARSE.get(table, "").split()
    fields = (
        *(Field(name, _kind(table, name), required=True) for name in required),
        *(Field(name, _kind(table, name), sparse=name in sparse) for name in optional),
    )
    time = TABLES[table].time if table in TABLES and table != "order_lines" else _TIMES.get(table)
    return Shape(table, fields, _KEYS.get(table, ()), time)


SHAPES: Final[Mapping[str, Shape]] = MappingProxyType({table: _shape(table) for table in _COLUMNS})
"""Every canonical table by name. Declared attributes are added to ``customers`` by :func:`shape_of`."""

ATTRIBUTE_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {"numeric": NUMBER, "boolean": FLAG, "categorical": TEXT}
)


def shape_of(table: str, attributes: Mapping[str, str]) -> Shape:
    """Return a table's shape; ``customers`` also has the declared attributes.

    Parameters
    ----------
    table : str
        A name in ``SHAPES``.
    attributes : mapping
        Declared attributes and their kinds (numeric, boolean, categorical).
    """
    shape = SHAPES[table]
    if table != "customers" or not attributes:
        return shape
    declared = tuple(Field(name, ATTRIBUTE_KINDS[kind]) for name, kind in attributes.items())
    return Shape(shape.name, (*shape.fields, *declared), shape.key, shape.time)
