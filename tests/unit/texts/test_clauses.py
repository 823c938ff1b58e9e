from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts.clauses import clauses, fold, has_words_or_emoji

FAMILY = "👨\u200d👩\u200d👧"
ALPHABET = "ab Z好的快，。!,.:😡👍🏽\u200d\u0301\ufe0f\x00éＡﬁ①\u3000\n但是but "


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in clauses(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was late, but the box is fine.", ["It was late", "the box is fine"]),
        ("Late; however cheap", ["Late", "cheap"]),
        ("物流很快，但是客服差。还行", ["物流很快", "客服差", "还行"]),
        ("質量好，不過慢", ["質量好", "慢"]),
        ("不但便宜而且好", ["不但便宜而且好"]),
        ("物流快 质量好", ["物流快", "质量好"]),
        ("太差😡😡再也不来", ["太差😡😡", "再也不来"]),
        (f"great 👍🏽{FAMILY} again", [f"great 👍🏽{FAMILY}", "again"]),
        ("great :) again", ["great :)", "again"]),
        ("Great!! Really?", ["Great!!", "Really?"]),
        ("Late again!!! 👎👎", ["Late again!!! 👎👎"]),
        ("Late? :( never again", ["Late? :(", "never again"]),
        ("太慢了！😡！再也不来", ["太慢了！😡！", "再也不来"]),
        ("Great!\n👍 delivery", ["Great!", "👍", "delivery"]),
        ("Dr. Smith vs. Mr. Lee. Bad", ["Dr. Smith vs. Mr. Lee", "Bad"]),
        ("1,299.50 at 10:30, ok", ["1,299.50 at 10:30", "ok"]),
        ("see www.shop.com/a.b, or a@b.com", ["see www.shop.com/a.b", "or a@b.com"]),
        ("the U.S. store uses node.js", ["the U.S. store uses node.js"]),
        ("good.Bad", ["good", "Bad"]),
        ("a line\nanother\r\nthird", ["a line", "another", "third"]),
        ("too dear (and small)", ["too dear", "and small"]),
        ("牛奶（纯）很好喝", ["牛奶（纯）很好喝"]),
        ("@shop @help late, @shop", ["late", "@shop"]),
        ("well - no", ["well", "no"]),
        ("well-made", ["well-made"]),
        ("button, buttons", ["button", "buttons"]),
        ("“好”", ["好"]),
        ("...", []),
        ("", []),
    ],
)
def test_text_is_cut_where_something_else_is_said(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@given(st.text(ALPHABET, max_size=40) | st.text(max_size=40))
def test_clauses_follow_one_another(text: str) -> None:
    ends = 0
    for start, end in clauses(text):
        assert ends <= start < end <= len(text)
        ends = end


@given(st.text("aZ7好快é\u0301Ａ，。!,.:;😡👍🏽\u200d\x00\u3000\n -()", max_size=40))
def test_without_turning_words_no_letter_is_lost(text: str) -> None:
    assert [one for one in "".join(parts(text)) if one.isalnum()] == [one for one in text if one.isalnum()]


@given(st.text(ALPHABET, max_size=40) | st.text(max_size=40))
def test_each_folded_character_points_at_the_one_that_it_came_from(text: str) -> None:
    folded = fold(text)
    assert folded.text == folded.text.lower()
    for position, character in enumerate(folded.text):
        place = folded.place(position, len(text))
        source = text[place]
        plain = unicodedata.normalize("NFKD", source.replace("’", "'")).lower()
        assert character in plain or character == " "
    assert folded.place(len(folded.text), len(text)) == len(text)


def test_folding_takes_off_width_accents_and_what_is_not_seen() -> None:
    assert fold("Café ＡＢＣ ﬁ\u200bx\x00").text == "cafe abc fix "
    assert fold("Late\x07 ok").text == "late  ok"


def test_digits_and_marks_are_no_words() -> None:
    assert [has_words_or_emoji(text) for text in ("12 !?", "a", "好", "👍", ":)", "")] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
