"""The spread of what is spent: its quantiles and levels belong together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimators.spending import Spending, spending

SPREAD = (0.1, 0.6, 0.3)
LEVELS = np.linspace(0.01, 0.99, 99)


def told(p: float = 0.4, mean: float = 50.0, orders: float = 0.6, known: float = 3.0) -> Spending:
    return spending(np.array([p]), np.array([mean]), np.array([orders]), np.array([known]), SPREAD)


probabilities = st.floats(0.001, 0.999)


@given(probabilities, st.floats(0.01, 1e6), st.floats(0.001, 0.999), st.floats(0.05, 2.0))
def test_a_quantile_is_not_passed_with_its_level(p: float, mean: float, level: float, sigma: float) -> None:
    one = Spending(np.array([p]), np.array([mean]), np.array([sigma]))
    amount = one.quantile(level)
    if level <= 1 - p:
        assert amount.tolist() == [0.0]
    else:
        inside = (level - (1 - p)) / p
        np.testing.assert_allclose(one.level(amount), level, atol=1e-6 if inside > 1e-8 else 1e-4)


@given(probabilities)
def test_nothing_is_spent_with_the_probability_of_no_order(p: float) -> None:
    one = told(p)
    np.testing.assert_allclose(one.level(np.array([0.0])), 1 - p)
    np.testing.assert_allclose(one.level(np.array([-5.0])), 1 - p)
    assert one.quantile(max(1 - p - 1e-4, 1e-6)).tolist() == [0.0]


def test_quantiles_and_levels_rise() -> None:
    one = told()
    amounts = np.array([one.quantile(level)[0] for level in LEVELS])
    assert (np.diff(amounts) >= 0).all()
    assert (np.diff(amounts[amounts > 0]) > 0).all()
    levels = np.array([one.level(np.array([amount]))[0] for amount in np.linspace(0, 1000, 200)])
    assert (np.diff(levels) >= 0).all()
    assert levels[-1] > 0.99
    assert levels.max() <= 1


def test_the_mean_is_what_is_expected() -> None:
    one = told(0.4, 50.0)
    levels = (np.arange(200_000) + 0.5) / 200_000
    wide = Spending(
        *(np.broadcast_to(column, levels.shape) for column in (one.any_order, one.mean, one.sigma))
    )
    assert wide.quantile(levels).mean() == pytest.approx(50.0, rel=0.01)


def test_the_spread_follows_orders_and_what_is_known() -> None:
    np.testing.assert_allclose(np.expm1(told(orders=0.6, known=3.0).sigma ** 2), 0.1 + 0.6 / 1.5 + 0.3 / 3)
    assert told(orders=8.0).sigma < told(orders=0.6).sigma
    assert told(known=30.0).sigma < told(known=1.0).sigma
    # Who orders at all orders once at least, and a value was learned from one order at least.
    assert told(orders=0.1).sigma == told(orders=0.4).sigma
    assert told(known=0.0).sigma == told(known=1.0).sigma


@pytest.mark.parametrize("p", [0.0, 1e-12, 1.0])
@pytest.mark.parametrize("mean", [0.0, 1e-30, 1e12])
@pytest.mark.parametrize("orders", [0.0, 1e4])
def test_the_ends_are_finite(p: float, mean: float, orders: float) -> None:
    one = told(p, mean, orders, 0.0)
    for level in (1e-9, 0.5, 1 - 1e-9):
        assert np.isfinite(one.quantile(level)).all()
        assert (one.quantile(level) >= 0).all()
    for amount in (0.0, 1e-12, 1e15):
        assert ((one.level(np.array([amount])) >= 0) & (one.level(np.array([amount])) <= 1)).all()


def test_customers_have_levels_of_their_own() -> None:
    p, mean, orders = np.array([0.9, 0.9]), np.array([10.0, 10.0]), np.array([2.0, 2.0])
    one = spending(p, mean, orders, np.array([4.0, 4.0]), SPREAD)
    low, high = one.quantile(np.array([0.3, 0.8]))
    assert low < high
    assert one.quantile(0.3).tolist() == [low, low]
