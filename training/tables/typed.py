"""Every column of a table read as the kind that the canonical table wants."""

from __future__ import annotations

from app.domain.history import NUMBER, TEXT, TIME
from training.tables.canonical import CURRENCY, ID, LABEL, Field
from training.tables.reading import Column, Reading, column_of
from training.tables.reading_numbers import read_number
from training.tables.reading_times import read_time
from training.tables.reading_words import read_currency, read_id, read_text, read_word
from training.tables.rowchecks import RowCheck


def read_column(field: Field, name: str, type_name: str, currency: str) -> Reading:
    """Return how to read one column.

    Parameters
    ----------
    field : Field
        What the canonical table wants.
    name : str
        The column's name in the relation.
    type_name : str
        Its DuckDB type.
    currency : str
        The business's currency.
    """
    column = column_of(field, name, type_name)
    reading = _read_kind(column, currency)
    return Reading(reading.value, (*reading.checks, *_presence(column)))


def _read_kind(column: Column, currency: str) -> Reading:
    kind = column.field.kind
    if isinstance(kind, tuple):
        return read_word(column, kind)
    if kind == TIME:
        return read_time(column)
    if kind == ID:
        return read_id(column)
    if kind == TEXT:
        return read_text(column)
    return read_currency(column, currency) if kind == CURRENCY else read_number(column)


def _presence(column: Column) -> list[RowCheck]:
    """Return the checks for blank texts, and for nothing at all where something is required."""
    field, text, checks = column.field, column.text, []
    if column.family == "text":
        checks.append(
            column.check(
                "blank_text",
                f"{column.raw} IS NOT NULL AND {text} IS NULL",
                "blank text, read as missing",
                f"Write NULLIF(trim({field.name}), '') in the table's SQL to say so.",
                severity="warning",
            )
        )
    if field.required:
        has_nan = field.kind in (NUMBER, LABEL) and column.family in {"text", "decimal"}
        is_nan = f" OR isnan(TRY_CAST({text} AS DOUBLE))" if has_nan else ""
        checks.append(
            column.check(
                "missing_required",
                f"{text} IS NULL{is_nan}",
                "nothing stands in a required column; the row is left out",
                f"Fill {field.name}, or leave these rows out in the table's SQL.",
                drops=True,
            )
        )
    return checks
