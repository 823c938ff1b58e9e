"""Reading ids, texts, words of an enumeration, and the currency."""

from __future__ import annotations

from typing import Final

from training.tables.canonical import ID_LENGTH
from training.tables.currencies import CURRENCIES
from training.tables.reading import Column, Reading
from training.tables.sql import literal, words

_CAST: Final = {
    "boolean": "Declare it boolean, or write words with CASE WHEN {name} THEN … END.",
    "decimal": "Write CAST({name} AS BIGINT), so that the id reads 123 and not 123.0.",
}


def read_id(column: Column) -> Reading:
    """Return an id as it stands. Ids are opaque: a decimal would get digits that nobody else writes."""
    name = column.field.name
    if column.family not in {"text", "integer"}:
        remedy = _CAST.get(column.family, "Write CAST({name} AS VARCHAR) if that is what is meant.")
        return column.refuse_type("an id", remedy.format(name=name))
    whole = f"CAST({column.raw} AS VARCHAR)"
    is_long = f"length({whole}) > {ID_LENGTH}"
    spaces = column.check(
        "spaces_in_id",
        f"{whole} <> {column.text}",
        "spaces around an id; kept, so it differs from the id without them",
        f"Write trim({name}), and send ids without spaces.",
        severity="warning",
    )
    return Reading(
        f"CASE WHEN {column.text} IS NOT NULL AND NOT {is_long} THEN {whole} END",
        (
            column.unreadable(
                "long_id", is_long, f"an id of more than {ID_LENGTH} characters", "Use a shorter key."
            ),
            *((spaces,) if column.family == "text" else ()),
        ),
    )


def read_text(column: Column) -> Reading:
    """Return a text as it stands."""
    name = column.field.name
    if column.family not in {"text", "integer", "decimal"}:
        remedy = _CAST.get(column.family, "Write CAST({name} AS VARCHAR) if that is what is meant.")
        return column.refuse_type("a text", remedy.format(name=name))
    decimal = column.check(
        "decimal_word",
        f"{column.raw} IS NOT NULL",
        "decimal numbers read as words, such as 3.0",
        f"Write CAST({name} AS BIGINT), or declare it numeric.",
        severity="warning",
    )
    return Reading(
        f"CASE WHEN {column.text} IS NOT NULL THEN CAST({column.raw} AS VARCHAR) END",
        (decimal,) if column.family == "decimal" else (),
    )


def read_word(column: Column, vocabulary: tuple[str, ...]) -> Reading:
    """Return a word of an enumeration; any other word is an error, not ``other``."""
    name, allowed = column.field.name, ", ".join(vocabulary)
    if column.family != "text":
        return column.refuse_type("a word", f"Translate it with CASE in the SQL; expected {allowed}.")
    text, listed = column.text, words(vocabulary)
    # The frequent case first: CASE looks at the rest of a condition only where it has to.
    return Reading(
        f"CASE WHEN {text} IN {listed} THEN {text} END",
        (
            column.unreadable(
                "word_in_capitals",
                f"CASE WHEN {column.raw} IN {listed} THEN FALSE "
                f"ELSE {text} NOT IN {listed} AND lower({text}) IN {listed} END",
                "a known word in other letters",
                f"Write lower({name}).",
            ),
            column.unreadable(
                "unknown_word",
                f"CASE WHEN {column.raw} IN {listed} THEN FALSE ELSE lower({text}) NOT IN {listed} END",
                "a word outside the vocabulary",
                f"Translate it with CASE in the table's SQL; expected {allowed}.",
            ),
        ),
    )


def read_currency(column: Column, currency: str) -> Reading:
    """Return the currency where it is the business's; any other money cannot be added to it."""
    code = f"CAST({column.text} AS VARCHAR)"
    own, known = literal(currency), words(CURRENCIES)
    remedy = f"Convert the amounts to {currency} in the table's SQL; one business has one currency."
    return Reading(
        f"CASE WHEN {code} = {own} THEN {code} END",
        (
            column.check(
                "other_currency",
                f"CASE WHEN {code} = {own} THEN FALSE ELSE {code} IN {known} END",
                f"amounts in another currency than {currency}; the row is left out",
                remedy,
                drops=True,
            ),
            column.check(
                "unknown_currency",
                f"CASE WHEN {code} = {own} THEN FALSE ELSE {code} NOT IN {known} END",
                "not a currency code of ISO 4217; the row is left out",
                remedy,
                drops=True,
            ),
        ),
    )
