from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.estimators.btyd import BgNbd
from benchmarks.fitting.convergence import MODELS, bootstrap, tally
from benchmarks.fitting.histories import Histories, simulated_histories
from training.btyd import Fit, fit_transactions


@pytest.fixture(scope="module")
def known() -> Histories:
    return simulated_histories(50, 1)


def test_every_model_is_fitted_to_every_sample(known: Histories) -> None:
    found = bootstrap("fifty", known, 4, seed=1)
    assert [one.model for one in found] == list(MODELS)
    assert all(one.fits == 4 and one.failed == 0 and one.most_evaluations > 1 for one in found)
    assert all(one.cpu_seconds > 0 for one in found)


def test_failures_are_counted_whatever_their_kind(known: Histories) -> None:
    good: Fit[BgNbd] = fit_transactions("bg_nbd", known.frequency, known.recency, known.T)  # type: ignore[assignment]

    def broken(_: Histories) -> Fit[BgNbd]:
        raise FloatingPointError

    def counted(fit: Fit[BgNbd]) -> int:
        return tally("here", "bg_nbd", lambda _: fit, [known, known]).failed

    assert tally("here", "bg_nbd", broken, [known, known]).failed == 2
    assert counted(good) == 0
    assert counted(replace(good, has_converged=False)) == 2
    assert counted(replace(good, params=replace(good.params, a=np.nan))) == 2
    assert counted(replace(good, log_likelihood=-np.inf)) == 2
    assert tally("here", "bg_nbd", lambda _: replace(good, is_on_bound=True), [known]).on_bound == 1
