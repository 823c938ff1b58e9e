"""The canonical tables of one business as they were read: their data, on demand, and what was found."""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from app.domain.errors import TableError
from app.domain.history import NAT, TABLES, Array, History
from training.tables.business import Business
from training.tables.canonical import Shape, shape_of
from training.tables.clean import INDEX
from training.tables.columns import (
    empty_profile,
    history_table,
    read_attributes,
    read_customer_ids,
    read_profile,
)
from training.tables.findings import Finding
from training.tables.fingerprint import fingerprint_tables
from training.tables.mapping import CANONICAL
from training.tables.sources import Database
from training.tables.sql import quoted


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
            f"FROM {CANONICAL}.labels JOIN {INDEX} USING (customer_id) "
            "ORDER BY position, capability, as_of NULLS FIRST"
        ).to_arrow_table()
        columns = [column.combine_chunks().to_numpy(zero_copy_only=False) for column in arrow.columns]
        return Labels(*columns)

    def history(
        self, start: int = 0, stop: int | None = None, *, only: Collection[str] | None = None
    ) -> History:
        """Return the columns of the customers, sorted by id.

        Parameters
        ----------
        start, stop : int
            Positions in ``customer_ids``; all by default. A slice keeps memory bounded for large businesses.
        only : collection of str, optional
            The tables to fetch; all by default.
        """
        stop = self.size if stop is None else min(stop, self.size)
        start = min(start, stop)
        connection, kinds = self._database.connection, self.business.attribute_kinds
        return History(
            customer_ids=read_customer_ids(connection, start, stop),
            timezone=self.business.timezone,
            tables={
                table: history_table(connection, table, start, stop)
                for table in TABLES
                if self.has(table) and (only is None or table in only)
            },
            profile=(
                read_profile(connection, start, stop)
                if self.has("customers")
                else empty_profile(stop - start)
            ),
            attributes=read_attributes(connection, kinds, start, stop) if self.has("customers") else {},
        )

    @property
    def _shapes(self) -> dict[str, Shape]:
        return {table: shape_of(table, self.business.attribute_kinds) for table in self.given}
