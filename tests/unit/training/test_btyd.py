"""Fits against published parameters, known truth and hopeless data; draws against the closed forms."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.domain.history import Array
from app.estimators.btyd import (
    BgNbd,
    GammaGamma,
    MbgNbd,
    ParetoNbd,
    Transactions,
    expected_order_value,
    expected_orders,
    p_any,
)
from benchmarks.fitting.simulated import simulate
from training.btyd import Kind, draw_orders, draw_spend, fit_gamma_gamma, fit_transactions

KINDS: tuple[Kind, ...] = get_args(Kind)
TRUTH: dict[Kind, Transactions] = {
    "bg_nbd": BgNbd(0.6, 40.0, 0.7, 2.5),
    "mbg_nbd": MbgNbd(0.9, 50.0, 0.8, 1.6),
    "pareto_nbd": ParetoNbd(0.8, 50.0, 0.7, 90.0),
}
CDNOW = Path(__file__).parents[4] / "shared" / "data" / "cdnow" / "cdnow_sample.parquet"
WEEK = 7.0


@pytest.fixture(scope="module")
def cdnow() -> tuple[Array, Array, Array, Array, Array]:
    """Give frequency, recency and T in days, and how many repeat orders had which mean value, to week 39."""
    if not CDNOW.exists():
        pytest.skip("the public data set cdnow_sample.parquet is not beside the project")
    table = pq.read_table(CDNOW)
    owner = np.unique(np.asarray(table["sample_id"].to_pylist()), return_inverse=True)[1]
    day = np.asarray(table["date"].to_numpy()).astype("datetime64[D]").astype(np.int64)
    value = np.asarray(table["dollar_value"].to_numpy())
    end = int(np.datetime64("1997-09-30").astype(np.int64))
    seen = day <= end
    keys, place = np.unique(owner[seen] * 100_000 + day[seen], return_inverse=True)
    spent = np.bincount(place, weights=value[seen])
    first = np.r_[True, np.diff(keys // 100_000) > 0]
    starts = np.flatnonzero(first)
    count = np.diff(np.r_[starts, len(keys)])
    days = (keys % 100_000).astype(np.float64)
    born, last = days[starts], days[starts + count - 1]
    repeat = np.add.reduceat(np.where(first, 0.0, spent), starts)
    frequency = count - 1.0
    return frequency, last - born, end - born, frequency, repeat / np.maximum(frequency, 1.0)


def test_bg_nbd_is_the_published_fit_of_cdnow(cdnow: tuple[Array, ...]) -> None:
    """Fader, Hardie & Lee (2005), table 2, in weeks."""
    fit = fit_transactions("bg_nbd", *cdnow[:3], prior=False)
    r, alpha, a, b = astuple(fit.params)
    assert (r, alpha / WEEK, a, b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=5e-4)
    assert fit.log_likelihood + cdnow[0].sum() * np.log(WEEK) == pytest.approx(-9582.4, abs=0.05)
    assert fit.has_converged
    assert not fit.is_on_bound


def test_pareto_nbd_is_the_published_fit_of_cdnow(cdnow: tuple[Array, ...]) -> None:
    fit = fit_transactions("pareto_nbd", *cdnow[:3], prior=False)
    r, alpha, s, beta = astuple(fit.params)
    assert (r, alpha / WEEK, s, beta / WEEK) == pytest.approx((0.553, 10.578, 0.606, 11.669), abs=5e-4)
    assert fit.log_likelihood + cdnow[0].sum() * np.log(WEEK) == pytest.approx(-9595.0, abs=0.05)


def test_gamma_gamma_is_the_published_fit_of_cdnow(cdnow: tuple[Array, ...]) -> None:
    """Fader & Hardie (2013), on repeat orders; what is worth nothing is left out."""
    fit = fit_gamma_gamma(cdnow[3], cdnow[4], prior=False)
    assert astuple(fit.params) == pytest.approx((6.25, 3.74, 15.44), abs=6e-3)


def test_the_prior_moves_a_fit_by_less_than_its_uncertainty(cdnow: tuple[Array, ...]) -> None:
    for kind in KINDS:
        plain = fit_transactions(kind, *cdnow[:3], prior=False)
        weighed = fit_transactions(kind, *cdnow[:3])
        moved = np.log(astuple(weighed.params)) - np.log(astuple(plain.params))
        assert np.all(np.abs(moved) < 0.25 * np.sqrt(np.diag(plain.covariance)))
        assert plain.log_likelihood >= weighed.log_likelihood > plain.log_likelihood - 0.05


def deviations(kind: Kind, seed: int, size: int) -> Array:
    """Return by how many standard errors a fit misses the truth, by parameter."""
    rng = np.random.default_rng(seed)
    fit = fit_transactions(kind, *simulate(TRUTH[kind], rng.uniform(50.0, 700.0, size), rng))
    assert fit.has_converged
    missed = np.log(astuple(fit.params)) - np.log(astuple(TRUTH[kind]))
    return np.asarray(missed / np.sqrt(np.diag(fit.covariance)))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_simulated_parameters_are_found_within_two_standard_errors(kind: Kind, seed: int) -> None:
    assert np.all(np.abs(deviations(kind, seed, 20_000)) < 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_are_as_large_as_the_errors(kind: Kind) -> None:
    """Of 160 misses some are beyond two standard errors, because that is what a standard error says."""
    missed = np.array([deviations(kind, 100 + seed, 4_000) for seed in range(40)])
    assert 0.9 <= np.mean(np.abs(missed) < 2.0) <= 0.99
    assert np.abs(missed).max() < 4.5


def test_gamma_gamma_finds_simulated_parameters() -> None:
    truth = GammaGamma(4.0, 3.5, 20.0)
    rng = np.random.default_rng(3)
    orders = rng.integers(1, 12, 20_000).astype(float)
    mean = rng.gamma(truth.p * orders) / rng.gamma(truth.q, 1.0 / truth.v, len(orders)) / orders
    fit = fit_gamma_gamma(orders, mean)
    missed = np.log([fit.params.p, fit.params.q - 1.0, fit.params.v]) - np.log([4.0, 2.5, 20.0])
    assert np.all(np.abs(missed) < 2.0 * np.sqrt(np.diag(fit.covariance)))


def zeros(size: int) -> Array:
    return np.zeros(size)


HOPELESS: dict[str, tuple[Array, Array, Array]] = {
    "nobody ordered twice": (zeros(50), zeros(50), np.arange(50.0)),
    "all orders on one day": (zeros(20), zeros(20), zeros(20)),
    "one customer, one order": (zeros(1), zeros(1), np.array([30.0])),
    "one customer on the first day": (zeros(1), zeros(1), zeros(1)),
    "one customer, five orders": (np.array([5.0]), np.array([30.0]), np.array([40.0])),
    "huge frequencies": (np.array([1e5, 2e5, 0.0]), np.array([300.0, 400, 0]), np.array([365.0, 400, 20])),
    "repeat orders without time": (np.full(9, 3.0), zeros(9), zeros(9)),
    "everybody alike and busy": (np.full(1000, 2e3), np.full(1000, 9999.0), np.full(1000, 1e4)),
    "everybody bought twice and left": (np.ones(1000), np.ones(1000), np.full(1000, 1e4)),
    "nobody ever leaves": (np.full(99, 10.0), np.full(99, 100.0), np.full(99, 100.0)),
}


@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize("name", HOPELESS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_fit_ends_and_answers(kind: Kind, name: str, prior: bool) -> None:
    x, t_x, T = HOPELESS[name]
    fit = fit_transactions(kind, x, t_x, T, prior=prior)
    assert fit.has_converged
    assert np.isfinite(fit.log_likelihood)
    assert np.all(np.isfinite(fit.covariance))
    assert np.all(np.isfinite(astuple(fit.params)))
    answer = expected_orders(np.array([1.0, 3650.0]), x[:, None], t_x[:, None], T[:, None], fit.params)
    assert np.all(np.isfinite(answer) & (answer >= 0))
    if prior and name == "all orders on one day":
        assert not fit.is_on_bound


@pytest.mark.parametrize("kind", KINDS)
def test_a_handful_of_customers_is_enough_for_sober_answers(kind: Kind) -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        x, t_x, T = simulate(TRUTH[kind], rng.uniform(1.0, 400.0, 20), rng)
        fit = fit_transactions(kind, x, t_x, T)
        assert fit.has_converged
        assert not fit.is_on_bound
        # A tenth more of the past is no more than four times its pace.
        ahead = expected_orders(0.1 * T.mean(), x, t_x, T, fit.params).mean()
        assert ahead <= 0.4 * (x.mean() + 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_order_nor_unit_nor_copies_change_a_fit(kind: Kind) -> None:
    rng = np.random.default_rng(5)
    x, t_x, T = simulate(TRUTH[kind], rng.integers(1, 500, 800).astype(float), rng, whole_days=True)
    fit = fit_transactions(kind, x, t_x, T, prior=False)
    mixed = rng.permutation(800)
    again = fit_transactions(kind, x[mixed], t_x[mixed], T[mixed], prior=False)
    assert astuple(again.params) == pytest.approx(astuple(fit.params), rel=1e-6)
    weekly = fit_transactions(kind, x, t_x / 7, T / 7, prior=False)
    times = np.array([1.0, 7.0, 1.0, 7.0 if kind == "pareto_nbd" else 1.0])
    assert np.array(astuple(weekly.params)) * times == pytest.approx(astuple(fit.params), rel=1e-6)
    assert weekly.log_likelihood - x.sum() * np.log(7) == pytest.approx(fit.log_likelihood, abs=1e-6)
    twice = fit_transactions(kind, *(np.tile(one, 2) for one in (x, t_x, T)), prior=False)
    assert astuple(twice.params) == pytest.approx(astuple(fit.params), rel=1e-6)
    assert twice.log_likelihood == pytest.approx(2 * fit.log_likelihood)
    assert twice.groups == fit.groups
    assert 2 * twice.covariance == pytest.approx(fit.covariance, rel=1e-3)


def test_a_sample_starts_a_large_fit_and_does_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    rows = simulate(TRUTH["pareto_nbd"], rng.integers(1, 500, 3000).astype(float), rng, whole_days=True)
    fit = fit_transactions("pareto_nbd", *rows)
    monkeypatch.setattr("training.btyd._SAMPLE", 100)
    sampled = fit_transactions("pareto_nbd", *rows)
    assert sampled.evaluations < fit.evaluations
    assert astuple(sampled.params) == pytest.approx(astuple(fit.params), rel=1e-6)


@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [
        ([], [], []),
        ([1], [3], [2]),
        ([1], [-1], [2]),
        ([-1], [0], [2]),
        ([1], [1], [np.inf]),
        ([1], [np.nan], [2]),
    ],
)
def test_what_is_no_history_is_refused(x: list[float], t_x: list[float], T: list[float]) -> None:
    with pytest.raises(ValueError, match="a fit needs customers with 0 <= recency <= T"):
        fit_transactions("bg_nbd", *(np.array(one, dtype=np.float64) for one in (x, t_x, T)))


@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize(
    ("orders", "mean"),
    [
        (np.full(5, 3.0), np.full(5, 10.0)),
        (np.array([1.0]), np.array([1e6])),
        (np.array([1.0, 2, 3]), np.array([1.0, 1e9, 1e-9])),
        (np.full(50_000, 5.0), np.full(50_000, 9.99)),
    ],
    ids=["all alike", "one row", "from nothing to a billion", "one price"],
)
def test_every_fit_of_values_ends_and_answers(orders: Array, mean: Array, prior: bool) -> None:
    fit = fit_gamma_gamma(orders, mean, prior=prior)
    assert fit.has_converged
    assert fit.params.q > 1
    answer = expected_order_value(np.array([0.0, 1.0, 90.0]), np.array([0.0, mean[0], mean[0]]), fit.params)
    assert np.all(np.isfinite(answer) & (answer > 0))


def test_values_of_nothing_are_left_out_and_the_currency_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    orders, mean = rng.integers(1, 6, 300).astype(float), rng.lognormal(3.0, 0.6, 300)
    fit = fit_gamma_gamma(orders, mean)
    more = fit_gamma_gamma(np.r_[orders, 0.0, 2.0, 2.0, 3.0], np.r_[mean, 5.0, 0.0, -3.0, np.nan])
    assert more.params == fit.params
    assert more.groups == 300
    cents = fit_gamma_gamma(orders, mean * 100).params
    assert (cents.p, cents.q, cents.v / 100) == pytest.approx(astuple(fit.params), rel=1e-6)
    with pytest.raises(ValueError, match="mean value above 0"):
        fit_gamma_gamma(np.zeros(3), np.ones(3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [20.0, 500.0])
def test_draws_have_the_mean_and_the_zeros_of_the_closed_forms(kind: Kind, days: float) -> None:
    params = TRUTH[kind]
    x, t_x, T = (
        np.array([0.0, 0, 1, 6, 30]),
        np.array([0.0, 0, 20, 150, 300]),
        np.array([0.0, 90, 60, 200, 310]),
    )
    size = 200_000
    drawn = draw_orders(params, x, t_x, T, days, size, np.random.default_rng(7))
    assert drawn.shape == (5, size)
    assert drawn.dtype == np.int64
    error = drawn.std(axis=1) / np.sqrt(size)
    assert np.all(np.abs(drawn.mean(axis=1) - expected_orders(days, x, t_x, T, params)) < 4 * error)
    chance = p_any(days, x, t_x, T, params)
    error = np.sqrt(chance * (1 - chance) / size)
    assert np.all(np.abs((drawn > 0).mean(axis=1) - chance) < 4 * error)


@pytest.mark.parametrize("kind", KINDS)
def test_the_past_and_what_is_drawn_add_up_to_a_longer_past(kind: Kind) -> None:
    """Watched for 300 days and drawn for 200: as many orders as customers make whom we watch for 500."""
    rng = np.random.default_rng(9)
    x, t_x, T = simulate(TRUTH[kind], np.full(100_000, 300.0), rng)
    drawn = draw_orders(TRUTH[kind], x, t_x, T, 200.0, 1, rng)[:, 0]
    whole, _, _ = simulate(TRUTH[kind], np.full(100_000, 500.0), rng)
    for most in (0, 1, 2, 4, 8, 16):
        assert np.mean(x + drawn <= most) == pytest.approx(np.mean(whole <= most), abs=0.007)
        assert abs(np.mean(x <= most) - np.mean(whole <= most)) > 0.007


def test_horizons_may_differ_by_customer_and_one_seed_gives_one_answer() -> None:
    rows = np.array([2.0, 2.0]), np.array([50.0, 50.0]), np.array([60.0, 60.0])
    for params in TRUTH.values():
        one, other = (
            draw_orders(params, *rows, np.array([1.0, 900.0]), 5000, np.random.default_rng(1))
            for _ in range(2)
        )
        assert np.array_equal(one, other)
        assert one[0].mean() < one[1].mean()


@pytest.mark.parametrize(
    "params", [BgNbd(1e-4, 1e-2, 1e-4, 1e-4), MbgNbd(1e4, 1e5, 1e-4, 1e4), ParetoNbd(9e3, 1.0, 1e-4, 1e5)]
)
def test_extreme_draws_raise_no_warning(params: Transactions) -> None:
    x, t_x, T = np.array([0.0, 2000.0]), np.array([0.0, 9000.0]), np.array([0.0, 10_000.0])
    drawn = draw_orders(params, x, t_x, T, 3650.0, 500, np.random.default_rng(0))
    assert np.all(drawn >= 0)


def test_drawn_spend_has_the_mean_of_the_closed_form() -> None:
    params = GammaGamma(4.0, 4.5, 20.0)
    orders, mean = np.array([0.0, 1.0, 12.0]), np.array([np.nan, 80.0, 9.0])
    drawn = np.full((3, 200_000), 3)
    drawn[:, ::2] = 0
    spend = draw_spend(params, orders, mean, drawn, np.random.default_rng(1))
    assert np.all(spend[:, ::2] == 0)
    assert np.all(spend[:, 1::2] > 0)
    value = expected_order_value(orders, mean, params)
    assert spend[:, 1::2].mean(axis=1) / 3 == pytest.approx(value, rel=0.02)
