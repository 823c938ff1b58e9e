"""Log-likelihoods of the buy-till-you-die models with first and second derivatives, over grouped customers.

Customers with the same (frequency, recency, T) are one row with a count. Special functions are computed on
unique frequencies alone, logarithms on unique days. All derivatives are by log-parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import digamma, expit, gammaln, zeta

from app.domain.history import Array
from app.estimators.btyd import gauss_legendre, pareto_span
from training.btyd_newton import Likelihood

_CHUNK: Final = 2048
_NODES, _WEIGHTS = gauss_legendre(24)
"""Fewer than for an answer: 1e-10 of a likelihood is far below what data can tell."""


@dataclass(frozen=True, slots=True)
class Unique:
    """A column as its unique values and each row's place among them; ``counts`` sums customers by value."""

    values: Array
    index: Array
    counts: Array

    @classmethod
    def of(cls, column: Array, counts: Array) -> Unique:
        """Take a column apart."""
        values, index = np.unique(column, return_inverse=True)
        return cls(values, index, np.bincount(index, weights=counts, minlength=len(values)))


@dataclass(frozen=True, slots=True)
class Groups:
    """Distinct histories, shape (G,), and how many customers have each; times in units of the fit."""

    x: Array
    t_x: Array
    T: Array
    counts: Array
    by_x: Unique
    by_t_x: Unique
    by_end: Unique

    @classmethod
    def of(cls, x: Array, t_x: Array, T: Array, counts: Array) -> Groups:
        """Take the columns apart."""
        return cls(x, t_x, T, counts, Unique.of(x, counts), Unique.of(t_x, counts), Unique.of(T, counts))

    def sample(self, size: int) -> Groups:
        """Return about ``size`` groups, evenly spread over all in their order."""
        rows = slice(None, None, max(1, len(self.x) // size))
        return Groups.of(self.x[rows], self.t_x[rows], self.T[rows], self.counts[rows])


def group(frequency: Array, recency: Array, T: Array, unit_days: float) -> Groups:
    """Group customers by their histories; ``unit_days`` is the unit of the times in the answer."""
    columns = [np.asarray(one, dtype=np.float64) for one in (frequency, recency, T)]
    whole = all(np.all(one == np.floor(one)) and np.all((one >= 0) & (one < 2**20)) for one in columns)
    if whole:
        x, t_x, last = (one.astype(np.int64) for one in columns)
        keys, counts = np.unique((x << 40) | (t_x << 20) | last, return_counts=True)
        mask = (1 << 20) - 1
        x, t_x, last = (one.astype(np.float64) for one in (keys >> 40, keys >> 20 & mask, keys & mask))
    else:
        rows, counts = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
        x, t_x, last = rows.T
    return Groups.of(x, t_x / unit_days, last / unit_days, counts.astype(np.float64))


def trigamma(value: Array | float) -> Array:
    """Return the second derivative of the log of the gamma function."""
    return np.asarray(zeta(2.0, value))


def _by_logs(
    parameters: Array, value: float, gradient: Array, curvature: Array
) -> tuple[float, Array, Array]:
    """Turn derivatives by parameters into derivatives by their logarithms."""
    slope = parameters * gradient
    return value, slope, curvature * np.outer(parameters, parameters) + np.diag(slope)


def _rates(groups: Groups, r: float, alpha: float) -> tuple[float, Array, Array]:
    """Return the part gamma(r + x) alpha^r / gamma(r), with its derivatives by (r, alpha)."""
    x, n = groups.by_x.values, groups.by_x.counts
    total = n.sum()
    value = n @ (gammaln(r + x) - gammaln(r)) + total * r * np.log(alpha)
    gradient = np.array([n @ (digamma(r + x) - digamma(r)) + total * np.log(alpha), total * r / alpha])
    mixed = total / alpha
    curvature = np.array([[n @ (trigamma(r + x) - trigamma(r)), mixed], [mixed, -total * r / alpha**2]])
    return float(value), gradient, curvature


def beta_geometric(groups: Groups, *, leaves_at_once: bool) -> Likelihood:
    """Return the log-likelihood of BG/NBD, or of MBG/NBD where customers may leave at once.

    Its parameters are (r, alpha, a, b).
    """
    first = 1.0 if leaves_at_once else 0.0
    may_leave = groups.x + first > 0
    index_T, index_t, index_x = groups.by_end.index, groups.by_t_x.index, groups.by_x.index
    x, counts = groups.x, groups.counts
    xu, nu = groups.by_x.values, groups.by_x.counts
    kept = xu + first

    def likelihood(theta: Array) -> tuple[float, Array, Array]:
        r, alpha, a, b = parameters = np.exp(theta)
        value, rate_gradient, rate_curvature = _rates(groups, r, alpha)
        gradient, curvature = np.zeros(4), np.zeros((4, 4))
        gradient[:2], curvature[:2, :2] = rate_gradient, rate_curvature
        total = nu.sum()
        value += nu @ (gammaln(b + kept) - gammaln(a + b + kept)) + total * (gammaln(a + b) - gammaln(b))
        in_both = total * digamma(a + b) - nu @ digamma(a + b + kept)
        gradient[2] += in_both
        gradient[3] += in_both + nu @ digamma(b + kept) - total * digamma(b)
        bent = total * trigamma(a + b) - nu @ trigamma(a + b + kept)
        curvature[2:, 2:] += bent
        curvature[3, 3] += nu @ trigamma(b + kept) - total * trigamma(b)
        # Still there, or left after the last order.
        R = r + x
        log_T = np.log(alpha + groups.by_end.values)[index_T]
        log_t = np.log(alpha + groups.by_t_x.values)[index_t]
        per_b = 1.0 / (b + np.maximum(xu + first - 1.0, 0.0))
        odds = np.where(may_leave, np.log(a * per_b)[index_x] + R * (log_T - log_t), -np.inf)
        left = expit(odds)
        value += counts @ (np.logaddexp(0.0, odds) - R * log_T)
        here, gone = counts * (1.0 - left), counts * left
        over_T = (1.0 / (alpha + groups.by_end.values))[index_T]
        over_t = (1.0 / (alpha + groups.by_t_x.values))[index_t]
        over_b = per_b[index_x]
        gradient[0] -= here @ log_T + gone @ log_t
        gradient[1] -= (here * R) @ over_T + (gone * R) @ over_t
        gradient[2] += gone.sum() / a
        gradient[3] -= gone @ over_b
        curvature[0, 1] -= here @ over_T + gone @ over_t
        curvature[1, 1] += (here * R) @ (over_T * over_T) + (gone * R) @ (over_t * over_t)
        curvature[2, 2] -= gone.sum() / a**2
        curvature[3, 3] += gone @ (over_b * over_b)
        # How they differ: left minus still there.
        difference = np.stack([log_T - log_t, R * (over_T - over_t), np.full(len(R), 1.0 / a), -over_b])
        curvature += (difference * (gone * (1.0 - left))) @ difference.T
        curvature[1, 0] = curvature[0, 1]
        return _by_logs(parameters, float(value), gradient, curvature)

    return likelihood


def pareto(groups: Groups) -> Likelihood:
    """Return the log-likelihood of Pareto/NBD by (r, alpha, s, beta).

    The time of leaving is integrated over: still there at T, or gone at any u in (t_x, T).
    """

    def likelihood(theta: Array) -> tuple[float, Array, Array]:
        r, alpha, s, beta = parameters = np.exp(theta)
        value, rate_gradient, rate_curvature = _rates(groups, r, alpha)
        gradient, curvature = np.zeros(4), np.zeros((4, 4))
        gradient[:2], curvature[:2, :2] = rate_gradient, rate_curvature
        total = groups.counts.sum()
        value += total * s * np.log(beta)
        gradient[2] += total * np.log(beta)
        gradient[3] += total * s / beta
        curvature[2, 3] += total / beta
        curvature[3, 2] += total / beta
        curvature[3, 3] -= total * s / beta**2
        for start in range(0, len(groups.x), _CHUNK):
            rows = slice(start, start + _CHUNK)
            found = _leaving(
                parameters, groups.x[rows], groups.t_x[rows], groups.T[rows], groups.counts[rows]
            )
            value += found[0]
            gradient += found[1]
            curvature += found[2]
        return _by_logs(parameters, float(value), gradient, curvature)

    return likelihood


def _leaving(parameters: Array, x: Array, t_x: Array, T: Array, counts: Array) -> tuple[float, Array, Array]:
    """Return the log of the mean of (alpha + u)^-(r + x) (beta + u)^-s over the time u of leaving, or T.

    The last column stands for still being there, the others are nodes of the integral over u; a column's
    weight is its share of the likelihood. Derivatives of the logarithm are means and covariances under these
    weights.
    """
    r, alpha, s, beta = parameters
    R = (r + x)[:, None]
    A, B, gap = (alpha + t_x)[:, None], (beta + t_x)[:, None], (T - t_x)[:, None]
    is_first = alpha <= beta
    c, d, m_c, m_d = (A, B, R, s + 1.0) if is_first else (B, A, s + 1.0, R)
    span = pareto_span(c, d, gap, m_c, m_d)
    log_c = np.hstack([span * _NODES, np.log1p(gap / c)])
    u = c * np.expm1(log_c)
    log_d = np.log1p(u / d)
    log_A, log_B = (log_c, log_d) if is_first else (log_d, log_c)
    share = np.exp(log_c - R * log_A - (s + 1.0) * log_B)
    share[:, :-1] *= span * (c * s / B) * _WEIGHTS
    share[:, -1] = np.exp(-R[:, 0] * log_A[:, -1] - s * log_B[:, -1])
    sums = share.sum(axis=1)
    log_A += np.log(A)
    log_B += np.log(B)
    value = counts @ (np.log(sums) - R[:, 0] * np.log(A[:, 0]) - s * np.log(B[:, 0]))
    share /= sums[:, None]
    over_A, over_B = 1.0 / (A + u), 1.0 / (B + u)
    slopes = np.empty((4, *share.shape))
    np.negative(log_A, out=slopes[0])
    np.multiply(-R, over_A, out=slopes[1])
    np.subtract(1.0 / s, log_B, out=slopes[2])
    np.multiply(-(s + 1.0), over_B, out=slopes[3])
    slopes[2, :, -1] = -log_B[:, -1]
    slopes[3, :, -1] = -s * over_B[:, -1]
    means = np.einsum("jgm,gm->jg", slopes, share)
    weight = share * counts[:, None]
    flat = slopes.reshape(4, -1)
    curvature = (flat * weight.ravel()) @ flat.T - (means * counts) @ means.T
    curvature[0, 1] -= (weight * over_A).sum()
    curvature[1, 0] = curvature[0, 1]
    curvature[1, 1] += (weight * slopes[1] ** 2 / R).sum()
    curvature[2, 2] -= weight[:, :-1].sum() / s**2
    curvature[2, 3] -= (weight * over_B).sum()
    curvature[3, 2] = curvature[2, 3]
    curvature[3, 3] -= (weight * slopes[3] * over_B).sum()
    return float(value), means @ counts, curvature


def gamma_gamma(orders: Array, mean_value: Array) -> Likelihood:
    """Return the log-likelihood of mean values above 0, each of ``orders`` orders, by (p, q - 1, v)."""
    unique = Unique.of(orders, np.ones(len(orders)))
    x, n = unique.values, unique.counts
    seen = orders * mean_value
    log_seen = np.log(seen)
    fixed = float(np.log(mean_value).sum())

    def likelihood(theta: Array) -> tuple[float, Array, Array]:
        p, excess, v = parameters = np.exp(theta)
        q = excess + 1.0
        total = n.sum()
        R = p * x + q
        log_v, log_sum = np.log(v), np.log(seen + v)
        rows = p * orders + q
        over = 1.0 / (seen + v)
        value = (
            n @ (gammaln(R) - gammaln(p * x))
            + total * (q * log_v - gammaln(q))
            + (p * orders) @ log_seen
            - rows @ log_sum
            - fixed
        )
        gradient = np.array(
            [
                (n * x) @ (digamma(R) - digamma(p * x)) + orders @ (log_seen - log_sum),
                n @ digamma(R) + total * (log_v - digamma(q)) - log_sum.sum(),
                total * q / v - rows @ over,
            ]
        )
        bent = trigamma(R)
        pq, pv, qv = (n * x) @ bent, -orders @ over, total / v - over.sum()
        curvature = np.array(
            [
                [(n * x * x) @ (bent - trigamma(p * x)), pq, pv],
                [pq, n @ bent - total * trigamma(q), qv],
                [pv, qv, rows @ (over * over) - total * q / v**2],
            ]
        )
        return _by_logs(parameters, float(value), gradient, curvature)

    return likelihood
