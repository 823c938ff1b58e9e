"""The public purchases: which lines and products count, and that baskets come out whole."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.recommendations.sets import baskets, microseconds, retail_shop, shop_of
from training.recommendations.purchases import purchases_of

CUT = "2011-02-01"


def write_lines(path: Path, rows: list[tuple[str, str, int, float, int | None, str]]) -> None:
    names = ("InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID", "InvoiceDate")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["InvoiceDate"] = [datetime.fromisoformat(str(one)) for one in columns["InvoiceDate"]]
    pq.write_table(pa.table(columns), path)


def test_only_goods_that_somebody_known_paid_for_are_read(tmp_path: Path) -> None:
    rows: list[tuple[str, str, int, float, int | None, str]] = [
        (f"{k}", "10000A", 1, 2.0, k, "2011-01-05 10:00") for k in range(5)
    ]
    rows += [
        ("C9", "10000A", 1, 2.0, 9, "2011-01-06 10:00"),  # a credit note
        ("10", "POST", 1, 2.0, 10, "2011-01-06 10:00"),
        ("11", "10000A", -1, 2.0, 11, "2011-01-06 10:00"),
        ("12", "10000A", 1, 0.0, 12, "2011-01-06 10:00"),
        ("13", "10000A", 1, 2.0, None, "2011-01-06 10:00"),
        ("14", "10001", 1, 2.0, 1, "2011-01-07 10:00"),  # one buyer alone
        ("15", "10000A", 3, 2.0, 3, "2011-02-01 00:00"),
        ("15", "10000A", 1, 2.0, 3, "2011-02-01 00:00"),  # the same again
    ]
    write_lines(tmp_path / "lines.parquet", rows)
    shop = retail_shop(tmp_path / "lines.parquet", CUT)
    assert shop.record.catalogue.ids == ("10000A",)
    assert (len(shop.record.purchases), len(shop.known.purchases)) == (6, 5)
    assert (shop.customers, shop.lines) == (5, 7)
    assert shop.known.purchases.at.max() < shop.cut == microseconds(CUT)


def test_buyers_after_the_cut_off_bring_no_product_into_the_catalogue() -> None:
    customer = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
    product = np.array([0] * 5 + [1] * 5)
    at = np.array([1] * 5 + [1] * 4 + [9])
    bought = purchases_of(product, np.arange(10), 2, customer, at)
    assert shop_of(bought, ("a", "b"), 5).record.catalogue.ids == ("a",)
    assert shop_of(bought, ("a", "b"), 10).record.catalogue.ids == ("a", "b")


def test_baskets_hold_each_product_once(tmp_path: Path) -> None:
    columns = {"who": [7, 7, 7, 3], "what": ["b", "a", "b", "c"]}
    pq.write_table(pa.table(columns), tmp_path / "baskets.parquet")
    found = baskets(tmp_path / "baskets.parquet", "who", "what")
    assert found.names == ("a", "b", "c")
    assert [part.tolist() for part in found.parts] == [[2], [0, 1]]
