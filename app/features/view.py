"""What was known at ``as_of``: the only door through which features see a history.

Rules, so that no feature can look past the cut:
- a row counts only if its own time is not later than ``as_of``;
- a mutable fact (refund, cancellation, closing, reopening, delivery, outcome) counts only if its own time is
  not later; without a time of its own, a refund or a cancellation is known since the order;
- of the rows that count, only the latest 2,000 orders and 5,000 events do;
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
from app.domain.consent import granted
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


class Rows:
    """The rows of one table that count at ``as_of``; columns are cut when asked for."""

    def __init__(
        self, table: Table, name: str, as_of: Array, timezone: str, allowed: Array | None = None
    ) -> None:
        """Find the rows that count; where ``allowed`` is False the table was not given."""
        self.size = len(as_of)
        self._table = table
        self._time = TABLES[name].time
        self._timezone = timezone
        owner = np.repeat(np.arange(self.size), np.diff(table.offsets))
        keep = table[self._time] <= as_of[owner]
        self.given = table.given
        if allowed is not None:
            keep &= allowed[owner]
            self.given = self.given & allowed
        limit = LIMITS.get(name)
        if limit is not None and len(owner) > limit:
            behind = ragged.offsets_of(owner[keep], self.size)[1:][owner[keep]] - np.arange(keep.sum())
            keep[np.flatnonzero(keep)[behind > limit]] = False
        self._index = None if keep.all() else np.flatnonzero(keep)
        self.owner = owner if self._index is None else owner[self._index]
        self.as_of = as_of[self.owner]
        self._cut: dict[str, Array] = {}

    def __getitem__(self, column: str) -> Array:
        """Return one column of the rows that count, shape (R,)."""
        if self._index is None:
            return self._table[column]
        if column not in self._cut:
            self._cut[column] = self._table[column][self._index]
        return self._cut[column]

    @cached_property
    def offsets(self) -> Array:
        """Where each customer's rows begin, shape (N + 1,)."""
        return self._table.offsets if self._index is None else ragged.offsets_of(self.owner, self.size)

    @cached_property
    def day(self) -> Array:
        """The local day of each row, int64 of shape (R,)."""
        return local_day(self[self._time], self._timezone)

    @cached_property
    def age_days(self) -> Array:
        """Whole local days from each row to ``as_of``, shape (R,)."""
        return local_day(self.as_of, self._timezone) - self.day

    def known(self, column: str) -> Array:
        """Return whether a time column has happened by ``as_of``, bool of shape (R,)."""
        return (self[column] != NAT) & (self[column] <= self.as_of)


@dataclass(frozen=True)
class Purchases:
    """Orders that count as purchases, netted, and the purchase days made of them.

    ``counted`` is bool over the order rows; ``net`` and ``refund`` are per order row. ``owner``, ``day`` and
    ``value`` are per purchase day, sorted; ``offsets`` says where each customer's days begin.
    """

    counted: Array
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

    @property
    def size(self) -> int:
        """N, the number of customers."""
        return self.history.size

    @cached_property
    def today(self) -> Array:
        """The local day of ``as_of``, int64 of shape (N,)."""
        return local_day(self.as_of, self.history.timezone)

    def rows(self, name: str) -> Rows | None:
        """Return the rows of a table that count, or None where nobody was given it."""
        table = self.history.tables.get(name)
        if table is None:
            return None
        if name not in self._rows:
            allowed = None
            if name == "events" and not self.tracked.all():
                allowed = self.tracked
            self._rows[name] = Rows(table, name, self.as_of, self.history.timezone, allowed)
        return self._rows[name]

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
    """Return whether each customer has a purchase in (after, until], as known at ``until``; bool, shape (N,).

    This is the label's side of the cut: the same netting as for features, seen from the horizon's end.
    """
    table = history.tables.get("orders")
    if table is None:
        return np.zeros(history.size, dtype=bool)
    orders = Rows(table, "orders", until, history.timezone)
    purchases = _net(orders, orders["ordered_at"] > after[orders.owner])
    return np.diff(purchases.offsets) > 0


def _net(orders: Rows, within: Array | None = None) -> Purchases:
    """Net refunds and cancellations known at ``as_of``, then net per customer and day.

    Where ``within`` (bool of shape (R,)) is given, other rows do not count.
    """
    status, revenue = orders["status"], orders["revenue"]
    cancelled_at, refunded_at = orders["cancelled_at"], orders["refunded_at"]
    is_cancelled = (status == _CANCELLED) & ((cancelled_at == NAT) | (cancelled_at <= orders.as_of))
    counted = ~is_cancelled & (status != _PENDING)
    if within is not None:
        counted &= within
    amount = np.where(
        np.isnan(orders["refund"]),
        np.where((status == _REFUNDED) & (revenue > 0), revenue, 0.0),
        orders["refund"],
    )
    refund = np.where((refunded_at == NAT) | (refunded_at <= orders.as_of), amount, 0.0)
    net = np.where(counted, revenue - refund, 0.0)

    owner, day = orders.owner[counted], orders.day[counted]
    begins = np.ones(len(owner), dtype=bool)
    begins[1:] = (owner[1:] != owner[:-1]) | (day[1:] != day[:-1])
    group = np.cumsum(begins) - 1
    groups = int(group[-1]) + 1 if len(group) else 0
    value = np.bincount(group, weights=net[counted], minlength=groups)
    is_reduced = (revenue < 0) | (refund > 0)
    has_reduction = np.bincount(group, weights=is_reduced[counted], minlength=groups) > 0
    is_purchase = (value > 0) | ((value == 0) & ~has_reduction)
    owner, day = owner[begins][is_purchase], day[begins][is_purchase]
    return Purchases(
        counted, refund, net, owner, day, value[is_purchase], ragged.offsets_of(owner, orders.size)
    )
