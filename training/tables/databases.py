"""Read a query of any SQLAlchemy database into DuckDB, in chunks.

Rules: the URL comes from the environment and never enters a message; the rows pass through the disk, chunk by
chunk, so that a large result needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from app.domain.errors import TableError
from training.tables.sql import quoted

Environment = Mapping[str, str]

_CHUNK_ROWS: Final = 50_000


def load_query(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    environment: Environment,
    variable: str,
    query: str,
    folder: Path,
) -> None:
    """Make the result of a query a table of DuckDB.

    Parameters
    ----------
    connection : DuckDBPyConnection
    name : str
        The source's name, which the table gets.
    environment : mapping
        Holds the database's URL under ``variable``.
    variable : str
    query : str
        Run as it stands; nothing is filled in.
    folder : Path
        Where chunks may be kept until the types of all of them are known.

    Raises
    ------
    TableError
        The variable is not set, its driver is missing, the database does not answer, or the query fails.
    """
    url = environment.get(variable, "")
    if not url:
        raise TableError(
            f"source {name}: the environment variable {variable} is not set",
            table=name,
            remedy=f"Set {variable} to the database's SQLAlchemy URL.",
        )
    spool = folder / f"{name}.arrow"
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        raise TableError(
            f"source {name}: {variable} "
            + (f"needs the Python package {missing}" if missing else "is not an SQLAlchemy URL"),
            table=name,
            remedy="Install the driver." if missing else "Expected dialect://user:password@host/database.",
        ) from None
    try:
        with _connect(engine, name, variable) as database:
            schema = _spool_rows(database, name, query, spool)
        with pa.OSFile(str(spool), "rb") as file:
            reader = pa.RecordBatchReader.from_batches(schema, _read_chunks(file, schema))
            connection.from_arrow(reader).create(quoted(name))
    finally:
        engine.dispose()
        spool.unlink(missing_ok=True)


def _connect(engine: sa.Engine, name: str, variable: str) -> sa.Connection:
    """Return a connection; the driver's own words are left out, because they may name host and user."""
    try:
        return engine.connect()
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise TableError(
            f"source {name}: the database in {variable} does not answer ({type(error).__name__})",
            table=name,
            remedy=f"Check the URL in {variable}, the network and the password.",
        ) from None


def _spool_rows(database: sa.Connection, name: str, query: str, spool: Path) -> pa.Schema:
    """Write the result to a file chunk by chunk; return a schema that fits every chunk."""
    schema: pa.Schema | None = None
    try:
        result = database.execution_options(stream_results=True).execute(sa.text(query.replace(":", r"\:")))
        names = list(result.keys())
        with pa.OSFile(str(spool), "wb") as sink:
            for rows in result.partitions(_CHUNK_ROWS):
                batch = _to_batch(names, rows)
                schema = batch.schema if schema is None else _unify(schema, batch.schema)
                with pa.ipc.new_stream(sink, batch.schema) as writer:
                    writer.write_batch(batch)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or "").splitlines()
        # A complaint about names or syntax quotes the query; one about data may quote the data.
        is_about_query = isinstance(error, sa.exc.ProgrammingError | sa.exc.OperationalError)
        reason = said[0] if said and is_about_query else type(error).__name__
        raise TableError(
            f"source {name}: the query failed: {reason}",
            table=name,
            remedy="Run the query with the database's own client and mend it.",
        ) from None
    if schema is None:
        return pa.schema([(column, pa.string()) for column in names])
    # A column without any value has no type; as text it can be anything.
    return pa.schema([(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in schema])


def _to_batch(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Return rows as Arrow columns; a column of mixed types becomes text."""
    columns = []
    for values in zip(*rows, strict=True):
        plain = [float(value) if isinstance(value, Decimal) else value for value in values]
        try:
            columns.append(pa.array(plain))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            columns.append(pa.array([None if value is None else str(value) for value in plain]))
    return pa.record_batch(columns, names=list(names))


def _unify(left: pa.Schema, right: pa.Schema) -> pa.Schema:
    """Return a schema whose types hold the values of both; text where nothing else does."""
    fields = []
    for one, other in zip(left, right, strict=True):
        try:
            fields.append(
                pa.unify_schemas([pa.schema([one]), pa.schema([other])], promote_options="permissive").field(
                    0
                )
            )
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            fields.append(pa.field(one.name, pa.string()))
    return pa.schema(fields)


def _read_chunks(file: pa.NativeFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the chunks of a spooled result, cast to one schema."""
    while file.tell() < file.size():
        with pa.ipc.open_stream(file) as reader:
            for batch in reader:
                yield batch.cast(schema)
