"""What a release says of the customers whose voices are reported: worth, segment and risk, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from app.capabilities.segment import VALUE_TIERS
from app.domain.consent import granted
from app.domain.history import Array, History
from app.domain.selection import take
from app.estimators.scores import NAMES
from app.serving.blocks import Answered
from app.serving.release import LoadedRelease
from training.asking import asked, numbers, words
from training.planning.customers import CHUNK, PAST_DAYS
from training.purchase_days import purchase_days
from training.tables import Tables
from training.voice.periods import NOW_DAYS

NO_SEGMENT: Final = len(NAMES)
"""The place of customers without a segment: who has not bought, or where none is published."""
NO_TIER: Final = len(VALUE_TIERS)
CLV, REVENUE = "clv", "net_revenue_365d"
"""What value is: the prediction of the release, or what the last 365 days brought."""

_ASKED: Final = ("clv", "segment", "churn")


@dataclass(frozen=True, slots=True)
class People:
    """Every customer of a business; each column has shape (N,), in the order of ``Tables.customer_ids``.

    ``is_allowed`` is whether they may be profiled; of the others nothing is known here. ``segment`` and
    ``tier`` are indexes of ``NAMES`` and ``VALUE_TIERS``, one more where there is none. ``predicted`` is the
    value of clv and ``churn`` a probability, NaN where the release is silent. ``revenue`` is that of the last
    365 days, net of refunds. ``orders_now`` and ``orders_before`` are purchase days of the latest 90 days and
    of as many before.
    """

    is_allowed: Array
    segment: Array
    tier: Array
    predicted: Array
    churn: Array
    revenue: Array
    orders_now: Array
    orders_before: Array


def read_people(
    release: LoadedRelease | None, tables: Tables, as_of: int, progress: Callable[[str], None]
) -> People:
    """Return the columns of all customers, as known at ``as_of`` (microseconds since 1970 in UTC)."""
    parts = []
    for start in range(0, max(tables.size, 1), CHUNK):
        progress(f"asking about {start:,} of {tables.size:,}")
        history = tables.history(start, start + CHUNK)
        parts.append(people_of(release, history, as_of, tables.business.consent_defaults))
    return People(
        **{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(People)}
    )


def people_of(
    release: LoadedRelease | None, history: History, as_of: int, defaults: Mapping[str, str]
) -> People:
    """Return the columns of the customers of a history."""
    is_allowed = granted(history, "profiling", np.full(history.size, as_of), defaults)
    rows = np.flatnonzero(is_allowed)
    own = history if len(rows) == history.size else take(history, rows)
    told = {} if release is None else asked(release, own, as_of, _ASKED)
    days = purchase_days(own, as_of, defaults)
    _, revenue = days.bought(days.today - PAST_DAYS, days.today)
    orders_now, _ = days.bought(days.today - NOW_DAYS, days.today)
    orders_before, _ = days.bought(days.today - 2 * NOW_DAYS, days.today - NOW_DAYS)
    segment = told.get("segment")
    found: dict[str, Array] = {
        "segment": _place(segment, "name", NAMES, own.size),
        "tier": _place(segment, "value_tier", VALUE_TIERS, own.size),
        "predicted": numbers(told.get("clv"), "predicted_value", own.size),
        "churn": numbers(told.get("churn"), "probability", own.size),
        "revenue": revenue,
        "orders_now": orders_now,
        "orders_before": orders_before,
    }
    nothing = {"segment": NO_SEGMENT, "tier": NO_TIER, "predicted": np.nan, "churn": np.nan}
    columns = {}
    for name, values in found.items():
        columns[name] = np.full(history.size, nothing.get(name, 0.0), dtype=values.dtype)
        columns[name][rows] = values
    return People(is_allowed=is_allowed, **columns)


def expected_now(people: People) -> float:
    """Return the share of the latest days among the orders of these and of as many before; else a half."""
    now, before = float(people.orders_now.sum()), float(people.orders_before.sum())
    return now / (now + before) if now and before else 0.5


def _place(block: Answered | None, name: str, known: tuple[str, ...], size: int) -> Array:
    """Return a column of words as indexes into the known ones, behind the last where there is none."""
    found = words(block, name, known, size)
    return np.where(found < 0, len(known), found)
