"""Shrunk shares: empty cells have the wider share, full ones their own, and intervals hold what they say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.actions.shrinking import Rows, Shrunk, shrink


def test_an_empty_cell_has_the_wider_share() -> None:
    found = shrink(np.array([0.0, 30.0]), np.array([0, 100]), np.array([0.2, 0.3]))
    assert found[0, 1] == 0.2


def test_much_data_speaks_for_itself_and_little_is_drawn() -> None:
    answered, count = np.array([4000.0, 600.0, 1.0]), np.array([8000, 6000, 2])
    found = shrink(answered, count, np.full(3, 0.3))[:, 1]
    assert abs(found[0] - 0.5) < 0.01
    assert abs(found[1] - 0.1) < 0.01
    assert abs(found[2] - 0.3) < abs(0.5 - 0.3)


def test_cells_that_are_alike_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    count = np.full(30, 40)
    answered = rng.binomial(40, 0.3, 30).astype(np.float64)
    found = shrink(answered, count, np.full(30, 0.3))[:, 1]
    assert found.std() < 0.3 * (answered / count).std()


@given(
    cells=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6),
    wider=st.floats(0.0, 1.0),
)
def test_shares_stay_within_their_intervals_and_zero_and_one(
    cells: list[tuple[int, int]], wider: float
) -> None:
    count = np.array([a + b for a, b in cells])
    found = shrink(np.array([float(a) for a, _ in cells]), count, np.full(len(cells), wider))
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found, axis=1) >= 0).all()


def test_a_part_is_told_by_its_ratio_within_strata() -> None:
    rng = np.random.default_rng(2)
    stratum, part = rng.integers(0, 2, 20_000), rng.integers(0, 2, 20_000)
    segment = rng.integers(-1, 3, 20_000)
    p = np.where(stratum == 0, 0.1, 0.4) * np.where(part == 1, 1.5, 1.0)
    rows = Rows((rng.random(20_000) < p).astype(np.float64), stratum, part, segment)
    found = Shrunk.fit(rows, 2, 3)
    assert 1.4 < found.of_part[1, 1] / found.of_part[0, 1] < 1.6
    assert found.of_part[2].tolist() == [1.0, 1.0, 1.0]
    assert set(found.shares()) == {0, 1}
    assert set(found.shares_by_segment()) == {0, 1, 2}
    plain, by_part = found.predict(rows, 0), found.predict(rows, 1)
    assert ((rows.y - by_part) ** 2).sum() < ((rows.y - plain) ** 2).sum()
