"""Fitting: what is learned, what is kept, and that probabilities mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.grams import grams
from app.estimators.ngrams import NgramModel, softmax
from training.sentiment import fit as sentiment_fit
from training.sentiment.fit import (
    ABSTAIN_BELOW,
    BITS,
    abstention,
    calibrate,
    calibrated,
    fit_model,
    margins_of,
)
from training.sentiment.text import matrix_of

TEXTS = ("a good coat", "good and warm", "the warm coat", "a bad coat", "bad and late", "the late coat") * 5
LABEL = np.array([2, 2, 2, 0, 0, 0] * 5)


def bucket(word: str) -> int:
    return int(grams([word], BITS).bucket[0])


def weights_of(model: NgramModel, word: str) -> Array | None:
    place = np.flatnonzero(model.buckets == bucket(word))
    return model.weights[place[0]] if len(place) else None


def test_words_of_a_side_speak_for_it_and_others_do_not() -> None:
    model = fit_model(matrix_of(TEXTS, BITS), LABEL)
    good, coat = weights_of(model, "good"), weights_of(model, "coat")
    assert good is not None
    assert coat is not None
    assert good[2] > 0 > good[0]
    assert abs(coat[2] - coat[0]) < 0.1 * (good[2] - good[0])
    p = model.probabilities(["good coat", "bad coat"])
    assert p[0, 2] > 0.6
    assert p[1, 0] > 0.6
    # A class that nobody rated is all but ruled out.
    assert p[:, 1].max() < 0.1


def test_what_one_text_alone_holds_leaves_no_trace() -> None:
    texts = (*TEXTS, "a secretname coat")
    model = fit_model(matrix_of(texts, BITS), np.r_[LABEL, 2])
    assert weights_of(model, "secretname") is None
    assert weights_of(model, "good") is not None


def test_what_one_customer_alone_wrote_gets_no_weight_however_often() -> None:
    texts = (*TEXTS, *["a secretname coat"] * 4)
    label, writer = np.r_[LABEL, [2] * 4], np.r_[np.arange(30), [30] * 4]
    matrix = matrix_of(texts, BITS)
    assert weights_of(fit_model(matrix, label), "secretname") is not None
    model = fit_model(matrix, label, writer=writer)
    assert weights_of(model, "secretname") is None
    assert weights_of(model, "good") is not None
    # A second customer is enough.
    assert weights_of(fit_model(matrix, label, writer=np.r_[writer[:-1], 31]), "secretname") is not None


def test_of_one_customer_only_the_class_shares_are_learned() -> None:
    model = fit_model(matrix_of(TEXTS, BITS), LABEL, writer=np.zeros(30, dtype=np.int64))
    assert len(model.buckets) == 0
    assert model.probabilities(["good"])[0, 2] == pytest.approx(0.5, abs=0.03)


def test_the_most_frequent_buckets_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentiment_fit, "BUCKET_LIMIT", 1)
    model = fit_model(matrix_of(TEXTS, BITS), LABEL)
    assert model.buckets.tolist() == [bucket("coat")]


def test_a_base_is_kept_where_texts_say_nothing_and_moved_where_they_do() -> None:
    base = NgramModel(
        BITS,
        np.sort(np.array([bucket("good"), bucket("awful")], dtype=np.uint32)),
        np.array([[-1, 0, 1], [-1, 0, 1]], dtype=np.float32),
        np.zeros(3),
        ABSTAIN_BELOW,
    )
    model = fit_model(matrix_of(TEXTS, BITS), LABEL, base)
    assert {bucket("awful"), bucket("bad"), bucket("good")} <= set(model.buckets.tolist())
    awful, good = weights_of(model, "awful"), weights_of(model, "good")
    assert awful is not None
    assert good is not None
    # Nothing speaks of awful: the base's own word, times the trust in the base.
    assert awful[2] == pytest.approx(-awful[0], abs=1e-5)
    assert good[2] > awful[2] > 0.5


def test_margins_of_a_matrix_are_those_of_the_texts() -> None:
    matrix = matrix_of(TEXTS, BITS)
    model = fit_model(matrix, LABEL)
    assert np.allclose(margins_of(matrix, model), model.margins(TEXTS), atol=1e-6)


def test_calibration_finds_slope_and_offsets_again() -> None:
    rng = np.random.default_rng(3)
    margin = rng.normal(size=(6000, 3)) * 2
    truth = softmax(0.5 * margin + np.array([0.4, -0.2, -0.2]))
    label = (truth.cumsum(axis=1) < rng.random((6000, 1))).sum(axis=1)
    found = calibrate(margin, label)
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.offset[0] - found.offset[1] == pytest.approx(0.6, abs=0.15)
    assert np.allclose(found.apply(margin), truth, atol=0.04)


def test_few_margins_stay_near_themselves_and_a_missing_class_above_zero() -> None:
    found = calibrate(np.array([[2.0, 0.0, -2.0], [-2.0, 0.0, 2.0]]), np.array([0, 2]))
    assert 0.5 < found.slope < 2
    assert (found.apply(np.zeros((1, 3)))[0] > 0.05).all()


def test_a_calibrated_model_says_what_the_calibration_says() -> None:
    matrix = matrix_of(TEXTS, BITS)
    model = fit_model(matrix, LABEL)
    calibration = replace(calibrate(margins_of(matrix, model), LABEL), slope=0.7)
    told = calibrated(model, calibration, 0.6)
    assert told.abstain_below == 0.6
    assert np.allclose(told.probabilities(TEXTS), calibration.apply(model.margins(TEXTS)), atol=1e-6)


def sure(confidence: float, count: int) -> Array:
    rest = (1 - confidence) / 2
    return np.tile([rest, rest, confidence], (count, 1))


def test_the_threshold_is_the_lowest_that_reaches_the_level() -> None:
    # Of 50 answers at 0.6 half are right, of 50 at 0.9 all.
    p = np.concatenate([sure(0.6, 50), sure(0.9, 50)])
    label = np.r_[np.full(25, 2), np.full(25, 0), np.full(50, 2)]
    assert abstention(p, label, 0.9) == pytest.approx(0.61)
    assert abstention(p, label, 0.75) == ABSTAIN_BELOW


def test_a_level_out_of_reach_leaves_the_default() -> None:
    p, label = sure(0.9, 100), np.r_[np.full(50, 2), np.full(50, 0)]
    assert abstention(p, label, 0.9) == ABSTAIN_BELOW
