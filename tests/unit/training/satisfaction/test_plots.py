"""The pictures of satisfaction."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from training.satisfaction.plots import distribution_plot, scores_plot


def size(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.parametrize("scores", [2, 5, 11])
def test_a_distribution_of_any_scale_is_drawn_in_the_cards_size(scores: int) -> None:
    told = [{"score": float(k), "predicted": 1 / scores, "observed": 1 / scores} for k in range(scores)]
    assert size(distribution_plot(told, "full")) == (572, 440)


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_expected_scores_are_drawn_from_the_first_row_on(rows: int) -> None:
    rng = np.random.default_rng(0)
    expected = rng.uniform(1, 5, rows)
    score = np.round(expected + rng.normal(0, 0.5, rows))
    one = scores_plot(expected, score, "full")
    assert size(one) == (572, 440)
    assert one == scores_plot(expected, score, "full")
    assert one != scores_plot(expected, score, "summary")
