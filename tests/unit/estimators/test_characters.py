"""Characters made alike, one rule at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimators.characters import ADDRESS, ALIKE_LIMIT, MENTION, made_alike


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("ＡＢＣ １２３！", "abc 123!"),
        ("質量很好，價錢實惠。", "质量很好,价钱实惠."),
        ("I don’t know", "i don't know"),
        ("a\x00b\tc\nd\u200be", "a b c d e"),
        ("lone \ud83d surrogate", "lone surrogate"),
        ("see https://example.com/a?b=1, ok", f"see {ADDRESS} ok"),
        ("www.example.com", ADDRESS),
        ("@Shop_1 hello @你好", f"{MENTION} hello @你好"),
        ("mail me at a@example.com", "mail me at a@example.com"),
        ("soooooo 好好好好好!!!!!!", "sooo 好好好!!!"),
        ("great 😀👍🏽", "great 😀👍🏽"),
        ("\ue000", ""),
        ("  \t ", ""),
        ("", ""),
    ],
)
def test_texts_that_say_the_same_become_the_same(text: str, alike: str) -> None:
    assert made_alike(text) == alike


@pytest.mark.parametrize("text", ["\ufdfa" * 4000, "ab " * 10_000, "好坏" * 20_000])
def test_of_a_very_long_text_the_beginning_is_kept(text: str) -> None:
    alike = made_alike(text)
    assert ALIKE_LIMIT - 2 <= len(alike) <= ALIKE_LIMIT
    assert alike == alike.rstrip()
    assert alike.startswith(made_alike(text[:100])[:90])


@given(st.text(st.characters(), max_size=60))
def test_nothing_is_left_that_cannot_be_encoded_and_no_blank_at_the_ends(text: str) -> None:
    alike = made_alike(text)
    alike.encode("utf-8")
    assert "\0" not in alike
    assert alike == " ".join(alike.split())


@pytest.mark.parametrize("text", ["普通話 Hello!!! @you", "一二三 www.example.com"])
def test_what_is_alike_stays_alike(text: str) -> None:
    once = made_alike(text).replace(ADDRESS, "").replace(MENTION, "")
    assert made_alike(once) == " ".join(once.split())
