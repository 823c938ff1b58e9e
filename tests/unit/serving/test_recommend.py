from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.schemas.recommended import Recommendations, SimilarItems
from app.capabilities.recommend import TYPES
from app.estimators.blend import SOURCES, Blend, ItemModel
from app.estimators.item_files import read_items, write_items
from app.serving.item_filters import Filters
from app.serving.recommend import AskItems, recommend, similar_items
from tests import items
from tests.items import CATEGORIES, IDS, NAMES
from tests.unit.serving.test_shopping import DAY, NOW, order, view

RELEASE = items.release()
Rows = dict[str, Any]

REGULAR: Rows = {
    "customer_id": "c",
    "customer": {"loyalty_tier": "gold"},
    "orders": [
        order("a", 100, "tea-green", "gone"),
        order("b", 70, "tea-green", "honey"),
        order("c", 40, "tea-green"),
    ],
    "events": [view(2, "pot"), view(3, "elsewhere")],
}
DENIED = {"consents": [{"purpose": "personalisation", "status": "denied", "status_at": NOW - DAY}]}


def told(person: Rows, cart: list[str] | None = None, ask: AskItems | None = None) -> Rows:
    answer = recommend(RELEASE, person, cart or [], NOW, ask or AskItems())
    sent = json.loads(json.dumps({"recommendation_id": "0" * 32, **answer}, allow_nan=False))
    Recommendations.model_validate(sent)
    return answer


def similar(products: list[str], ask: AskItems | None = None) -> Rows:
    answer = similar_items(RELEASE, products, ask or AskItems())
    sent = json.loads(json.dumps({"recommendation_id": "0" * 32, **answer}, allow_nan=False))
    SimilarItems.model_validate(sent)
    return answer


def listed(answer: Rows) -> list[str]:
    return [item["product_id"] for item in answer["items"]]


def reasons(answer: Rows) -> dict[str, Rows]:
    return {item["product_id"]: item["reason"] for item in answer["items"]}


def codes(answer: Rows) -> set[str]:
    return {warning["code"] for warning in answer["warnings"]}


def test_catalogue_of_the_tests_is_one_that_an_artifact_may_hold() -> None:
    held, read = items.catalogue(), read_items(*write_items(items.catalogue()))
    assert (read.ids, read.names, read.size) == (held.ids, held.names, held.size)
    assert Blend.of_settings(items.blend().settings()).settings() == items.blend().settings()


def test_customer_with_a_history_gets_a_full_answer() -> None:
    answer = told(REGULAR, ["cup"], AskItems(limit=5))
    assert (answer["customer_id"], answer["personalised"], answer["cold_start"]) == ("c", True, False)
    assert (answer["data_sufficiency"], answer["missing"]) == ("full", [])
    assert answer["model"]["population"] == "all_items"
    assert answer["unknown_items"] == ["gone", "elsewhere"]
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    assert answer["warnings"] == []
    assert "cup" not in listed(answer)


def test_reason_of_a_repurchase_names_the_own_rhythm_and_no_date() -> None:
    reason = reasons(told(REGULAR))["tea-green"]
    assert (reason["code"], reason["orders"], reason["interval_basis"]) == ("due", 3, "own")
    assert reason["text"] == "Bought 3 times, about every 30 days; the last time 40 days ago"
    reason = reasons(told(REGULAR))["honey"]
    assert reason["interval_basis"] == "product"
    assert reason["text"].startswith("Bought once, 70 days ago; customers usually buy it again ")


def test_parts_are_told_with_explain_only() -> None:
    assert not any("parts" in item for item in told(REGULAR)["items"])
    for item in told(REGULAR, ask=AskItems(explain=True))["items"]:
        assert item["parts"]


def test_reasons_speak_of_products_by_name_or_else_by_id() -> None:
    assert "“Green tea”" in reasons(told(REGULAR))["tea-black"]["text"]
    cake = told({}, ["cake"], AskItems(limit=12, types=frozenset({"personalised", "cross_sell"})))
    assert "“cake”" in reasons(cake)["tea-black"]["text"]
    assert reasons(cake)["tea-black"]["products"] == ["cake"]


def test_guest_of_whom_nothing_is_known_gets_what_is_popular_without_a_personal_reason() -> None:
    answer = told({})
    assert (answer["customer_id"], answer["cold_start"]) == (None, True)
    assert answer["data_sufficiency"] == "insufficient"
    assert answer["missing"] == ["orders", "events"]
    assert answer["model"]["population"] == "cold_start"
    assert {item["type"] for item in answer["items"]} == {"popular"}
    assert {(reason["code"], *reason["products"]) for reason in reasons(answer).values()} == {("popular",)}
    assert listed(answer)[0] == "tea-green"


@pytest.mark.parametrize("purpose", ["personalisation", "profiling"])
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_denied_consent_gives_the_list_of_an_empty_request(purpose: str, locale: Any) -> None:
    consents = [{"purpose": purpose, "status": "denied", "status_at": NOW}]
    ask = AskItems(limit=12, locale=locale, explain=True)
    answer = told({**REGULAR, "consents": consents}, ["cup", "cup", "unknown"], ask)
    nobody = told({}, [], ask)
    assert answer["personalised"] is False
    unlike = {name for name, value in answer.items() if value != nobody[name]}
    assert unlike == {"customer_id", "personalised", "missing"}
    assert {item["reason"]["code"] for item in answer["items"]} == {"popular"}


def test_denied_tracking_leaves_the_rest_of_the_history() -> None:
    consents = [{"purpose": "behavioural_tracking", "status": "denied", "status_at": NOW}]
    unseen = {name: rows for name, rows in REGULAR.items() if name != "events"}
    answer = told({**REGULAR, "consents": consents})
    assert answer["items"] == told(unseen)["items"]
    assert answer["personalised"] is True
    assert answer["unknown_items"] == ["gone"]


def test_group_and_season_count_for_who_is_unknown() -> None:
    gold = told({"customer": {"loyalty_tier": "gold"}})
    assert listed(gold)[0] == "pot"
    december = recommend(RELEASE, {}, [], NOW + 40 * DAY, AskItems())
    assert listed(december)[0] == "gift"


def test_summary_instead_of_orders_says_what_is_missing() -> None:
    answer = told({"summary": {"order_count": 4}, "events": []})
    assert (answer["missing"], answer["data_sufficiency"]) == (["orders"], "insufficient")
    answer = told({"summary": {"order_count": 4}, "events": []}, ["cup"])
    assert (answer["missing"], answer["data_sufficiency"]) == (["orders"], "partial")


def test_orders_without_products_say_so() -> None:
    bare = {"orders": [{**order("a", 1), "products": None}], "events": []}
    assert told(bare)["missing"] == ["order_lines"]
    assert told({"orders": [], "events": []})["missing"] == []


def test_views_are_not_missed_where_the_model_does_not_read_them() -> None:
    blind = {
        task: row * [name not in {"viewed", "view_links"} for name in SOURCES]
        for task, row in items.blend().weights.items()
    }
    release = items.release(ItemModel(items.catalogue(), items.blend(weights=blind)))
    assert recommend(release, {"orders": []}, [], NOW, AskItems())["missing"] == []


def test_repeated_and_unknown_products_of_the_cart_are_told() -> None:
    answer = told({}, ["cup", "?", "cup", "?"])
    assert answer["unknown_items"] == ["?"]
    assert codes(answer) >= {"cart_repeats"}
    assert answer["items"] == told({}, ["cup"])["items"]


def test_cart_of_unknown_products_is_a_cold_start() -> None:
    answer = told({}, [f"u{k}" for k in range(10_000)])
    assert answer["cold_start"] is True
    assert len(answer["unknown_items"]) == 10_000
    assert listed(answer) == listed(told({}))


def test_short_list_says_what_took_the_rest() -> None:
    answer = told({}, ["cup"], AskItems(filters=Filters(categories=["ware"], exclude_items=["tray"])))
    assert listed(answer) == ["pot"]
    assert answer["filtered_out"]["total"] == 11
    (warning,) = answer["warnings"]
    assert warning["code"] == "fewer_than_limit"
    assert warning["detail"].startswith("1 of the 10 places could be filled: ")
    assert warning["detail"].endswith(
        "1 no longer sold, 1 excluded by id, 8 of another category, 1 in the cart already"
    )


def test_cap_of_a_category_is_kept_and_products_without_one_are_free_of_it() -> None:
    answer = told({}, [], AskItems(limit=12, max_per_category=1))
    named = [CATEGORIES[items.catalogue().category[IDS.index(name)]] for name in listed(answer)]
    assert "gift" in listed(answer)
    assert len(listed(answer)) == len(CATEGORIES) + 1
    assert len(set(named)) == len(CATEGORIES)
    assert answer["filtered_out"]["by_filter"]["category_cap"] == 11 - len(CATEGORIES) - 1


def test_hiding_what_was_bought_is_told_where_nobody_knows_it() -> None:
    ask = AskItems(filters=Filters(hide_bought=True))
    assert "bought_not_known" in codes(told({"summary": {}}, ask=ask))
    assert "bought_not_known" in codes(told({**REGULAR, **DENIED}, ask=ask))
    assert "bought_not_known" not in codes(told(REGULAR, ask=ask))
    assert not {"tea-green", "honey"} & set(listed(told(REGULAR, ask=ask)))
    assert told(REGULAR, ask=ask)["model"]["population"] == "new_items"


def test_names_that_filters_misspell_are_told() -> None:
    filters = Filters(categories=["Coffe"], exclude_items=["?"], in_stock=["coffee", "?"])
    answer = told({}, ask=AskItems(filters=filters))
    assert {"unknown_categories", "unknown_exclude_items", "unknown_in_stock"} <= codes(answer)
    assert "“coffee”" in answer["warnings"][0]["detail"]
    assert answer["items"] == []


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        (items.release(is_published=False), "no_model"),
        (items.release(items.model(active=np.zeros(len(IDS), dtype=bool))), "no_products"),
    ],
)
def test_release_that_cannot_recommend_says_why(release: Any, reason: str) -> None:
    personal = recommend(release, REGULAR, ["cup"], NOW, AskItems())
    beside = similar_items(release, ["cup"], AskItems())
    Recommendations.model_validate({"recommendation_id": "0" * 32, **personal})
    SimilarItems.model_validate({"recommendation_id": "0" * 32, **beside})
    for answer in (personal, beside):
        assert (answer["eligible"], answer["ineligible_reason"], answer["items"]) == (False, reason, [])
        assert (answer["model"] is None) == (reason == "no_model")


PRODUCTS = st.sampled_from([*IDS, "?"])
PEOPLE = st.fixed_dictionaries(
    {
        "orders": st.lists(
            st.builds(
                lambda name, days, products: order(f"{name}-{days}", days, *products),
                st.integers(0, 4),
                st.integers(0, 60),
                st.lists(PRODUCTS, max_size=3),
            ),
            max_size=6,
        )
    },
    optional={"events": st.lists(st.builds(view, st.integers(0, 40), PRODUCTS), max_size=5)},
)
ASKS = st.builds(
    AskItems,
    limit=st.integers(1, 14),
    types=st.frozensets(st.sampled_from(TYPES), min_size=1) | st.just(frozenset(TYPES)),
    filters=st.builds(
        Filters,
        exclude_items=st.lists(PRODUCTS, max_size=3),
        categories=st.none() | st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=3),
        price_max=st.none() | st.integers(4, 30),
        in_stock=st.none() | st.lists(PRODUCTS, max_size=8),
        hide_bought=st.booleans(),
    ),
    diversity=st.sampled_from([0.0, 0.4, 1.0]),
    max_per_category=st.none() | st.integers(1, 3),
)


@settings(max_examples=60)
@given(PEOPLE, st.lists(PRODUCTS, max_size=4), ASKS, st.randoms(use_true_random=False))
def test_filters_never_leak_and_the_list_is_as_long_as_it_can_be(
    person: Rows, cart: list[str], ask: AskItems, chance: Any
) -> None:
    answer = told(person, cart, ask)
    shown, filters, known = listed(answer), ask.filters, items.catalogue()
    bought = {line["product_id"] for one in person["orders"] for line in one["products"]}
    place = [IDS.index(name) for name in shown]
    assert len(set(shown)) == len(shown) <= ask.limit
    assert not {*filters.exclude_items, *cart, "old-cup"} & set(shown)
    assert not (filters.hide_bought and bought & set(shown))
    assert filters.in_stock is None or set(shown) <= set(filters.in_stock)
    assert filters.price_max is None or (known.price[place] <= filters.price_max).all()
    assert filters.categories is None or all(
        known.category[k] >= 0 and CATEGORIES[known.category[k]] in filters.categories for k in place
    )
    assert {item["type"] for item in answer["items"]} <= ask.types
    assert all(0 <= item["score"] <= 1 and np.isfinite(item["score"]) for item in answer["items"])
    left = len(IDS) - answer["filtered_out"]["total"]
    assert len(shown) == min(ask.limit, left) or ask.max_per_category is not None
    assert (len(shown) < ask.limit) == ("fewer_than_limit" in codes(answer))
    shuffled = {
        name: chance.sample(rows + rows[:2], len(rows) + len(rows[:2])) for name, rows in person.items()
    }
    assert told(shuffled, cart, ask)["items"] == answer["items"]


def test_similar_products_come_with_their_evidence() -> None:
    answer = similar(["tea-green"], AskItems(limit=3))
    assert listed(answer) == ["cup", "honey", "tea-black"]
    together, _, buyers = (item["reason"] for item in answer["items"])
    assert together == {
        "code": "bought_together",
        "text": "27% of the orders with “Green tea” hold this too, 1.8 times as often as all orders "
        "(counted over 45 customers)",
        "with": "tea-green",
        "customers": 45,
        "orders": 80,
        "support": 0.08,
        "confidence": pytest.approx(80 / 300),
        "lift": pytest.approx(80 * 1000 / (300 * 150)),
        "conviction": pytest.approx((1 - 0.15) / (1 - 80 / 300)),
    }
    assert buyers == {
        "code": "similar_buyers",
        "text": "60 customers bought both this and “Green tea”",
        "with": "tea-green",
        "customers": 60,
    }
    assert answer["warnings"] == []


def test_similar_products_are_filtered_and_a_short_list_says_why() -> None:
    ask = AskItems(limit=5, filters=Filters(categories=["ware"]), locale="zh-CN")
    answer = similar(["tea-green", "?", "tea-green"], ask)
    assert listed(answer) == ["cup"]
    assert (answer["unknown_items"], answer["data_sufficiency"]) == (["?"], "partial")
    (warning,) = answer["warnings"]
    assert warning["code"] == "fewer_than_limit"
    assert "品类不符 8 件" in warning["detail"]


def test_products_that_nobody_knows_have_no_similar_ones() -> None:
    answer = similar(["?", "!", "?"])
    assert (answer["eligible"], answer["ineligible_reason"]) == (False, "no_known_products")
    assert answer["unknown_items"] == ["?", "!"]


def test_sentences_are_of_the_language_asked_for() -> None:
    for person, cart in ((REGULAR, []), (REGULAR, ["cup"]), ({}, [])):
        texts = [
            {item["product_id"]: item["reason"]["text"] for item in told(person, cart, ask)["items"]}
            for ask in (AskItems(limit=12), AskItems(limit=12, locale="zh-CN"))
        ]
        for product, text in texts[0].items():
            other = texts[1][product]
            for name in NAMES:
                text, other = text.replace(f"“{name}”", ""), other.replace(f"“{name}”", "")  # noqa: PLW2901
            assert text.isascii()
            assert not other.isascii()


def test_price_of_an_upgrade_is_told_in_the_currency_of_the_business() -> None:
    ask = AskItems(limit=12, types=frozenset({"upsell"}))
    upgrade = reasons(told({}, ["tea-green"], ask))
    assert upgrade["tea-black"]["text"] == (
        "Of the same category as “Green tea” and dearer: CNY 12 instead of CNY 10; often bought by the same "
        "customers"
    )
    assert set(upgrade) == {"tea-black", "tea-oolong"}
    dollars = replace(RELEASE, business=RELEASE.business.model_copy(update={"currency": "USD"}))
    answer = recommend(dollars, {}, ["tea-green"], NOW, ask)
    assert "USD 12" in reasons(answer)["tea-black"]["text"]
