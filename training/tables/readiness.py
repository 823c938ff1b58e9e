"""Readiness: for every capability, what the data unlock today, how far it can climb, and what is missing.

An expected tier is a forecast: a higher rung is published only where it beats the lower one out of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from app.artifacts.manifest import Tier
from training.tables.business import Business
from training.tables.facts import Facts, gather_facts
from training.tables.ladders import LADDERS, Ladder, churn_totals
from training.tables.objectives import CAPABILITIES
from training.tables.tables import Tables


@dataclass(frozen=True, slots=True)
class CapabilityReadiness:
    """What the data are enough for. ``tier`` is the highest rung to expect, None where nothing is unlocked.

    ``have`` counts what there is; ``missing`` says what the next rung (or the first) needs; ``more`` names
    tables and columns that are not there and would add to it.
    """

    capability: str
    wanted: bool
    unlocked: bool
    tier: Tier | None
    have: Mapping[str, int]
    missing: tuple[str, ...]
    more: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return asdict(self)


def readiness(tables: Tables, business: Business) -> list[CapabilityReadiness]:
    """Return the readiness of every capability, in the order of ``CAPABILITIES``.

    Parameters
    ----------
    tables : Tables
        From no customer up; what findings left out does not count.
    business : Business
        Says what is wanted, and the horizons.
    """
    facts = gather_facts(tables)
    return [
        _climb(name, business, LADDERS[name](facts, business), _HAVE[name](facts), _more(name, facts))
        for name in CAPABILITIES
    ]


def _climb(
    name: str, business: Business, ladder: Ladder, have: Mapping[str, int], more: tuple[str, ...]
) -> CapabilityReadiness:
    """Return how far the needs of each rung, lowest first, are met without a gap."""
    tier: Tier | None = None
    missing: tuple[str, ...] = ()
    for rung, needs in ladder:
        gaps = tuple(f"for {rung}: {need.gap}" for need in needs if need.gap)
        if gaps:
            missing = gaps
            break
        tier = rung
    wanted = name in business.objectives.wanted
    return CapabilityReadiness(name, wanted, tier is not None, tier, have, missing, more)


def _churn_counts(facts: Facts) -> Mapping[str, int]:
    if facts.churn is None:
        return {"customers": facts.customers}
    eligible, lost = churn_totals(facts.churn)
    parts = {f"eligible_{name}": n for name, n in facts.churn.eligible.items() if name != "all"}
    dates = {"span_days": facts.span_days, "repeat_customers": facts.repeat} if facts.span_days else {}
    denied = {"denied_profiling": facts.denied_profiling} if facts.denied_profiling else {}
    return {"customers": facts.customers, "eligible": eligible, "positives": lost, **parts, **dates, **denied}


def _order_counts(facts: Facts) -> Mapping[str, int]:
    return {
        "customers": facts.customers,
        "with_orders": facts.with_orders,
        "repeat_customers": facts.repeat,
        "span_days": facts.span_days,
    }


def _basket_counts(facts: Facts) -> Mapping[str, int]:
    denied = {"denied_profiling": facts.denied_profiling} if facts.denied_profiling else {}
    return {
        "customers_with_lines": facts.basket_customers,
        "products": facts.products,
        "repeat_customers": facts.repeat,
        "span_days": facts.span_days,
        **denied,
    }


_HAVE: Final[Mapping[str, Callable[[Facts], Mapping[str, int]]]] = {
    "churn": _churn_counts,
    "clv": _order_counts,
    "purchase": _order_counts,
    "segment": _order_counts,
    "satisfaction": lambda facts: {"scores": facts.scored_feedback, "dissatisfied": facts.dissatisfied},
    "sentiment": lambda facts: {"texts": facts.texts},
    "recommendations": _basket_counts,
    "next_best_action": lambda facts: {"customers": facts.customers, "outcomes": facts.outcomes},
    "triggers": lambda facts: {"customers": facts.customers},
}

_SIGNALS: Final[Mapping[str, Mapping[str, str]]] = {
    "churn": {
        "events": "visits and clicks that fade before orders do",
        "support_cases": "complaints that drive customers away",
        "feedback": "scores that fall before a customer leaves",
        "subscriptions": "renewals that come up",
        "contacts": "whether campaigns reach the customer",
        "orders": "recency, frequency and value of purchases",
        "order_lines": "the breadth of what a customer buys",
        "orders.refunded_at": "refunds as they were known at the time",
        "orders.discount": "how much a customer depends on discounts",
        "orders.delivered_at": "late deliveries",
    },
    "clv": {"order_lines": "what a customer buys", "products.margin": "profit instead of revenue"},
    "purchase": {
        "events": "intent in visits and baskets",
        "order_lines": "what runs out and is bought again",
    },
    "satisfaction": {
        "feedback": "scores (csat, nps, ces, review) to learn from",
        "support_cases": "how long cases take, and complaints",
        "orders.delivered_at": "late deliveries",
    },
    "segment": {"order_lines": "breadth of interest", "events": "engagement"},
    "sentiment": {"feedback.text": "texts to learn this business's words from"},
    "recommendations": {
        "order_lines": "what was bought together",
        "products": "names, categories and prices",
        "products.active": "what is no longer sold",
        "events": "what was looked at and not bought",
        "events.product_id": "which product was looked at",
    },
    "next_best_action": {
        "contacts": "what was tried, and what came of it",
        "contacts.arm": "a control group, without which no effect can be known",
        "contacts.propensity": "how likely each choice was, without which no effect is told",
        "contacts.outcome_at": "when each answer came: without it an answer is not known",
        "consents": "who may be contacted",
    },
    "triggers": {
        "orders": "silence, and orders that stay away",
        "events": "products viewed without an order, and signs of life",
        "support_cases": "complaints that are open too long",
        "subscriptions": "renewals that come up",
    },
}
"""Tables and columns that add to a capability, and what they tell."""


def _more(capability: str, facts: Facts) -> tuple[str, ...]:
    """Return the signals that are not there; a column only where its table is."""
    missing = []
    for place, what in _SIGNALS[capability].items():
        table, _, column = place.partition(".")
        if (table not in facts.given and not column) or (
            column and table in facts.given and column not in facts.given[table]
        ):
            missing.append(f"{place}: {what}")
    return tuple(missing)
