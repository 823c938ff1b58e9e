"""Reading numbers: amounts and counts, flags (0 or 1), labels, and the outcome of a contact."""

from __future__ import annotations

from typing import Final

from app.domain.history import FLAG, NUMBER
from app.domain.rows import UNANSWERED
from training.tables.canonical import OUTCOME
from training.tables.reading import Column, Reading
from training.tables.rowchecks import RowCheck
from training.tables.sql import words

_TRUE: Final = ("true", "t", "yes", "y", "1")
_FALSE: Final = ("false", "f", "no", "n", "0")


def read_number(column: Column) -> Reading:
    """Return a number, flag, label or outcome as DOUBLE."""
    kind, family = column.field.kind, column.family
    if family in {"naive", "aware", "other"}:
        return column.refuse_type("a number", "Convert it in the table's SQL.")
    if family == "boolean":
        if kind == NUMBER:
            return column.refuse_type("a number", "Declare it boolean, or write CAST(… AS INTEGER).")
        return Reading(f"CAST(CAST({column.raw} AS INTEGER) AS DOUBLE)")
    if family == "text" and kind == OUTCOME:
        text = f"lower({column.text})"
        answer = f"CASE WHEN {text} IN {words(UNANSWERED)} THEN 0.0 ELSE 1.0 END"
        return Reading(f"CASE WHEN {text} IS NOT NULL THEN {answer} END")
    if family == "text" and kind == FLAG:
        return _read_flag_word(column)
    number = f"TRY_CAST({column.text} AS DOUBLE)" if family == "text" else f"CAST({column.raw} AS DOUBLE)"
    is_flag = kind in (FLAG, OUTCOME)
    allowed = f"{number} IN (0, 1)" if is_flag else f"isfinite({number})"
    # Adding zero turns minus zero into zero, so that equal rows have equal bytes.
    return Reading(
        f"CASE WHEN {allowed} THEN {number} + 0.0 END", _number_checks(column, number, is_flag=is_flag)
    )


def _number_checks(column: Column, number: str, *, is_flag: bool) -> tuple[RowCheck, ...]:
    """Return what can be wrong with a number; NaN is missing, as many tools write it."""
    name = column.field.name
    checks = []
    if column.family != "integer":
        checks.append(
            column.unreadable(
                "infinite_number",
                f"isinf({number})",
                "an infinite number",
                "Look for a division by zero in the table's SQL.",
            )
        )
    if column.family == "text":
        checks.append(
            column.unreadable(
                "unparsable",
                f"{column.text} IS NOT NULL AND {number} IS NULL",
                "text that is not a number",
                f"Write TRY_CAST({name} AS DOUBLE) if such a text means missing; take out thousands "
                "separators with replace().",
            )
        )
    if is_flag:
        checks.append(
            column.unreadable(
                "not_a_flag",
                f"isfinite({number}) AND {number} NOT IN (0, 1)",
                "a number other than 0 and 1",
                f"Write {name} > 0, or whatever makes it true.",
            )
        )
    return tuple(checks)


def _read_flag_word(column: Column) -> Reading:
    """Return a flag from a word that is plainly true or false."""
    text = f"lower({column.text})"
    flag = f"CASE WHEN {text} IN {words(_TRUE)} THEN 1.0 WHEN {text} IN {words(_FALSE)} THEN 0.0 END"
    check = column.unreadable(
        "unparsable",
        f"{column.text} IS NOT NULL AND ({flag}) IS NULL",
        "text that is neither true nor false",
        f"Translate it with CASE; expected one of {', '.join((*_TRUE, *_FALSE))}.",
    )
    return Reading(flag, (check,))
