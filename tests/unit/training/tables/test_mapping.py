from __future__ import annotations

import pytest

from app.domain.errors import TableError
from tests.unit.training.tables.small import Read, found, rows_of

ORDERS = (
    "SELECT 'o1' AS order_id, 'a' AS customer_id, "
    "TIMESTAMPTZ '2024-01-01 00:00:00+00' AS ordered_at, 5 AS revenue"
)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "Parser Error"),
        ("SELECT * FROM absent", "Table with name absent does not exist"),
        ("SELECT invoise FROM (SELECT 1 AS invoice)", 'Candidate bindings: "invoice"'),
        ("SELECT CAST('secret' AS INTEGER) AS x", "Conversion Error"),
        ("SELECT 1; SELECT 2", "must be one SELECT"),
        ("DROP TABLE x", "must be one SELECT"),
        ("COPY (SELECT 1) TO 'x.csv'", "must be one SELECT"),
        ("-- nothing", "must be one SELECT"),
        ("SELECT * FROM read_csv('secret.csv')", "reads a file that is no source"),
    ],
)
def test_sql_error_names_the_table_and_a_remedy(read: Read, sql: str, said: str) -> None:
    with pytest.raises(TableError) as refused:
        read({"orders": sql})
    assert str(refused.value).startswith("table orders: ")
    assert said in str(refused.value)
    assert refused.value.table == "orders"
    assert refused.value.remedy
    assert "secret" not in str(refused.value)


def test_line_number_in_a_message_is_that_of_the_file(read: Read) -> None:
    with pytest.raises(TableError, match="LINE 2:   nothing AS order_id"):
        read({"orders": "SELECT\n  nothing AS order_id\nFROM (SELECT 1 AS something)"})


def test_caret_points_at_the_fault_in_the_first_line_too(read: Read) -> None:
    with pytest.raises(TableError) as refused:
        read({"orders": "SELECT nothing FROM (SELECT 1 AS something)"})
    line, caret = str(refused.value).splitlines()[-2:]
    assert line.startswith("LINE 1: SELECT nothing")
    assert line[caret.index("^") : caret.rindex("^") + 1] == "nothing"


def test_sources_are_named_where_a_relation_is_missing(read: Read) -> None:
    with pytest.raises(TableError, match="Table with name absent does not exist!") as refused:
        read({"orders": "SELECT 1 FROM absent"}, sources={})
    assert refused.value.remedy.endswith("Sources: none.")


def test_every_table_that_fails_is_named_at_once(read: Read) -> None:
    with pytest.raises(TableError, match=r"(?s)table orders.*table events"):
        read({"events": "SELEC 1", "orders": "SELEC 1"})


def test_comments_and_a_semicolon_do_no_harm(read: Read) -> None:
    assert read({"orders": f"-- one order\n{ORDERS}; -- done"}).counts["orders"] == 1


def test_names_have_no_capitals_in_sql(read: Read) -> None:
    assert read({"orders": ORDERS.replace("order_id", "Order_ID")}).counts["orders"] == 1


def test_missing_column_is_named_with_the_nearest_one(read: Read) -> None:
    tables = read({"orders": ORDERS.replace("ordered_at", "order_at")})
    finding = found(tables, "missing_column")
    assert finding is not None
    assert (finding.severity, finding.place) == ("error", "orders.ordered_at")
    assert finding.remedy == "Write order_at AS ordered_at in the SQL."
    assert not tables.has("orders")


def test_unknown_column_is_named_with_the_nearest_one(read: Read) -> None:
    tables = read({"orders": f"{ORDERS}, 1 AS discout"})
    finding = found(tables, "unknown_column")
    assert finding is not None
    assert (finding.severity, finding.place) == ("error", "orders.discout")
    assert "did you mean 'discount'?" in finding.message
    assert tables.has("orders")


def test_column_of_customers_must_be_declared(read: Read) -> None:
    tables = read({"customers": "SELECT 'a' AS customer_id, 'x' AS contract"})
    finding = found(tables, "unknown_column")
    assert finding is not None
    assert "declare it under attributes" in finding.remedy
    declared = read(
        {"customers": "SELECT 'a' AS customer_id, 'x' AS contract"},
        attributes={"contract": {"kind": "categorical"}},
    )
    assert not declared.errors


def test_declared_attribute_must_be_returned(read: Read) -> None:
    tables = read(
        {"customers": "SELECT 'a' AS customer_id"}, attributes={"contract": {"kind": "categorical"}}
    )
    finding = found(tables, "missing_column")
    assert finding is not None
    assert (finding.severity, finding.place) == ("error", "customers.contract")


def test_rows_are_numbered_as_the_sql_returns_them(read: Read) -> None:
    times = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    rows = [f"'o{i}', 'a', {times}, {'NULL' if i % 3 == 2 else 1.0}" for i in range(30)]
    tables = read({"orders": rows_of("order_id, customer_id, ordered_at, revenue", *rows)})
    finding = found(tables, "missing_required")
    assert finding is not None
    assert (finding.rows, finding.examples) == (10, (3, 6, 9, 12, 15))
    assert tables.counts["orders"] == 20


def test_errors_are_refused_together(read: Read) -> None:
    tables = read({"orders": f"{ORDERS}, 1 AS discout, 2 AS chanel"})
    with pytest.raises(TableError, match=r"(?s)orders\.chanel.*orders\.discout") as refused:
        tables.refuse_errors()
    assert "check" in refused.value.remedy
    read({"orders": ORDERS}).refuse_errors()
