from __future__ import annotations

import string
from typing import Any, get_args

import pytest

from app.api.definitions import definitions
from app.api.schemas.recommended import (
    ItemList,
    ItemReason,
    NoList,
    Recommendations,
    RecommendedItem,
    SimilarReason,
    TakenBy,
)
from app.capabilities.recommend import TYPES
from app.estimators.blend import SOURCES
from app.serving.item_filters import ORDER
from app.serving.recommend import INELIGIBLE
from app.texts.catalogue import LOCALES, Locale
from app.texts.recommendations import catalogue, reason_text, taken_text

TOLD = definitions(None)["recommendations"]
PAIR: dict[str, float | str | None] = {
    "customers": 12,
    "orders": 40,
    "support": 0.04,
    "confidence": 0.25,
    "lift": 2.5,
    "conviction": None,
}
BOUGHT: dict[str, float | str | None] = {"orders": 3, "days_since_last": 12.6, "interval_days": 29.7}
REASONS: dict[str, dict[str, float | str | None]] = {
    "due": {**BOUGHT, "interval_basis": "own"},
    "bought_regularly": {**BOUGHT, "interval_basis": "product"},
    "bought_before": {"orders": 1, "days_since_last": 0.2},
    "upgrade": {"price": 12.5, "price_of": 10.0, "price_ratio": 1.25},
    "bought_with": PAIR,
    "bought_together": PAIR,
    "goes_with": {"share": 0.8},
    "cart_with": {"share": None},
    "viewed_with": {"share": 1.0},
    "viewed": {},
    "similar_buyers": {"customers": 1234},
    "popular": {},
}


def fields(model: Any) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


@pytest.mark.parametrize("section", catalogue())
def test_text_stands_in_both_languages_with_the_same_places(section: str) -> None:
    for pair in catalogue()[section].values():
        assert list(pair) == list(LOCALES)
        places = [
            {name for _, name, _, _ in string.Formatter().parse(pair[locale]) if name} for locale in LOCALES
        ]
        assert places[0] == places[1]
        assert all(pair.values())


def test_every_word_of_a_list_is_defined() -> None:
    codes = {
        code
        for model in (ItemReason, SimilarReason)
        for code in get_args(model.model_fields["code"].annotation)
    }
    assert set(TOLD["types"]) == set(TYPES) == set(get_args(RecommendedItem.model_fields["type"].annotation))
    assert set(TOLD["reasons"]) == codes == set(REASONS)
    assert set(TOLD["sources"]) == set(SOURCES)
    assert set(TOLD["filters"]) == set(ORDER) == set(TakenBy.model_fields)
    assert set(TOLD["ineligible_reasons"]) == set(INELIGIBLE) == set(get_args(NoList))


def test_every_field_of_a_list_is_defined() -> None:
    everywhere = definitions(None)
    known = {*TOLD["fields"], *everywhere["envelope"], *everywhere["block_fields"]}
    for model in (ItemList, Recommendations, RecommendedItem, ItemReason, SimilarReason):
        assert fields(model) - {"code", "text"} <= known, model
    assert not set(TOLD["fields"]) & set(everywhere["envelope"])


def test_every_warning_is_defined() -> None:
    parts = {"part", "left_out", "unknown_categories_near", "fewer_than_limit_similar"}
    assert set(catalogue()["warnings"]) - parts <= set(definitions(None)["warnings"])


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("locale", LOCALES)
def test_reason_is_a_whole_sentence(code: str, locale: Locale) -> None:
    text = reason_text(locale, code, ["A", "B"], REASONS[code], "CNY")
    assert not set("{}") & set(text)
    assert "None" not in text


@pytest.mark.parametrize(
    ("days", "en", "zh"),
    [
        (0.2, "about every day", "大约每天回购一次"),
        (29.7, "about every 30 days", "大约每 30 天回购一次"),
        (1234.0, "about every 1,234 days", "大约每 1,234 天回购一次"),
    ],
)
def test_interval_is_told_about_and_never_as_a_date(days: float, en: str, zh: str) -> None:
    numbers = {**REASONS["due"], "interval_days": days}
    assert en in reason_text("en", "due", [], numbers, "CNY")
    assert zh in reason_text("zh-CN", "due", [], numbers, "CNY")


@pytest.mark.parametrize(
    ("days", "en", "zh"),
    [
        (0.9, "less than a day ago", "不到一天前"),
        (1.9, "1 day ago", " 1 天前"),
        (12.6, "12 days ago", " 12 天前"),
    ],
)
def test_time_of_the_last_purchase_is_told_in_whole_days(days: float, en: str, zh: str) -> None:
    numbers = {"orders": 1, "days_since_last": days}
    assert reason_text("en", "bought_before", [], numbers, "CNY") == f"Bought once, {en}"
    assert reason_text("zh-CN", "bought_before", [], numbers, "CNY") == f"已购买 1 次，在{zh}"


def test_lift_is_told_only_where_it_speaks_for_the_pair() -> None:
    text = reason_text("en", "bought_together", ["A"], PAIR, "CNY")
    assert text == (
        "25% of the orders with “A” hold this too, 2.5 times as often as all orders "
        "(counted over 12 customers)"
    )
    text = reason_text("en", "bought_together", ["A"], {**PAIR, "lift": 0.9}, "CNY")
    assert text == "25% of the orders with “A” hold this too (counted over 12 customers)"


def test_two_products_are_joined_in_the_language() -> None:
    assert "“A” or “B”" in reason_text("en", "goes_with", ["A", "B"], {}, "CNY")
    assert "“A”或“B”" in reason_text("zh-CN", "goes_with", ["A", "B"], {}, "CNY")


def test_only_filters_that_took_something_are_told() -> None:
    taken = {"inactive": 1200, "price": 0, "in_cart": 2}
    assert taken_text("en", taken) == "1,200 no longer sold, 2 in the cart already"
    assert taken_text("zh-CN", taken) == "已停售 1,200 件，已在购物车中 2 件"
    assert taken_text("en", {"price": 0}) == ""
