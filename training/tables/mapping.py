"""Run a table's SQL over the sources and read its columns as the canonical table wants them.

What comes out is the relation ``canonical.<table>``: the row's number, then every column of the canonical
table in its type, NULL where the SQL has no such column. Rows that cannot be used are left out and counted.
"""

from __future__ import annotations

# ruff: noqa: S608 - names are quoted by this package, and a table's SQL comes from the business file on purpose
import difflib
import re
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from app.domain.errors import TableError
from app.domain.history import TEXT, TIME
from training.tables.business import Business, suggestion
from training.tables.canonical import CURRENCY, ID, Field, Shape, shape_of
from training.tables.findings import Finding
from training.tables.reading import Reading
from training.tables.rowchecks import ROW, run_checks
from training.tables.sql import explain, quoted
from training.tables.typed import read_column

CANONICAL: Final = "canonical"
"""The schema of the tables in their canonical form."""
_RAW: Final = "kith_raw"


@dataclass
class Workspace:
    """What reading works on: the database, what the business says, and what was found so far.

    ``given`` names the columns that each readable table's SQL has; a table without its required columns is
    not in it.
    """

    connection: duckdb.DuckDBPyConnection
    business: Business
    findings: list[Finding] = field(default_factory=list)
    given: dict[str, frozenset[str]] = field(default_factory=dict)

    def shape(self, table: str) -> Shape:
        """Return a table's shape, with the declared attributes."""
        return shape_of(table, self.business.attribute_kinds)

    def count(self, query: str) -> int:
        """Return the one number that a query gives."""
        return int(self.first(query)[0] or 0)

    def first(self, query: str) -> tuple[Any, ...]:
        """Return the one row that a query gives."""
        # All of them: DuckDB refuses other work while a result waits to be read.
        return tuple(self.connection.execute(query).fetchall()[0])


def run_table_sql(workspace: Workspace, table: str) -> None:
    """Run one table's SQL; the result is ``raw.<table>`` with numbered rows.

    Raises
    ------
    TableError
        The SQL is not one SELECT, or DuckDB cannot run it.
    """
    connection, sql = workspace.connection, workspace.business.tables[table]
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise TableError(
                f"table {table}: its SQL must be one SELECT, and nothing else",
                table=table,
                remedy="Leave out other statements; name helper queries with WITH.",
            )
        body = re.sub(r";(\s|--[^\n]*)*$", "", statements[0].query)
        # Alone first, so that the line numbers in a message are those of the file.
        connection.execute(f"EXPLAIN {body}").fetchall()
        connection.execute(
            f"CREATE TABLE {_RAW}.{table} AS SELECT row_number() OVER () AS {ROW}, q.* FROM (\n{body}\n) AS q"
        )
    except duckdb.PermissionException as error:
        raise TableError(
            f"table {table}: its SQL reads a file that is no source",
            table=table,
            remedy="Declare the file under sources and use the source's name in the SQL.",
        ) from error
    except duckdb.Error as error:
        # The caret moves with the word that was put in front.
        said = re.sub(r"LINE 1: EXPLAIN (.*)\n {8}", r"LINE 1: \1\n", explain(error))
        raise TableError(
            f"table {table}: SQL error: {said}",
            table=table,
            remedy=f"Mend tables.{table} in the business file.{_source_hint(workspace, error)}",
        ) from error


def _source_hint(workspace: Workspace, error: duckdb.Error) -> str:
    """Return which sources there are, where the SQL names a relation that is none."""
    if not isinstance(error, duckdb.CatalogException):
        return ""
    return f" Sources: {', '.join(workspace.business.sources) or 'none'}."


def read_table(workspace: Workspace, table: str) -> None:
    """Turn ``raw.<table>`` into ``canonical.<table>``; findings say what could not be read."""
    shape = workspace.shape(table)
    types = {
        row[0]: str(row[1])
        for row in workspace.connection.execute(f"DESCRIBE {_RAW}.{table}").fetchall()
        if row[0] != ROW
    }
    # SQL knows no capitals in names.
    columns = {name.lower(): name for name in types}
    workspace.findings += _column_findings(workspace, shape, columns)
    if all(name in columns for name in shape.required):
        readings = {
            item.name: read_column(
                item, columns[item.name], types[columns[item.name]], workspace.business.currency
            )
            for item in shape.fields
            if item.name in columns
        }
        _write_canonical(workspace, shape, readings)
        workspace.given[table] = frozenset(readings)
    workspace.connection.execute(f"DROP TABLE {_RAW}.{table}")


def _write_canonical(workspace: Workspace, shape: Shape, readings: dict[str, Reading]) -> None:
    """Check every column in one scan, then keep the rows that can be used."""
    relation = f"{_RAW}.{shape.name}"
    checks = [check for reading in readings.values() for check in reading.checks]
    found = run_checks(workspace.connection, relation, shape.name, checks)
    workspace.findings += found
    failed = {(finding.column, finding.code) for finding in found}
    drops = [check for check in checks if check.drops and (check.column, check.code) in failed]
    kept = " AND ".join(f"NOT coalesce({check.condition}, FALSE)" for check in drops) or "TRUE"
    values = ", ".join(
        f"CAST({readings[item.name].value if item.name in readings else 'NULL'} AS {sql_type(item)}) "
        f"AS {quoted(item.name)}"
        for item in shape.fields
    )
    workspace.connection.execute(
        f"CREATE TABLE {CANONICAL}.{shape.name} AS SELECT {ROW}, {values} FROM {relation} WHERE {kept}"
    )


def sql_type(item: Field) -> str:
    """Return the DuckDB type of a canonical column."""
    if item.kind == TIME:
        return "TIMESTAMPTZ"
    return "VARCHAR" if isinstance(item.kind, tuple) or item.kind in (ID, TEXT, CURRENCY) else "DOUBLE"


def _column_findings(workspace: Workspace, shape: Shape, columns: dict[str, str]) -> list[Finding]:
    """Return required columns that the SQL does not have, and columns that the table does not know."""
    declared = workspace.business.attribute_kinds if shape.name == "customers" else {}
    unknown = [name for name in columns if name not in shape.names]
    findings = []
    for name in (*shape.required, *declared):
        if name in columns:
            continue
        near = difflib.get_close_matches(name, unknown, n=1, cutoff=0.6)
        findings.append(
            Finding(
                "error",
                shape.name,
                name,
                "missing_column",
                0,
                "a declared attribute that the table's SQL does not return"
                if name in declared
                else "a required column that the table's SQL does not return; the table is not read",
                f"Write {near[0]} AS {name} in the SQL." if near else f"Add … AS {name} to the SQL.",
            )
        )
    for name in unknown:
        remedy = "Leave it out of the SQL"
        if shape.name == "customers":
            remedy += ", or declare it under attributes"
        if shape.name == "order_lines" and name in {"customer_id", "ordered_at"}:
            remedy += "; lines get customer and time from their order"
        findings.append(
            Finding(
                "error",
                shape.name,
                columns[name],
                "unknown_column",
                0,
                f"no column of {shape.name}{suggestion(name, shape.names)}; it is not read",
                f"{remedy}.",
            )
        )
    return findings


def run_every_sql(workspace: Workspace, tables: list[str]) -> None:
    """Run every table's SQL; raise one error that names all that fail.

    Raises
    ------
    TableError
        At least one table's SQL does not run.
    """
    workspace.connection.execute(f"CREATE SCHEMA {_RAW}; CREATE SCHEMA {CANONICAL}")
    errors = []
    for table in tables:
        try:
            run_table_sql(workspace, table)
        except TableError as error:
            errors.append(error)
    if errors:
        raise TableError(
            "\n".join(str(error) for error in errors),
            table=errors[0].table,
            remedy=errors[0].remedy,
        ) from errors[0]
