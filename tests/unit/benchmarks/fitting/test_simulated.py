from __future__ import annotations

import numpy as np
import pytest

from app.estimators.btyd import BgNbd, MbgNbd, ParetoNbd, Transactions, expected_orders_new
from benchmarks.fitting.simulated import simulate

MODELS: tuple[Transactions, ...] = (
    BgNbd(0.6, 40.0, 0.7, 2.5),
    MbgNbd(0.9, 50.0, 0.8, 1.6),
    ParetoNbd(0.8, 50.0, 0.7, 90.0),
)


@pytest.mark.parametrize("params", MODELS, ids=repr)
def test_customers_order_as_often_as_the_model_expects(params: Transactions) -> None:
    for days in (30.0, 400.0):
        x, t_x, T = simulate(params, np.full(100_000, days), np.random.default_rng(1))
        assert abs(x.mean() - expected_orders_new(days, params)) < 4 * x.std() / np.sqrt(len(x))
        assert np.all((t_x >= 0) & (t_x <= T))
        assert np.array_equal(x == 0, t_x == 0)


@pytest.mark.parametrize("params", MODELS, ids=repr)
def test_orders_of_one_day_are_one(params: Transactions) -> None:
    T = np.full(20_000, 300.0)
    x, t_x, _ = simulate(params, T, np.random.default_rng(1))
    days, last, _ = simulate(params, T, np.random.default_rng(1), whole_days=True)
    assert np.array_equal(last, np.floor(last))
    assert np.all(days <= last)
    assert np.all(days <= x)
    assert days.sum() < x.sum()
    assert np.array_equal(last, np.ceil(t_x))
