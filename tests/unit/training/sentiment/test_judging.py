"""Metrics of three classes, the gate, and what abstaining buys."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import f1_score

from app.domain.history import Array
from training.evaluation import auc
from training.sentiment.judging import (
    MOST_FREQUENT,
    THRESHOLDS,
    abstention_curve,
    class_losses,
    class_metrics,
    class_shares,
    confusion,
    judge_classes,
    macro_f1,
    polarity_auc,
)

ROWS = 400
CUSTOMER = np.arange(ROWS) // 2


def made(seed: int = 0, noise: float = 1.0) -> tuple[Array, Array]:
    """Return labels and calibrated-looking probabilities that know something of them."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, ROWS)
    margin = 2 * np.eye(3)[label] + noise * rng.normal(size=(ROWS, 3))
    p = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
    return label, p


def test_confusion_and_macro_f1_are_those_of_scikit_learn() -> None:
    label, p = made()
    table = confusion(label, p)
    assert table.sum() == ROWS
    assert table[0, 1] == ((label == 0) & (p.argmax(axis=1) == 1)).sum()
    assert macro_f1(table) == pytest.approx(f1_score(label, p.argmax(axis=1), average="macro"))


def test_weights_count_texts_more_than_once() -> None:
    label, p = made()
    twice = confusion(label, p, np.full(ROWS, 2.0))
    assert np.array_equal(twice, 2 * confusion(label, p))


def test_a_class_that_neither_occurs_nor_is_told_does_not_count() -> None:
    assert macro_f1(np.diag([3.0, 0.0, 5.0])) == 1.0
    assert np.isnan(macro_f1(np.zeros((3, 3))))


def test_neutral_texts_are_left_out_of_the_auc() -> None:
    label, p = made()
    sided = label != 1
    share = p[:, 2] / (p[:, 0] + p[:, 2])
    assert polarity_auc(label, p) == pytest.approx(auc((label[sided] == 2).astype(float), share[sided]))
    assert np.isnan(polarity_auc(np.ones(3, dtype=int), p[:3]))


def test_metrics_stand_in_their_intervals() -> None:
    label, p = made()
    found = class_metrics(label, p, CUSTOMER, 1)
    assert set(found) == {"macro_f1", "accuracy", "log_loss", "auc", "ece"}
    assert found["accuracy"].value == (p.argmax(axis=1) == label).mean()
    assert found["log_loss"].value == pytest.approx(class_losses(label, p).mean())
    for one in found.values():
        assert one.low <= one.value <= one.high
        assert one.high > one.low
    assert class_metrics(label[:0], p[:0], CUSTOMER[:0], 1) == {}


def test_a_model_that_knows_something_beats_the_shares_and_not_itself() -> None:
    label, p = made()
    verdict = judge_classes(label, p, class_shares(label), CUSTOMER, MOST_FREQUENT, 1)
    assert verdict.grade == "A"
    assert verdict.baseline.name == MOST_FREQUENT
    assert judge_classes(label, p, p, CUSTOMER, "itself", 1).grade == "C"


def test_a_lower_loss_with_a_worse_order_earns_nothing() -> None:
    label, p = made(noise=1.5)
    # The rule ranks perfectly and is as sure of the wrong class as of the right one.
    rule = np.full((ROWS, 3), 1e-3)
    rule[:, 1] = 1.0
    rule[label == 2, 2] = 2e-3
    verdict = judge_classes(label, p, rule / rule.sum(axis=1, keepdims=True), CUSTOMER, "sharp", 1)
    assert verdict.reduction.low > 0
    assert verdict.grade == "C"


def test_one_class_is_not_judged() -> None:
    label, p = np.full(ROWS, 2), made()[1]
    assert judge_classes(label, p, class_shares(label), CUSTOMER, MOST_FREQUENT, 1).reason == "one class only"


def test_fewer_answers_are_better_ones() -> None:
    label, p = made()
    curve = abstention_curve(label, p)
    assert [one.threshold for one in curve] == list(THRESHOLDS)
    assert len(curve) >= 10
    assert all(a.share >= b.share for a, b in pairwise(curve))
    first, last = curve[0].accuracy, curve[-1].accuracy
    assert first is not None
    assert last is not None
    assert last > first
    assert abstention_curve(np.array([0]), np.array([[0.4, 0.3, 0.3]]))[-1].accuracy is None
