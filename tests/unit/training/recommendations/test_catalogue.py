"""The assembled catalogue: it fits its own file, and tells nothing of a few."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.item_files import read_items, write_items
from app.estimators.items import MIN_CUSTOMERS, Items, rule_of
from training.recommendations.catalogue import ItemSettings, assemble
from training.recommendations.links import LinkSettings
from training.recommendations.purchases import Purchases, plain_catalogue, purchases_of

PRODUCTS = 20
CATALOGUE = plain_catalogue(tuple(f"p{k:02d}" for k in range(PRODUCTS)))
NOW = 900 * MICROSECONDS_PER_DAY
SETTINGS = ItemSettings(NOW, links=LinkSettings(l2=3.0))


def shop(customers: int = 200) -> Purchases:
    rng = np.random.default_rng(0)
    order = np.repeat(np.arange(customers * 4), 3)
    product = (np.repeat(rng.integers(0, 15, customers), 12) + rng.poisson(1.0, len(order))) % 15
    at = np.repeat(rng.integers(0, NOW, customers * 4), 3)
    return purchases_of(product, order, PRODUCTS, order // 4, at)


def profile(customers: int = 200) -> Array:
    return np.array([("uk", "de", None)[k % 3] if k < 199 else "fr" for k in range(customers)], dtype=object)


def same(one: Items, other: Items) -> bool:
    """Return whether two catalogues hold the same."""

    def equal(a: Any, b: Any) -> bool:
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a == b

    names = [field.name for field in fields(one) if field.name not in {"links", "pairs"}]
    parts: list[tuple[Any, Any, list[str]]] = [
        (one, other, names),
        (one.links, other.links, ["index", "weight", "customers"]),
        (one.pairs, other.pairs, ["index", "orders", "customers"]),
    ]
    return all(equal(getattr(a, name), getattr(b, name)) for a, b, listed in parts for name in listed)


def test_a_catalogue_survives_its_file_and_is_the_same_again() -> None:
    found = assemble(CATALOGUE, shop(), SETTINGS, profile())
    assert same(found, read_items(*write_items(found)))
    assert write_items(found) == write_items(assemble(CATALOGUE, shop(), SETTINGS, profile()))
    assert found.groups == ("de", "uk")
    assert (found.links.index < PRODUCTS).any()
    assert (found.pairs.index < PRODUCTS).any()
    assert len(found.month_lift) == 12


def test_the_numbers_of_a_rule_are_those_of_the_orders() -> None:
    told = shop()
    found = assemble(CATALOGUE, told, SETTINGS)
    a, b = 3, int(found.pairs.index[3, 0])
    rule = rule_of(found, a, b)
    orders = [set(told.product[told.order == order].tolist()) for order in np.unique(told.order)]
    both = sum({a, b} <= held for held in orders)
    assert rule is not None
    assert (rule.orders, found.order_count) == (both, len(orders))
    assert rule.confidence == both / sum(a in held for held in orders)


def test_how_often_a_product_was_bought_is_told_from_five_customers_on() -> None:
    for customers, told in ((MIN_CUSTOMERS - 1, (0, 0)), (MIN_CUSTOMERS, (2 * MIN_CUSTOMERS, MIN_CUSTOMERS))):
        order = np.arange(2 * customers)
        bought = purchases_of(np.zeros_like(order), order, PRODUCTS, order // 2)
        found = assemble(CATALOGUE, bought, SETTINGS)
        assert (found.orders[0], found.customers[0]) == told
        assert found.order_count == 2 * customers


def test_nothing_leads_to_what_is_no_longer_sold() -> None:
    retired = replace(CATALOGUE, active=np.arange(PRODUCTS) >= 5)
    found = assemble(retired, shop(), SETTINGS)
    for index in (found.links.index, found.pairs.index):
        assert index[(index < PRODUCTS)].min() == 5
        assert (index[:5] < PRODUCTS).any()
    assert not np.isin(found.by_popularity, np.arange(5)).any()


def test_links_and_pairs_can_be_left_out() -> None:
    found = assemble(CATALOGUE, shop(), replace(SETTINGS, links=None, with_pairs=False))
    assert found.links.index.shape == found.pairs.index.shape == (PRODUCTS, 0)
    assert same(found, read_items(*write_items(found)))


def test_a_catalogue_without_purchases_can_be_served() -> None:
    nothing = np.empty(0, dtype=np.int64)
    found = assemble(CATALOGUE, purchases_of(nothing, nothing, PRODUCTS), SETTINGS, profile(0))
    assert same(found, read_items(*write_items(found)))
    assert found.by_popularity.tolist() == list(range(PRODUCTS))
