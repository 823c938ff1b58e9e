"""Baskets with one product hidden: never in the cart, and learned from other baskets alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.recommendations.left_out import KITH, POPULARITY, LeftOutQuestion, hide, hit_rates
from tests.unit.benchmarks.recommendations.made import baskets


def test_what_is_hidden_is_of_baskets_that_nothing_was_learned_from() -> None:
    held = baskets()
    hidden = hide(held, 3)
    assert len(np.unique(hidden.known.order)) == 240
    assert len(hidden.carts) == 60
    parts = {tuple(part.tolist()) for part in held.parts}
    for cart, product in zip(hidden.carts, hidden.product.tolist(), strict=True):
        assert product not in cart
        assert tuple(sorted([*cart.tolist(), product])) in parts
    assert np.array_equal(hide(held, 3).product, hidden.product)
    assert not np.array_equal(hide(held, 4).product, hidden.product)


def test_a_basket_of_one_product_has_nothing_to_hide() -> None:
    held = baskets()
    single = replace(held, product=np.arange(20), basket=np.arange(20))
    assert hide(single, 0).carts == ()


def test_halves_are_found_where_popularity_does_not_know_them() -> None:
    held = baskets()
    found = hit_rates(hide(held, 3), held.names)
    assert {len(one) for one in found.values()} == {60}
    assert found[KITH].mean() > 0.9  # nine others of the half for ten places
    assert found[POPULARITY].mean() < 0.8


def test_the_page_holds_every_contender_and_bounds(tmp_path: Path) -> None:
    asked = LeftOutQuestion("Made up", "Nothing.", tmp_path, baskets)
    page, document, missed = asked.answered()
    assert missed == []
    assert page.count("* held: ") == 3
    assert document["carts"] == 60
    assert set(document["hit_rate_at_10"]) >= {KITH, POPULARITY}
    assert asked.missing() == []
    assert replace(asked, file=tmp_path / "gone").missing() == ["gone"]
