"""What the tables hold, as the few numbers that decide how far each capability can climb."""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from app.capabilities.churn import reach, reach_features
from app.domain.consent import granted
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array
from app.features.compute import columns_of
from app.features.ragged import count
from app.features.subscription import is_active
from app.features.view import View, purchased_between
from training.tables.mapping import CANONICAL
from training.tables.objectives import ChurnObjective
from training.tables.tables import Tables

_ARM_OUTCOMES: Final = 100
"""Outcomes that each arm needs; with the level below, what training asks of a trial."""
_Z: Final = 1.645
"""Of an interval at 90 %."""
_POPULATIONS: Final = {"inactivity": ("repeat", "first_order")}


@dataclass(frozen=True, slots=True)
class ChurnFacts:
    """Who could be asked about churn at the latest cut with a complete horizon, and who of them left.

    ``eligible`` and ``lost`` are customers by population; ``cut`` is microseconds, ``NAT`` where there is no
    cut: labels without dates, or a history shorter than the horizon.
    """

    definition: str
    eligible: Mapping[str, int]
    lost: Mapping[str, int]
    cut: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts over the cleaned tables; zero where a table is not there."""

    customers: int
    with_orders: int = 0
    repeat: int = 0
    span_days: int = 0
    basket_customers: int = 0
    products: int = 0
    scored_feedback: int = 0
    dissatisfied: int = 0
    texts: int = 0
    outcomes: int = 0
    has_randomised_effect: bool = False
    denied_profiling: int = 0
    churn: ChurnFacts | None = None
    given: Mapping[str, frozenset[str]] = field(default_factory=dict)


def gather_facts(tables: Tables) -> Facts:
    """Return the facts of a business's tables; works from no customer up."""
    orders = _row(
        tables,
        "orders",
        "count(*), count(*) FILTER (days >= 2), max(last) - min(first) FROM (SELECT customer_id, "
        "count(DISTINCT CAST(ordered_at AS DATE)) AS days, min(CAST(ordered_at AS DATE)) AS first, "
        f"max(CAST(ordered_at AS DATE)) AS last FROM {CANONICAL}.orders WHERE revenue > 0 "
        "AND coalesce(status, '') NOT IN ('cancelled', 'pending') GROUP BY customer_id)",
        3,
    )
    lines = _row(
        tables,
        "order_lines",
        "count(DISTINCT customer_id), count(DISTINCT product_id) "
        f"FROM {CANONICAL}.order_lines JOIN {CANONICAL}.orders USING (order_id) "
        "WHERE coalesce(status, '') NOT IN ('cancelled', 'pending') AND coalesce(quantity, 1) > 0",
        2,
    )
    scored = _scored(tables)
    texts = _row(tables, "feedback", f"count(text) FROM {CANONICAL}.feedback", 1)
    outcomes = _row(tables, "contacts", f"count(outcome) FROM {CANONICAL}.contacts", 1)
    return Facts(
        customers=tables.size,
        with_orders=orders[0],
        repeat=orders[1],
        span_days=orders[2],
        basket_customers=lines[0],
        products=lines[1],
        scored_feedback=scored[0],
        dissatisfied=scored[1],
        texts=texts[0],
        outcomes=outcomes[0],
        has_randomised_effect=_has_randomised_effect(tables),
        denied_profiling=_denied(tables),
        churn=_churn(tables),
        given=tables.given,
    )


def _scored(tables: Tables) -> tuple[int, ...]:
    """Return how many scores satisfaction can be learned from, and how many of them are dissatisfied.

    Dissatisfied is the lower half of the scale; the detractors of an NPS; who complained.
    """
    objective = tables.business.objectives.satisfaction
    definition = None if objective is None else objective.definition
    if definition == "label":
        return _row(
            tables,
            "labels",
            "count(*), count(*) FILTER (label < middle) FROM (SELECT label, (min(label) OVER () + "
            f"max(label) OVER ()) / 2 AS middle FROM {CANONICAL}.labels WHERE capability = 'satisfaction')",
            2,
        )
    if definition == "complaint":
        told = f"FROM {CANONICAL}.support_cases WHERE type = 'complaint'"
        return (tables.size, *_row(tables, "support_cases", f"count(DISTINCT customer_id) {told}", 1))
    kind = "" if definition is None else f" WHERE kind = '{definition}'"
    return _row(
        tables,
        "feedback",
        "count(score) FILTER (kind = 'nps' OR scale_max > 0), count(*) FILTER (CASE kind WHEN 'nps' "
        f"THEN score <= 6 ELSE score < (1 + scale_max) / 2 END) FROM {CANONICAL}.feedback{kind}",
        2,
    )


def _row(tables: Tables, table: str, selected: str, width: int) -> tuple[int, ...]:
    """Return the numbers that a query over a table gives, zeros where the table is not there."""
    if not tables.has(table):
        return (0,) * width
    [row] = tables.query(f"SELECT {selected}").fetchall()
    return tuple(int(value or 0) for value in row)


def _has_randomised_effect(tables: Tables) -> bool:
    """Return whether some action's answers differ between its arms by more than chance, at 90 %.

    Only contacts whose chance of treatment was logged count: without it no effect is told.
    """
    if not tables.has("contacts"):
        return False
    rows = tables.query(
        "SELECT count(outcome) FILTER (arm = 'treatment'), avg(outcome) FILTER (arm = 'treatment'), "
        "count(outcome) FILTER (arm = 'control'), avg(outcome) FILTER (arm = 'control') "
        f"FROM {CANONICAL}.contacts WHERE propensity > 0 AND propensity < 1 GROUP BY action_id"
    ).fetchall()
    return any(_differs(*row) for row in rows if min(row[0], row[2]) >= _ARM_OUTCOMES)


def _differs(treated: int, answered: float, control: int, base: float) -> bool:
    """Return whether the interval of the difference of two shares leaves zero out (Wald, 90 %)."""
    variance = answered * (1 - answered) / treated + base * (1 - base) / control
    return bool(abs(answered - base) > _Z * math.sqrt(variance))


def _denied(tables: Tables) -> int:
    """Return how many customers do not let themselves be profiled today."""
    if not tables.has("consents"):
        return 0
    return int((~_allowed(tables)).sum())


def _allowed(tables: Tables, at: Array | None = None) -> Array:
    history = tables.history(only=("consents",))
    when = np.full(history.size, _known_at(tables)) if at is None else at
    return granted(history, "profiling", when, tables.business.consent_defaults)


def _known_at(tables: Tables) -> int:
    return tables.latest if tables.as_of is None else tables.as_of


def _churn(tables: Tables) -> ChurnFacts | None:
    """Return who could be asked about churn, with the definition of the business; None without its table."""
    objective = tables.business.objectives.churn or ChurnObjective()
    if objective.definition == "label":
        return _labelled(tables) if tables.has("labels") else None
    table = {"inactivity": "orders", "subscription_end": "subscriptions"}[objective.definition]
    if not tables.has(table) or tables.latest == NAT:
        return None
    populations = _POPULATIONS.get(objective.definition, ("all",))
    history = tables.history(only=(table, "consents"))
    defaults = tables.business.consent_defaults
    horizon = objective.horizon_days * MICROSECONDS_PER_DAY
    cut = np.full(history.size, _known_at(tables) - horizon)
    names = reach_features(objective.definition, is_summary=False)
    columns = columns_of(View(history, cut, defaults), frozenset(names))
    settings = {"gone_after_days": objective.gone_after_days}
    inputs = {name: columns[name] for name in names}
    who = reach(objective.definition, settings, populations, inputs).population
    who = np.where(granted(history, "profiling", cut, defaults), who, -1)
    if objective.definition == "inactivity":
        lost = ~purchased_between(history, cut, cut + horizon)
    else:
        rows: Any = View(history, cut + horizon, defaults).rows("subscriptions")
        lost = count(rows.owner[is_active(rows)], history.size) == 0
    return ChurnFacts(
        objective.definition,
        {name: int((who == k).sum()) for k, name in enumerate(populations)},
        {name: int(((who == k) & lost).sum()) for k, name in enumerate(populations)},
        int(cut[0]) if (who >= 0).any() else NAT,
    )


def _labelled(tables: Tables) -> ChurnFacts:
    """Return the customers with a churn label, and those whose label says that they left."""
    labels = tables.labels.of("churn")
    asked = np.ones(len(labels.label), dtype=bool)
    if tables.has("consents"):
        asked = _allowed(tables)[labels.customers]
    return ChurnFacts("label", {"all": int(asked.sum())}, {"all": int((labels.label[asked] == 1).sum())}, NAT)
