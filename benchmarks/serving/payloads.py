"""The requests that are sent: many alike, none the same, so that nothing is answered from memory."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta
from typing import Any, Final

from app.api.examples import SUMMARY, SUMMARY_ZH

VARIANTS: Final = 64
BLOCKS: Final = ("churn", "clv", "purchase", "segment", "triggers", "brief")
ORDERS: Final = 30
EVENTS: Final = 100

_AS_OF: Final = datetime.fromisoformat(str(SUMMARY["as_of"]))
_EVENTS: Final = ("product_viewed", "product_added", "cart_viewed", "email_opened", "signed_in")


def summary_bodies(*, is_explained: bool = False) -> list[bytes]:
    """Return requests as a CRM sends them: a summary instead of orders, without reasons unless asked for."""
    return [_summary(k, SUMMARY_ZH if is_explained else SUMMARY) for k in range(VARIANTS)]


def everything_bodies() -> list[bytes]:
    """Return the same summaries with every block wanted, without reasons."""
    return [json.dumps({**json.loads(body), "want": list(BLOCKS)}).encode() for body in summary_bodies()]


def history_bodies() -> list[bytes]:
    """Return requests with 30 orders of two lines and 100 events, with reasons."""
    return [_history(k) for k in range(VARIANTS)]


def _summary(number: int, like: dict[str, Any]) -> bytes:
    body = copy.deepcopy(like)
    body["customer"]["customer_id"] = f"C-{10_000 + number}"
    body["summary"]["order_count"] += number
    body["summary"]["revenue"] += 37.5 * number
    body["summary"]["last_order_at"] = (_AS_OF - timedelta(days=1 + number)).isoformat()
    return json.dumps(body, ensure_ascii=False).encode()


def _history(number: int) -> bytes:
    orders = [
        {
            "order_id": f"O-{number}-{k}",
            "ordered_at": (_AS_OF - timedelta(days=20 + number % 7 + 18 * k, hours=k % 11)).isoformat(),
            "revenue": 80.0 + 7 * k + number,
            "currency": "CNY",
            "status": "completed",
            "channel": "app" if k % 3 else "web",
            **({"coupon": "SPRING", "discount": 12.0} if k % 4 == 0 else {}),
            "products": [
                {
                    "product_id": f"P-{(k * 5 + number + line) % 60}",
                    "quantity": 1 + line,
                    "price": 40.0 + line,
                }
                for line in range(2)
            ],
        }
        for k in range(ORDERS)
    ]
    events = [
        {
            "event": _EVENTS[(k + number) % len(_EVENTS)],
            "timestamp": (_AS_OF - timedelta(days=k * 0.9, minutes=number)).isoformat(),
            **({"product_id": f"P-{(k + number) % 60}"} if k % 2 else {}),
        }
        for k in range(EVENTS)
    ]
    body = {
        "as_of": _AS_OF.isoformat(),
        "want": ["churn"],
        "explain": True,
        "customer": {
            **copy.deepcopy(SUMMARY["customer"]),
            "customer_id": f"H-{number}",
            "created_at": (_AS_OF - timedelta(days=700 + number)).isoformat(),
        },
        "orders": orders,
        "events": events,
    }
    return json.dumps(body).encode()
