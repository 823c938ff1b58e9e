"""How a column of any type is read as what the canonical table wants, and what cannot be read so.

Rules: nothing is turned into something else in silence; a blank text is missing; a time without offset is
local; an unreadable value is an error, and reads as missing so that the other checks can go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.domain.history import FLAG, NUMBER, TIME
from app.domain.rows import UNANSWERED
from training.tables.canonical import CURRENCY, ID, ID_LENGTH, LABEL, OUTCOME, TEXT, Field
from training.tables.currencies import CURRENCIES
from training.tables.findings import Severity
from training.tables.rowchecks import RowCheck
from training.tables.sql import literal, quoted, words

_FAMILIES: Final = {
    "VARCHAR": "text",
    "UUID": "text",
    "BOOLEAN": "boolean",
    "FLOAT": "decimal",
    "DOUBLE": "decimal",
    "TIMESTAMP": "naive",
    "TIMESTAMP_S": "naive",
    "TIMESTAMP_MS": "naive",
    "TIMESTAMP_NS": "naive",
    "DATE": "naive",
    "TIMESTAMP WITH TIME ZONE": "aware",
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER"),
        "integer",
    ),
    **dict.fromkeys(("UBIGINT", "UHUGEINT"), "integer"),
}
_OFFSET: Final = r"[0-9]:[0-9]{2}.*([Zz]|[+-][0-9]{2}(:?[0-9]{2})?|[A-Z]{2,5}|[A-Za-z_]+/[A-Za-z_/]+)$"
"""What the end of a time looks like when it says its offset."""
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_EARLIEST, _LATEST = "TIMESTAMPTZ '1900-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-30 00:00:00+00'"


@dataclass(frozen=True, slots=True)
class Reading:
    """SQL that gives a column's value (NULL where missing or unreadable), and the checks of its rows."""

    value: str
    checks: tuple[RowCheck, ...]


def read_column(field: Field, column: str, type_name: str, currency: str) -> Reading:
    """Return how to read one column.

    Parameters
    ----------
    field : Field
        What the canonical table wants.
    column : str
        The column's name in the relation.
    type_name : str
        Its DuckDB type.
    currency : str
        The business's currency.
    """
    family = _family(type_name)
    c = quoted(column)
    text = f"nullif(trim(CAST({c} AS VARCHAR)), '')" if family == "text" else c
    if field.kind == TIME:
        value, checks = _read_time(field, c, text, family)
    elif isinstance(field.kind, tuple):
        value, checks = _read_word(field, text, family, field.kind)
    elif field.kind in (ID, TEXT):
        value, checks = _read_text(field, c, text, family)
    elif field.kind == CURRENCY:
        value, checks = _read_currency(field, text, currency)
    else:
        value, checks = _read_number(field, text, family)
    if family == "text":
        checks.append(
            _check(
                field,
                "blank_text",
                f"{c} IS NOT NULL AND {text} IS NULL",
                "blank text, read as missing",
                f"Write NULLIF(trim({field.name}), '') in the table's SQL to say so.",
                severity="warning",
            )
        )
    if field.required:
        is_nan = f" OR isnan(TRY_CAST({text} AS DOUBLE))" if field.kind in (NUMBER, LABEL) else ""
        checks.append(
            _check(
                field,
                "missing_required",
                f"{text} IS NULL{is_nan if family in {'text', 'decimal'} else ''}",
                "nothing stands in a required column; the row is left out",
                f"Fill {field.name}, or leave these rows out in the table's SQL.",
                drops=True,
            )
        )
    return Reading(value, tuple(checks))


def _family(type_name: str) -> str:
    """Return what a DuckDB type is to us."""
    if type_name.startswith("DECIMAL"):
        return "integer" if type_name.replace(" ", "").endswith(",0)") else "decimal"
    if type_name.startswith("ENUM"):
        return "text"
    return _FAMILIES.get(type_name, "other")


def _check(  # noqa: PLR0913 - a check is this many things
    field: Field,
    code: str,
    condition: str,
    message: str,
    remedy: str,
    *,
    severity: Severity = "error",
    drops: bool = False,
) -> RowCheck:
    return RowCheck(severity, field.name, code, f"({condition})", message, remedy, drops)


def _unreadable(field: Field, code: str, condition: str, message: str, remedy: str) -> RowCheck:
    """Return the check for values that cannot be read: the row goes where the column is required."""
    what = "the row is left out" if field.required else "read as missing"
    return _check(field, code, condition, f"{message}; {what}", remedy, drops=field.required)


def _wrong_type(field: Field, present: str, expected: str, remedy: str) -> tuple[str, list[RowCheck]]:
    return "NULL", [
        _unreadable(field, "wrong_type", f"{present} IS NOT NULL", f"not {expected}", remedy),
    ]


def _read_time(field: Field, c: str, text: str, family: str) -> tuple[str, list[RowCheck]]:
    """Return a time as TIMESTAMPTZ; without offset it is local."""
    if family not in {"aware", "naive", "text"}:
        return _wrong_type(
            field,
            c,
            "a time",
            f"Convert it in the SQL, for example to_timestamp({field.name}) for Unix seconds.",
        )
    raw = {
        "aware": c,
        "naive": f"CAST({c} AS TIMESTAMPTZ)",
        "text": f"TRY_CAST({text} AS TIMESTAMPTZ)",
    }[family]
    is_plausible = f"isfinite({raw}) AND {raw} BETWEEN {_EARLIEST} AND {_LATEST}"
    checks = [
        _unreadable(
            field,
            "implausible_time",
            f"{raw} IS NOT NULL AND NOT ({is_plausible})",
            "a time before 1900 or without end, which often stands for nothing at all",
            f"Write NULLIF({field.name}, …) for the placeholder in the table's SQL.",
        )
    ]
    if family == "text":
        checks.append(
            _unreadable(
                field,
                "unparsable",
                f"{text} IS NOT NULL AND {raw} IS NULL",
                "text that is not an ISO 8601 time",
                f"Parse it in the SQL, for example strptime({field.name}, '%d/%m/%Y %H:%M').",
            )
        )
    if family in {"naive", "text"}:
        is_naive = "TRUE" if family == "naive" else f"NOT regexp_matches({text}, '{_OFFSET}')"
        checks.append(
            _check(
                field,
                "naive_time",
                f"{raw} IS NOT NULL AND {is_naive}",
                "times without an offset, read as local times of the business's time zone",
                "Nothing, if they are local; otherwise say their zone in the SQL: "
                f"{field.name} AT TIME ZONE 'UTC'.",
                severity="recommendation",
            )
        )
    if family == "naive":
        checks.append(
            _check(
                field,
                "skipped_hour",
                f"CAST({raw} AS TIMESTAMP) <> CAST({c} AS TIMESTAMP)",
                "a local time that the clocks skipped in spring; read as an hour later",
                "Check whether these times are local at all.",
                severity="warning",
            )
        )
    return f"CASE WHEN {is_plausible} THEN {raw} END", checks


def _read_word(
    field: Field, text: str, family: str, vocabulary: tuple[str, ...]
) -> tuple[str, list[RowCheck]]:
    """Return a word of an enumeration."""
    allowed = ", ".join(vocabulary)
    if family != "text":
        return _wrong_type(field, text, "a word", f"Translate it with CASE in the SQL; expected {allowed}.")
    is_known = f"{text} IN {words(vocabulary)}"
    is_near = f"{text} IS NOT NULL AND NOT {is_known} AND lower({text}) IN {words(vocabulary)}"
    is_far = f"{text} IS NOT NULL AND lower({text}) NOT IN {words(vocabulary)}"
    checks = [
        _unreadable(
            field, "word_in_capitals", is_near, "a known word in other letters", f"Write lower({field.name})."
        ),
        _unreadable(
            field,
            "unknown_word",
            is_far,
            "a word outside the vocabulary",
            f"Translate it with CASE in the table's SQL; expected {allowed}.",
        ),
    ]
    return f"CASE WHEN {is_known} THEN {text} END", checks


def _read_text(field: Field, c: str, text: str, family: str) -> tuple[str, list[RowCheck]]:
    """Return an id or a text. Ids are opaque: a decimal would get digits that nobody else writes."""
    if family in {"other", "boolean", "naive", "aware"} or (family == "decimal" and field.kind == ID):
        remedy = {
            "boolean": f"Declare it boolean, or write words with CASE WHEN {field.name} THEN … END.",
            "decimal": f"Write CAST({field.name} AS BIGINT), so that the id reads 123 and not 123.0.",
        }.get(family, f"Write CAST({field.name} AS VARCHAR) if that is what is meant.")
        return _wrong_type(field, c, "a text", remedy)
    if field.kind != ID:
        checks = [
            _check(
                field,
                "decimal_word",
                f"{c} IS NOT NULL",
                "decimal numbers read as words, such as 3.0",
                f"Write CAST({field.name} AS BIGINT), or declare it numeric.",
                severity="warning",
            )
        ]
        value = f"CASE WHEN {text} IS NOT NULL THEN CAST({c} AS VARCHAR) END"
        return value, checks if family == "decimal" else []
    whole = f"CAST({c} AS VARCHAR)"
    is_long = f"length({whole}) > {ID_LENGTH}"
    checks = [
        _unreadable(
            field, "long_id", is_long, f"an id of more than {ID_LENGTH} characters", "Use a shorter key."
        )
    ]
    if family == "text":
        checks.append(
            _check(
                field,
                "spaces_in_id",
                f"{text} IS NOT NULL AND {c} <> {text}",
                "spaces around an id; kept, so it differs from the id without them",
                f"Write trim({field.name}), and send ids without spaces.",
                severity="warning",
            )
        )
    return f"CASE WHEN {text} IS NOT NULL AND NOT {is_long} THEN {whole} END", checks


def _read_currency(field: Field, text: str, currency: str) -> tuple[str, list[RowCheck]]:
    """Return the currency where it is the business's; any other money cannot be added to it."""
    c = f"CAST({text} AS VARCHAR)"
    own = literal(currency)
    is_other = f"{c} IS NOT NULL AND {c} <> {own} AND {c} IN {words(CURRENCIES)}"
    is_unknown = f"{c} IS NOT NULL AND {c} NOT IN {words(CURRENCIES)}"
    remedy = f"Convert the amounts to {currency} in the table's SQL; one business has one currency."
    return f"CASE WHEN {c} = {own} THEN {c} END", [
        _check(
            field,
            "other_currency",
            is_other,
            f"amounts in another currency than {currency}; the row is left out",
            remedy,
            drops=True,
        ),
        _check(
            field,
            "unknown_currency",
            is_unknown,
            "not a currency code of ISO 4217; the row is left out",
            remedy,
            drops=True,
        ),
    ]


def _read_number(field: Field, text: str, family: str) -> tuple[str, list[RowCheck]]:
    """Return a number, a flag (0 or 1), a label or an outcome as DOUBLE."""
    if family in {"naive", "aware", "other"}:
        return _wrong_type(field, text, "a number", "Convert it in the table's SQL.")
    if field.kind == OUTCOME and family == "text":
        is_silent = f"lower({text}) IN {words(UNANSWERED)}"
        return f"CASE WHEN {text} IS NOT NULL THEN CASE WHEN {is_silent} THEN 0.0 ELSE 1.0 END END", []
    if family == "boolean":
        if field.kind == NUMBER:
            return _wrong_type(
                field, text, "a number", "Declare it boolean, or count with CAST(… AS INTEGER)."
            )
        return f"CAST(CAST({text} AS INTEGER) AS DOUBLE)", []
    if field.kind == FLAG and family == "text":
        flag = f"CASE WHEN lower({text}) IN {words(_TRUE)} THEN 1.0 WHEN lower({text}) IN {words(_FALSE)} THEN 0.0 END"
        return flag, [
            _unreadable(
                field,
                "unparsable",
                f"{text} IS NOT NULL AND ({flag}) IS NULL",
                "text that is neither true nor false",
                f"Translate it with CASE; expected one of {', '.join((*_TRUE, *_FALSE))}.",
            )
        ]
    number = f"TRY_CAST({text} AS DOUBLE)" if family == "text" else f"CAST({text} AS DOUBLE)"
    checks = [
        _unreadable(
            field,
            "infinite_number",
            f"isinf({number})",
            "an infinite number",
            "Look for a division by zero in the table's SQL.",
        )
    ]
    if family == "text":
        checks.append(
            _unreadable(
                field,
                "unparsable",
                f"{text} IS NOT NULL AND {number} IS NULL",
                "text that is not a number",
                f"Write TRY_CAST({field.name} AS DOUBLE) if such a text means missing; take out thousands "
                "separators with replace().",
            )
        )
    if field.kind in (FLAG, OUTCOME):
        checks.append(
            _unreadable(
                field,
                "not_a_flag",
                f"isfinite({number}) AND {number} NOT IN (0, 1)",
                "a number other than 0 and 1",
                f"Write {field.name} > 0, or whatever makes it true.",
            )
        )
    # Adding zero turns minus zero into zero, so that equal rows have equal bytes.
    value = f"CASE WHEN isfinite({number}) THEN {number} + 0.0 END"
    return (
        f"CASE WHEN {number} IN (0, 1) THEN {number} + 0.0 END" if field.kind in (FLAG, OUTCOME) else value
    ), checks
