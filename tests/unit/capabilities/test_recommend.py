"""Recommendations: which task a list answers, what each rule leaves out, and what goes with a product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.capabilities.recommend import (
    ALL_ITEMS,
    CART_ITEMS,
    COLD_START,
    NEW_ITEMS,
    TYPES,
    Ranked,
    Wish,
    best,
    rank,
    scored_for,
    similar,
    task_of,
)
from app.domain.history import Array
from app.estimators.blend import AT, SOURCES, ItemModel
from app.estimators.items import Links, Pairs, rule_of
from app.estimators.shopper import Shopper
from tests.items import (
    BISCUIT,
    BLACK,
    CAKE,
    COFFEE,
    CUP,
    GIFT,
    GREEN,
    HONEY,
    OLD_CUP,
    OOLONG,
    POT,
    TRAY,
    blend,
    catalogue,
    model,
)
from tests.unit.estimators.random_items import random_model, random_shopper

SIZE = 12
EVERYTHING = np.ones(SIZE, dtype=bool)
BUYER = Shopper(np.array([GREEN, CUP]), np.array([20.0, 20.0]), np.array([0, 0]))


def without(*products: int) -> Array:
    allowed = EVERYTHING.copy()
    allowed[list(products)] = False
    return allowed


def shown(ranked: Ranked) -> list[int]:
    return [pick.product for pick in ranked.picks]


def bare(*, links: bool = True, pairs: bool = True) -> ItemModel:
    """Return the model without rows of links or of pairs."""
    none = np.empty((SIZE, 0), dtype=np.int32)
    items = catalogue()
    if links:
        items = replace(items, links=Links(none, none.astype(np.float32), none))
    if pairs:
        items = replace(items, pairs=Pairs(none, none, none))
    return ItemModel(items, blend())


@pytest.mark.parametrize(
    ("person", "allowed", "types", "task"),
    [
        (Shopper(), EVERYTHING, TYPES, COLD_START),
        (Shopper(group=1, month=3), EVERYTHING, TYPES, COLD_START),
        (BUYER, EVERYTHING, TYPES, ALL_ITEMS),
        (BUYER, without(GREEN), TYPES, ALL_ITEMS),
        (BUYER, without(GREEN, CUP), TYPES, NEW_ITEMS),
        (BUYER, EVERYTHING, TYPES[1:], NEW_ITEMS),
        (Shopper(cart=np.array([GREEN])), without(GREEN), TYPES, CART_ITEMS),
        (Shopper(viewed=np.array([GREEN]), viewed_days=np.array([1.0])), EVERYTHING, TYPES, NEW_ITEMS),
    ],
)
def test_the_task_is_what_can_be_asked(
    person: Shopper, allowed: Array, types: tuple[str, ...], task: str
) -> None:
    wish = Wish(5, allowed, frozenset(types))
    assert task_of(person, wish) == task
    assert rank(model(), person, wish).task == task


def test_each_task_has_weights_of_its_own() -> None:
    row = np.zeros(len(SOURCES))
    row[AT["popularity_new"]] = 1.0
    taste = blend().weights[ALL_ITEMS]
    weights = {ALL_ITEMS: taste, NEW_ITEMS: row, COLD_START: row}
    one = replace(model(), blend=blend(weights=weights))
    popular = [product for product in one.items.by_popularity.tolist() if product not in {GREEN, CUP}]
    assert shown(rank(one, BUYER, Wish(4, without(GREEN, CUP)))) == popular[:4]
    assert shown(rank(one, BUYER, Wish(4, EVERYTHING))) != popular[:4]


def test_a_stranger_gets_the_popular_list() -> None:
    row = np.zeros(len(SOURCES))
    row[AT["popularity_new"]] = 1.0
    one = replace(model(), blend=blend(weights=dict.fromkeys(blend().weights, row)))
    ranked = rank(one, Shopper(), Wish(5, one.items.active))
    assert shown(ranked) == one.items.by_popularity[:5].tolist()
    assert {pick.type for pick in ranked.picks} == {"popular"}
    share = one.items.popularity[shown(ranked)]
    assert [pick.score for pick in ranked.picks] == pytest.approx((share / share[0]).tolist())


def test_a_plain_list_is_what_training_judges() -> None:
    rng = np.random.default_rng(0)
    for _ in range(25):
        one, person = random_model(rng), random_shopper(rng)
        allowed = rng.random(14) < 0.8
        wish = Wish(6, allowed)
        ranked = rank(one, person, wish)
        assert shown(ranked) == best(one, person, ranked.task, allowed, 6).tolist()


def test_the_list_has_the_highest_margins_of_all_that_may_be_shown() -> None:
    rng = np.random.default_rng(1)
    for _ in range(25):
        one, person = random_model(rng), random_shopper(rng)
        one = replace(one, items=replace(one.items, active=np.ones(14, dtype=bool)))
        allowed = rng.random(14) < 0.8
        ranked = rank(one, person, Wish(5, allowed))
        scored = scored_for(one, person, ranked.task, allowed, is_wide=True)
        order = np.argsort(-scored.margin, kind="stable")[:5]
        assert shown(ranked) == scored.product[order].tolist()
        scores = np.exp(scored.margin[order] - scored.margin.max())
        assert [pick.score for pick in ranked.picks] == pytest.approx(scores.tolist())


def test_products_beyond_the_candidates_fill_a_short_list() -> None:
    nothing_active = replace(model(), items=catalogue(active=np.zeros(SIZE, dtype=bool)))
    few = rank(nothing_active, BUYER, Wish(3, EVERYTHING))
    assert len(few.picks) == 3
    whole = rank(nothing_active, BUYER, Wish(SIZE, EVERYTHING))
    assert sorted(shown(whole)) == list(range(SIZE))
    assert len(rank(model(), Shopper(), Wish(SIZE, EVERYTHING)).picks) == SIZE


def test_only_wanted_types_are_listed_and_the_rest_is_counted() -> None:
    whole = rank(model(), BUYER, Wish(SIZE, EVERYTHING))
    kinds = {pick.product: pick.type for pick in whole.picks}
    assert len(kinds) == SIZE
    for name in set(kinds.values()):
        ranked = rank(model(), BUYER, Wish(SIZE, EVERYTHING, frozenset({name})))
        assert set(shown(ranked)) == {product for product, kind in kinds.items() if kind == name}
        assert {pick.type for pick in ranked.picks} == {name}
        assert ranked.left_out["type"] == SIZE - len(ranked.picks)
        assert ranked.picks[0].score == 1.0


def test_the_cap_holds_and_what_it_took_is_counted() -> None:
    ranked = rank(model(), Shopper(), Wish(SIZE, EVERYTHING, max_per_category=1))
    category = [int(catalogue().category[product]) for product in shown(ranked)]
    assert sorted(category) == [-1, 0, 1, 2, 3]
    assert ranked.left_out == {"type": 0, "category_cap": SIZE - 5}
    assert rank(model(), Shopper(), Wish(2, EVERYTHING, max_per_category=9)).left_out["category_cap"] == 0


def test_diversity_keeps_the_best_first_and_brings_other_categories_up() -> None:
    plain = rank(model(), BUYER, Wish(5, without(GREEN, CUP)))
    spread = rank(model(), BUYER, Wish(5, without(GREEN, CUP), diversity=0.6))
    assert shown(spread)[0] == shown(plain)[0]
    kinds = [len(set(catalogue().category[shown(one)].tolist())) for one in (plain, spread)]
    assert kinds[1] >= kinds[0]
    assert shown(spread) != shown(plain)
    assert len(spread.picks) == 5


def test_parts_are_told_on_request_and_add_up() -> None:
    assert all(not pick.parts for pick in rank(model(), BUYER, Wish(4, EVERYTHING)).picks)
    ranked = rank(model(), BUYER, Wish(SIZE, EVERYTHING), explain=True)
    totals = [sum(pick.parts.values()) for pick in ranked.picks]
    expected = [np.exp(total - totals[0]) for total in totals]
    assert [pick.score for pick in ranked.picks] == pytest.approx(expected)
    assert {name for pick in ranked.picks for name in pick.parts} <= set(SOURCES)


@pytest.mark.parametrize("limit", [0, -1])
def test_no_list_is_wanted(limit: int) -> None:
    for person in (Shopper(), BUYER):
        assert rank(model(), person, Wish(limit, EVERYTHING)).picks == ()
    assert similar(model(), np.array([GREEN]), Wish(limit, EVERYTHING)).picks == ()


def test_ties_stand_in_the_order_of_the_catalogue() -> None:
    even = model(popularity=np.full(SIZE, 1 / SIZE), trend=np.zeros(SIZE), customers=np.full(SIZE, 20))
    assert shown(rank(even, Shopper(), Wish(4, EVERYTHING))) == [0, 1, 2, 3]
    assert shown(rank(even, Shopper(), Wish(4, without(1)))) == [0, 2, 3, 4]


def test_group_and_season_speak_to_whom_and_when_they_are() -> None:
    plain = shown(rank(model(), Shopper(), Wish(3, EVERYTHING)))
    assert shown(rank(model(), Shopper(group=1), Wish(3, EVERYTHING)))[0] == POT
    assert shown(rank(model(), Shopper(month=11), Wish(3, EVERYTHING)))[0] == GIFT
    assert not {POT, GIFT} & set(plain)


def test_what_goes_with_a_product_are_its_pairs_then_its_links() -> None:
    ranked = similar(model(), np.array([GREEN]), Wish(9, EVERYTHING))
    assert shown(ranked) == [CUP, HONEY, BLACK, OOLONG]
    assert [pick.reason.code for pick in ranked.picks] == ["bought_together"] * 2 + ["similar_buyers"] * 2
    rule = rule_of(catalogue(), GREEN, CUP)
    other = rule_of(catalogue(), GREEN, HONEY)
    assert rule is not None
    assert other is not None
    worth = [1 + one.confidence * np.log1p(one.lift) for one in (rule, other)]
    assert [pick.score for pick in ranked.picks] == pytest.approx(
        [1.0, worth[1] / worth[0], 0.8 / worth[0], 0.6 / worth[0]], rel=1e-6
    )
    assert ranked.picks[0].reason.numbers["orders"] == 80
    assert ranked.picks[2].reason.numbers == {"customers": 60}


def test_what_goes_with_several_products_is_summed_and_not_they_themselves() -> None:
    ranked = similar(model(), np.array([GREEN, CUP, POT]), Wish(9, EVERYTHING))
    assert not {GREEN, CUP, POT} & set(shown(ranked))
    assert shown(ranked)[0] == HONEY
    assert {pick.reason.products[0] for pick in ranked.picks} <= {GREEN, CUP, POT}
    allowed = without(HONEY, TRAY)
    left = similar(model(), np.array([GREEN, CUP, POT]), Wish(9, allowed))
    assert shown(left) == [product for product in shown(ranked) if allowed[product]]


def test_what_goes_with_nothing_is_nothing() -> None:
    assert similar(model(), np.array([COFFEE]), Wish(5, EVERYTHING)).picks == ()
    assert similar(model(), np.array([GREEN]), Wish(5, np.zeros(SIZE, dtype=bool))).picks == ()
    assert similar(bare(), np.array([GREEN]), Wish(5, EVERYTHING)).picks == ()


def test_catalogues_without_links_or_pairs_answer() -> None:
    assert shown(similar(bare(pairs=False), np.array([BLACK]), Wish(5, EVERYTHING))) == [BISCUIT, CAKE]
    assert shown(similar(bare(links=False), np.array([CUP]), Wish(5, EVERYTHING))) == [GREEN, POT, OLD_CUP]
    for one in (bare(), bare(pairs=False), bare(links=False)):
        ranked = rank(one, BUYER, Wish(SIZE, EVERYTHING), explain=True)
        assert sorted(shown(ranked)) == list(range(SIZE))
        assert all(np.isfinite(pick.score) for pick in ranked.picks)
