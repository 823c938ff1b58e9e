"""Cleaning between rows and between tables; every row that goes is counted in a finding.

Rules: of rows that repeat each other exactly one is kept; where rows of one key differ, nobody can say which
is right, and all of them go; a line without its order and a row of a customer who is not in ``customers`` go;
so do rows of the future. Rows later than ``as_of`` are not read, which is no fault and no finding.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
from dataclasses import replace
from typing import Final

from training.tables.canonical import SHAPES
from training.tables.findings import EXAMPLES, Finding
from training.tables.mapping import CANONICAL, Workspace
from training.tables.rowchecks import ROW, find_examples
from training.tables.sql import quoted

INDEX: Final = f"{CANONICAL}.customer_index"
"""The relation that numbers the customers from 0, in the order of their ids."""
_LINES_WITHOUT_ORDER: Final = (
    f"SELECT {ROW} FROM {CANONICAL}.order_lines ANTI JOIN {CANONICAL}.orders USING (order_id)"
)


def drop_duplicates(workspace: Workspace, table: str) -> None:
    """Drop repeated rows, then every row whose key stands for more than one thing."""
    shape = workspace.shape(table)
    names = ", ".join(quoted(name) for name in shape.names)
    alike = f"hash({', '.join(quoted(name) for name in shape.key) or names})"
    relation = f"{CANONICAL}.{table}"
    # Rows that share a hash are few; only those are then compared in full.
    candidates = (
        f"(SELECT * FROM {relation} WHERE {alike} IN "
        f"(SELECT {alike} FROM {relation} GROUP BY 1 HAVING count(*) > 1))"
    )
    _drop_rows(
        workspace,
        table,
        f"SELECT {ROW} FROM (SELECT {ROW}, row_number() OVER (PARTITION BY {names} ORDER BY {ROW}) AS n "
        f"FROM {candidates}) WHERE n > 1",
        Finding(
            "warning",
            table,
            "",
            "duplicate_rows",
            0,
            "rows that repeat another row exactly; left out, one of each is kept",
            "Write SELECT DISTINCT, or add up with GROUP BY what belongs together.",
        ),
    )
    if shape.key:
        key = ", ".join(quoted(name) for name in shape.key)
        _drop_rows(
            workspace,
            table,
            f"SELECT {ROW} FROM (SELECT {ROW}, count(*) OVER (PARTITION BY {key}) AS n "
            f"FROM {candidates}) WHERE n > 1",
            Finding(
                "error",
                table,
                shape.key[-1] if len(shape.key) == 1 else "",
                "duplicate_key",
                0,
                f"rows with the same {', '.join(shape.key)} and different content; all of them are left out",
                "Keep one row per key in the SQL, for example with QUALIFY row_number() OVER (…) = 1.",
            ),
        )


def drop_orphans(workspace: Workspace) -> None:
    """Drop lines without an order and rows of customers who are not in ``customers``."""
    given = workspace.given
    if "order_lines" in given and "orders" not in given:
        workspace.findings.append(
            Finding(
                "error",
                "order_lines",
                "",
                "needs_orders",
                0,
                "lines get customer and time from their order, and there is no table orders; not read",
                "Map the table orders.",
            )
        )
        del given["order_lines"]
    if "order_lines" in given:
        _drop_rows(
            workspace,
            "order_lines",
            _LINES_WITHOUT_ORDER,
            Finding(
                "warning",
                "order_lines",
                "order_id",
                "line_without_order",
                0,
                "lines whose order is not in orders; left out",
                "Leave the same orders out in both tables' SQL.",
            ),
        )
    if "customers" not in given:
        return
    for table in given:
        if table != "customers" and SHAPES[table].has_customer:
            _drop_rows(
                workspace,
                table,
                f"SELECT {ROW} FROM {CANONICAL}.{table} ANTI JOIN {CANONICAL}.customers USING (customer_id)",
                Finding(
                    "warning",
                    table,
                    "customer_id",
                    "unknown_customer",
                    0,
                    "rows of customers who are not in customers; left out",
                    "Add these customers, or leave the table customers out: then all who have a row count.",
                ),
            )


def cut_at(workspace: Workspace, as_of: int | None, now: int) -> None:
    """Leave out what is later than ``as_of``, or, where none is given, later than now.

    Parameters
    ----------
    workspace : Workspace
    as_of : int or None
        Microseconds since 1970 in UTC. Rows later than it are not read.
    now : int
        Without ``as_of``, later rows are of the future: a fault, which is counted.
    """
    limit = now if as_of is None else as_of
    for table in workspace.given:
        time = SHAPES[table].time
        if time is None or table == "customers":
            continue
        later = f"SELECT {ROW} FROM {CANONICAL}.{table} WHERE epoch_us({time}) > {limit}"
        finding = Finding(
            "warning",
            table,
            time,
            "future_time",
            0,
            "rows of the future; left out",
            "Check the year, the order of day and month, and the time zone.",
        )
        _drop_rows(workspace, table, later, finding if as_of is None else None)
    if "order_lines" in workspace.given:
        _drop_rows(workspace, "order_lines", _LINES_WITHOUT_ORDER)
    if "customers" in workspace.given:
        if as_of is None:
            _count_future_customers(workspace, limit)
        _drop_rows(
            workspace,
            "customers",
            f"SELECT {ROW} FROM {CANONICAL}.customers ANTI JOIN ({_customers_with_rows(workspace)}) "
            f"USING (customer_id) WHERE epoch_us(created_at) > {limit}",
        )


def _count_future_customers(workspace: Workspace, limit: int) -> None:
    """Count customers whose record is of the future; a customer with an order exists all the same."""
    condition = f"epoch_us(created_at) > {limit}"
    relation = f"{CANONICAL}.customers"
    rows = workspace.count(f"SELECT count(*) FROM {relation} WHERE {condition}")
    if rows:
        workspace.findings.append(
            Finding(
                "warning",
                "customers",
                "created_at",
                "future_time",
                rows,
                "customers created in the future; left out unless they have rows in other tables",
                "Check the year, the order of day and month, and the time zone.",
                find_examples(workspace.connection, relation, condition),
            )
        )


def index_customers(workspace: Workspace) -> int:
    """Give the customers numbers from 0 by id; return how many there are.

    They are those of the table ``customers``, or, without it, everybody with a row in any table.
    """
    source = (
        f"SELECT customer_id FROM {CANONICAL}.customers"
        if "customers" in workspace.given
        else f"SELECT DISTINCT customer_id FROM ({_customers_with_rows(workspace)})"
    )
    workspace.connection.execute(
        f"CREATE TABLE {INDEX} AS SELECT customer_id, "
        f"CAST(row_number() OVER (ORDER BY customer_id) - 1 AS INTEGER) AS position FROM ({source})"
    )
    return workspace.count(f"SELECT count(*) FROM {INDEX}")


def _customers_with_rows(workspace: Workspace) -> str:
    """Return SQL for the ids of all who have a row outside ``customers``."""
    parts = [
        f"SELECT customer_id FROM {CANONICAL}.{table}"
        for table in workspace.given
        if table != "customers" and SHAPES[table].has_customer
    ]
    return " UNION ALL ".join(parts) or "SELECT CAST(NULL AS VARCHAR) AS customer_id WHERE FALSE"


def _drop_rows(workspace: Workspace, table: str, rows: str, finding: Finding | None = None) -> None:
    """Drop the rows of a table that a query numbers; count them in the finding, where one is given."""
    connection = workspace.connection
    connection.execute(f"CREATE OR REPLACE TEMP TABLE doomed AS {rows}")
    count = workspace.count("SELECT count(*) FROM doomed")
    if count == 0:
        return
    if finding is not None:
        examples = connection.execute(f"SELECT {ROW} FROM doomed ORDER BY 1 LIMIT {EXAMPLES}").fetchall()
        workspace.findings.append(replace(finding, rows=count, examples=tuple(row[0] for row in examples)))
    connection.execute(f"DELETE FROM {CANONICAL}.{table} WHERE {ROW} IN (SELECT {ROW} FROM doomed)")
