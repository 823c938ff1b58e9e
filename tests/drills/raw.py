"""Payloads from the raw lines of two public data sets, as a stranger's CRM would build them.

Nothing here comes from ``training`` or ``app``: the rules are those that the comments of the examples'
``business.yaml`` state, written a second time in plain Python, so that an error on either side shows.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
Payload = dict[str, Any]

_LONDON: Final = ZoneInfo("Europe/London")
_PRODUCT: Final = re.compile(r"[0-9]{5}|DCGS|SP|PADS")
_SOURCE: Final = re.compile(r"(?m)^(  raw: \{file: )(\S+)\}")

_TELECOM_WORDS: Final = {
    "MultipleLines": "multiple_lines",
    "InternetService": "internet_service",
    "OnlineSecurity": "online_security",
    "OnlineBackup": "online_backup",
    "DeviceProtection": "device_protection",
    "TechSupport": "tech_support",
    "StreamingTV": "streaming_tv",
    "StreamingMovies": "streaming_movies",
    "Contract": "contract",
    "PaymentMethod": "payment_method",
}
_TELECOM_FLAGS: Final = {
    "SeniorCitizen": "senior_citizen",
    "Partner": "partner",
    "Dependents": "dependents",
    "PhoneService": "phone_service",
    "PaperlessBilling": "paperless_billing",
}
_TELECOM_NUMBERS: Final = {
    "tenure": "tenure_months",
    "MonthlyCharges": "monthly_charges",
    "TotalCharges": "total_charges",
}
_FLAGS: Final = {"Yes": True, "No": False, "1": True, "0": False}


@dataclass(frozen=True)
class Example:
    """A data set, how its raw file becomes payloads, and how a smaller raw file is cut from it."""

    name: str
    payloads: Callable[[Path, Collection[str]], Mapping[str, Payload]]
    cut: Callable[[Path, Path], None]
    """Write a part of the first file to the second."""

    @property
    def business(self) -> Path:
        """The file that describes the business."""
        return EXAMPLES / self.name / "business.yaml"

    @property
    def raw(self) -> Path:
        """The raw file that the business file names; it need not be there."""
        found = _SOURCE.search(self.business.read_text("utf-8"))
        if found is None:
            raise ValueError(f"examples/{self.name}/business.yaml names no source raw")
        return (self.business.parent / found[2]).resolve()

    def smaller(self, folder: Path) -> tuple[Path, Path]:
        """Write a part of the raw lines and the same business file over it; return both."""
        raw = folder / self.raw.name
        self.cut(self.raw, raw)
        business = folder / "business.yaml"
        text = self.business.read_text("utf-8")
        business.write_text(_SOURCE.sub(lambda found: f"{found[1]}{raw.name}}}", text), "utf-8")
        return business, raw


def retail_payloads(raw: Path, customers: Collection[str]) -> dict[str, Payload]:
    """Return the orders and products of some customers from invoice lines."""
    lines = pq.read_table(raw)
    chosen = pc.is_in(lines["CustomerID"], pa.array([int(one) for one in customers]))
    names = lines.column_names
    # A line that repeats another exactly counts once.
    distinct = dict.fromkeys(zip(*(lines.filter(chosen)[name].to_pylist() for name in names), strict=True))
    invoices: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (dict(zip(names, one, strict=True)) for one in distinct):
        line["product"] = line["StockCode"].strip(" ").upper()
        if _PRODUCT.match(line["product"]):
            invoices[line["InvoiceNo"]].append(line)
    payloads: dict[str, Payload] = {
        one: {"customer": {"customer_id": one}, "orders": []} for one in customers
    }
    for number, own in invoices.items():
        payloads[str(own[0]["CustomerID"])]["orders"].append(_order(number, own))
    return payloads


def _order(number: str, lines: list[dict[str, Any]]) -> Payload:
    first: datetime = min(line["InvoiceDate"] for line in lines)
    quantities: dict[tuple[str, float], int] = defaultdict(int)
    for line in lines:
        quantities[line["product"], line["UnitPrice"]] += line["Quantity"]
    revenue = sum((_exact(line["UnitPrice"]) * line["Quantity"] for line in lines), Decimal(0))
    return {
        "order_id": number,
        "ordered_at": first.replace(tzinfo=_LONDON).isoformat(),
        "revenue": float(revenue),
        "currency": "GBP",
        "status": "refunded" if number.startswith("C") else "completed",
        "products": [
            {"product_id": product, "quantity": quantity, "price": price}
            for (product, price), quantity in quantities.items()
            if quantity
        ],
    }


def _exact(price: float) -> Decimal:
    return Decimal(repr(price)).quantize(Decimal("0.001"), ROUND_HALF_UP)


def _cut_retail(raw: Path, part: Path) -> None:
    """Keep one customer in twenty, and a hundredth of the lines that have none."""
    lines = pq.read_table(raw)
    ids = lines["CustomerID"].to_pylist()
    kept = [k % 100 == 0 if number is None else number % 20 == 3 for k, number in enumerate(ids)]
    pq.write_table(lines.filter(pa.array(kept)), part)


def telecom_payloads(raw: Path, customers: Collection[str]) -> dict[str, Payload]:
    """Return the attributes of some customers from the snapshot's lines; a blank says nothing."""
    wanted = frozenset(customers)
    with raw.open(encoding="utf-8", newline="") as file:
        return {
            line["customerID"]: {
                "customer": {
                    "customer_id": line["customerID"],
                    "gender": line["gender"].lower(),
                    "attributes": _attributes(line),
                }
            }
            for line in csv.DictReader(file)
            if line["customerID"] in wanted
        }


def _attributes(line: Mapping[str, str]) -> dict[str, Any]:
    return {
        **{name: line[column] for column, name in _TELECOM_WORDS.items()},
        **{name: _FLAGS[line[column]] for column, name in _TELECOM_FLAGS.items()},
        **{name: float(line[column]) for column, name in _TELECOM_NUMBERS.items() if line[column].strip()},
    }


def _cut_telecom(raw: Path, part: Path) -> None:
    """Keep the first 400 customers, and every one whose total is blank."""
    head, *lines = raw.read_text("utf-8").splitlines(keepends=True)
    kept = [line for number, line in enumerate(lines) if number < 400 or ", ," in line]
    part.write_text("".join([head, *kept]), "utf-8")


RETAIL: Final = Example("online-retail", retail_payloads, _cut_retail)
TELECOM: Final = Example("telecom", telecom_payloads, _cut_telecom)
