"""Features of a summary: what a CRM has on the record instead of the orders.

The summary variant of a model is trained on summaries made by :func:`summarise` from the same histories, so
that it is asked about what it has seen.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.clock import local_day
from app.domain.history import NAT, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import View

FEATURES: Final = tuple(
    Feature(name, unit, low=low, high=high, table="summary", summary=True)
    for name, unit, low, high in (
        ("summary.days_since_last_order", "days", 0.0, np.inf),
        ("summary.days_since_first_order", "days", 0.0, np.inf),
        ("summary.order_count", "count", 0.0, np.inf),
        ("summary.average_gap_days", "days", 0.0, np.inf),
        ("summary.silence_ratio", "ratio", 0.0, np.inf),
        ("summary.revenue_total", "currency", -np.inf, np.inf),
        ("summary.average_order_value", "currency", -np.inf, np.inf),
        ("summary.return_share", "share", 0.0, np.inf),
        ("summary.orders_90d", "count", 0.0, np.inf),
        ("summary.orders_365d", "count", 0.0, np.inf),
        ("summary.revenue_90d", "currency", -np.inf, np.inf),
        ("summary.revenue_365d", "currency", -np.inf, np.inf),
    )
)


_WINDOWS: Final = ("orders_90d", "orders_365d", "revenue_90d", "revenue_365d")


def compute(view: View) -> dict[str, Array]:
    """Return the features of summaries, each of shape (N,); a summary later than ``as_of`` is unknown."""
    summary = view.history.summary
    if summary is None:
        return {}
    first_at, last_at, count = summary["first_order_at"], summary["last_order_at"], summary["order_count"]
    known = (first_at != NAT) & (first_at <= last_at) & (last_at <= view.as_of)
    zone = view.history.timezone
    first_day, last_day = local_day(first_at, zone), local_day(last_at, zone)
    silence = (view.today - last_day).astype(np.float64)
    many = known & (count > 1) & (last_day > first_day)
    gap = np.divide(last_day - first_day, count - 1, out=np.full(view.size, np.nan), where=many)
    revenue, refund = summary["revenue"], summary["refund"]
    net = np.where(np.isnan(refund), revenue, revenue - refund)
    answer = {
        "summary.days_since_last_order": silence,
        "summary.days_since_first_order": (view.today - first_day).astype(np.float64),
        "summary.order_count": count,
        "summary.average_gap_days": gap,
        "summary.silence_ratio": silence / gap,
        "summary.revenue_total": net,
        "summary.average_order_value": ragged.share(net, count),
        "summary.return_share": ragged.share(refund, revenue),
        **{f"summary.{name}": summary[name] for name in _WINDOWS},
    }
    if known.all():
        return answer
    return {name: np.where(known, column, np.nan) for name, column in answer.items()}


def summarise(view: View) -> dict[str, Array]:
    """Return the summary that a CRM would hold at ``as_of``: the columns of ``SUMMARY``, each of shape (N,).

    Orders that were cancelled or are pending are left out; revenue is gross of refunds; a return without its
    order counts as a refund, not as an order.
    """
    orders, purchases = view.rows("orders"), view.purchases
    if orders is None or purchases is None:
        raise ValueError("a summary needs orders")
    size, owner, age = view.size, orders.owner, orders.age_days
    sold = purchases.counted & (orders["revenue"] >= 0)
    gross = np.maximum(orders["revenue"], 0.0)
    refund = purchases.refund + np.maximum(-orders["revenue"], 0.0)
    sold_offsets = ragged.offsets_of(owner[sold], size)
    has = np.diff(sold_offsets) > 0
    times = orders["ordered_at"][sold]
    first_at, last_at = np.full(size, NAT, dtype=np.int64), np.full(size, NAT, dtype=np.int64)
    first_at[has] = times[sold_offsets[:-1][has]]
    last_at[has] = times[sold_offsets[1:][has] - 1]
    return {
        "first_order_at": first_at,
        "last_order_at": last_at,
        "order_count": ragged.count(owner, size, sold),
        "revenue": ragged.total(owner, gross, size, sold),
        "refund": ragged.total(owner, refund, size, purchases.counted),
        "refund_count": ragged.count(owner, size, purchases.counted & (refund > 0)),
        "orders_90d": ragged.count(owner, size, sold & (age < 90)),
        "revenue_90d": ragged.total(owner, gross, size, sold & (age < 90)),
        "orders_365d": ragged.count(owner, size, sold & (age < 365)),
        "revenue_365d": ragged.total(owner, gross, size, sold & (age < 365)),
    }
