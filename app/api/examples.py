"""Realistic request bodies in English and Chinese. Each is accepted as it stands by the sample release.

The sample business is simulated: currency CNY, days of Asia/Shanghai, and the declared attributes ``plan``,
``newsletter`` and ``household_size``.
"""

from __future__ import annotations

from typing import Any, Final

Body = dict[str, Any]

SUMMARY: Final[Body] = {
    "as_of": "2026-07-01T09:00:00+08:00",
    "want": ["churn"],
    "customer": {
        "customer_id": "C-10482",
        "created_at": "2024-03-18T11:05:00+08:00",
        "acquisition_channel": "search",
        "country": "CN",
        "attributes": {"plan": "member", "newsletter": True, "household_size": 3},
    },
    "summary": {
        "first_order_at": "2024-03-20T19:42:00+08:00",
        "last_order_at": "2026-05-26T20:15:00+08:00",
        "order_count": 23,
        "revenue": 6240.5,
        "currency": "CNY",
        "refund": 89.0,
        "refund_count": 1,
        "orders_90d": 2,
        "revenue_90d": 512.0,
        "orders_365d": 9,
        "revenue_365d": 2480.0,
    },
}

HISTORY: Final[Body] = {
    "as_of": "2026-07-01T09:00:00+08:00",
    "want": ["churn"],
    "locale": "zh-CN",
    "explain": True,
    "customer": {
        "customer_id": "C-20771",
        "created_at": "2025-05-06T10:20:00+08:00",
        "acquisition_channel": "referral",
        "country": "CN",
        "city": "Hangzhou",
        "attributes": {"plan": "pay_as_you_go", "newsletter": False, "household_size": 2},
    },
    "orders": [
        {
            "order_id": "O-1",
            "ordered_at": "2025-11-11T00:06:00+08:00",
            "revenue": 420.0,
            "currency": "CNY",
            "status": "partially_refunded",
            "refund": 70.0,
            "refunded_at": "2025-11-20T09:00:00+08:00",
            "coupon": "双11",
            "discount": 60.0,
            "channel": "app",
        },
        {
            "order_id": "O-2",
            "ordered_at": "2026-02-08T20:11:00+08:00",
            "revenue": 268.0,
            "currency": "CNY",
            "status": "completed",
            "channel": "app",
            "promised_at": "2026-02-11T18:00:00+08:00",
            "shipped_at": "2026-02-09T08:40:00+08:00",
            "delivered_at": "2026-02-10T15:30:00+08:00",
            "products": [
                {"product_id": "茶-12", "quantity": 2, "price": 99.0},
                {"product_id": "杯-03", "quantity": 1, "price": 70.0},
            ],
        },
        {
            "order_id": "O-3",
            "ordered_at": "2026-04-22T21:40:00+08:00",
            "revenue": 135.0,
            "currency": "CNY",
            "channel": "web",
        },
    ],
    "events": [
        {"event": "product_viewed", "timestamp": "2026-06-20T22:14:00+08:00", "product_id": "茶-12"},
        {"event": "cart_viewed", "timestamp": "2026-06-20T22:16:30+08:00"},
    ],
    "support_cases": [
        {
            "case_id": "S-88",
            "opened_at": "2025-11-18T14:02:00+08:00",
            "closed_at": "2025-11-20T09:10:00+08:00",
            "type": "return",
            "priority": "normal",
        }
    ],
    "feedback": [
        {
            "feedback_id": "F-31",
            "submitted_at": "2025-11-21T08:45:00+08:00",
            "kind": "csat",
            "score": 3,
            "scale_max": 5,
            "text": "退款挺快，但杯子碎了一个。",
            "language": "zh-CN",
        }
    ],
    "subscriptions": [],
    "contacts": [
        {
            "contact_id": "K-5",
            "contacted_at": "2026-06-18T10:00:00+08:00",
            "channel": "wechat",
            "campaign_id": "618",
            "arm": "treatment",
            "propensity": 0.5,
            "outcome": "no_response",
            "outcome_at": "2026-06-25T10:00:00+08:00",
        }
    ],
    "consents": [
        {"purpose": "profiling", "status": "granted", "status_at": "2025-05-06T10:20:00+08:00"},
        {"purpose": "marketing", "status": "granted", "status_at": "2025-05-06T10:20:00+08:00"},
    ],
}

PROFILING_DENIED: Final[Body] = {
    "as_of": "2026-07-01T09:00:00+08:00",
    "customer": {"customer_id": "C-30015"},
    "summary": {
        "first_order_at": "2025-01-12T12:00:00+08:00",
        "last_order_at": "2026-06-02T18:25:00+08:00",
        "order_count": 6,
        "revenue": 1420.0,
        "currency": "CNY",
    },
    "consents": [{"purpose": "profiling", "status": "denied", "status_at": "2026-06-15T08:00:00+08:00"}],
}

SUMMARY_ZH: Final[Body] = {**SUMMARY, "locale": "zh-CN", "explain": True}

SCORE_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "summary": ("What a CRM has on the record", SUMMARY),
    "summary-zh": ("CRM 客户档案中的汇总数据，附原因说明", SUMMARY_ZH),
    "history-zh": ("完整订单与行为明细，附原因说明", HISTORY),
    "profiling-denied": ("A customer who denied profiling: not scored", PROFILING_DENIED),
}
BATCH_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "two-customers": (
        "Two customers, each with a question of its own",
        {"requests": [SUMMARY, PROFILING_DENIED]},
    ),
    "two-customers-zh": ("两位客户，各自提问", {"requests": [SUMMARY_ZH, HISTORY]}),
}

TEXTS: Final[Body] = {
    "texts": [
        {
            "id": "F-31",
            "text": "Delivery was quick, but the box was crushed and nobody answered my mail 😡",
            "language": "en",
        },
        {"id": "F-32", "text": "The fabric is lovely and worth every penny."},
        {"id": "F-33", "text": "👍"},
    ]
}
TEXTS_ZH: Final[Body] = {
    "locale": "zh-CN",
    "offsets": "utf16",
    "texts": [
        {"id": "F-41", "text": "物流很快，就是客服态度太差😡，退款等了半个月", "language": "zh-CN"},
        {"id": "F-42", "text": "質量不錯，價格也實惠"},
        {"id": "F-43", "text": "app 老是 crash，但 customer service 回复很快"},
    ],
}
TEXT_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "three-texts": ("Three texts, one with two sides", TEXTS),
    "three-texts-zh": ("三条文字：简体、繁体与中英混合", TEXTS_ZH),
}

CUSTOMER_LIST: Final[Body] = {
    "as_of": "2026-07-01T09:00:00+08:00",
    "explain": True,
    "customer": {"customer_id": "C-20771", "loyalty_tier": "gold"},
    "orders": [
        {
            "order_id": "O-7",
            "ordered_at": "2026-04-28T20:11:00+08:00",
            "revenue": 151.7,
            "products": [
                {"product_id": "sim-p001", "quantity": 2, "price": 58.9},
                {"product_id": "sim-p041", "quantity": 1, "price": 32.9},
            ],
        },
        {
            "order_id": "O-8",
            "ordered_at": "2026-06-02T21:40:00+08:00",
            "revenue": 109.8,
            "products": [
                {"product_id": "sim-p001", "quantity": 1, "price": 58.9},
                {"product_id": "sim-p021", "quantity": 1, "price": 49.9},
            ],
        },
    ],
    "events": [
        {"event": "product_viewed", "timestamp": "2026-06-29T22:14:00+08:00", "product_id": "sim-p003"}
    ],
    "limit": 5,
    "filters": {"already_bought": "hide", "already_bought_days": 14, "price_max": 200},
    "diversity": {"strength": 0.3, "max_per_category": 3},
}
GUEST_CART_ZH: Final[Body] = {
    "as_of": "2026-07-01T09:00:00+08:00",
    "locale": "zh-CN",
    "cart": ["sim-p001", "sim-p003"],
    "limit": 4,
    "types": ["cross_sell", "upsell", "personalised"],
    "filters": {"exclude_categories": ["skincare"], "exclude_items": ["sim-p022"]},
}
NEW_SESSION: Final[Body] = {"as_of": "2026-07-01T09:00:00+08:00", "limit": 3}
RECOMMENDATION_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "customer": ("A customer: what to write in a mail", CUSTOMER_LIST),
    "cart-zh": ("游客的购物车：推荐搭配商品", GUEST_CART_ZH),
    "new-session": ("A session of which nothing is known yet: what is popular", NEW_SESSION),
}

PRODUCT_PAGE: Final[Body] = {"products": ["sim-p001"], "limit": 4}
PRODUCT_PAGE_ZH: Final[Body] = {
    "products": ["sim-p021", "sim-p023"],
    "limit": 4,
    "locale": "zh-CN",
    "filters": {"categories": ["coffee", "snacks"]},
}
SIMILAR_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "product-page": ("The page of one product", PRODUCT_PAGE),
    "product-page-zh": ("两件商品：只看咖啡与零食", PRODUCT_PAGE_ZH),
}
