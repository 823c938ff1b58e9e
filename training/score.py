"""The command ``score``: every customer of the canonical tables through the very code that serves."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.artifacts.manifest import BusinessEntry
from app.capabilities import SCORERS, TRIGGERS
from app.domain.errors import BusinessFileError, ModelUnavailableError, TableError
from app.serving.loading import load_release, read_release
from app.serving.release import LoadedRelease
from app.serving.score import Ask, attribute_kinds, score
from training.tables import Business, Tables, load_business, read_tables
from training.train import known_at, parse_time, progress

CHUNK: Final = 20_000
"""Customers in memory at a time."""

_MODEL_FIELDS: Final = ("version", "population", "tier", "grade")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--business", type=Path, required=True, help="the file that describes the business")
    parser.add_argument("--out", type=Path, required=True, help="the Parquet file to write")
    parser.add_argument("--as-of", dest="as_of", default=None, help="show the world as known then (ISO 8601)")
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="where artifacts and releases stand"
    )
    parser.add_argument("--engine", choices=("local",), default="local", help="where the work is done")
    parser.add_argument("--json", action="store_true", help="print one machine-readable document")


def run_score(args: argparse.Namespace) -> int:
    """Score and write one row per customer; return 0."""
    started = time.monotonic()
    release = current_release(args.models)
    business = load_business(args.business)
    refuse_another_business(business, release.business)
    if not args.out.parent.is_dir():
        raise TableError("the folder of --out does not exist", remedy="make it first, or name another")
    if args.out.is_dir():
        raise TableError("--out is a folder", remedy="name a file, such as scores.parquet in it")
    with read_tables(business, as_of=parse_time(args.as_of), progress=progress) as tables:
        tables.refuse_errors()
        rows = write_scores(release, tables, args.out)
    outcome = {
        "release": release.name,
        "rows": rows,
        "out": str(args.out),
        "seconds": round(time.monotonic() - started, 1),
    }
    text = json.dumps(outcome) if args.json else f"{rows:,} customers scored with {release.name}: {args.out}"
    print(text)
    return 0


def current_release(models: Path) -> LoadedRelease:
    """Return the release in force, verified and loaded.

    Raises
    ------
    ModelUnavailableError
        Nothing is published.
    ArtifactError
        The release cannot be trusted.
    """
    try:
        content = (models / "release.json").read_bytes()
    except FileNotFoundError:
        msg = f"nothing is published in {models}: run python -m training train first"
        raise ModelUnavailableError(msg) from None
    return load_release(read_release(models, content))


def refuse_another_business(business: Business, trained: BusinessEntry) -> None:
    """Raise where the release was trained for other money, days or attributes than the file describes.

    Raises
    ------
    BusinessFileError
        Naming the field.
    """
    for name in ("name", "currency", "timezone"):
        if getattr(business, name) != getattr(trained, name):
            raise BusinessFileError(
                f"the release was trained for another {name} than this business file states",
                remedy="name the business file that the release was trained from, or another --models",
            )


def refuse_missing_attributes(release: LoadedRelease | None, tables: Tables) -> None:
    """Raise where a model reads an attribute that the business file does not declare.

    Raises
    ------
    TableError
        Naming the attributes.
    """
    read = {} if release is None else attribute_kinds(release)
    lacking = read.keys() - tables.business.attribute_kinds.keys()
    if lacking:
        raise TableError(
            "the release reads attributes that the business file does not declare: "
            + ", ".join(sorted(lacking)),
            table="customers",
            remedy="declare them under attributes, or train again",
        )


def write_scores(release: LoadedRelease, tables: Tables, out: Path) -> int:
    """Write one row per customer and return how many; memory is bounded by the chunk, not by the business.

    Raises
    ------
    TableError
        A model reads an attribute that the business file does not declare.
    """
    refuse_missing_attributes(release, tables)
    schema = scores_schema(release)
    as_of = known_at(tables)
    scorers = tuple(name for name in SCORERS if name in release.artifacts)
    rules = (TRIGGERS,) if TRIGGERS in release.artifacts else ()
    ask = Ask(want=(*scorers, *rules))
    partial = out.with_name(out.name + ".partial")
    try:
        with pq.ParquetWriter(partial, schema) as writer:
            for start in range(0, tables.size, CHUNK):
                progress(f"scoring {start:,} of {tables.size:,}")
                history = tables.history(start, start + CHUNK)
                answers = score(release, history, np.full(history.size, as_of, dtype=np.int64), ask)
                writer.write_table(pa.Table.from_pylist(list(flat_rows(answers, scorers)), schema=schema))
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return tables.size


def scores_schema(release: LoadedRelease) -> pa.Schema:
    """Return the columns of ``scores.parquet``: ``<block>_<field>``, then who answered and how well."""
    kinds = {"flag": pa.bool_(), "days": pa.int64(), "score": pa.int64()}
    kinds |= dict.fromkeys(("word", "date"), pa.string())
    fields = [
        ("customer_id", pa.string()),
        ("as_of", pa.string()),
        ("release", pa.string()),
        ("personalised", pa.bool_()),
    ]
    for name in SCORERS:
        if name in release.artifacts:
            fields += [
                (f"{name}_{output.name.replace('.', '_')}", kinds.get(output.unit, pa.float64()))
                for output in SCORERS[name].outputs
            ]
            fields.append((f"{name}_data_sufficiency", pa.string()))
            fields += [(f"{name}_{field}", pa.string()) for field in _MODEL_FIELDS]
    if TRIGGERS in release.artifacts:
        fields.append((TRIGGERS, pa.list_(pa.string())))
    return pa.schema(fields)


def flat_rows(answers: Sequence[Mapping[str, Any]], blocks: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Return answers as flat rows."""
    for answer in answers:
        row = {name: answer[name] for name in ("customer_id", "as_of", "release", "personalised")}
        for block in blocks:
            content = answer[block]
            for field, value in content.items():
                parts = (
                    {f"{field}_{part}": one for part, one in value.items()} if isinstance(value, dict) else {}
                )
                row |= {f"{block}_{name}": one for name, one in (parts or {field: value}).items()}
            model = content["model"] or {}
            row |= {f"{block}_{field}": model.get(field) for field in _MODEL_FIELDS}
        fired = answer.get(TRIGGERS)
        row[TRIGGERS] = [one["rule_id"] for one in fired] if isinstance(fired, list) else None
        yield row
