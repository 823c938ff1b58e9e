"""Small businesses that ask their customers, written out in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.unit.training.rows import run_over
from training.run import Run

Told = tuple[Any, ...]
USUAL = {"csat": 5, "nps": None, "ces": 7, "review": 5}


def feedback_sql(*rows: Told) -> str:
    """Return feedback, each row as customer, day of 2026, kind, score, and maybe scale and text.

    Without a scale it is the usual one of the kind; 0 says nothing of it.
    """
    cells = []
    for number, row in enumerate(rows):
        customer, day, kind, score, best, text = (*row, None, None)[:6]
        best = USUAL[kind] if best is None else best or None
        told = [f"'{customer}'", f"TIMESTAMPTZ '2026-01-01 12:00+00' + INTERVAL ({day}) DAY", f"'{kind}'"]
        told += ["NULL::DOUBLE" if one is None else f"{one}::DOUBLE" for one in (score, best)]
        told.append("NULL::VARCHAR" if text is None else f"'{text}'")
        cells.append(f"({', '.join([chr(39) + f'f{number}' + chr(39), *told])})")
    return (
        f"SELECT * FROM (VALUES {', '.join(cells)}) "  # noqa: S608 - rows of the test
        "t(feedback_id, customer_id, submitted_at, kind, score, scale_max, text)"
    )


def consents_sql(*rows: tuple[str, int, str]) -> str:
    """Return what customers said to profiling, each row as customer, day of 2026, status."""
    cells = [
        f"('{customer}', 'profiling', '{status}', TIMESTAMPTZ '2026-01-01 12:00+00' + INTERVAL ({day}) DAY)"
        for customer, day, status in rows
    ]
    return f"SELECT * FROM (VALUES {', '.join(cells)}) t(customer_id, purpose, status, status_at)"  # noqa: S608


@contextmanager
def run_with(
    *rows: Told,
    tables: Mapping[str, str] | None = None,
    objective: Mapping[str, Any] | None = None,
    **said: Any,
) -> Iterator[Run]:
    """Give a run over answers and other tables; ``said`` stands in the business file."""
    every = {"feedback": feedback_sql(*rows)} if rows else {}
    with run_over({**every, **(tables or {})}, objectives={"satisfaction": objective or {}}, **said) as run:
        yield run
