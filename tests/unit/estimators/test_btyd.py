"""The closed forms, held to the definitions of the models by numerical integration, and to their limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Array
from app.estimators import btyd
from app.estimators.btyd import (
    BgNbd,
    GammaGamma,
    MbgNbd,
    ParetoNbd,
    Transactions,
    expected_order_value,
    expected_orders,
    expected_orders_new,
    p_alive,
    p_any,
)

BG = BgNbd(0.243, 30.9, 0.793, 2.426)
MBG = MbgNbd(0.6, 50.0, 0.8, 1.2)
PARETO = ParetoNbd(0.553, 74.0, 0.606, 81.7)
MODELS: tuple[Transactions, ...] = (BG, MBG, PARETO)
EXTREME: tuple[Transactions, ...] = (
    BgNbd(1e-4, 1e-2, 1e-4, 1e-4),
    BgNbd(1e4, 1e5, 1e4, 1e4),
    BgNbd(0.2, 30.0, 1.0, 2.0),
    BgNbd(0.2, 30.0, 1.0 + 1e-9, 2.0),
    BgNbd(5.0, 1.0, 1e-3, 3e3),
    MbgNbd(1e-4, 1e5, 1e4, 1e-4),
    MbgNbd(1e3, 1e-2, 1e-4, 1e4),
    ParetoNbd(1e-4, 1e-2, 1e-4, 1e5),
    ParetoNbd(1e4, 1e5, 1e4, 1e-2),
    ParetoNbd(0.2, 30.0, 1.0, 2.0),
    ParetoNbd(0.5, 20.0, 166.0, 3e4),
)
DAYS = np.array([0.0, 1.0, 7.0, 30.0, 91.0, 365.0, 3650.0])

sizes = st.floats(0.05, 6.0)
scales = st.floats(2.0, 500.0)
models: st.SearchStrategy[Transactions] = (
    st.builds(BgNbd, sizes, scales, sizes, sizes)
    | st.builds(MbgNbd, sizes, scales, sizes, sizes)
    | st.builds(ParetoNbd, sizes, scales, sizes, scales)
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Draw the statistics of a few customers."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 80), st.floats(0.0, 1.0), st.floats(0.0, 2000.0)), min_size=1, max_size=6
        )
    )
    x, share, T = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return x, np.where(x > 0, share * T, 0.0), T


def by_integration(params: Transactions, x: float, t_x: float, T: float, t: float) -> tuple[float, ...]:
    """Return P(alive), E[orders] and P(any order) by integrating over what a customer may be.

    The trapezoidal rule in log-rate and in log-odds or log-rate of leaving: integrands vanish at both ends.
    """
    log_rate = np.linspace(-90.0, 12.0, 700)[:, None]
    rate = np.exp(log_rate)
    weight = params.r * log_rate - params.alpha * rate
    if isinstance(params, ParetoNbd):
        log_leave = np.linspace(-90.0, 8.0, 700)[None, :]
        leave = np.exp(log_leave)
        weight = weight + params.s * log_leave - params.beta * leave
        both = rate + leave
        here = x * log_rate - both * T
        gone = (
            x * log_rate
            + log_leave
            - np.log(both)
            - both * t_x
            + np.log(-np.expm1(-both * (T - t_x)) + 1e-300)
        )
        orders = rate / leave * -np.expm1(-leave * t)
        some = rate / both * -np.expm1(-both * t)
    else:
        odds = np.linspace(-100.0, 100.0, 900)[None, :]
        log_p, log_stay = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
        p = np.exp(log_p)
        weight = weight + params.a * log_p + params.b * log_stay
        flips = x + (1.0 if isinstance(params, MbgNbd) else 0.0)
        here = x * log_rate - rate * T + flips * log_stay
        gone = x * log_rate - rate * t_x + (flips - 1.0) * log_stay + log_p
        if flips == 0.0:
            gone = np.full_like(gone, -np.inf)
        orders = -np.expm1(-rate * p * t) / p
        some = -np.expm1(-rate * t)
    top = max((weight + here).max(), (weight + gone).max())
    alive, left = np.exp(weight + here - top), np.exp(weight + gone - top).sum()
    total = alive.sum() + left
    return alive.sum() / total, (alive * orders).sum() / total, (alive * some).sum() / total


@pytest.mark.parametrize(
    "params", [*MODELS, BgNbd(2.0, 20.0, 1.0, 3.0), ParetoNbd(2.0, 300.0, 1.0, 9.0)], ids=repr
)
@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [(0.0, 0.0, 0.0), (0.0, 0.0, 200.0), (1.0, 30.0, 200.0), (4.0, 60.0, 70.0), (25.0, 300.0, 900.0)],
)
def test_closed_forms_are_the_integrals_over_what_customers_may_be(
    params: Transactions, x: float, t_x: float, T: float
) -> None:
    one = np.array([x]), np.array([t_x]), np.array([T])
    for days in (1.0, 60.0, 1000.0):
        alive, orders, some = by_integration(params, x, t_x, T, days)
        assert p_alive(*one, params)[0] == pytest.approx(alive, rel=1e-8, abs=1e-14)
        assert expected_orders(days, *one, params)[0] == pytest.approx(orders, rel=1e-8, abs=1e-14)
        assert p_any(days, *one, params)[0] == pytest.approx(some, rel=1e-8, abs=1e-14)


@given(models, histories())
def test_answers_are_bounded_and_grow_with_the_horizon(
    params: Transactions, history: tuple[Array, Array, Array]
) -> None:
    x, t_x, T = (one[:, None] for one in history)
    alive = p_alive(x, t_x, T, params)
    orders = expected_orders(DAYS, x, t_x, T, params)
    some = p_any(DAYS, x, t_x, T, params)
    assert np.all((alive >= 0) & (alive <= 1))
    assert np.all(orders[:, 0] == 0)
    assert np.all(some[:, 0] == 0)
    assert np.all(np.diff(some, axis=1) >= -1e-14)  # the last digit of a quadrature
    assert np.all(np.diff(orders, axis=1) >= -1e-9 * orders[:, 1:])
    assert np.all(some <= alive * (1 + 1e-12))
    assert np.all(some <= orders * (1 + 1e-8))
    # Nobody orders faster than the rate that the history supports.
    assert np.all(orders <= alive * (params.r + x) / (params.alpha + T) * DAYS * (1 + 1e-8))


@given(models, histories())
def test_a_short_horizon_holds_one_order_at_most(
    params: Transactions, history: tuple[Array, Array, Array]
) -> None:
    x, t_x, T = history
    days = 1e-7
    rate = p_alive(x, t_x, T, params) * (params.r + x) / (params.alpha + T)
    for answer in (expected_orders(days, *history, params), p_any(days, *history, params)):
        assert answer / days == pytest.approx(rate, rel=1e-4, abs=1e-300)


@given(models, histories())
def test_a_customer_is_answered_alike_alone_and_among_others(
    params: Transactions, history: tuple[Array, Array, Array]
) -> None:
    functions: tuple[Callable[..., Array], ...] = (
        p_alive,
        lambda *args: expected_orders(91.0, *args),
        lambda *args: p_any(91.0, *args),
    )
    for function in functions:
        together = function(*history, params)
        assert together.shape == history[0].shape
        alone = [function(*(one[[i]] for one in history), params)[0] for i in range(len(together))]
        assert together == pytest.approx(np.array(alone), rel=1e-12, abs=0)
        backwards = function(*(one[::-1] for one in history), params)
        assert backwards[::-1] == pytest.approx(together, rel=1e-12, abs=0)


@pytest.mark.parametrize("params", [*MODELS, *EXTREME], ids=repr)
def test_many_customers_are_answered_as_a_few(params: Transactions) -> None:
    x, t_x, T = grid(np.linspace(0, 40, 30).round(), np.linspace(0, 900, 60), 0.7)
    for function in (expected_orders, p_any):
        answer = function(91.0, x, t_x, T, params)
        few = np.concatenate(
            [function(91.0, x[i : i + 7], t_x[i : i + 7], T[i : i + 7], params) for i in range(0, len(x), 7)]
        )
        assert answer == pytest.approx(few, rel=1e-12, abs=0)


def grid(x: Array, T: Array, share: float) -> tuple[Array, Array, Array]:
    """Return every frequency with every T."""
    x, T = (one.ravel() for one in np.meshgrid(x, T))
    return x, np.where(x > 0, T * share, 0.0), T


@pytest.mark.parametrize("params", [*MODELS, *EXTREME], ids=repr)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_extreme_customers_get_finite_answers_without_a_warning(params: Transactions, share: float) -> None:
    x, t_x, T = (
        one[:, None]
        for one in grid(np.array([0.0, 1, 2, 10, 100, 2000]), np.array([0.0, 1, 30, 365, 10_000]), share)
    )
    alive, orders, some = (
        p_alive(x, t_x, T, params),
        expected_orders(DAYS, x, t_x, T, params),
        p_any(DAYS, x, t_x, T, params),
    )
    assert np.all((alive >= 0) & (alive <= 1))
    assert np.all(np.isfinite(orders) & (orders >= 0))
    assert np.all((some >= 0) & (some <= 1))
    assert np.all(np.diff(orders, axis=1) >= -1e-8 * orders[:, 1:])
    assert np.all(some <= orders * (1 + 1e-8))


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("params", MODELS, ids=repr)
def test_the_unit_of_time_does_not_matter(params: Transactions, share: float) -> None:
    x, t_x, T = grid(np.array([0.0, 1, 5, 300]), np.array([0.0, 10, 700]), share)
    scale: dict[str, Any] = {"alpha": params.alpha / 7}
    if isinstance(params, ParetoNbd):
        scale["beta"] = params.beta / 7
    weekly = replace(params, **scale)
    assert p_alive(x, t_x / 7, T / 7, weekly) == pytest.approx(p_alive(x, t_x, T, params), rel=1e-9)
    for function in (expected_orders, p_any):
        answer = function(91.0, x, t_x, T, params)
        assert function(13.0, x, t_x / 7, T / 7, weekly) == pytest.approx(answer, rel=1e-9)


def test_bg_nbd_keeps_whoever_ordered_once_and_the_modified_model_does_not() -> None:
    once = np.zeros(1), np.zeros(1), np.array([5000.0])
    assert p_alive(*once, BG)[0] == 1.0
    assert p_alive(*once, MBG)[0] < 0.2
    assert p_alive(*once, PARETO)[0] < 0.2


@pytest.mark.parametrize("params", MODELS, ids=repr)
def test_silence_lowers_and_recent_orders_raise_what_is_expected(params: Transactions) -> None:
    x, recency = np.full(5, 3.0), np.linspace(50.0, 400.0, 5)
    for answer in (
        p_alive(x, recency, np.full(5, 400.0), params),
        p_any(91.0, x, recency, np.full(5, 400.0), params),
    ):
        assert np.all(np.diff(answer) > 0)


def test_customers_who_never_leave_order_at_their_rate() -> None:
    x, t_x, T = np.array([0.0, 7.0]), np.array([0.0, 100.0]), np.array([50.0, 300.0])
    forever = expected_orders(365.0, x, t_x, T, BgNbd(0.5, 40.0, 1e-9, 5.0))
    assert forever == pytest.approx((0.5 + x) / (40.0 + T) * 365.0, rel=1e-6)
    forever = expected_orders(365.0, x, t_x, T, ParetoNbd(0.5, 40.0, 1e-9, 5.0))
    assert forever == pytest.approx((0.5 + x) / (40.0 + T) * 365.0, rel=1e-6)


@pytest.mark.parametrize(
    "other", [BG, replace(BG, a=4.0), replace(BG, a=0.06, b=300.0), replace(BG, r=9.0)], ids=repr
)
def test_quadrature_continues_the_closed_form(other: BgNbd) -> None:
    R, tau = (
        one.ravel() for one in np.meshgrid(other.r + np.array([0.0, 3, 40, 2000]), np.logspace(-3, 3, 13))
    )
    kept = other.b + R - other.r
    closed = btyd._orders_while_alive(tau, R, other.a, kept)
    assert btyd._orders_by_quadrature(tau, R, other.a, kept) == pytest.approx(closed, rel=2e-8)


def test_an_inclination_to_leave_of_exactly_one_is_nothing_special() -> None:
    history = np.array([3.0]), np.array([80.0]), np.array([100.0])
    below, at, above = (
        expected_orders(91.0, *history, replace(BG, a=a))[0] for a in (1.0 - 1e-3, 1.0, 1.0 + 1e-3)
    )
    assert at == pytest.approx((below + above) / 2, rel=1e-6)
    below, at, above = (
        expected_orders(91.0, *history, replace(PARETO, s=s))[0] for s in (1.0 - 1e-3, 1.0, 1.0 + 1e-3)
    )
    assert at == pytest.approx((below + above) / 2, rel=1e-6)


@pytest.mark.parametrize("params", MODELS, ids=repr)
def test_a_new_customer_is_one_without_a_history(params: Transactions) -> None:
    orders = expected_orders_new(DAYS, params)
    nothing = np.zeros((1, 1))
    assert orders.shape == DAYS.shape
    assert orders == pytest.approx(expected_orders(DAYS, nothing, nothing, nothing, params)[0], rel=1e-12)
    assert expected_orders_new(30.0, params).shape == ()
    assert np.all(np.diff(orders) > 0)


@pytest.mark.parametrize("params", MODELS, ids=repr)
def test_no_customers_get_no_answers(params: Transactions) -> None:
    nobody = np.empty(0), np.empty(0), np.empty(0)
    for answer in (
        p_alive(*nobody, params),
        expected_orders(9.0, *nobody, params),
        p_any(9.0, *nobody, params),
    ):
        assert answer.shape == (0,)


VALUES = GammaGamma(6.25, 3.74, 15.44)


def test_an_unknown_customer_is_worth_the_mean_of_all() -> None:
    answer = expected_order_value(np.zeros(2), np.array([np.nan, 70.0]), VALUES)
    assert answer == pytest.approx(np.full(2, 6.25 * 15.44 / 2.74), rel=1e-12)


@given(
    st.integers(1, 2000), st.floats(0.01, 1e5), st.floats(0.5, 8.0), st.floats(1.2, 9.0), st.floats(0.1, 1e4)
)
def test_an_order_is_worth_something_between_the_own_mean_and_that_of_all(
    orders: int, mean: float, p: float, q: float, v: float
) -> None:
    params = GammaGamma(p, q, v)
    everybody = p * v / (q - 1.0)
    answer = expected_order_value(np.array([orders]), np.array([mean]), params)[0]
    share = p * orders / (p * orders + q - 1.0)
    assert answer == pytest.approx(share * mean + (1.0 - share) * everybody, rel=1e-9)
    cents = expected_order_value(np.array([orders]), np.array([mean * 100]), replace(params, v=v * 100))[0]
    assert cents == pytest.approx(100 * answer, rel=1e-9)


def test_order_values_are_the_integral_over_what_customers_may_be() -> None:
    orders, mean = 3.0, 28.0
    log_nu = np.linspace(-60.0, 12.0, 4000)
    nu = np.exp(log_nu)
    # Values gamma(p, nu): their sum is sufficient, their density goes with nu^(p x) exp(-nu x m).
    weight = (VALUES.q + VALUES.p * orders) * log_nu - nu * (VALUES.v + orders * mean)
    weight = np.exp(weight - weight.max())
    answer = expected_order_value(np.array([orders]), np.array([mean]), VALUES)[0]
    assert answer == pytest.approx((weight * VALUES.p / nu).sum() / weight.sum(), rel=1e-9)
