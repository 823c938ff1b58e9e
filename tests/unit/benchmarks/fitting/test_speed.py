from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.fitting.histories import simulated_histories
from benchmarks.fitting.simulated import simulate
from benchmarks.fitting.speed import SIMULATED, Race, distance, race, timed
from training.btyd import fit_transactions


def test_a_bound_is_missed_by_a_lower_ratio_and_by_none() -> None:
    fast = Race(10, "bg_nbd", 0.1, 1.5, bound=15.0)
    assert fast.ratio == pytest.approx(15.0)
    assert not fast.misses()
    assert Race(10, "bg_nbd", 0.1, 1.4, bound=15.0).misses()
    assert Race(10, "bg_nbd", 0.1, None, bound=15.0).misses()
    assert not Race(10, "bg_nbd", 0.1, None).misses()
    assert Race(10, "bg_nbd", 0.1, None).ratio is None


def test_work_is_timed_and_its_answer_kept() -> None:
    seconds, answer = timed(lambda: sum(range(300_000)))
    assert seconds > 0
    assert answer == sum(range(300_000))


def test_parameters_are_compared_in_standard_errors_and_in_days() -> None:
    known = simulated_histories(60, 2)
    fit = fit_transactions("pareto_nbd", known.frequency, known.recency, known.T)
    weekly = asdict(fit.params)
    weekly["alpha"] /= 7
    weekly["beta"] /= 7
    assert distance(fit, weekly) == pytest.approx(0.0, abs=1e-9)
    error = np.sqrt(fit.covariance[2, 2])
    weekly["s"] *= np.exp(3 * error)
    assert distance(fit, weekly) == pytest.approx(3.0)


def test_both_find_the_same_parameters() -> None:
    pytest.importorskip(
        "lifetimes", reason="lifetimes is a dependency of the benchmarks alone: tools/setup.sh bench"
    )
    rng = np.random.default_rng(1)
    known = simulate(SIMULATED, rng.uniform(100.0, 400.0, 5000), rng)
    found = race("bg_nbd", known, 1)
    assert found.customers == 5000
    assert found.theirs is not None
    assert found.apart is not None
    assert found.apart < 0.3


def test_theirs_may_be_left_out() -> None:
    known = simulated_histories(60, 2)
    found = race("mbg_nbd", (known.frequency, known.recency, known.T), 2, theirs=0)
    assert (found.theirs, found.apart, found.ratio) == (None, None, None)
    assert found.ours > 0
