from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, gammaln

from training.btyd_likelihood import Groups, beta_geometric, gamma_gamma, group, pareto
from training.btyd_newton import Likelihood

THETA = np.log([0.6, 1.7, 0.8, 2.4])
POINTS = (THETA, np.log([4.0, 0.3, 0.1, 9.0]), np.log([0.05, 20.0, 5.0, 0.2]))


def some_groups(size: int = 60) -> Groups:
    rng = np.random.default_rng(4)
    T = rng.integers(0, 40, size).astype(float)
    x = np.where(T > 0, rng.poisson(1.5, size), 0).astype(float)
    return group(x, np.where(x > 0, np.floor(T * rng.random(size)), 0.0), T, 3.0)


def likelihoods() -> dict[str, Likelihood]:
    groups = some_groups()
    rng = np.random.default_rng(5)
    return {
        "bg_nbd": beta_geometric(groups, leaves_at_once=False),
        "mbg_nbd": beta_geometric(groups, leaves_at_once=True),
        "pareto_nbd": pareto(groups),
        "gamma_gamma": gamma_gamma(rng.integers(1, 9, 40).astype(float), rng.lognormal(0.0, 0.5, 40)),
    }


@pytest.mark.parametrize("point", range(3))
@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma"])
def test_derivatives_are_those_of_the_value(name: str, point: int) -> None:
    likelihood = likelihoods()[name]
    theta = POINTS[point][: 3 if name == "gamma_gamma" else 4]
    _, gradient, curvature = likelihood(theta)
    step = 1e-4
    for j, shift in enumerate(step * np.eye(len(theta))):
        ahead, behind = likelihood(theta + shift), likelihood(theta - shift)
        assert (ahead[0] - behind[0]) / (2 * step) == pytest.approx(gradient[j], rel=1e-5, abs=1e-4)
        assert (ahead[1] - behind[1]) / (2 * step) == pytest.approx(curvature[j], rel=1e-4, abs=1e-4)
    assert curvature == pytest.approx(curvature.T)


def rows(groups: Groups) -> list[tuple[float, float, float, float]]:
    return list(zip(groups.x, groups.t_x, groups.T, groups.counts, strict=True))


@pytest.mark.parametrize("point", range(3))
def test_bg_nbd_is_the_published_formula(point: int) -> None:
    """Fader, Hardie & Lee (2005), equation 6."""
    groups, theta = some_groups(), POINTS[point]
    r, alpha, a, b = np.exp(theta)
    total = 0.0
    for x, t_x, T, count in rows(groups):
        kept = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
        left = betaln(a + 1, b + x - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x) if x > 0 else -np.inf
        total += count * (gammaln(r + x) - gammaln(r) + r * np.log(alpha) + np.logaddexp(kept, left))
    assert beta_geometric(groups, leaves_at_once=False)(theta)[0] == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("point", range(3))
def test_mbg_nbd_is_the_published_formula(point: int) -> None:
    """Batislam, Denizel & Filiztekin (2007): the first order may be the last."""
    groups, theta = some_groups(), POINTS[point]
    r, alpha, a, b = np.exp(theta)
    total = 0.0
    for x, t_x, T, count in rows(groups):
        kept = betaln(a, b + x + 1) - betaln(a, b) - (r + x) * np.log(alpha + T)
        left = betaln(a + 1, b + x) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
        total += count * (gammaln(r + x) - gammaln(r) + r * np.log(alpha) + np.logaddexp(kept, left))
    assert beta_geometric(groups, leaves_at_once=True)(theta)[0] == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("point", range(3))
def test_pareto_nbd_is_its_integral_over_the_time_of_leaving(point: int) -> None:
    groups, theta = some_groups(), POINTS[point]
    r, alpha, s, beta = np.exp(theta)
    total = 0.0
    for x, t_x, T, count in rows(groups):

        def density(u: float, x: float = x) -> float:
            return float(s * beta**s * (alpha + u) ** -(r + x) * (beta + u) ** -(s + 1))

        gone = quad(density, t_x, T, epsabs=0, epsrel=1e-11)[0]
        here = (alpha + T) ** -(r + x) * (beta / (beta + T)) ** s
        total += count * (gammaln(r + x) - gammaln(r) + r * np.log(alpha) + np.log(here + gone))
    assert pareto(groups)(theta)[0] == pytest.approx(total, rel=1e-10)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=40))
def test_grouping_keeps_every_customer(drawn: list[tuple[int, int, int]]) -> None:
    x, gap, t_x = (np.array(column, dtype=np.float64) for column in zip(*drawn, strict=True))
    for shift in (0.0, 0.25):  # whole days and parts of days are grouped in different ways
        T = t_x + gap + shift
        groups = group(x, t_x, T, 2.0)
        found = {(a, b, c): n for a, b, c, n in rows(groups)}
        wanted: dict[tuple[float, float, float], float] = {}
        for key in zip(x, t_x / 2.0, T / 2.0, strict=True):
            wanted[key] = wanted.get(key, 0.0) + 1.0
        assert found == wanted
        for part, whole in ((groups.by_x, groups.x), (groups.by_t_x, groups.t_x), (groups.by_end, groups.T)):
            assert np.array_equal(part.values[part.index], whole)
            assert part.counts.sum() == len(x)


def test_a_sample_of_groups_is_spread_over_all() -> None:
    groups = some_groups(500)
    sample = groups.sample(20)
    assert 20 <= len(sample.x) < 40
    assert sample.T.min() < 3.0
    assert sample.T.max() > 10.0
