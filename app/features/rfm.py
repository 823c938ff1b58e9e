"""Recency, frequency, monetary value and their trends, from purchase days."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import View

FEATURES: Final = (
    Feature("days_since_last_order", "days"),
    Feature("days_since_first_order", "days"),
    Feature("order_days", "count"),
    Feature("order_days_30d", "count"),
    Feature("order_days_90d", "count"),
    Feature("order_days_365d", "count"),
    Feature("recent_order_share", "share", high=1.0),
    Feature("order_days_year_ago", "count"),
    Feature("revenue_total", "currency", low=-np.inf),
    Feature("revenue_90d", "currency", low=-np.inf),
    Feature("revenue_365d", "currency", low=-np.inf),
    Feature("recent_revenue_share", "share", high=1.0),
    Feature("average_order_value", "currency"),
    Feature("last_order_value", "currency"),
    Feature("largest_order_value", "currency"),
)

_SEASON_DAYS: Final = 90


def compute(view: View) -> dict[str, Array]:
    """Return the features of this module, each of shape (N,).

    ``recent_order_share`` is the share of the last 180 days' purchase days that lie in the last 90;
    ``order_days_year_ago`` counts the purchase days in the 90 days that followed this day a year ago.
    """
    purchases = view.purchases
    if purchases is None:
        return {}
    size, owner, value = view.size, purchases.owner, purchases.value
    age = view.today[owner] - purchases.day
    is_90, is_180, is_365 = age < 90, age < 180, age < 365
    order_days = ragged.count(owner, size)
    days_90, days_180 = ragged.count(owner, size, is_90), ragged.count(owner, size, is_180)
    # Money is netted on all counted rows: a return on another day lowers the total without being a purchase.
    orders = view.rows("orders")
    assert orders is not None  # noqa: S101  purchases exist only where orders do
    net, row_age = purchases.net, view.today[orders.owner] - orders.day
    revenue_90 = ragged.total(orders.owner, net, size, row_age < 90)
    positive = np.maximum(net, 0.0)
    positive_90 = ragged.total(orders.owner, positive, size, row_age < 90)
    positive_180 = ragged.total(orders.owner, positive, size, row_age < 180)
    return {
        "days_since_last_order": view.today - ragged.last(purchases.offsets, purchases.day),
        "days_since_first_order": view.today - ragged.first(purchases.offsets, purchases.day),
        "order_days": order_days,
        "order_days_30d": ragged.count(owner, size, age < 30),
        "order_days_90d": days_90,
        "order_days_365d": ragged.count(owner, size, is_365),
        "recent_order_share": ragged.share(days_90, days_180),
        "order_days_year_ago": ragged.count(owner, size, (age <= 365) & (age > 365 - _SEASON_DAYS)),
        "revenue_total": ragged.total(orders.owner, net, size),
        "revenue_90d": revenue_90,
        "revenue_365d": ragged.total(orders.owner, net, size, row_age < 365),
        "recent_revenue_share": ragged.share(positive_90, positive_180),
        "average_order_value": ragged.share(ragged.total(owner, value, size), order_days),
        "last_order_value": ragged.last(purchases.offsets, value),
        "largest_order_value": ragged.largest(owner, value, size),
    }
