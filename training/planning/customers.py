"""What a plan knows of every customer: a few columns, made chunk by chunk by the very code that serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from app.capabilities.base import margins
from app.capabilities.churn import RISK_LEVELS
from app.domain.consent import granted
from app.domain.history import Array, History
from app.domain.selection import take
from app.estimators.scores import NAMES
from app.serving.blocks import Answered
from app.serving.release import LoadedRelease
from training.asking import asked, numbers, words
from training.purchase_days import purchase_days
from training.tables import Tables

CHUNK: Final = 20_000
"""Customers in memory at a time."""
PAST_DAYS: Final = 365
WITHOUT: Final = len(NAMES)
"""The segment of customers who have bought where segments are not told."""

ALL: Final = "all"
UNNAMED: Final = "unnamed"

_NEVER: Final = int(np.iinfo(np.int64).max)
_PLANNED: Final = ("clv", "segment", "churn")


@dataclass(frozen=True, slots=True)
class Customers:
    """Everybody who may be profiled; each column has shape (N,).

    ``position`` is the place in ``Tables.customer_ids``. ``segment`` and ``earlier`` are indexes into
    ``NAMES``, -1 without a purchase or, earlier, without consent. ``revenue`` is what the release expects
    within the trained horizon, undiscounted and before the margin; ``historic`` and ``predicted`` are answers
    of clv; NaN where it is silent. ``inputs`` (N, 4) are those of its forecast. ``risk`` is an index into
    ``RISK_LEVELS``, -1 where churn is silent. ``past_orders`` and ``past_revenue`` are those of the last 365
    days, ``was_there`` says who had ordered before them.
    """

    position: Array
    segment: Array
    earlier: Array
    historic: Array
    predicted: Array
    revenue: Array
    inputs: Array
    risk: Array
    past_orders: Array
    past_revenue: Array
    was_there: Array


@dataclass(frozen=True, slots=True)
class Groups:
    """The segments that have customers, in the order of the register, and whose customer is whose.

    ``of`` (N,) is an index into ``names``, -1 for customers who have not bought.
    """

    names: tuple[str, ...]
    of: Array


def read_customers(
    release: LoadedRelease, tables: Tables, as_of: int, since: int, progress: Callable[[str], None]
) -> Customers:
    """Return the columns of all customers.

    Parameters
    ----------
    as_of, since : int
        Now and the earlier snapshot, microseconds since 1970 in UTC; what was known then is asked of the
        release then, and nothing later is read.
    """
    parts = []
    for start in range(0, max(tables.size, 1), CHUNK):
        progress(f"asking about {start:,} of {tables.size:,}")
        parts.append(customers_of(release, tables.history(start, start + CHUNK), as_of, since, start))
    return Customers(
        **{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Customers)}
    )


def customers_of(release: LoadedRelease, history: History, as_of: int, since: int, start: int) -> Customers:
    """Return the columns of some customers, the first of whom is at position ``start``."""
    defaults = release.business.consent_defaults
    (rows,) = granted(history, "profiling", np.full(history.size, as_of), defaults).nonzero()
    own = history if len(rows) == history.size else take(history, rows)
    told = asked(release, own, as_of, _PLANNED)
    then = asked(release, own, since, ("segment",))
    earlier = _segment(then, own.size)
    earlier[~granted(own, "profiling", np.full(own.size, since), defaults)] = -1
    revenue, inputs = _revenue(told.get("clv"), own.size)
    days = purchase_days(own, as_of, defaults)
    first = np.full(own.size, _NEVER)
    np.minimum.at(first, days.owner, days.day)
    past_orders, past_revenue = days.bought(days.today - PAST_DAYS, days.today)
    segment = _segment(told, own.size)
    segment[(segment < 0) & (first < _NEVER)] = WITHOUT
    return Customers(
        position=start + rows,
        segment=segment,
        earlier=earlier,
        historic=numbers(told.get("clv"), "historic_value", own.size),
        predicted=numbers(told.get("clv"), "predicted_value", own.size),
        revenue=revenue,
        inputs=inputs,
        risk=words(told.get("churn"), "risk_level", RISK_LEVELS, own.size),
        past_orders=past_orders,
        past_revenue=past_revenue,
        was_there=first <= days.today - PAST_DAYS,
    )


def groups_of(people: Customers, *, has_segments: bool) -> Groups:
    """Return the segments that have customers; everybody who has bought is one where none are told."""
    present = np.unique(people.segment[people.segment >= 0])
    of = np.where(people.segment >= 0, np.searchsorted(present, people.segment), -1)
    if not has_segments:
        return Groups((ALL,) if len(present) else (), of)
    return Groups(tuple(UNNAMED if code == WITHOUT else NAMES[code] for code in present.tolist()), of)


def _revenue(clv: Answered | None, size: int) -> tuple[Array, Array]:
    """Return the expected revenue and the inputs of the forecast; NaN where nobody answers."""
    if clv is None:
        return np.full(size, np.nan), np.full((size, 4), np.nan)
    model = clv.plan.model
    revenue = np.exp(margins(model, clv.X, clv.answers["population"], clv.moment))
    return revenue, np.full((size, 4), np.nan) if model.forecast is None else clv.X[:, model.forecast.columns]


def _segment(told: dict[str, Answered], size: int) -> Array:
    """Return the segment of each customer; without that artifact, none."""
    return words(told.get("segment"), "name", NAMES, size)
