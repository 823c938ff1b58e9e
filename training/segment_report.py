"""The card of segments: cut points, who stands where, whether it tells who buys, and what clusters exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import ManifestDraft
from app.capabilities.segment import FREQUENCY_TIERS, STAGES, VALUE_TIERS, read_rules
from app.domain.clock import from_microseconds
from app.domain.history import Array
from app.estimators.scores import NAMES
from app.texts.catalogue import LOCALES, catalogue
from app.texts.segments import cluster_text
from training.cluster_inputs import Grouped
from training.clustering import FEWEST, table_of
from training.segment_backtest import Backtest, Seen, inputs_of
from training.tables import Tables

SMALL: Final = 100
"""Held-out rows of a name below which its buying rate is little more than a guess."""


@dataclass(frozen=True, slots=True)
class Told:
    """One variant, fitted and judged, with today's customers: what the card tells of it."""

    name: str
    settings: Mapping[str, Any]
    grouped: Grouped
    backtest: Backtest
    seen: Seen

    @property
    def revenue(self) -> Array:
        """The net value so far of today's customers, 0 where it is not known or below zero, shape (N,)."""
        column = self.seen.columns[inputs_of(self.name)[2]]
        revenue: Array = np.maximum(np.nan_to_num(column, nan=0.0), 0.0)
        return revenue

    def answers(self) -> dict[str, Array]:
        """Return what is said of today's customers, columns of shape (N,)."""
        names = list(dict.fromkeys([*inputs_of(self.name), *self.grouped.inputs]))
        rules = read_rules(self.settings, {name: j for j, name in enumerate(names)})
        return rules.answer(np.column_stack([self.seen.columns[name] for name in names]))


def card_of(draft: ManifestDraft, told: Sequence[Told], horizon_days: int, tables: Tables) -> dict[str, Any]:
    """Return the card as a document.

    Parameters
    ----------
    horizon_days : int
        Over how many days the buying rates are.
    """
    return {
        "capability": draft.capability,
        "business": draft.business.name,
        "simulated": draft.business.simulated,
        "goal": {
            "says": draft.label.text.model_dump(by_alias=True),
            "definition": draft.label.definition,
            "judged_by": f"who buys within {horizon_days} days",
            "horizon_days": horizon_days,
            "currency": draft.business.currency,
        },
        "population": "customers with a purchase; who denied profiling is left out",
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "rows": dict(tables.counts)},
        "seed": draft.seed,
        "git_commit": draft.git_commit,
        "libraries": draft.libraries,
        "variants": [_variant(one, draft) for one in told],
        "limits": _limits(draft, told, horizon_days),
    }


def _variant(told: Told, draft: ManifestDraft) -> dict[str, Any]:
    answers = told.answers()
    return {
        "name": told.name,
        "customers": len(told.seen.customer),
        "scores": _scores(told.settings),
        "tiers": {
            "frequent_from": told.settings["frequent_from"],
            "value_a_from": told.settings["value_a_from"],
            "value_b_from": told.settings["value_b_from"],
            "cycle_days": told.settings["cycle_days"],
            "stages": dict(told.settings["stages"]),
        },
        "segments": [_segment(told, answers["name"], name) for name in NAMES],
        "shares": {
            "frequency_tier": _shares(answers["frequency_tier"], FREQUENCY_TIERS, told.revenue),
            "value_tier": _shares(answers["value_tier"], VALUE_TIERS, told.revenue),
            "lifecycle_stage": _shares(answers["lifecycle_stage"], STAGES, told.revenue),
        },
        "judged": _judged(told.backtest, draft.business.timezone),
        "clusters": _clusters(told, answers),
    }


def _scores(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return of each score its values, from and up to; open where the other side has none."""
    answer: dict[str, Any] = {}
    for name in ("recency", "frequency", "monetary"):
        scale = settings[name]
        if scale is None:
            answer[name] = None
            continue
        edges = [None, *scale["edges"], None]
        answer[name] = [
            {"score": score, "from": edges[k], "to": edges[k + 1]} for k, score in enumerate(scale["scores"])
        ]
    return answer


def _segment(told: Told, names: Array, name: str) -> dict[str, Any]:
    own = names == name
    rows, rate = told.backtest.rate(name)
    return {
        "name": name,
        "label": {locale: catalogue(locale)["segments"][name] for locale in LOCALES},
        "customers": int(own.sum()),
        "share": _part(own.sum(), len(own)),
        "revenue": float(told.revenue[own].sum()),
        "revenue_share": _part(told.revenue[own].sum(), told.revenue.sum()),
        "tested_rows": rows,
        "buying_rate": None if rate is None else rate.model_dump(),
    }


def _part(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0


def _shares(words: Array, order: Sequence[str], revenue: Array) -> list[dict[str, Any]]:
    return [
        {
            "word": word,
            "customers": int((words == word).sum()),
            "share": _part((words == word).sum(), len(words)),
            "revenue_share": _part(revenue[words == word].sum(), revenue.sum()),
        }
        for word in order
    ]


def _judged(tested: Backtest, timezone: str) -> dict[str, Any]:
    return {
        "origins": [from_microseconds(origin, timezone).isoformat() for origin in tested.origins],
        "rows": len(tested.y),
        "bought": int(tested.y.sum()),
        "grade": tested.verdict.grade,
        "reason": tested.verdict.reason if tested.origins else "the history is too short to judge",
        "baseline": tested.verdict.baseline.model_dump(),
        "reduction": tested.verdict.reduction.model_dump(),
        "metrics": {name: interval.model_dump() for name, interval in tested.metrics.items()},
    }


def _clusters(told: Told, answers: Mapping[str, Array]) -> dict[str, Any]:
    grouped = told.grouped
    published = grouped.settings is not None
    return {
        "published": published,
        "why": _why(grouped, len(told.seen.customer)),
        "inputs": list(grouped.inputs),
        "tried": table_of(grouped.found.tried),
        "cards": [
            _cluster(told, answers, number, name) for number, name in enumerate(grouped.settings["names"])
        ]
        if grouped.settings is not None
        else [],
    }


def _why(grouped: Grouped, customers: int) -> str:
    if grouped.settings is not None:
        count = len(grouped.settings["names"])
        return f"{count} clusters are stable and apart from each other; no larger number is"
    if customers < FEWEST:
        return f"{customers} customers are too few; clusters are looked for from {FEWEST} on"
    if not grouped.inputs:
        return "no input tells customers apart well enough to look for clusters"
    return (
        "no number of clusters is stable and apart; customers differ by degree, and groups would be made up"
    )


def _cluster(told: Told, answers: Mapping[str, Array], number: int, name: str) -> dict[str, Any]:
    own = answers["cluster.id"] == number + 1
    return {
        "id": number + 1,
        "name": name,
        "label": {locale: cluster_text(locale, name) for locale in LOCALES},
        "customers": int(own.sum()),
        "share": _part(own.sum(), len(own)),
        "revenue_share": _part(told.revenue[own].sum(), told.revenue.sum()),
        "medians": {
            feature: _median(told.seen.columns[feature][own])
            for feature in (*told.grouped.inputs, inputs_of(told.name)[2])
        },
    }


def _median(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _limits(draft: ManifestDraft, told: Sequence[Told], horizon_days: int) -> list[str]:
    """Return what a reader must not conclude."""
    limits = [
        "A score compares a customer with the others of this business, on the day of training.",
        f"Buying rates are of past {horizon_days}-day windows; they say who buys, not whom a campaign moves.",
        "Clusters of the two variants are found apart from each other: their numbers and names differ.",
    ]
    if draft.business.simulated:
        limits.insert(0, "Every number here is simulated: it shows how the method works, not how good it is.")
    for one in told:
        if one.settings["monetary"] is None:
            limits.append(f"{one.name}: no money is known, so monetary and value_tier are left out.")
        if not one.backtest.origins:
            limits.append(f"{one.name}: the history is too short to judge the segments; the grade is C.")
        thin = [name for name in NAMES if 0 < one.backtest.rate(name)[0] < SMALL]
        if thin:
            limits.append(f"{one.name}: fewer than {SMALL} held-out rows of {', '.join(thin)}.")
    return limits
