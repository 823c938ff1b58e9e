"""The road of a request and the road of a million rows make the same columns of the same rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.history import (
    ARMS,
    CASE_TYPES,
    CONSENT_STATUSES,
    CONTACT_CHANNELS,
    EVENTS,
    FEEDBACK_KINDS,
    NAT,
    ORDER_STATUSES,
    OTHER_EVENT,
    PRIORITIES,
    PROFILE_TEXTS,
    PURPOSES,
    Array,
    History,
)
from app.domain.rows import build_history
from tests.unit.training.tables.small import Read, business_of, rows_of
from training.tables import read_tables
from training.tables.canonical import shape_of
from training.tables.sql import literal

ATTRIBUTES = {"tenure": "numeric", "partner": "boolean", "contract": "categorical"}
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
Rows = dict[str, list[dict[str, Any]]]

moments = st.integers(0, 40).map(lambda day: BEGINNING + timedelta(days=day / 4))
amounts = st.sampled_from([-3.5, 0.0, 1.25, 10.0, 1e9])
products = st.sampled_from(["p1", "p2", "商品"])
words = st.sampled_from(["x", "Y z", "客"])


def row_of(required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> Any:
    return st.fixed_dictionaries({**required, **{k: st.none() | v for k, v in optional.items()}})


ROWS: dict[str, Any] = {
    "orders": row_of(
        {"ordered_at": moments, "revenue": amounts},
        status=st.sampled_from(ORDER_STATUSES),
        refund=amounts.map(abs),
        refunded_at=moments,
        cancelled_at=moments,
        discount=amounts.map(abs),
        coupon=words,
        promised_at=moments,
        shipped_at=moments,
        delivered_at=moments,
    ),
    "events": row_of(
        {"event": st.sampled_from([*EVENTS, "wishlist_shared", "other"]), "timestamp": moments},
        product_id=products,
        category=words,
        value=amounts,
        duration_seconds=amounts.map(abs),
    ),
    "support_cases": row_of(
        {"opened_at": moments},
        closed_at=moments,
        reopened_at=moments,
        type=st.sampled_from(CASE_TYPES),
        priority=st.sampled_from(PRIORITIES),
    ),
    "feedback": row_of(
        {"submitted_at": moments, "kind": st.sampled_from(FEEDBACK_KINDS)},
        score=st.sampled_from([1.0, 5.0]),
        scale_max=st.sampled_from([5.0, 10.0]),
    ),
    "subscriptions": row_of(
        {"started_at": moments},
        ends_at=moments,
        cancelled_at=moments,
        is_recurring=st.booleans(),
        recurrence_months=st.sampled_from([1.0, 12.0]),
        amount=amounts.map(abs),
    ),
    "contacts": row_of(
        {"contacted_at": moments, "channel": st.sampled_from(CONTACT_CHANNELS)},
        arm=st.sampled_from(ARMS),
        propensity=st.sampled_from([0.5, 1.0]),
        outcome=st.sampled_from(["none", "clicked", "no_response", "BOUNCED"]),
        outcome_at=moments,
        cost=amounts.map(abs),
    ),
    "consents": row_of(
        {
            "purpose": st.sampled_from(PURPOSES),
            "status": st.sampled_from(CONSENT_STATUSES),
            "status_at": moments,
        }
    ),
}
KEYS = {
    "orders": "order_id",
    "support_cases": "case_id",
    "feedback": "feedback_id",
    "subscriptions": "subscription_id",
    "contacts": "contact_id",
}
CUSTOMER = row_of(
    {},
    created_at=moments,
    birth_year=st.sampled_from([1980.0, 2000.0]),
    tenure=amounts,
    partner=st.booleans(),
    contract=words,
    **dict.fromkeys(PROFILE_TEXTS, words),
)


@st.composite
def businesses(draw: Callable[..., Any]) -> Rows:
    """Draw all tables of a few customers, without rows that cleaning would drop."""
    customers = [f"c{i}" for i in draw(st.permutations(range(draw(st.integers(1, 4)))))]
    tables: Rows = {"customers": [{"customer_id": c, **draw(CUSTOMER)} for c in customers]}
    for table, strategy in ROWS.items():
        rows = draw(st.lists(strategy, max_size=15))
        tables[table] = [
            {"customer_id": draw(st.sampled_from(customers)), KEYS.get(table, ""): f"{table[0]}{i}", **row}
            for i, row in enumerate(rows)
        ]
    for row in tables["events"] + tables["consents"]:
        del row[""]
    tables["events"] = _distinct(tables["events"], "customer_id", "timestamp", "event", "product_id")
    tables["consents"] = _distinct(tables["consents"], "customer_id", "purpose", "status_at")
    line = row_of({"product_id": products, "quantity": amounts, "price": amounts}, discount=amounts)
    lines = [
        {"order_id": order["order_id"], **draw(line)}
        for order in tables["orders"]
        for _ in range(draw(st.integers(0, 2)))
    ]
    tables["order_lines"] = _distinct(lines, "order_id", "product_id", "quantity", "price")
    return tables


def _distinct(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return list({tuple(row[name] for name in names): row for row in rows}.values())


def as_sql(table: str, rows: list[dict[str, Any]]) -> str:
    """Return SQL for rows of Python values; a table without rows keeps its columns."""
    names = [name for name in shape_of(table, ATTRIBUTES).names if not rows or name in rows[0]]
    filled = rows or [dict.fromkeys(names)]
    listed = rows_of(", ".join(names), *(", ".join(_value(row[name]) for name in names) for row in filled))
    return listed if rows else f"{listed} WHERE FALSE"


def _value(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.isoformat(sep=' ')}'"
    return literal(value) if isinstance(value, str) else repr(value)


def as_payloads(tables: Rows) -> list[dict[str, Any]]:
    """Return what a caller would send of each customer, in the order of their ids."""
    lines = defaultdict(list)
    for line in tables["order_lines"]:
        lines[line["order_id"]].append(line)
    payloads = []
    for customer in sorted(tables["customers"], key=lambda row: row["customer_id"]):
        own = {
            table: [row for row in tables[table] if row["customer_id"] == customer["customer_id"]]
            for table in ROWS
        }
        own["orders"] = [{**row, "products": lines[row["order_id"]]} for row in own["orders"]]
        attributes = {name: customer[name] for name in ATTRIBUTES}
        payloads.append(
            {"customer_id": customer["customer_id"], "customer": customer, "attributes": attributes, **own}
        )
    return payloads


def assert_same(one: History, other: History) -> None:
    assert one.customer_ids == other.customer_ids
    assert one.timezone == other.timezone
    assert one.tables.keys() == other.tables.keys()
    for name, table in one.tables.items():
        np.testing.assert_array_equal(table.offsets, other.tables[name].offsets, name)
        np.testing.assert_array_equal(table.given, other.tables[name].given, name)
        assert_columns(table.columns, other.tables[name].columns)
    assert_columns(one.profile, other.profile)
    assert_columns(one.attributes, other.attributes)


def assert_columns(one: Any, other: Any) -> None:
    assert list(one) == list(other)
    for name, column in one.items():
        assert column.dtype == other[name].dtype, name
        np.testing.assert_array_equal(column, other[name], name)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(businesses())
def test_columns_are_those_of_the_same_rows_in_a_request(tables: Rows) -> None:
    sql = {table: as_sql(table, rows) for table, rows in tables.items()}
    kinds = {name: {"kind": kind} for name, kind in ATTRIBUTES.items()}
    with read_tables(business_of(sql, attributes=kinds), now=BEGINNING + timedelta(days=99)) as read:
        assert not read.errors, read.errors
        assert_same(read.history(), build_history(as_payloads(tables), "Europe/London", ATTRIBUTES))


def test_a_slice_is_that_part_of_the_whole(read: Read) -> None:
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    rows = [f"'o{i}', 'c{i % 5}', {at} + INTERVAL {i} HOUR, {i}.0" for i in range(40)]
    tables = read({"orders": rows_of("order_id, customer_id, ordered_at, revenue", *rows)})
    whole, part = tables.history(), tables.history(1, 3)
    assert part.customer_ids == whole.customer_ids[1:3]
    start, stop = whole.tables["orders"].offsets[[1, 3]]
    np.testing.assert_array_equal(
        part.tables["orders"]["revenue"], whole.tables["orders"]["revenue"][start:stop]
    )
    assert tables.history(3, 99).customer_ids == whole.customer_ids[3:]
    assert tables.history(9).size == 0


def test_only_the_wanted_tables_are_fetched(read: Read) -> None:
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    tables = read(
        {
            "orders": rows_of("order_id, customer_id, ordered_at, revenue", f"'x', 'a', {at}, 1"),
            "events": rows_of("customer_id, event, timestamp", f"'a', 'signed_in', {at}"),
        }
    )
    assert set(tables.history(only=("events",)).tables) == {"events"}
    assert set(tables.history().tables) == {"orders", "events"}


def test_customers_without_a_table_have_an_empty_profile(read: Read) -> None:
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    history = read({"events": rows_of("customer_id, event, timestamp", f"'a', 'signed_in', {at}")}).history()
    assert history.profile["created_at"].tolist() == [NAT]
    assert np.isnan(history.profile["birth_year"]).all()
    assert history.profile["country"].tolist() == [None]


def test_columns_are_numpys_own_memory_layout(read: Read) -> None:
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    columns = (
        read({"events": rows_of("customer_id, event, timestamp", f"'a', 'x', {at}")})
        .history()
        .tables["events"]
    )
    kinds: dict[str, Array] = dict(columns.columns)
    assert [str(column.dtype) for column in kinds.values()] == [
        "int64",
        "int16",
        "int64",
        "int64",
        "float64",
        "float64",
    ]


def test_missing_stands_before_the_rest_where_times_are_the_same(read: Read) -> None:
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    products = ["'p2'", "NULL", "'p1'"]
    rows = [f"'a', 'x', {at}, {product}, {i}" for i, product in enumerate(products)]
    columns = "customer_id, event, timestamp, product_id, value"
    events = read({"events": rows_of(columns, *rows)}).history().tables["events"]
    assert events["value"].tolist() == [1.0, 2.0, 0.0]
    assert events["product"].tolist() == [-1, 0, 1]


def test_words_become_their_place_in_the_vocabulary(read: Read) -> None:
    at = "TIMESTAMPTZ '2024-01-0{} 00:00:00+00'"
    names = ["product_viewed", "feature_used", "wishlist_shared", "other"]
    rows = [f"'a', '{name}', {at.format(i + 1)}" for i, name in enumerate(names)]
    events = read({"events": rows_of("customer_id, event, timestamp", *rows)}).history().tables["events"]
    assert events["event"].tolist() == [0, len(EVENTS) - 1, OTHER_EVENT, OTHER_EVENT]
    statuses = [*(repr(status) for status in ORDER_STATUSES), "NULL"]
    rows = [f"'{i}', 'a', {at.format(i + 1)}, 1.0, {status}" for i, status in enumerate(statuses)]
    columns = "order_id, customer_id, ordered_at, revenue, status"
    orders = read({"orders": rows_of(columns, *rows)}).history().tables["orders"]
    assert orders["status"].tolist() == [0, 1, 2, 3, 4, -1]
