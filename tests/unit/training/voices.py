"""Small businesses whose customers say something: feedback, cases, orders and consents, written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from tests.unit.training.tables.small import NOW, business_of, rows_of
from training.tables import Tables, read_tables
from training.train import known_at
from training.voice.report import report_of

Row = dict[str, Any]

LATE: Final = "The delivery was terribly late."
GOOD: Final = "The quality is great, I love it."
RUDE: Final = "客服态度很差。"
NICE: Final = "物流很快，非常满意。"

_COLUMNS: Final = {
    "feedback": ("feedback_id", "customer_id", "submitted_at", "kind", "score", "scale_max", "text"),
    "support_cases": (
        "case_id",
        "customer_id",
        "opened_at",
        "closed_at",
        "reopened_at",
        "type",
        "priority",
    ),
    "orders": ("order_id", "customer_id", "ordered_at", "revenue"),
    "consents": ("customer_id", "purpose", "status", "status_at"),
}
_TIMES: Final = {"submitted_at", "opened_at", "closed_at", "reopened_at", "ordered_at", "status_at"}
_NUMBERS: Final = {"score", "scale_max", "revenue"}


def ago(days: float) -> datetime:
    """Return a time so many days before the tests' now."""
    return NOW - timedelta(days=days)


def answer(customer: str, days_ago: float, text: str | None = None, **said: Any) -> Row:
    """Return an answer to a survey, or a review."""
    told = {"kind": "review", "score": 5.0, "scale_max": 5.0, **said}
    name = f"{customer}-{days_ago}-{told['kind']}"
    return {"feedback_id": name, "customer_id": customer, "submitted_at": ago(days_ago), "text": text, **told}


def case(customer: str, days_ago: float, days: float | None = 1.0, **said: Any) -> Row:
    """Return a support case that took some days; None: it is open."""
    closed = None if days is None else ago(days_ago - days)
    told = {"type": "complaint", "priority": "normal", "reopened_at": None, **said}
    return {
        "case_id": f"{customer}-{days_ago}",
        "customer_id": customer,
        "opened_at": ago(days_ago),
        "closed_at": closed,
        **told,
    }


def order(customer: str, days_ago: float, revenue: float = 10.0) -> Row:
    """Return an order."""
    return {
        "order_id": f"{customer}-{days_ago}",
        "customer_id": customer,
        "ordered_at": ago(days_ago),
        "revenue": revenue,
    }


def denial(customer: str) -> Row:
    """Return that a customer denies profiling."""
    return {"customer_id": customer, "purpose": "profiling", "status": "denied", "status_at": ago(300)}


def sql_of(**tables: Sequence[Row]) -> dict[str, str]:
    """Return the SQL of tables."""
    found = {}
    for table, rows in tables.items():
        columns = _COLUMNS[table]
        written = (", ".join(_cell(name, row.get(name)) for name in columns) for row in rows)
        empty = ", ".join(_cell(name, None) for name in columns)
        query = rows_of(", ".join(columns), *(list(written) or [empty]))
        found[table] = query if rows else f"{query} WHERE customer_id IS NOT NULL"
    return found


def _cell(name: str, value: Any) -> str:
    kind = "TIMESTAMPTZ" if name in _TIMES else "DOUBLE" if name in _NUMBERS else "VARCHAR"
    told = "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"
    return f"{told}::{kind}"


@contextmanager
def tables_of(as_of: datetime | None = None, **tables: Sequence[Row]) -> Iterator[Tables]:
    """Give tables, read; as known at a time."""
    at = None if as_of is None else round(as_of.timestamp() * 1e6)
    with read_tables(business_of(sql_of(**tables)), now=NOW, as_of=at) as read:
        yield read


def report(as_of: datetime | None = None, **tables: Sequence[Row]) -> Row:
    """Return the report of tables, without a release."""
    with tables_of(as_of, **tables) as read:
        return report_of(None, read, known_at(read), lambda _: None)


def shop() -> dict[str, list[Row]]:
    """Return a shop in which the latest texts blame the delivery and earlier ones praise the quality."""
    names = [f"c{k:02d}" for k in range(40)]
    feedback, cases, orders = [], [], []
    for k, name in enumerate(names):
        feedback.append(answer(name, 5 + 2 * k % 80, LATE if k % 4 else NICE, score=1.0 if k % 4 else 5.0))
        feedback.append(answer(name, 100 + 2 * k % 70, GOOD, score=4.0))
        feedback.append(answer(name, 20 + k, kind="nps", score=float(k % 11), scale_max=10.0))
        orders += [order(name, 10 + k, 10.0 + k), order(name, 120 + k, 5.0)]
        if k % 2:
            cases.append(case(name, (5 if k < 22 else 100) + k % 20, None if k % 5 == 0 else 0.5 + k % 7))
    feedback += [answer("denied", 9, RUDE, score=1.0), answer("c00", 0)]
    cases.append(case("denied", 8))
    return {
        "feedback": feedback,
        "support_cases": cases,
        "orders": orders,
        "consents": [denial("denied")],
    }


@lru_cache(maxsize=1)
def shop_report() -> Row:
    """Return the report of the shop; nobody may change it."""
    return report(None, **shop())
