"""The public purchases and baskets, as the product's own columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from app.domain.history import Array
from app.estimators.items import MIN_CUSTOMERS
from training.recommendations.purchases import (
    Purchases,
    before,
    customer_counts,
    plain_catalogue,
    purchases_of,
)
from training.recommendations.recipe import Record

DATA: Final = Path(__file__).parents[3] / "shared" / "data"
"""Beside the project: the data are not part of it."""
RETAIL: Final = DATA / "online_retail" / "online_retail.parquet"
RETAIL_BOTH: Final = DATA / "online_retail_ii" / "merged_2009_2011.parquet"
GROCERIES: Final = DATA / "groceries_arules" / "groceries.parquet"
MSWEB: Final = DATA / "msweb" / "msweb.parquet"

_LINES: Final = (
    "SELECT CustomerID AS customer, StockCode AS product, InvoiceNo AS invoice, "
    "epoch_us(InvoiceDate)::BIGINT AS moment FROM read_parquet(?) "
    "WHERE CustomerID IS NOT NULL AND Quantity > 0 AND UnitPrice > 0 AND InvoiceNo NOT LIKE 'C%' "
    "AND regexp_matches(StockCode, '^[0-9]{5}') ORDER BY ALL"
)
"""Goods that were sold to somebody known: no credit note, no postage, no adjustment."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Purchases before and after a cut-off, microseconds of UTC, in products that were known before it.

    ``known`` holds what was bought before alone; ``customers`` and ``lines`` count what was read in all.
    """

    record: Record
    known: Record
    cut: int
    customers: int
    lines: int


def microseconds(day: str) -> int:
    """Return the beginning of a day in UTC, microseconds since 1970."""
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000


def retail_shop(file: Path, cut: str) -> Shop:
    """Return the purchases of Online Retail, in products with ``MIN_CUSTOMERS`` buyers before the cut-off."""
    found = duckdb.execute(_LINES, [str(file)]).fetchnumpy()
    _, customer = np.unique(np.asarray(found["customer"]), return_inverse=True)
    names, product = np.unique(_texts(found["product"]), return_inverse=True)
    _, invoice = np.unique(_texts(found["invoice"]), return_inverse=True)
    bought = purchases_of(product, invoice, len(names), customer, np.asarray(found["moment"]))
    return shop_of(bought, tuple(names.tolist()), microseconds(cut))


def shop_of(bought: Purchases, names: tuple[str, ...], cut: int) -> Shop:
    """Return purchases of products that enough customers had bought before a cut-off."""
    is_held = customer_counts(before(bought, cut)) >= MIN_CUSTOMERS
    rows = np.flatnonzero(is_held[bought.product])
    held = replace(
        bought,
        customer=bought.customer[rows],
        product=(np.cumsum(is_held) - 1)[bought.product[rows]],
        at=bought.at[rows],
        order=bought.order[rows],
        products=int(is_held.sum()),
    )
    catalogue = plain_catalogue(tuple(name for name, kept in zip(names, is_held, strict=True) if kept))
    record = Record(catalogue, held, None, "UTC")
    return Shop(record, replace(record, purchases=before(held, cut)), cut, bought.customers, len(bought))


@dataclass(frozen=True, slots=True)
class Baskets:
    """L entries of B baskets of P products: which stands in which, each once; int64 of shape (L,)."""

    product: Array
    basket: Array
    names: tuple[str, ...]

    @property
    def parts(self) -> list[Array]:
        """The products of each basket, rising."""
        order = np.lexsort((self.product, self.basket))
        ends = np.cumsum(np.bincount(self.basket))[:-1]
        return [np.unique(part) for part in np.split(self.product[order], ends)]


def baskets(file: Path, basket: str, product: str) -> Baskets:
    """Return the baskets of a file whose columns are named."""
    table = duckdb.execute(
        f'SELECT DISTINCT "{basket}" AS basket, "{product}" AS product FROM read_parquet(?) ORDER BY ALL',  # noqa: S608  names stand in this package
        [str(file)],
    ).fetchnumpy()
    names, place = np.unique(_texts(table["product"]), return_inverse=True)
    _, owner = np.unique(np.asarray(table["basket"]), return_inverse=True)
    return Baskets(place, owner, tuple(names.tolist()))


def groceries() -> Baskets:
    """Return a month of a grocery's receipts."""
    return baskets(GROCERIES, "basket_id", "item")


def msweb() -> Baskets:
    """Return the areas of microsoft.com that each visitor of a week in 1998 looked at."""
    return baskets(MSWEB, "user_id", "area")


def _texts(column: Array) -> Array:
    return np.asarray(column).astype(str)
