"""The planning report as a document: what is forecast, what was observed, and what neither may be taken for.

Every part names its ``kind``: observation, forecast, or forecast_and_observation where its fields say which.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from app.domain.clock import from_microseconds, to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.serving.plan import FULL
from app.serving.release import LoadedArtifact, LoadedRelease
from training.planning import forecast as planning_forecast
from training.planning.customers import CHUNK, Customers, Groups, groups_of, read_customers
from training.planning.forecast import (
    Asked,
    Doubt,
    Ranges,
    doubt_of,
    expected,
    factors,
    noise_of,
    own_revenue,
    ranges,
)
from training.planning.lift import bought, lift_part, missing_tables
from training.planning.months import Calendar, Month, months_ahead
from training.planning.totals import migration_of, past_of, ratio, totals_of
from training.tables import Tables

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the plan is asked for: now and the earlier snapshot in microseconds, and how many months."""

    as_of: int
    since: int
    months: int


def report_of(
    release: LoadedRelease, tables: Tables, wanted: Wanted, progress: Callable[[str], None]
) -> Part:
    """Return the planning report of a business from a release.

    Parameters
    ----------
    progress : callable
        Is told where a long computation is.
    """
    business = release.business
    people = read_customers(release, tables, wanted.as_of, wanted.since, progress)
    groups = groups_of(people, has_segments="segment" in release.artifacts)
    progress("drawing what may happen")
    forecast, why = _forecast(release, people, groups, wanted)
    progress("counting categories")
    lift, why_no_lift = _lift(tables, people, groups, wanted.as_of)
    trained = {name: artifact.manifest.trained_as_of for name, artifact in sorted(release.artifacts.items())}
    return {
        "kind": "planning_report",
        "business": business.name,
        "simulated": business.simulated,
        "currency": business.currency,
        "timezone": business.timezone,
        "release": release.name,
        "trained_as_of": trained,
        "as_of": _iso(wanted.as_of, business.timezone),
        "since": _iso(wanted.since, business.timezone),
        "is_trained_later": any(_micro(at) > wanted.as_of for at in trained.values()),
        "customers": {
            "kind": "observation",
            "known": tables.size,
            "not_profiled": tables.size - len(people.position),
            "without_purchase": int((groups.of < 0).sum()),
            "planned": int((groups.of >= 0).sum()),
        },
        "segments": list(groups.names),
        "forecast": forecast,
        "why_no_forecast": why,
        "past": past_of(people, groups),
        "lift": lift,
        "why_no_lift": why_no_lift,
        "migration": migration_of(people) if "segment" in release.artifacts else None,
        "totals": totals_of(people, groups, release.artifacts),
    }


def _forecast(
    release: LoadedRelease, people: Customers, groups: Groups, wanted: Wanted
) -> tuple[Part | None, str | None]:
    """Return expected orders and revenue by month and segment, or why there are none."""
    artifact = release.artifacts.get("clv")
    if artifact is None:
        return None, "no_clv"
    rows = np.flatnonzero((groups.of >= 0) & np.isfinite(people.revenue))
    model = artifact.models[FULL]
    if not len(rows) or model.horizon_days is None:
        return None, "no_customers"
    calendar = months_ahead(wanted.as_of, release.business.timezone, wanted.months)
    elapsed = (wanted.as_of - _micro(artifact.manifest.trained_as_of)) / MICROSECONDS_PER_DAY
    revenue, group = people.revenue[rows], groups.of[rows]
    told = {
        "kind": "forecast",
        "unit": {"orders": "customer days with a purchase", "revenue": release.business.currency},
        "level": planning_forecast.LEVEL,
        "existing_customers_only": True,
        "customers": len(rows),
        "trained_horizon_days": model.horizon_days,
        "revenue_within_trained_horizon": float(revenue.sum()),
        "months": [_month(month) for month in calendar.months],
    }
    if model.forecast is None:
        cells = _even(revenue, group, len(groups.names), calendar, model.horizon_days)
        return {**told, "uncertainty": None, **_cells(groups.names, calendar, None, cells)}, None
    asked = Asked(
        model.forecast,
        people.inputs[rows],
        revenue,
        group,
        len(groups.names),
        model.horizon_days,
        elapsed,
        calendar.edges,
    )
    scaled_by = ratio(float(revenue.sum()), own_revenue(asked))
    orders, money, uncertainty = outlook(asked, doubt_of(_season(artifact), scaled_by or 1.0))
    told |= {"scaled_by": scaled_by, "uncertainty": uncertainty}
    return {**told, **_cells(groups.names, calendar, orders, money)}, None


def outlook(asked: Asked, doubt: Doubt) -> tuple[Ranges, Ranges, Part]:
    """Return orders and revenue with their ranges, and what the ranges hold."""
    orders, revenue = expected(asked)
    noise = noise_of(asked)
    on_orders, on_revenue = factors(doubt, len(asked.edges) - 1)
    told = {
        "draws": planning_forecast.DRAWS,
        "sampled_customers": noise.customers,
        "width_error": noise.width_error,
        "doubt": asdict(doubt),
    }
    return ranges(orders, noise.orders, on_orders), ranges(revenue, noise.revenue, on_revenue), told


def _season(artifact: LoadedArtifact) -> Part | None:
    """Return what the season of clv rests on, as its card tells; None where it does not."""
    card = json.loads(artifact.card)
    for variant in card.get("variants", ()):
        if variant.get("name") == FULL and variant.get("forecast"):
            found: Part | None = variant["forecast"].get("season")
            return found
    return None


def _even(revenue: Array, group: Array, groups: int, calendar: Calendar, horizon: int) -> Ranges:
    """Return revenue spread evenly over time, without a range: what a rule without a clock can say."""
    by_group = np.bincount(group, weights=revenue, minlength=groups)
    cells = np.outer(by_group, np.diff(calendar.edges) / horizon)
    cells = np.vstack([cells, cells.sum(axis=0)])
    cells = np.hstack([cells, cells.sum(axis=1, keepdims=True)])
    unknown = np.full(cells.shape, np.nan)
    return Ranges(cells, unknown, unknown)


def _cells(names: tuple[str, ...], calendar: Calendar, orders: Ranges | None, revenue: Ranges) -> Part:
    """Return cells, and totals by month, by segment and of all."""
    months = [month.name for month in calendar.months]

    def told(row: int, column: int) -> Part:
        return {
            "orders": None if orders is None else _range(orders, row, column),
            "revenue": _range(revenue, row, column),
        }

    rows, columns = list(enumerate(names)), list(enumerate(months))
    return {
        "cells": [
            {"month": month, "segment": name, **told(g, m)} for m, month in columns for g, name in rows
        ],
        "by_month": [{"month": month, **told(-1, m)} for m, month in columns],
        "by_segment": [{"segment": name, **told(g, -1)} for g, name in rows],
        "total": told(-1, -1),
    }


def _range(found: Ranges, row: int, column: int) -> Part:
    return {
        "expected": float(found.expected[row, column]),
        "low": _number(found.low[row, column]),
        "high": _number(found.high[row, column]),
    }


def _lift(tables: Tables, people: Customers, groups: Groups, as_of: int) -> tuple[Part | None, str | None]:
    """Return what each segment buys more or less than everybody, or why that is not known."""
    if missing_tables(tables):
        return None, "no_categories"
    rows = np.flatnonzero(groups.of >= 0)
    if not len(rows):
        return None, "no_customers"
    found = bought(tables, as_of, people.position[rows], groups.of[rows], len(groups.names), CHUNK)
    return (lift_part(found, groups.names), None) if found.categories else (None, "no_categories")


def _month(month: Month) -> Part:
    return {
        "month": month.name,
        "from": month.starts_at,
        "until": month.ends_at,
        "is_partial": month.is_partial,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _iso(at: int, timezone: str) -> str:
    return from_microseconds(at, timezone).isoformat()


def _micro(iso: str) -> int:
    return to_microseconds(datetime.fromisoformat(iso))
