"""Types and reasons: each rule at its edges, and reasons that are true of the numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.estimators.blend import ALL_ITEMS, AT, ItemModel
from app.estimators.candidates import Scored, score_candidates
from app.estimators.item_types import TYPES, Reason, Typing, similar_reason, together
from app.estimators.items import rule_of
from app.estimators.shopper import HISTORY_LIMIT, Shopper
from tests.items import (
    BISCUIT,
    BLACK,
    CAKE,
    COFFEE,
    CUP,
    GIFT,
    GREEN,
    HONEY,
    OOLONG,
    POT,
    TRAY,
    blend,
    catalogue,
    model,
)
from tests.unit.estimators.random_items import random_catalogue, random_model, random_shopper

EVERYTHING = np.arange(len(catalogue().ids))


def buyer(*products: int, days: float = 3.0, **known: Any) -> Shopper:
    """Return somebody who bought some products in one order."""
    count = len(products)
    return Shopper(np.array(products), np.full(count, days), np.zeros(count, dtype=np.int64), **known)


def scored(one: ItemModel, person: Shopper) -> Scored:
    allowed = np.ones(one.items.size, dtype=bool)
    return score_candidates(one, person, one.blend.weights[ALL_ITEMS], allowed, is_wide=True)


def told(person: Shopper, one: ItemModel | None = None) -> dict[int, tuple[str, Reason]]:
    """Return type and reason of every product for a person."""
    one = model() if one is None else one
    found, typing = scored(one, person), Typing(one, person)
    kinds = typing.kinds(found.product, found.is_linked)
    reasons = typing.reasons(found, np.arange(len(found.product)), kinds)
    return {
        product: (TYPES[kind], reason)
        for product, kind, reason in zip(found.product.tolist(), kinds.type.tolist(), reasons, strict=True)
    }


def types(person: Shopper, one: ItemModel | None = None) -> dict[int, str]:
    return {product: kind for product, (kind, _) in told(person, one).items()}


def test_each_rule_gives_its_type() -> None:
    found = types(buyer(GREEN))
    assert found[GREEN] == "repurchase"
    assert (found[BLACK], found[OOLONG]) == ("upsell", "upsell")
    assert (found[CUP], found[HONEY]) == ("cross_sell", "cross_sell")
    assert (found[COFFEE], found[TRAY]) == ("popular", "popular")
    assert types(buyer(HONEY))[GIFT] == "personalised"


def test_of_a_stranger_everything_is_popular_and_without_a_personal_reason() -> None:
    found = told(Shopper())
    assert {kind for kind, _ in found.values()} == {"popular"}
    assert {reason for _, reason in found.values() if reason.products or reason.numbers} == set()
    assert {reason.code for _, reason in found.values()} == {"popular"}


@pytest.mark.parametrize(
    ("price", "kind"),
    [
        (10.99, "personalised"),
        (11.0, "upsell"),
        (20.0, "upsell"),
        (20.01, "personalised"),
        (np.nan, "personalised"),
    ],
)
def test_an_upgrade_costs_a_tenth_to_twice_as_much(price: float, kind: str) -> None:
    prices = catalogue().price.copy()
    prices[BLACK] = price
    assert types(buyer(GREEN), model(price=prices))[BLACK] == kind


@pytest.mark.parametrize("price", [np.nan, 0.0])
def test_nothing_is_an_upgrade_of_what_has_no_price(price: float) -> None:
    prices = catalogue().price.copy()
    prices[GREEN] = price
    prices[BLACK] = prices[GREEN]
    found = types(buyer(GREEN), model(price=prices))
    assert "upsell" not in found.values()


def test_an_upgrade_is_of_the_same_known_category_and_linked() -> None:
    category = catalogue().category.copy()
    category[BLACK] = 3
    assert types(buyer(GREEN), model(category=category))[BLACK] == "personalised"
    category[[BLACK, GREEN]] = -1
    assert types(buyer(GREEN), model(category=category))[BLACK] == "personalised"
    prices = catalogue().price.copy()
    prices[COFFEE] = 12.0
    category = catalogue().category.copy()
    category[COFFEE] = category[GREEN]
    assert types(buyer(GREEN), model(price=prices, category=category))[COFFEE] == "popular"


def test_an_upgrade_names_what_it_is_better_than_and_both_prices() -> None:
    _, reason = told(buyer(GREEN))[OOLONG]
    assert (reason.code, reason.products) == ("upgrade", (GREEN,))
    assert reason.numbers == {"price": 18.0, "price_of": 10.0, "price_ratio": 1.8}


def lifted(together: int, orders: int) -> ItemModel:
    """Return a model in which green tea and the cup stand in so many orders, the cup in so many."""
    items = catalogue()
    counts, pairs = items.orders.copy(), items.pairs
    counts[CUP] = orders
    both = pairs.orders.copy()
    both[GREEN, pairs.index[GREEN] == CUP] = together
    return model(orders=counts, pairs=replace(pairs, orders=both))


@pytest.mark.parametrize(("orders", "kind"), [(200, "cross_sell"), (201, "personalised")])
def test_what_goes_with_something_is_a_fifth_more_frequent_beside_it(orders: int, kind: str) -> None:
    # 72 of the 300 orders with green tea: 1.2 times 200 of 1,000.
    assert types(buyer(GREEN), lifted(72, orders))[CUP] == kind


def test_what_goes_with_something_is_of_another_category_where_both_are_known() -> None:
    category = catalogue().category.copy()
    category[CUP] = category[GREEN]
    assert types(buyer(GREEN), model(category=category))[CUP] == "personalised"
    category[CUP] = -1
    assert types(buyer(GREEN), model(category=category))[CUP] == "cross_sell"
    category[GREEN] = -1
    assert types(buyer(GREEN), model(category=category))[CUP] == "cross_sell"


def test_what_goes_with_something_tells_the_rule_s_own_numbers() -> None:
    _, reason = told(buyer(GREEN))[CUP]
    rule = rule_of(catalogue(), GREEN, CUP)
    assert rule is not None
    assert (reason.code, reason.products) == ("bought_with", (GREEN,))
    assert reason.numbers == {
        "customers": 45,
        "orders": 80,
        "support": rule.support,
        "confidence": rule.confidence,
        "lift": rule.lift,
        "conviction": rule.conviction,
    }
    with pytest.raises(ValueError, match="not kept"):
        together(catalogue(), GREEN, COFFEE, "bought_with")


def test_of_two_companions_the_surer_one_is_named() -> None:
    # The cup is in 80 of 300 orders with green tea, in 20 of 60 with the pot.
    category = catalogue().category.copy()
    category[CUP] = -1
    _, reason = told(Shopper(cart=np.array([GREEN, POT])), model(category=category))[CUP]
    assert reason.products == (POT,)


def test_somebody_is_busy_with_the_cart_not_with_what_was_bought() -> None:
    found = types(buyer(GREEN, cart=np.array([BLACK])))
    assert (found[BISCUIT], found[CAKE]) == ("cross_sell", "cross_sell")
    assert found[CUP] == "personalised"
    old = Shopper(np.array([GREEN, BLACK]), np.array([90.0, 3.0]), np.array([0, 1]))
    found = types(old)
    assert (found[BISCUIT], found[CUP]) == ("cross_sell", "personalised")


def test_what_was_bought_is_a_repurchase_whatever_else_holds() -> None:
    found = types(buyer(GREEN, BLACK, CUP))
    assert {found[product] for product in (GREEN, BLACK, CUP)} == {"repurchase"}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([10.0], ("bought_regularly", 30.0, "product")),
        ([10.0, 50.0], ("bought_regularly", 30.0, "product")),
        ([10.0, 50.0, 70.0], ("bought_regularly", 30.0, "own")),
        ([10.0, 10.0, 10.0], ("bought_regularly", 30.0, "product")),
        # Three orders of one afternoon are no rhythm.
        ([10.0, 10.01, 10.02], ("bought_regularly", 30.0, "product")),
        ([10.0, 16.0, 22.0], ("due", 6.0, "own")),
        ([10.0, 22.4, 35.0], ("due", 12.5, "own")),
        ([10.0, 22.6, 35.2], ("bought_regularly", 12.6, "own")),
    ],
)
def test_the_interval_is_the_own_one_from_three_orders_on(
    days: list[float], expected: tuple[str, float, str]
) -> None:
    person = Shopper(np.full(len(days), GREEN), np.array(days), np.arange(len(days)))
    _, reason = told(person)[GREEN]
    told_days = float(reason.numbers["interval_days"] or 0)
    assert (reason.code, round(told_days, 6), reason.numbers["interval_basis"]) == expected
    assert (reason.numbers["orders"], reason.numbers["days_since_last"]) == (len(days), 10.0)


def test_without_a_known_interval_none_is_told() -> None:
    _, reason = told(buyer(CUP))[CUP]
    assert reason == Reason("bought_before", (), {"orders": 1, "days_since_last": 3.0})


def test_a_linked_product_names_the_purchase_that_adds_most() -> None:
    category = np.full(len(EVERYTHING), -1, dtype=np.int32)
    pairs = catalogue().pairs
    nothing = replace(
        pairs,
        index=np.full_like(pairs.index, len(EVERYTHING)),
        orders=np.zeros_like(pairs.orders),
        customers=np.zeros_like(pairs.customers),
    )
    one = model(category=category, pairs=nothing)
    # The cup has a link of 0.5 to green tea and of 0.25 to the pot: the latter is half of the former.
    _, reason = told(buyer(GREEN, POT), one)[CUP]
    assert (reason.code, reason.products) == ("goes_with", (GREEN, POT))
    assert reason.numbers["share"] == pytest.approx(1.0)
    # An old purchase adds less than half: it is not named, and the share says so.
    person = Shopper(np.array([GREEN, POT]), np.array([0.0, 90.0]), np.array([0, 1]))
    _, reason = told(person, one)[CUP]
    assert reason.products == (GREEN,)
    assert reason.numbers["share"] == pytest.approx(0.5 / (0.5 + 0.25 * np.exp(-90 / 180)))


def test_cart_purchases_and_views_have_reasons_of_their_own() -> None:
    views: dict[str, Any] = {"viewed": np.array([HONEY]), "viewed_days": np.array([0.5])}
    assert told(Shopper(**views))[GIFT][1] == Reason("viewed_with", (HONEY,), {"share": 1.0})
    assert told(Shopper(cart=np.array([HONEY])))[GIFT][1] == Reason("cart_with", (HONEY,), {"share": 1.0})
    assert told(buyer(HONEY))[GIFT][1] == Reason("goes_with", (HONEY,), {"share": 1.0})


@pytest.mark.parametrize(
    ("by_purchases", "by_views", "code"),
    [
        (1.0, 0.2, "goes_with"),
        (0.2, 1.0, "viewed_with"),
        (0.0, 0.5, "viewed_with"),
    ],
)
def test_the_reason_is_what_adds_more_to_the_margin(by_purchases: float, by_views: float, code: str) -> None:
    row = blend().weights[ALL_ITEMS].copy()
    row[AT["links_new"]], row[AT["view_links"]] = by_purchases, by_views
    one = replace(model(), blend=replace(blend(), weights={ALL_ITEMS: row}))
    # The tray has a link of 0.3 to the pot alone; it was bought long ago and viewed now.
    person = buyer(POT, days=60.0, viewed=np.array([POT]), viewed_days=np.array([0.0]))
    kind, reason = told(person, one)[TRAY]
    assert (kind, reason.code, reason.products) == ("personalised", code, (POT,))


def without(*sources: str) -> ItemModel:
    """Return the model in which some sources count nothing."""
    row = blend().weights[ALL_ITEMS].copy()
    row[[AT[name] for name in sources]] = 0.0
    return replace(model(), blend=replace(blend(), weights={ALL_ITEMS: row}))


def test_links_that_count_nothing_are_no_reason() -> None:
    person = buyer(HONEY, viewed=np.array([POT]), viewed_days=np.array([0.0]))
    assert told(person)[TRAY][1].code == "viewed_with"
    assert told(person, without("view_links"))[TRAY] == ("popular", Reason("popular"))
    assert told(person)[GIFT][1].code == "goes_with"
    assert told(person, without("links_new"))[GIFT] == ("popular", Reason("popular"))


def test_that_it_was_viewed_is_the_reason_where_that_adds_most() -> None:
    person = buyer(COFFEE, viewed=np.array([TRAY]), viewed_days=np.array([0.0]))
    assert told(person)[TRAY] == ("personalised", Reason("viewed"))
    assert told(person, without("viewed"))[TRAY] == ("popular", Reason("popular"))
    # Bought the pot just now: its link to the tray adds more than a view of ten weeks ago.
    person = buyer(POT, viewed=np.array([TRAY]), viewed_days=np.array([70.0]))
    assert told(person)[TRAY][1].code == "goes_with"


def test_types_and_reasons_are_true_of_random_people() -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(150):
        one, person = random_model(rng), random_shopper(rng)
        items = one.items
        busy = set(person.anchors.tolist())
        found = told(person, one)
        linked = dict(zip(range(items.size), scored(one, person).is_linked.tolist(), strict=True))
        for product, (kind, reason) in found.items():
            seen.add(kind)
            assert (kind == "repurchase") == (product in person.bought.tolist())
            if kind == "upsell":
                [other] = reason.products
                assert other in busy
                assert items.category[product] == items.category[other] >= 0
                assert 1.1 <= items.price[product] / items.price[other] <= 2.0
            elif kind == "cross_sell":
                [other] = reason.products
                rule = rule_of(items, other, product)
                assert rule is not None
                assert other in busy
                assert rule.lift >= 1.2 - 1e-12
                assert items.category[product] != items.category[other] or items.category[other] < 0
                assert reason.numbers["lift"] == rule.lift
            elif kind == "personalised":
                assert linked[product]
                if reason.code == "viewed":
                    assert product in person.viewed.tolist()
                    continue
                if reason.code == "bought_with":
                    [other] = reason.products
                    pair = rule_of(items, other, product)
                    assert pair is not None
                    assert other in person.cart.tolist()
                    assert reason.numbers["confidence"] == pair.confidence
                    continue
                sources = {"goes_with": person.bought, "cart_with": person.cart, "viewed_with": person.viewed}
                assert set(reason.products) <= set(sources[reason.code].tolist())
                assert len(set(reason.products)) == len(reason.products) in {1, 2}
                assert 0 < float(reason.numbers["share"] or 0) <= 1 + 1e-12
            elif kind == "popular":
                assert not linked[product]
                assert reason == Reason("popular")
    assert seen == set(TYPES)


def test_types_do_not_depend_on_which_products_are_asked() -> None:
    rng = np.random.default_rng(4)
    for _ in range(30):
        one, person = random_model(rng), random_shopper(rng)
        found, typing = scored(one, person), Typing(one, person)
        whole = typing.kinds(found.product, found.is_linked).type
        some = np.sort(rng.permutation(len(found.product))[:5])
        assert typing.kinds(found.product[some], found.is_linked[some]).type.tolist() == whole[some].tolist()
        turned = some[::-1]
        assert (
            typing.kinds(found.product[turned], found.is_linked[turned]).type.tolist()
            == whole[turned].tolist()
        )
        assert typing.kinds(found.product[:0], found.is_linked[:0]).type.tolist() == []


def test_similar_products_tell_the_pair_else_who_bought_both() -> None:
    items = catalogue()
    both = np.array([GREEN, POT])
    assert similar_reason(items, both, CUP) == together(items, POT, CUP, "bought_together")
    assert similar_reason(items, np.array([GREEN]), CUP).numbers["orders"] == 80
    assert similar_reason(items, np.array([GREEN]), BLACK) == Reason(
        "similar_buyers", (GREEN,), {"customers": 60}
    )
    assert similar_reason(items, np.array([BLACK, CUP, GREEN]), OOLONG).products == (GREEN,)


def test_what_was_bought_too_long_ago_to_count_is_a_repurchase_all_the_same() -> None:
    size = HISTORY_LIMIT + 5
    items = replace(random_catalogue(np.random.default_rng(2), size), active=np.ones(size, dtype=bool))
    person = Shopper(np.arange(size), np.arange(size, dtype=np.float64), np.arange(size))
    found = told(person, ItemModel(items, blend()))
    assert {kind for kind, _ in found.values()} == {"repurchase"}
    oldest = found[size - 1][1]
    assert oldest == Reason("bought_before", (), {"orders": 1, "days_since_last": size - 1.0})
