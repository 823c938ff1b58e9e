"""Rated texts of made-up customers, as SQL: what is good is praised, what is bad blamed, both at random."""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.unit.training.tables.small import rows_of

PRAISE: Final = ("zorp", "很赞呢", "blim", "顺得很")
BLAME: Final = ("grux", "坏透呢", "vosk", "慢得很")
"""Words that no lexicon knows, but for some of the Chinese ones."""
THINGS: Final = ("coat", "鞋子", "box", "快递", "shop", "颜色", "size", "包装")


def texts_sql(count: int, *, writers: int = 80, seed: int = 0, plain: bool = False) -> str:
    """Return SQL of the table feedback: reviews of 1 to 5 stars whose texts go with their stars.

    ``plain`` texts say nothing of the stars.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(count):
        stars = int(rng.integers(1, 6))
        side = PRAISE if rng.random() < (stars - 1) / 4 else BLAME
        words = [str(word) for word in rng.choice(THINGS, 3)]
        if not plain:
            words.insert(int(rng.integers(0, 3)), str(rng.choice(side)))
            words.insert(int(rng.integers(0, 3)), str(rng.choice(side)))
        rows.append(
            f"'f{k}', 'c{k % writers}', TIMESTAMPTZ '2026-06-01 12:00+00' + to_seconds({k * 60}), 'review', "
            f"{stars}, 5, '{' '.join(words)} {k}'"
        )
    return rows_of("feedback_id, customer_id, submitted_at, kind, score, scale_max, text", *rows)
