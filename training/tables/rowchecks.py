"""A check over the rows of one relation: an SQL condition that should hold for no row."""

from __future__ import annotations

# ruff: noqa: S608 - every piece of SQL here is made of names and literals that this package quotes itself
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from training.tables.findings import EXAMPLES, Finding, Severity

ROW: Final = "__row"
"""The column that numbers the rows of a table, from 1, as its SQL returned them."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """What is looked for (``condition``, SQL over the relation), and what a row that has it means.

    ``drops`` is True where such a row cannot be used and is left out.
    """

    severity: Severity
    column: str
    code: str
    condition: str
    message: str
    remedy: str = ""
    drops: bool = False


def run_checks(
    connection: duckdb.DuckDBPyConnection, relation: str, table: str, checks: Sequence[RowCheck]
) -> list[Finding]:
    """Return a finding for every check that some row fails; one scan counts them all.

    Parameters
    ----------
    connection : DuckDBPyConnection
    relation : str
        What to read, as SQL; it has the column ``__row``.
    table : str
        The canonical table, for the findings.
    checks : sequence of RowCheck
    """
    if not checks:
        return []
    counts = ", ".join(f"count(*) FILTER (WHERE {check.condition})" for check in checks)
    [answer] = connection.execute(f"SELECT {counts} FROM {relation}").fetchall()
    return [
        Finding(
            check.severity,
            table,
            check.column,
            check.code,
            rows,
            check.message,
            check.remedy,
            find_examples(connection, relation, check.condition),
        )
        for check, rows in zip(checks, answer, strict=True)
        if rows
    ]


def find_examples(connection: duckdb.DuckDBPyConnection, relation: str, condition: str) -> tuple[int, ...]:
    """Return the first row numbers that fulfil a condition."""
    rows = connection.execute(
        f"SELECT {ROW} FROM {relation} WHERE {condition} ORDER BY {ROW} LIMIT {EXAMPLES}"
    ).fetchall()
    return tuple(row[0] for row in rows)
