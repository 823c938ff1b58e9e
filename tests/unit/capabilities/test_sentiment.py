from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capabilities.sentiment import (
    CLAUSE_LIMIT,
    LABELS,
    LANGUAGE_NOT_SUPPORTED,
    LOW_CONFIDENCE,
    NO_KNOWN_WORDS,
    NO_TEXT,
    TextAnswer,
    predict,
    scores,
)
from app.domain.history import Array
from app.texts.aspects import ASPECTS
from tests.unit.capabilities.readers import reader

READER = reader()


@dataclass
class Fixed:
    """A model that says the same of every text, and ``of_nothing`` of an empty one."""

    row: tuple[float, float, float] = (0.2, 0.5, 0.3)
    share: float = 1.0
    abstain_below: float = 0.4
    of_nothing: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    asked: list[str] = field(default_factory=list)

    def answers(self, texts: Sequence[str]) -> tuple[Array, Array]:
        self.asked += texts
        rows = [self.row if text else self.of_nothing for text in texts]
        return np.array(rows), np.full(len(texts), self.share)


def one(text: str, model: Any = READER, **asked: Any) -> TextAnswer:
    (answer,) = predict(model, [text], **asked)
    return answer


def told(text: str) -> list[tuple[str, str | None, str]]:
    return [(found.aspect, found.sentiment, text[found.start : found.end]) for found in one(text).aspects]


@pytest.mark.parametrize(
    ("text", "label", "language"),
    [
        ("Great quality, lovely staff", "positive", "en"),
        ("awful and broken", "negative", "en"),
        ("物流快，质量好", "positive", "zh"),
        ("太差了，坏了", "negative", "zh"),
        ("😡😡", "negative", "unknown"),
        ("質量好", "positive", "zh"),
        ("Ｇｒｅａｔ　ｑｕａｌｉｔｙ", "positive", "en"),
        ("great price 物流快", "positive", "mixed"),
    ],
)
def test_text_has_a_label_and_a_language(text: str, label: str, language: str) -> None:
    answer = one(text)
    assert (answer.label, answer.language, answer.abstained) == (label, language, False)


def test_score_and_confidence_come_from_the_probabilities() -> None:
    answer = one("anything at all", Fixed())
    assert answer.probability == {"negative": 0.2, "neutral": 0.5, "positive": 0.3}
    assert tuple(answer.probability) == LABELS
    assert (answer.label, answer.confidence) == ("neutral", 0.5)
    assert answer.score == pytest.approx(0.1)


def test_below_its_own_threshold_the_model_abstains_but_tells_what_it_saw() -> None:
    answer = one("anything", Fixed(abstain_below=0.51))
    assert (answer.label, answer.abstained, answer.abstained_reason) == (None, True, LOW_CONFIDENCE)
    assert answer.confidence == 0.5
    assert one("anything", Fixed(abstain_below=0.5)).label == "neutral"


@pytest.mark.parametrize("text", ["", "  \n\t", "\x00\x01\x1f", "\u200b\ufeff", "\u3000", "\ud800"])
def test_nothing_to_read_is_an_abstention(text: str) -> None:
    answer = one(text)
    assert (answer.abstained_reason, answer.label, answer.aspects) == (NO_TEXT, None, ())
    assert dict(answer.probability) == {}
    assert (answer.score, answer.confidence) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "Доставка опоздала на неделю",
        "배송이 너무 늦어요",
        "この商品はとても良いです",
        "التوصيل متأخر جدا",
        "Le produit est arrivé en retard et la qualité est très mauvaise",
        "Très déçu, produit cassé",
        "Je ne suis pas content du service",
        "El producto llegó tarde y la calidad es muy mala",
        "No me gusta nada",
        "Muy bueno, gracias",
        "Die Lieferung war zu spät und die Qualität ist schlecht",
        "Schlechter Service, nie wieder!",
        "Sehr gut!",
    ],
)
def test_other_languages_are_not_judged(text: str) -> None:
    answer = one(text, Fixed())
    assert answer.abstained_reason == LANGUAGE_NOT_SUPPORTED
    assert answer.language == "unknown"
    assert answer.aspects == ()


def test_language_that_the_sender_names_is_not_judged_if_it_is_another() -> None:
    for tag in ("fr", "de-CH", "ja"):
        assert one("good", languages=[tag]).abstained_reason == LANGUAGE_NOT_SUPPORTED
    for known in ("en", "EN-gb", "zh-Hant-TW", "und", None):
        assert one("good", languages=[known]).label == "positive"


@pytest.mark.parametrize("text", ["12345", "!!!", "？？？", "10/10"])
def test_digits_and_marks_alone_are_not_words(text: str) -> None:
    assert one(text, Fixed()).abstained_reason == NO_KNOWN_WORDS


def test_text_of_unknown_words_is_not_judged() -> None:
    assert one("zorblat quux", READER).abstained_reason == NO_KNOWN_WORDS
    assert one("anything", Fixed(share=0.01)).abstained_reason is None
    assert one("anything", Fixed(share=0.0)).abstained_reason == NO_KNOWN_WORDS


def test_praise_and_blame_of_different_things_stand_apart() -> None:
    assert told("Delivery was quick, but the staff was rude 😡") == [
        ("delivery", "positive", "Delivery was quick"),
        ("staff_attitude", "negative", "the staff was rude 😡"),
    ]
    assert told("物流快，但是质量差") == [
        ("delivery", "positive", "物流快"),
        ("product_quality", "negative", "质量差"),
    ]


def test_same_aspect_in_two_clauses_is_told_twice() -> None:
    assert told("The delivery was late. Delivery by mail was bad.") == [
        ("delivery", "negative", "The delivery was late"),
        ("delivery", "negative", "Delivery by mail was bad"),
    ]


def test_clear_sentiment_without_an_aspect_is_about_something_else() -> None:
    assert told("I love it! It is average.") == [("other", "positive", "I love it!")]
    assert told("I love it! Quality is good") == [("product_quality", "positive", "Quality is good")]
    assert told("It is average.") == []


def test_aspect_without_a_clear_sentiment_has_none() -> None:
    (aspect,) = one("the delivery", Fixed(abstain_below=0.9)).aspects
    assert (aspect.aspect, aspect.sentiment) == ("delivery", None)
    assert aspect.score == pytest.approx(0.1)


def test_text_without_a_known_word_may_name_aspects() -> None:
    answer = one("zorblat courier, quux refund")
    assert answer.abstained_reason == NO_KNOWN_WORDS
    assert [(found.aspect, found.sentiment, found.score) for found in answer.aspects] == [
        ("delivery", None, 0.0),
        ("return_and_refund", None, 0.0),
    ]


def test_clause_is_called_by_its_score() -> None:
    (aspect,) = one("the delivery", Fixed((0.4, 0.5, 0.1))).aspects
    assert aspect.sentiment == "negative"
    (aspect,) = one("the delivery", Fixed((0.25, 0.6, 0.15))).aspects
    assert aspect.sentiment == "neutral"


def test_clause_is_judged_by_its_words_alone_and_the_text_is_not() -> None:
    content = Fixed((0.1, 0.2, 0.7), of_nothing=(0.02, 0.18, 0.8))
    answer = one("the delivery", content)
    assert answer.label == "positive"
    (aspect,) = answer.aspects
    odds = np.array([0.1 / 0.02, 0.2 / 0.18, 0.7 / 0.8])
    assert aspect.score == pytest.approx((odds[2] - odds[0]) / odds.sum())
    assert aspect.sentiment == "negative"


def test_clause_of_a_model_that_expects_one_class_alone_is_judged_all_the_same() -> None:
    for row, label in (((0.0, 0.0, 1.0), "positive"), ((0.5, 0.0, 0.5), "negative")):
        (aspect,) = one("the delivery", Fixed(row, of_nothing=(0.0, 0.0, 1.0))).aspects
        assert aspect.sentiment == label
        assert np.isfinite(aspect.score)


def test_clauses_are_judged_as_by_the_same_model_without_intercept() -> None:
    text = "great delivery, awful quality, the price"
    leaning = replace(READER, intercept=np.array([-4.0, 0.5, 2.0]))
    plain = replace(READER, intercept=np.zeros(3))
    clauses = [text[found.start : found.end] for found in one(text).aspects]
    p = plain.probabilities(clauses)
    found = [aspect.score for aspect in one(text, leaning).aspects]
    # Weights are float32, and probabilities near 0 are divided by one another.
    assert found == pytest.approx(list(p[:, 2] - p[:, 0]), abs=1e-6)
    assert found == pytest.approx([aspect.score for aspect in one(text, plain).aspects], abs=1e-6)


def test_aspects_can_be_left_out_and_then_clauses_are_not_read() -> None:
    model = Fixed()
    assert one("late delivery, bad quality", model, with_aspects=False).aspects == ()
    assert model.asked == ["late delivery, bad quality"]


def test_long_text_is_read_as_a_whole() -> None:
    text = "it is ok " * 400 + "awful " * 40
    model = Fixed()
    predict(model, [text], with_aspects=False)
    assert model.asked == [text]


def test_texts_that_are_not_read_do_not_reach_the_model() -> None:
    model = Fixed()
    answers = predict(model, ["", "Доставка", "good", "12", "bad"], languages=[None, None, None, None, "fr"])
    assert model.asked == ["good", "", "good"]  # the text, then nothing and its clause
    assert [answer.abstained_reason for answer in answers] == [
        NO_TEXT,
        LANGUAGE_NOT_SUPPORTED,
        None,
        NO_KNOWN_WORDS,
        LANGUAGE_NOT_SUPPORTED,
    ]


@pytest.mark.parametrize(
    ("text", "told", "is_cut"),
    [
        ("bad price, " * (CLAUSE_LIMIT - 1), CLAUSE_LIMIT - 1, False),
        ("bad price, " * CLAUSE_LIMIT, CLAUSE_LIMIT, False),
        ("bad price, " * (CLAUSE_LIMIT + 1), CLAUSE_LIMIT, True),
        ("I love it, " * CLAUSE_LIMIT, CLAUSE_LIMIT, False),
        ("I love it, " * (CLAUSE_LIMIT + 1), CLAUSE_LIMIT, True),
        ("it is ok, " * (CLAUSE_LIMIT + 1), 0, True),
        ("it is ok, " * (CLAUSE_LIMIT + 1) + "bad price", 1, False),
        ("the price and the delivery, " * (CLAUSE_LIMIT // 2 + 1), CLAUSE_LIMIT + 2, False),
    ],
)
def test_clauses_beyond_the_limit_are_not_read_and_the_answer_says_so(
    text: str, told: int, is_cut: bool
) -> None:
    answer = one(text)
    assert (len(answer.aspects), answer.is_cut) == (told, is_cut)
    assert not one(text, with_aspects=False).is_cut


def test_no_texts_give_no_answers() -> None:
    assert predict(READER, []) == []
    assert scores(READER, []).shape == (0,)
    assert np.isnan(scores(READER, [None, ""])).all()


def test_one_text_alone_is_answered_as_among_others() -> None:
    texts = ["Great delivery, bad price", "", "物流快，但是质量差😡", "Доставка", "zorblat", "it is ok"] * 3
    for text, answer in zip(texts, predict(READER, texts), strict=True):
        assert repr(one(text)) == repr(answer)


def test_scores_are_those_of_predict_with_nan_for_what_is_not_read() -> None:
    texts = ["great", None, "", "Доставка", "zorblat", "late and awful", "12"]
    found = scores(READER, texts)
    expected = [None if text is None else one(text).score for text in texts]
    assert [None if np.isnan(score) else score for score in found] == expected
    assert np.isnan(found).tolist() == [False, True, True, True, True, False, True]


def test_unsure_texts_have_a_score() -> None:
    assert scores(Fixed(abstain_below=0.99), ["anything"])[0] == pytest.approx(0.1)


@given(st.lists(st.text(max_size=60) | st.text("好差快😡👍a late,，。 的\u0301é", max_size=60), max_size=4))
def test_every_text_gets_an_answer_in_form(texts: list[str]) -> None:
    for text, answer in zip(texts, predict(READER, texts), strict=True):
        assert answer.abstained == (answer.label is None) == (answer.abstained_reason is not None)
        if answer.probability:
            assert sum(answer.probability.values()) == pytest.approx(1.0)
            assert answer.score is not None
            assert -1 <= answer.score <= 1
            assert answer.confidence == max(answer.probability.values())
        last = (0, 0)
        for found in answer.aspects:
            assert found.aspect in ASPECTS
            assert 0 <= found.start < found.end <= len(text)
            assert found.start >= last[1] or (found.start, found.end) == last
            last = (found.start, found.end)
