"""The catalogues hold every word that an answer may need, in both languages, and sentences read well."""

from __future__ import annotations

import json
import math
import re
from importlib.resources import files
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capabilities import SCORERS
from app.features.library import LIBRARY
from app.features.schema import Feature
from app.texts.catalogue import (
    LOCALES,
    Locale,
    catalogue,
    feature_label,
    feature_text,
    format_value,
    ineligible_text,
    reason_text,
    warning_text,
    word_label,
)

SERVICE_REASONS = ("no_model", "horizon_not_trained", "profiling_denied")
FORMS = ("sentence", "one", "none", "negative")
NUMBERS = (0.0, 0.0004, 1 / 3, 1.0, 1.02, 2.5, 7.0, 45.0, 1234.56, 1e7)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def flat(document: Any, path: str = "") -> dict[str, str]:
    if isinstance(document, str):
        return {path: document}
    return {
        key: text for name, inner in document.items() for key, text in flat(inner, f"{path}/{name}").items()
    }


# ── Completeness ──────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("locale", LOCALES)
def test_every_feature_has_a_label_and_a_sentence_and_nothing_else_does(locale: Locale) -> None:
    features = catalogue(locale)["features"]
    assert features.keys() == LIBRARY.keys()
    for name, entry in features.items():
        assert entry.keys() <= {"label", "as", *FORMS}, name
        assert entry["label"].strip()
        assert entry["sentence"].strip()
        assert feature_label(locale, name) == entry["label"]


def test_both_languages_say_the_same_things() -> None:
    here, there = (catalogue(locale) for locale in LOCALES)
    for part in here.keys() | there.keys():
        if part != "features":
            assert flat(here[part]).keys() == flat(there[part]).keys(), part
    for path, text in flat(here).items():
        other = flat(there).get(path)
        assert other is None or placeholders(text) == placeholders(other), path


@pytest.mark.parametrize("locale", LOCALES)
def test_a_sentence_has_room_for_its_value(locale: Locale) -> None:
    for name, entry in catalogue(locale)["features"].items():
        assert placeholders(entry["sentence"]) == (set() if name.startswith("season") else {"value"}), name
        assert placeholders(entry.get("none", "")) == set(), name
        assert placeholders(entry.get("one", "")) == set(), name


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SCORERS)
def test_every_reason_for_no_score_has_a_text(locale: Locale, name: str) -> None:
    (words,) = (o.words for o in SCORERS[name].outputs if o.name == "ineligible_reason")
    for reason in (*words, *SERVICE_REASONS):
        assert ineligible_text(locale, reason).strip()
    known = {
        word for s in SCORERS.values() for o in s.outputs if o.name == "ineligible_reason" for word in o.words
    }
    assert catalogue(locale)["ineligible"].keys() == known | set(SERVICE_REASONS)


def test_definitions_stand_in_both_languages() -> None:
    document = json.loads(files("app.texts").joinpath("definitions.json").read_text("utf-8"))
    paths = flat(document)
    for path, text in paths.items():
        assert text.strip(), path
        assert path.removesuffix("/en").removesuffix("/zh-CN") != path, path
    assert {p.removesuffix("/en") for p in paths if p.endswith("/en")} == {
        p.removesuffix("/zh-CN") for p in paths if p.endswith("/zh-CN")
    }


# ── Reading ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("feature", LIBRARY.values(), ids=lambda feature: feature.name)
def test_every_sentence_reads_with_every_value(locale: Locale, feature: Feature) -> None:
    values: tuple[Any, ...] = ("GB",) if feature.kind == "category" else NUMBERS
    for value in (*values, None):
        text = feature_text(locale, feature.name, feature.unit, value, "GBP")
        assert "{" not in text
        assert "  " not in text
        assert not re.search(r"\d\.\d{3,}|e[+-]\d|nan|None", text), text
        assert not re.search(
            r"(?<![\d.,])1 (days|times|orders|products|cases|complaints|items|months)", text
        ), text
        assert text[0] == text[0].upper()
        assert not text.endswith((".", "。"))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("capability", catalogue("en")["reason"])
def test_a_reason_ends_a_sentence_with_what_it_does_to_the_answer(locale: Locale, capability: str) -> None:
    raises, lowers = (reason_text(locale, capability, way, "Ten orders") for way in ("raises", "lowers"))
    assert raises != lowers
    for text in (raises, lowers):
        assert text.startswith("Ten orders")
        assert "{" not in text
        assert text.endswith((".", "。"))


def test_every_scorer_tells_reasons_of_its_own() -> None:
    for locale in LOCALES:
        reasons = catalogue(locale)["reason"]
        assert reasons.keys() >= SCORERS.keys()
        texts = [entry[way] for entry in reasons.values() for way in ("raises", "lowers")]
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("feature", "value", "en", "zh"),
    [
        ("days_since_last_order", 0.0, "The last order was today", "今天刚下过单"),
        ("days_since_last_order", 1.0, "The last order was yesterday", "昨天刚下过单"),
        ("days_since_last_order", 45.0, "The last order was 45 days ago", "距上次下单已过 45 天"),
        (
            "silence_ratio",
            7 / 3,
            "Silent for 2.3 times the usual gap between orders",
            "沉默时间是平时下单间隔的 2.3 倍",
        ),
        (
            "silence_ratio",
            1.01,
            "Silent for as long as the usual gap between orders",
            "沉默时间与平时下单间隔相当",
        ),
        ("coupon_share", 1 / 3, "33% of the orders used a coupon", "33% 的订单使用了优惠券"),
        ("coupon_share", 1.0, "Every order used a coupon", "每笔订单都使用了优惠券"),
        (
            "return_share",
            0.0004,
            "Less than 0.1% of the value was returned or refunded",
            "退货退款占消费额的 0.1% 以下",
        ),
        ("return_share", 0.004, "0.4% of the value was returned or refunded", "退货退款占消费额的 0.4%"),
        (
            "gap_variation",
            0.42,
            "The gaps between orders vary by 42% around their average",
            "下单间隔围绕均值波动 42%",
        ),
        ("revenue_90d", 1234.56, "Spent GBP 1,235 in the last 90 days", "近 90 天消费 GBP 1,235"),
        ("revenue_90d", 12.5, "Spent GBP 12.50 in the last 90 days", "近 90 天消费 GBP 12.50"),
        (
            "revenue_90d",
            -20.0,
            "Gave back GBP 20 more than was bought in the last 90 days",
            "近 90 天退货退款比消费多 GBP 20",
        ),
        (
            "summary.average_order_value",
            -2.5,
            "An order is worth GBP -2.50 on average",
            "平均每笔订单 GBP -2.50",
        ),
        ("last_delivery_late", 1.0, "The last delivery was late", "最近一次配送延迟"),
        ("last_delivery_late", 0.0, "The last delivery was on time", "最近一次配送准时"),
        ("open_cases", 1.0, "1 support case is open", "有 1 个工单尚未解决"),
        (
            "average_resolution_days",
            0.4,
            "Support cases took less than a day to close on average",
            "工单平均解决用时 1 天以内",
        ),
        (
            "average_resolution_days",
            2.5,
            "Support cases took 2.5 days to close on average",
            "工单平均解决用时 2.5 天",
        ),
        ("recurrence_months", 12.0, "The subscription renews every 12 months", "订阅每 12 个月续订一次"),
        ("country", "GB", "The country is GB", "国家为 GB"),
        ("country", None, "Not known: country", "未知：国家"),
    ],
    ids=str,
)
def test_reasons_say_what_a_person_would_say(
    feature: str, value: float | str | None, en: str, zh: str
) -> None:
    unit = LIBRARY[feature].unit
    told = {locale: feature_text(locale, feature, unit, value, "GBP") for locale in LOCALES}
    assert told == {"en": en, "zh-CN": zh}
    assert reason_text("en", "churn", "raises", told["en"]) == f"{en} (raises the churn risk)."
    assert reason_text("zh-CN", "churn", "lowers", told["zh-CN"]) == f"{zh}（流失风险降低）。"


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("word", "Two year", "Contract: Two year"),
        ("value", 70.35, "Contract: 70.35"),
        ("value", 18895.5, "Contract: 18,896"),
        ("flag", 1.0, "Contract: yes"),
        ("flag", 0.0, "Contract: no"),
        ("word", None, "Not known: contract"),
    ],
    ids=str,
)
def test_a_declared_attribute_speaks_with_its_own_label(
    unit: str, value: float | str | None, expected: str
) -> None:
    assert feature_text("en", "attribute.x", unit, value, "GBP", "contract") == expected


def test_a_word_of_an_answer_is_called_something_in_each_language() -> None:
    assert word_label("en", "segments", "champions") == "champions"
    assert word_label("zh-CN", "segments", "champions") == "重要价值客户"
    assert word_label("en", "segments", None) is None


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("days", 1.0, "1 day"),
        ("days", 0.97, "less than a day"),
        ("days", 9.96, "10 days"),
        ("days", 1234.4, "1,234 days"),
        ("days", 0.0, "0 days"),
        ("share", 0.0, "0%"),
        ("share", 0.034, "3.4%"),
        ("share", 0.996, "100%"),
        ("share", 1.5, "150%"),
        ("currency", 99.5, "EUR 99.50"),
        ("currency", 250.0, "EUR 250"),
        ("currency", 0.0, "EUR 0"),
        ("flag", 1.0, "yes"),
        ("count", 12_345.0, "12,345"),
        ("ratio", 1 / 3, "0.33"),
        ("ratio", 0.001, "<0.01"),
        ("ratio", -0.001, "0"),
        ("ratio", 99.96, "100"),
        ("ratio", 3.96, "4"),
        ("word", "a, b", "a, b"),
    ],
    ids=str,
)
def test_numbers_are_rounded_for_reading(unit: str, value: float | str, expected: str) -> None:
    assert format_value("en", unit, value, "EUR") == expected


@given(
    st.floats(0, 1e9),
    st.sampled_from(["days", "share", "currency", "x"]),
)
def test_a_rounded_number_is_near_the_number(value: float, unit: str) -> None:
    shown = format_value("en", unit, value, "")
    if not re.search("less|<", shown):
        number = float(re.sub(r"[^\d.\-]", "", shown)) / (100 if unit == "share" else 1)
        assert math.isclose(number, value, rel_tol=0.06, abs_tol=0.0051)


def test_a_warning_names_both_horizons() -> None:
    for locale in LOCALES:
        text = warning_text(locale, "horizon_not_trained", capability="churn", trained=90, asked=30)
        assert all(word in text for word in ("churn", "90", "30"))
