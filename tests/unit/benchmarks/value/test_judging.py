from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.value.contenders import OURS, Told
from benchmarks.value.judging import _segment_bootstrap, document, line, ranges, windows
from tests.unit.benchmarks.value.asked import answer, asked, known, perfect
from training.evaluation import auc
from training.value_metrics import normalised_gini


def test_a_line_holds_the_figures_of_what_was_told() -> None:
    told = known()
    found = line("rule", Told(perfect(told), told.orders * 2, told.spend * 0.5, 3.0, "a note"), told)
    assert found.gini == pytest.approx(1.0)
    assert found.auc == 1.0
    assert found.spend_level == pytest.approx(0.5)
    assert found.order_level == pytest.approx(2.0)
    assert found.decile_error == pytest.approx(0.5)
    assert found.log_loss == pytest.approx(-np.log(0.9))
    assert found.ece == pytest.approx(0.1)
    assert (found.cpu_seconds, found.note) == (3.0, "a note")
    assert found.gini_interval is None


def test_our_gini_comes_with_an_interval_around_it() -> None:
    told = known()
    noisy = told.spend + np.random.default_rng(1).uniform(0, 60, len(told.spend))
    found = line(OURS, Told(perfect(told), None, noisy), told)
    assert found.gini_interval is not None
    assert found.gini is not None
    low, high = found.gini_interval
    assert low < found.gini < high
    assert found.gini == normalised_gini(told.spend, noisy)
    assert line(OURS, Told(perfect(told), None, noisy), told) == found


def test_what_was_not_told_is_not_judged() -> None:
    told = known()
    y = (told.orders > 0) * 1.0
    p = np.random.default_rng(2).uniform(0.1, 0.9, len(y))
    found = line("rank", Told(p, None, None), told)
    assert found.auc == auc(y, p)
    assert (found.gini, found.spend_level, found.order_level, found.decile_error) == (None,) * 4
    failed = line("failed", Told(None, None, None, 0.1, "failed: ValueError"), told)
    assert (failed.auc, failed.log_loss, failed.ece) == (None, None, None)
    assert failed.note == "failed: ValueError"


def test_ranges_count_who_ends_outside() -> None:
    told = known()
    spend = told.spend
    size = len(spend)
    above, below = np.arange(size) < 40, (np.arange(size) >= 40) & (np.arange(size) < 60)
    low = np.where(below, spend + 1.0, np.maximum(spend - 5.0, 0.0))
    high = np.where(above, spend - 1.0, spend + 5.0)
    low = np.minimum(low, high)
    found = ranges(asked(told, tuple(answer(0.5, 1.0, 1.0, ends) for ends in zip(low, high, strict=True))))
    assert found.above == 40 / size
    assert found.below == 20 / size
    exact = ranges(asked(told, tuple(answer(0.5, 1.0, 1.0, (one, one)) for one in spend)))
    assert (exact.above, exact.below, exact.score) == (0.0, 0.0, 0.0)
    assert exact.bootstrap_score == found.bootstrap_score > 0


def test_the_bootstrap_is_the_range_of_the_own_segment() -> None:
    told = known(size=2000)
    low, high = _segment_bootstrap(told)
    past, (_, spend) = told.statistics, told.last_horizon
    assert (low <= high).all()
    assert (spend > high).mean() == pytest.approx(0.1, abs=0.01)
    gap = past.T - past.recency
    fifth = np.searchsorted(np.quantile(gap, [0.2, 0.4, 0.6, 0.8]), gap)
    own = (fifth == 0) & (past.frequency >= 3)
    assert len(set(high[own])) == 1
    assert high[own][0] == pytest.approx(np.quantile(spend[own], 0.9))
    # It looks at the past only.
    other = replace(told, spend=told.spend * 100, orders=told.orders * 0)
    np.testing.assert_array_equal(_segment_bootstrap(other)[1], high)


def test_windows_are_judged_on_repeat_buyers_who_came_back() -> None:
    told = replace(known(size=5), wait=np.array([10.0, 20.0, np.inf, 30.0, 40.0]))
    days: list[Any] = [(5, 12, 20), (21, 25, 30), (1, 2, 3), None, (30, 40, 50)]
    found = windows(asked(told, tuple(answer(0.5, 1.0, 1.0, (0, 1), one) for one in days)), lambda text: text)
    assert found.buyers == 3
    assert found.coverage == pytest.approx(2 / 3)
    assert found.error == pytest.approx((2 + 5 + 0) / 3)
    assert found.best_constant == pytest.approx((10 + 0 + 20) / 3)
    past, rows = told.statistics, np.array([0, 1, 4])
    gap = (past.recency / np.maximum(past.frequency, 1.0) - (past.T - past.recency))[rows]
    wanted = np.abs(told.wait[rows] - np.maximum(gap, 1.0)).mean()
    assert found.own_gap == pytest.approx(wanted)


def test_figures_are_plain_documents() -> None:
    told = known()
    [found] = document(line("rule", Told(perfect(told), None, None), told))
    assert found["name"] == "rule"
    assert found["gini"] is None
