"""Canonical tables of trade: customers, orders, order_lines, products, events."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from app.domain.history import ORDER_STATUSES, Array
from training.sample import events as web
from training.sample.basket import Lines
from training.sample.catalogue import BRANDS, CATEGORIES, Catalogue
from training.sample.columns import (
    customer_ids,
    flags,
    money,
    numbers,
    product_ids,
    row_ids,
    table,
    times,
    whole,
    words,
)
from training.sample.orders import Orders
from training.sample.people import ACQUISITION, GENDERS, PLACES, PLANS, People
from training.sample.season import CURRENCY, DAYS
from training.sample.world import CHANNELS, Logs


def customers_table(people: People, created_at: Array) -> pa.Table:
    """Return one row per customer; every column was known at registration."""
    place = people.place
    return table(
        {
            "customer_id": customer_ids(people.first_number + np.arange(people.size)),
            "created_at": times(created_at),
            "acquisition_channel": words(people.acquisition, ACQUISITION),
            "birth_year": whole(people.birth_year),
            "gender": words(people.gender, GENDERS),
            "country": words(place, [row[0] for row in PLACES]),
            "state": words(place, [row[1] for row in PLACES]),
            "city": words(place, [row[2] for row in PLACES]),
            "plan": words(people.plan, PLANS),
            "newsletter": flags(people.newsletter),
            "household_size": numbers(people.household),
        }
    )


def orders_table(orders: Orders, lines: Lines, logs: Logs, first_number: int) -> pa.Table:
    """Return the orders and the returns without their order, O rows sorted by customer and time."""
    source = orders.source
    own = source >= 0
    return table(
        {
            "order_id": row_ids("o", first_number + orders.customer, orders.number),
            "customer_id": customer_ids(first_number + orders.customer),
            "ordered_at": times(orders.ordered_at),
            "revenue": money(orders.revenue),
            "currency": words(np.zeros(len(source), dtype=np.int64), [CURRENCY]),
            "status": words(orders.status, ORDER_STATUSES),
            "refund": money(orders.refund, mask=orders.refund == 0),
            "refunded_at": times(orders.refunded_at),
            "cancelled_at": times(orders.cancelled_at),
            "discount": money(orders.discount, mask=~own),
            "coupon": _coupons(np.where(own & lines.has_coupon[source], source, -1), logs),
            "channel": words(orders.channel, CHANNELS),
            "promised_at": times(orders.promised_at),
            "shipped_at": times(orders.shipped_at),
            "delivered_at": times(orders.delivered_at),
        }
    )


def _coupons(source: Array, logs: Logs) -> pa.Array:
    """Return the coupon of each order's log row: that of its campaign, or the standing one; missing at -1."""
    contact = logs.orders.columns()["contact"][source]
    campaign = np.append(logs.contacts.columns()["campaign"], -1)[contact]
    codes = ["SIM-SAVE", *(f"SIM-C{number:02d}" for number in range(int(campaign.max(initial=0)) + 1))]
    return words(np.where(source >= 0, np.where(contact >= 0, campaign + 1, 0), -1), codes)


def order_lines_table(orders: Orders, lines: Lines, first_number: int) -> pa.Table:
    """Return the lines of all orders, in the order of the orders table."""
    position = np.full(len(lines.order_revenue), -1)
    own = orders.source >= 0
    position[orders.source[own]] = np.flatnonzero(own)
    row = position[lines.order]
    by = np.argsort(row, kind="stable")
    row = row[by]
    return table(
        {
            "order_id": row_ids("o", first_number + orders.customer[row], orders.number[row]),
            "product_id": product_ids(lines.product[by]),
            "quantity": pa.array(lines.quantity[by], pa.int64()),
            "price": money(lines.price[by]),
            "discount": money(lines.discount[by]),
        }
    )


def products_table(goods: Catalogue) -> pa.Table:
    """Return the range; ``name`` holds the English and the Chinese name."""
    names = [f"{en} / {zh}" for en, zh in zip(goods.name_en, goods.name_zh, strict=True)]
    return table(
        {
            "product_id": product_ids(np.arange(goods.size)),
            "category": words(goods.category, CATEGORIES),
            "name": pa.array(names, pa.string()),
            "brand": words(goods.brand, BRANDS),
            "price": money(goods.price),
            "active": flags(goods.last_day >= DAYS),
            "margin": numbers(goods.margin),
        }
    )


def events_table(rows: web.Rows, goods: Catalogue, first_number: int) -> pa.Table:
    """Return the recorded events, E rows sorted by customer and time."""
    product = rows["product"]
    category = np.where(product >= 0, goods.category[np.maximum(product, 0)], -1)
    return table(
        {
            "customer_id": customer_ids(first_number + rows["customer"]),
            "event": words(rows["event"], web.NAMES),
            "timestamp": times(rows["time"]),
            "product_id": product_ids(product),
            "category": words(category, CATEGORIES),
            "value": numbers(rows["value"]),
            "duration_seconds": numbers(np.round(rows["duration"], 1)),
            "channel": words(rows["channel"], web.CHANNELS),
        }
    )
