"""Synthetic raw histories in an artifact: on them the service proves that it answers as training did.

They are made from the manifest alone, never from a customer: a regular buyer, a new one, one who is long
gone, one without orders, one with every table absent, one with unseen words, returns and missing values, one
who denied profiling, one who denied tracking, and summaries where the model has such a variant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from app.artifacts.manifest import ManifestDraft
from app.domain.history import MICROSECONDS_PER_DAY
from app.features.schema import ATTRIBUTE_PREFIX

UNSEEN: Final = "a word that no training row had"
GOLDEN_PRODUCTS: Final = 20
"""Products that golden requests speak of: the most popular."""

TEXTS: Final = (
    "Delivery was quick and the quality is very good.",
    "The parcel came days late, the box was crushed and nobody from support wrote back!!!",
    "It is okay.",
    "not good at all, I want my money back",
    "Great product, but the app keeps crashing and I was charged twice.",
    "发货很快，质量也很好，非常满意！",
    "客服态度很差，退货退款拖了两个星期。",
    "一般般，價格有點貴，不過包裝不錯。",
    "快递很慢 but the quality is great 👍",
    "ＦＵＬＬ　ｗｉｄｔｈ ｇｏｏｄ，全角字符很好",
    "😡😡 太差了",
    "🎉 love it ❤️",
    "Очень плохо, не покупайте.",
    "12345 67890",
    "   ",
    "",
)
"""Texts in both languages, mixed, with emoji, in another script, without a word and without anything."""

Row = dict[str, Any]
DaysAgo = Callable[[float], int]


def golden_customers(draft: ManifestDraft, as_of: int) -> list[Row]:
    """Return the histories, JSON-ready, times as int microseconds, everything before ``as_of``."""

    def days_ago(days: float) -> int:
        return as_of - round(days * MICROSECONDS_PER_DAY)

    seen, unseen = _attributes(draft, is_seen=True), _attributes(draft, is_seen=False)
    regular = _regular(as_of, days_ago, seen)
    empty: Row = {name: [] for name in ("events", "support_cases", "feedback", "subscriptions", "contacts")}
    customers = [*_usual(days_ago, seen, unseen, empty), *_unusual(days_ago, regular, unseen)]
    if draft.variant("summary") is not None:
        customers += _summaries(days_ago, seen, unseen)
    return customers


def golden_questions(draft: ManifestDraft, as_of: int) -> list[Row]:
    """Return the same customers for a capability that chooses actions: they allow marketing, but the last."""
    allowed = {"purpose": "marketing", "status": "granted", "status_at": as_of - MICROSECONDS_PER_DAY}
    customers = [
        {**one, "consents": [*one.get("consents", ()), allowed]} for one in golden_customers(draft, as_of)
    ]
    denied = {**allowed, "status": "denied"}
    return [*customers, {**customers[0], "customer_id": "golden-no-marketing", "consents": [denied]}]


def golden_requests(products: Sequence[str], as_of: int) -> list[Row]:
    """Return requests for products, JSON-ready, times as int microseconds, everything before ``as_of``.

    Parameters
    ----------
    products : sequence of str
        Ids of the catalogue, at least one; the requests speak of these and of one that is unknown.
    """

    def days_ago(days: float) -> int:
        return as_of - round(days * MICROSECONDS_PER_DAY)

    def picked(k: int) -> str:
        return products[k % len(products)]

    def order(number: int, days: float, *chosen: int) -> Row:
        lines = [{"product_id": picked(k), "quantity": 1.0, "price": 9.5} for k in chosen]
        return {"order_id": f"o{number}", "ordered_at": days_ago(days), "revenue": 30.0, "products": lines}

    regular: Row = {
        "customer_id": "golden-regular",
        "customer": {"country": "CN"},
        "orders": [order(k, 11 + 30 * k, k % 2, 3 + k % 5, 9 + k) for k in range(6)],
        "events": [
            {"event": "product_viewed", "timestamp": days_ago(0.5 + k), "product_id": picked(5 * k + 2)}
            for k in range(8)
        ],
    }
    returned = order(0, 40, 1, 2) | {"status": "refunded", "refund": 30.0, "refunded_at": days_ago(30)}
    odd = [returned, order(1, 9, 4, 4), order(2, 2, 6) | {"status": "pending"}]
    odd[1]["products"].append({"product_id": UNSEEN, "quantity": 1.0, "price": 1.0})
    denied = {"purpose": "personalisation", "status": "denied", "status_at": days_ago(1)}
    untracked = {"purpose": "behavioural_tracking", "status": "revoked", "status_at": days_ago(1)}
    asks: list[tuple[Row, list[str], Row]] = [
        (regular, [], {}),
        (regular, [picked(7), UNSEEN, picked(7)], {"limit": 5, "diversity": 0.3, "max_per_category": 2}),
        (regular, [], {"hide_bought": True, "limit": 20}),
        (regular, [picked(0)], {"types": ["cross_sell", "upsell"]}),
        ({**regular, "consents": [denied]}, [picked(3)], {}),
        ({**regular, "consents": [untracked]}, [], {}),
        ({"customer_id": "golden-odd", "orders": odd}, [], {}),
        ({}, [picked(1), picked(8)], {}),
        ({}, [], {"limit": 3}),
    ]
    requests: list[Row] = [{"person": person, "cart": cart, "ask": ask} for person, cart, ask in asks]
    return [*requests, {"products": [picked(0), picked(5), UNSEEN], "ask": {"limit": 8}}]


def _regular(as_of: int, days_ago: DaysAgo, attributes: Row) -> Row:
    """Return somebody who orders every month, and of whom every table says something."""
    return {
        "customer": {"created_at": days_ago(500), "acquisition_channel": "search", "country": "CN"},
        "attributes": attributes,
        "orders": [_order(k, days_ago(12 + 31 * k), 80.0 + 7.5 * k) for k in range(9)],
        "events": _events(days_ago),
        "support_cases": [
            {"case_id": "c1", "opened_at": days_ago(40), "closed_at": days_ago(38.5), "type": "complaint"},
            {"case_id": "c2", "opened_at": days_ago(4), "type": "question", "priority": "high"},
        ],
        "feedback": [
            {
                "feedback_id": "f1",
                "submitted_at": days_ago(30),
                "kind": "csat",
                "score": 4.0,
                "scale_max": 5.0,
                "text": TEXTS[0],
            },
            {
                "feedback_id": "f2",
                "submitted_at": days_ago(9),
                "kind": "nps",
                "score": 3.0,
                "scale_max": 10.0,
                "text": TEXTS[6],
            },
        ],
        "subscriptions": [
            {
                "subscription_id": "s1",
                "started_at": days_ago(200),
                "ends_at": as_of + 20 * MICROSECONDS_PER_DAY,
                "is_recurring": True,
                "recurrence_months": 12.0,
                "amount": 99.0,
            },
            {"subscription_id": "s0", "started_at": days_ago(420), "ends_at": days_ago(210), "amount": 89.0},
        ],
        "contacts": [
            {
                "contact_id": "k1",
                "contacted_at": days_ago(20),
                "channel": "email",
                "arm": "treatment",
                "outcome": "clicked",
                "outcome_at": days_ago(19),
            },
            {"contact_id": "k2", "contacted_at": days_ago(5), "channel": "sms", "arm": "control"},
        ],
    }


def _usual(days_ago: DaysAgo, seen: Row, unseen: Row, empty: Row) -> list[Row]:
    """Return a new customer, one long gone, one without orders, and one of whom nothing is said."""
    return [
        {
            "customer_id": "golden-new",
            "customer": {"created_at": days_ago(20)},
            "attributes": seen,
            "orders": [_order(0, days_ago(15), 42.0)],
            **empty,
        },
        {
            "customer_id": "golden-gone",
            "attributes": seen,
            "orders": [_order(0, days_ago(3000), 42.0)],
            **empty,
        },
        {"customer_id": "golden-no-orders", "attributes": unseen, "orders": [], **empty},
        {"customer_id": "golden-nothing-given"},
    ]


def _unusual(days_ago: DaysAgo, regular: Row, unseen: Row) -> list[Row]:
    """Return the regular customer, one with returns and unseen words, and two who deny a consent."""
    return [
        {"customer_id": "golden-regular", **regular},
        {
            "customer_id": "golden-returns",
            "customer": {"country": UNSEEN, "acquisition_channel": UNSEEN},
            "attributes": unseen,
            "orders": _returns(days_ago),
            "subscriptions": [
                {"subscription_id": "s1", "started_at": days_ago(90), "cancelled_at": days_ago(2)}
            ],
        },
        {
            "customer_id": "golden-denied",
            **regular,
            "consents": [{"purpose": "profiling", "status": "denied", "status_at": days_ago(1)}],
        },
        {
            "customer_id": "golden-untracked",
            **regular,
            "consents": [{"purpose": "behavioural_tracking", "status": "revoked", "status_at": days_ago(1)}],
        },
    ]


def _order(number: int, at: int, revenue: float) -> Row:
    day = MICROSECONDS_PER_DAY
    return {
        "order_id": f"o{number}",
        "ordered_at": at,
        "revenue": revenue,
        "status": "completed",
        "discount": 5.0 * (number % 3),
        "coupon": "WELCOME" if number % 4 == 0 else None,
        "promised_at": at + 3 * day,
        "shipped_at": at + day,
        "delivered_at": at + (2 + number % 3) * day,
        "products": [
            {"product_id": f"p{number % 4}", "quantity": 1.0, "price": revenue / 2},
            {"product_id": f"p{(number + 1) % 5}", "quantity": 2.0, "price": revenue / 4},
        ],
    }


def _events(days_ago: Callable[[float], int]) -> list[Row]:
    names = (
        "product_viewed",
        "signed_in",
        "product_added",
        "email_opened",
        "checkout_started",
        "feature_used",
        "a_name_of_its_own",
    )
    return [
        {
            "event": names[k % len(names)],
            "timestamp": days_ago(1 + 2.3 * k),
            "product_id": f"p{k % 6}" if k % 2 else None,
        }
        for k in range(40)
    ]


def _returns(days_ago: Callable[[float], int]) -> list[Row]:
    return [
        {
            "order_id": "o1",
            "ordered_at": days_ago(100),
            "revenue": 120.0,
            "status": "partially_refunded",
            "refund": 30.0,
            "refunded_at": days_ago(90),
        },
        {
            "order_id": "o2",
            "ordered_at": days_ago(80),
            "revenue": 60.0,
            "status": "refunded",
            "refunded_at": days_ago(70),
        },
        {
            "order_id": "o3",
            "ordered_at": days_ago(60),
            "revenue": 75.0,
            "status": "cancelled",
            "cancelled_at": days_ago(59),
        },
        {"order_id": "o4", "ordered_at": days_ago(40), "revenue": 50.0},
        {"order_id": "o5", "ordered_at": days_ago(30), "revenue": -20.0, "status": "refunded"},
        {"order_id": "o6", "ordered_at": days_ago(3), "revenue": 35.0, "status": "pending"},
    ]


def _summaries(
    days_ago: Callable[[float], int], seen: Mapping[str, Any], unseen: Mapping[str, Any]
) -> list[Row]:
    return [
        {
            "customer_id": "golden-summary-full",
            "attributes": seen,
            "summary": {
                "first_order_at": days_ago(400),
                "last_order_at": days_ago(25),
                "order_count": 11,
                "revenue": 1100.0,
                "refund": 40.0,
                "refund_count": 1,
                "orders_90d": 3,
                "revenue_90d": 310.0,
                "orders_365d": 10,
                "revenue_365d": 1010.0,
            },
        },
        {
            "customer_id": "golden-summary-short",
            "attributes": unseen,
            "summary": {
                "first_order_at": days_ago(50),
                "last_order_at": days_ago(50),
                "order_count": 1,
                "revenue": 55.0,
            },
        },
        {
            "customer_id": "golden-summary-gone",
            "summary": {
                "first_order_at": days_ago(3000),
                "last_order_at": days_ago(2500),
                "order_count": 4,
                "revenue": 90.0,
            },
        },
    ]


def _attributes(draft: ManifestDraft, *, is_seen: bool) -> Row:
    """Return values for the declared attributes: a known word or a number, or an unseen word and nothing."""
    answer: Row = {}
    for variant in draft.variants:
        for feature in variant.features:
            if not feature.name.startswith(ATTRIBUTE_PREFIX):
                continue
            name = feature.name.removeprefix(ATTRIBUTE_PREFIX)
            if feature.kind == "category":
                answer[name] = feature.vocabulary[0] if is_seen else UNSEEN
            elif is_seen:
                edges = variant.reference_histograms.get(feature.name)
                answer[name] = (
                    edges.edges[len(edges.edges) // 2] if edges is not None and edges.edges else 1.0
                )
    return answer
