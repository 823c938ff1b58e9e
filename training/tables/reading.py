"""How one column is read: SQL for its value, and the checks of its rows; what every kind of column shares.

Rules: nothing is turned into something else in silence; a blank text is missing; an unreadable value is an
error, and reads as missing so that the other checks can go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from training.tables.canonical import Field
from training.tables.findings import Severity
from training.tables.rowchecks import RowCheck
from training.tables.sql import quoted

_FAMILIES: Final = {
    "VARCHAR": "text",
    "UUID": "text",
    "BOOLEAN": "boolean",
    "FLOAT": "decimal",
    "DOUBLE": "decimal",
    "DATE": "naive",
    "TIMESTAMP WITH TIME ZONE": "aware",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "naive"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """SQL that gives a column's value (NULL where missing or unreadable), and the checks of its rows."""

    value: str
    checks: tuple[RowCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the SQL returned it, and what the canonical table wants it to be.

    ``raw`` is SQL for it, its quoted name or a cast; ``family`` is text, integer, decimal, boolean, naive,
    aware or other.
    """

    field: Field
    raw: str
    family: str

    @property
    def text(self) -> str:
        """SQL for the column without blanks around it, NULL where it is blank; other types as they are."""
        return f"nullif(trim({self.raw}), '')" if self.family == "text" else self.raw

    def check(
        self,
        code: str,
        condition: str,
        message: str,
        remedy: str,
        *,
        severity: Severity = "error",
        drops: bool = False,
    ) -> RowCheck:
        """Return a check of this column."""
        return RowCheck(severity, self.field.name, code, f"({condition})", message, remedy, drops)

    def unreadable(self, code: str, condition: str, message: str, remedy: str) -> RowCheck:
        """Return the check for values that cannot be read: the row goes where the column is required."""
        what = "the row is left out" if self.field.required else "read as missing"
        return self.check(code, condition, f"{message}; {what}", remedy, drops=self.field.required)

    def refuse_type(self, expected: str, remedy: str) -> Reading:
        """Return the reading of a column whose type cannot be what is wanted; only NULL passes."""
        check = self.unreadable("wrong_type", f"{self.raw} IS NOT NULL", f"not {expected}", remedy)
        return Reading("NULL", (check,))


def column_of(field: Field, name: str, type_name: str) -> Column:
    """Return a column of a relation with what it should be.

    Parameters
    ----------
    field : Field
    name : str
        The column's name in the relation.
    type_name : str
        Its DuckDB type.
    """
    if type_name.startswith("DECIMAL"):
        family = "integer" if type_name.replace(" ", "").endswith(",0)") else "decimal"
    elif type_name.startswith("ENUM"):
        family = "text"
    else:
        family = _FAMILIES.get(type_name, "other")
    column = quoted(name)
    if family == "text" and type_name != "VARCHAR":
        column = f"CAST({column} AS VARCHAR)"
    elif family == "naive" and type_name != "TIMESTAMP":
        column = f"TRY_CAST({column} AS TIMESTAMP)"
    return Column(field, column, family)
