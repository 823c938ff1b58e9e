"""Properties of the one entry point, over random histories."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.history import TABLES, Array
from app.domain.rows import build_history
from app.features import compute as module
from app.features.compute import compute
from app.features.library import GROUPS, LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from tests.unit.features.histories import (
    AS_OF,
    DAY,
    ZONES,
    Raw,
    batches,
    customers,
    expected_of,
    features_of,
    history_of,
    same,
)

MUTABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "orders": {"refunded_at": ("refund",), "cancelled_at": (), "shipped_at": (), "delivered_at": ()},
    "support_cases": {"closed_at": (), "reopened_at": ()},
    "subscriptions": {"cancelled_at": ()},
    "contacts": {"outcome_at": ("outcome",)},
}
"""Times of facts that come after their row, and what is only known from them on."""
UNDONE = {"refunded_at": ("refunded", "partially_refunded"), "cancelled_at": ("cancelled",)}
"""The states that an order only has from such a time on."""


def without_future(raw: Raw, as_of: int) -> Raw:
    """Take away what lies after ``as_of``: later rows, and of earlier rows what came later."""
    kept = dict(raw)
    for table, spec in TABLES.items():
        if raw.get(table) is None:
            continue
        rows = [dict(row) for row in raw[table] if row[spec.time] <= as_of]
        for row in rows:
            for time, facts in MUTABLE.get(table, {}).items():
                if row.get(time) is not None and row[time] > as_of:
                    row[time] = None
                    row.update(dict.fromkeys(facts))
                    if row.get("status") in UNDONE.get(time, ()):
                        row["status"] = "completed"
        kept[table] = rows
    return kept


@settings(max_examples=150)
@given(customers(), st.sampled_from(ZONES))
def test_every_feature_is_what_a_slow_reference_says(raw: Raw, zone: str) -> None:
    found, expected = features_of(raw, zone), expected_of(raw, zone)
    assert found.keys() == LIBRARY.keys()
    assert expected.keys() <= found.keys()
    for name, value in found.items():
        wanted = expected.get(name)
        if value is None or wanted is None or isinstance(wanted, str):
            assert value == wanted, name
        else:
            assert isinstance(value, float)
            assert math.isclose(value, wanted, rel_tol=1e-12, abs_tol=1e-12), name


@settings(max_examples=60)
@given(batches(), st.sampled_from(ZONES), st.data())
def test_one_customer_alone_is_the_same_bit_for_bit_as_in_a_batch(
    raw: list[Raw], zone: str, data: st.DataObject
) -> None:
    hours = data.draw(st.lists(st.integers(-2000, 0), min_size=len(raw), max_size=len(raw)))
    as_of = np.array([AS_OF + hour * 3_600_000_000 for hour in hours])
    batch = compute(history_of(raw, zone), as_of)
    for i, one in enumerate(raw):
        alone = compute(history_of([one], zone), as_of[i : i + 1])
        assert alone.keys() == batch.keys()
        for name, column in batch.items():
            assert same(column[i : i + 1], alone[name]), name


@settings(max_examples=60)
@given(customers(), st.sampled_from(ZONES))
def test_what_comes_after_as_of_is_invisible(raw: Raw, zone: str) -> None:
    assert features_of(raw, zone) == features_of(without_future(raw, AS_OF), zone)


@settings(max_examples=60)
@given(customers(), customers(), st.integers(1, 40))
def test_rows_added_after_as_of_change_nothing(raw: Raw, other: Raw, days: int) -> None:
    more: dict[str, Any] = dict(raw)
    for table, spec in TABLES.items():
        if raw.get(table) is not None and other.get(table):
            moved = [{**row, spec.time: AS_OF + days * DAY + k} for k, row in enumerate(other[table])]
            more[table] = [*raw[table], *moved]
    assert features_of(raw) == features_of(more)


@settings(max_examples=60)
@given(customers(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_irrelevant(raw: Raw, chance: random.Random) -> None:
    shuffled = {
        name: chance.sample(value, len(value)) if isinstance(value, list) else value
        for name, value in raw.items()
    }
    for order in shuffled.get("orders") or []:
        if order["products"]:
            chance.shuffle(order["products"])
    one, other = compute(history_of([raw]), AS_OF), compute(history_of([shuffled]), AS_OF)
    assert all(same(one[name], other[name]) for name in one)


def test_the_order_of_rows_is_irrelevant_even_for_sums_that_round() -> None:
    rows: list[dict[str, Any]] = [
        {"order_id": f"o{k}", "ordered_at": AS_OF - DAY, "revenue": revenue}
        for k, revenue in enumerate([0.1, 0.7, 1e15, -1e15 + 3, 0.3, 12.34])
    ]
    totals = set()
    for turn in range(6):
        orders = [*rows[turn:], *rows[:turn]]
        totals.add(features_of({"customer_id": "c", "orders": orders})["revenue_total"])
    plain = [row["revenue"] for row in rows]
    assert len({sum([*plain[k:], *plain[:k]]) for k in range(6)}) > 1
    assert len(totals) == 1


@settings(max_examples=80)
@given(batches(), st.sampled_from(ZONES))
def test_every_feature_stays_within_its_bounds_and_finite(raw: list[Raw], zone: str) -> None:
    columns = compute(history_of(raw, zone), AS_OF)
    for name, feature in LIBRARY.items():
        column = columns[name]
        assert column.shape == (len(raw),)
        if feature.kind == "category":
            assert all(word is None or isinstance(word, str) for word in column), name
            continue
        assert column.dtype == np.float64
        known = column[~np.isnan(column)]
        assert np.isfinite(known).all(), name
        assert ((known >= feature.low) & (known <= feature.high)).all(), name


@settings(max_examples=40)
@given(batches())
def test_an_absent_table_is_unknown_and_never_zero(raw: list[Raw]) -> None:
    columns = compute(history_of(raw), AS_OF)
    for group in GROUPS:
        if group.table in {"", "order_lines"}:
            continue
        for i, one in enumerate(raw):
            if one.get(group.table) is None:
                assert all(np.isnan(columns[feature.name][i]) for feature in group.features)


def test_an_empty_table_is_zero_and_not_unknown() -> None:
    empty: dict[str, list[Raw]] = {table: [] for table in TABLES if table != "order_lines"}
    found = features_of({"customer_id": "c", **empty})
    zeros = {name for name, value in found.items() if value == 0.0}
    assert zeros >= {
        "order_days", "revenue_total", "events_30d", "unsubscribed", "contacts_90d", "open_cases",
        "feedback_365d", "active_subscriptions", "subscription_amount",
    }  # fmt: skip
    assert found["days_since_last_order"] is None
    assert found["coupon_share"] is None


def test_nobody_gives_no_rows() -> None:
    columns = compute(build_history([], "Europe/London", {"seats": "numeric"}), AS_OF)
    assert columns.keys() == LIBRARY.keys() | {"attribute.seats"}
    assert all(column.shape == (0,) for column in columns.values())


def test_only_needed_features_are_computed() -> None:
    history = history_of(
        [{"customer_id": "c", "orders": [], "events": [], "attributes": {"contract": "yearly"}}]
    )
    columns = compute(history, AS_OF, frozenset({"order_days", "attribute.contract"}))
    assert columns.keys() == {"order_days", "attribute.contract"}
    columns = compute(history, AS_OF, frozenset({"events_7d"}))
    assert columns.keys() == {"events_7d"}


def test_a_table_that_no_feature_needs_is_never_read() -> None:
    broken = {
        "customer_id": "c",
        "orders": [],
        "events": [{"event": "x", "timestamp": AS_OF, "product_id": []}],
    }
    history = history_of([broken])
    assert compute(history, AS_OF, frozenset({"order_days"}))["order_days"][0] == 0.0
    with pytest.raises(TypeError):
        compute(history, AS_OF, frozenset({"events_7d", "products_viewed_30d"}))


@settings(max_examples=25)
@given(st.lists(customers(), min_size=4, max_size=9))
def test_blocks_of_customers_give_what_all_at_once_give(raw: list[Raw]) -> None:
    history, as_of = history_of(raw, "Europe/London"), np.full(len(raw), AS_OF)
    whole = compute(history, as_of)
    kept = module.BLOCK
    try:
        module.BLOCK = 3  # type: ignore[misc]
        parts = compute(history, as_of)
    finally:
        module.BLOCK = kept  # type: ignore[misc]
    assert all(same(whole[name], parts[name]) for name in whole)


def test_attributes_come_as_they_were_given() -> None:
    columns: dict[str, Array] = dict(
        compute(
            history_of(
                [
                    {"customer_id": "a", "attributes": {"contract": "yearly", "seats": 3, "paperless": True}},
                    {"customer_id": "b", "attributes": None},
                ]
            ),
            AS_OF,
        )
    )
    assert columns[ATTRIBUTE_PREFIX + "contract"].tolist() == ["yearly", None]
    np.testing.assert_array_equal(columns[ATTRIBUTE_PREFIX + "seats"], [3.0, np.nan])
    np.testing.assert_array_equal(columns[ATTRIBUTE_PREFIX + "paperless"], [1.0, np.nan])
