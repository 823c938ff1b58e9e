"""Open the sources of a business in a sealed, in-memory DuckDB.

Rules: only the files that the business file names can be read, nothing can be written but spilled
intermediate results, no extension is loaded or fetched, and no setting can be changed once the sources stand;
memory is bounded, and what does not fit goes to a temporary folder; a time without offset is read in the
business's time zone.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from app.domain.errors import TableError
from training.tables.business import Business
from training.tables.databases import Environment, load_query
from training.tables.sql import explain, literal, quoted

THREADS: Final = 2
MEMORY_LIMIT: Final = "1GB"

_READERS: Final = {
    ".csv": "read_csv({path}, sample_size = -1)",
    ".tsv": "read_csv({path}, sample_size = -1, delim = '\t')",
    ".jsonl": "read_json({path}, format = 'newline_delimited', sample_size = -1)",
    ".ndjson": "read_json({path}, format = 'newline_delimited', sample_size = -1)",
    ".parquet": "read_parquet({path})",
}
"""How each kind of file is read. Text files are read once in full for their types: no row surprises later."""


@dataclass(frozen=True, eq=False)
class Database:
    """A DuckDB connection with every source in it, and the folder that it spills to."""

    connection: duckdb.DuckDBPyConnection
    folder: Path

    def close(self) -> None:
        """Close the connection and remove the folder."""
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def open_sources(
    business: Business, environment: Environment, *, memory_limit: str = MEMORY_LIMIT
) -> Database:
    """Return a sealed database in which every source of the business is a relation of its name.

    Parameters
    ----------
    business : Business
    environment : mapping of str to str
        Where the URLs of database sources stand.
    memory_limit : str
        What DuckDB may hold in memory, such as ``1GB``; more is spilled to disk.

    Raises
    ------
    TableError
        A file is missing, unreadable or of an unknown kind, or a database does not answer.
    """
    folder = Path(tempfile.mkdtemp(prefix="kith-tables-"))
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": THREADS,
            "memory_limit": memory_limit,
            "temp_directory": str(folder),
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    database = Database(connection, folder)
    # The folder goes even where nobody closes the database.
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)
    try:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET GLOBAL TimeZone = {literal(business.timezone)}")
        files = {name: business.path.parent / s.file for name, s in business.sources.items() if s.file}
        for name, path in files.items():
            _check_file(name, path)
        paths = ", ".join(literal(str(path)) for path in files.values())
        connection.execute(f"SET allowed_paths = [{paths}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        for name, source in business.sources.items():
            if name in files:
                _register_file(connection, name, files[name])
            elif source.database is not None and source.query is not None:
                load_query(connection, name, environment, source.database, source.query, folder)
    except BaseException:
        database.close()
        raise
    return database


def _ending(path: Path) -> str:
    """Return the ending that says what a file is; a compressed text file keeps its inner one."""
    endings = [ending.lower() for ending in path.suffixes]
    return endings[-2] if len(endings) > 1 and endings[-1] in {".gz", ".zst"} else "".join(endings[-1:])


def _check_file(name: str, path: Path) -> None:
    """Refuse a file of an unknown kind, one that is not there, and one that may not be read."""
    if _ending(path) not in _READERS:
        raise TableError(
            f"source {name}: {path.name} is of an unknown kind",
            table=name,
            remedy=f"Expected a file that ends in one of {', '.join(_READERS)} (texts also with .gz).",
        )
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise TableError(
            f"source {name}: {path} cannot be read: {error.strerror}",
            table=name,
            remedy="Paths are relative to the business file; check the name and the rights.",
        ) from error
    if empty:
        raise TableError(
            f"source {name}: {path.name} is empty",
            table=name,
            remedy="Export the file again, with a header line.",
        )


def _register_file(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Make a file a relation: Parquet as a view, read column by column; a text file as a table, read once."""
    ending = _ending(path)
    kind = "VIEW" if ending == ".parquet" else "TABLE"
    reader = _READERS[ending].format(path=literal(str(path)))
    try:
        connection.execute(f"CREATE {kind} {quoted(name)} AS FROM {reader}")
    except duckdb.Error as error:
        raise TableError(
            f"source {name}: {path.name} cannot be read: {explain(error)}",
            table=name,
            remedy="Check that the ending tells the truth, that texts are UTF-8 and that every line has the "
            "same number of columns.",
        ) from error
