"""What customers said and asked for, as columns: answers, texts and cases of those who may be profiled.

Rules:

1. What was not known at ``as_of`` is not here: later rows, closings and reopenings.
2. Rows of customers who deny profiling are not read. It is only known whose they are, to count them.
3. A case that was reopened after its last closing is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.consent import granted
from app.domain.history import NAT, TABLES, Array, History, Table, empty_column
from training.tables import Tables

FEEDBACK: Final = "feedback"
CASES: Final = "support_cases"
READ: Final = (FEEDBACK, CASES, "consents")
"""The tables that hold what is reported."""


@dataclass(frozen=True, slots=True)
class Answers:
    """R answers to surveys, and reviews; each of shape (R,).

    ``owner`` is the customer's place in the history. ``kind`` is an index of ``FEEDBACK_KINDS``, ``text`` an
    object: str, or None where there is nothing to read.
    """

    owner: Array
    at: Array
    kind: Array
    score: Array
    scale_max: Array
    text: Array

    @property
    def has_text(self) -> Array:
        """Whether there is something to read, bool of shape (R,)."""
        return np.array([text is not None for text in self.text], dtype=bool)


@dataclass(frozen=True, slots=True)
class Cases:
    """C support cases; each of shape (C,).

    ``days`` is how long a case took or, where ``is_open``, has been open. ``type`` and ``priority`` are
    indexes of ``CASE_TYPES`` and ``PRIORITIES``, -1 where not known. ``was_closed`` is whether it was ever.
    """

    owner: Array
    at: Array
    days: Array
    is_open: Array
    was_closed: Array
    is_reopened: Array
    type: Array
    priority: Array


@dataclass(frozen=True, slots=True)
class Voices:
    """All that was said, by those who may be profiled: ``is_allowed`` is bool of shape (N,).

    ``denied`` holds whose each row of the others is, by ``answers``, ``texts`` and ``cases``.
    """

    history: History
    is_allowed: Array
    answers: Answers
    cases: Cases
    denied: dict[str, Array]


def read_voices(tables: Tables, as_of: int) -> Voices:
    """Return what is known at ``as_of``, microseconds since 1970 in UTC."""
    return voices_of(tables.history(only=READ), as_of, tables.business.consent_defaults)


def voices_of(history: History, as_of: int, defaults: Mapping[str, str]) -> Voices:
    """Return what customers of a history said, as known at ``as_of``."""
    is_allowed = granted(history, "profiling", np.full(history.size, as_of), defaults)
    answers, denied_answers, denied_texts = _answers(history, as_of, is_allowed)
    cases, denied_cases = _cases(history, as_of, is_allowed)
    denied = {"answers": denied_answers, "texts": denied_texts, "cases": denied_cases}
    return Voices(history, is_allowed, answers, cases, denied)


def _table(history: History, name: str) -> Table:
    """Return a table, an empty one where there is none."""
    columns = {column: empty_column(kind, 0) for column, kind in TABLES[name].columns.items()}
    nothing = Table(np.zeros(history.size + 1, dtype=np.int64), columns, np.zeros(history.size, dtype=bool))
    return history.tables.get(name, nothing)


def _owners(table: Table) -> Array:
    """Return whose each row of a table is."""
    return np.repeat(np.arange(len(table.offsets) - 1), np.diff(table.offsets))


def _rows(table: Table, at: Array, as_of: int, is_allowed: Array) -> tuple[Array, Array, Array]:
    """Return whose each row is that is read, which are, and which are not, for want of consent."""
    owner = _owners(table)
    known = (at != NAT) & (at <= as_of)
    rows = np.flatnonzero(known & is_allowed[owner])
    return owner[rows], rows, np.flatnonzero(known & ~is_allowed[owner])


def _answers(history: History, as_of: int, is_allowed: Array) -> tuple[Answers, Array, Array]:
    table = _table(history, FEEDBACK)
    at = table["submitted_at"]
    owner, rows, denied = _rows(table, at, as_of, is_allowed)
    has_text = np.array([bool(text and text.strip()) for text in table["text"]], dtype=bool)
    text = table["text"].copy()
    text[~has_text] = None
    kind, score, scale_max = (table[name][rows] for name in ("kind", "score", "scale_max"))
    answers = Answers(owner, at[rows], kind, score, scale_max, text[rows])
    everybody = _owners(table)
    return answers, everybody[denied], everybody[denied[has_text[denied]]]


def _cases(history: History, as_of: int, is_allowed: Array) -> tuple[Cases, Array]:
    table = _table(history, CASES)
    owner, rows, denied = _rows(table, table["opened_at"], as_of, is_allowed)
    opened, closed, reopened = (table[name][rows] for name in ("opened_at", "closed_at", "reopened_at"))
    is_closed, is_reopened = ((at != NAT) & (at <= as_of) for at in (closed, reopened))
    is_open = ~is_closed | (is_reopened & (reopened > closed))
    until = np.where(is_open, as_of, closed)
    return Cases(
        owner,
        opened,
        np.maximum(until - opened, 0) / 86_400e6,
        is_open,
        is_closed | is_reopened,
        is_reopened,
        table["type"][rows],
        table["priority"][rows],
    ), _owners(table)[denied]
