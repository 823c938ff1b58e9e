"""From rows as mappings to the columns of a :class:`~app.domain.history.History`.

This is the road of a request and of the golden histories; training has its own, faster one for millions of
rows, and a test holds both to the same columns. Rules: rows are sorted by time, then by id, within a customer;
``None`` and absent mean missing; an absent table was not given, an empty list was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from app.domain.clock import to_microseconds
from app.domain.history import (
    CODE,
    FLAG,
    NAT,
    PROFILE_TEXTS,
    SUMMARY,
    TABLES,
    TIME,
    Array,
    History,
    Table,
)

Row = Mapping[str, Any]

UNANSWERED: Final = frozenset({"none", "no_response", "not_delivered", "bounced", "unsubscribed", "false", "0"})
"""Contact outcomes that mean "did not answer"; any other word means that the customer did."""

_SOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "order_lines": {"product": "product_id", "order": "order_id"},
    "events": {"product": "product_id"},
    "orders": {"has_coupon": "coupon"},
}
"""Columns whose field in a row has another name."""

_TIES: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("order_id",),
    "order_lines": ("order_id", "product_id", "quantity", "price"),
    "events": ("event", "product_id"),
    "support_cases": ("case_id",),
    "feedback": ("feedback_id",),
    "subscriptions": ("subscription_id",),
    "contacts": ("contact_id",),
    "consents": ("purpose", "status"),
}
"""What decides the order of rows with the same time."""


def build_history(
    customers: Sequence[Row], timezone: str, attributes: Mapping[str, str] | None = None
) -> History:
    """Return the columns of N customers given as nested rows.

    Parameters
    ----------
    customers : sequence of N mappings
        ``customer_id``, then ``customer`` (profile fields), ``attributes``, ``summary``, and one list of row
        mappings per table, with the contract's field names; an order's ``products`` give the order lines.
        Times are aware datetimes or int microseconds.
    timezone : str
        The business's IANA zone.
    attributes : mapping
        Declared attributes and their kinds (numeric, boolean, categorical); others are not read.
    """
    tables = {}
    for name in TABLES:
        groups = [_lines(customer) if name == "order_lines" else customer.get(name) for customer in customers]
        if any(group is not None for group in groups):
            tables[name] = _table(name, groups)
    return History(
        customer_ids=tuple(customer["customer_id"] for customer in customers),
        timezone=timezone,
        tables=tables,
        profile=_profile([customer.get("customer") or {} for customer in customers]),
        attributes=_attributes([customer.get("attributes") or {} for customer in customers], attributes or {}),
        summary=_summary([customer.get("summary") for customer in customers]),
    )


def _lines(customer: Row) -> list[Row] | None:
    """Return the lines of all orders of a customer, each with its order's time and id."""
    orders = customer.get("orders")
    if orders is None or all(order.get("products") is None for order in orders):
        return None if orders is None or orders else []
    return [
        {
            **(line if isinstance(line, dict) else line.__dict__),
            "ordered_at": order["ordered_at"],
            "order_id": order["order_id"],
        }
        for order in orders
        for line in order.get("products") or ()
    ]


def _table(name: str, groups: Sequence[Sequence[Row] | None]) -> Table:
    """Return one table; a group of None was not given."""
    spec = TABLES[name]
    rows: list[Row] = []
    offsets = np.zeros(len(groups) + 1, dtype=np.int64)
    ties = _TIES[name]
    for i, group in enumerate(groups):
        if group:
            timed = [
                (_microseconds(row[spec.time]), tuple(_tie(row.get(tie)) for tie in ties), k)
                for k, row in enumerate(group)
            ]
            timed.sort()
            rows.extend(group[k] for _, _, k in timed)
        offsets[i + 1] = len(rows)
    fields = _SOURCES.get(name, {})
    columns = {
        column: _reader(name, column, kind)([row.get(fields.get(column, column)) for row in rows])
        for column, kind in spec.columns.items()
    }
    return Table(offsets, columns, np.array([group is not None for group in groups], dtype=bool))


def _tie(value: object) -> tuple[int, float, str]:
    """Return a key that orders missing before numbers before words."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def _reader(table: str, column: str, kind: str | tuple[str, ...]) -> Callable[[list[Any]], Array]:
    """Return the reader of one column."""
    if column == "has_coupon":
        return _present
    if (table, column) == ("contacts", "outcome"):
        return _answered
    if isinstance(kind, tuple):
        return _WORDS[kind]
    return {TIME: _times, CODE: _codes, FLAG: _numbers}.get(kind, _numbers)


def _microseconds(value: object) -> int:
    """Return a time in microseconds; datetimes must be aware."""
    return to_microseconds(value) if isinstance(value, datetime) else int(value)  # type: ignore[call-overload, no-any-return]


def _times(values: list[Any]) -> Array:
    return np.array([NAT if value is None else _microseconds(value) for value in values], dtype=np.int64)


def _numbers(values: list[Any]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _present(values: list[Any]) -> Array:
    return np.array([1.0 if value else 0.0 for value in values])


def _answered(values: list[Any]) -> Array:
    return np.array(
        [np.nan if value is None else float(str(value).lower() not in UNANSWERED) for value in values],
        dtype=np.float64,
    )


def _codes(values: list[Any]) -> Array:
    seen: dict[Any, int] = {None: -1}
    return np.array([seen.setdefault(value, len(seen) - 1) for value in values], dtype=np.int64)


def _word_reader(words: tuple[str, ...]) -> Callable[[list[Any]], Array]:
    """Return the reader of an enumeration; unknown words are ``other`` where that exists, else missing."""
    index: dict[Any, int] = {word: i for i, word in enumerate(words)}
    otherwise = index.get("other", -1)
    index[None] = -1
    return lambda values: np.array([index.get(value, otherwise) for value in values], dtype=np.int16)


_WORDS: Final = {
    kind: _word_reader(kind)
    for spec in TABLES.values()
    for kind in spec.columns.values()
    if isinstance(kind, tuple)
}


def _profile(profiles: Sequence[Row]) -> dict[str, Array]:
    """Return created_at, birth_year and the profile texts of N customers."""
    columns: dict[str, Array] = {
        "created_at": _times([profile.get("created_at") for profile in profiles]),
        "birth_year": _numbers([profile.get("birth_year") for profile in profiles]),
    }
    for name in PROFILE_TEXTS:
        columns[name] = _texts(profile.get(name) for profile in profiles)
    return columns


def _texts(values: Iterable[Any]) -> Array:
    items = [None if value is None else str(value) for value in values]
    column = np.empty(len(items), dtype=object)
    column[:] = items
    return column


def _attributes(given: Sequence[Row], kinds: Mapping[str, str]) -> dict[str, Array]:
    """Return the declared attributes of N customers; undeclared ones are not read."""
    columns: dict[str, Array] = {}
    for name, kind in kinds.items():
        values = [attributes.get(name) for attributes in given]
        columns[name] = _texts(values) if kind == "categorical" else _numbers(values)
    return columns


def _summary(summaries: Sequence[Any]) -> dict[str, Array] | None:
    """Return the summary columns, or None where no customer has a summary."""
    if all(summary is None for summary in summaries):
        return None
    rows = [{} if summary is None else summary for summary in summaries]
    columns: dict[str, Array] = {}
    for name, kind in SUMMARY.items():
        values = [row.get(name) for row in rows]
        columns[name] = _times(values) if kind == TIME else _numbers(values)
    return columns

