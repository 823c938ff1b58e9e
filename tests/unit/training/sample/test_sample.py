"""What holds for every simulated business: determinism, keys, times, and that it says what it is."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from app.domain.errors import InputError
from app.domain.history import EVENTS, NAT, TABLES
from tests.unit.training.sample.reading import column, columns, owner
from training.sample import SimulatedBusiness, simulate
from training.sample.files import blocks
from training.sample.season import DAYS, END, at
from training.tables.canonical import shape_of

ATTRIBUTES = {"plan": "categorical", "newsletter": "boolean", "household_size": "numeric"}


def _ids(table: pa.Table, name: str) -> set[str]:
    return set(table[name].drop_null().to_pylist())


def test_another_seed_makes_another_business(small: SimulatedBusiness) -> None:
    other = simulate(120, 4)
    alike = [name for name, table in small.tables.items() if table.equals(other.tables[name])]
    assert alike == ["products"]


@pytest.mark.parametrize(("customers", "seed"), [(49, 7), (0, 7), (10_000_000, 7), (50, -1)])
def test_what_cannot_be_simulated_is_refused(customers: int, seed: int) -> None:
    with pytest.raises(InputError, match="expected"):
        simulate(customers, seed)


@pytest.mark.parametrize("seed", [0, 1])
def test_fifty_customers_fill_every_table(seed: int) -> None:
    tiny = simulate(50, seed)
    assert tiny.tables["customers"].num_rows == 50
    for name, table in tiny.tables.items():
        assert table.num_rows > 0, name


def test_columns_are_those_of_the_contract(small: SimulatedBusiness) -> None:
    for name, table in small.tables.items():
        shape = shape_of(name, ATTRIBUTES)
        assert set(table.column_names) <= set(shape.names), name
        assert set(shape.required) <= set(table.column_names), name
        required = [table[one].null_count for one in shape.required if one not in ATTRIBUTES]
        assert not any(required), name


def test_words_are_those_of_the_contract(small: SimulatedBusiness) -> None:
    for name, spec in TABLES.items():
        for one, kind in spec.columns.items():
            if isinstance(kind, tuple) and (name, one) != ("events", "event"):
                assert _ids(small.tables[name], one) <= set(kind), (name, one)
    assert _ids(small.tables["events"], "event") - set(EVENTS) == {"session_started"}


def test_everything_says_that_it_is_simulated(small: SimulatedBusiness) -> None:
    for table in (*small.tables.values(), *small.truth.values()):
        assert table.schema.metadata[b"simulated"] == b"true"
        for name in table.column_names:
            if name.endswith("_id") and name != "action_id":
                assert all(word.startswith("sim-") for word in _ids(table, name)), name
    assert all(word.startswith("SIM-") for word in _ids(small.tables["orders"], "coupon"))
    assert small.parameters["simulated"] is True


def test_no_field_could_hold_who_somebody_is(small: SimulatedBusiness) -> None:
    forbidden = re.compile("name|phone|mail|street|address")
    for name, table in small.tables.items():
        if name != "products":
            assert not [one for one in table.column_names if forbidden.search(one)], name


def test_keys_are_unique_and_rows_find_what_they_name(business: SimulatedBusiness) -> None:
    tables = business.tables
    for name, key in (
        ("customers", "customer_id"),
        ("orders", "order_id"),
        ("products", "product_id"),
        ("support_cases", "case_id"),
        ("feedback", "feedback_id"),
        ("subscriptions", "subscription_id"),
        ("contacts", "contact_id"),
    ):
        assert len(_ids(tables[name], key)) == tables[name].num_rows, name
    customers, orders = _ids(tables["customers"], "customer_id"), _ids(tables["orders"], "order_id")
    for name, table in tables.items():
        if "customer_id" in table.column_names:
            assert _ids(table, "customer_id") <= customers, name
        if "product_id" in table.column_names:
            assert _ids(table, "product_id") <= _ids(tables["products"], "product_id"), name
    assert _ids(tables["order_lines"], "order_id") <= orders
    assert _ids(tables["feedback"], "order_id") <= orders


def test_an_answer_belongs_to_an_order_of_the_same_customer(business: SimulatedBusiness) -> None:
    feedback = columns(business.tables["feedback"])
    orders = columns(business.tables["orders"])
    mine = dict(zip(orders["order_id"], orders["customer_id"], strict=True))
    about = feedback["order_id"] != np.array(None)
    assert about.any()
    assert all(
        mine[order] == who
        for order, who in zip(feedback["order_id"][about], feedback["customer_id"][about], strict=True)
    )


def test_every_line_is_of_an_order_and_every_order_has_lines(business: SimulatedBusiness) -> None:
    orders = columns(business.tables["orders"])
    with_lines = _ids(business.tables["order_lines"], "order_id")
    sold = orders["revenue"] > 0
    assert set(orders["order_id"][sold]) == with_lines


def test_nothing_happened_after_the_end_or_before_registration(business: SimulatedBusiness) -> None:
    customers = business.tables["customers"]
    created = column(customers, "created_at")
    assert created.min() >= at(0)
    for name, spec in TABLES.items():
        if name == "order_lines":
            continue
        time = column(business.tables[name], spec.time)
        assert time.max() <= END, name
        assert (time >= created[owner(business.tables[name], customers)]).all(), name
        assert time.max() > at(DAYS - 120), name


def test_later_facts_come_later_and_none_is_known_before_its_time(business: SimulatedBusiness) -> None:
    for name, columns_in_order in (
        ("orders", ("ordered_at", "shipped_at", "delivered_at", "refunded_at")),
        ("orders", ("ordered_at", "cancelled_at")),
        ("orders", ("ordered_at", "promised_at")),
        ("support_cases", ("opened_at", "reopened_at", "closed_at")),
        ("subscriptions", ("started_at", "cancelled_at")),
        ("subscriptions", ("started_at", "ends_at")),
        ("contacts", ("contacted_at", "outcome_at")),
    ):
        table = columns(business.tables[name])
        promises = {"promised_at", "ends_at"}
        latest = table[columns_in_order[0]].copy()
        for later in columns_in_order[1:]:
            known = table[later] != NAT
            # A return without its order is given back at the counter, at the time of its row.
            strict = known & ((table["revenue"] > 0) if name == "orders" else True)
            assert (table[later][strict] > latest[strict]).all(), (name, later)
            assert known.any(), (name, later)
            if later not in promises:
                assert table[later].max() <= END, (name, later)
            latest = np.where(known, table[later], latest)


def test_blocks_join_without_a_seam() -> None:
    first, second = (block.tables for block in blocks(110, 1, size=60))
    ids = first["customers"]["customer_id"].to_pylist() + second["customers"]["customer_id"].to_pylist()
    assert ids == [f"sim-{number:07d}" for number in range(1, 111)]
    assert not _ids(first["orders"], "order_id") & _ids(second["orders"], "order_id")
    for name, table in first.items():
        assert table.schema.equals(second[name].schema, check_metadata=True), name
    alike = [name for name, table in first.items() if table.slice(0, 40).equals(second[name].slice(0, 40))]
    assert alike == ["products"]
