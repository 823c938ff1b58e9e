"""Web events: visits without and with an order, and what became of e-mails.

Customers who denied behavioural tracking leave none. Every event of a customer lies before the day on which
the customer leaves; nothing is recorded after the end of the data.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import EVENTS, Array
from training.sample.basket import Lines, Taste, Views
from training.sample.catalogue import Catalogue
from training.sample.season import at
from training.sample.streams import Streams
from training.sample.world import APP, STORE, WEB, Logs

NAMES: Final = (*EVENTS, "session_started")
CHANNELS: Final = ("web", "app", "email")
EMAIL: Final = CHANNELS.index("email")
SESSION: Final = NAMES.index("session_started")
_SECOND: Final = 1_000_000
_LONGEST_VISIT_VIEWS: Final = 12
_COLUMNS: Final = ("customer", "time", "event", "product", "value", "duration", "channel")

Rows = dict[str, Array]


def _rows(event: str, customer: Array, time: Array, **more: Array) -> Rows:
    """Return rows of one event; whatever is not said is missing."""
    count = len(customer)
    return {
        "customer": customer,
        "time": time,
        "event": np.full(count, NAMES.index(event)),
        "product": more.get("product", np.full(count, -1)),
        "value": more.get("value", np.full(count, np.nan)),
        "duration": more.get("duration", np.full(count, np.nan)),
        "channel": more.get("channel", np.full(count, WEB)),
    }


def visits(log: Rows, taste: Taste, goods: Catalogue, streams: Streams) -> tuple[list[Rows], Views]:
    """Turn visits without an order into events, and return the product views apart.

    Parameters
    ----------
    log : dict of ndarray, shape (S,)
        The log of sessions: customer, day, subscribed.

    Returns
    -------
    events : list of rows
        Sessions, sign-ins, searches, views, carts left behind.
    views : Views
        Their product views, sorted by customer and time.
    """
    rng = streams["visits in detail"]
    size = len(log["customer"])
    start = at(log["day"], 9.6 + 13.4 * rng.beta(2.2, 1.5, size))
    channel = np.where(rng.random(size) < 0.55, APP, WEB)
    count = 1 + np.minimum(rng.poisson(1.6, size), _LONGEST_VISIT_VIEWS - 1)
    visit = np.repeat(np.arange(size), count)
    stay = np.maximum(rng.lognormal(3.5, 0.8, len(visit)), 2.0).clip(max=120.0)
    before = np.cumsum(stay) - stay
    since_start = before - np.repeat(before[np.cumsum(count) - count], count)
    viewed_at = start[visit] + ((20.0 + since_start) * _SECOND).astype(np.int64)
    product = taste.choose(log["customer"][visit], log["day"][visit], rng)
    total = 20.0 + np.bincount(visit, weights=stay, minlength=size)
    who, where = log["customer"], channel
    u = rng.random((4, size))
    views = _rows(
        "product_viewed", who[visit], viewed_at, product=product, duration=stay, channel=where[visit]
    )
    used = log["subscribed"] & (u[2] < 0.35)
    found = [
        _rows("session_started", who, start, duration=total, channel=where),
        _some(_rows("signed_in", who, start + 4 * _SECOND, channel=where), u[0] < 0.6),
        _some(_rows("products_searched", who, start + 12 * _SECOND, channel=where), u[1] < 0.3),
        _some(_rows("feature_used", who, start + 8 * _SECOND, channel=where), used),
        views,
        *_carts(views, visit, start + ((total + 5.0) * _SECOND).astype(np.int64), goods, rng),
    ]
    by = np.lexsort((viewed_at, who[visit]))
    return found, Views(customer=who[visit][by], time=viewed_at[by], product=product[by])


def _some(rows: Rows, chosen: Array) -> Rows:
    """Return the chosen rows."""
    return {name: column[chosen] for name, column in rows.items()}


def _carts(views: Rows, visit: Array, ends: Array, goods: Catalogue, rng: np.random.Generator) -> list[Rows]:
    """Return what was put into carts and left there."""
    u = rng.random((2, len(visit)))
    added = u[0] < 0.09
    value = goods.price[views["product"]] / 100.0
    add = {**views, "event": np.full(len(visit), NAMES.index("product_added")), "value": value}
    add["time"] = views["time"] + _SECOND
    add["duration"] = np.full(len(visit), np.nan)
    remove = {**add, "event": np.full(len(visit), NAMES.index("product_removed"))}
    remove["time"] = views["time"] + np.rint(views["duration"] * _SECOND).astype(np.int64)
    with_cart = np.bincount(visit, weights=added * value, minlength=len(ends))
    first = np.searchsorted(visit, np.arange(len(ends)))
    who, where = views["customer"][first], views["channel"][first]
    v = rng.random((2, len(ends)))
    seen = _rows("cart_viewed", who, ends, value=with_cart, channel=where)
    begun = _rows("checkout_started", who, ends + 9 * _SECOND, value=with_cart, channel=where)
    return [
        _some(add, added),
        _some(remove, added & (u[1] < 0.3)),
        _some(seen, (with_cart > 0) & (v[0] < 0.6)),
        _some(begun, (with_cart > 0) & (v[1] < 0.18)),
    ]


def purchases(orders: Rows, lines: Lines, streams: Streams) -> list[Rows]:
    """Turn the visits in which something was ordered online into events that lie before the order."""
    rng = streams["purchases in detail"]
    online = orders["channel"] != STORE
    size = len(online)
    minutes = rng.uniform(6.0, 24.0, size)
    start = orders["ordered_at"] - (minutes * 60 * _SECOND).astype(np.int64)
    who, where = orders["customer"], orders["channel"]
    u = rng.random((2, size))
    o = lines.order
    # Lines are looked at one after the other in the first half of the visit.
    spread = rng.uniform(0.05, 0.5, len(o))
    seen = start[o] + (spread * minutes[o] * 60 * _SECOND).astype(np.int64)
    stay = rng.uniform(5.0, 40.0, len(o))
    looked = online[o] & (rng.random(len(o)) < 0.8)
    money = lines.order_revenue / 100.0
    price = lines.price / 100.0
    early, late = orders["ordered_at"] - 80 * _SECOND, orders["ordered_at"] - 50 * _SECOND
    view = _rows("product_viewed", who[o], seen, product=lines.product, duration=stay, channel=where[o])
    add = _rows(
        "product_added", who[o], seen + 45 * _SECOND, product=lines.product, value=price, channel=where[o]
    )
    return [
        _some(_rows("session_started", who, start, duration=minutes * 60, channel=where), online),
        _some(_rows("signed_in", who, start + 5 * _SECOND, channel=where), online & (u[0] < 0.9)),
        _some(view, looked),
        _some(add, online[o]),
        _some(_rows("cart_viewed", who, early, value=money, channel=where), online & (u[1] < 0.7)),
        _some(_rows("coupon_applied", who, late - 10 * _SECOND, channel=where), online & lines.has_coupon),
        _some(_rows("checkout_started", who, late, value=money, channel=where), online),
    ]


def mails(logs: Logs) -> list[Rows]:
    """Turn opened e-mails, clicks and unsubscriptions into events."""
    opened, quits = logs.emails.columns(), logs.unsubscribed.columns()
    channel = np.full(len(opened["at"]), EMAIL)
    clicked = _rows("email_link_clicked", opened["customer"], opened["at"] + 30 * _SECOND, channel=channel)
    return [
        _rows("email_opened", opened["customer"], opened["at"], channel=channel),
        _some(clicked, opened["clicked"]),
        _rows("unsubscribed", quits["customer"], quits["at"], channel=np.full(len(quits["at"]), EMAIL)),
    ]


def join(parts: list[Rows]) -> Rows:
    """Put all events into one list, in the order of the parts."""
    return {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}


def tracked(rows: Rows, until: Array) -> Rows:
    """Return the events that were recorded, sorted by customer and time.

    ``until`` holds the time from which each customer allows no tracking, int64 of shape (N,). E-mail events
    are kept for all: they are no tracking of behaviour on the site.
    """
    kept = _some(rows, (rows["time"] < until[rows["customer"]]) | (rows["channel"] == EMAIL))
    return _some(kept, np.lexsort((kept["event"], kept["time"], kept["customer"])))
