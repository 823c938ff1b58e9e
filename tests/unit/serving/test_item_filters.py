from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Array
from app.serving.item_filters import ORDER, Allowed, Filters, Strange, allowed_products, strange_names
from tests.items import BLACK, CAKE, CATEGORIES, CUP, GREEN, HONEY, IDS, OLD_CUP, catalogue

ITEMS = catalogue()
NOTHING = np.empty(0, dtype=np.int64)
UNBOUGHT = (NOTHING, np.empty(0))


def allowed(filters: Filters, cart: Array = NOTHING, bought: tuple[Array, Array] = UNBOUGHT) -> Allowed:
    return allowed_products(ITEMS, filters, cart, bought)


def shown(filters: Filters, cart: Array = NOTHING, bought: tuple[Array, Array] = UNBOUGHT) -> set[str]:
    return {IDS[k] for k in np.flatnonzero(allowed(filters, cart, bought).mask)}


def test_all_that_is_sold_may_be_shown() -> None:
    assert shown(Filters()) == set(IDS) - {"old-cup"}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(exclude_items=["cup", "?", "cup"]), set(IDS) - {"old-cup", "cup"}),
        (Filters(categories=["tea", "?"]), {"tea-green", "tea-black", "tea-oolong"}),
        (Filters(categories=["?"]), set()),
        (
            Filters(exclude_categories=["tea", "ware", "?"]),
            {"honey", "cake", "biscuit", "gift", "coffee"},
        ),
        (Filters(price_min=12), {"tea-black", "tea-oolong", "pot", "gift"}),
        (Filters(price_max=5), {"cake", "biscuit"}),
        (Filters(price_min=8, price_max=9), {"cup", "coffee"}),
        (Filters(in_stock=["tray", "old-cup", "?"]), {"tray"}),
        (Filters(in_stock=[]), set()),
    ],
)
def test_filter_leaves_what_it_says(filters: Filters, expected: set[str]) -> None:
    assert shown(filters) == expected


def test_what_is_in_the_cart_is_not_shown() -> None:
    assert shown(Filters(), np.array([CUP])) == set(IDS) - {"old-cup", "cup"}


@pytest.mark.parametrize(
    ("filters", "hidden"),
    [
        (Filters(), set()),
        (Filters(hide_bought=True), {"cup", "honey"}),
        (Filters(hide_bought=True, bought_days=30), {"cup"}),
        (Filters(hide_bought=True, bought_days=31), {"cup", "honey"}),
    ],
)
def test_what_was_bought_is_hidden_if_asked_for(filters: Filters, hidden: set[str]) -> None:
    bought = (np.array([CUP, HONEY]), np.array([3.0, 31.0]))
    assert shown(filters, bought=bought) == set(IDS) - {"old-cup"} - hidden


def test_first_filter_that_takes_a_product_counts_it() -> None:
    filters = Filters(
        exclude_items=["old-cup", "cup"],
        exclude_categories=["ware", "food"],
        price_max=12,
        in_stock=["tea-green", "tea-black", "coffee"],
        hide_bought=True,
    )
    told = allowed(filters, np.array([GREEN]), (np.array([GREEN, BLACK]), np.ones(2)))
    assert {name: count for name, count in told.taken.items() if count} == {
        "inactive": 1,  # the old cup
        "excluded": 1,  # the cup
        "category": 5,  # the rest of ware and food
        "price": 2,  # oolong, gift box
        "in_cart": 1,
        "already_bought": 1,
    }
    assert tuple(told.taken) == ORDER
    assert shown(filters, np.array([GREEN]), (np.array([GREEN, BLACK]), np.ones(2))) == {"coffee"}


NAMES = st.lists(st.sampled_from([*IDS, "?"]), max_size=6)
WORDS = st.lists(st.sampled_from([*CATEGORIES, "?"]), max_size=3)
PRICES = st.none() | st.integers(0, 30)


@given(
    st.builds(
        Filters,
        exclude_items=NAMES,
        categories=st.none() | WORDS,
        exclude_categories=WORDS,
        price_min=PRICES,
        price_max=PRICES,
        in_stock=st.none() | NAMES,
        hide_bought=st.booleans(),
        bought_days=st.none() | st.integers(1, 9),
    ),
    st.lists(st.integers(0, len(IDS) - 1), unique=True, max_size=4),
    st.dictionaries(st.integers(0, len(IDS) - 1), st.integers(0, 10), max_size=4),
)
def test_products_are_shown_or_counted_once(filters: Filters, cart: list[int], last: dict[int, int]) -> None:
    bought = (np.array(sorted(last), dtype=np.int64), np.array([float(last[k]) for k in sorted(last)]))
    told = allowed(filters, np.array(cart, dtype=np.int64), bought)
    assert told.mask.sum() + sum(told.taken.values()) == len(IDS)
    for k in np.flatnonzero(told.mask).tolist():
        category = CATEGORIES[ITEMS.category[k]] if ITEMS.category[k] >= 0 else None
        assert k != OLD_CUP
        assert k not in cart
        assert IDS[k] not in filters.exclude_items
        assert filters.categories is None or category in filters.categories
        assert category not in filters.exclude_categories
        assert filters.price_min is None or ITEMS.price[k] >= filters.price_min
        assert filters.price_max is None or ITEMS.price[k] <= filters.price_max
        assert filters.in_stock is None or IDS[k] in filters.in_stock
        if filters.hide_bought and k in last:
            assert filters.bought_days is not None
            assert last[k] > filters.bought_days


def test_names_that_the_catalogue_does_not_hold_are_counted() -> None:
    filters = Filters(
        exclude_items=["cup", "?", "?"],
        categories=["Coffe", "tea"],
        exclude_categories=["zzz", "Coffe"],
        in_stock=["a", "b", "cake"],
    )
    assert strange_names(ITEMS, filters) == Strange(2, "coffee", 1, 2)
    assert strange_names(ITEMS, Filters(categories=["zzz" * 40])) == Strange(1, None)
    assert strange_names(ITEMS, Filters()) == Strange()


def test_catalogue_without_categories_has_none_of_them() -> None:
    items = replace(ITEMS, categories=(), category=np.full(len(IDS), -1, dtype=np.int32))
    assert not allowed_products(items, Filters(categories=["tea"]), NOTHING, UNBOUGHT).mask.any()
    mask = allowed_products(items, Filters(exclude_categories=["tea"]), NOTHING, UNBOUGHT).mask
    assert mask[CAKE]
