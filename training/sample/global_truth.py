"""The global truth as one document: parameters, churn drivers, seasons, tastes, campaigns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np

from training.sample.basket import COMPANION_SHARE, FAVOURITE_SHARE, VIEWED_DAYS, VIEWED_SHARE
from training.sample.campaigns import ACTIONS, action_of
from training.sample.catalogue import CATEGORIES, CLUSTERS
from training.sample.parameters import RULES
from training.sample.season import (
    CURRENCY,
    DAYS,
    FIRST_DAY,
    LAST_DAY,
    NEW_YEARS,
    TIMEZONE,
    monthly_demand,
)

NOTICE: Final = "simulated data: nothing in it is about a real person, company or product"
_DRIVERS: Final = (
    (
        "days_since_last_order",
        "evidence",
        {"days_since_last_order": "+", "silence_ratio": "+"},
        "silence says that somebody may have left already",
    ),
    (
        "order_frequency",
        "evidence",
        {"order_days_90d": "-", "order_days_365d": "-"},
        "orders per time show the personal purchase rate",
    ),
    (
        "late_deliveries",
        "direct",
        {"late_delivery_share": "+", "last_delivery_late": "+"},
        "orders delivered later than promised, the recent ones above all",
    ),
    (
        "complaints",
        "direct",
        {"complaints_365d": "+"},
        "cases of type complaint, recent ones above all",
    ),
    ("open_complaints", "direct", {"open_cases": "+"}, "complaints that are still open"),
    (
        "subscription",
        "direct",
        {"active_subscriptions": "-", "has_recurring_subscription": "-"},
        "a membership runs",
    ),
    (
        "discount_acquisition",
        "direct",
        {"acquisition_channel=discount_campaign": "+"},
        "the customer came by a discount campaign",
    ),
    (
        "recent_events",
        "direct",
        {"events_30d": "-", "active_days_30d": "-", "days_since_last_event": "+"},
        "visits of the last weeks show engagement, which falls before somebody leaves",
    ),
    (
        "satisfaction_score",
        "evidence",
        {"last_feedback_score": "-", "average_feedback_score": "-"},
        "survey scores show the latent satisfaction",
    ),
    ("single_order", "direct", {"order_days": "-"}, "only one order so far"),
)
"""Driver, whether it acts itself or is evidence of what acts, features with their sign for churn, meaning."""


def global_truth(customers: int, seed: int) -> dict[str, Any]:
    """Return the global truth as one JSON-ready document."""
    days = range(RULES.campaigns.first_day, DAYS, RULES.campaigns.every_days)
    starts = [str(np.datetime64(FIRST_DAY) + day) for day in days]
    return {
        "simulated": True,
        "notice": NOTICE,
        "customers": customers,
        "seed": seed,
        "first_day": FIRST_DAY,
        "last_day": LAST_DAY,
        "timezone": TIMEZONE,
        "currency": CURRENCY,
        "parameters": asdict(RULES),
        "churn_drivers": [
            {"driver": name, "kind": kind, "features": features, "meaning": meaning}
            for name, kind, features, meaning in _DRIVERS
        ],
        "seasonality": {
            "demand_by_month": monthly_demand(),
            "peak": "November and December",
            "dip": "five days before to nine days after Chinese New Year",
            "chinese_new_years": list(NEW_YEARS),
            "sales": ["06-10 to 06-18", "11-01 to 11-11", "12-08 to 12-12"],
        },
        "taste": {
            "clusters": list(CLUSTERS),
            "categories": list(CATEGORIES),
            "viewed_share": VIEWED_SHARE,
            "viewed_days": VIEWED_DAYS,
            "favourite_share": FAVOURITE_SHARE,
            "companion_share": COMPANION_SHARE,
        },
        "campaigns": [
            {
                "campaign_id": f"sim-campaign-{number + 1:02d}",
                "day": day,
                "action_id": ACTIONS[int(action_of(number))],
            }
            for number, day in enumerate(starts)
        ],
        "campaign_effects": {
            "discount_coupon": "raises the purchase rate of those who love discounts, most when lapsing; "
            "lowers it, and ends memberships, of lapsing members who do not (sleeping dogs)",
            "service_call": "raises the purchase rate of the dissatisfied, lowers it slightly for all others",
            "content_email": "raises the purchase rate a little for everybody",
        },
        "surveys": "satisfied customers answer more often; reviews come from strong feelings of either kind",
    }
