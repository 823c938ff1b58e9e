"""The one entry point: a business becomes its canonical tables, checked and cleaned, with what was found."""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

import duckdb
import numpy as np
import pyarrow as pa

from app.domain.clock import to_microseconds
from app.domain.errors import TableError
from app.domain.history import NAT, TABLES, TIME, Array, History
from training.tables.business import Business
from training.tables.canonical import SHAPES, Shape
from training.tables.clean import INDEX, cut_at, drop_duplicates, drop_orphans, index_customers
from training.tables.columns import history_table, read_attributes, read_customer_ids, read_profile
from training.tables.databases import Environment
from training.tables.findings import Finding, in_order
from training.tables.fingerprint import fingerprint_tables
from training.tables.mapping import CANONICAL, Workspace, find_sql_errors, read_table
from training.tables.relations import check_relations
from training.tables.sources import MEMORY_LIMIT, Database, open_sources
from training.tables.sql import quoted
from training.tables.validate import check_columns, check_rows

_FORESEEN: Final = frozenset({"promised_at", "ends_at"})
"""Times that say what is planned, not what happened."""


@dataclass(frozen=True)
class Labels:
    """Given outcomes of snapshot data: one row per customer, capability and ``as_of``.

    ``customers`` holds positions in ``Tables.customer_ids``, ``label`` float64 (0 or 1 for churn), ``as_of``
    int64 microseconds or ``NAT``, ``capability`` object (str). Each of shape (L,), sorted by position.
    """

    customers: Array
    label: Array
    as_of: Array
    capability: Array

    def of(self, capability: str) -> Labels:
        """Return the labels of one capability."""
        rows = self.capability == capability
        return Labels(self.customers[rows], self.label[rows], self.as_of[rows], self.capability[rows])


@dataclass(frozen=True, eq=False)
class Tables:
    """The canonical tables of one business, cleaned, and what was found on the way.

    ``given`` names the columns that each table's SQL has. ``counts`` are rows per table after cleaning, and
    ``customers``. ``latest`` is the latest time of anything that happened, ``NAT`` in data without dates.
    The data stays in DuckDB until it is asked for. Close it, or use it in a ``with``.
    """

    business: Business
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    given: dict[str, frozenset[str]]
    latest: int
    as_of: int | None
    _database: Database = field(repr=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self.close()

    def close(self) -> None:
        """Forget the data and remove what was spilled to disk."""
        self._database.close()

    @property
    def size(self) -> int:
        """N, the number of customers."""
        return self.counts["customers"]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop training."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def refuse_errors(self) -> None:
        """Go on only with usable tables.

        Raises
        ------
        TableError
            There is a finding of severity error; the message names each place.
        """
        if self.errors:
            raise TableError(
                "\n".join(
                    f"{finding.place}: {finding.message}"
                    + (f" ({finding.rows:,} rows)" if finding.rows else "")
                    for finding in self.errors
                ),
                table=self.errors[0].table,
                column=self.errors[0].column,
                remedy=f"{self.errors[0].remedy} `python -m training check` shows everything that was found.",
            )

    def has(self, table: str) -> bool:
        """Return whether a table was read, even if it has no row."""
        return table in self.given

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Return a relation over the schema ``canonical`` and ``canonical.customer_index``."""
        return self._database.connection.sql(sql)

    def arrow(self, table: str) -> pa.Table:
        """Return one canonical table as Arrow columns, sorted by key.

        Raises
        ------
        KeyError
            The table was not read.
        """
        shape = self._shapes[table]
        order = ", ".join(f"{quoted(name)} NULLS FIRST" for name in shape.key or shape.names)
        names = ", ".join(quoted(name) for name in shape.names)
        return self.query(f"SELECT {names} FROM {CANONICAL}.{table} ORDER BY {order}").to_arrow_table()

    @property
    def products(self) -> pa.Table | None:
        """The products as Arrow columns, or None where the business has no such table."""
        return self.arrow("products") if self.has("products") else None

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits over the content of every table that was read, whatever the order of its rows."""
        return fingerprint_tables(self._database.connection, self._shapes)

    @cached_property
    def customer_ids(self) -> tuple[str, ...]:
        """The ids of the N customers, sorted."""
        return read_customer_ids(self._database.connection, 0, self.size)

    @cached_property
    def labels(self) -> Labels:
        """The given outcomes; empty where the business has no table ``labels``."""
        if not self.has("labels"):
            nothing = np.empty(0, dtype=np.int64)
            return Labels(nothing, np.empty(0), nothing, np.empty(0, dtype=object))
        arrow: Any = self.query(
            f"SELECT position::BIGINT, label, coalesce(epoch_us(as_of), {NAT}), capability "
            f"FROM {CANONICAL}.labels JOIN {INDEX} USING (customer_id) ORDER BY position, capability, as_of"
        ).to_arrow_table()
        columns = [column.combine_chunks().to_numpy(zero_copy_only=False) for column in arrow.columns]
        return Labels(*columns)

    def history(self, start: int = 0, stop: int | None = None) -> History:
        """Return the columns of the customers, sorted by id.

        Parameters
        ----------
        start, stop : int
            Positions in ``customer_ids``; all by default. A slice keeps memory bounded for large businesses.
        """
        stop = self.size if stop is None else min(stop, self.size)
        start = min(start, stop)
        connection, kinds = self._database.connection, self.business.attribute_kinds
        return History(
            customer_ids=read_customer_ids(connection, start, stop),
            timezone=self.business.timezone,
            tables={
                table: history_table(connection, table, start, stop) for table in TABLES if self.has(table)
            },
            profile=read_profile(connection, self.has("customers"), start, stop),
            attributes=read_attributes(connection, kinds, start, stop) if self.has("customers") else {},
        )

    @property
    def _shapes(self) -> dict[str, Shape]:
        workspace = Workspace(self._database.connection, self.business)
        return {table: workspace.shape(table) for table in self.given}


def read_tables(
    business: Business,
    as_of: int | None = None,
    *,
    environment: Environment | None = None,
    now: datetime | None = None,
    memory_limit: str = MEMORY_LIMIT,
    progress: Callable[[str], None] = lambda _: None,
) -> Tables:
    """Read, check and clean the canonical tables of a business.

    Parameters
    ----------
    business : Business
    as_of : int, optional
        Microseconds since 1970 in UTC; rows later than it are not read. Everything up to now by default.
    environment : mapping, optional
        Where URLs of databases stand; the process's environment by default.
    now : datetime, optional
        Aware; rows later than it are of the future. The clock's by default.
    memory_limit : str
        What DuckDB may hold in memory; more is spilled to disk.
    progress : callable
        Told what is being done, a few words at a time.

    Returns
    -------
    Tables
        Also where findings are errors: see ``Tables.refuse_errors``.

    Raises
    ------
    TableError
        A source cannot be read, or a table's SQL does not run.
    """
    present = to_microseconds(datetime.now(UTC) if now is None else now)
    progress("opening sources")
    database = open_sources(
        business, os.environ if environment is None else environment, memory_limit=memory_limit
    )
    try:
        workspace = Workspace(database.connection, business)
        # In the order of the canonical tables, so that a report does not depend on the file's.
        names = [table for table in SHAPES if table in business.tables]
        progress(f"running the SQL of {', '.join(names)}")
        find_sql_errors(workspace, names)
        for table in names:
            progress(f"checking {table}")
            read_table(workspace, table)
            if table in workspace.given:
                drop_duplicates(workspace, table)
        return _finish(workspace, database, as_of, present)
    except BaseException:
        database.close()
        raise


def _finish(workspace: Workspace, database: Database, as_of: int | None, now: int) -> Tables:
    """Clean between tables, cut, and check what is left."""
    drop_orphans(workspace)
    cut_at(workspace, as_of, now)
    for table in workspace.given:
        check_rows(workspace, table)
        check_columns(workspace, table)
    check_relations(workspace)
    size = index_customers(workspace)
    _check_size(workspace, size)
    counts = {
        table: workspace.count(f"SELECT count(*) FROM {CANONICAL}.{table}") for table in workspace.given
    }
    return Tables(
        workspace.business,
        in_order(workspace.findings),
        {**counts, "customers": size},
        workspace.given,
        _latest(workspace, now if as_of is None else as_of),
        as_of,
        database,
    )


def _check_size(workspace: Workspace, size: int) -> None:
    """Add what the absence of rows means."""
    if size == 0:
        workspace.findings.append(
            Finding(
                "error", "customers", "", "no_customers", 0, "no customer is left", "Check the SQL's WHERE."
            )
        )
    if "timezone" not in workspace.business.model_fields_set and any(
        finding.code == "naive_time" for finding in workspace.findings
    ):
        workspace.findings.append(
            Finding(
                "warning",
                "business.yaml",
                "timezone",
                "timezone_not_stated",
                0,
                "times have no offset and no time zone is stated; read as UTC",
                "Write timezone: with the business's IANA zone.",
            )
        )


def _latest(workspace: Workspace, limit: int) -> int:
    """Return the latest time, not later than a limit, of anything that happened; labels only without that."""
    for is_wanted in (lambda table: table in TABLES, lambda table: table == "labels"):
        latest = NAT
        for table in filter(is_wanted, workspace.given):
            for item in SHAPES[table].fields:
                if item.kind == TIME and item.name not in _FORESEEN and item.name in workspace.given[table]:
                    name = f"epoch_us({quoted(item.name)})"
                    [last] = workspace.first(
                        f"SELECT max({name}) FROM {CANONICAL}.{table} WHERE {name} <= {limit}"
                    )
                    latest = latest if last is None else max(latest, last)
        if latest != NAT:
            return latest
    return NAT
