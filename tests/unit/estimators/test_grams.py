"""N-grams and their buckets: which are taken, that they are told apart, and that texts do not mix."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.estimators.grams import NEGATORS, grams, negated_word_bucket

BITS = 32


def buckets(text: str) -> set[int]:
    return set(grams([text], BITS).bucket.tolist())


def test_words_alone_in_pairs_and_in_threes() -> None:
    assert len(buckets("good dress here now")) == 4 + 3 + 2
    assert buckets("good dress") == buckets("Good,  DRESS") - buckets(",") - {
        one for one in buckets("good,") if one not in buckets("good")
    }


def test_windows_with_a_sign_and_without_a_blank() -> None:
    # 很, 好, 吃, then 很好, 好吃, then 很好吃.
    assert len(buckets("很好吃")) == 6
    assert buckets("很好 吃") == buckets("很好") | buckets("吃")
    # Within words of letters no characters are taken.
    assert len(buckets("dress")) == 1


def test_a_window_may_hold_letters_beside_a_sign() -> None:
    # 5 and 星 are a word and a sign; 5星 is a window.
    assert len(buckets("5星")) == 3


def test_order_of_characters_and_of_words_counts() -> None:
    assert buckets("好不") != buckets("不好")
    assert buckets("pay late") != buckets("late pay")
    assert buckets("ab") != buckets("ba")


def test_a_word_after_a_negator_is_taken_twice_until_the_clause_ends() -> None:
    negated = negated_word_bucket("good", BITS)
    assert negated in buckets("it is not good")
    assert negated not in buckets("it is good")
    assert negated not in buckets("it is not. good")
    assert negated not in buckets("good, not bad")
    assert negated_word_bucket("bad", BITS) in buckets("good, not so bad")


def test_a_negator_of_one_text_is_none_of_the_next() -> None:
    found = grams(["not", "good"], BITS)
    assert set(found.bucket[found.owner == 1].tolist()) == buckets("good")


def test_every_negator_is_found_as_a_text_writes_it() -> None:
    negated = negated_word_bucket("good", BITS)
    assert all(negated in buckets(f"{word} good") for word in NEGATORS)


def test_weights_are_logged_counts_and_grow_less_than_their_number() -> None:
    found = grams(["bad bad bad", "x"], BITS)
    weight = found.weight[found.owner == 0]
    # bad three times, bad bad twice, bad bad bad once.
    expected = np.sort(1 + np.log([3, 2, 1]))
    assert np.allclose(np.sort(weight), expected / (expected**2).sum() ** (3 / 8))
    assert found.weight[found.owner == 1].tolist() == [1.0]


def test_nothing_to_read_has_no_grams() -> None:
    assert len(grams([], BITS).owner) == 0
    assert grams(["", "  ", "好"], BITS).owner.tolist() == [2]


def test_fewer_bits_are_the_highest_of_more() -> None:
    assert buckets("很好") == {int(one) for one in grams(["很好"], 32).bucket}
    assert {one >> 12 for one in buckets("很好")} == set(grams(["很好"], 20).bucket.tolist())


@settings(max_examples=40)
@given(st.lists(st.text(st.sampled_from("ab 好不。!'é😀\0not"), max_size=20), max_size=5))
def test_a_text_alone_is_what_it_is_among_others(texts: list[str]) -> None:
    together = grams(texts, BITS)
    for k, text in enumerate(texts):
        alone = grams([text], BITS)
        mine = together.owner == k
        assert together.bucket[mine].tolist() == alone.bucket.tolist()
        assert together.weight[mine].tolist() == alone.weight.tolist()
