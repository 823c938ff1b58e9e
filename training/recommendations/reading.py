"""Reading a shop from its tables: the catalogue, what was bought and what was viewed.

Rules:

1. Customers who deny profiling are not read; the views of those who deny behavioural tracking are not either.
2. An order counts unless it is pending, or cancelled or wholly refunded as known at ``as_of``; of an order
   that counts, lines with a quantity of 0 or less do not.
3. The catalogue is the table products, and what ``MIN_CUSTOMERS`` customers bought without its being listed
   there; without that table all that was bought. What has no price is
   given the median price paid, if at least ``MIN_CUSTOMERS`` customers paid one.
4. A product is viewed when it is looked at or put into the cart. Views of unknown products are not read.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name comes from canonical.py
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from app.domain.consent import granted
from app.domain.history import Array, History
from app.estimators.item_files import NAME_LENGTH
from app.estimators.items import MIN_CUSTOMERS
from app.estimators.shopper import VIEW_EVENTS
from training.recommendations.purchases import Catalogue, Purchases, Views, customer_counts, sliced
from training.tables import Tables
from training.tables.clean import INDEX
from training.tables.mapping import CANONICAL

_ROUNDING: Final = 1e-9
_HIGHEST_PRICE: Final = 1e12


@dataclass(frozen=True, slots=True)
class Shop:
    """What recommendations are learned from; ``denied`` counts customers whose purchases are not read."""

    catalogue: Catalogue
    purchases: Purchases
    views: Views
    denied: int


def read_shop(tables: Tables, history: History, as_of: int) -> Shop:
    """Return a shop as known at ``as_of``, microseconds since 1970 in UTC.

    Parameters
    ----------
    tables : Tables
        Without order lines there is nothing bought, without products the catalogue is what was bought.
    history : History
        Of all customers of the tables, for their consents.
    """
    defaults, when = tables.business.consent_defaults, np.full(history.size, as_of)
    profiled = granted(history, "profiling", when, defaults)
    tracked = profiled & granted(history, "behavioural_tracking", when, defaults)
    listed = _listed(tables)
    everything, paid = _bought(tables, as_of, len(listed))
    is_read = profiled[everything.customer]
    denied = len(np.unique(everything.customer[~is_read]))
    purchases, paid = sliced(everything, is_read), paid[is_read]
    views = _viewed(tables, as_of)
    views = sliced(views, tracked[views.customer])
    kept = listed.column("is_listed").to_numpy(zero_copy_only=False).astype(bool)
    kept |= customer_counts(purchases) >= (MIN_CUSTOMERS if tables.has("products") else 1)
    catalogue = _catalogue(listed, _price_paid(purchases, paid))
    return _narrowed(Shop(catalogue, purchases, views, denied), kept)


def _product_sql(tables: Tables) -> str:
    """Return SQL that numbers every product that is listed or stands in a line, by its id."""
    parts = [
        f"SELECT product_id FROM {CANONICAL}.{table}"
        for table in ("products", "order_lines")
        if tables.has(table)
    ]
    named = " UNION ALL ".join(parts) or "SELECT CAST(NULL AS VARCHAR) AS product_id"
    return (
        "SELECT product_id, row_number() OVER (ORDER BY product_id) - 1 AS place FROM "
        f"(SELECT DISTINCT product_id FROM ({named}) WHERE product_id IS NOT NULL)"
    )


def _listed(tables: Tables) -> pa.Table:
    """Return every product that may be in the catalogue, by id, and what the table products says of it."""
    unknown = "NULL::VARCHAR AS name, NULL::VARCHAR AS category, 'nan'::DOUBLE AS price, true AS active"
    told = (
        "p.name, trim(p.category) AS category, coalesce(p.price, 'nan'::DOUBLE) AS price, "
        "coalesce(p.active, 1) <> 0 AS active, p.product_id IS NOT NULL AS is_listed"
    )
    selected = told if tables.has("products") else f"{unknown}, false AS is_listed"
    joined = f"LEFT JOIN {CANONICAL}.products p USING (product_id)" if tables.has("products") else ""
    return tables.query(
        f"SELECT product_id, {selected} FROM ({_product_sql(tables)}) {joined} ORDER BY place"
    ).to_arrow_table()


def _counts(as_of: int) -> str:
    """Return the condition under which an order is a purchase, as :mod:`app.features.view` nets it."""
    known = f"coalesce(epoch_us({{}}) <= {as_of}, true)"
    refund = (
        f"CASE WHEN {known.format('refunded_at')} THEN "
        "coalesce(refund, CASE WHEN status = 'refunded' THEN greatest(revenue, 0) ELSE 0 END) ELSE 0 END"
    )
    return (
        f"epoch_us(ordered_at) <= {as_of} AND coalesce(status, '') <> 'pending' "
        "AND coalesce(revenue, 0) >= 0 "
        "AND NOT ((coalesce(status, '') = 'cancelled' OR cancelled_at IS NOT NULL) "
        f"AND {known.format('cancelled_at')}) "
        f"AND NOT ({refund} > 0 AND {refund} >= (1 - {_ROUNDING}) * coalesce(revenue, 0))"
    )


def _bought(tables: Tables, as_of: int, products: int) -> tuple[Purchases, Array]:
    """Return the purchases of all customers, and the unit price paid of each, NaN where unknown."""
    if not (tables.has("order_lines") and tables.has("orders")):
        nothing = np.empty(0, dtype=np.int64)
        return Purchases(nothing, nothing, nothing, nothing, tables.size, products), np.empty(0)
    arrow = tables.query(
        f"WITH product AS ({_product_sql(tables)}), counted AS (SELECT order_id, position, "
        "epoch_us(ordered_at) AS moment, row_number() OVER (ORDER BY ordered_at, order_id) - 1 AS code "
        f"FROM {CANONICAL}.orders JOIN {INDEX} USING (customer_id) WHERE {_counts(as_of)}) "
        "SELECT position::BIGINT AS customer, place::BIGINT AS product, moment, code::BIGINT AS code, "
        "coalesce(median(price), 'nan'::DOUBLE) AS price "
        f"FROM {CANONICAL}.order_lines JOIN counted USING (order_id) JOIN product USING (product_id) "
        "WHERE coalesce(quantity, 1) > 0 GROUP BY ALL ORDER BY 1, 3, 4, 2"
    ).to_arrow_table()
    customer, product, at, code, price = (column.to_numpy() for column in arrow.columns)
    return Purchases(customer, product, at, code, tables.size, products), price


def _viewed(tables: Tables, as_of: int) -> Views:
    """Return what was viewed, by all customers."""
    if not tables.has("events"):
        nothing = np.empty(0, dtype=np.int64)
        return Views(nothing, nothing, nothing)
    names = ", ".join(f"'{name}'" for name in VIEW_EVENTS)
    arrow = tables.query(
        f"WITH product AS ({_product_sql(tables)}) SELECT DISTINCT position::BIGINT AS customer, "
        "place::BIGINT AS product, epoch_us(timestamp) AS moment "
        f"FROM {CANONICAL}.events JOIN {INDEX} USING (customer_id) JOIN product USING (product_id) "
        f"WHERE event IN ({names}) AND epoch_us(timestamp) <= {as_of} ORDER BY 1, 3, 2"
    ).to_arrow_table()
    return Views(*(column.to_numpy() for column in arrow.columns))


def _price_paid(purchases: Purchases, paid: Array) -> Array:
    """Return the median price paid of each product, NaN where too few customers paid one; shape (P,)."""
    answer = np.full(purchases.products, np.nan)
    known = ~np.isnan(paid)
    product, customer, price = purchases.product[known], purchases.customer[known], paid[known]
    sequence = np.lexsort((price, product))
    product, customer, price = product[sequence], customer[sequence], price[sequence]
    present, start, count = np.unique(product, return_index=True, return_counts=True)
    answer[present] = (price[start + (count - 1) // 2] + price[start + count // 2]) / 2
    distinct = np.unique(customer * max(purchases.products, 1) + product) % max(purchases.products, 1)
    answer[np.bincount(distinct, minlength=purchases.products) < MIN_CUSTOMERS] = np.nan
    return answer


def _catalogue(listed: pa.Table, paid: Array) -> Catalogue:
    """Return the products as listed, with the price paid where none is."""
    names = tuple((name or "")[:NAME_LENGTH] for name in listed.column("name").to_pylist())
    said = [(category or "")[:NAME_LENGTH] for category in listed.column("category").to_pylist()]
    categories = tuple(sorted(set(said) - {""}))
    place = {"": -1} | {name: k for k, name in enumerate(categories)}
    price = listed.column("price").to_numpy()
    price = np.where(np.isnan(price), paid, price)
    price = np.where((price >= 0) & (price <= _HIGHEST_PRICE), price, np.nan)
    active = listed.column("active").to_numpy(zero_copy_only=False).astype(bool)
    return Catalogue(
        tuple(listed.column("product_id").to_pylist()),
        names,
        np.array([place[name] for name in said], dtype=np.int64),
        categories,
        price,
        active,
    )


def _narrowed(shop: Shop, kept: Array) -> Shop:
    """Return a shop of some of its products, bool of shape (P,)."""
    if kept.all():
        return shop
    place = np.cumsum(kept) - 1
    whole, bought = shop.catalogue, sliced(shop.purchases, kept[shop.purchases.product])
    rows = np.flatnonzero(kept).tolist()
    used = np.unique(whole.category[kept])
    used = used[used >= 0]
    category = np.where(whole.category >= 0, np.searchsorted(used, whole.category), -1)
    catalogue = Catalogue(
        tuple(whole.ids[row] for row in rows),
        tuple(whole.names[row] for row in rows),
        category[kept],
        tuple(whole.categories[k] for k in used.tolist()),
        whole.price[kept],
        whole.active[kept],
    )
    views = sliced(shop.views, kept[shop.views.product])
    return Shop(
        catalogue,
        Purchases(
            bought.customer, place[bought.product], bought.at, bought.order, bought.customers, len(rows)
        ),
        Views(views.customer, place[views.product], views.at),
        shop.denied,
    )
