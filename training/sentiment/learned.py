"""Learning what texts say of satisfaction: the company's own rated texts on top of the base model.

Rules:

1. Customers are dealt to five folds. The texts of a fold are told by a model that learned from no text of
   those customers, and from no text that stands in the fold word for word, whoever wrote it.
2. The calibration and the threshold of abstention come from those held-out answers; the published model
   learns from every rated text.
3. With fewer than 200 rated texts, fewer than 20 negative or 20 positive ones, or where the learned model
   does not beat both the lexica and the class shares on the held-out texts, the base model answers alone.
4. Every text on record gets a held-out score, rated or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.artifacts.manifest import Tier
from app.domain.history import Array
from app.estimators.ngrams import CLASSES, NgramModel, softmax, write_ngrams
from training.evaluation import Verdict
from training.run import Run
from training.sentiment.base import base_model
from training.sentiment.fit import BITS, FOLDS, calibrate, margins_of
from training.sentiment.judging import MOST_FREQUENT, class_shares, judge_classes
from training.sentiment.learning import folds_of, learn
from training.sentiment.text import NEGATIVE, POSITIVE, Rated, TextMatrix, matrix_of, rated_texts

FEWEST_RATED: Final = 200
FEWEST_OF_A_SIDE: Final = 20
LEXICON: Final = "lexicon"


@dataclass(frozen=True, slots=True)
class LearnedTexts:
    """The model of texts with what was learned on the way.

    ``out_of_fold`` is P(positive) - P(negative) of each row of the table feedback, float64 of shape (R,), by
    a model that learned from no text of that customer; NaN where there is no text. ``held_out`` are such
    probabilities of the rated texts, shape (N, 3), ``by_lexicon`` the base model's. ``verdict`` is None where
    there is no rated text to judge on. ``why`` says what kept the learned model back, "" where nothing did;
    ``tried`` is then its verdict, if it came that far.
    """

    data: bytes
    model: NgramModel
    out_of_fold: Array
    tier: Tier
    rated: Rated
    held_out: Array
    by_lexicon: Array
    verdict: Verdict | None
    why: str = ""
    tried: Verdict | None = field(default=None)


def learn_sentiment(run: Run) -> LearnedTexts:
    """Return the model of a run's texts; it is learned once and kept in ``run.memo``."""
    if "sentiment" not in run.memo:
        run.memo["sentiment"] = _learned(run)
    learned: LearnedTexts = run.memo["sentiment"]
    return learned


def _learned(run: Run) -> LearnedTexts:
    """Climb from the lexica to the learned model, if the rated texts carry it."""
    rated, base = rated_texts(run), base_model()
    texts = matrix_of(rated.texts, BITS)
    by_lexicon = softmax(margins_of(texts, base))
    why = _too_little(rated)
    tried = None
    if not why:
        run.progress(f"sentiment: {len(rated.texts)} rated texts, {len(texts.buckets)} different n-grams")
        found = _climbed(run, rated, texts, by_lexicon)
        if found.verdict is not None and found.verdict.grade != "C":
            return found
        tried = found.verdict
        why = "does not beat the lexica and the class shares on texts held back" if tried else found.why
    verdict = None
    if len(rated.texts):
        shares = class_shares(rated.label)
        verdict = judge_classes(rated.label, by_lexicon, shares, rated.customer, MOST_FREQUENT, run.seed)
    return LearnedTexts(
        write_ngrams(base),
        base,
        _scores_of_all(run, [base] * FOLDS, np.zeros(run.history.size, dtype=np.int64)),
        "rules",
        rated,
        by_lexicon,
        by_lexicon,
        verdict,
        why,
        tried,
    )


def _too_little(rated: Rated) -> str:
    """Return what is missing to learn from the rated texts, "" where nothing is."""
    counts = np.bincount(rated.label, minlength=CLASSES)
    if len(rated.texts) < FEWEST_RATED:
        return f"{len(rated.texts)} rated texts; {FEWEST_RATED} are needed"
    if min(counts[NEGATIVE], counts[POSITIVE]) < FEWEST_OF_A_SIDE:
        return (
            f"{counts[NEGATIVE]} negative and {counts[POSITIVE]} positive texts; "
            f"{FEWEST_OF_A_SIDE} of each are needed"
        )
    return ""


def _climbed(run: Run, rated: Rated, texts: TextMatrix, by_lexicon: Array) -> LearnedTexts:
    """Learn from the rated texts and judge what was learned on texts held back."""
    base = base_model()
    fold_of_customer = folds_of(np.arange(run.history.size), run.seed)
    fold = fold_of_customer[rated.customer]
    found = learn(rated.texts, texts, rated.label, fold, base, run.progress)
    if found is None:
        why = "the texts are so alike that none are left to judge on"
        return LearnedTexts(b"", base, np.empty(0), "rules", rated, by_lexicon, by_lexicon, None, why)
    name, rule = _strongest_rule(rated.label, margins_of(texts, base))
    verdict = judge_classes(rated.label, found.held_out, rule, rated.customer, name, run.seed)
    return LearnedTexts(
        write_ngrams(found.model),
        found.model,
        _scores_of_all(run, found.of_fold, fold_of_customer),
        "statistical",
        rated,
        found.held_out,
        by_lexicon,
        verdict,
    )


def _strongest_rule(label: Array, lexicon: Array) -> tuple[str, Array]:
    """Return the rule of the lower loss: the lexica, calibrated on these very labels, or the class shares."""
    told = calibrate(lexicon, label).apply(lexicon)
    shares = class_shares(label)
    rows = np.arange(len(label))
    loss = [float(-np.log(p[rows, label]).mean()) for p in (told, shares)]
    return (LEXICON, told) if loss[0] <= loss[1] else (MOST_FREQUENT, shares)


def _scores_of_all(run: Run, models: Sequence[NgramModel], fold_of_customer: Array) -> Array:
    """Return the score of each row of feedback by the model of its customer's fold; NaN without text."""
    table = run.history.tables.get("feedback")
    if table is None:
        return np.empty(0)
    owner = np.repeat(np.arange(run.history.size), np.diff(table.offsets))
    has_text = np.array([bool(text and text.strip()) for text in table["text"]], dtype=bool)
    scores = np.full(len(owner), np.nan)
    for k, model in enumerate(models):
        rows = np.flatnonzero(has_text & (fold_of_customer[owner] == k))
        if len(rows):
            p = model.probabilities([str(text) for text in table["text"][rows]])
            scores[rows] = p[:, POSITIVE] - p[:, NEGATIVE]
    return scores
