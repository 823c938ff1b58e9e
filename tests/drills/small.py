"""Small businesses with one fault each, and what must never be said about any of them.

Ids, words and texts of customers hold a canary. It must not appear in anything that a command prints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

CANARY: Final = "canary.jane@mail.example"

Row = tuple[str, str, str, str, str]
HEAD: Final = "order_id,customer_id,ordered_at,revenue,currency"
ORDERS: Final = (
    "SELECT order_id, customer_id, CAST(ordered_at AS TIMESTAMPTZ) AS ordered_at, revenue, currency FROM raw"
)


def order_rows(customers: int, orders: int = 4) -> list[Row]:
    """Return orders of some customers, whose ids hold the canary."""
    return [
        (
            f"o{k}-{n}",
            f"{CANARY}-{k}",
            f"2026-{1 + (3 * n + k) % 10:02}-{1 + k % 27:02}T10:00:00+00:00",
            "20.5",
            "GBP",
        )
        for k in range(customers)
        for n in range(orders)
    ]


def csv_text(rows: Sequence[Sequence[str]], head: str = HEAD) -> str:
    """Return a CSV file."""
    return "\n".join([head, *(",".join(row) for row in rows)]) + "\n"


def business_text(
    orders: str = ORDERS, source: str = "{file: raw.csv}", more: str = "", zone: str = "UTC"
) -> str:
    """Return a business file with one source and one table."""
    return (
        f"name: tiny\ncurrency: GBP\n{f'timezone: {zone}' if zone else ''}\nsources:\n  raw: {source}\n"
        f"tables:\n  orders: |\n    {orders}\n{more}\n"
        "objectives:\n  churn: {definition: inactivity, horizon_days: 30}\n"
    )


LABELS: Final = (
    "name: tiny\ncurrency: GBP\ntimezone: UTC\nsources:\n  raw: {file: raw.csv}\n"
    "tables:\n  customers: SELECT customer_id, plan FROM raw\n"
    "  labels: SELECT customer_id, 'churn' AS capability, label FROM raw\n"
    "attributes:\n  plan: {kind: categorical, label: {en: plan, zh-CN: 方案}}\n"
    "objectives:\n  churn: {definition: label}\n"
)


@dataclass(frozen=True)
class Case:
    """One bad input: the files, what the command must say, and which part of it is the remedy."""

    name: str
    business: str
    files: Callable[[], dict[str, bytes]]
    place: tuple[str, ...]
    """Words that name where the fault is; all of them appear."""
    remedy: tuple[str, ...] = ("remedy:",)
    code: int = 2


def _raw(rows: Sequence[Sequence[str]], head: str = HEAD) -> Callable[[], dict[str, bytes]]:
    return lambda: {"raw.csv": csv_text(rows, head).encode()}


def _mixed() -> list[Row]:
    return [(*row[:4], "EUR" if k == 7 else "GBP") for k, row in enumerate(order_rows(60))]


def _one_class() -> list[tuple[str, ...]]:
    return [(f"{CANARY}-{k}", ("basic", "pro")[k % 2], "1") for k in range(200)]


def naive_rows() -> list[Row]:
    return [(*row[:2], row[2].removesuffix("+00:00"), *row[3:]) for row in order_rows(60)]


NAIVE_ORDERS: Final = ORDERS.replace("CAST(ordered_at AS TIMESTAMPTZ)", "CAST(ordered_at AS TIMESTAMP)")

CASES: Final = (
    Case("no such file", business_text(), dict, ("raw", "raw.csv")),
    Case("file that is no Parquet", business_text(source="{file: raw.parquet}"),
         lambda: {"raw.parquet": f"{CANARY}\n".encode() * 50}, ("raw", "raw.parquet")),
    Case("broken JSON lines", business_text(source="{file: raw.jsonl}"),
         lambda: {"raw.jsonl": f'{{"order_id": "{CANARY}", \n'.encode() * 5}, ("raw",)),
    Case("not UTF-8", business_text(),
         lambda: {"raw.csv": csv_text(order_rows(60)).encode() + f"o,{CANARY}é,x,1,GBP\n".encode("latin-1")},
         ("raw",)),
    Case("missing required column", business_text(ORDERS.replace("revenue, ", "")), _raw(order_rows(60)),
         ("orders", "revenue")),
    Case("column that the source lacks", business_text(ORDERS.replace("revenue", "turnover")),
         _raw(order_rows(60)), ("orders", "turnover")),
    Case("syntax error", business_text(ORDERS.replace("FROM", "FORM")), _raw(order_rows(60)), ("orders",)),
    Case("cast that fails on a value",
         business_text(ORDERS.replace("revenue", "CAST(customer_id AS DOUBLE) AS revenue")),
         _raw(order_rows(60)), ("orders",)),
    Case("time that cannot be read", business_text(ORDERS.replace("CAST(ordered_at", "CAST(customer_id")),
         _raw(order_rows(60)), ("orders",)),
    Case("mixed currencies", business_text(), _raw(_mixed()), ("orders.currency",)),
    Case("unknown field", business_text(more="curency: GBP"), _raw(order_rows(60)), ("curency", "currency")),
    Case("unknown column", business_text(ORDERS.replace("revenue,", "revenue, revenue AS revenu,")),
         _raw(order_rows(60)), ("orders", "revenu")),
    Case("not YAML", "name: [tiny\n", dict, ("line",)),
    Case("label with one class", LABELS, _raw(_one_class(), "customer_id,plan,label"), ("label",)),
)  # fmt: skip
