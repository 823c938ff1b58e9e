"""Which texts are learned from, and as what."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import FEEDBACK_KINDS
from app.estimators.grams import grams
from tests.unit.training.rows import run_over
from tests.unit.training.tables.small import rows_of
from training.sentiment.text import class_of, matrix_of, rated_texts

NAN = float("nan")
FEEDBACK = rows_of(
    "feedback_id, customer_id, submitted_at, kind, score, scale_max, text",
    "'f1', 'a', TIMESTAMPTZ '2026-06-01 12:00+00', 'review', 5, NULL, '很好'",
    "'f2', 'a', TIMESTAMPTZ '2026-06-02 12:00+00', 'review', 1, NULL, 'bad'",
    "'f3', 'a', TIMESTAMPTZ '2026-06-03 12:00+00', 'review', 3, NULL, NULL",
    "'f4', 'b', TIMESTAMPTZ '2026-06-04 12:00+00', 'nps', 7, NULL, 'well'",
    "'f5', 'b', TIMESTAMPTZ '2026-06-05 12:00+00', 'csat', NULL, NULL, 'no score'",
    "'f6', 'd', TIMESTAMPTZ '2026-06-06 12:00+00', 'csat', 5, NULL, 'denied'",
)
CONSENTS = rows_of(
    "customer_id, purpose, status, status_at",
    "'d', 'profiling', 'denied', TIMESTAMPTZ '2026-06-20 12:00+00'",
)


@pytest.mark.parametrize(
    ("kind", "score", "scale_max", "label"),
    [
        ("review", 1, NAN, 0),
        ("review", 2, NAN, 0),
        ("review", 3, NAN, 1),
        ("review", 4, NAN, 2),
        ("csat", 5, 5, 2),
        ("csat", 0, 5, -1),
        ("csat", 6, NAN, -1),
        ("csat", 5, 10, 1),
        ("csat", 4, 10, 0),
        ("csat", 1, 1, -1),
        ("ces", 3, NAN, 0),
        ("ces", 4, NAN, 1),
        ("ces", 7, NAN, 2),
        ("nps", 0, NAN, 0),
        ("nps", 6, NAN, 0),
        ("nps", 7, 10, 1),
        ("nps", 8, NAN, 1),
        ("nps", 9, NAN, 2),
        ("nps", 11, NAN, -1),
        ("review", NAN, NAN, -1),
    ],
)
def test_a_score_is_negative_neutral_or_positive_on_its_scale(
    kind: str, score: float, scale_max: float, label: int
) -> None:
    found = class_of(
        np.array([FEEDBACK_KINDS.index(kind)]), np.array([float(score)]), np.array([float(scale_max)])
    )
    assert found.tolist() == [label]


def test_texts_with_a_score_of_customers_who_allow_it() -> None:
    with run_over({"feedback": FEEDBACK, "consents": CONSENTS}) as run:
        found = rated_texts(run)
    assert found.texts == ("很好", "bad", "well")
    assert found.label.tolist() == [2, 0, 1]
    assert found.row.tolist() == [0, 1, 3]
    assert (found.off_scale, found.denied, found.left_out) == (0, 1, 0)


def test_beyond_the_limit_a_part_is_drawn_by_the_seed() -> None:
    with run_over({"feedback": FEEDBACK}) as run:
        found = rated_texts(run, limit=2)
        again = rated_texts(run, limit=2)
    assert len(found.texts) == 2
    assert found.left_out == 2
    assert found.row.tolist() == again.row.tolist() == sorted(found.row.tolist())


@pytest.mark.parametrize(("characters", "kept"), [(100, 3), (11, 3), (10, 2), (1, 0)])
def test_texts_are_drawn_until_their_characters_are_too_many(characters: int, kept: int) -> None:
    with run_over({"feedback": FEEDBACK.replace("'denied'", "NULL").replace("很好", "fine")}) as run:
        found = rated_texts(run, characters=characters)
    assert sum(map(len, found.texts)) <= characters
    assert (len(found.texts), found.left_out) == (kept, 3 - kept)


def test_without_feedback_there_is_none() -> None:
    orders = rows_of("order_id, customer_id, ordered_at, revenue", "'o', 'a', TIMESTAMPTZ '2026-06-01', 2.0")
    with run_over({"orders": orders}) as run:
        assert rated_texts(run).texts == ()


def test_a_matrix_holds_the_grams_of_each_text() -> None:
    texts = [f"word{k} 好" for k in range(1005)] + [""]
    found = matrix_of(texts, 32)
    assert found.X.shape == (1006, len(found.buckets))
    assert (np.diff(found.buckets.astype(np.int64)) > 0).all()
    for k in (0, 999, 1000, 1004, 1005):
        alone, row = grams([texts[k]], 32), found.X[[k]]
        assert found.buckets[row.indices].tolist() == alone.bucket.tolist()
        assert row.data.tolist() == alone.weight.astype(np.float32).tolist()
    assert matrix_of([], 32).X.shape == (0, 0)
