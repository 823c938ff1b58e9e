"""The base model: what lexica say, in both languages, and that it says nothing without them."""

from __future__ import annotations

import pytest

from app.estimators.ngrams import read_ngrams, write_ngrams
from training.sentiment.base import base_model, chinese_valences, english_valences


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("This is a wonderful coat", 2),
        ("not good at all", 0),
        ("The parcel was late and the box broken", 0),
        ("质量很好，非常满意", 2),
        ("质量很差，失望", 0),
        ("不好", 0),
        ("不推荐", 0),
        ("這個商品的質量很差", 0),
        ("服务热情，快递很快", 2),
        ("没问题", 1),
        ("好像", 1),
        ("The table is made of wood", 1),
        ("😀", 2),
    ],
)
def test_words_of_praise_and_blame_are_told(text: str, side: int) -> None:
    p = base_model().probabilities([text])[0]
    assert p.argmax() == side, p


def test_a_negated_word_says_the_opposite_of_the_word() -> None:
    p = base_model().probabilities(["good", "not good", "bad", "not bad"])
    assert p[0, 2] > p[3, 2] > p[2, 2]
    assert p[2, 0] > p[1, 0] > p[0, 0]


def test_nothing_is_known_of_a_text_without_such_words() -> None:
    assert base_model().known(["the table", "桌子"]).tolist() == [0, 0]
    assert base_model().known(["good"]).tolist() == [1]


def test_lexica_hold_both_sides_and_our_own_words_win() -> None:
    english, chinese = english_valences(), chinese_valences()
    assert english["delayed"] == -1.8
    assert english["wonderful"] > 2
    assert len(english) > 7000
    assert all(-4 <= valence <= 4 for valence in english.values())
    assert min(chinese.values()) == -3
    assert max(chinese.values()) == 3


def test_it_is_the_same_every_time_and_can_be_written() -> None:
    data = write_ngrams(base_model())
    base_model.cache_clear()
    assert write_ngrams(base_model()) == data
    assert len(data) < 1 << 20
    assert read_ngrams(data).abstain_below == base_model().abstain_below
