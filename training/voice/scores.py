"""What customers answered when asked: CSAT, NPS, CES and stars by month, each on its own scale.

An NPS is the share of promoters (9 and 10) less that of detractors (6 and less), in points from -100 to 100.
The others are means. A score that is not on its scale does not count, nor one on another scale than most of
its kind: a mean over two scales says nothing. How many these are is told, unless they are of few customers.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from app.domain.history import FEEDBACK_KINDS, Array
from training.sentiment.text import NEGATIVE, NOT_RATED, POSITIVE, class_of
from training.voice.periods import MONTHS, Periods
from training.voice.rows import Answers
from training.voice.shares import count_of, mean_change, mean_of, means_by

Part = dict[str, Any]

USUAL_MAX: Final = {"csat": 5.0, "nps": 10.0, "ces": 7.0, "review": 5.0}
"""The highest score of each kind where a row does not say."""
_POINTS: Final = 100.0


def scores_part(answers: Answers, periods: Periods) -> list[Part]:
    """Return each kind of score that was given within the twelve months."""
    return [
        told for kind in range(len(FEEDBACK_KINDS)) if (told := _kind(answers, periods, kind)) is not None
    ]


def _kind(answers: Answers, periods: Periods, kind: int) -> Part | None:
    rows = np.flatnonzero((answers.kind == kind) & periods.is_told(answers.at) & ~np.isnan(answers.score))
    if not len(rows):
        return None
    name = FEEDBACK_KINDS[kind]
    highest = answers.scale_max[rows]
    highest = np.where(np.isnan(highest), USUAL_MAX[name], highest)
    rated = class_of(answers.kind[rows], answers.score[rows], highest)
    scale = _scale(name, highest)
    counts = (rated != NOT_RATED) & (highest == scale)
    kept, rated = rows[counts], rated[counts]
    value = _value(name, answers.score[kept], rated)
    owner, at = answers.owner[kept], answers.at[kept]
    recent = np.flatnonzero(periods.is_recent(at))
    by_month = means_by(value, owner, periods.month_of(at), MONTHS)
    return {
        "kind": name,
        "unit": "points" if name == "nps" else "score",
        "scale_max": scale,
        "left_out": count_of(answers.owner[rows[~counts]]),
        "mean": mean_of(value, owner),
        "months": [
            {"month": month.name, **told} for month, told in zip(periods.months, by_month, strict=True)
        ],
        "change": mean_change(periods.is_now(at)[recent], value[recent], owner[recent]),
    }


def _scale(name: str, highest: Array) -> float:
    """Return the scale that counts: that of most scores; of an NPS the one by which it is defined."""
    if name == "nps":
        return USUAL_MAX[name]
    found, counts = np.unique(highest, return_counts=True)
    return float(found[counts.argmax()])


def _value(name: str, score: Array, rated: Array) -> Array:
    """Return what is averaged: the score, or 100 for a promoter and -100 for a detractor."""
    if name != "nps":
        return score
    points: Array = _POINTS * ((rated == POSITIVE).astype(np.float64) - (rated == NEGATIVE))
    return points
