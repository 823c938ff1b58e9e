from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts.languages import Language, can_be_read, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The delivery was late", "en"),
        ("ok", "en"),
        ("my naïve café idea: the crème brûlée was not good", "en"),
        ("Ｇｏｏｄ", "en"),
        ("物流很快", "zh"),
        ("臺灣製造，品質很好の", "zh"),
        ("手机很好用，5G也快", "zh"),
        ("这个iPhone很好用", "mixed"),
        ("very good 很好", "mixed"),
        ("", "unknown"),
        ("123 !!", "unknown"),
        ("😡", "unknown"),
        ("この商品はとても良いです", "unknown"),
        ("배송이 너무 늦어요", "unknown"),
        ("Доставка", "unknown"),
        ("Hàng giao chậm quá", "unknown"),
        ("Barang sudah sampai, tapi rusak", "unknown"),
        ("Het product is niet goed", "unknown"),
        ("Il prodotto è arrivato in ritardo", "unknown"),
        ("ok заказ не пришёл", "unknown"),
    ],
)
def test_language_is_told_by_script_and_small_words(text: str, language: Language) -> None:
    assert language_of(text) == language


def test_english_with_a_foreign_name_stays_english() -> None:
    assert language_of("The train from La Spezia to Le Mans was late") == "en"
    assert language_of("@LaDeDa visit https://el.la/de/la and see") == "en"


@pytest.mark.parametrize(
    ("tag", "is_read"),
    [
        (None, True),
        ("en-GB", True),
        ("ZH", True),
        ("zh-Hant", True),
        ("und", True),
        ("fr", False),
        ("ja-JP", False),
    ],
)
def test_named_language_may_rule_a_text_out(tag: str | None, is_read: bool) -> None:
    assert can_be_read(tag) is is_read


@given(st.text(max_size=80))
def test_every_text_has_a_language(text: str) -> None:
    assert language_of(text) in {"en", "zh", "mixed", "unknown"}
