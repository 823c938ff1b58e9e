from __future__ import annotations

import numpy as np
import pytest

from tests.unit.training.sample.reading import columns
from training.sample import SimulatedBusiness
from training.sample.phrases import ASPECTS, CHINESE, ENGLISH
from training.sample.reviews import DELIVERY, QUALITY, write_reviews


@pytest.mark.parametrize("book", [ENGLISH, CHINESE])
def test_no_sentence_stands_for_two_aspects_or_both_polarities(
    book: dict[str, tuple[tuple[str, ...], tuple[str, ...]]],
) -> None:
    assert tuple(book) == ASPECTS
    sentences = [sentence for sides in book.values() for side in sides for sentence in side]
    assert len(set(sentences)) == len(sentences)


def test_texts_are_in_the_stated_language_and_say_what_the_truth_says(business: SimulatedBusiness) -> None:
    feedback, truth = columns(business.tables["feedback"]), columns(business.truth["reviews"])
    rows = feedback["kind"] == "review"
    assert set(feedback["language"][rows]) == {"en", "zh-CN"}
    text = dict(zip(feedback["feedback_id"][rows], feedback["text"][rows], strict=True))
    language = dict(zip(feedback["feedback_id"][rows], feedback["language"][rows], strict=True))
    assert set(text) == set(truth["feedback_id"])
    for position, key in enumerate(truth["feedback_id"][:400]):
        book = ENGLISH if language[key] == "en" else CHINESE
        assert text[key].isascii() == (language[key] == "en")
        assert 0 < len(text[key]) <= 400
        for aspect in ASPECTS:
            praise, blame = (
                any(sentence.split("{p}")[-1] in text[key] for sentence in side) for side in book[aspect]
            )
            assert int(praise) - int(blame) == truth[aspect][position], (key, aspect)


def test_stars_and_words_go_together(business: SimulatedBusiness) -> None:
    feedback, truth = columns(business.tables["feedback"]), columns(business.truth["reviews"])
    score = dict(zip(feedback["feedback_id"], feedback["score"], strict=True))
    stars = np.array([score[key] for key in truth["feedback_id"]])
    tone = np.sum([truth[aspect] for aspect in ASPECTS], axis=0)
    assert tone[stars >= 4].mean() > 0.5
    assert tone[stars <= 2].mean() < -0.5


def test_a_late_or_broken_parcel_is_never_praised_for_it() -> None:
    rows = 300
    reviews = write_reviews(
        np.ones(rows),
        np.full(rows, 5.0),
        np.ones(rows, dtype=bool),
        np.ones(rows, dtype=bool),
        np.arange(rows) % 2,
        ["tea"] * rows,
        np.random.default_rng(1),
    )
    assert reviews.polarity[:, DELIVERY].max() == 0
    assert reviews.polarity[:, QUALITY].max() == 0
    assert ((reviews.polarity != 0).sum(axis=1) >= 1).all()
    assert ((reviews.polarity != 0).sum(axis=1) <= 3).all()


def test_no_review_is_no_error() -> None:
    nothing = np.zeros(0)
    reviews = write_reviews(
        nothing,
        nothing,
        nothing.astype(bool),
        nothing.astype(bool),
        nothing.astype(int),
        [],
        np.random.default_rng(1),
    )
    assert reviews.text == []
    assert reviews.polarity.shape == (0, len(ASPECTS))
