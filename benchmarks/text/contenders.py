"""What is asked about texts, ours first: the learned model, the lexica, and what a user would pick instead.

Each tells how positive a text is and, where it has them, probabilities of the three classes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from app.domain.history import Array
from app.estimators.ngrams import CLASSES, NgramModel, write_ngrams
from benchmarks.text.sets import Texts
from training.sentiment.base import base_model
from training.sentiment.fit import BITS
from training.sentiment.judging import class_shares, polarity
from training.sentiment.learning import folds_of, learn, numbered
from training.sentiment.text import NEGATIVE, NEUTRAL, POSITIVE, matrix_of

SEED: Final = 0
VADER_CUT: Final = 0.05
"""The package's own cut of its compound score."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one contender says of N texts.

    ``score`` rises with how positive a text is, shape (N,); ``p`` has shape (N, 3) or is None; ``label`` is
    the class told, shape (N,). ``fit_seconds`` is CPU time, ``us_per_text`` that of telling one text in
    microseconds, ``bytes_`` the size of the file that would be shipped.
    """

    name: str
    score: Array
    p: Array | None
    label: Array
    fit_seconds: float = 0.0
    us_per_text: float = 0.0
    bytes_: int | None = None
    note: str = ""


def learned(train: Texts, base: NgramModel | None = None) -> tuple[NgramModel, float]:
    """Return the model of some texts with the product's settings, and the CPU seconds that it took."""
    started = time.process_time()
    base = base_model() if base is None else base
    matrix = matrix_of(train.texts, BITS)
    # Nobody is known to have written two of them: folds keep like texts together.
    fold = folds_of(numbered(train.texts), SEED)
    found = learn(train.texts, matrix, train.label, fold, base, lambda _: None)
    if found is None:
        raise ValueError("the texts are too alike to learn from")
    return found.model, time.process_time() - started


def ours(train: Texts, test: Texts, *, base: NgramModel | None = None, name: str = "Kith") -> Told:
    """Learn from some texts and tell others."""
    model, seconds = learned(train, base)
    return replace(told_by(model, test, name), fit_seconds=seconds)


def told_by(model: NgramModel, test: Texts, name: str) -> Told:
    """Return what a model says."""
    started = time.process_time()
    p = model.probabilities(test.texts)
    spent = 1e6 * (time.process_time() - started) / max(len(test.texts), 1)
    return Told(name, polarity(p), p, p.argmax(axis=1), us_per_text=spent, bytes_=len(write_ngrams(model)))


def shipped_base(test: Texts) -> Told:
    """Return what the lexica say that ship with the product; they saw none of these texts."""
    return told_by(base_model(), test, "Kith, base model alone")


def most_frequent(train: Texts, test: Texts) -> Told:
    """Return the most frequent class for every text, with the class shares as probabilities."""
    p = np.tile(class_shares(train.label)[0], (len(test.label), 1))
    return Told("always the most frequent class", polarity(p), p, p.argmax(axis=1))


def scikit_learn(train: Texts, test: Texts, *, analyzer: str) -> Told:
    """Fit the usual pipeline: tf-idf of 1-2-grams and a logistic regression, settings as they come."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  slow to import
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    started = time.process_time()
    vectorizer = TfidfVectorizer(analyzer=analyzer, ngram_range=(1, 2))
    fitted = LogisticRegression(max_iter=300).fit(vectorizer.fit_transform(train.texts), train.label)
    spent = time.process_time() - started
    started = time.process_time()
    found = fitted.predict_proba(vectorizer.transform(test.texts))
    per_text = 1e6 * (time.process_time() - started) / max(len(test.texts), 1)
    p = np.zeros((len(test.label), CLASSES))
    p[:, fitted.classes_] = found
    kind = {"char": "character", "word": "word"}[analyzer]
    name = f"scikit-learn, {kind} 1-2-grams"
    return Told(name, polarity(p), p, p.argmax(axis=1), spent, per_text)


def vader(test: Texts) -> Told:
    """Ask VADER, with its own cut of the compound score."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415

    analyzer: Any = SentimentIntensityAnalyzer()
    score, per_text = _one_by_one(lambda text: analyzer.polarity_scores(text)["compound"], test.texts)
    label = np.where(score >= VADER_CUT, POSITIVE, np.where(score <= -VADER_CUT, NEGATIVE, NEUTRAL))
    return Told("VADER", score, None, label, us_per_text=per_text)


def snownlp(test: Texts) -> Told | None:
    """Ask SnowNLP, whose own training texts may hold some of these; None where it is not installed."""
    if find_spec("snownlp") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from snownlp import SnowNLP  # noqa: PLC0415  a benchmark dependency, and slow to import

        score, per_text = _one_by_one(lambda text: SnowNLP(text).sentiments, test.texts)
    label = np.where(score >= 0.5, POSITIVE, NEGATIVE)
    return Told("SnowNLP", score, None, label, us_per_text=per_text, note="may have seen these texts")


def _one_by_one(ask: Callable[[str], float], texts: Sequence[str]) -> tuple[Array, float]:
    """Return an answer for each text, and the CPU microseconds that one took; blank texts get 0."""
    started = time.process_time()
    score = np.array([float(ask(text)) if text.strip() else 0.0 for text in texts])
    return score, 1e6 * (time.process_time() - started) / max(len(texts), 1)
