"""Spreading a list: the order as given without strength, unlike products with it, and a cap that holds."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.diversity import likeness_to, spread
from app.estimators.items import Items
from tests.items import BLACK, CAKE, COFFEE, CUP, GIFT, GREEN, HONEY, OOLONG, POT, TRAY, catalogue
from tests.unit.estimators.random_items import random_catalogue

TEAS_FIRST = np.array([GREEN, BLACK, OOLONG, CUP, HONEY, COFFEE])
FALLING = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.1])


def listed(
    limit: int, strength: float, cap: int | None = None, relevance: Array = FALLING
) -> tuple[list[int], int]:
    kept, capped = spread(catalogue(), TEAS_FIRST, relevance, limit, strength, cap)
    return TEAS_FIRST[kept].tolist(), capped


def slowly(
    items: Items, products: Array, relevance: Array, limit: int, strength: float, cap: int | None
) -> tuple[list[int], int]:
    """Return the same one product at a time."""
    left, capped = list(range(len(products))), 0
    kept: list[int] = []
    count: dict[int, int] = {}
    while left and len(kept) < limit:
        likeness = {
            k: max((float(likeness_to(items, products[[k]], int(products[j]))[0]) for j in kept), default=0.0)
            for k in left
        }
        best = max(left, key=lambda k: ((1.0 - strength) * relevance[k] - strength * likeness[k], -k))
        left.remove(best)
        group = int(items.category[products[best]])
        if cap is not None and group >= 0:
            if count.get(group, 0) >= cap:
                capped += 1
                continue
            count[group] = count.get(group, 0) + 1
        kept.append(best)
    return kept, capped


def test_without_strength_and_cap_the_order_is_as_given() -> None:
    assert listed(4, 0.0) == (TEAS_FIRST[:4].tolist(), 0)
    assert listed(99, 0.0) == (TEAS_FIRST.tolist(), 0)


def test_with_strength_the_likest_stay_behind() -> None:
    found, _ = listed(3, 0.5)
    # Black and oolong tea are of one category with green tea; honey is linked less to it than the cup.
    assert found == [GREEN, HONEY, CUP]
    assert listed(1, 1.0)[0] == [GREEN]


def test_no_category_holds_more_than_the_cap() -> None:
    assert listed(6, 0.0, 1) == ([GREEN, CUP, HONEY, COFFEE], 2)
    assert listed(6, 0.0, 2) == ([GREEN, BLACK, CUP, HONEY, COFFEE], 1)
    assert listed(6, 0.0, 0) == ([], 6)


def test_only_what_would_have_stood_in_the_list_is_counted() -> None:
    # Oolong stands before the cup, nothing else of a full category before the last that is listed.
    assert listed(2, 0.0, 1) == ([GREEN, CUP], 2)
    assert listed(1, 0.0, 1) == ([GREEN], 0)


def test_products_without_category_have_no_cap() -> None:
    bare = catalogue(category=np.full(12, -1, dtype=np.int32), categories=())
    kept, capped = spread(bare, TEAS_FIRST, FALLING, 6, 0.0, 1)
    assert (kept.tolist(), capped) == (list(range(6)), 0)


def test_nothing_is_listed_of_nothing() -> None:
    none = np.empty(0, dtype=np.int64)
    for cap in (None, 1):
        kept, capped = spread(catalogue(), none, np.empty(0), 5, 0.5, cap)
        assert (kept.tolist(), capped) == ([], 0)
        assert kept.dtype == np.int64


def test_lists_are_those_of_one_product_at_a_time() -> None:
    rng = np.random.default_rng(0)
    for _ in range(120):
        items = random_catalogue(rng)
        products = rng.permutation(items.size)[: rng.integers(0, items.size + 1)]
        relevance = np.sort(rng.choice([0.0, 0.2, 0.5, 1.0, rng.random()], len(products)))[::-1]
        limit, strength = int(rng.integers(1, 8)), float(rng.choice([0.0, 0.3, 0.7, 1.0]))
        cap = [None, 1, 2][int(rng.integers(3))]
        kept, capped = spread(items, products, relevance, limit, strength, cap)
        assert (kept.tolist(), capped) == slowly(items, products, relevance, limit, strength, cap)


def test_a_cap_that_cannot_be_filled_ends_at_once_in_a_large_catalogue() -> None:
    size = 60_000
    rng = np.random.default_rng(1)
    large = catalogue(category=rng.integers(0, 4, size).astype(np.int32))
    kept, capped = spread(large, np.arange(size), np.linspace(1, 0, size), 20, 0.0, 1)
    assert (len(kept), capped) == (4, size - 4)


def test_likeness_is_half_category_half_link() -> None:
    products = np.array([BLACK, OOLONG, CUP, HONEY, GIFT, COFFEE])
    found = likeness_to(catalogue(), products, GREEN)
    # The links of green tea: the cup 0.5, black tea 0.4, honey 0.35, oolong tea 0.3.
    assert found.tolist() == pytest.approx([0.5 + 0.4, 0.5 + 0.3, 0.5, 0.35, 0.0, 0.0], abs=1e-6)
    assert likeness_to(catalogue(), np.array([CAKE, TRAY]), GIFT).tolist() == [0.0, 0.0]
    assert likeness_to(catalogue(), np.array([POT]), COFFEE).tolist() == [0.0]


def test_likeness_is_from_0_to_1_whatever_the_order_of_a_row() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        items = random_catalogue(rng)
        for other in range(items.size):
            found = likeness_to(items, np.arange(items.size), other)
            assert ((found >= 0) & (found <= 1)).all()


def test_likeness_without_links_is_the_category() -> None:
    items = random_catalogue(np.random.default_rng(3), width=0)
    found = likeness_to(items, np.arange(items.size), 0)
    assert set(found.tolist()) <= {0.0, 0.5}
    assert items.size > CUP
