"""What one customer's rows say of buying: purchases and views, as far as the catalogue knows the products.

Rules, the same as in training:
- a row counts only if its time is not later than ``as_of``, and of the orders and events that do only the
  latest 2,000 and 5,000;
- an order is no purchase if it was cancelled or wholly refunded, once that is known, nor while it is pending,
  nor if it is a return;
- a line counts with a quantity above zero, and the same product twice in an order is one line;
- what was looked at or put into the cart within ``VIEW_DAYS`` is a view; nothing is, where behavioural
  tracking is denied;
- nothing at all is read of who denies profiling or personalisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.history import EVENT_LIMIT, MICROSECONDS_PER_DAY, ORDER_LIMIT, Array
from app.domain.rows import Row, build_history
from app.domain.values import microseconds
from app.estimators.blend import ItemModel
from app.estimators.items import Items
from app.estimators.shopper import CART_LIMIT, HISTORY_LIMIT, NO_GROUP, VIEW_DAYS, VIEW_EVENTS, Shopper

_ROUNDING: Final = 1e-9
"""What is left of an order below this share is nothing, up to rounding."""


class Line(NamedTuple):
    """One product of one order: when it was placed, which order and product; ordered by these."""

    at: int
    order: str
    product: str


class Sight(NamedTuple):
    """One view of a product."""

    at: int
    product: str


@dataclass(frozen=True, slots=True)
class Consents:
    """What a person allows, as known at the moment of the question."""

    personalised: bool
    tracked: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """A person as the catalogue knows them.

    ``in_cart`` are all known products of the cart, also those too many for ``shopper``. ``bought`` holds
    each product once with the days since it was last bought, also those that are too many for ``shopper``.
    ``unknown`` names products that the catalogue does not hold: of the cart, then of purchases from the
    earliest, then of views. ``repeated`` and ``cart_over`` count entries of the cart that do not count,
    ``bought_over`` products that were bought too long ago to.
    """

    shopper: Shopper
    bought: tuple[Array, Array]
    in_cart: Array = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    unknown: tuple[str, ...] = ()
    repeated: int = 0
    cart_over: int = 0
    bought_over: int = 0


def consents_of(person: Row, as_of: int, timezone: str, defaults: Mapping[str, str]) -> Consents:
    """Return what a person allows, given nested rows as :func:`app.domain.rows.build_history` takes them."""
    rows = person.get("consents")
    history = build_history([{"customer_id": "", "consents": rows}], timezone)
    at = np.array([as_of], dtype=np.int64)

    def allows(purpose: str) -> bool:
        return bool(granted(history, purpose, at, defaults)[0])

    return Consents(
        personalised=allows("profiling") and allows("personalisation"),
        tracked=allows("behavioural_tracking"),
    )


def bought_lines(orders: Sequence[Row] | None, as_of: int) -> list[Line]:
    """Return what was bought as known at a moment, each product of an order once, the earliest first."""
    timed = [(microseconds(order["ordered_at"]), order) for order in orders or ()]
    known = _latest([pair for pair in timed if pair[0] <= as_of], ORDER_LIMIT)
    return sorted(
        {
            Line(at, order["order_id"], line["product_id"])
            for at, order in known
            if _is_purchase(order, as_of)
            for line in _lines(order)
            if line.get("quantity") is None or line["quantity"] > 0
        }
    )


def viewed_products(events: Sequence[Row] | None, as_of: int) -> list[Sight]:
    """Return which products were viewed lately, the earliest view first."""
    timed = [(microseconds(event["timestamp"]), event) for event in events or ()]
    known = _latest([pair for pair in timed if pair[0] <= as_of], EVENT_LIMIT)
    since = as_of - VIEW_DAYS * MICROSECONDS_PER_DAY
    return sorted(
        {
            Sight(at, event["product_id"])
            for at, event in known
            if at >= since and event["event"] in VIEW_EVENTS and event.get("product_id") is not None
        }
    )


def stranger(as_of: int, timezone: str) -> Visit:
    """Return a person of whom nothing is known but when they ask."""
    nothing = np.empty(0, dtype=np.int64)
    return Visit(Shopper(month=_month(as_of, timezone)), (nothing, np.empty(0)))


def visit(
    model: ItemModel, person: Row, cart: Sequence[str], as_of: int, timezone: str, *, tracked: bool
) -> Visit:
    """Return a person whose behaviour may be read.

    Parameters
    ----------
    person : mapping
        Nested rows, as :func:`app.domain.rows.build_history` takes them.
    cart : sequence of str
        Product ids, the latest last.
    as_of : int
        Microseconds since 1970 in UTC.
    tracked : bool
        Whether events may be read.
    """
    lines = bought_lines(person.get("orders"), as_of)
    sights = viewed_products(person.get("events"), as_of) if tracked else []
    items = model.items
    latest_first = dict.fromkeys(reversed(cart))
    unknown = _unknown(items, (*cart, *(line.product for line in lines), *(one.product for one in sights)))
    in_cart = [items.place[product] for product in latest_first if product in items.place]
    known = [(items.place[line.product], line) for line in lines if line.product in items.place]
    bought = np.array([place for place, _ in known], dtype=np.int64)
    days = _days([line.at for _, line in known], as_of)
    codes: dict[str, int] = {}
    seen = [(items.place[one.product], one.at) for one in sights if one.product in items.place]
    shopper = Shopper(
        bought=bought,
        bought_days=days,
        order=np.array([codes.setdefault(line.order, len(codes)) for _, line in known], dtype=np.int64),
        viewed=np.array([place for place, _ in seen], dtype=np.int64),
        viewed_days=_days([at for _, at in seen], as_of),
        cart=np.sort(np.array(in_cart[:CART_LIMIT], dtype=np.int64)),
        group=_group(model, person),
        month=_month(as_of, timezone),
    )
    last = _last_bought(bought, days)
    return Visit(
        shopper,
        last,
        np.array(in_cart, dtype=np.int64),
        unknown,
        repeated=len(cart) - len(latest_first),
        cart_over=max(len(in_cart) - CART_LIMIT, 0),
        bought_over=max(len(last[0]) - HISTORY_LIMIT, 0),
    )


def _is_purchase(order: Row, as_of: int) -> bool:
    """Return whether an order counts as bought at a moment."""
    status, revenue = order.get("status"), order.get("revenue") or 0.0
    if status == "pending" or revenue < 0:
        return False
    is_cancelled = status == "cancelled" or order.get("cancelled_at") is not None
    if is_cancelled and _is_known(order, "cancelled_at", as_of):
        return False
    refund = order.get("refund")
    if refund is None:
        refund = revenue if status == "refunded" else 0.0
    is_refunded = refund > 0 and refund >= (1 - _ROUNDING) * revenue
    return not (is_refunded and _is_known(order, "refunded_at", as_of))


def _is_known(order: Row, field: str, as_of: int) -> bool:
    """Return whether a fact of an order is known; without a time of its own it is since the order."""
    at = order.get(field)
    return at is None or microseconds(at) <= as_of


def _lines(order: Row) -> Iterable[Row]:
    """Return the lines of an order as mappings, however it holds them."""
    products = order.get("products") or ()
    return (line if isinstance(line, dict) else line.__dict__ for line in products)


def _latest(timed: list[tuple[int, Row]], limit: int) -> list[tuple[int, Row]]:
    """Return the latest rows, ties by id or by name and product."""
    if len(timed) <= limit:
        return timed
    names = ("order_id", "event", "product_id")
    timed.sort(key=lambda pair: (pair[0], *(str(pair[1].get(name)) for name in names)))
    return timed[-limit:]


def _days(times: Sequence[int], as_of: int) -> Array:
    """Return the days from each time to the question."""
    answer: Array = (as_of - np.array(times, dtype=np.int64)) / MICROSECONDS_PER_DAY
    return answer


def _last_bought(bought: Array, days: Array) -> tuple[Array, Array]:
    """Return each product once, in the order of the catalogue, with the days since it was last bought."""
    sequence = np.lexsort((days, bought))
    products, first = np.unique(bought[sequence], return_index=True)
    return products, days[sequence][first]


def _unknown(items: Items, products: Iterable[str]) -> tuple[str, ...]:
    """Return the products that the catalogue does not hold, each once, in order of appearance."""
    known = items.place
    return tuple(dict.fromkeys(product for product in products if product not in known))


def _group(model: ItemModel, person: Row) -> int:
    """Return the position of the group that a person's profile names; -1 where it names none."""
    profile: Mapping[str, Any] = person.get("customer") or {}
    value = profile.get(model.blend.group_by) if model.blend.group_by else None
    groups = model.items.groups
    return groups.index(value) if value in groups else NO_GROUP


def _month(as_of: int, timezone: str) -> int:
    """Return the calendar month in a zone, 0 for January."""
    return from_microseconds(as_of, timezone).month - 1
