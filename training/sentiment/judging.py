"""How good a model of three classes is: metrics with intervals, the gate, and what abstaining buys.

Rules of the gate are those of :mod:`training.evaluation`, with the mean log-loss over three classes; ranking
is judged by the AUC of positive against negative texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.artifacts.manifest import Baseline, Interval
from app.domain.history import Array
from app.estimators.ngrams import CLASSES
from training.evaluation import (
    LEVEL,
    Verdict,
    auc,
    graded,
    interval_of,
    metrics_with_intervals,
    resamples,
)
from training.sentiment.text import NEGATIVE, NEUTRAL, POSITIVE

MOST_FREQUENT: Final = "most_frequent_class"
"""The class shares: at its most confident always the most frequent class."""
THRESHOLDS: Final = tuple(round(0.35 + 0.05 * k, 2) for k in range(13))
_RANKING_SAMPLES: Final = 50


@dataclass(frozen=True, slots=True)
class Answered:
    """What is answered at a threshold: the share of texts, and the share of those that is right."""

    threshold: float
    share: float
    accuracy: float | None


def class_shares(label: Array) -> Array:
    """Return the shares of the classes as everybody's probabilities, shape (N, 3)."""
    counts = np.bincount(label, minlength=CLASSES) + 0.5
    return np.tile(counts / counts.sum(), (len(label), 1))


def class_losses(label: Array, p: Array) -> Array:
    """Return the log-loss of each text, shape (N,); probabilities are kept 1e-7 away from 0."""
    answer: Array = -np.log(np.maximum(p[np.arange(len(label)), label], 1e-7))
    return answer


def confusion(label: Array, p: Array, weight: Array | None = None) -> Array:
    """Return how often each class (rows) was told as each class (columns), float64 of shape (3, 3)."""
    cell = label * CLASSES + p.argmax(axis=1)
    counts = np.bincount(cell, weight, minlength=CLASSES * CLASSES).astype(np.float64)
    return counts.reshape(CLASSES, CLASSES)


def macro_f1(table: Array) -> float:
    """Return the mean F1 over the classes that occur or are told, of a confusion table; NaN of none."""
    hits, told, real = table.diagonal(), table.sum(axis=0), table.sum(axis=1)
    there = told + real > 0
    return float((2 * hits[there] / (told + real)[there]).mean()) if there.any() else float("nan")


def polarity(p: Array) -> Array:
    """Return how positive each text is among positive and negative, shape (N,), 0 to 1."""
    answer: Array = p[:, POSITIVE] / np.maximum(p[:, POSITIVE] + p[:, NEGATIVE], 1e-12)
    return answer


def polarity_auc(label: Array, p: Array) -> float:
    """Return the AUC of positive against negative texts; neutral ones are left out. NaN with one side."""
    sided = label != NEUTRAL
    return auc((label[sided] == POSITIVE).astype(np.float64), polarity(p)[sided])


def class_metrics(label: Array, p: Array, customer: Array, seed: int) -> Mapping[str, Interval]:
    """Return macro_f1, accuracy, log_loss, auc and ece with 95 % intervals over customers.

    ``auc`` is of positive against negative texts, ``ece`` of the confidence in the class that is told.
    """
    if not len(label):
        return {}
    loss = class_losses(label, p)
    right = (p.argmax(axis=1) == label).astype(np.float64)
    table = confusion(label, p)
    draws = []
    for times in resamples(customer, seed):
        rows = times.sum()
        draws.append((macro_f1(confusion(label, p, times)), times @ right / rows, times @ loss / rows))
    values = (macro_f1(table), float(right.mean()), float(loss.mean()))
    found = {
        name: interval_of(value, np.array([draw[k] for draw in draws]))
        for k, (name, value) in enumerate(zip(("macro_f1", "accuracy", "log_loss"), values, strict=True))
    }
    sided = label != NEUTRAL
    positive = (label[sided] == POSITIVE).astype(np.float64)
    ranking = metrics_with_intervals(positive, polarity(p)[sided], customer[sided], seed)
    found["auc"] = ranking.get("auc")
    found["ece"] = metrics_with_intervals(right, p.max(axis=1), customer, seed).get("ece")
    return {name: interval for name, interval in found.items() if interval is not None}


def judge_classes(label: Array, p: Array, rule: Array, customer: Array, rule_name: str, seed: int) -> Verdict:
    """Grade probabilities of three classes against a named rule's on the same texts.

    Parameters
    ----------
    label : ndarray of int, shape (N,)
    p, rule : ndarray, shape (N, 3)
        The model's and the rule's probabilities, out of sample.
    customer : ndarray, shape (N,)
    """
    model_loss, rule_loss = class_losses(label, p), class_losses(label, rule)
    baseline = Baseline(
        name=rule_name,
        metric="log_loss",
        value=float(rule_loss.mean()),
        model_value=float(model_loss.mean()),
    )
    if label.min() == label.max():
        return Verdict("C", Interval(value=0.0, low=0.0, high=0.0), baseline, "one class only")
    draws = [1 - (times @ model_loss) / (times @ rule_loss) for times in resamples(customer, seed)]
    reduction = interval_of(1 - baseline.model_value / baseline.value, np.array(draws))
    assert reduction is not None  # noqa: S101  both losses are finite
    return graded(reduction, baseline, _lead(label, p, rule, customer, seed), "log-loss")


def abstention_curve(label: Array, p: Array) -> tuple[Answered, ...]:
    """Return what is answered, and how well, at each of ``THRESHOLDS``."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == label
    answer = []
    for threshold in THRESHOLDS:
        chosen = confidence >= threshold
        accuracy = float(right[chosen].mean()) if chosen.any() else None
        answer.append(Answered(threshold, float(chosen.mean()), accuracy))
    return tuple(answer)


def _lead(label: Array, p: Array, rule: Array, customer: Array, seed: int) -> float:
    """Return by how much the model ranks better; the upper end of its interval where it ranks worse."""
    lead = polarity_auc(label, p) - polarity_auc(label, rule)
    if np.isnan(lead) or lead >= 0:
        return 0.0 if np.isnan(lead) else lead
    draws = []
    for times in resamples(customer, seed, _RANKING_SAMPLES):
        rows = np.repeat(np.arange(len(label)), times.astype(np.int64))
        draws.append(polarity_auc(label[rows], p[rows]) - polarity_auc(label[rows], rule[rows]))
    told = np.array(draws)[np.isfinite(draws)]
    return float(np.quantile(told, 1 - (1 - LEVEL) / 2)) if len(told) else lead
