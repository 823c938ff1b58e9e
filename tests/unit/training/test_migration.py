"""Who moved where between two snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.history import Array
from training.migration import migration

ORDER = ("good", "fair", "poor")


def words(*values: str | None) -> Array:
    return np.array([*values, None], dtype=object)[:-1]


def test_customers_are_counted_by_where_they_were_and_are() -> None:
    earlier = words("good", "good", "good", "poor", None, "good")
    now = words("good", "poor", "poor", "fair", "good", None)
    found = migration(earlier, now, ORDER)
    assert found.earlier == found.now == (*ORDER, None)
    assert found.counts.tolist() == [[1, 0, 2, 1], [0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    shares = [[0.25, 0.0, 0.5, 0.25], [0.0] * 4, [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    assert found.shares.tolist() == shares
    assert found.counts.sum() == len(earlier)


def test_the_report_lists_who_moved_and_who_stayed() -> None:
    rows = migration(words("good", "good", None), words("poor", "good", "fair"), ORDER).rows()
    assert rows == [
        {"earlier": "good", "now": "good", "customers": 1, "share": 0.5},
        {"earlier": "good", "now": "poor", "customers": 1, "share": 0.5},
        {"earlier": None, "now": "fair", "customers": 1, "share": 1.0},
    ]


def test_nobody_moves_nowhere() -> None:
    found = migration(words(), words(), ORDER)
    assert not found.counts.any()
    assert not found.shares.any()
    assert found.rows() == []


def test_other_customers_and_unknown_segments_are_refused() -> None:
    with pytest.raises(ValueError, match="2 customers earlier and 1 now"):
        migration(words("good", "fair"), words("good"), ORDER)
    with pytest.raises(ValueError, match="segment other is not known"):
        migration(words("good"), words("other"), ORDER)
