"""Customer-days of real and simulated businesses, and the statistics that models of orders are fitted to.

One purchase is one customer and day, its value the sum of what was bought and brought back. Days that are
worth nothing or less are dropped from Online Retail and from the simulated business; CDNOW keeps its free
ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from app.domain.history import Array
from training.sample import simulate
from training.tables import load_business

EXAMPLES: Final = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Histories:
    """What is known of N customers at a cut, shape (N,) each; times in days.

    ``orders`` counts order days with a value above 0, ``mean_value`` is their mean in currency.
    """

    frequency: Array
    recency: Array
    T: Array
    orders: Array
    mean_value: Array

    def take(self, rows: Array) -> Histories:
        """Return some customers, one several times if asked for."""
        return Histories(
            self.frequency[rows], self.recency[rows], self.T[rows], self.orders[rows], self.mean_value[rows]
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A real data set: how its customer-days are read, and the cut."""

    title: str
    example: str
    days: str
    until: str


SOURCES: Final[Mapping[str, Source]] = {
    "cdnow": Source(
        "CDNOW, to 30 September 1997",
        "cdnow",
        "SELECT customer_id AS who, date AS day, sum(dollar_value) AS value FROM raw GROUP BY ALL",
        "1997-09-30",
    ),
    "online-retail": Source(
        "Online Retail II, to 9 September 2011",
        "online-retail",
        "SELECT CustomerID AS who, CAST(InvoiceDate AS DATE) AS day, "
        "sum(Quantity * CAST(UnitPrice AS DECIMAL(12, 3))) AS value "
        "FROM raw WHERE CustomerID IS NOT NULL GROUP BY ALL HAVING value > 0",
        "2011-09-09",
    ),
}
_SAMPLE_DAYS: Final = (
    "SELECT customer_id AS who, CAST(ordered_at AS DATE) AS day, sum(revenue) AS value "
    "FROM raw GROUP BY ALL HAVING value > 0"
)


def file_of(source: Source) -> Path:
    """Return where a data set is expected: where its example's business.yaml says."""
    business = load_business(EXAMPLES / source.example / "business.yaml")
    return business.path.parent / str(business.sources["raw"].file)


def read_histories(source: Source) -> Histories:
    """Read a real data set."""
    with duckdb.connect() as connection:
        connection.read_parquet(str(file_of(source))).create_view("raw")
        return _histories(connection, source.days, source.until)


def simulated_histories(customers: int, seed: int) -> Histories:
    """Simulate a business and return those who bought, as known at its last order."""
    return histories_of(simulate(customers, seed).tables["orders"])


def histories_of(orders: pa.Table) -> Histories:
    """Return the histories in a table of orders, as known at the last of them."""
    with duckdb.connect() as connection:
        connection.register("raw", orders)
        return _histories(connection, _SAMPLE_DAYS, "9999-12-31")


def _histories(connection: duckdb.DuckDBPyConnection, days: str, until: str) -> Histories:
    """Return what is known of customers with a purchase up to a day, or to the last if that is earlier."""
    found = connection.execute(
        f"WITH days AS ({days}), known AS (SELECT * FROM days WHERE day <= CAST(? AS DATE)), "  # noqa: S608
        "watched AS (SELECT least(CAST(? AS DATE), max(day)) AS cut FROM days) "
        "SELECT count(*) - 1 AS x, max(day) - min(day) AS t_x, any_value(cut) - min(day) AS T, "
        "count(*) FILTER (WHERE value > 0) AS paid, "
        "avg(CAST(value AS DOUBLE)) FILTER (WHERE value > 0) AS mean "
        "FROM known, watched GROUP BY who ORDER BY who",
        [until, until],
    ).fetchnumpy()
    columns = [
        np.ma.filled(found[name].astype(np.float64), 0.0) for name in ("x", "t_x", "T", "paid", "mean")
    ]
    return Histories(*columns)
