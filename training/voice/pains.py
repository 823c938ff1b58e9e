"""What hurts most: topics that texts blame, and cases, by the customers concerned and what these are worth.

Rules:

1. Concerned is who blamed a topic, or opened a case of a type, within the latest 180 days; one customer may
   have several pains, so neither customers nor values add up.
2. The value at stake is what the customers concerned are worth as a whole, not what the pain costs: most of
   them stay. It is the predicted value of clv where that is published, else the net revenue of 365 days.
3. That those who complain are likelier to leave is an association: complaints are among what the model of
   churn reads, who buys more has more to complain about, and nobody was made to complain at random.
4. Questions are no pain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.capabilities.segment import VALUE_TIERS
from app.domain.history import CASE_TYPES, Array
from app.estimators.scores import NAMES
from app.texts.aspects import ASPECTS
from training.voice.people import CLV, REVENUE, People, expected_now
from training.voice.periods import STAKE_DAYS, Periods
from training.voice.rows import Cases
from training.voice.shares import (
    change_of,
    customers_in,
    hidden_in,
    is_small,
    mean_change,
    people_count,
    volume_change,
)
from training.voice.topics import Read

CASE_PAINS: Final = ("complaint", "return", "technical")
TOPIC, CASE = "topic", "case"

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pain:
    """A pain: whose it is (customers of the latest 180 days, once each), and how it changed."""

    source: str
    name: str
    customers: Array
    change: Part


@dataclass(frozen=True, slots=True)
class Worth:
    """What customers are worth, shape (N,), and together; and whether segments and churn are published."""

    value: Array
    total: float
    has_segments: bool
    has_churn: bool


def pains_of(read: Read, cases: Cases, people: People, periods: Periods) -> list[Pain]:
    """Return every pain that somebody has."""
    recent = np.flatnonzero(read.is_recent)
    blamed = read.blamed()[recent]
    owner, is_now = read.owner[recent], read.is_now[recent]
    found = [
        Pain(
            TOPIC,
            name,
            np.unique(owner[blamed[:, k]]),
            change_of(is_now, blamed[:, k], owner, of_groups=True),
        )
        for k, name in enumerate(ASPECTS)
    ]
    expected = expected_now(people)
    for name in CASE_PAINS:
        rows = np.flatnonzero((cases.type == CASE_TYPES.index(name)) & periods.is_recent(cases.at))
        change = volume_change(periods.is_now(cases.at[rows]), cases.owner[rows], expected)
        found.append(Pain(CASE, name, np.unique(cases.owner[rows]), change))
    return [pain for pain in found if len(pain.customers)]


def pains_part(pains: Sequence[Pain], people: People, published: frozenset[str]) -> Part:
    """Return the pains, those of most customers first.

    Parameters
    ----------
    published : frozenset of str
        The capabilities of the release.
    """
    basis = CLV if "clv" in published else REVENUE
    value = people.predicted if basis == CLV else people.revenue
    worth = Worth(
        value, float(np.nansum(value[people.is_allowed])), "segment" in published, "churn" in published
    )
    told = [_pain(pain, people, worth) for pain in pains]
    told.sort(key=lambda one: (-(one["customers"] or 0), one["source"], one["name"]))
    ranked = sorted((one for one in told if not one["is_hidden"]), key=lambda one: -one["value"])
    for place, one in enumerate(ranked, 1):
        one["rank_by_value"] = place
    everybody = np.unique(np.concatenate([np.empty(0, np.int64), *(pain.customers for pain in pains)]))
    return {
        "days": STAKE_DAYS,
        "value_basis": basis,
        "value_of_all": worth.total,
        "customers_of_all": int(people.is_allowed.sum()),
        "without_value": people_count(int((people.is_allowed & ~np.isfinite(value)).sum())),
        "has_segments": worth.has_segments,
        "has_churn": worth.has_churn,
        "ranking": told,
        "anybody": {
            "is_hidden": is_small(everybody),
            "customers": None if is_small(everybody) else len(everybody),
            **_value(everybody, worth, is_hidden=is_small(everybody)),
            "churn": _churn(everybody, people) if worth.has_churn and not is_small(everybody) else None,
        },
    }


def _pain(pain: Pain, people: People, worth: Worth) -> Part:
    is_hidden = is_small(pain.customers)
    groups: dict[str, tuple[Array, tuple[str, ...]]] = {
        "by_segment": (people.segment, (*NAMES, "none")),
        "by_tier": (people.tier, (*VALUE_TIERS, "none")),
    }
    return {
        "source": pain.source,
        "name": pain.name,
        "is_hidden": is_hidden,
        "customers": None if is_hidden else len(pain.customers),
        **_value(pain.customers, worth, is_hidden=is_hidden),
        "rank_by_value": None,
        "churn": _churn(pain.customers, people) if worth.has_churn and not is_hidden else None,
        "change": None if is_hidden else pain.change,
        **{
            part: _split(pain.customers, code, names, worth.value)
            if worth.has_segments and not is_hidden
            else None
            for part, (code, names) in groups.items()
        },
    }


def _value(customers: Array, worth: Worth, *, is_hidden: bool) -> Part:
    """Return what some customers are worth, and the share that is of all."""
    if is_hidden:
        return dict.fromkeys(("value", "share_of_value", "without_value"))
    value, total = float(np.nansum(worth.value[customers])), worth.total
    return {
        "value": value,
        "share_of_value": value / total if total > 0 else None,
        "without_value": people_count(int(np.isnan(worth.value[customers]).sum())),
    }


def _split(customers: Array, code: Array, names: tuple[str, ...], value: Array) -> list[Part]:
    """Return the customers and the value of each group; those that would give a small one away are hidden."""
    own = [customers[code[customers] == k] for k in range(len(names))]
    untold = hidden_in(np.array([len(one) for one in own], dtype=np.int64)).tolist()
    return [
        {
            "group": name,
            "is_hidden": is_hidden,
            "customers": None if is_hidden else len(one),
            "value": None if is_hidden else float(np.nansum(value[one])),
        }
        for name, one, is_hidden in zip(names, own, untold, strict=True)
        if len(one)
    ]


def _churn(customers: Array, people: People) -> Part | None:
    """Return the mean probability of churn of some customers against all others who have one (rule 3)."""
    rows = np.flatnonzero(people.is_allowed & np.isfinite(people.churn))
    is_concerned = np.isin(rows, customers)
    if not is_concerned.any() or customers_in(rows[~is_concerned]) == 0:
        return None
    return mean_change(is_concerned, people.churn[rows], rows)
