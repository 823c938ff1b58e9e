"""Write the customers of a business as request bodies, one JSON line each: their records, without a question.

    python -m tools.customers --business sample/business.yaml --count 500 --out customers.ndjson

Rows of all times are written; whoever asks with an ``as_of`` leaves out what is later. Of events only the
latest half year is, so that a body stays small.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from training.tables import load_business, read_tables
from training.tables.tables import Tables

EVENT_DAYS: Final = 183
OWNED: Final = (
    "orders",
    "events",
    "support_cases",
    "feedback",
    "subscriptions",
    "contacts",
    "consents",
)
WHOLE: Final = frozenset({"birth_year", "outcome"})
"""Columns that are whole numbers in a request, and numbers in a table."""
FLAG: Final = "is_recurring"

Row = dict[str, Any]


def records(tables: Tables) -> Iterator[Row]:
    """Yield the record of each customer as ``/v1/scores`` and ``/v1/next-best-actions`` take it."""
    kinds = tables.business.attribute_kinds
    flags = {FLAG, *(name for name, kind in kinds.items() if kind == "boolean")}
    lines = _owned(_rows(tables, "order_lines", flags), "order_id")
    owned = {name: _owned(_rows(tables, name, flags), "customer_id") for name in OWNED}
    for orders in owned["orders"].values():
        for order in orders:
            if order["order_id"] in lines:
                order["products"] = lines[order["order_id"]]
    for row in _rows(tables, "customers", flags):
        attributes = {name: row.pop(name) for name in kinds if name in row}
        customer = {**row, "attributes": attributes} if attributes else row
        mine = {
            name: parts[row["customer_id"]] for name, parts in owned.items() if row["customer_id"] in parts
        }
        yield {"customer": customer, **mine}


def _rows(tables: Tables, name: str, flags: set[str]) -> list[Row]:
    """Return the rows of a table as JSON has them; what is not known is left out."""
    if not tables.has(name):
        return []
    rows = tables.arrow(name).to_pylist()
    if name == "events" and rows:
        since = max(row["timestamp"] for row in rows) - timedelta(days=EVENT_DAYS)
        rows = [row for row in rows if row["timestamp"] > since]
    return [
        {key: _plain(key, value, flags) for key, value in row.items() if value is not None} for row in rows
    ]


def _plain(name: str, value: Any, flags: set[str]) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if name in flags:
        return bool(value)
    return int(value) if name in WHOLE else value


def _owned(rows: list[Row], key: str) -> dict[str, list[Row]]:
    """Return the rows of each owner, without the owner."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.pop(key), []).append(row)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Write customers as request bodies, one JSON line each.")
    parser.add_argument("--business", type=Path, required=True)
    parser.add_argument("--count", type=int, default=500, help="how many customers, the first by id")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(arguments)
    with read_tables(load_business(args.business)) as tables, args.out.open("w", encoding="utf-8") as out:
        for _, record in zip(range(args.count), records(tables), strict=False):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
