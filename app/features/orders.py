"""Order regularity, silence against the customer's own rhythm, baskets, discounts, returns and delivery."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, ORDER_STATUSES, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import Purchases, Rows, View

FEATURES: Final = (
    Feature("average_gap_days", "days"),
    Feature("last_gap_days", "days"),
    Feature("longest_gap_days", "days"),
    Feature("gap_variation", "ratio"),
    Feature("gap_trend", "ratio"),
    Feature("silence_ratio", "ratio"),
    Feature("silence_to_longest_gap", "ratio"),
    Feature("discount_share", "share", high=1.0),
    Feature("coupon_share", "share", high=1.0),
    Feature("return_share", "share"),
    Feature("cancelled_share", "share", high=1.0),
    Feature("late_delivery_share", "share", high=1.0),
    Feature("average_delivery_days", "days"),
    Feature("last_delivery_late", "flag", high=1.0, kind="flag"),
)
LINE_FEATURES: Final = (
    Feature("distinct_products", "count", table="order_lines"),
    Feature("lines_per_order_day", "count", table="order_lines"),
    Feature("repeat_product_share", "share", high=1.0, table="order_lines"),
)

_CANCELLED: Final = ORDER_STATUSES.index("cancelled")


def compute(view: View) -> dict[str, Array]:
    """Return the features of orders, each of shape (N,).

    Gaps are whole days between purchase days, known from the second one on; ``gap_variation`` is their
    coefficient of variation, from the third. ``silence_ratio`` is the days since the last order over the
    average gap: 1 means "due now", 3 means "three times the usual silence".
    """
    purchases, orders = view.purchases, view.rows("orders")
    if purchases is None or orders is None:
        return {}
    return {
        **_gaps(view, purchases),
        **_money(orders, purchases, view.size),
        **_delivery(orders, purchases, view.size),
    }


def _gaps(view: View, purchases: Purchases) -> dict[str, Array]:
    size, owner, day = view.size, purchases.owner, purchases.day
    follows = owner[1:] == owner[:-1]
    gap_owner, gap = owner[1:][follows], (day[1:] - day[:-1])[follows].astype(np.float64)
    gaps = ragged.count(gap_owner, size)
    average = ragged.share(ragged.total(gap_owner, gap, size), gaps)
    last_gap = ragged.last(ragged.offsets_of(gap_owner, size), gap)
    deviation = (gap - average[gap_owner]) ** 2
    spread = np.sqrt(ragged.share(ragged.total(gap_owner, deviation, size), gaps))
    longest = ragged.largest(gap_owner, gap, size)
    silence = view.today - ragged.last(purchases.offsets, day)
    return {
        "average_gap_days": average,
        "last_gap_days": last_gap,
        "longest_gap_days": longest,
        "gap_variation": np.where(gaps >= 2, spread / average, np.nan),
        "gap_trend": last_gap / average,
        "silence_ratio": silence / average,
        "silence_to_longest_gap": silence / longest,
    }


def _money(orders: Rows, purchases: Purchases, size: int) -> dict[str, Array]:
    owner, counted = orders.owner, purchases.counted
    gross = ragged.total(owner, np.maximum(orders["revenue"], 0.0), size, counted)
    discount = ragged.total(owner, np.nan_to_num(orders["discount"]), size, counted)
    returned = purchases.refund + np.maximum(-orders["revenue"], 0.0)
    known = orders["status"] != -1
    cancelled = (orders["status"] == _CANCELLED) & ~counted
    sold = counted & (orders["revenue"] >= 0)
    return {
        "discount_share": ragged.share(discount, gross + discount),
        "coupon_share": ragged.share(
            ragged.total(owner, np.nan_to_num(orders["has_coupon"]), size, sold),
            ragged.count(owner, size, sold),
        ),
        "return_share": ragged.share(ragged.total(owner, returned, size, counted), gross),
        "cancelled_share": ragged.share(
            ragged.count(owner, size, cancelled), ragged.count(owner, size, known)
        ),
    }


def _delivery(orders: Rows, purchases: Purchases, size: int) -> dict[str, Array]:
    delivered = purchases.counted & orders.known("delivered_at")
    promised = orders.known("promised_at") | (orders["promised_at"] > orders.as_of)
    # Late is known from the promised time on, whether or not the parcel has come by then.
    overdue = purchases.counted & orders.known("promised_at") & ~delivered & orders.known("shipped_at")
    late = (delivered & promised & (orders["delivered_at"] > orders["promised_at"])) | overdue
    judged = (delivered & promised) | overdue
    days = (orders["delivered_at"] - orders["ordered_at"])[delivered] / MICROSECONDS_PER_DAY
    judged_owner = orders.owner[judged]
    return {
        "late_delivery_share": ragged.share(
            ragged.count(orders.owner, size, late), ragged.count(orders.owner, size, judged)
        ),
        "average_delivery_days": ragged.share(
            ragged.total(orders.owner[delivered], days, size), ragged.count(orders.owner, size, delivered)
        ),
        "last_delivery_late": ragged.last(
            ragged.offsets_of(judged_owner, size), late[judged].astype(np.float64)
        ),
    }


def compute_lines(view: View) -> dict[str, Array]:
    """Return the features of order lines, each of shape (N,): breadth and repetition of products."""
    lines, purchases = view.rows("order_lines"), view.purchases
    if lines is None or purchases is None:
        return {}
    count = ragged.count(lines.owner, view.size)
    distinct = ragged.distinct(lines.owner, lines["product"], view.size)
    return {
        "distinct_products": distinct,
        "lines_per_order_day": ragged.share(count, ragged.count(purchases.owner, view.size)),
        "repeat_product_share": 1.0 - ragged.share(distinct, count),
    }
