"""Learning sentiment: when the company's own texts count, and that nobody's text is told by itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.ngrams import read_ngrams
from tests.unit.training.rows import run_over
from tests.unit.training.tables.small import rows_of
from tests.unit.training.texts import texts_sql
from training.run import Run
from training.sentiment import learning
from training.sentiment.base import base_model
from training.sentiment.fit import FOLDS, Calibration3
from training.sentiment.learned import LearnedTexts, _strongest_rule, learn_sentiment
from training.sentiment.learning import folds_of, learn, numbered
from training.sentiment.text import matrix_of


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with run_over({"feedback": texts_sql(400)}) as found:
        yield found


@pytest.fixture(scope="module")
def learned(run: Run) -> LearnedTexts:
    return learn_sentiment(run)


def test_rated_texts_climb_above_the_lexica(learned: LearnedTexts) -> None:
    assert learned.tier == "statistical"
    assert learned.why == ""
    assert learned.verdict is not None
    assert learned.verdict.grade != "C"
    assert learned.verdict.reduction.low > 0
    p = learned.model.probabilities(["zorp blim", "grux vosk"])
    assert p[0, 2] > 0.5 > p[0, 0]
    assert p[1, 0] > 0.5 > p[1, 2]


def test_the_file_holds_the_model(learned: LearnedTexts) -> None:
    texts = ["zorp coat", "鞋子坏透呢"]
    assert np.array_equal(read_ngrams(learned.data).probabilities(texts), learned.model.probabilities(texts))


def test_every_text_has_a_score_out_of_fold(run: Run, learned: LearnedTexts) -> None:
    stars = run.history.tables["feedback"]["score"]
    assert learned.out_of_fold.shape == stars.shape
    assert np.isfinite(learned.out_of_fold).all()
    assert np.abs(learned.out_of_fold).max() <= 1
    assert np.corrcoef(stars, learned.out_of_fold)[0, 1] > 0.4
    # Told by a model that learned from other customers, not by the one that is published.
    published = learned.model.probabilities([str(text) for text in run.history.tables["feedback"]["text"]])
    assert not np.allclose(learned.out_of_fold, published[:, 2] - published[:, 0])


def test_it_is_learned_once(run: Run, learned: LearnedTexts) -> None:
    assert learn_sentiment(run) is learned
    assert run.memo["sentiment"] is learned


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (texts_sql(150), "150 rated texts; 200 are needed"),
        (
            f"SELECT * REPLACE (5 AS score) FROM ({texts_sql(220)})",  # noqa: S608 - SQL of the test
            "0 negative and 220 positive texts; 20 of each are needed",
        ),
        (
            f"SELECT * REPLACE ('same' AS text) FROM ({texts_sql(220)})",  # noqa: S608 - SQL of the test
            "so alike that none are left",
        ),
        (
            f"SELECT * REPLACE (if(score < 4, 'c0', customer_id) AS customer_id) FROM ({texts_sql(220)})",  # noqa: S608
            "too few customers wrote the negative or the positive ones",
        ),
        (texts_sql(240, plain=True), "does not beat"),
    ],
)
def test_where_rated_texts_carry_nothing_the_lexica_answer_alone(sql: str, says: str) -> None:
    with run_over({"feedback": sql}) as run:
        found = learn_sentiment(run)
    assert says in found.why
    assert found.tier == "rules"
    assert found.model is base_model()
    assert np.array_equal(found.model.buckets, read_ngrams(found.data).buckets)
    assert found.verdict is not None
    assert np.isfinite(found.out_of_fold).all()


def test_without_any_text_there_is_a_model_and_no_score() -> None:
    orders = rows_of("order_id, customer_id, ordered_at, revenue", "'o', 'a', TIMESTAMPTZ '2026-06-01', 2.0")
    silent = rows_of(
        "feedback_id, customer_id, submitted_at, kind, score, scale_max, text",
        "'f', 'a', TIMESTAMPTZ '2026-06-01 12:00+00', 'csat', 5, 5, NULL",
    )
    with run_over({"orders": orders}) as run:
        found = learn_sentiment(run)
    assert found.tier == "rules"
    assert found.verdict is None
    assert found.out_of_fold.shape == (0,)
    with run_over({"feedback": silent}) as run:
        assert np.isnan(learn_sentiment(run).out_of_fold).tolist() == [True]


def test_all_texts_of_a_writer_are_in_one_fold() -> None:
    writer = np.random.default_rng(0).integers(0, 50, 400)
    fold = folds_of(writer, 7)
    assert set(fold.tolist()) == {0, 1, 2, 3, 4}
    for one in range(50):
        assert len(set(fold[writer == one].tolist())) <= 1


def test_a_text_that_stands_in_a_fold_is_not_learned_from_to_tell_it() -> None:
    # Every text stands once, but for one that stands in every fold.
    texts = [f"{side} {k}" for k in range(40) for side in ("zorp", "grux")] + ["blim well"] * 40
    label = np.r_[np.tile([2, 0], 40), np.full(40, 2)]
    fold = np.r_[np.arange(80) // 2 % 5, np.arange(40) % 5]
    found = learn(texts, matrix_of(texts, 32), label, fold, base_model(), lambda _: None)
    assert found is not None
    assert found.held_out.shape == (120, 3)
    # Word for word in every fold: no fold's model has seen it, the published one has.
    word = matrix_of(["blim"], 32).buckets[0]
    assert word in found.model.buckets
    assert all(word not in model.buckets for model in found.of_fold)


def test_a_fold_is_calibrated_on_the_others_and_the_published_model_on_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [f"{('grux', 'blim', 'zorp')[k % 3]} {k} well" for k in range(60)]
    label, fold = np.arange(60) % 3, np.arange(60) // 3 % FOLDS
    calibrated_on: list[int] = []
    chosen_on: list[int] = []

    def told_of(margin: Array, label: Array) -> Calibration3:
        calibrated_on.append(len(label))
        # A shift that says by which texts it was found.
        return Calibration3(1.0, np.array([margin.sum(), 0.0, 0.0]))

    def threshold_of(p: Array, label: Array) -> float:
        chosen_on.append(len(label))
        return 0.5 + len(chosen_on) / 100

    monkeypatch.setattr(learning, "calibrate", told_of)
    monkeypatch.setattr(learning, "abstention", threshold_of)
    found = learn(texts, matrix_of(texts, 32), label, fold, base_model(), lambda _: None)
    assert found is not None
    assert calibrated_on == [48] * FOLDS + [60]
    assert chosen_on == [48] * FOLDS + [60]
    assert found.model.abstain_below == 0.56
    for k, model in enumerate(found.of_fold):
        rows = np.flatnonzero(fold == k)
        told = model.probabilities([texts[row] for row in rows])
        assert np.allclose(found.held_out[rows], told, atol=1e-5)


def test_the_rule_of_a_fold_owes_nothing_to_the_labels_of_the_fold() -> None:
    margin = np.random.default_rng(0).normal(size=(50, 3))
    fold, label = np.arange(50) % FOLDS, np.arange(50) % 3
    rule = _strongest_rule(label, margin, fold)[1]
    other = _strongest_rule(np.where(fold == 0, 2 - label, label), margin, fold)[1]
    assert np.array_equal(rule[fold == 0], other[fold == 0])
    assert not np.allclose(rule[fold == 1], other[fold == 1])


def test_texts_that_read_alike_have_one_number() -> None:
    assert numbered(["Good!", "ｇｏｏｄ！", "bad", "good!"]).tolist() == [0, 0, 1, 0]
