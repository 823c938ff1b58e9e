"""What is known of each order at the end of the data: status, refund, cancellation, delivery.

Facts that would lie after the end are not there yet. Some returns come without their order, as rows with a
negative revenue and the status refunded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, NAT, ORDER_STATUSES, Array
from training.sample.basket import Lines
from training.sample.columns import sequence
from training.sample.season import END, HOUR
from training.sample.streams import Streams
from training.sample.world import CANCELLED, COMPLETED, STORE, Logs

PENDING: Final = ORDER_STATUSES.index("pending")
_REFUNDED: Final = ORDER_STATUSES.index("refunded")
_RETURN_SHARE: Final = 0.006
_PENDING_HOURS: Final = 36
_PENDING_SHARE: Final = 0.7


@dataclass(frozen=True, slots=True)
class Orders:
    """Columns of all order rows, sorted by customer and time; amounts in fen.

    ``source`` is the row of the log, -1 for a return without its order; ``number`` counts within a customer.
    """

    source: Array
    customer: Array
    number: Array
    ordered_at: Array
    revenue: Array
    status: Array
    refund: Array
    refunded_at: Array
    cancelled_at: Array
    discount: Array
    channel: Array
    promised_at: Array
    shipped_at: Array
    delivered_at: Array


def settle(logs: Logs, lines: Lines, gone_at: Array, streams: Streams) -> Orders:
    """Return the orders as the business's books show them at the end of the data."""
    log = logs.orders.columns()
    rows = len(log["day"])
    u = streams["pending"].random(rows)
    cancelled = (log["fate"] == CANCELLED) & (log["cancelled_at"] <= END)
    fresh = (log["channel"] != STORE) & (log["ordered_at"] > END - _PENDING_HOURS * HOUR)
    pending = ~cancelled & ((log["fate"] == CANCELLED) | (fresh & (u < _PENDING_SHARE)))
    status, refund, refunded_at = _refunds(logs, lines, rows)
    status = np.where(cancelled, CANCELLED, np.where(pending, PENDING, status))

    def known(column: str) -> Array:
        return np.where(pending | (log[column] > END), NAT, log[column])

    orders = Orders(
        source=np.arange(rows),
        customer=log["customer"],
        number=np.zeros(rows, dtype=np.int64),
        ordered_at=log["ordered_at"],
        revenue=lines.order_revenue,
        status=status,
        refund=refund,
        refunded_at=refunded_at,
        cancelled_at=known("cancelled_at"),
        discount=lines.order_discount,
        channel=log["channel"],
        promised_at=log["promised_at"],
        shipped_at=known("shipped_at"),
        delivered_at=known("delivered_at"),
    )
    return _sorted(_with_returns(orders, gone_at, streams))


def _refunds(logs: Logs, lines: Lines, rows: int) -> tuple[Array, Array, Array]:
    """Return status, refunded amount and time of every order; a refund after the end is not known."""
    log = logs.refunds.columns()
    known = log["refunded_at"] <= END
    order = log["order"][known]
    status = np.full(rows, COMPLETED)
    status[order] = log["fate"][known]
    refund = np.zeros(rows, dtype=np.int64)
    refund[order] = np.rint(lines.order_revenue[order] * log["share"][known]).astype(np.int64)
    refunded_at = np.full(rows, NAT)
    refunded_at[order] = log["refunded_at"][known]
    return status, refund, refunded_at


def _with_returns(orders: Orders, gone_at: Array, streams: Streams) -> Orders:
    """Add returns without their order: goods of an earlier order, given back in a shop."""
    rng = streams["returns"]
    u = rng.random((2, len(orders.customer)))
    when = orders.ordered_at + (3 + 22 * u[1]).astype(np.int64) * MICROSECONDS_PER_DAY
    chosen = (u[0] < _RETURN_SHARE) & (orders.status == COMPLETED)
    chosen &= (when < gone_at[orders.customer]) & (when <= END)
    rows = int(chosen.sum())
    share = rng.uniform(0.2, 0.8, rows)
    missing, nothing = np.full(rows, NAT), np.zeros(rows, dtype=np.int64)
    added = {
        "source": np.full(rows, -1),
        "customer": orders.customer[chosen],
        "number": nothing,
        "ordered_at": when[chosen],
        "revenue": -np.rint(orders.revenue[chosen] * share).astype(np.int64),
        "status": np.full(rows, _REFUNDED),
        "refund": nothing,
        "refunded_at": when[chosen],
        "cancelled_at": missing,
        "discount": nothing,
        "channel": np.full(rows, STORE),
        "promised_at": missing,
        "shipped_at": missing,
        "delivered_at": missing,
    }
    return Orders(**{name: np.concatenate([getattr(orders, name), added[name]]) for name in Orders.__slots__})


def _sorted(orders: Orders) -> Orders:
    """Sort by customer and time, and number the orders of each customer."""
    by = np.lexsort((orders.ordered_at, orders.customer))
    columns = {name: getattr(orders, name)[by] for name in Orders.__slots__}
    columns["number"] = sequence(columns["customer"])
    return Orders(**columns)
