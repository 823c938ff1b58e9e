"""The canonical tables of one block of customers, column by column as the contract names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.domain.history import (
    ARMS,
    CASE_TYPES,
    CONTACT_CHANNELS,
    FEEDBACK_KINDS,
    MICROSECONDS_PER_DAY,
    NAT,
    ORDER_STATUSES,
    PRIORITIES,
    Array,
)
from training.sample import events as web
from training.sample.basket import Lines
from training.sample.campaigns import ACTIONS, action_of
from training.sample.catalogue import CATEGORIES, BRANDS, Catalogue
from training.sample.columns import (
    customer_ids,
    flags,
    money,
    numbers,
    product_ids,
    row_ids,
    sequence,
    table,
    times,
    whole,
    words,
)
from training.sample.feedback import SCALE_MAX, Asked
from training.sample.membership import fee
from training.sample.orders import Orders
from training.sample.parameters import Parameters
from training.sample.people import ACQUISITION, GENDERS, LANGUAGES, PLACES, PLANS, People
from training.sample.registration import CONSENT_STATUSES, ConsentRows
from training.sample.season import CURRENCY, END, at
from training.sample.streams import Streams
from training.sample.world import CHANNELS, NEVER, Logs

_LATE_CHANNEL: Final = "SIM"


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
    """Return the orders and the returns without their order."""
    log = logs.orders.columns()
    source = np.maximum(orders.source, 0)
    with_coupon = lines.has_coupon[source] & (orders.source >= 0)
    contact = log["contact"][source]
    campaign = logs.contacts.columns()["campaign"]
    code = np.where(contact >= 0, campaign[contact] + 1 if len(campaign) else 0, 0)
    coupons = ["SIM-SAVE", *(f"SIM-C{number:02d}" for number in range(int(campaign.max(initial=0)) + 1))]
    return table(
        {
            "order_id": row_ids("o", first_number + orders.customer, orders.number),
            "customer_id": customer_ids(first_number + orders.customer),
            "ordered_at": times(orders.ordered_at),
            "revenue": money(orders.revenue),
            "currency": pa.array([CURRENCY], pa.string()).take(pa.array(np.zeros(len(source), dtype=np.int64))),
            "status": words(orders.status, ORDER_STATUSES),
            "refund": money(orders.refund, mask=orders.refund == 0),
            "refunded_at": times(orders.refunded_at),
            "cancelled_at": times(orders.cancelled_at),
            "discount": money(orders.discount, mask=orders.source < 0),
            "coupon": words(np.where(with_coupon, code, -1), coupons),
            "channel": words(orders.channel, CHANNELS),
            "promised_at": times(orders.promised_at),
            "shipped_at": times(orders.shipped_at),
            "delivered_at": times(orders.delivered_at),
        }
    )
