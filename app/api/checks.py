"""What only the active release and the clock can tell about a request: currency, attributes, and times.

Rules: what contradicts the business is refused; rows that cannot count are told in ``warnings``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from app.api.faults import escaped, nearest
from app.api.problem_texts import TYPES, Locale, Words, choose
from app.api.problems import Fault
from app.api.schemas.customer import Summary
from app.api.schemas.request import CustomerRequest
from app.domain.history import EVENT_LIMIT, ORDER_LIMIT, TABLES, Array, History

CLOCK_SKEW: Final = timedelta(minutes=5)
"""A caller's clock may be ahead by this much before its latest order counts as lying in the future."""
NAMES_IN_HINT: Final = 20

LIMITS: Final = {"orders": ORDER_LIMIT, "events": EVENT_LIMIT}
WARNINGS: Final[dict[str, Words]] = {
    "rows_after_as_of": (
        "{table}: {count} row(s) later than as_of do not count",
        "{table}：有 {count} 行晚于 as_of，不计入",
    ),
    "rows_over_limit": (
        "{table}: {count} row(s) older than the latest {limit} do not count",
        "{table}：仅计入最近 {limit} 行，较早的 {count} 行不计入",
    ),
}

_EXPECTED: Final = {"numeric": "number", "boolean": "boolean", "categorical": "string"}


def resolve_as_of(request: CustomerRequest, now: datetime) -> datetime:
    """Return the moment that the answer is for: the caller's, else now.

    Without a moment of its own, a request whose summary has its latest order a little in the future comes
    from a clock that is a little ahead: that order is now.
    """
    if request.as_of is not None:
        return request.as_of
    latest = None if request.summary is None else request.summary.last_order_at
    return latest if latest is not None and now < latest <= now + CLOCK_SKEW else now


def contradictions(
    request: CustomerRequest, as_of: datetime, currency: str, attributes: Mapping[str, str], prefix: str
) -> list[Fault]:
    """Return what in a request contradicts itself or the business.

    Parameters
    ----------
    as_of : datetime
        The resolved moment.
    currency : str
        The business's currency, ISO 4217.
    attributes : mapping
        Declared attributes and their kinds: numeric, boolean, categorical.
    prefix : str
        Pointer to the request within the body.
    """
    faults: list[Fault] = []
    if request.summary is not None:
        faults += _summary_faults(request.summary, as_of, currency, prefix)
        if request.orders is not None:
            faults.append(Fault(f"{prefix}/summary", "orders_and_summary"))
    if request.orders:
        faults += _order_faults(request, currency, prefix)
    if request.customer is not None and request.customer.attributes:
        faults += _attribute_faults(request.customer.attributes, attributes, f"{prefix}/customer/attributes")
    return faults


def _summary_faults(summary: Summary, as_of: datetime, currency: str, prefix: str) -> Iterator[Fault]:
    pointer = f"{prefix}/summary"
    first, last = summary.first_order_at, summary.last_order_at
    if summary.currency not in (None, currency):
        yield Fault(f"{pointer}/currency", "wrong_currency", {"currency": currency})
    if summary.order_count and (first is None or last is None):
        yield Fault(pointer, "summary_without_orders_at")
    if first is not None and last is not None and first > last:
        yield Fault(f"{pointer}/first_order_at", "summary_order")
    if last is not None and last > as_of:
        yield Fault(f"{pointer}/last_order_at", "summary_after_as_of")


def _order_faults(request: CustomerRequest, currency: str, prefix: str) -> Iterator[Fault]:
    for i, order in enumerate(request.orders or ()):
        if order.currency is not None and order.currency != currency:
            yield Fault(f"{prefix}/orders/{i}/currency", "wrong_currency", {"currency": currency})
        for k, line in enumerate(order.products or ()):
            if line.order_id is not None and line.order_id != order.order_id:
                yield Fault(f"{prefix}/orders/{i}/products/{k}/order_id", "wrong_order_id")


def _attribute_faults(given: Mapping[str, Any], kinds: Mapping[str, str], pointer: str) -> Iterator[Fault]:
    """Yield undeclared attributes, never by name, and declared ones with a value of another kind."""
    undeclared = False
    for name, value in given.items():
        kind = kinds.get(name)
        if kind is None:
            near = nearest(name, kinds)
            if near is not None:
                yield Fault(pointer, "misspelt_attribute", {"name": near})
            undeclared = undeclared or near is None
        elif value is not None and not _is_of(kind, value):
            yield Fault(
                f"{pointer}/{escaped(name)}", "wrong_attribute_type", {"expected": TYPES[_EXPECTED[kind]]}
            )
    if undeclared:
        expected = ", ".join(sorted(kinds)[:NAMES_IN_HINT]) or "—"
        yield Fault(pointer, "unknown_attribute", {"expected": expected})


def _is_of(kind: str, value: object) -> bool:
    if kind == "categorical":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, float) and not isinstance(value, bool)


def uncounted_rows(history: History, as_of: Array) -> Iterator[tuple[int, str, str, int]]:
    """Yield the rows that do not count, as (customer, warning code, table, number).

    Parameters
    ----------
    history : History of N customers
    as_of : ndarray of int64, shape (N,)
        Microseconds since 1970 in UTC.
    """
    for name, table in history.tables.items():
        if name == "order_lines":  # they stand and fall with their orders
            continue
        counts = np.diff(table.offsets)
        late = table[TABLES[name].time] > np.repeat(as_of, counts)
        if late.any():
            ends = np.concatenate([[0], np.cumsum(late)])
            later = ends[table.offsets[1:]] - ends[table.offsets[:-1]]
            for i in np.flatnonzero(later):
                yield int(i), "rows_after_as_of", name, int(later[i])
            counts = counts - later
        limit = LIMITS.get(name)
        if limit is not None:
            for i in np.flatnonzero(counts > limit):
                yield int(i), "rows_over_limit", name, int(counts[i]) - limit


def warning(code: str, table: str, count: int, locale: Locale) -> dict[str, str]:
    """Return one warning in words."""
    limit = f"{LIMITS.get(table, 0):,}"
    text = choose(WARNINGS[code], locale).format(table=table, count=count, limit=limit)
    return {"code": code, "detail": text}
