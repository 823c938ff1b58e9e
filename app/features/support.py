"""Complaint load, what customers said when asked, and how their texts sound.

The sentiment of texts is no fact of the record: a model reads it before features are computed, into the
column ``sentiment`` of feedback. Where none did, what is made of it is unknown.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import CASE_TYPES, FEEDBACK_KINDS, MICROSECONDS_PER_DAY, Array
from app.features import ragged
from app.features.schema import Feature
from app.features.view import View

CASE_FEATURES: Final = (
    Feature("cases_90d", "count", table="support_cases"),
    Feature("cases_365d", "count", table="support_cases"),
    Feature("complaints_365d", "count", table="support_cases"),
    Feature("open_cases", "count", table="support_cases"),
    Feature("reopened_cases_365d", "count", table="support_cases"),
    Feature("days_since_last_case", "days", table="support_cases"),
    Feature("average_resolution_days", "days", table="support_cases"),
)
FEEDBACK_FEATURES: Final = (
    Feature("feedback_365d", "count", table="feedback"),
    Feature("days_since_last_feedback", "days", table="feedback"),
    Feature("last_feedback_score", "share", high=1.0, table="feedback"),
    Feature("average_feedback_score", "share", high=1.0, table="feedback"),
)
TEXT_FEATURES: Final = (
    Feature("last_text_sentiment", "value", low=-1.0, high=1.0, table="feedback", is_input=False),
    Feature("average_text_sentiment_365d", "value", low=-1.0, high=1.0, table="feedback", is_input=False),
    Feature("negative_texts_365d", "count", table="feedback", is_input=False),
)
SENTIMENT_COLUMN: Final = "sentiment"
"""The column of feedback that holds how each text sounds, from -1 to 1."""

_COMPLAINT: Final = CASE_TYPES.index("complaint")
_EDGES: Final = np.array([90, 365])
_YEAR: Final = 365
_NEGATIVE: Final = -1 / 3
"""The sentiment below which a text counts as negative."""
_NPS: Final = FEEDBACK_KINDS.index("nps")
_NPS_MAX: Final = 10.0
"""The best answer to the question of a net promoter score, by definition."""


def compute_cases(view: View) -> dict[str, Array]:
    """Return the features of support cases, each of shape (N,)."""
    cases = view.rows("support_cases")
    if cases is None:
        return {}
    size, owner = view.size, cases.owner
    windows = ragged.Windows(owner, cases.age_days, _EDGES, size)
    closed, reopened = cases.known("closed_at"), cases.known("reopened_at")
    is_open = ~closed | (reopened & (cases["reopened_at"] > cases["closed_at"]))
    days = np.maximum(cases["closed_at"] - cases["opened_at"], 0)[closed] / MICROSECONDS_PER_DAY
    counts = windows.count()
    return {
        "cases_90d": counts[:, 0],
        "cases_365d": counts[:, 1],
        "complaints_365d": windows.count(cases["type"] == _COMPLAINT)[:, 1],
        "open_cases": ragged.count(owner, size, is_open),
        "reopened_cases_365d": windows.count(reopened)[:, 1],
        "days_since_last_case": view.today - ragged.last(cases.offsets, cases.day),
        "average_resolution_days": ragged.share(
            ragged.total(owner[closed], days, size), ragged.count(owner, size, closed)
        ),
    }


def compute_feedback(view: View) -> dict[str, Array]:
    """Return the features of feedback, each of shape (N,); scores are shares of their scale's maximum."""
    feedback = view.rows("feedback")
    if feedback is None:
        return {}
    size, score, scale = view.size, feedback["score"], feedback["scale_max"]
    scale = np.where(np.isnan(scale) & (feedback["kind"] == _NPS), _NPS_MAX, scale)
    scored = ~np.isnan(score) & (scale > 0)
    owner, share = feedback.owner[scored], np.clip(score[scored] / scale[scored], 0.0, 1.0)
    return {
        "feedback_365d": ragged.count(feedback.owner, size, feedback.age_days < 365),
        "days_since_last_feedback": view.today - ragged.last(feedback.offsets, feedback.day),
        "last_feedback_score": ragged.last(ragged.offsets_of(owner, size), share),
        "average_feedback_score": ragged.share(ragged.total(owner, share, size), ragged.count(owner, size)),
    }


def compute_texts(view: View) -> dict[str, Array]:
    """Return the features of texts, each of shape (N,); unknown where no text was read."""
    feedback = view.rows("feedback")
    if feedback is None or not feedback.has(SENTIMENT_COLUMN):
        return {}
    size, sentiment = view.size, feedback[SENTIMENT_COLUMN]
    read = ~np.isnan(sentiment)
    owner, told = feedback.owner[read], sentiment[read]
    recent = (np.broadcast_to(feedback.age_days, len(sentiment)) < _YEAR)[read]
    return {
        "last_text_sentiment": ragged.last(ragged.offsets_of(owner, size), told),
        "average_text_sentiment_365d": ragged.share(
            ragged.total(owner[recent], told[recent], size), ragged.count(owner, size, recent)
        ),
        "negative_texts_365d": np.where(
            ragged.count(owner, size) > 0, ragged.count(owner, size, recent & (told < _NEGATIVE)), np.nan
        ),
    }
