from __future__ import annotations

import gzip
import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.domain.errors import TableError
from training.tables import Business, load_business
from training.tables.sources import open_sources

ROWS = [("007", "2024-05-01T10:00:00+02:00", 1.5), ("008", "2024-05-02T10:00:00+02:00", 2.0)]
TEXT = "id,seen,amount\n" + "\n".join(f"{i},{seen},{amount}" for i, seen, amount in ROWS) + "\n"


def business_in(folder: Path, sources: dict[str, Any], timezone: str = "Europe/London") -> Business:
    document = {
        "name": "shop",
        "currency": "GBP",
        "timezone": timezone,
        "sources": sources,
        "tables": {"orders": "SELECT 1"},
    }
    path = folder / "business.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return load_business(path)


def refusal(folder: Path, sources: dict[str, Any], **environment: str) -> TableError:
    with pytest.raises(TableError) as refused:
        open_sources(business_in(folder, sources), environment)
    assert refused.value.remedy
    return refused.value


def write(folder: Path, name: str) -> None:
    path = folder / name
    if name.endswith(".parquet"):
        ids, times, amounts = zip(*ROWS, strict=True)
        moments = pa.array([datetime.fromisoformat(time) for time in times])
        pq.write_table(pa.table({"id": ids, "seen": moments, "amount": amounts}), path)
    elif "jsonl" in name or "ndjson" in name:
        lines = (json.dumps(dict(zip(("id", "seen", "amount"), row, strict=True))) for row in ROWS)
        path.write_text("\n".join(lines), encoding="utf-8")
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(TEXT.encode()))
    else:
        path.write_text(TEXT.replace(",", "\t") if name.endswith(".tsv") else TEXT, encoding="utf-8")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "A.CSV", "a.jsonl", "a.ndjson", "a.parquet"])
def test_each_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    database = open_sources(business_in(tmp_path, {"lines": {"file": name}}), {})
    answer = database.connection.execute("SELECT id, epoch(seen), amount FROM lines").fetchall()
    database.close()
    assert answer == [("007", 1714550400.0, 1.5), ("008", 1714636800.0, 2.0)]


def test_types_of_a_text_file_are_those_of_all_its_rows(tmp_path: Path) -> None:
    rows = [str(number) for number in range(30_000)] + ["word"]
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(rows), encoding="utf-8")
    database = open_sources(business_in(tmp_path, {"lines": {"file": "a.csv"}}), {})
    assert database.connection.execute("SELECT x FROM lines LIMIT 1").fetchall() == [("0",)]
    database.close()


def test_path_is_relative_to_the_business_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "project").mkdir()
    write(tmp_path / "data", "a.csv")
    database = open_sources(business_in(tmp_path / "project", {"lines": {"file": "../data/a.csv"}}), {})
    assert database.connection.execute("SELECT count(*) FROM lines").fetchall() == [(2,)]
    database.close()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.csv", None, "No such file"),
        ("a.xlsx", b"PK", "of an unknown kind"),
        ("a.csv", b"", "is empty"),
        ("a.parquet", b"not parquet at all", "cannot be read"),
        ("a.csv", b"a,b\n1,2\n\xff\xfe,3\n", "cannot be read"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "cannot be read"),
    ],
)
def test_unreadable_file_is_named_with_a_remedy(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    error = refusal(tmp_path, {"lines": {"file": name}})
    assert "source lines" in str(error)
    assert said in str(error)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM '{other}'",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET TimeZone = 'UTC'",
        "SELECT * FROM business",
    ],
)
def test_sql_reaches_nothing_but_the_sources(tmp_path: Path, sql: str) -> None:
    business = business_in(tmp_path, {"lines": {"file": "a.csv"}})
    write(tmp_path, "a.csv")
    (tmp_path / "other.csv").write_text("secret\n1\n", encoding="utf-8")
    database = open_sources(business, {})
    with pytest.raises(duckdb.Error):
        database.connection.execute(sql.format(other=tmp_path / "other.csv", folder=tmp_path))
    database.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "business.yaml", "other.csv"]


def test_every_cursor_reads_naive_times_in_the_zone(tmp_path: Path) -> None:
    database = open_sources(business_in(tmp_path, {}, "Asia/Shanghai"), {})
    for connection in (database.connection, database.connection.cursor()):
        [[hours]] = connection.execute("SELECT epoch(CAST('1970-01-02' AS TIMESTAMPTZ)) / 3600").fetchall()
        assert hours == 16
    database.close()


def test_what_does_not_fit_in_memory_is_spilled_and_removed(tmp_path: Path) -> None:
    database = open_sources(business_in(tmp_path, {}), {}, memory_limit="64MB")
    database.connection.execute("CREATE TABLE big AS SELECT range AS a, random() AS b FROM range(5_000_000)")
    assert list(database.folder.iterdir())
    database.close()
    assert not database.folder.exists()


def test_database_is_read_in_chunks_of_any_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.tables.databases._CHUNK_ROWS", 2)
    with sqlite3.connect(tmp_path / "crm.db") as crm:
        crm.execute("CREATE TABLE c (id TEXT, n, late, note TEXT)")
        rows = [("a", 1, None, "x:y"), ("b", 2, None, None), ("c", 2.5, 7, "z"), ("d", "many", None, None)]
        crm.executemany("INSERT INTO c VALUES (?, ?, ?, ?)", rows)
    crm.close()
    source = {
        "crm": {"database": "CRM_URL", "query": "SELECT *, 'a :b' AS fixed, NULL AS none FROM c ORDER BY id"}
    }
    environment = {"CRM_URL": f"sqlite:///{tmp_path / 'crm.db'}"}
    database = open_sources(business_in(tmp_path, source), environment)
    answer = database.connection.execute(
        "SELECT id, n, late, note, fixed, none FROM crm ORDER BY id"
    ).fetchall()
    database.close()
    assert answer == [
        ("a", "1", None, "x:y", "a :b", None),
        ("b", "2", None, None, "a :b", None),
        ("c", "2.5", 7, "z", "a :b", None),
        ("d", "many", None, None, "a :b", None),
    ]


def test_empty_result_keeps_its_columns(tmp_path: Path) -> None:
    source = {"crm": {"database": "CRM_URL", "query": "SELECT 1 AS a, 2 AS b WHERE 1 = 0"}}
    database = open_sources(business_in(tmp_path, source), {"CRM_URL": "sqlite://"})
    assert database.connection.sql("FROM crm").columns == ["a", "b"]
    database.close()


@pytest.mark.parametrize(
    ("url", "query", "said"),
    [
        ("", "SELECT 1", "CRM_URL is not set"),
        ("hunter2", "SELECT 1", "is not an SQLAlchemy URL"),
        ("nodialect://u:hunter2@h/d", "SELECT 1", "is not an SQLAlchemy URL"),
        ("mysql+cymysql://u:hunter2@h/d", "SELECT 1", "needs the Python package cymysql"),
        ("sqlite:////nowhere/hunter2.db", "SELECT 1", "does not answer"),
        ("sqlite://", "SELECT x FROM hunter", "no such table: hunter"),
    ],
)
def test_database_that_fails_is_named_without_its_url(
    tmp_path: Path, url: str, query: str, said: str
) -> None:
    environment = {"CRM_URL": url} if url else {}
    error = refusal(tmp_path, {"crm": {"database": "CRM_URL", "query": query}}, **environment)
    assert said in str(error)
    assert "hunter2" not in f"{error} {error.remedy} {error.__cause__}"
