"""Order regularity, silence against the customer's own rhythm, baskets, discounts, returns and delivery."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import Purchases, Rows, View, is_bought

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
    gap_owner, gap = owner[1:], (day[1:] - day[:-1]).astype(np.float64)
    if size > 1:
        follows = gap_owner == owner[:-1]
        gap_owner, gap = gap_owner[follows], gap[follows]
    offsets = ragged.offsets_of(gap_owner, size)
    gaps = offsets[1:] - offsets[:-1]
    average = ragged.share(ragged.total(gap_owner, gap, size), gaps)
    last_gap, longest = ragged.last(offsets, gap), ragged.largest(offsets, gap)
    deviation = (gap - (average if size == 1 else average[gap_owner])) ** 2
    spread = np.sqrt(ragged.share(ragged.total(gap_owner, deviation, size), gaps))
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
    """Return what was discounted, given back and called off; returns without their order are no orders."""
    owner, counted, revenue = orders.owner, purchases.counted, orders["revenue"]
    is_order = revenue >= 0
    sold = counted & is_order
    sales = ragged.count(owner, size, sold)
    gross = ragged.total(owner, revenue, size, sold)
    discount = ragged.total(owner, np.fmax(orders["discount"], 0.0), size, sold)
    returned = ragged.total(owner, purchases.refund + np.maximum(-revenue, 0.0), size, counted)
    with_coupon = ragged.count(owner, size, sold & (orders["has_coupon"] == 1.0))
    return {
        "discount_share": ragged.share(discount, gross + discount),
        "coupon_share": ragged.share(with_coupon, sales),
        "return_share": ragged.share(returned, gross),
        "cancelled_share": ragged.share(
            ragged.count(owner, size, purchases.cancelled & is_order), ragged.count(owner, size, is_order)
        ),
    }


def _delivery(orders: Rows, purchases: Purchases, size: int) -> dict[str, Array]:
    """Return how deliveries went; a parcel on its way is late from the promised time on."""
    counted, has_come, is_due = purchases.counted, orders.known("delivered_at"), orders.known("promised_at")
    if not (has_come.any() or is_due.any()):
        return {}
    delivered_at, promised_at = orders["delivered_at"], orders["promised_at"]
    is_promised = promised_at != NAT
    delivered = counted & has_come
    overdue = counted & is_due & ~has_come & orders.known("shipped_at")
    judged = (delivered & is_promised) | overdue
    late = overdue | (judged & (delivered_at > promised_at))
    days = np.maximum(delivered_at - orders["ordered_at"], 0)[delivered] / MICROSECONDS_PER_DAY
    owner, judged_owner = orders.owner[delivered], orders.owner[judged]
    return {
        "late_delivery_share": ragged.share(
            ragged.count(orders.owner, size, late), ragged.count(judged_owner, size)
        ),
        "average_delivery_days": ragged.share(ragged.total(owner, days, size), ragged.count(owner, size)),
        "last_delivery_late": ragged.last(ragged.offsets_of(judged_owner, size), late[judged]),
    }


def compute_lines(view: View) -> dict[str, Array]:
    """Return the features of order lines, each of shape (N,): breadth and repetition of products bought.

    Not known where no line is: an order without lines says nothing of what was bought.
    """
    lines, orders, purchases = view.rows("order_lines"), view.rows("orders"), view.purchases
    if lines is None or orders is None or purchases is None:
        return {}
    size, bought = view.size, is_bought(lines, orders, purchases)
    owner, product = lines.owner[bought], lines["product"][bought]
    has_lines = lines.offsets[1:] > lines.offsets[:-1]
    count = np.where(has_lines, ragged.count(owner, size), np.nan)
    distinct = np.where(has_lines, ragged.distinct(owner, product, size), np.nan)
    return {
        "distinct_products": distinct,
        "lines_per_order_day": ragged.share(count, purchases.offsets[1:] - purchases.offsets[:-1]),
        "repeat_product_share": 1.0 - ragged.share(distinct, count),
    }
