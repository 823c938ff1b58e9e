from __future__ import annotations

# ruff: noqa: S608 - the tables of these tests are written out in SQL
import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.tables.sql import explain, literal, quoted

PERSONAL = "alice@example.org"
CONNECTION = duckdb.connect()


def error_of(sql: str) -> duckdb.Error:
    with duckdb.connect() as connection, pytest.raises(duckdb.Error) as raised:
        connection.execute(sql).fetchall()
    return raised.value


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20))
def test_any_name_and_text_survive_quoting(text: str) -> None:
    relation = CONNECTION.sql(f"SELECT {literal(text)} AS {quoted(text)}")
    assert relation.columns == [text]
    assert relation.fetchall() == [(text,)]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT CAST(x AS INTEGER) FROM (VALUES ('{PERSONAL}')) t(x)",
        f"SELECT strptime(x, '%Y') FROM (VALUES ('{PERSONAL}')) t(x)",
        f"SELECT error(x) FROM (VALUES ('{PERSONAL}')) t(x)",
    ],
)
def test_message_about_values_names_none(sql: str) -> None:
    assert PERSONAL not in explain(error_of(sql))


def test_message_about_values_keeps_type_and_column() -> None:
    error = error_of("CREATE TABLE a AS SELECT 'x y' AS amount; SELECT CAST(amount AS DOUBLE) FROM a")
    assert explain(error) == "Conversion Error: in column amount, a value cannot be read as DOUBLE"


def test_message_about_the_query_is_kept_whole() -> None:
    said = explain(error_of("SELECT invoise FROM (SELECT 1 AS invoice)"))
    assert 'Candidate bindings: "invoice"' in said
    assert "LINE 1" in said
