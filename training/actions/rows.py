"""Contacts as the rows that effects and answers are learned from, as known at a time.

Rules:

1. A row counts once the window of its action has closed by then: of an open window only the answers are there
   yet, and shares of those would be shares of nothing.
2. An answer counts if its own time lies in the window. An answer without a time, or with one before the
   contact, is not known. No answer is what is on record as such; what is not on record is not known.
3. Customers who deny profiling now, or denied it when they were contacted, are not read.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from app.domain.consent import granted
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History
from app.domain.selection import take
from training.tables import Tables
from training.tables.clean import INDEX
from training.tables.mapping import CANONICAL

WINDOW_DAYS: Final = 28.0
"""How long the outcome of an action is waited for that the playbook does not know."""
BLOCK: Final = 10_000
"""Contacts whose consents are looked up at one time."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """R contacts whose windows have closed, sorted by time, customer and action.

    ``customer`` are positions in the history, ``at`` microseconds. ``action`` and ``channel`` are words,
    ``action`` empty where none was given. ``treated`` is 1, 0, or NaN without an arm; ``propensity`` the
    logged chance of treatment. ``y`` is 1 for an answer, 0 for none, NaN where that is not known;
    ``is_untimed`` marks answers without a sound time. All of shape (R,).
    """

    customer: Array
    at: Array
    action: Array
    channel: Array
    treated: Array
    propensity: Array
    y: Array
    is_untimed: Array
    window_days: Array

    @property
    def size(self) -> int:
        """R, the number of contacts."""
        return len(self.y)

    def take(self, rows: Array) -> Self:
        """Return some of the contacts."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Read:
    """The contacts that can be learned from, and how many rows cannot: of open windows, of who denies."""

    contacts: Contacts
    open_windows: int = 0
    denied: int = 0


def no_contacts() -> Contacts:
    """Return no contact at all."""
    whole, words, number = np.empty(0, dtype=np.int64), np.empty(0, dtype=object), np.empty(0)
    is_untimed = np.empty(0, dtype=bool)
    return Contacts(whole, whole, words, words, number, number, number, is_untimed, number)


def read_contacts(tables: Tables, history: History, as_of: int, windows: Mapping[str, float]) -> Read:
    """Return the contacts as known at ``as_of``, microseconds since 1970 in UTC.

    Parameters
    ----------
    tables : Tables
        Without contacts there is no row.
    history : History
        Of all customers of the tables, for their consents.
    windows : mapping
        How many days the outcome of each action is waited for.
    """
    if not tables.has("contacts"):
        return Read(no_contacts())
    arrow = tables.query(
        "SELECT position::BIGINT, epoch_us(contacted_at), trim(coalesce(action_id, '')), "
        "coalesce(channel, 'other'), CASE arm WHEN 'treatment' THEN 1.0 WHEN 'control' THEN 0.0 ELSE "
        "'nan'::DOUBLE END, coalesce(propensity::DOUBLE, 'nan'::DOUBLE), "
        "coalesce(outcome::DOUBLE, 'nan'::DOUBLE), "
        f"coalesce(epoch_us(outcome_at), {NAT}) FROM {CANONICAL}.contacts JOIN {INDEX} USING (customer_id) "
        f"WHERE epoch_us(contacted_at) <= {as_of} ORDER BY contacted_at, position, action_id, contact_id"
    ).to_arrow_table()
    columns = [column.combine_chunks().to_numpy(zero_copy_only=False) for column in arrow.columns]
    return _settled(columns, tables, history, as_of, windows)


def _settled(
    columns: list[Array], tables: Tables, history: History, as_of: int, windows: Mapping[str, float]
) -> Read:
    """Return the rows of closed windows with what came of them."""
    customer, at, action, channel, treated, propensity, outcome, outcome_at = columns
    days = np.array([windows.get(name, WINDOW_DAYS) for name in action.tolist()], dtype=np.float64)
    ends = at + np.round(days * MICROSECONDS_PER_DAY).astype(np.int64)
    # A time that is missing is NAT, which lies before every contact.
    is_untimed = (outcome == 1) & (outcome_at < at)
    y = np.where(outcome == 1, (outcome_at <= ends).astype(np.float64), outcome)
    y[is_untimed] = np.nan
    contacts = Contacts(customer, at, action, channel, treated, propensity, y, is_untimed, days)
    allowed = _allowed(tables, history, customer, at, as_of)
    closed = ends <= as_of
    return Read(
        contacts.take(np.flatnonzero(allowed & closed)),
        int((allowed & ~closed).sum()),
        int((~allowed).sum()),
    )


def _allowed(tables: Tables, history: History, customer: Array, at: Array, as_of: int) -> Array:
    """Return of whom profiling was allowed when they were contacted and is now, bool of shape (R,)."""
    defaults = tables.business.consent_defaults
    answer = granted(history, "profiling", np.full(history.size, as_of), defaults)[customer]
    for start in range(0, len(customer), BLOCK):
        rows = slice(start, start + BLOCK)
        answer[rows] &= granted(take(_consents(history), customer[rows]), "profiling", at[rows], defaults)
    return answer


def _consents(history: History) -> History:
    """Return a history of consents alone."""
    tables = {name: table for name, table in history.tables.items() if name == "consents"}
    return History(history.customer_ids, history.timezone, tables, {}, {})
