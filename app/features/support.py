"""Complaint load and what customers said when asked."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import CASE_TYPES, MICROSECONDS_PER_DAY, Array
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

_COMPLAINT: Final = CASE_TYPES.index("complaint")


def compute_cases(view: View) -> dict[str, Array]:
    """Return the features of support cases, each of shape (N,)."""
    cases = view.rows("support_cases")
    if cases is None:
        return {}
    size, owner, age = view.size, cases.owner, cases.age_days
    is_365 = age < 365
    closed, reopened = cases.known("closed_at"), cases.known("reopened_at")
    is_open = ~closed | (reopened & (cases["reopened_at"] > cases["closed_at"]))
    days = (cases["closed_at"] - cases["opened_at"])[closed] / MICROSECONDS_PER_DAY
    return {
        "cases_90d": ragged.count(owner, size, age < 90),
        "cases_365d": ragged.count(owner, size, is_365),
        "complaints_365d": ragged.count(owner, size, is_365 & (cases["type"] == _COMPLAINT)),
        "open_cases": ragged.count(owner, size, is_open),
        "reopened_cases_365d": ragged.count(owner, size, is_365 & reopened),
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
    size, scored = view.size, ~np.isnan(feedback["score"]) & (feedback["scale_max"] > 0)
    owner = feedback.owner[scored]
    score = np.clip(feedback["score"][scored] / feedback["scale_max"][scored], 0.0, 1.0)
    return {
        "feedback_365d": ragged.count(feedback.owner, size, feedback.age_days < 365),
        "days_since_last_feedback": view.today - ragged.last(feedback.offsets, feedback.day),
        "last_feedback_score": ragged.last(ragged.offsets_of(owner, size), score),
        "average_feedback_score": ragged.share(ragged.total(owner, score, size), ragged.count(owner, size)),
    }
