"""What was known at ``as_of``: the only door through which features see a history.

Rules, so that no feature can look past the cut:
- a row counts only if its own time is not later than ``as_of``;
- a mutable fact (refund, cancellation, closing, reopening, delivery, outcome) counts only if its own time is
  not later; without a time of its own, a refund or a cancellation is known since the order;
- of the rows that count, only the latest 2,000 orders and 5,000 events do, and lines only with their order;
- cancelled and pending orders are no purchases; value is netted per customer and day of the business's zone;
  a purchase day has a net value above zero, or of zero with nothing given back;
- events of a customer who denied behavioural tracking were not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from app.domain.clock import local_day
from app.domain.consent import CONSENT_DEFAULTS, granted
from app.domain.history import (
    EVENT_LIMIT,
    NAT,
    ORDER_LIMIT,
    ORDER_STATUSES,
    TABLES,
    Array,
    History,
    Table,
)
from app.features import ragged

LIMITS: Final = {"orders": ORDER_LIMIT, "events": EVENT_LIMIT}

_CANCELLED: Final = ORDER_STATUSES.index("cancelled")
_PENDING: Final = ORDER_STATUSES.index("pending")
_REFUNDED: Final = ORDER_STATUSES.index("refunded")

_ROUNDING: Final = 1e-9
"""A net value below this share of what was bought and given back is zero up to rounding."""


class Rows:
    """The rows of one table that count at ``as_of``; columns are cut when asked for."""

    def __init__(self, table: Table, name: str, view: View, allowed: Array | None = None) -> None:
        """Find the rows that count; where ``allowed`` (N,) is False the table was not given."""
        self.size = view.size
        self._table = table
        self._time = TABLES[name].time
        self._view = view
        time = table[self._time]
        if self.size == 1:
            self.owner = np.zeros(len(time), dtype=np.int64)
        else:
            self.owner = np.repeat(np.arange(self.size), np.diff(table.offsets))
        keep = time <= self.spread(view.as_of)
        self.given = table.given
        if allowed is not None:
            keep &= self.spread(allowed)
            self.given = self.given & allowed
        limit = LIMITS.get(name)
        if limit is not None and len(time) > limit:
            index = np.flatnonzero(keep)
            ends = ragged.offsets_of(self.owner[index], self.size)[1:]
            behind = ends[self.owner[index]] - np.arange(len(index))
            keep[index[behind > limit]] = False
        self._index = None if keep.all() else np.flatnonzero(keep)
        self._cut: dict[str, Array] = {}
        if self._index is not None:
            self.owner = self.owner[self._index]
        self.as_of = self.spread(view.as_of)

    def __getitem__(self, column: str) -> Array:
        """Return one column of the rows that count, shape (R,)."""
        if self._index is None:
            return self._table[column]
        if column not in self._cut:
            self._cut[column] = self._table[column][self._index]
        return self._cut[column]

    def has(self, column: str) -> bool:
        """Return whether the table holds a column that is made beforehand, such as the sentiment of texts."""
        return column in self._table.columns

    def spread(self, values: Array) -> Array:
        """Return the value (N,) of each row's customer, (R,); of one customer (1,), which fits all rows."""
        return values if self.size == 1 else values[self.owner]

    @cached_property
    def offsets(self) -> Array:
        """Where each customer's rows begin, shape (N + 1,)."""
        return self._table.offsets if self._index is None else ragged.offsets_of(self.owner, self.size)

    @cached_property
    def day(self) -> Array:
        """The local day of each row, int64 of shape (R,)."""
        return local_day(self[self._time], self._view.history.timezone)

    @cached_property
    def age_days(self) -> Array:
        """Whole local days from each row to ``as_of``, shape (R,)."""
        return np.subtract(self.spread(self._view.today), self.day)

    def known(self, column: str) -> Array:
        """Return whether a time column has happened by ``as_of``, bool of shape (R,)."""
        happened: Array = (self[column] != NAT) & (self[column] <= self.as_of)
        return happened


@dataclass(frozen=True, slots=True)
class Purchases:
    """Orders that count as purchases, netted, and the purchase days made of them.

    ``counted`` and ``cancelled`` are bool over the order rows; ``net`` and ``refund`` are per order row.
    ``owner``, ``day`` and ``value`` are per purchase day, sorted; ``offsets`` says where each customer's days
    begin.
    """

    counted: Array
    cancelled: Array
    refund: Array
    net: Array
    owner: Array
    day: Array
    value: Array
    offsets: Array


@dataclass(frozen=True)
class View:
    """A history as known at ``as_of``, shape (N,)."""

    history: History
    as_of: Array
    consent_defaults: Mapping[str, str]
    _rows: dict[str, Rows] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """N, the number of customers."""
        return self.history.size

    @cached_property
    def today(self) -> Array:
        """The local day of ``as_of``, int64 of shape (N,)."""
        return local_day(self.as_of, self.history.timezone)

    def rows(self, name: str) -> Rows | None:
        """Return the rows of a table that count, or None where nobody was given it."""
        rows = self._rows.get(name)
        if rows is None:
            table = self.history.tables.get(name)
            if table is None:
                return None
            allowed = self.tracked if name == "events" and not self.tracked.all() else None
            rows = self._rows[name] = Rows(table, name, self, allowed)
        return rows

    @cached_property
    def tracked(self) -> Array:
        """Whether each customer allows behavioural tracking, bool of shape (N,)."""
        return granted(self.history, "behavioural_tracking", self.as_of, self.consent_defaults)

    @cached_property
    def purchases(self) -> Purchases | None:
        """The netted purchases, or None where nobody was given orders."""
        orders = self.rows("orders")
        return None if orders is None else _net(orders)


def purchased_between(history: History, after: Array, until: Array) -> Array:
    """Return whether each customer has a purchase in (after, until], as known at ``until``; bool, (N,)."""
    days, _ = bought_between(history, after, until)
    return days > 0


def bought_between(history: History, after: Array, until: Array) -> tuple[Array, Array]:
    """Return each customer's purchase days in (after, until] and their net value, as known at ``until``.

    This is the label's side of the cut: the same netting as for features, seen from the horizon's end. Both
    are float64 of shape (N,), zero where there is none.
    """
    orders = View(history, until, CONSENT_DEFAULTS).rows("orders")
    if orders is None:
        return np.zeros(history.size), np.zeros(history.size)
    purchases = _net(orders, orders["ordered_at"] > orders.spread(after))
    return np.diff(purchases.offsets).astype(np.float64), ragged.total(
        purchases.owner, purchases.value, history.size
    )


def _net(orders: Rows, within: Array | None = None) -> Purchases:
    """Net refunds and cancellations known at ``as_of``, then net per customer and day.

    Where ``within`` (bool of shape (R,)) is given, other rows do not count.
    """
    status, revenue, refund = orders["status"], orders["revenue"], orders["refund"]
    # A missing time is before all others: a fact without a time of its own is known since the order.
    is_cancelled = (status == _CANCELLED) | (orders["cancelled_at"] != NAT)
    is_cancelled &= orders["cancelled_at"] <= orders.as_of
    counted = ~is_cancelled & (status != _PENDING)
    if within is not None:
        counted &= within
    refund = np.where(np.isnan(refund), np.where(status == _REFUNDED, np.maximum(revenue, 0.0), 0.0), refund)
    refund = np.where(orders["refunded_at"] <= orders.as_of, refund, 0.0)
    net = np.where(counted, revenue - refund, 0.0)

    owner, day, value, gross = orders.owner, orders.day, net, np.abs(revenue) + refund
    if not counted.all():
        owner, day, value, gross = owner[counted], day[counted], value[counted], gross[counted]
    is_first = ragged.begins(owner, day)
    group = np.add.accumulate(is_first, dtype=np.int64) - 1
    owner, day = owner[is_first], day[is_first]
    value = ragged.added(group, value, len(day))
    gross = ragged.added(group, gross, len(day))
    is_purchase = (value > _ROUNDING * gross) | (gross == 0)
    if not is_purchase.all():
        owner, day, value = owner[is_purchase], day[is_purchase], value[is_purchase]
    offsets = ragged.offsets_of(owner, orders.size)
    return Purchases(counted, is_cancelled, refund, net, owner, day, value, offsets)


def is_bought(lines: Rows, orders: Rows, purchases: Purchases) -> Array:
    """Return whether each order line belongs to an order that counts and is no return, bool of shape (R,).

    A line has its order's time, so customer and second tell its order.
    """
    sold = purchases.counted & (orders["revenue"] >= 0)
    ordered = _by_second(orders.owner[sold], orders["ordered_at"][sold])
    wanted = _by_second(lines.owner, lines["ordered_at"])
    if not len(ordered):
        return np.zeros(len(wanted), dtype=bool)
    found = ordered.take(ordered.searchsorted(wanted), mode="clip") == wanted
    is_sale: Array = found & ~(lines["quantity"] <= 0)
    return is_sale


def _by_second(owner: Array, times: Array) -> Array:
    """Return one number per row that rises with customer, then time: 2^33 seconds span 272 years."""
    seconds: Array = times // 1_000_000
    return (owner << 33) + seconds + (1 << 32)
