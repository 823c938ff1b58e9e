"""Learning what texts say of satisfaction: the company's own rated texts on top of the base model.

Rules:

1. Customers are dealt to five folds. The texts of a fold are told by a model that learned from no text of
   those customers, and from no text that stands in the fold word for word, whoever wrote it.
2. What a fold is told is calibrated on the held-out answers of the other folds. The published model learns
   from every rated text and carries the calibration of all held-out answers.
3. With fewer than 200 rated texts, fewer than 20 negative or 20 positive ones, or where the learned model
   does not beat both the lexica and the class shares on the held-out texts, the base model answers alone.
4. Every text on record gets a held-out score, rated or not.
5. The threshold of abstention is the one of ``objectives.sentiment.abstain_below`` where the business file
   has it. Else that of a learned model is chosen on all held-out answers, and the base model keeps its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from app.artifacts.manifest import Tier
from app.domain.history import Array
from app.estimators.ngrams import CLASSES, NgramModel, softmax, write_ngrams
from training.evaluation import Verdict
from training.run import Run
from training.sentiment.base import base_model
from training.sentiment.fit import BITS, FOLDS, calibrate, margins_of
from training.sentiment.judging import MOST_FREQUENT, class_losses, class_shares, judge_classes
from training.sentiment.learning import folds_of, learn, leaves_both_sides
from training.sentiment.text import NEGATIVE, POSITIVE, Rated, TextMatrix, matrix_of, rated_texts

FEWEST_RATED: Final = 200
FEWEST_OF_A_SIDE: Final = 20
LEXICON: Final = "lexicon"

ThresholdOf = Literal["business_file", "held_out_texts", "base_model"]
"""Who chose the confidence below which no label is told."""


@dataclass(frozen=True, slots=True)
class LearnedTexts:
    """The model of texts with what was learned on the way.

    ``out_of_fold`` is P(positive) - P(negative) of each row of the table feedback, float64 of shape (R,), by
    a model that learned from no text of that customer and is calibrated on the ratings of other customers;
    NaN where there is no text. ``held_out`` are such probabilities of the rated texts, shape (N, 3),
    ``by_lexicon`` the base model's. ``verdict`` is None where there is no rated text to judge on. ``why``
    says what kept the learned model back, "" where nothing did; ``tried`` is then its verdict, if it came
    that far. ``threshold_of`` says who chose the model's ``abstain_below``.
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
    threshold_of: ThresholdOf = "base_model"


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
    model, threshold_of = _with_threshold(run, base, "base_model")
    return LearnedTexts(
        write_ngrams(model),
        model,
        _scores_of_all(run, [base] * FOLDS, np.zeros(run.history.size, dtype=np.int64)),
        "rules",
        rated,
        by_lexicon,
        by_lexicon,
        verdict,
        why,
        tried,
        threshold_of,
    )


def _with_threshold(run: Run, model: NgramModel, otherwise: ThresholdOf) -> tuple[NgramModel, ThresholdOf]:
    """Return the model with the threshold of the business file, if it has one, and who chose it."""
    objective = run.business.objectives.sentiment
    if objective is None or objective.abstain_below is None:
        return model, otherwise
    return replace(model, abstain_below=objective.abstain_below), "business_file"


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
    found = learn(rated.texts, texts, rated.label, fold, base, run.progress, writer=rated.customer)
    if found is None:
        why = (
            "the texts are so alike that none are left to judge on"
            if leaves_both_sides(rated.label, fold)
            else "too few customers wrote the negative or the positive ones to hold some of them back"
        )
        return LearnedTexts(b"", base, np.empty(0), "rules", rated, by_lexicon, by_lexicon, None, why)
    name, rule = _strongest_rule(rated.label, margins_of(texts, base), fold)
    verdict = judge_classes(rated.label, found.held_out, rule, rated.customer, name, run.seed)
    model, threshold_of = _with_threshold(run, found.model, "held_out_texts")
    return LearnedTexts(
        write_ngrams(model),
        model,
        _scores_of_all(run, found.of_fold, fold_of_customer),
        "statistical",
        rated,
        found.held_out,
        by_lexicon,
        verdict,
        threshold_of=threshold_of,
    )


def _strongest_rule(label: Array, lexicon: Array, fold: Array) -> tuple[str, Array]:
    """Return the rule of the lower loss: calibrated lexica or class shares, both of the other folds."""
    told, shares = np.zeros_like(lexicon), np.zeros_like(lexicon)
    for k in range(FOLDS):
        test, others = fold == k, fold != k
        told[test] = calibrate(lexicon[others], label[others]).apply(lexicon[test])
        shares[test] = class_shares(label[others])[0]
    loss = [float(class_losses(label, p).mean()) for p in (told, shares)]
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
