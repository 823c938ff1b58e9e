"""A finding: what is wrong or worth knowing about one column, in how many rows, and what to do about it.

Findings name rows by number, never by value, so that a report can be passed on. Rows are numbered from 1, as
the table's SQL returns them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Severity = Literal["error", "warning", "recommendation"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "recommendation")
EXAMPLES: Final = 5
"""How many row numbers a finding shows at most."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``column`` is "" where the table as a whole is meant, ``rows`` 0 where no row is.

    An error stops training; a warning says what was done about the rows; a recommendation would make the
    data more useful.
    """

    severity: Severity
    table: str
    column: str
    code: str
    rows: int
    message: str
    remedy: str = ""
    examples: tuple[int, ...] = ()

    @property
    def place(self) -> str:
        """The table, or table and column: ``orders.revenue``."""
        return f"{self.table}.{self.column}" if self.column else self.table

    def as_json(self) -> dict[str, Any]:
        """Return the finding as a JSON-ready mapping."""
        return {**asdict(self), "examples": list(self.examples)}


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, then by table and column."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.table, f.column, f.code)))
