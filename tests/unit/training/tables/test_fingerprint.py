from __future__ import annotations

import re

import pytest

from tests.unit.training.tables.small import Read, rows_of

AT = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
COLUMNS = "order_id, customer_id, ordered_at, revenue, coupon"
ROWS = [f"'o{i}', 'c{i % 3}', {AT}, {i}.5, {'NULL' if i % 2 else repr('SAVE')}" for i in range(20)]
EVENTS = [f"'c{i % 3}', 'viewed', {AT}, {i % 7}" for i in range(20)]


def fingerprint(read: Read, rows: list[str], columns: str = COLUMNS) -> str:
    return read({"orders": rows_of(columns, *rows)}).fingerprint


def test_fingerprint_is_a_sha256(read: Read) -> None:
    assert re.fullmatch("[0-9a-f]{64}", fingerprint(read, ROWS))


def test_order_of_rows_and_columns_makes_no_difference(read: Read) -> None:
    other = "coupon, revenue, ordered_at, customer_id, order_id"
    turned = [", ".join(reversed(row.split(", "))) for row in reversed(ROWS)]
    assert fingerprint(read, ROWS) == fingerprint(read, turned, other)
    columns = "customer_id, event, timestamp, value"
    one, two = ({"events": rows_of(columns, *rows)} for rows in (EVENTS, EVENTS[::-1]))
    assert read(one).fingerprint == read(two).fingerprint


def test_size_of_the_batches_makes_no_difference(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fingerprint(read, ROWS)
    monkeypatch.setattr("training.tables.fingerprint._BATCH_ROWS", 3)
    assert fingerprint(read, ROWS) == whole


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'o7'", "'o77'"),
        ("7.5", "7.500000001"),
        ("'SAVE'", "'SAVF'"),
        ("'SAVE'", "NULL"),
        ("00:00:00+00", "00:00:00.000001+00"),
        ("'c1'", "'c9'"),
    ],
)
def test_every_value_makes_a_difference(read: Read, old: str, new: str) -> None:
    changed = list(ROWS)
    position = next(i for i, row in enumerate(ROWS) if old in row)
    changed[position] = ROWS[position].replace(old, new)
    assert fingerprint(read, changed) != fingerprint(read, ROWS)


def test_text_does_not_flow_into_the_next_one(read: Read) -> None:
    columns = "customer_id, state, city"
    one = read({"customers": rows_of(columns, "'a', 'xy', 'z'", "'b', 'z', 'w'")})
    two = read({"customers": rows_of(columns, "'a', 'x', 'z'", "'b', 'yz', 'w'")})
    assert one.fingerprint != two.fingerprint


def test_missing_is_not_zero(read: Read) -> None:
    columns = "customer_id, birth_year"
    one = read({"customers": rows_of(columns, "'a', NULL", "'b', 2000")})
    two = read({"customers": rows_of(columns, "'a', 0", "'b', 2000")})
    assert one.fingerprint != two.fingerprint


def test_tables_make_a_difference(read: Read) -> None:
    orders = {"orders": rows_of(COLUMNS, *ROWS)}
    assert (
        read(orders).fingerprint
        != read(
            {**orders, "events": rows_of("customer_id, event, timestamp", f"'c1', 'x', {AT}")}
        ).fingerprint
    )


def test_same_instant_in_another_offset_is_the_same(read: Read) -> None:
    shifted = [row.replace("2024-01-01 00:00:00+00", "2024-01-01 08:00:00+08") for row in ROWS]
    assert fingerprint(read, shifted) == fingerprint(read, ROWS)
