"""The card of the text model: what it learned from, how it was judged, and where it must not be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Interval, ManifestDraft
from app.domain.history import Array
from app.estimators.ngrams import CLASSES
from app.texts.languages import language_of
from training.evaluation import Verdict, calibration_table
from training.sentiment.fit import FEWEST_WRITERS, FOLDS, LEVEL
from training.sentiment.judging import (
    abstention_curve,
    class_losses,
    confusion,
    macro_f1,
    polarity_auc,
)
from training.sentiment.learned import LearnedTexts

LABELS: Final = ("negative", "neutral", "positive")
_BASE_LIMITS: Final = (
    "The base model knows words, not sentences: irony and comparison escape it.",
    "What is good in one trade and bad in another it takes alike.",
    "Its probabilities are set by simulated reviews alone: of real texts they are not calibrated.",
    "Neutral is where no praise or blame is found; the base model is weak at telling it.",
)
_LEARNED_LIMITS: Final = (
    "The label is the score beside the text: praise with one fault in it is learned from as positive.",
    "It learned from those who wrote and rated; who stays silent may feel otherwise.",
    "Texts of another trade, channel or language than those learned from are told less well.",
    "A calibrated probability holds for texts like those learned from.",
    f"An n-gram is learned from only if at least {FEWEST_WRITERS} customers wrote it.",
)
_LIMITS: Final = (
    "A score says how a text sounds, not how its writer will act.",
    "Languages other than English and Chinese are not read.",
    "No word is in the model, only hashes of n-grams; those of the word lists are in every model.",
)
_LEARNED_PROTOCOL: Final = (
    f"{FOLDS} folds of customers: a text that stands in a fold is not learned from to tell it, and what is "
    "told of a fold is calibrated on the held-out answers of the others; the published model learned from "
    "every text and carries the calibration of all held-out answers"
)
_BETTER: Final = "python -m training train --business FILE --only sentiment"


def card_of(draft: ManifestDraft, learned: LearnedTexts) -> dict[str, Any]:
    """Return the card as a document.

    Parameters
    ----------
    draft : ManifestDraft
        Its one population holds the metrics.
    learned : LearnedTexts
    """
    rated, p = learned.rated, learned.held_out
    is_learned = learned.tier == "statistical"
    languages = np.array([language_of(text) for text in rated.texts], dtype=object)
    return {
        "capability": "sentiment",
        "business": draft.business.name,
        "simulated": draft.business.simulated,
        "trained_as_of": draft.trained_as_of,
        "goal": {
            "says": draft.label.text.model_dump(by_alias=True),
            "label_definition": draft.label.definition,
            "label_rule": _rule_of(is_learned=is_learned),
        },
        "tier": learned.tier,
        "grade": grade_of(learned.verdict),
        "why_not_learned": learned.why or None,
        "data": {
            "fingerprint": draft.data_fingerprint,
            "rated_texts": len(rated.texts),
            "customers": len(np.unique(rated.customer)),
            "labels": dict(zip(LABELS, np.bincount(rated.label, minlength=CLASSES).tolist(), strict=True)),
            "off_scale": rated.off_scale,
            "profiling_denied": rated.denied,
            "beyond_the_limit": rated.left_out,
            "n_grams": len(learned.model.buckets),
        },
        "judged": {
            "protocol": _LEARNED_PROTOCOL if is_learned else "every rated text: the lexica learn from none",
            "verdict": _verdict(learned.verdict),
            "learned_model": _verdict(learned.tried),
            "metrics": _intervals(draft.variants[0].populations[0].metrics),
            "rules": {"lexicon": _point(rated.label, learned.by_lexicon)} if is_learned else {},
            "calibration": _calibration(rated.label, p),
            "confusion": confusion(rated.label, p).astype(np.int64).tolist(),
            "by_language": _by_language(rated.label, p, languages),
        },
        "abstention": {
            "abstain_below": learned.model.abstain_below,
            "chosen_by": learned.threshold_of,
            "level": LEVEL if learned.threshold_of == "held_out_texts" else None,
            "curve": [
                {"threshold": one.threshold, "share_answered": one.share, "accuracy": one.accuracy}
                for one in (abstention_curve(rated.label, p) if len(p) else ())
            ],
        },
        "limits": [*(_LEARNED_LIMITS if is_learned else _BASE_LIMITS), *_LIMITS],
        "how_to_get_better": {
            "en": f"Bring feedback rows with score and text, then run: {_BETTER}",
            "zh-CN": f"补充带评分和文本的 feedback 数据，然后运行：{_BETTER}",
        },
    }


def grade_of(verdict: Verdict | None) -> str:
    """Return the grade of a verdict; C where there was nothing to judge on."""
    return "C" if verdict is None else verdict.grade


def calibration_pairs(label: Array, p: Array) -> tuple[Array, Array]:
    """Return the confidence in the class that is told, and whether it is right, float64 of shape (N,)."""
    return p.max(axis=1), (p.argmax(axis=1) == label).astype(np.float64)


def _rule_of(*, is_learned: bool) -> str:
    if not is_learned:
        return "no label is learned from: words are rated by lexica"
    return (
        "the score beside the text: nps to 6 negative, 7 and 8 neutral, from 9 positive; on any other scale "
        "the lower half negative, the middle neutral, the upper half positive"
    )


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "grade": verdict.grade,
        "reason": verdict.reason,
        "baseline": verdict.baseline.model_dump(),
        "reduction": verdict.reduction.model_dump(),
    }


def _intervals(metrics: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {name: interval.model_dump() for name, interval in metrics.items()}


def _point(label: Array, p: Array) -> dict[str, float | None]:
    """Return the figures of some probabilities without intervals; None where a class is absent."""
    if not len(label):
        return {}
    area = polarity_auc(label, p)
    return {
        "texts": len(label),
        "macro_f1": macro_f1(confusion(label, p)),
        "accuracy": float((p.argmax(axis=1) == label).mean()),
        "log_loss": float(class_losses(label, p).mean()),
        "auc": None if np.isnan(area) else area,
    }


def _calibration(label: Array, p: Array) -> list[dict[str, float]]:
    """Return ten equal-count bins by the confidence in the class that is told."""
    if not len(label):
        return []
    confidence, right = calibration_pairs(label, p)
    return [
        {"texts": bin_.rows, "confidence": bin_.predicted, "right": bin_.observed}
        for bin_ in calibration_table(right, confidence)
    ]


def _by_language(label: Array, p: Array, languages: Array) -> dict[str, dict[str, float | None]]:
    found: Sequence[str] = sorted(set(languages.tolist()))
    return {name: _point(label[languages == name], p[languages == name]) for name in found}
