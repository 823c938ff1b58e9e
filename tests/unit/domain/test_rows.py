"""From nested rows to columns."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.clock import to_microseconds
from app.domain.history import (
    CODE,
    EVENTS,
    NAT,
    ORDER_STATUSES,
    OTHER_EVENT,
    PROFILE_TEXTS,
    SUMMARY,
    TABLES,
    TEXT,
    TIME,
    Table,
)
from app.domain.rows import build_history

AT = 1_700_000_000_000_000


def table(name: str, *groups: list[dict[str, Any]] | None) -> Table:
    return build_history(
        [{"customer_id": f"c{k}", name: group} for k, group in enumerate(groups)], "UTC"
    ).tables[name]


def test_rows_are_sorted_by_time_and_then_by_id_within_a_customer() -> None:
    rows = [("b", 2), ("a", 2), ("z", 1), ("c", 3)]
    orders = table(
        "orders", [{"order_id": n, "ordered_at": t, "revenue": float(ord(n))} for n, t in rows], []
    )
    assert [chr(int(value)) for value in orders["revenue"]] == ["z", "a", "b", "c"]
    assert orders["ordered_at"].tolist() == [1, 2, 2, 3]
    assert orders.offsets.tolist() == [0, 4, 4]


@pytest.mark.parametrize("name", [name for name in TABLES if name != "order_lines"])
@given(seed=st.integers(0, 2**32))
def test_the_order_in_which_rows_arrive_is_irrelevant(name: str, seed: int) -> None:
    fields = {
        "order_id",
        "event",
        "case_id",
        "feedback_id",
        "subscription_id",
        "contact_id",
        "purpose",
        "status",
    }
    rows = []
    for k in range(6):
        row: dict[str, Any] = dict.fromkeys(fields, "same")
        row |= {
            field: float(k % 3) for field, kind in TABLES[name].columns.items() if kind not in (TIME, CODE)
        }
        row |= {"status": None, "event": "same", "purpose": "profiling", TABLES[name].time: k // 4}
        rows.append(row)
    one, other = table(name, rows), table(name, random.Random(seed).sample(rows, len(rows)))  # noqa: S311  no secret
    for column in TABLES[name].columns:
        np.testing.assert_array_equal(one[column], other[column])


def test_absent_is_not_given_and_empty_is() -> None:
    events = table("events", None, [], [{"event": "x", "timestamp": AT}])
    assert events.given.tolist() == [False, True, True]
    assert events.offsets.tolist() == [0, 0, 0, 1]
    assert build_history([{"customer_id": "c", "events": None}], "UTC").tables == {}


@pytest.mark.parametrize("name", TABLES)
def test_a_row_that_says_nothing_is_missing_everywhere(name: str) -> None:
    if name == "order_lines":
        return
    found = table(name, [{TABLES[name].time: AT, "order_id": "o"}])
    assert set(found.columns) == set(TABLES[name].columns)
    for column, kind in TABLES[name].columns.items():
        value = found[column][0]
        if column == TABLES[name].time:
            assert value == AT
        elif kind == TIME:
            assert value == NAT
        elif column == "has_coupon":
            assert value == 0.0
        elif kind == CODE or isinstance(kind, tuple):
            assert value == -1
        elif kind == TEXT:
            assert value is None
        else:
            assert np.isnan(value)


def test_types_are_those_of_the_history() -> None:
    order = {"order_id": "o", "ordered_at": AT, "revenue": 1, "products": [{"product_id": "p"}]}
    row = {"event": "x", "timestamp": AT, "product_id": "p"}
    history = build_history([{"customer_id": "c", "orders": [order], "events": [row]}], "UTC")
    for name in ("orders", "order_lines", "events"):
        for column, kind in TABLES[name].columns.items():
            expected = (
                np.int16 if isinstance(kind, tuple) else np.int64 if kind in (TIME, CODE) else np.float64
            )
            assert history.tables[name][column].dtype == expected, column


def test_times_may_have_any_offset() -> None:
    moment = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    away = moment.astimezone(timezone(timedelta(hours=8)))
    orders = table("orders", [{"order_id": "o", "ordered_at": away, "revenue": 1.0, "refunded_at": moment}])
    assert orders["ordered_at"].tolist() == orders["refunded_at"].tolist() == [to_microseconds(moment)]


def test_words_become_codes_and_unknown_ones_are_other_or_missing() -> None:
    rows = [{"event": name, "timestamp": k} for k, name in enumerate([*EVENTS, "of its own"])]
    assert table("events", rows)["event"].tolist() == list(range(OTHER_EVENT + 1))
    orders = [
        {"order_id": str(k), "ordered_at": k, "revenue": 1.0, "status": status}
        for k, status in enumerate([*ORDER_STATUSES, None, "lost"])
    ]
    assert table("orders", orders)["status"].tolist() == [0, 1, 2, 3, 4, -1, -1]


def test_ids_become_codes_that_only_say_same_or_different() -> None:
    rows = [
        {"event": "x", "timestamp": k, "product_id": name} for k, name in enumerate(["b", "a", None, "b"])
    ]
    first, second, none, third = table("events", rows)["product"].tolist()
    assert first == third != second
    assert none == -1


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("clicked", 1),
        ("converted", 1),
        (True, 1),
        (1, 1),
        (0, 0),
        (0.0, 0),
        (False, 0),
        ("none", 0),
        ("No_Response", 0),
        ("not_delivered", 0),
        ("bounced", 0),
        ("unsubscribed", 0),
        ("false", 0),
        ("0", 0),
        (None, np.nan),
    ],
    ids=repr,
)
def test_an_outcome_is_an_answer_or_none(outcome: object, expected: float) -> None:
    rows = [{"contact_id": "m", "contacted_at": AT, "outcome": outcome}]
    np.testing.assert_array_equal(table("contacts", rows)["outcome"], [expected])


def test_a_coupon_is_there_or_not() -> None:
    rows = [
        {"order_id": str(k), "ordered_at": k, "revenue": 1.0, "coupon": code}
        for k, code in enumerate(["X", "", None])
    ]
    assert table("orders", rows)["has_coupon"].tolist() == [1.0, 0.0, 0.0]


def lines_of(*orders: list[dict[str, Any]] | None) -> Table | None:
    history = build_history([{"customer_id": "c", "orders": rows} for rows in orders], "UTC")
    return history.tables.get("order_lines")


def test_lines_have_time_and_id_of_their_order_and_stand_in_its_order() -> None:
    def line(product: str, quantity: float) -> dict[str, Any]:
        return {"product_id": product, "quantity": quantity, "price": 1.0, "order_id": None}

    lines = lines_of(
        [
            {
                "order_id": "late",
                "ordered_at": 9,
                "revenue": 1.0,
                "products": [line("b", 2.0), line("a", 3.0)],
            },
            {"order_id": "early", "ordered_at": 1, "revenue": 1.0, "products": [line("c", 1.0)]},
            {"order_id": "none", "ordered_at": 5, "revenue": 1.0, "products": None},
        ]
    )
    assert lines is not None
    assert lines["ordered_at"].tolist() == [1, 9, 9]
    assert lines["quantity"].tolist() == [1.0, 3.0, 2.0]
    early, late, again = lines["order"].tolist()
    assert early != late == again


def test_lines_may_be_objects_with_fields() -> None:
    line = SimpleNamespace(product_id="p", quantity=2.0, price=None, discount=None, order_id=None)
    lines = lines_of([{"order_id": "o", "ordered_at": 1, "revenue": 1.0, "products": [line]}])
    assert lines is not None
    assert lines["quantity"].tolist() == [2.0]


def test_lines_are_given_where_some_order_tells_them_or_there_is_no_order() -> None:
    order = {"order_id": "o", "ordered_at": 1, "revenue": 1.0}
    lines = lines_of([order], [{**order, "products": []}], [], None, [order, {**order, "products": []}])
    assert lines is not None
    assert lines.given.tolist() == [False, True, True, False, True]
    assert lines_of([order], [order]) is None


def test_profile_attributes_and_summary_are_read_by_name() -> None:
    history = build_history(
        [
            {
                "customer_id": "a",
                "customer": {"created_at": AT, "birth_year": 1980, "country": "CN"},
                "attributes": {"plan": "gold", "seats": 3, "paperless": True, "undeclared": 9},
                "summary": {"order_count": 2, "first_order_at": AT, "revenue": 5.0},
            },
            {"customer_id": "a"},
        ],
        "Europe/London",
        {"plan": "categorical", "seats": "numeric", "paperless": "boolean"},
    )
    assert history.customer_ids == ("a", "a")
    assert history.timezone == "Europe/London"
    assert history.size == 2
    assert set(history.profile) == {"created_at", "birth_year", *PROFILE_TEXTS}
    assert history.profile["created_at"].tolist() == [AT, NAT]
    assert history.profile["country"].tolist() == ["CN", None]
    np.testing.assert_array_equal(history.profile["birth_year"], [1980, np.nan])
    assert set(history.attributes) == {"plan", "seats", "paperless"}
    assert history.attributes["plan"].tolist() == ["gold", None]
    np.testing.assert_array_equal(history.attributes["paperless"], [1.0, np.nan])
    assert history.summary is not None
    assert set(history.summary) == set(SUMMARY)
    assert history.summary["first_order_at"].tolist() == [AT, NAT]
    np.testing.assert_array_equal(history.summary["order_count"], [2, np.nan])


def test_without_any_summary_there_is_none() -> None:
    assert build_history([{"customer_id": "a", "summary": None}], "UTC").summary is None


def test_nobody_is_a_history_too() -> None:
    history = build_history([], "UTC", {"seats": "numeric"})
    assert history.size == 0
    assert history.tables == {}
    assert history.summary is None
    assert history.attributes["seats"].shape == history.profile["country"].shape == (0,)
