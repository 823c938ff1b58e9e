"""The figures of one contender."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.text.contenders import Told
from benchmarks.text.judging import line


def test_figures_of_probabilities() -> None:
    label = np.array([0, 1, 2, 2])
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7], [0.5, 0.1, 0.4]])
    found = line(Told("x", p[:, 2], p, p.argmax(axis=1), bytes_=2048), label, with_interval=True)
    assert found.auc == 1.0
    assert found.accuracy == 0.75
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert found.log_loss == pytest.approx(-np.log([0.8, 0.6, 0.7, 0.4]).mean())
    assert found.kilobytes == 2
    assert found.auc_interval is not None


def test_who_has_no_probabilities_has_no_loss() -> None:
    found = line(Told("x", np.array([-1.0, 1.0]), None, np.array([0, 2])), np.array([0, 2]))
    assert (found.auc, found.accuracy, found.log_loss, found.ece) == (1.0, 1.0, None, None)
    assert found.auc_interval is None
