from __future__ import annotations

import struct

import numpy as np
import pytest

from app.domain.history import Array
from training.plots import _wilson, calibration_plot, gains_plot


def answers(rows: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    p = rng.random(rows)
    return (rng.random(rows) < p).astype(np.float64), p


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize("rows", [1, 7, 3000])
def test_both_pictures_are_drawn_from_any_number_of_rows(rows: int) -> None:
    y, p = answers(rows)
    assert size(calibration_plot(y, p, "full")) == size(gains_plot(y, p, np.full(rows, 0.3), "full"))


def test_one_class_can_be_drawn() -> None:
    _, p = answers(50)
    for y in (np.zeros(50), np.ones(50)):
        assert min(size(calibration_plot(y, p, "full")) + size(gains_plot(y, p, p, "full"))) > 100


def test_the_same_answers_draw_the_same_bytes() -> None:
    y, p = answers(200)
    assert calibration_plot(y, p, "full") == calibration_plot(y, p, "full")
    assert calibration_plot(y, p, "full") != calibration_plot(y, p**2, "full")


def test_wilson_intervals_by_the_book() -> None:
    # Agresti & Coull (1998): 0 of 10 and 5 of 10.
    low, high = _wilson(np.array([0.0, 0.5]), np.array([10.0, 10.0]))
    assert low == pytest.approx([0.0, 0.2366], abs=1e-3)
    assert high == pytest.approx([0.2775, 0.7634], abs=1e-3)
