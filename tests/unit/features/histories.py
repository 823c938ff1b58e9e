"""Random customers for property tests: every table, ties in time, day boundaries, gaps, and a future.

Hypothesis draws seeds and not rows: a customer has some hundred values, and drawing each would take longer
than everything that is tested.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from app.domain.history import Array, History
from app.domain.rows import build_history
from app.features.compute import compute
from tests.unit.features.reference import Customer, Value

Raw = dict[str, Any]

AS_OF: Final = 1_718_205_600_000_000  # 2024-06-12 15:20 UTC
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
ZONES: Final = ("UTC", "Europe/London", "America/New_York", "Asia/Shanghai", "Asia/Kolkata", "Pacific/Apia")
ATTRIBUTES: Final = {"contract": "categorical", "seats": "numeric", "paperless": "boolean"}
STATUSES: Final = (None, None, "completed", "refunded", "partially_refunded", "cancelled", "pending")
EVENTS: Final = (
    "product_viewed", "product_viewed", "product_added", "checkout_started", "feature_used", "signed_in",
    "email_opened", "email_link_clicked", "unsubscribed", "cart_viewed", "a name of its own",
)  # fmt: skip


class Chance:
    """Draws of the values that rows are made of."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  no secret

    def maybe(self, value: Any, share: float = 0.5) -> Any:
        return value if self.random.random() < share else None

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def time(self) -> int:
        """Return a whole hour, a whole number of days ago, or nearly the moment; some in the future."""
        hours = self.one(
            self.random.randint(-24 * 400, 24 * 40), self.random.randint(-24 * 60, 24), -24 * 365, 0
        )
        return int(
            self.one(
                AS_OF // HOUR * HOUR + hours * HOUR,
                AS_OF // HOUR * HOUR + hours * HOUR,
                AS_OF + self.random.randint(-400, 10) * DAY,
                AS_OF + self.random.randint(-1, 1),
            )
        )

    def later(self, time: int) -> int | None:
        """Return a time from a little before to long after another, or None."""
        after: int | None = self.maybe(time + self.random.randint(-2, 24 * self.one(3, 60)) * HOUR)
        return after

    def money(self, low: int = -40) -> float:
        """Return a multiple of a quarter: these add up exactly, whoever adds them."""
        return float(self.one(0, self.random.randint(low, 400), self.random.randint(1, 40)) / 4)

    def rows(self, most: int, row: Callable[[int], Raw]) -> list[Raw]:
        return [row(number) for number in range(self.random.randint(0, most))]


def order(chance: Chance, number: int, has_lines: bool) -> Raw:
    at = chance.time()
    return {
        "order_id": f"o{number}",
        "ordered_at": at,
        "revenue": chance.money(),
        "status": chance.one(*STATUSES),
        "refund": chance.maybe(chance.money(0), 0.3),
        "refunded_at": chance.later(at),
        "cancelled_at": chance.later(at) if number % 4 == 0 else None,
        "discount": chance.maybe(chance.money()),
        "coupon": chance.one(None, "SPRING", ""),
        "promised_at": chance.later(at),
        "shipped_at": chance.later(at),
        "delivered_at": chance.later(at),
        "products": chance.rows(3, lambda _: line(chance)) if has_lines else None,
    }


def line(chance: Chance) -> Raw:
    return {
        "product_id": chance.one("a", "b", "c", "d"),
        "quantity": chance.one(1.0, 2.0, -1.0),
        "price": chance.money(0),
        "discount": chance.maybe(1.0),
    }


def event(chance: Chance, _: int) -> Raw:
    return {
        "event": chance.one(*EVENTS),
        "timestamp": chance.time(),
        "product_id": chance.one(None, "a", "b", "c"),
    }


def case(chance: Chance, number: int) -> Raw:
    at = chance.time()
    return {
        "case_id": f"k{number}",
        "opened_at": at,
        "closed_at": chance.later(at),
        "reopened_at": chance.later(at),
        "type": chance.one(None, "complaint", "complaint", "question", "return"),
    }


def answer(chance: Chance, number: int) -> Raw:
    return {
        "feedback_id": f"f{number}",
        "submitted_at": chance.time(),
        "kind": chance.one("csat", "nps", "review"),
        "score": chance.maybe(float(chance.random.randint(-1, 12)), 0.8),
        "scale_max": chance.one(None, 4.0, 8.0),
    }


def subscription(chance: Chance, number: int) -> Raw:
    at = chance.time()
    return {
        "subscription_id": f"s{number}",
        "started_at": at,
        "ends_at": chance.maybe(at + chance.random.randint(1, 500) * DAY),
        "cancelled_at": chance.later(at),
        "is_recurring": chance.one(None, True, False),
        "recurrence_months": chance.one(None, 1.0, 12.0),
        "amount": chance.maybe(chance.money(0)),
    }


def contact(chance: Chance, number: int) -> Raw:
    at = chance.time()
    return {
        "contact_id": f"m{number}",
        "contacted_at": at,
        "channel": chance.one("email", "phone"),
        "arm": chance.one(None, "treatment", "control"),
        "outcome": chance.one(None, "clicked", "no_response", True, False),
        "outcome_at": chance.later(at),
    }


def consent(chance: Chance, _: int) -> Raw:
    return {
        "purpose": chance.one("profiling", "behavioural_tracking", "behavioural_tracking", "marketing"),
        "status": chance.one("granted", "denied", "revoked"),
        "status_at": chance.time(),
    }


def summary(chance: Chance) -> Raw:
    last = AS_OF - chance.random.randint(0, 24 * 300) * HOUR
    first = chance.one(last, last - chance.random.randint(0, 500) * DAY, chance.time())
    return {
        "first_order_at": chance.maybe(first, 0.9),
        "last_order_at": chance.maybe(chance.one(last, last, chance.time()), 0.9),
        "order_count": chance.maybe(chance.random.randint(0, 20), 0.9),
        "revenue": chance.money(),
        "refund": chance.maybe(chance.money(0)),
        "orders_90d": chance.maybe(chance.random.randint(0, 9)),
        "revenue_90d": chance.maybe(chance.money()),
        "orders_365d": chance.maybe(chance.random.randint(0, 9)),
        "revenue_365d": chance.maybe(chance.money()),
    }


def customer(chance: Chance, name: str = "c") -> Raw:
    """Return a customer; each table may be there, empty, or not given."""
    has_lines = chance.random.random() < 0.7
    tables: dict[str, tuple[int, Callable[[int], Raw]]] = {
        "orders": (10, lambda number: order(chance, number, has_lines)),
        "events": (14, lambda number: event(chance, number)),
        "support_cases": (4, lambda number: case(chance, number)),
        "feedback": (4, lambda number: answer(chance, number)),
        "subscriptions": (4, lambda number: subscription(chance, number)),
        "contacts": (5, lambda number: contact(chance, number)),
        "consents": (3, lambda number: consent(chance, number)),
    }
    raw: Raw = {
        "customer_id": name,
        "customer": {
            "created_at": chance.maybe(chance.time(), 0.8),
            "country": chance.one(None, "CN", "GB"),
            "loyalty_tier": chance.one(None, "gold", ""),
        },
        "attributes": {
            "contract": chance.one(None, "monthly", "yearly"),
            "seats": chance.maybe(float(chance.random.randint(0, 9))),
            "paperless": chance.one(None, True, False),
        },
    }
    for table, (most, row) in tables.items():
        if chance.random.random() < (0.7 if table == "orders" else 0.85):
            raw[table] = chance.rows(most, row)
    if "orders" not in raw:
        raw["summary"] = chance.maybe(summary(chance), 0.8)
    return raw


SEEDS: Final = st.integers(0, 2**32)


def customers() -> st.SearchStrategy[Raw]:
    return SEEDS.map(lambda seed: customer(Chance(seed)))


def batches(most: int = 5) -> st.SearchStrategy[list[Raw]]:
    """Draw a few customers, some of whom may share an id."""
    return st.lists(SEEDS, min_size=1, max_size=most).map(
        lambda seeds: [customer(Chance(seed), f"c{seed % 3}") for seed in seeds]
    )


def history_of(raw: Sequence[Mapping[str, Any]], zone: str = "UTC") -> History:
    return build_history(raw, zone, ATTRIBUTES)


def features_of(raw: Mapping[str, Any], zone: str = "UTC", as_of: int = AS_OF) -> dict[str, Value]:
    """Return one customer's library features as plain values, None where not known."""
    columns = compute(history_of([raw], zone), as_of)
    return {name: plain(column[0]) for name, column in columns.items() if not name.startswith("attribute.")}


def plain(value: Any) -> Value:
    if value is None or isinstance(value, str):
        return value
    return None if np.isnan(value) else float(value)


def expected_of(raw: Mapping[str, Any], zone: str = "UTC", as_of: int = AS_OF) -> dict[str, Value]:
    return Customer(raw, as_of, zone).features()


def same(one: Array, other: Array) -> bool:
    """Say whether two columns agree bit for bit, missing values included."""
    if one.dtype == object:
        return bool(one.tolist() == other.tolist())
    return bool(one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True))
