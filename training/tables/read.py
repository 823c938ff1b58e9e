"""The one entry point: a business becomes its canonical tables, checked and cleaned, with what was found."""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py or is quoted
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from app.domain.clock import to_microseconds
from app.domain.history import NAT, TABLES, TIME
from training.tables.business import Business
from training.tables.canonical import SHAPES
from training.tables.clean import cut_at, drop_duplicates, drop_orphans, index_customers
from training.tables.databases import Environment
from training.tables.findings import Finding, in_order
from training.tables.mapping import CANONICAL, Workspace, read_table, run_every_sql
from training.tables.relations import check_relations
from training.tables.sources import MEMORY_LIMIT, Database, open_sources
from training.tables.sql import quoted
from training.tables.tables import Tables
from training.tables.validate import check_columns, check_rows

_FORESEEN: Final = frozenset({"promised_at", "ends_at"})
"""Times that say what is planned, not what happened."""


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
        run_every_sql(workspace, names)
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
    # Where something else is wrong, that is why nobody is left, and its remedy is the one to read.
    if size == 0 and not any(finding.severity == "error" for finding in workspace.findings):
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
