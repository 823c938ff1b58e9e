"""Cases and feedback, by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.features.compute import compute
from app.features.support import SENTIMENT_COLUMN, TEXT_FEATURES
from tests.unit.features.histories import AS_OF, DAY, features_of, history_of, plain


def case(days: float, **more: Any) -> dict[str, Any]:
    return {"case_id": f"k{days}", "opened_at": AS_OF - round(days * DAY), **more}


def cases(*rows: dict[str, Any]) -> dict[str, Any]:
    return features_of({"customer_id": "c", "support_cases": list(rows)})


def test_a_case_is_open_until_its_closing_is_known() -> None:
    assert cases(case(5))["open_cases"] == 1
    assert cases(case(5, closed_at=AS_OF + 1))["open_cases"] == 1
    assert cases(case(5, closed_at=AS_OF))["open_cases"] == 0


def test_a_reopened_case_is_open_until_it_is_closed_again() -> None:
    assert cases(case(9, closed_at=AS_OF - 5 * DAY, reopened_at=AS_OF - 3 * DAY))["open_cases"] == 1
    assert cases(case(9, closed_at=AS_OF - 2 * DAY, reopened_at=AS_OF - 3 * DAY))["open_cases"] == 0
    assert cases(case(9, closed_at=AS_OF - 5 * DAY, reopened_at=AS_OF + 1))["open_cases"] == 0


def test_only_complaints_are_complaints() -> None:
    found = cases(case(5, type="complaint"), case(6, type="question"), case(7), case(400, type="complaint"))
    assert (found["complaints_365d"], found["cases_365d"]) == (1, 3)


def test_closing_takes_days_and_their_parts() -> None:
    assert cases(case(5, closed_at=AS_OF - DAY // 2 * 9))["average_resolution_days"] == 0.5
    assert cases(case(5, closed_at=AS_OF - 9 * DAY))["average_resolution_days"] == 0.0


def said(days: float, kind: str = "csat", **more: Any) -> dict[str, Any]:
    at = AS_OF - round(days * DAY)
    return {"feedback_id": f"f{days}", "submitted_at": at, "kind": kind, **more}


def feedback(*rows: dict[str, Any]) -> dict[str, Any]:
    return features_of({"customer_id": "c", "feedback": list(rows)})


def test_scores_are_shares_of_the_best_one() -> None:
    found = feedback(said(9, score=2.0, scale_max=5.0), said(3, score=3.0, scale_max=4.0))
    assert found["last_feedback_score"] == 0.75
    assert found["average_feedback_score"] == pytest.approx((0.4 + 0.75) / 2)


def test_the_scale_of_a_promoter_score_is_known_by_definition() -> None:
    assert feedback(said(9, "nps", score=7.0))["last_feedback_score"] == 0.7
    assert feedback(said(9, "csat", score=4.0))["last_feedback_score"] is None


def test_words_without_a_score_are_feedback_all_the_same() -> None:
    found = feedback(said(9, "review"), said(30, score=4.0, scale_max=4.0))
    assert (found["feedback_365d"], found["days_since_last_feedback"]) == (2, 9)
    assert found["last_feedback_score"] == 1.0


def test_a_score_off_its_scale_is_its_end() -> None:
    assert feedback(said(9, score=9.0, scale_max=5.0))["last_feedback_score"] == 1.0
    assert feedback(said(9, score=-9.0, scale_max=5.0))["last_feedback_score"] == 0.0


# ── How texts sound ───────────────────────────────────────────────────────────────────────────────────
def heard(*sentiment: tuple[float, float]) -> dict[str, Any]:
    """Return the features of one customer's texts, each given as days ago and sentiment."""
    texts = [said(days, "review", text="x") for days, _ in sentiment]
    history = history_of([{"customer_id": "c", "feedback": texts}])
    table = history.tables["feedback"]
    by_id = {row["feedback_id"]: told for row, (_, told) in zip(texts, sentiment, strict=True)}
    column = np.array([by_id[f"f{days}"] for days, _ in sorted(sentiment, reverse=True)])
    tables = {
        **history.tables,
        "feedback": replace(table, columns={**table.columns, SENTIMENT_COLUMN: column}),
    }
    found = compute(replace(history, tables=tables), AS_OF)
    return {feature.name: plain(found[feature.name][0]) for feature in TEXT_FEATURES}


def test_the_sentiment_of_texts_is_that_of_the_last_and_the_mean_of_a_year() -> None:
    found = heard((9, -0.8), (3, 0.5), (400, -1.0))
    assert found["last_text_sentiment"] == 0.5
    assert found["average_text_sentiment_365d"] == pytest.approx(-0.15)
    assert found["negative_texts_365d"] == 1


def test_a_text_that_was_not_read_says_nothing() -> None:
    assert heard((9, 0.3), (3, float("nan")))["last_text_sentiment"] == 0.3
    assert heard((3, float("nan")))["last_text_sentiment"] is None
    assert heard((-3, -1.0))["last_text_sentiment"] is None
    assert feedback(said(9, "review", text="x"))["last_text_sentiment"] is None
