from __future__ import annotations

# ruff: noqa: S608 - the tables of these tests are written out in SQL
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.domain.clock import from_microseconds
from app.domain.errors import TableError
from app.domain.history import NAT
from tests.unit.training.tables.small import Read, business_of, found, rows_of
from training.tables import Business, read_tables

ORDER = "order_id, customer_id, ordered_at, revenue"
AT = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
LATER = "TIMESTAMPTZ '2024-03-01 00:00:00+00'"
ORDERS = rows_of(ORDER, f"'x', 'b', {AT}, 1.0", f"'y', 'a', {AT}, 2.0")


def test_counts_are_those_of_what_is_left(read: Read) -> None:
    rows = [f"'x', 'b', {AT}, 1.0", f"'x', 'b', {AT}, 1.0", f"'y', 'a', {AT}, 2.0"]
    tables = read(
        {
            "orders": rows_of(ORDER, *rows),
            "events": rows_of("customer_id, event, timestamp", f"'c', 'x', {AT}"),
        }
    )
    assert tables.counts == {"orders": 2, "events": 1, "customers": 3}
    assert tables.size == 3
    assert tables.has("events")
    assert not tables.has("customers")


def test_empty_table_is_there(read: Read) -> None:
    events = rows_of("customer_id, event, timestamp", f"'a', 'x', {AT}")
    tables = read({"orders": ORDERS, "events": f"SELECT * FROM ({events}) WHERE FALSE"})
    assert tables.has("events")
    assert tables.history().tables["events"].given.all()


def test_business_without_a_customer_is_an_error(read: Read) -> None:
    tables = read({"orders": f"SELECT * FROM ({ORDERS}) WHERE FALSE"})
    assert found(tables, "no_customers") is not None
    assert tables.history().size == 0
    assert tables.latest == NAT


def test_columns_as_arrow_are_sorted_by_key(read: Read) -> None:
    arrow = read({"orders": ORDERS}).arrow("orders")
    assert arrow.column("order_id").to_pylist() == ["x", "y"]
    assert arrow.column("ordered_at").to_pylist()[0] == datetime(2024, 1, 1, tzinfo=UTC)
    assert arrow.column("status").to_pylist() == [None, None]
    with pytest.raises(KeyError):
        read({"orders": ORDERS}).arrow("events")


def test_products_are_kept_for_those_who_rank_them(read: Read) -> None:
    tables = read({"orders": ORDERS, "products": "SELECT 'p' AS product_id, 'c' AS category, 2.5 AS price"})
    assert tables.products is not None
    assert tables.products.column("price").to_pylist() == [2.5]
    assert read({"orders": ORDERS}).products is None


@pytest.mark.parametrize(
    ("extra", "month"),
    [
        ({}, 1),
        ({"refunded_at": LATER}, 3),
        ({"delivered_at": LATER}, 3),
        ({"promised_at": LATER}, 1),
        ({"refunded_at": "TIMESTAMPTZ '2062-01-01 00:00:00+00'"}, 1),
    ],
)
def test_latest_is_the_last_thing_that_happened(read: Read, extra: dict[str, str], month: int) -> None:
    columns = ", ".join([ORDER, *extra])
    tables = read({"orders": rows_of(columns, ", ".join([f"'x', 'b', {AT}, 1.0", *extra.values()]))})
    assert from_microseconds(tables.latest) == datetime(2024, month, 1, tzinfo=UTC)


def test_latest_is_not_later_than_as_of(read: Read) -> None:
    rows = f"'x', 'b', {AT}, 1.0, {LATER}"
    as_of = 19_750 * 86_400_000_000
    tables = read({"orders": rows_of(f"{ORDER}, refunded_at", rows)}, as_of=as_of)
    assert (tables.as_of, from_microseconds(tables.latest).month) == (as_of, 1)


def test_dates_of_labels_are_the_latest_only_where_nothing_else_has_dates(read: Read) -> None:
    labels = rows_of(
        "customer_id, capability, label, as_of", f"'a', 'churn', 1, {LATER}", f"'b', 'churn', 0, {AT}"
    )
    assert from_microseconds(read({"labels": labels}).latest).month == 3
    assert from_microseconds(read({"labels": labels, "orders": ORDERS}).latest).month == 1
    assert read({"labels": "SELECT 'a' AS customer_id, 'churn' AS capability, 1 AS label"}).latest == NAT


def test_labels_are_positions_among_the_customers(read: Read) -> None:
    rows = [
        f"'c', 'churn', 1, {AT}",
        "'a', 'churn', 0, NULL",
        "'b', 'satisfaction', 4.5, NULL",
        f"'a', 'churn', 1, {LATER}",
    ]
    tables = read({"labels": rows_of("customer_id, capability, label, as_of", *rows)})
    churn = tables.labels.of("churn")
    assert [tables.customer_ids[i] for i in churn.customers] == ["a", "a", "c"]
    assert churn.label.tolist() == [0.0, 1.0, 1.0]
    assert churn.as_of.tolist() == [NAT, 1_709_251_200_000_000, 1_704_067_200_000_000]
    assert tables.labels.of("satisfaction").label.tolist() == [4.5]
    assert tables.labels.of("clv").customers.dtype == np.int64


def test_boolean_labels_are_zero_and_one(read: Read) -> None:
    tables = read(
        {"labels": rows_of("customer_id, capability, label", "'a', 'churn', TRUE", "'b', 'churn', FALSE")}
    )
    assert tables.labels.label.tolist() == [1.0, 0.0]


def test_without_labels_there_are_none(read: Read) -> None:
    assert len(read({"orders": ORDERS}).labels.of("churn").label) == 0


def test_naive_times_without_a_stated_zone_are_a_warning() -> None:
    document = {
        "name": "shop",
        "currency": "GBP",
        "tables": {
            "orders": ORDERS.replace("TIMESTAMPTZ '2024-01-01 00:00:00+00'", "TIMESTAMP '2024-01-01'")
        },
    }
    business = Business.model_validate(document)
    with read_tables(business) as tables:
        finding = found(tables, "timezone_not_stated")
        assert finding is not None
        assert (finding.severity, finding.place) == ("warning", "business.yaml.timezone")
        assert from_microseconds(tables.latest) == datetime(2024, 1, 1, tzinfo=UTC)


def test_findings_begin_with_what_stops_training(read: Read) -> None:
    rows = [f"'x', 'b', {AT}, NULL", f"'y', 'a', {AT}, -2.0", f"'z', 'a', {AT}, 0.0"]
    severities = [finding.severity for finding in read({"orders": rows_of(ORDER, *rows)}).findings]
    assert severities == ["error", "warning", "recommendation"]


def test_findings_hold_no_value_of_the_data(read: Read) -> None:
    value = "alice@example.org"
    columns = f"{ORDER}, status, refund, currency, ordered"
    rows = ", ".join([f"'{value}'"] * 8)
    tables = read({"orders": rows_of(columns, rows, rows.replace("alice", "bob"))})
    assert len(tables.findings) > 5
    assert all(value not in str(finding.as_json()) for finding in tables.findings)


def test_nothing_is_left_behind(read: Read) -> None:
    tables = read({"orders": ORDERS})
    folder = tables._database.folder
    assert folder.exists()
    tables.close()
    assert not folder.exists()


def test_failed_reading_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(TableError, match="table orders"):
        read_tables(business_of({"orders": "SELEC"}))
    assert not list(tmp_path.iterdir())
