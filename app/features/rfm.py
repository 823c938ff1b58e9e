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
    Feature("average_repeat_order_value", "currency", is_input=False),
)

_DAY_EDGES: Final = np.array([30, 90, 180, 276, 365, 366])
_ROW_EDGES: Final = np.array([90, 180, 365])


def compute(view: View) -> dict[str, Array]:
    """Return the features of this module, each of shape (N,).

    ``recent_order_share`` is the share of the last 180 days' purchase days that lie in the last 90;
    ``order_days_year_ago`` counts the purchase days in the 90 days that followed this day a year ago.
    """
    purchases, orders = view.purchases, view.rows("orders")
    if purchases is None or orders is None:
        return {}
    size, owner, value = view.size, purchases.owner, purchases.value
    last = ragged.last(purchases.offsets, purchases.day)
    first = ragged.first(purchases.offsets, purchases.day)
    age = (view.today if size == 1 else view.today[owner]) - purchases.day
    days = ragged.Windows(owner, age, _DAY_EDGES, size).count()
    # Money is netted on all counted rows: a return on another day lowers the total without being a purchase.
    rows = ragged.Windows(orders.owner, orders.age_days, _ROW_EDGES, size)
    net, positive = rows.total(purchases.net), rows.total(np.maximum(purchases.net, 0.0))
    spent = ragged.total(owner, value, size)
    later = spent - ragged.first(purchases.offsets, value)
    return {
        "days_since_last_order": view.today - last,
        "days_since_first_order": view.today - first,
        "order_days": days[:, 6],
        "order_days_30d": days[:, 0],
        "order_days_90d": days[:, 1],
        "order_days_365d": days[:, 4],
        "recent_order_share": ragged.share(days[:, 1], days[:, 2]),
        "order_days_year_ago": days[:, 5] - days[:, 3],
        "revenue_total": net[:, 3],
        "revenue_90d": net[:, 0],
        "revenue_365d": net[:, 2],
        "recent_revenue_share": ragged.share(positive[:, 0], positive[:, 1]),
        "average_order_value": ragged.share(spent, days[:, 6]),
        "last_order_value": ragged.last(purchases.offsets, value),
        "largest_order_value": ragged.largest(purchases.offsets, value),
        "average_repeat_order_value": ragged.share(later, days[:, 6] - 1.0),
    }
