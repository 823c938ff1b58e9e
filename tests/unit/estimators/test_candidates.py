"""Candidates and margins beside a slow, dense account of what the blend says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import exp, isnan, log
from typing import Final

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.blend import AT, REBUY_ORDERS, SOURCES, TASKS, ItemModel
from app.estimators.candidates import (
    FREQUENCY_LEAST,
    LINKS_LEAST,
    PAIRS_LEAST,
    VIEWS_LEAST,
    Scored,
    intervals,
    rebuy_values,
    score_candidates,
)
from app.estimators.items import POOL, Links, rule_of
from app.estimators.shopper import Shopper
from tests.items import BISCUIT, BLACK, COFFEE, CUP, GREEN, HONEY, OLD_CUP, catalogue, model
from tests.unit.estimators.random_items import random_catalogue, random_model, random_shopper

SIZE: Final = 14


class Slowly:
    """One person and one catalogue, product by product, in plain Python."""

    def __init__(self, model: ItemModel, shopper: Shopper) -> None:
        self.items, self.blend, self.shopper = model.items, model.blend, shopper
        lines = zip(
            shopper.bought.tolist(), shopper.bought_days.tolist(), shopper.order.tolist(), strict=True
        )
        self.orders: dict[int, dict[int, float]] = {}
        for product, days, order in lines:
            self.orders.setdefault(product, {})[order] = days
        self.seen: dict[int, float] = {}
        for product, days in zip(shopper.viewed.tolist(), shopper.viewed_days.tolist(), strict=True):
            self.seen[product] = min(days, self.seen.get(product, days))

    def days(self, product: int) -> list[float]:
        return list(self.orders[product].values())

    def linked(self, product: int, weights: Mapping[int, float]) -> float:
        links = self.items.links
        total = 0.0
        for source, weight in weights.items():
            for other, strength in zip(
                links.index[source].tolist(), links.weight[source].tolist(), strict=True
            ):
                if other == product:
                    total += weight * strength
        return total

    def from_purchases(self, product: int) -> float:
        bought = {own: exp(-min(self.days(own)) / self.blend.link_days) for own in self.orders}
        cart = self.shopper.cart.tolist()
        total = sum(bought.values()) or 1.0
        share = {own: self.blend.cart_weight * total / len(cart) for own in cart}
        return self.linked(product, bought) + self.linked(product, share)

    def from_views(self, product: int) -> float:
        return self.linked(
            product, {one: exp(-days / self.blend.view_days) for one, days in self.seen.items()}
        )

    def beside(self, sums: Callable[[int], float], product: int) -> float:
        most = max(sums(one) for one in range(self.items.size))
        return log(1 + sums(product) / most / LINKS_LEAST) if most else 0.0

    def rebuy(self, product: int) -> float:
        days = self.days(product)
        usual = float(self.items.interval_days[product])
        usual = self.blend.interval_default if isnan(usual) else usual
        prior = self.blend.interval_prior
        interval = max((max(days) - min(days) + prior * usual) / (len(days) - 1 + prior), 1.0)
        passed = min(days) / interval
        bucket = sum(edge <= passed for edge in self.blend.rebuy_edges.tolist())
        return log(self.blend.rebuy[min(len(days), REBUY_ORDERS) - 1, bucket])

    def frequency(self, product: int) -> float:
        decayed = sum(exp(-days / self.blend.frequency_days) for days in self.days(product))
        return log(1 + decayed / FREQUENCY_LEAST)

    def value(self, source: str, product: int) -> float:
        is_own = product in self.orders
        if source.endswith("_bought") or source in {"bought", "breadth", "frequency", "orders", "rebuy"}:
            if not is_own:
                return 0.0
        elif source.endswith("_new") and is_own:
            return 0.0
        return float(VALUES[source](self, product))


def popularity(one: Slowly, product: int) -> float:
    return log(one.items.popularity[product] * one.items.size)


def viewed(one: Slowly, product: int) -> float:
    if product not in one.seen:
        return 0.0
    return log(1 + exp(-one.seen[product] / one.blend.view_days) / VIEWS_LEAST)


def group(one: Slowly, product: int) -> float:
    return float(one.items.group_lift[one.shopper.group, product]) if one.shopper.group >= 0 else 0.0


def by_purchases(one: Slowly, product: int) -> float:
    return one.beside(one.from_purchases, product)


def cart_pairs(one: Slowly, product: int) -> float:
    items, total = one.items, 0.0
    for other in one.shopper.cart.tolist():
        rule = rule_of(items, other, product)
        if rule is not None:
            total += rule.confidence * log(1 + rule.lift)
    return log(1 + total / PAIRS_LEAST)


VALUES: Final[Mapping[str, Callable[[Slowly, int], float]]] = {
    "bought": lambda _, __: 1.0,
    "breadth": lambda one, _: log(len(one.orders)),
    "frequency": Slowly.frequency,
    "orders": lambda one, product: log(len(one.orders[product])),
    "rebuy": Slowly.rebuy,
    "links_bought": by_purchases,
    "links_new": by_purchases,
    "popularity_bought": popularity,
    "popularity_new": popularity,
    "trend_new": lambda one, product: float(one.items.trend[product]),
    "ever": lambda one, product: log(one.items.customers[product] + 0.5),
    "viewed": viewed,
    "view_links": lambda one, product: one.beside(one.from_views, product),
    "group": group,
    "season": lambda one, product: float(one.items.month_lift[one.shopper.month, product]),
    "cart_pairs": cart_pairs,
}
"""The sources as their docstring tells them; whatever else the blend may hold is left out of these tests."""


def weights_of(one: ItemModel) -> Array:
    row = one.blend.weights[TASKS[0]].copy()
    row[[AT[name] for name in SOURCES if name not in VALUES]] = 0.0
    return row


def scored(one: ItemModel, person: Shopper, *, is_wide: bool = True, allowed: Array | None = None) -> Scored:
    everything = np.ones(one.items.size, dtype=bool) if allowed is None else allowed
    return score_candidates(one, person, weights_of(one), everything, is_wide=is_wide)


def cases(count: int, seed: int = 0) -> list[tuple[ItemModel, Shopper]]:
    rng = np.random.default_rng(seed)
    return [(random_model(rng, SIZE), random_shopper(rng, SIZE)) for _ in range(count)]


def test_margins_and_values_are_those_of_a_slow_account() -> None:
    for one, person in cases(40):
        found, slowly, row = scored(one, person), Slowly(one, person), weights_of(one)
        assert found.product.tolist() == list(range(SIZE))
        for product in range(SIZE):
            parts = {name: row[AT[name]] * slowly.value(name, product) for name in VALUES}
            assert found.margin[product] == pytest.approx(sum(parts.values()), rel=1e-9, abs=1e-9)
            told = found.parts(product)
            expected = {name: part for name, part in parts.items() if part}
            assert told == pytest.approx(expected, rel=1e-9, abs=1e-12)
        ties: dict[str, Callable[[int], float]] = {
            "links_new": slowly.from_purchases,
            "view_links": slowly.from_views,
            "viewed": slowly.seen.keys().__contains__,
            "cart_pairs": partial(cart_pairs, slowly),
        }
        linked = [any(tie(k) > 0 for name, tie in ties.items() if row[AT[name]]) for k in range(SIZE)]
        assert found.is_linked.tolist() == linked


def test_parts_and_values_add_up_to_the_margin() -> None:
    for one, person in cases(30, seed=1):
        found = scored(one, person, is_wide=False)
        assert found.values.shape == (len(found.product), len(SOURCES))
        np.testing.assert_allclose(found.values @ found.weights, found.margin, rtol=0, atol=1e-9)
        for row, margin in enumerate(found.margin.tolist()):
            assert sum(found.parts(row).values()) == pytest.approx(margin, abs=1e-9)


def test_sources_of_weight_0_tell_nothing() -> None:
    for one, person in cases(15, seed=2):
        for name in SOURCES:
            row = weights_of(one)
            row[AT[name]] = 0.0
            found = score_candidates(one, person, row, np.ones(SIZE, dtype=bool), is_wide=True)
            assert all(name not in found.parts(k) for k in range(SIZE))
            slowly = Slowly(one, person)
            expected = [
                sum(
                    row[AT[other]] * slowly.value(other, k)
                    for other in VALUES
                    if other != name and row[AT[other]]
                )
                for k in (0, SIZE - 1)
            ]
            assert found.margin[[0, SIZE - 1]].tolist() == pytest.approx(expected, abs=1e-9)


def test_some_and_all_candidates_have_the_same_margins() -> None:
    for one, person in cases(30, seed=3):
        one = replace(one, items=replace(one.items, active=np.zeros(SIZE, dtype=bool)))  # noqa: PLW2901  none popular
        allowed = np.random.default_rng(9).random(SIZE) < 0.7
        few, every = (scored(one, person, is_wide=wide, allowed=allowed) for wide in (False, True))
        assert every.product.tolist() == np.flatnonzero(allowed).tolist()
        assert set(few.product.tolist()) <= set(every.product.tolist())
        place = np.searchsorted(every.product, few.product)
        np.testing.assert_allclose(few.margin, every.margin[place], rtol=0, atol=1e-12)
        assert few.is_linked.tolist() == every.is_linked[place].tolist()
        # Whatever is linked, bought or viewed, and may be shown, is among the few.
        known = every.product[every.is_linked].tolist() + person.bought.tolist() + person.viewed.tolist()
        assert {product for product in known if allowed[product]} <= set(few.product.tolist())


def test_what_may_be_shown_does_not_change_the_margin_of_a_product() -> None:
    for one, person in cases(20, seed=4):
        allowed = np.random.default_rng(5).random(SIZE) < 0.5
        whole, part = scored(one, person), scored(one, person, allowed=allowed)
        np.testing.assert_allclose(part.margin, whole.margin[allowed], rtol=0, atol=1e-12)


def test_the_order_of_lines_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    for one, person in cases(30, seed=5):
        turned, seen = rng.permutation(len(person.bought)), rng.permutation(len(person.viewed))
        twice = np.concatenate([turned, turned[:2]])
        other = replace(
            person,
            bought=person.bought[twice],
            bought_days=person.bought_days[twice],
            order=person.order[twice],
            viewed=person.viewed[seen],
            viewed_days=person.viewed_days[seen],
            cart=rng.permutation(person.cart),
        )
        np.testing.assert_allclose(scored(one, other).margin, scored(one, person).margin, rtol=0, atol=1e-12)


def test_the_popular_are_candidates_for_everybody_and_the_inactive_are_not() -> None:
    found = scored(model(), Shopper(), is_wide=False)
    assert found.product.tolist() == [k for k in range(model().items.size) if k != OLD_CUP]
    rng = np.random.default_rng(7)
    size = POOL + 20
    items = replace(random_catalogue(rng, size), active=np.ones(size, dtype=bool))
    recent, lifted = np.argsort(-items.popularity)[:POOL], np.argsort(-items.customers, kind="stable")[:POOL]
    for name, pools in (("popularity_new", [recent]), ("ever", [recent, lifted])):
        weights = np.array([float(source == name) for source in SOURCES])
        found = score_candidates(ItemModel(items, model().blend), Shopper(), weights, items.active)
        assert found.product.tolist() == sorted(set(np.concatenate(pools).tolist()))


def test_the_popular_of_the_group_and_of_the_month_are_candidates() -> None:
    size = POOL + 20
    items = replace(
        random_catalogue(np.random.default_rng(8), size),
        active=np.ones(size, dtype=bool),
        popularity=np.linspace(2, 1, size) / (1.5 * size),
        groups=("a", "b"),
        group_lift=np.zeros((2, size), dtype=np.float32),
        month_lift=np.zeros((12, size), dtype=np.float32),
    )
    items.group_lift[1, size - 1], items.month_lift[4, size - 2] = 5.0, 5.0
    weights = np.array([float(source in {"popularity_new", "group", "season"}) for source in SOURCES])
    told = ItemModel(items, model().blend)
    found = score_candidates(told, Shopper(group=1, month=4), weights, items.active)
    assert set(found.product.tolist()) == {*range(POOL), size - 1, size - 2}
    assert found.product[found.margin.argmax()] >= size - 2
    others = score_candidates(told, Shopper(group=0, month=3), weights, items.active)
    assert others.product.tolist() == list(range(POOL))


def test_nothing_allowed_gives_no_candidates() -> None:
    person = Shopper(np.array([GREEN]), np.array([3.0]), np.array([0]), np.array([CUP]), np.array([1.0]))
    for is_wide in (False, True):
        found = scored(model(), person, is_wide=is_wide, allowed=np.zeros(12, dtype=bool))
        assert found.margin.shape == found.is_linked.shape == (0,)
        assert found.values.shape == (0, len(SOURCES))


def test_a_catalogue_without_links_has_margins() -> None:
    size = 12
    none = np.empty((size, 0), dtype=np.int32)
    bare = model(links=Links(none, none.astype(np.float32), none))
    person = Shopper(np.array([GREEN]), np.array([3.0]), np.array([0]), np.array([CUP]), np.array([1.0]))
    found = scored(bare, person)
    assert np.flatnonzero(found.is_linked).tolist() == [CUP]
    assert np.isfinite(found.margin).all()
    assert not any({"links_bought", "links_new", "view_links"} & found.parts(k).keys() for k in range(size))


def test_what_each_entry_adds_sums_to_the_links() -> None:
    for one, person in cases(25, seed=8):
        found = scored(one, person)
        for query in found.queries:
            added = query.added_to(found.product)
            assert added.shape == (SIZE, len(query.product))
            np.testing.assert_allclose(added.sum(axis=1), query.sums(), rtol=0, atol=1e-12)
        some = np.array([3, 1])
        one_query = found.queries[0]
        np.testing.assert_array_equal(one_query.added_to(some), one_query.added_to(found.product)[some])


def test_the_cart_weighs_as_told_beside_all_purchases() -> None:
    person = Shopper(np.array([BLACK]), np.array([50.0]), np.array([0]), cart=np.array([CUP, HONEY]))
    [query] = scored(model(), person).queries
    bought, cart = query.weight[0], query.weight[1:]
    assert cart.sum() == pytest.approx(model().blend.cart_weight * bought)
    assert cart[0] == cart[1]
    [alone] = scored(model(), Shopper(cart=np.array([CUP, HONEY]))).queries
    assert alone.weight.sum() == pytest.approx(model().blend.cart_weight)


def test_a_stranger_s_margins_are_sources_of_products_alone() -> None:
    found = scored(model(), Shopper(month=11))
    assert not found.is_linked.any()
    told = {name for k in range(len(found.product)) for name in found.parts(k)}
    assert told
    assert not told & {"bought", "breadth", "frequency", "links_new", "viewed", "view_links", "group"}


def test_own_intervals_are_shrunk_to_the_usual_one() -> None:
    usual = np.array([30.0, np.nan, 30.0, 30.0])
    orders, span = np.array([1, 1, 5, 5]), np.array([0.0, 0.0, 40.0, 0.0])
    # 4 gaps of 10 days and 2 of 30; 4 gaps of no time and 2 of 30.
    assert intervals(2.0, 60.0, orders, span, usual).tolist() == pytest.approx([30.0, 60.0, 100 / 6, 10.0])
    assert intervals(2.0, 60.0, np.array([9]), np.array([0.0]), np.array([0.5])).tolist() == [1.0]


def test_the_share_that_bought_again_is_looked_up_by_orders_and_by_elapsed_time() -> None:
    blend = replace(model().blend, rebuy=np.arange(1, 21).reshape(5, 4) / 20, interval_prior=2.0)
    orders, last = np.array([1, 1, 1, 2, 9]), np.array([14.9, 15.0, 60.0, 0.0, 1000.0])
    usual = np.full(5, 30.0)
    found = rebuy_values(blend, orders, last, last + 30.0 * (orders - 1), usual)
    assert np.exp(found).tolist() == pytest.approx([1 / 20, 2 / 20, 4 / 20, 5 / 20, 20 / 20])


def test_what_is_not_sold_any_more_may_still_be_asked_about() -> None:
    person = Shopper(np.array([OLD_CUP]), np.array([3.0]), np.array([0]))
    found = scored(model(), person, is_wide=False)
    assert OLD_CUP in found.product
    assert {CUP, COFFEE, BISCUIT} <= set(found.product.tolist())
    assert catalogue().size == model().items.size
