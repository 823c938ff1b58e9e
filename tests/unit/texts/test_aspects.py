from __future__ import annotations

import itertools
import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimators.characters import made_alike
from app.texts import aspects
from app.texts.aspects import ASPECTS, OTHER, aspect_label, read_clauses, taxonomy
from app.texts.catalogue import LOCALES

TABLES: dict[str, Any] = json.loads(files("app.texts").joinpath("aspects.json").read_text("utf-8"))


def named(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(text[clause.start : clause.end], clause.aspects) for clause in read_clauses(text)]


def aspects_of(text: str) -> set[str]:
    return {aspect for clause in read_clauses(text) for aspect in clause.aspects}


def test_every_aspect_has_labels_and_enough_keywords() -> None:
    assert tuple(TABLES["aspects"]) == ASPECTS
    for aspect, entry in TABLES["aspects"].items():
        assert set(entry["label"]) == set(LOCALES)
        assert all(aspect_label(locale, aspect) for locale in LOCALES)
        assert len(entry["en"]) >= 25
        assert len(entry["zh"]) >= 25


def test_no_keyword_stands_twice() -> None:
    words = [
        word
        for entry in (*TABLES["aspects"].values(), TABLES["ignored"])
        for language in ("en", "zh")
        for word in entry[language]
    ]
    assert len(words) == len(set(words))


def test_keywords_are_in_the_form_that_they_are_looked_up_in() -> None:
    simplified = taxonomy().simplified
    for entry in (*TABLES["aspects"].values(), TABLES["ignored"]):
        for word in (*entry["en"], *entry["zh"]):
            assert word == word.lower().strip().translate(simplified)
            assert "-" not in word


def test_every_keyword_is_found() -> None:
    for aspect, entry in TABLES["aspects"].items():
        for word in (*entry["en"], *entry["zh"]):
            assert aspect in aspects_of(word), word


def test_ignored_phrases_name_nothing() -> None:
    for word in (*TABLES["ignored"]["en"], *TABLES["ignored"]["zh"]):
        assert aspects_of(word) == set(), word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a bar of chocolate", set()),
        ("Late again", {"delivery"}),
        ("LATE", {"delivery"}),
        ("customer-service", {"service"}),
        ("the company's prices", {"price"}),
        ("shipping  cost", {"price"}),
        ("delivery service", {"delivery"}),
        ("free return shipping", {"return_and_refund"}),
        ("I will return to this place", set()),
        ("app崩溃", {"app_and_site"}),
        ("happy", set()),
        ("客服态度", {"staff_attitude"}),
        ("退货运费", {"return_and_refund"}),
        ("貨送到了", {"delivery"}),
        ("客戶服務與退款", {"service", "return_and_refund"}),
        ("ｄｅｌｉｖｅｒｙ", {"delivery"}),
        ("宝贵的时间", set()),
        ("太贵", {"price"}),
        ("de\u0301livery", {"delivery"}),
        ("de\u200blivery", {"delivery"}),
    ],
)
def test_keywords_name_aspects(text: str, expected: set[str]) -> None:
    assert aspects_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Delivery was quick and the price is too high",
            [("Delivery was quick", ("delivery",)), ("the price is too high", ("price",))],
        ),
        (
            "The delivery and the price are fine",
            [("The delivery and the price are fine", ("delivery", "price"))],
        ),
        ("great quality and price", [("great quality and price", ("product_quality", "price"))]),
        (
            "The box was crushed and nobody answered me",
            [("The box was crushed", ("delivery",)), ("nobody answered me", ("service",))],
        ),
        (
            "great quality and fast delivery",
            [("great quality", ("product_quality",)), ("fast delivery", ("delivery",))],
        ),
        ("物流很快质量也不错", [("物流很快", ("delivery",)), ("质量也不错", ("product_quality",))]),
        ("物流快质量好", [("物流快", ("delivery",)), ("质量好", ("product_quality",))]),
        ("物流和质量都很好", [("物流和质量都很好", ("delivery", "product_quality"))]),
        ("快递的价格", [("快递的价格", ("delivery", "price"))]),
        ("Service: terrible. I left", [("Service: terrible", ("service",)), ("I left", ())]),
        ("物流：太慢了", [("物流：太慢了", ("delivery",))]),
        ("Customer service? Terrible", [("Customer service? Terrible", ("service",))]),
        ("Service was bad: I left", [("Service was bad", ("service",)), ("I left", ())]),
        ("性价比最差的手机", [("性价比最差的手机", ("price", "product_quality"))]),
        ("Delivery. Terrible", [("Delivery", ("delivery",)), ("Terrible", ())]),
        ("价格：的：贵", [("价格：的", ("price",)), ("贵", ())]),
        (
            "Price: the: bad. Price: bad",
            [("Price: the", ("price",)), ("bad", ()), ("Price: bad", ("price",))],
        ),
    ],
)
def test_clauses_are_cut_between_aspects(text: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert named(text) == expected


@pytest.mark.parametrize("text", ["价格：" + "的：" * 1998, "价格：的：" * 800, "price: the: " * 333])
def test_no_character_is_read_many_times(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def counted(clause: str) -> bool:
        read.append(len(clause))
        return is_bare(clause)

    is_bare = aspects._is_bare
    monkeypatch.setattr(aspects, "_is_bare", counted)
    assert read_clauses(text)
    assert read
    assert sum(read) <= len(text)


@pytest.mark.parametrize(
    "before", ["", "😡😡 ", "ﬁﬁ ", "e\u0301\u0301 ", "\u200b\u200b", "①② ", "𝐀𝐁 ", "ＡＢ　"]
)
@pytest.mark.parametrize("clause", ["the delivery is late", "物流太慢", "Ｄｅｌｉｖｅｒｙ 😡"])
def test_place_of_a_clause_is_in_the_text_as_given(before: str, clause: str) -> None:
    text = f"{before}. {clause}"
    (found,) = [one for one in read_clauses(text) if one.aspects]
    assert text[found.start : found.end] == clause


PIECES = [
    "delivery",
    "物流",
    "价格",
    "price",
    "😡",
    "👍🏽",
    "但是",
    " but ",
    "，",
    ". ",
    "e\u0301",
    "ﬁ",
    "Ａ",
    "貴了",
    "\x00",
    " ",
    "和",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
def test_clauses_stay_in_the_text_and_in_order(text: str) -> None:
    found = read_clauses(text)
    for clause in found:
        assert 0 <= clause.start < clause.end <= len(text)
        assert len(set(clause.aspects)) == len(clause.aspects)
    assert all(first.end <= second.start for first, second in itertools.pairwise(found))


def test_traditional_characters_are_read_as_the_text_model_reads_them() -> None:
    tables = taxonomy()
    used = {character for word in tables.keywords for character in word}
    for code in range(0x4E00, 0xA000):
        read = made_alike(chr(code))
        if read in used and read != chr(code):
            assert tables.simplified[code] == read or chr(code) in "帳帐"  # both are written for 账


def test_other_is_the_last_aspect() -> None:
    assert ASPECTS[-1] == OTHER
