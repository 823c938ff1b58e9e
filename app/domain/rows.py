"""From rows as mappings to the columns of a :class:`~app.domain.history.History`.

This is the road of a request and of the golden histories; training has its own, faster one for millions of
rows, and a test holds both to the same columns. Rules: rows are sorted by time, then by id, within a
customer; ``None`` and absent mean missing; an absent table was not given, an empty list was. Columns are read
when they are first asked for, so the rows must not change in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import numpy as np

from app.domain.history import (
    FLAG,
    NUMBER,
    PROFILE_TEXTS,
    SUMMARY,
    TABLES,
    TEXT,
    TIME,
    Array,
    History,
    LazyColumns,
    Table,
)
from app.domain.values import codes, microseconds, numbers, read_column, times_of

Row = Mapping[str, Any]

UNANSWERED: Final = frozenset(
    {"none", "no_response", "not_delivered", "bounced", "unsubscribed", "false", "0"}
)
"""Contact outcomes that mean "did not answer"; any other word means that the customer did."""

_FIELDS: Final[Mapping[tuple[str, str], str]] = {
    ("order_lines", "product"): "product_id",
    ("events", "product"): "product_id",
    ("orders", "has_coupon"): "coupon",
}
"""Columns whose field in a row has another name."""

_TIES: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("order_id",),
    "order_lines": ("product_id", "quantity", "price", "discount"),
    "events": ("event", "product_id", "category", "value", "duration_seconds"),
    "support_cases": ("case_id",),
    "feedback": ("feedback_id",),
    "subscriptions": ("subscription_id",),
    "contacts": ("contact_id",),
    "consents": ("purpose", "status"),
}
"""What decides the order of rows with the same time, lines with the same order; after that, all they hold."""

_PROFILE: Final[Mapping[str, str]] = {
    "created_at": TIME,
    "birth_year": NUMBER,
    **dict.fromkeys(PROFILE_TEXTS, TEXT),
}
_SUMMARY_TIMES: Final = tuple(name for name, kind in SUMMARY.items() if kind == TIME)
_SUMMARY_NUMBERS: Final = tuple(name for name, kind in SUMMARY.items() if kind != TIME)
_ATTRIBUTE_KINDS: Final = {"numeric": NUMBER, "boolean": FLAG, "categorical": TEXT}


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
        groups = [customer.get(name) for customer in customers]
        if groups.count(None) < len(groups):
            ordered = _in_order(name, groups)
            tables[name] = _table(name, ordered)
            if name == "orders":
                lines = _lines(ordered)
                if lines.given.any():
                    tables["order_lines"] = _table("order_lines", lines)
    profiles = [customer.get("customer") or {} for customer in customers]
    given = [customer.get("attributes") or {} for customer in customers]
    summaries = [customer.get("summary") for customer in customers]
    has_summary = summaries.count(None) < len(summaries)
    return History(
        customer_ids=tuple([customer["customer_id"] for customer in customers]),
        timezone=timezone,
        tables=tables,
        profile=_columns(_PROFILE, profiles),
        attributes=_columns(
            {name: _ATTRIBUTE_KINDS[kind] for name, kind in (attributes or {}).items()}, given
        ),
        summary=_summary([summary or {} for summary in summaries]) if has_summary else None,
    )


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The rows of one table in the order of a :class:`Table`: their mappings, times, and whose they are.

    ``orders`` holds the order's id for each order line, and nothing for other tables.
    """

    rows: Sequence[Row]
    times: Sequence[int]
    offsets: Array
    given: Array
    orders: Sequence[str] = ()


def _in_order(name: str, groups: Sequence[Sequence[Row] | None]) -> _Ordered:
    """Return the rows of all customers, each customer's sorted; a group of None was not given."""
    field, rows, times, offsets = TABLES[name].time, list[Row](), list[int](), [0]
    for group in groups:
        if group:
            at = [microseconds(row[field]) for row in group]
            distinct = sorted(set(at))
            if at == distinct:
                rows.extend(group)
            else:
                key = _tie_breaker(name, len(distinct) < len(at))
                place = sorted(range(len(at)), key=lambda k: (at[k], key(group[k])))
                rows.extend([group[k] for k in place])
                at.sort()
            times.extend(at)
        offsets.append(len(rows))
    given = np.array([group is not None for group in groups], dtype=bool)
    return _Ordered(rows, times, np.array(offsets, dtype=np.int64), given)


def _tie_breaker(table: str, has_ties: bool) -> Callable[[Row], tuple[Any, ...]]:  # noqa: FBT001  a fact
    """Return what orders rows of the same time; nothing needs to where there are none."""
    if not has_ties:
        return lambda _: ()
    fields = (*_TIES[table], *(_FIELDS.get((table, column), column) for column in TABLES[table].columns))
    return lambda row: tuple([_comparable(row.get(field)) for field in fields])


def _comparable(value: object) -> tuple[int, float, str]:
    """Return a key that orders missing before numbers before words."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def _lines(orders: _Ordered) -> _Ordered:
    """Return the lines of sorted orders, each with its order's time and id.

    They were given where no order is without them; where orders have none at all, nobody said anything.
    """
    key = _tie_breaker("order_lines", has_ties=True)
    rows, times, ids, counts, told = list[Row](), list[int](), list[str](), [0], [False]
    for order, at in zip(orders.rows, orders.times, strict=True):
        products = order.get("products")
        told.append(products is not None)
        if products:
            lines = [line if isinstance(line, dict) else line.__dict__ for line in products]
            if len(lines) > 1:
                lines.sort(key=key)
            for line in lines:
                rows.append(line)
                times.append(at)
                ids.append(order["order_id"])
        counts.append(len(rows))
    offsets = np.array(counts, dtype=np.int64)[orders.offsets]
    some_told = np.cumsum(told)[orders.offsets]
    given = orders.given & ((np.diff(some_told) > 0) | (np.diff(orders.offsets) == 0))
    return _Ordered(rows, times, offsets, given, ids)


def _table(name: str, ordered: _Ordered) -> Table:
    columns = TABLES[name].columns
    return Table(ordered.offsets, LazyColumns(columns, _maker(name, ordered)), ordered.given)


def _maker(name: str, ordered: _Ordered) -> Callable[[str], Array]:
    """Return the function that reads one column of a table; rows are gone through once for all columns."""
    spec, values_of = TABLES[name], dict[str, Sequence[Any]]()

    def make(column: str) -> Array:
        if column == spec.time:
            return np.array(ordered.times, dtype=np.int64)
        if column == "order":
            return codes(ordered.orders)
        if not values_of:
            values_of.update(_turned(_READ[name], ordered.rows))
        values = values_of[column]
        if column == "has_coupon":
            return np.array([1.0 if value else 0.0 for value in values])
        if (name, column) == ("contacts", "outcome"):
            return numbers([None if value is None else _answered(value) for value in values])
        return read_column(spec.columns[column], values)

    return make


def _turned(fields: Mapping[str, str], rows: Sequence[Row]) -> Iterable[tuple[str, Sequence[Any]]]:
    """Return the values of each column, given the field that it is read from."""
    try:
        turned: Sequence[Sequence[Any]] = list(zip(*map(itemgetter(*fields.values()), rows), strict=True))
    except KeyError:  # a row leaves out what it does not say; a row of the wire has every field
        turned = [[row.get(field) for row in rows] for field in fields.values()]
    return zip(fields, turned or [()] * len(fields), strict=True)


def _columns(kinds: Mapping[str, str], rows: Sequence[Row]) -> Mapping[str, Array]:
    """Return the columns of one row per customer."""
    return LazyColumns(kinds, lambda name: read_column(kinds[name], [row.get(name) for row in rows]))


def _summary(rows: Sequence[Row]) -> Mapping[str, Array]:
    """Return the columns of one summary per customer; a model of summaries reads nearly all of them."""
    numbers = np.array([[row.get(name) for name in _SUMMARY_NUMBERS] for row in rows], dtype=np.float64)
    columns = {name: numbers[:, j] for j, name in enumerate(_SUMMARY_NUMBERS)}
    for name in _SUMMARY_TIMES:
        columns[name] = times_of([row.get(name) for row in rows])
    return columns


def _answered(value: object) -> float:
    """Return 1 for an outcome that is an answer, 0 for one that is none."""
    if isinstance(value, (bool, int, float)):
        return float(value != 0)
    return float(str(value).strip().lower() not in UNANSWERED)


_READ: Final = {
    name: {
        column: _FIELDS.get((name, column), column)
        for column in spec.columns
        if column not in {spec.time, "order"}
    }
    for name, spec in TABLES.items()
}
"""The columns of each table that are read from a field of the same rows, and that field."""
