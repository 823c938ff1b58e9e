"""What each rung of each capability needs of the data, lowest rung first.

Rules need one customer; statistics need about 200 customers and some months; machine learning needs 500, with
100 of each outcome, and a history of several horizons; causal answers need a randomised action whose effect
is clear of chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.artifacts.manifest import Tier
from training.tables.business import Business
from training.tables.facts import ChurnFacts, Facts
from training.tables.objectives import ChurnObjective, ClvObjective, RecommendationsObjective

STATISTICAL_CUSTOMERS: Final = 200
STATISTICAL_RARER: Final = 25
STATISTICAL_REPEAT: Final = 50
STATISTICAL_DAYS: Final = 180
FORECAST_CUSTOMERS: Final = 50
FORECAST_REPEAT: Final = 10
FORECAST_DAYS: Final = 60
"""What a forecast of purchases takes: few customers, because it has few parameters."""
ML_CUSTOMERS: Final = 500
ML_RARER: Final = 100
ML_LOOK_BACK_DAYS: Final = 90

_RULES: Final[Tier] = "rules"


@dataclass(frozen=True, slots=True)
class Need:
    """What a rung needs of one number: how many there are, how many it takes, and what they are."""

    found: int
    needed: int
    what: str

    @property
    def gap(self) -> str:
        """The sentence for what is missing, or nothing."""
        return (
            "" if self.found >= self.needed else f"{self.what}: {self.needed:,} needed, {self.found:,} there"
        )


Ladder = tuple[tuple[Tier, tuple[Need, ...]], ...]


def _churn(facts: Facts, business: Business) -> Ladder:
    objective = business.objectives.churn or ChurnObjective()
    if facts.churn is None:
        table = {"inactivity": "orders", "subscription_end": "subscriptions", "label": "labels"}
        return ((_RULES, (Need(0, 1, f"the table {table[objective.definition]}"),)),)
    eligible, lost = churn_totals(facts.churn)
    rarer = min(lost, eligible - lost)
    days = objective.horizon_days
    is_dated = facts.churn.definition == "inactivity"
    long_enough = (Need(facts.span_days, STATISTICAL_DAYS, "days of orders"),)
    longer = (Need(facts.span_days, ML_LOOK_BACK_DAYS + 2 * days, "days of orders"),)
    who = {
        "inactivity": f"customers to ask about {days} days before the end of the data",
        "subscription_end": f"customers with a subscription {days} days before the end of the data",
        "label": "customers with a churn label",
    }[facts.churn.definition]
    return (
        (_RULES, (Need(eligible, 1, who), Need(rarer, 1, "customers of either outcome, lost and stayed"))),
        (
            "statistical",
            (
                Need(eligible, STATISTICAL_CUSTOMERS, who),
                Need(rarer, STATISTICAL_RARER, "customers of the rarer outcome"),
                *(long_enough if is_dated else ()),
            ),
        ),
        (
            "ml",
            (
                Need(eligible, ML_CUSTOMERS, who),
                Need(rarer, ML_RARER, "customers of the rarer outcome"),
                *(longer if is_dated else ()),
            ),
        ),
    )


def churn_totals(churn: ChurnFacts) -> tuple[int, int]:
    """Return how many customers could be asked about, and how many of them left."""
    return sum(churn.eligible.values()), sum(churn.lost.values())


def _value(facts: Facts, horizon_days: int) -> Ladder:
    """Return the ladder of what is read from the rhythm of orders."""
    buyers = "customers with an order"
    return (
        (_RULES, (Need(facts.with_orders, 1, buyers),)),
        (
            "statistical",
            (
                Need(facts.with_orders, FORECAST_CUSTOMERS, buyers),
                Need(facts.repeat, FORECAST_REPEAT, "customers with two order days"),
                Need(facts.span_days, FORECAST_DAYS, "days of orders"),
            ),
        ),
        (
            "ml",
            (
                Need(facts.with_orders, ML_CUSTOMERS, buyers),
                Need(facts.repeat, ML_RARER, "customers with two order days"),
                Need(facts.span_days, ML_LOOK_BACK_DAYS + 2 * horizon_days, "days of orders"),
            ),
        ),
    )


def _clv(facts: Facts, business: Business) -> Ladder:
    return _value(facts, (business.objectives.clv or ClvObjective()).horizon_days)


def _purchase(facts: Facts, business: Business) -> Ladder:
    return _value(facts, business.objectives.purchase_horizon_days)


def _segment(facts: Facts, _: Business) -> Ladder:
    return _value(facts, 0)[:1]


def _satisfaction(facts: Facts, _: Business) -> Ladder:
    rarer = min(facts.dissatisfied, facts.scored_feedback - facts.dissatisfied)
    answers = "feedback rows with a score"
    return (
        (_RULES, (Need(facts.scored_feedback, 1, answers),)),
        (
            "statistical",
            (
                Need(facts.scored_feedback, STATISTICAL_CUSTOMERS, answers),
                Need(rarer, STATISTICAL_RARER, "scores of the rarer of satisfied and dissatisfied"),
            ),
        ),
        (
            "ml",
            (
                Need(facts.scored_feedback, ML_CUSTOMERS, answers),
                Need(rarer, ML_RARER, "scores of the rarer of satisfied and dissatisfied"),
            ),
        ),
    )


def _sentiment(facts: Facts, _: Business) -> Ladder:
    # A word list reads a text without any data of the business.
    return (
        (_RULES, ()),
        (
            "statistical",
            (
                Need(facts.texts, STATISTICAL_CUSTOMERS, "feedback texts"),
                Need(facts.scored_feedback, STATISTICAL_CUSTOMERS, "feedback rows with a score"),
            ),
        ),
    )


def _recommendations(facts: Facts, business: Business) -> Ladder:
    # A window to judge on, one to learn from and something before it; one more for the challenger.
    buyers, days = "customers with order lines", "days of orders"
    horizon = (business.objectives.recommendations or RecommendationsObjective()).horizon_days
    return (
        (_RULES, (Need(facts.basket_customers, 1, buyers), Need(facts.products, 2, "products sold"))),
        (
            "statistical",
            (
                Need(facts.basket_customers, STATISTICAL_CUSTOMERS, buyers),
                Need(facts.repeat, STATISTICAL_REPEAT, "customers with two order days"),
                Need(facts.span_days, 3 * horizon, days),
            ),
        ),
        (
            "ml",
            (
                Need(facts.basket_customers, ML_CUSTOMERS, buyers),
                Need(facts.repeat, ML_RARER, "customers with two order days"),
                Need(facts.span_days, 4 * horizon, days),
            ),
        ),
    )


def _next_best_action(facts: Facts, _: Business) -> Ladder:
    effect = "randomised actions with a clear effect (contacts.arm and propensity, 100 outcomes in each arm)"
    return (
        (_RULES, (Need(facts.customers, 1, "customers"),)),
        ("statistical", (Need(facts.outcomes, STATISTICAL_CUSTOMERS, "contacts with an outcome"),)),
        ("causal", (Need(int(facts.has_randomised_effect), 1, effect),)),
    )


def _triggers(facts: Facts, _: Business) -> Ladder:
    # A rule is written, not learned: it holds from the first customer on, and climbs no further.
    return ((_RULES, (Need(facts.customers, 1, "customers"),)),)


LADDERS: Final[Mapping[str, Callable[[Facts, Business], Ladder]]] = {
    "churn": _churn,
    "clv": _clv,
    "purchase": _purchase,
    "satisfaction": _satisfaction,
    "segment": _segment,
    "sentiment": _sentiment,
    "recommendations": _recommendations,
    "next_best_action": _next_best_action,
    "triggers": _triggers,
}
