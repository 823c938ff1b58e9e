"""Realistic bodies for decisions, outcomes and verdicts in English and Chinese, accepted as they stand.

The sample business is simulated: currency CNY, days of Asia/Shanghai. Ids of decisions are made up.
"""

from __future__ import annotations

from typing import Any, Final

from app.api.examples import HISTORY, SUMMARY

Body = dict[str, Any]

_NOT_ASKED: Final = {"want", "as_of"}
_GRANTED: Final[Body] = {
    "purpose": "marketing",
    "status": "granted",
    "status_at": "2026-03-01T09:00:00+08:00",
}

LIVE: Final[Body] = {
    "request_id": "crm-2026-07-01-10482",
    "customer": SUMMARY["customer"],
    "summary": SUMMARY["summary"],
    "consents": [_GRANTED],
    "channels": ["email", "push", "sms"],
    "timezone": "Asia/Shanghai",
    "limit": 3,
}
LIVE_ZH: Final[Body] = {
    **{name: part for name, part in HISTORY.items() if name not in _NOT_ASKED},
    "request_id": "crm-2026-07-01-20771",
    "explain": True,
}
DRY_RUN: Final[Body] = {
    **LIVE,
    "request_id": "what-if-1",
    "mode": "dry_run",
    "as_of": "2026-07-01T09:00:00+08:00",
}
APPRENTICE: Final[Body] = {
    **{name: part for name, part in LIVE.items() if name not in {"channels", "limit"}},
    "request_id": "desk-4711",
    "mode": "apprentice",
    "caller_choice": {"action_id": "none"},
}
ACTION_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "live": ("What to do now, and two alternatives", LIVE),
    "live-zh": ("完整明细，附原因说明", LIVE_ZH),
    "dry-run": ("What would be done: nothing is written", DRY_RUN),
    "apprentice": ("The caller's own choice, written down", APPRENTICE),
}
ACTION_BATCH_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "two-customers": (
        "Two customers who share the budgets, and the funnel: nothing is written",
        {"requests": [DRY_RUN, {**LIVE, "request_id": "what-if-2", "mode": "dry_run"}]},
    ),
    "two-customers-zh": (
        "两位客户共享预算，并返回漏斗；不写入记录",
        {
            "requests": [
                {**LIVE_ZH, "request_id": "试算-1", "mode": "dry_run"},
                {**DRY_RUN, "request_id": "试算-2", "locale": "zh-CN"},
            ]
        },
    ),
}

CONVERTED: Final[Body] = {
    "event_id": "esp-889123",
    "customer_id": "C-10482",
    "type": "revenue",
    "value": 268.0,
    "currency": "CNY",
    "at": "2026-07-03T20:11:00+08:00",
}
DELIVERED_ZH: Final[Body] = {
    "event_id": "短信-77120",
    "customer_id": "C-20771",
    "type": "delivered",
    "channel": "sms",
    "contact_id": "K-77120",
    "at": "2026-07-01T10:02:00+08:00",
}
OUTCOME_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "revenue": ("What a customer spent", CONVERTED),
    "delivered-zh": ("短信已送达", DELIVERED_ZH),
}
OUTCOME_BATCH_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "night": ("The events of a day", {"outcomes": [CONVERTED, DELIVERED_ZH]}),
    "night-zh": ("一天的事件", {"outcomes": [DELIVERED_ZH, CONVERTED]}),
}

VERDICT: Final[Body] = {
    "feedback_id": "desk-12-1",
    "score_id": "0123456789abcdef0123456789abcdef",
    "customer_id": "C-10482",
    "capability": "churn",
    "verdict": "disagree",
    "reason": "moved_abroad",
}
VERDICT_ZH: Final[Body] = {
    "feedback_id": "客服-12-2",
    "score_id": "fedcba9876543210fedcba9876543210",
    "customer_id": "C-20771",
    "capability": "segment",
    "verdict": "agree",
    "comment": "客户近期确实在比较价格。",
}
FEEDBACK_EXAMPLES: Final[dict[str, tuple[str, Body]]] = {
    "disagree": ("A score that the person at the desk knows better", VERDICT),
    "agree-zh": ("一线人员认可该结果", VERDICT_ZH),
}
