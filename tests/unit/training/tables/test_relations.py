from __future__ import annotations

# ruff: noqa: S608 - the tables of these tests are written out in SQL
import pytest

from tests.unit.training.tables.small import Read, found, rows_of

FIRST, SECOND = (f"TIMESTAMPTZ '2024-01-0{day} 00:00:00+00'" for day in (1, 2))
LABEL = "customer_id, capability, label"
BY_LABEL = {"churn": {"definition": "label"}}


@pytest.mark.parametrize(
    ("table", "limit", "columns"),
    [
        ("orders", 2000, "'o' || i AS order_id, {at} AS ordered_at, 1.0 AS revenue"),
        ("events", 5000, "'e' || i AS event, {at} AS timestamp"),
    ],
)
def test_rows_beyond_what_features_read_are_counted(read: Read, table: str, limit: int, columns: str) -> None:
    sql = f"SELECT 'a' AS customer_id, {columns.format(at=FIRST)} FROM range({{}}) t(i)"
    assert found(read({table: sql.format(limit)}), "beyond_limit") is None
    finding = found(read({table: sql.format(limit + 3)}), "beyond_limit")
    assert finding is not None
    assert (finding.severity, finding.table, finding.rows) == ("warning", table, 3)


def test_products_that_nobody_describes_are_counted(read: Read) -> None:
    tables = read(
        {
            "products": "SELECT 'p' AS product_id, 'c' AS category",
            "events": rows_of(
                "customer_id, event, timestamp, product_id",
                *(f"'a', 'product_viewed', {FIRST}, {product}" for product in ("'p'", "'q'", "NULL")),
            ),
        }
    )
    finding = found(tables, "unknown_product")
    assert finding is not None
    assert (finding.place, finding.rows) == ("events.product_id", 1)


def test_orders_before_creation_are_counted(read: Read) -> None:
    tables = read(
        {
            "customers": rows_of("customer_id, created_at", f"'a', {SECOND}", f"'b', {FIRST}"),
            "orders": rows_of(
                "order_id, customer_id, ordered_at, revenue", f"'x', 'a', {FIRST}, 1", f"'y', 'b', {FIRST}, 1"
            ),
        }
    )
    finding = found(tables, "ordered_before_created")
    assert finding is not None
    assert finding.rows == 1


@pytest.mark.parametrize("rows", [("'a', 'churn', 1", "'b', 'churn', 1"), ("'a', 'satisfaction', 1",)])
def test_label_of_one_class_is_an_error(read: Read, rows: tuple[str, ...]) -> None:
    finding = found(read({"labels": rows_of(LABEL, *rows)}, objectives=BY_LABEL), "one_class")
    assert finding is not None
    assert (finding.severity, finding.place) == ("error", "labels.label")


def test_label_of_one_class_matters_only_where_it_is_learned(read: Read) -> None:
    tables = read({"labels": rows_of(LABEL, "'a', 'churn', 1")}, objectives={"clv": {}})
    assert found(tables, "one_class") is None


def test_twins_are_counted_where_they_are_few(read: Read) -> None:
    labels = "SELECT 'c' || i AS customer_id, 'churn' AS capability, i % 2 AS label FROM range(100) t(i)"
    kinds = {"amount": {"kind": "numeric"}}

    def customers(words: int) -> str:
        return f"SELECT 'c' || i AS customer_id, i % {words} AS amount FROM range(100) t(i)"

    finding = found(read({"customers": customers(97), "labels": labels}, attributes=kinds), "twins")
    assert finding is not None
    assert (finding.severity, finding.rows) == ("recommendation", 3)
    assert found(read({"customers": customers(5), "labels": labels}, attributes=kinds), "twins") is None
    assert found(read({"customers": customers(100), "labels": labels}, attributes=kinds), "twins") is None
