"""Pieces of SQL text: quoted names, literals, and DuckDB's messages without the data they may quote."""

from __future__ import annotations

import re
from typing import Final

import duckdb

_ABOUT_THE_QUERY: Final = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.PermissionException,
)
"""Errors whose message quotes the SQL only; any other may quote a value."""

_SAFE_PARTS: Final = (
    r"to (?P<to>[A-Z][A-Z0-9_ ]+?)(?: when|$|\W)",
    r"source column (?P<column>[A-Za-z_][A-Za-z0-9_ .]*)",
    r"CSV Error on Line: (?P<line>\d+)",
    r'converting column "(?P<converting>[^"\n]+)"',
)


def quoted(name: str) -> str:
    """Return an identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def words(values: tuple[str, ...] | frozenset[str]) -> str:
    """Return texts as a list in parentheses, for ``IN``."""
    return f"({', '.join(literal(value) for value in sorted(values))})"


def explain(error: duckdb.Error) -> str:
    """Return what DuckDB found, in one or a few lines, without any value from the data.

    Messages about the query are kept whole: they quote the mapping file's SQL. From a message about values
    only the kind of error, the line of a file, the column and the wanted type are kept.
    """
    text = str(error)
    if isinstance(error, _ABOUT_THE_QUERY):
        # DuckDB proposes its own catalogue's names for a missing relation; the sources are named elsewhere.
        return re.sub(r'\nDid you mean "(pg|duckdb|sqlite)_[^\n]*', "", text).strip()
    kind = text.split(":", 1)[0].strip() if ":" in text else type(error).__name__
    if not re.fullmatch(r"[A-Za-z ]{1,40}", kind):
        kind = type(error).__name__
    found = {
        name: match[name]
        for part in _SAFE_PARTS
        if (match := re.search(part, text))
        for name in match.groupdict()
    }
    details = [
        f"in line {found['line']} of the file" if "line" in found else "",
        f"in column {found.get('column') or found.get('converting')}"
        if "column" in found or "converting" in found
        else "",
        f"a value cannot be read as {found['to'].strip()}" if "to" in found else "",
    ]
    said = ", ".join(detail for detail in details if detail)
    return f"{kind}: {said}" if said else kind
