"""Small businesses whose tables are written out in SQL, read in memory."""

from __future__ import annotations

# ruff: noqa: S608 - the tables of these tests are written out in SQL
from datetime import UTC, datetime
from typing import Any, Protocol

from training.tables import Business, Finding, Tables

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)


class Read(Protocol):
    """Reads tables given as SQL; keywords of the business file and of ``read_tables`` may be added."""

    def __call__(self, tables: dict[str, str], **said: Any) -> Tables: ...


def business_of(tables: dict[str, str], **said: Any) -> Business:
    """Return a business of which everything but the tables is ordinary."""
    return Business.model_validate(
        {"name": "shop", "currency": "GBP", "timezone": "Europe/London", "tables": tables, **said}
    )


def rows_of(columns: str, *rows: str) -> str:
    """Return SQL for a table that is written out row by row."""
    return f"SELECT * FROM (VALUES {', '.join(f'({row})' for row in rows)}) AS t({columns})"


def found(tables: Tables, code: str) -> Finding | None:
    """Return the only finding of a code, or None."""
    findings = [finding for finding in tables.findings if finding.code == code]
    assert len(findings) <= 1, findings
    return findings[0] if findings else None
