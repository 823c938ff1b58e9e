from __future__ import annotations

import pytest

from tests.unit.training.tables.small import Read, found, rows_of
from training.tables import Tables

ORDER = "order_id, customer_id, ordered_at, revenue"
LINE = "order_id, product_id, quantity, price"
EVENT = "customer_id, event, timestamp"


def day(number: int) -> str:
    return f"TIMESTAMPTZ '2024-01-{number:02} 00:00:00+00'"


def ids(tables: Tables, table: str = "orders", column: str = "order_id") -> list[str]:
    return sorted(tables.arrow(table).column(column).to_pylist())


def test_of_exact_copies_one_is_kept(read: Read) -> None:
    rows = [f"'x', 'a', {day(1)}, 5.0", f"'y', 'a', {day(1)}, 5.0", *[f"'x', 'a', {day(1)}, 5.0"] * 2]
    tables = read({"orders": rows_of(ORDER, *rows)})
    finding = found(tables, "duplicate_rows")
    assert finding is not None
    assert (finding.severity, finding.rows, finding.examples) == ("warning", 2, (3, 4))
    assert ids(tables) == ["x", "y"]
    assert not tables.errors


def test_copies_are_found_in_tables_without_ids(read: Read) -> None:
    rows = [f"'a', 'signed_in', {day(1)}", f"'a', 'signed_in', {day(2)}", f"'a', 'signed_in', {day(1)}"]
    tables = read({"events": rows_of(EVENT, *rows)})
    assert tables.counts["events"] == 2
    finding = found(tables, "duplicate_rows")
    assert finding is not None
    assert finding.examples == (3,)


def test_missing_values_are_alike(read: Read) -> None:
    columns = f"{EVENT}, product_id"
    rows = [f"'a', 'x', {day(1)}, NULL", f"'a', 'x', {day(1)}, NULL", f"'a', 'x', {day(1)}, 'p'"]
    assert read({"events": rows_of(columns, *rows)}).counts["events"] == 2


def test_id_that_stands_for_two_things_is_an_error_and_neither_is_kept(read: Read) -> None:
    rows = [f"'x', 'a', {day(1)}, 5.0", f"'y', 'a', {day(1)}, 5.0", f"'x', 'a', {day(2)}, 5.0"]
    tables = read({"orders": rows_of(ORDER, *rows)})
    finding = found(tables, "duplicate_key")
    assert finding is not None
    assert (finding.severity, finding.place, finding.examples) == ("error", "orders.order_id", (1, 3))
    assert ids(tables) == ["y"]


def test_one_customer_twice_is_an_error(read: Read) -> None:
    tables = read({"customers": rows_of("customer_id, country", "'a', 'FR'", "'a', 'DE'", "'b', 'DE'")})
    finding = found(tables, "duplicate_key")
    assert finding is not None
    assert finding.rows == 2
    assert tables.customer_ids == ("b",)


def test_consents_of_one_moment_that_contradict_are_an_error(read: Read) -> None:
    columns = "customer_id, purpose, status, status_at"
    rows = [f"'a', 'profiling', '{status}', {day(1)}" for status in ("granted", "denied")]
    assert found(read({"consents": rows_of(columns, *rows)}), "duplicate_key") is not None


def test_line_without_order_is_left_out(read: Read) -> None:
    tables = read(
        {
            "orders": rows_of(ORDER, f"'x', 'a', {day(1)}, 5.0"),
            "order_lines": rows_of(LINE, "'x', 'p', 1, 5.0", "'z', 'p', 1, 5.0"),
        }
    )
    finding = found(tables, "line_without_order")
    assert finding is not None
    assert (finding.rows, finding.examples) == (1, (2,))
    assert ids(tables, "order_lines") == ["x"]


def test_lines_without_a_table_of_orders_are_not_read(read: Read) -> None:
    tables = read(
        {"customers": "SELECT 'a' AS customer_id", "order_lines": rows_of(LINE, "'x', 'p', 1, 5.0")}
    )
    assert found(tables, "needs_orders") is not None
    assert not tables.has("order_lines")


def test_customers_say_who_counts(read: Read) -> None:
    orders = rows_of(ORDER, f"'x', 'a', {day(1)}, 5.0", f"'y', 'b', {day(1)}, 5.0")
    tables = read({"customers": "SELECT 'a' AS customer_id", "orders": orders})
    finding = found(tables, "unknown_customer")
    assert finding is not None
    assert (finding.severity, finding.place, finding.rows) == ("warning", "orders.customer_id", 1)
    assert (tables.customer_ids, ids(tables)) == (("a",), ["x"])


def test_without_customers_everybody_with_a_row_counts(read: Read) -> None:
    tables = read(
        {
            "orders": rows_of(ORDER, f"'x', 'b', {day(1)}, 5.0"),
            "events": rows_of(EVENT, f"'a', 'signed_in', {day(1)}", f"'b', 'signed_in', {day(1)}"),
            "labels": rows_of("customer_id, capability, label", "'c', 'churn', 1", "'a', 'churn', 0"),
        }
    )
    assert tables.customer_ids == ("a", "b", "c")
    assert found(tables, "unknown_customer") is None


def test_rows_of_the_future_are_left_out_and_counted(read: Read) -> None:
    rows = [f"'x', 'a', {day(1)}, 5.0", "'y', 'a', TIMESTAMPTZ '2062-01-01 00:00:00+00', 5.0"]
    tables = read(
        {
            "orders": rows_of(ORDER, *rows),
            "order_lines": rows_of(LINE, "'x', 'p', 1, 5.0", "'y', 'p', 1, 5.0"),
        }
    )
    finding = found(tables, "future_time")
    assert finding is not None
    assert (finding.severity, finding.rows, finding.examples) == ("warning", 1, (2,))
    assert ids(tables) == ids(tables, "order_lines") == ["x"]
    assert found(tables, "line_without_order") is None


def test_customers_of_the_future_are_counted_and_kept_where_they_act(read: Read) -> None:
    created = [f"'a', {day(1)}", *(f"'{c}', TIMESTAMPTZ '2062-01-01 00:00:00+00'" for c in "bc")]
    orders = rows_of(ORDER, f"'x', 'b', {day(2)}, 5.0")
    tables = read({"customers": rows_of("customer_id, created_at", *created), "orders": orders})
    finding = found(tables, "future_time")
    assert finding is not None
    assert (finding.rows, finding.examples) == (2, (2, 3))
    assert tables.customer_ids == ("a", "b")


@pytest.mark.parametrize(("number", "left"), [(1, []), (2, ["x"]), (3, ["x", "y"])])
def test_rows_later_than_as_of_are_not_read_and_no_finding(read: Read, number: int, left: list[str]) -> None:
    rows = [f"'x', 'a', {day(2)}, 5.0", f"'y', 'b', {day(3)}, 5.0"]
    # 2024-01-01 is day 19723 since 1970.
    tables = read({"orders": rows_of(ORDER, *rows)}, as_of=(19722 + number) * 86_400_000_000)
    assert ids(tables) == left
    assert len(tables.customer_ids) == len(left)
    assert found(tables, "future_time") is None


def test_customers_created_later_than_as_of_do_not_exist_yet(read: Read) -> None:
    created = [f"'a', {day(1)}", f"'b', {day(5)}", "'c', NULL", f"'d', {day(5)}"]
    tables = read(
        {
            "customers": rows_of("customer_id, created_at", *created),
            "orders": rows_of(ORDER, f"'x', 'd', {day(2)}, 5.0"),
        },
        as_of=19725 * 86_400_000_000,
    )
    assert tables.customer_ids == ("a", "c", "d")


def test_labels_later_than_as_of_are_not_read(read: Read) -> None:
    rows = [f"'a', 'churn', 1, {day(1)}", f"'b', 'churn', 0, {day(9)}", "'c', 'churn', 0, NULL"]
    tables = read(
        {"labels": rows_of("customer_id, capability, label, as_of", *rows)}, as_of=19725 * 86_400_000_000
    )
    assert ids(tables, "labels", "customer_id") == ["a", "c"]
