"""What a plan counts: customers and value by segment, what the last year brought, and who moved where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from app.capabilities.churn import RISK_LEVELS
from app.domain.history import Array
from app.estimators.scores import NAMES
from training.migration import migration
from training.planning.customers import PAST_DAYS, WITHOUT, Customers, Groups

LOST: Final = "lost"

Part = dict[str, Any]


def past_of(people: Customers, groups: Groups) -> Part:
    """Return what the last 365 days brought, and which share of it came from customers of before."""
    bought_ever = groups.of >= 0
    there = bought_ever & people.was_there
    orders, revenue = people.past_orders[bought_ever].sum(), people.past_revenue[bought_ever].sum()
    return {
        "kind": "observation",
        "days": PAST_DAYS,
        "orders": float(orders),
        "revenue": float(revenue),
        "share_of_orders_from_existing": ratio(people.past_orders[there].sum(), orders),
        "share_of_revenue_from_existing": ratio(people.past_revenue[there].sum(), revenue),
    }


def totals_of(people: Customers, groups: Groups, published: Mapping[str, object]) -> Part:
    """Return customers and value by segment and of all; value at risk where churn is published."""
    own = groups.of >= 0
    has_clv, has_churn = "clv" in published, "churn" in published
    masks = [(name, groups.of == g) for g, name in enumerate(groups.names)]

    def told(mask: Array) -> Part:
        predicted = float(np.nansum(people.predicted[mask]))
        risks: Part = {}
        for level in ("yellow", "red"):
            endangered = mask & (people.risk == RISK_LEVELS.index(level))
            risks[level] = {
                "customers": int(endangered.sum()),
                "predicted_value": float(np.nansum(people.predicted[endangered])) if has_clv else None,
            }
        value = sum(one["predicted_value"] for one in risks.values()) if has_clv else None
        return {
            "customers": int(mask.sum()),
            "share": ratio(mask.sum(), own.sum()),
            "historic_value": float(np.nansum(people.historic[mask])) if has_clv else None,
            "predicted_value": predicted if has_clv else None,
            "at_risk": {
                **risks,
                "predicted_value": value,
                "share": None if value is None else ratio(value, predicted),
            }
            if has_churn
            else None,
        }

    return {
        "kind": "forecast_and_observation",
        "observed": ["customers", "share", "historic_value"],
        "forecast": ["predicted_value", "at_risk"],
        "rows": [{"segment": name, **told(mask)} for name, mask in masks],
        "total": told(own),
    }


def migration_of(people: Customers) -> Part:
    """Return how customers moved between segments; by today's cut points, then and now."""
    words = np.array([*NAMES, None], dtype=object)
    named = np.where(people.segment == WITHOUT, -1, people.segment)
    is_then, is_now = people.earlier >= 0, named >= 0
    either = is_then | is_now
    found = migration(words[people.earlier[either]], words[named[either]], NAMES)
    both = is_then & is_now
    lost = NAMES.index(LOST)
    return {
        "kind": "observation",
        "rows": found.rows(),
        "customers_then": int(is_then.sum()),
        "customers_now": int(is_now.sum()),
        "stayed": int((both & (people.earlier == named)).sum()),
        "moved": int((both & (people.earlier != named)).sum()),
        "new": int((~is_then & is_now).sum()),
        "left": int((is_then & ~is_now).sum()),
        "became_lost": int((both & (named == lost) & (people.earlier != lost)).sum()),
    }


def ratio(part: float, whole: float) -> float | None:
    """Return a share; None of nothing."""
    return float(part / whole) if whole > 0 else None
