"""How a value of each type is read as what a canonical column wants."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.training.tables.small import Read, found, rows_of

MISSING = object()


def read_one(
    read: Read, column: str, value: str, *, kind: str = "numeric", **said: Any
) -> tuple[Any, list[str]]:
    """Return what one value of one column of ``feedback`` (or an attribute) is read as, and the findings."""
    if column.startswith("attribute"):
        sql = f"SELECT 'a' AS customer_id, {value} AS attribute"
        tables = read({"customers": sql}, attributes={"attribute": {"kind": kind}}, **said)
        table = "customers"
    else:
        columns = {
            "feedback_id": "'f'",
            "customer_id": "'a'",
            "submitted_at": "TIMESTAMPTZ '2024-01-01 00:00:00+00'",
            "kind": "'csat'",
            column: value,
        }
        tables = read({"feedback": "SELECT " + ", ".join(f"{v} AS {k}" for k, v in columns.items())}, **said)
        table = "feedback"
    answer = tables.arrow(table).column(column).to_pylist()
    codes = [f.code for f in tables.findings if f.column == column and f.code not in _QUIET]
    return (answer[0] if answer else MISSING), codes


_QUIET = {"constant_column", "empty_column"}


@pytest.mark.parametrize(
    ("sql", "utc", "codes"),
    [
        ("TIMESTAMPTZ '2024-07-01 10:00:00+02'", "2024-07-01T08:00:00", []),
        ("TIMESTAMP '2024-07-01 10:00:00'", "2024-07-01T09:00:00", ["naive_time"]),
        ("TIMESTAMP '2024-01-01 10:00:00'", "2024-01-01T10:00:00", ["naive_time"]),
        ("DATE '2024-07-01'", "2024-06-30T23:00:00", ["naive_time"]),
        ("TIMESTAMP_NS '2024-07-01 10:00:00.123456789'", "2024-07-01T09:00:00.123456", ["naive_time"]),
        ("'2024-07-01T10:00:00+02:00'", "2024-07-01T08:00:00", []),
        ("'2024-07-01T10:00:00Z'", "2024-07-01T10:00:00", []),
        ("' 2024-07-01 10:00:00+0200 '", "2024-07-01T08:00:00", []),
        ("'2024-07-01 10:00:00'", "2024-07-01T09:00:00", ["naive_time"]),
        ("'2024-07-01'", "2024-06-30T23:00:00", ["naive_time"]),
        ("TIMESTAMP '2024-03-31 01:30:00'", "2024-03-31T01:30:00", ["naive_time", "skipped_hour"]),
        ("'31/12/2024'", None, ["unparsable"]),
        ("1719828000", None, ["wrong_type"]),
        ("TIMESTAMP '0001-01-01'", None, ["implausible_time", "naive_time"]),
        ("TIMESTAMP 'infinity'", None, ["implausible_time", "naive_time"]),
        ("'1899-12-30 00:00:00'", None, ["implausible_time", "naive_time"]),
    ],
)
def test_times_are_read_in_the_zone_and_never_guessed(
    read: Read, sql: str, utc: str | None, codes: list[str]
) -> None:
    value, seen = read_one(read, "submitted_at", sql)
    if utc is None:
        assert value is MISSING
    else:
        assert value.astimezone(None).timestamp() == pytest.approx(_utc(utc), abs=1e-6)
    assert sorted(seen) == codes


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("sql", "value", "codes"),
    [
        ("3", 3.0, []),
        ("CAST(2.5 AS DECIMAL(9, 2))", 2.5, []),
        ("' 2.5 '", 2.5, []),
        ("'1,000'", None, ["unparsable"]),
        ("''", None, ["blank_text"]),
        ("'  '", None, ["blank_text"]),
        ("'nan'::DOUBLE", None, []),
        ("'inf'::DOUBLE", None, ["infinite_number"]),
        ("'-inf'", None, ["infinite_number"]),
        ("TRUE", None, ["wrong_type"]),
        ("DATE '2024-01-01'", None, ["wrong_type"]),
        ("[1, 2]", None, ["wrong_type"]),
        ("NULL", None, []),
    ],
)
def test_numbers_are_read_or_counted(read: Read, sql: str, value: float | None, codes: list[str]) -> None:
    assert read_one(read, "score", sql) == (value, codes)


def test_minus_zero_is_zero(read: Read) -> None:
    value, _ = read_one(read, "score", "-0.0::DOUBLE")
    assert math.copysign(1.0, value) == 1.0


@pytest.mark.parametrize(
    ("sql", "value", "codes"),
    [
        ("TRUE", 1.0, []),
        ("FALSE", 0.0, []),
        ("1", 1.0, []),
        ("0.0", 0.0, []),
        ("'Yes'", 1.0, []),
        ("' n '", 0.0, []),
        ("2", None, ["not_a_flag"]),
        ("'maybe'", None, ["unparsable"]),
        ("DATE '2024-01-01'", None, ["wrong_type"]),
    ],
)
def test_flags_are_plainly_true_or_false(read: Read, sql: str, value: float | None, codes: list[str]) -> None:
    assert read_one(read, "attribute", sql, kind="boolean") == (value, codes)


@pytest.mark.parametrize(
    ("sql", "value", "codes"),
    [
        ("'csat'", "csat", []),
        ("' nps '", "nps", []),
        ("'CSAT'", MISSING, ["word_in_capitals"]),
        ("'survey'", MISSING, ["unknown_word"]),
        ("'a'::ENUM('a', 'b')", MISSING, ["unknown_word"]),
        ("7", MISSING, ["wrong_type"]),
        ("' '", MISSING, ["blank_text", "missing_required"]),
    ],
)
def test_words_are_those_of_the_vocabulary(read: Read, sql: str, value: object, codes: list[str]) -> None:
    answer, seen = read_one(read, "kind", sql)
    assert (answer, sorted(seen)) == (value, codes)


@pytest.mark.parametrize(
    ("sql", "value", "codes"),
    [
        ("'007'", "007", []),
        ("7", "7", []),
        ("CAST(7 AS DECIMAL(9, 0))", "7", []),
        ("12345678901234567890123", "12345678901234567890123", []),
        ("uuid()::UUID::VARCHAR", "uuid", []),
        ("uuid()", "uuid", []),
        ("' 7'", " 7", ["spaces_in_id"]),
        ("repeat('x', 128)", "x" * 128, []),
        ("repeat('客', 128)", "客" * 128, []),
        ("repeat('x', 129)", MISSING, ["long_id"]),
        ("7.0::DOUBLE", MISSING, ["wrong_type"]),
        ("''", MISSING, ["blank_text", "missing_required"]),
        ("NULL", MISSING, ["missing_required"]),
    ],
)
def test_ids_stay_as_they_are(read: Read, sql: str, value: object, codes: list[str]) -> None:
    answer, seen = read_one(read, "feedback_id", sql)
    assert (len(answer) if value == "uuid" else answer) == (36 if value == "uuid" else value)
    assert sorted(seen) == codes


def test_id_that_is_too_long_is_missing_where_it_may_be(read: Read) -> None:
    columns = "customer_id, event, timestamp, product_id"
    rows = [f"'a', 'x', TIMESTAMPTZ '2024-01-01 00:00:00+00', repeat('x', {n})" for n in (128, 129)]
    tables = read({"events": rows_of(columns, *rows)})
    assert set(tables.arrow("events").column("product_id").to_pylist()) == {None, "x" * 128}
    finding = found(tables, "long_id")
    assert finding is not None
    assert (finding.severity, finding.rows, finding.examples) == ("error", 1, (2,))


@pytest.mark.parametrize(
    ("sql", "value", "codes"),
    [
        ("'DSL'", "DSL", []),
        ("' DSL'", " DSL", []),
        ("3", "3", []),
        ("3.0::DOUBLE", "3.0", ["decimal_word"]),
        ("TRUE", None, ["wrong_type"]),
        ("DATE '2024-01-01'", None, ["wrong_type"]),
        ("' '", None, ["blank_text"]),
    ],
)
def test_texts_stay_as_they_are(read: Read, sql: str, value: str | None, codes: list[str]) -> None:
    assert read_one(read, "attribute", sql, kind="categorical") == (value, codes)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("'none'", 0.0),
        ("'Bounced'", 0.0),
        ("'unsubscribed'", 0.0),
        ("'clicked'", 1.0),
        ("TRUE", 1.0),
        ("FALSE", 0.0),
        ("0", 0.0),
        ("1", 1.0),
        ("''", None),
        ("NULL", None),
    ],
)
def test_outcome_is_an_answer_or_none(read: Read, sql: str, value: float | None) -> None:
    row = (
        "SELECT 'k' AS contact_id, 'a' AS customer_id, 'email' AS channel, {} AS outcome, {} AS contacted_at"
    )
    tables = read({"contacts": row.format(sql, "'2024-01-01T00:00:00Z'")})
    assert tables.arrow("contacts").column("outcome").to_pylist() == [value]


def test_money_of_another_currency_is_left_out(read: Read) -> None:
    columns = "order_id, customer_id, ordered_at, revenue, currency"
    moment = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    tables = read(
        {
            "orders": rows_of(
                columns,
                *(
                    f"'{i}', 'a', {moment}, 1.0, {word}"
                    for i, word in enumerate(["'GBP'", "'USD'", "NULL", "'gbp'", "'£'"])
                ),
            )
        }
    )
    other, unknown = found(tables, "other_currency"), found(tables, "unknown_currency")
    assert other is not None
    assert (other.severity, other.rows, other.examples) == ("error", 1, (2,))
    assert unknown is not None
    assert (unknown.severity, unknown.rows, unknown.examples) == ("error", 2, (4, 5))
    assert tables.arrow("orders").column("order_id").to_pylist() == ["0", "2"]
