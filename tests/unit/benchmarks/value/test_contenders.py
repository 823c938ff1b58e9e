from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks.value.contenders import (
    LIFETIMES,
    OURS,
    RULES,
    contenders,
    hiatus,
    lifetime_rate,
    lifetimes_model,
    ours,
    same_again,
)
from tests.unit.benchmarks.value.asked import HORIZON, answer, asked, known
from training.evaluation import auc

WHY = "lifetimes is a dependency of the benchmarks alone: tools/setup.sh bench"
FITTERS = ("BetaGeoFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter", "GammaGammaFitter")


def test_a_lifetime_rate_goes_on_as_ever() -> None:
    told = known()
    found = lifetime_rate(told, HORIZON)
    past = told.statistics
    assert found.orders is not None
    assert found.spend is not None
    np.testing.assert_allclose(found.orders, (past.frequency + 1) / past.T * HORIZON)
    np.testing.assert_allclose(found.spend, found.orders * past.value)
    assert found.any_order is not None
    assert ((found.any_order > 0) & (found.any_order < 1)).all()


def test_the_same_again_is_the_last_horizon_and_breaks_ties_by_silence() -> None:
    told = known()
    found = same_again(told, HORIZON)
    np.testing.assert_array_equal(found.orders, told.last_horizon[0])
    np.testing.assert_array_equal(found.spend, told.last_horizon[1])
    past, (last, _) = told.statistics, told.last_horizon
    assert found.any_order is not None
    twos = np.flatnonzero(last == 2)
    silence = (past.T - past.recency)[twos]
    order = np.argsort(silence, kind="stable")
    assert (np.diff(found.any_order[twos][order]) <= 0).all()
    assert found.any_order[last == 3].min() > found.any_order[twos].max()


def test_a_hiatus_ranks_by_silence_alone() -> None:
    told = known()
    found = hiatus(told, HORIZON)
    assert (found.orders, found.spend) == (None, None)
    assert found.any_order is not None
    past, y = told.statistics, (told.orders > 0) * 1.0
    assert auc(y, found.any_order) == pytest.approx(auc(y, past.recency - past.T))
    # Its scale fits the outcome.
    assert found.any_order.mean() == pytest.approx(y.mean(), abs=0.01)


def failing() -> ModuleType:
    """Return a lifetimes package none of whose models converges."""

    class ConvergenceError(Exception):
        pass

    class Failing:
        def __init__(self, **_: Any) -> None:
            pass

        def fit(self, *_: Any) -> None:
            raise ConvergenceError

    fake = ModuleType("lifetimes")
    for name in FITTERS:
        setattr(fake, name, Failing)
    return fake


def test_a_fit_that_fails_is_a_finding_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifetimes", failing())
    for kind in LIFETIMES.values():
        found = lifetimes_model(kind, known(), HORIZON)
        assert (found.any_order, found.orders, found.spend) == (None, None, None)
        assert found.note == "failed: ConvergenceError"
        assert found.cpu_seconds >= 0


def test_answers_that_are_no_numbers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 400

    class Fitter:
        def __init__(self, **_: Any) -> None:
            pass

        def fit(self, *_: Any) -> None:
            pass

        def conditional_expected_number_of_purchases_up_to_time(self, *_: Any) -> Any:
            return np.where(np.arange(size) < 7, np.nan, 2.0)

        def conditional_probability_alive(self, *_: Any) -> Any:
            return np.full((size, 1), 1.5)

        def conditional_expected_average_profit(self, *_: Any) -> Any:
            return np.full(size, 10.0)

    fake = ModuleType("lifetimes")
    for name in FITTERS:
        setattr(fake, name, Fitter)
    monkeypatch.setitem(sys.modules, "lifetimes", fake)
    found = lifetimes_model("bg_nbd", known(), HORIZON)
    assert found.note == "7 NaN"
    assert found.spend is not None
    assert found.spend.sum() == pytest.approx(20.0 * (size - 7))
    assert found.any_order is not None
    assert (found.any_order == 1 - 1e-4).all()


def test_the_package_itself_tells_everybody() -> None:
    pytest.importorskip("lifetimes", reason=WHY)
    told = known()
    for name, kind in LIFETIMES.items():
        if kind == "pareto_nbd":
            continue  # takes ten times as long and says nothing more of this code
        found = lifetimes_model(kind, told, HORIZON)
        assert found.note == "", name
        assert found.orders is not None
        assert found.spend is not None
        assert np.isfinite(found.spend).all()
        assert found.orders.sum() == pytest.approx(told.orders.sum(), rel=0.3)
        assert found.cpu_seconds > 0


def test_our_answers_are_read_from_the_service() -> None:
    told = known(size=2)
    found = ours(asked(told, (answer(0.3, 1.2, 20.0, (0, 40)), answer(0.1, None, 3.0, (0, 4)))))
    assert found.any_order is not None
    assert found.orders is not None
    assert found.spend is not None
    assert found.any_order.tolist() == [0.3, 0.1]
    assert found.spend.tolist() == [20.0, 3.0]
    assert found.orders[0] == 1.2
    assert np.isnan(found.orders[1])
    assert found.cpu_seconds == 1.5


def test_everybody_is_asked_ours_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifetimes", failing())
    told = known(size=3)
    found = contenders(asked(told, (answer(0.3, 1.2, 20.0, (0, 40)),) * 3))
    assert list(found) == [OURS, *RULES, *LIFETIMES]
    assert {found[name].note for name in LIFETIMES} == {"failed: ConvergenceError"}
