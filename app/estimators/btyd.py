"""Buy-till-you-die models: what a customer's history says about the orders and the spend to come.

Rules of this module
- Time is in days. ``frequency`` counts *repeat* order days, ``recency`` is days from the first order to the
  last, ``T`` days from the first order to the moment of the question; ``0 <= recency <= T``, and ``recency``
  is 0 where ``frequency`` is. ``days`` is the horizon, at least 0.
- Everything broadcasts: ``days`` may be a number, (N,) beside statistics of shape (N,), or (N, K) or (K,)
  beside statistics of shape (N, 1). A customer's answer is the same alone and among others.
- Every answer is finite and free of warnings for thousands of orders and tens of thousands of days.

The models: customers order at random at a rate of their own, gamma(r, alpha) over customers, until they leave
for good. BG/NBD: after each repeat order, with a probability of their own, beta(a, b). MBG/NBD: the same, and
after the first order too. Pareto/NBD: at any time, at a rate of their own, gamma(s, beta). Gamma-Gamma: the
value of an order is gamma(p, nu) for one customer, nu being gamma(q, v) over customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import betaln, expit, hyp2f1

from app.domain.history import Array


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Beta-geometric/NBD: a customer may leave after each repeat order. ``alpha`` in days."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class MbgNbd:
    """Modified BG/NBD: a customer may leave after every order, the first too. ``alpha`` in days."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """Pareto/NBD: a customer may leave at any time. ``alpha`` and ``beta`` in days."""

    r: float
    alpha: float
    s: float
    beta: float


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The value of orders. ``v`` in currency; ``q`` above 1, or else values would have no mean."""

    p: float
    q: float
    v: float


Transactions = BgNbd | MbgNbd | ParetoNbd

_DECAY: Final = 45.0
"""An integrand is followed until it has fallen by exp(-45), far below the last digit."""


def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Return nodes and weights of the integral from 0 to 1, shape (count,) each."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1.0) / 2, weights / 2


_PARETO_NODES, _PARETO_WEIGHTS = gauss_legendre(32)
_BETA_NODES, _BETA_WEIGHTS = gauss_legendre(256)
_CHUNK: Final = 1024


def p_alive(frequency: Array, recency: Array, T: Array, params: Transactions) -> Array:
    """Return the probability that each customer has not left for good by the moment of the question.

    Parameters
    ----------
    frequency, recency, T : ndarray
        See the module.

    Returns
    -------
    ndarray, broadcast shape
        In [0, 1]. Exactly 1 for BG/NBD where ``frequency`` is 0: there nobody leaves before a repeat order,
        which is why churn is served from :func:`p_any` instead.

    References
    ----------
    Fader, Hardie & Lee (2008), "Computing P(alive) Using the BG/NBD Model"; Batislam, Denizel & Filiztekin
    (2007); Fader & Hardie (2005), "A Note on Deriving the Pareto/NBD Model".
    """
    if isinstance(params, ParetoNbd):
        R = params.r + frequency
        A, B, gap = params.alpha + recency, params.beta + recency, T - recency
        silence = R * np.log1p(gap / A) + params.s * np.log1p(gap / B)
        gone_by_now = params.s / B * pareto_integral(A, B, gap, R, params.s + 1.0)
        # Where the last order is today, nobody can have left since: the logarithm of nothing.
        return np.asarray(expit(-silence - np.log(gone_by_now + 1e-300)))
    silence = (params.r + frequency) * np.log1p((T - recency) / (params.alpha + recency))
    if isinstance(params, MbgNbd):
        return np.asarray(expit(np.log((params.b + frequency) / params.a) - silence))
    after_a_repeat = expit(np.log((params.b + np.maximum(frequency, 1) - 1) / params.a) - silence)
    return np.where(np.asarray(frequency) > 0, after_a_repeat, 1.0)


def expected_orders(
    days: float | Array, frequency: Array, recency: Array, T: Array, params: Transactions
) -> Array:
    """Return the expected number of orders in the ``days`` after the moment of the question.

    Parameters
    ----------
    days : float or ndarray
        Horizon.
    frequency, recency, T : ndarray
        See the module.

    Returns
    -------
    ndarray, broadcast shape
        At least 0, grows with ``days``.

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", equation 10, with the hypergeometric
    function transformed as Euler did, which keeps it small. Schmittlein, Morrison & Colombo (1987).
    """
    R = params.r + frequency
    A = params.alpha + T
    alive = p_alive(frequency, recency, T, params)
    if isinstance(params, ParetoNbd):
        remaining = params.beta + T
        excess = params.s - 1.0
        ends = np.log1p(days / remaining)
        spells = ends if abs(excess) < 1e-12 else -np.expm1(-excess * ends) / excess
        return np.asarray(alive * (R / A) * remaining * spells)
    kept = params.b + frequency + (1.0 if isinstance(params, MbgNbd) else 0.0)
    return np.asarray(alive * _orders_while_alive(days / A, R, params.a, kept))


def p_any(days: float | Array, frequency: Array, recency: Array, T: Array, params: Transactions) -> Array:
    """Return the probability of at least one order in the ``days`` after the moment of the question.

    One minus it is the probability of churn by inactivity.

    Parameters
    ----------
    days : float or ndarray
        Horizon.
    frequency, recency, T : ndarray
        See the module.

    Returns
    -------
    ndarray, broadcast shape
        In [0, 1], grows with ``days``, at most :func:`p_alive` and :func:`expected_orders`.

    Notes
    -----
    A customer who is there stays at least until the next order under (M)BG/NBD, so that silence has the
    probability ((alpha + T) / (alpha + T + days))^(r + frequency). Under Pareto/NBD leaving and ordering
    compete, which leaves one integral over the time of the next order.
    """
    R = params.r + frequency
    A = params.alpha + T
    alive = p_alive(frequency, recency, T, params)
    if isinstance(params, ParetoNbd):
        within = R / A * pareto_integral(A, params.beta + T, days, R + 1.0, params.s)
        return np.asarray(alive * np.minimum(within, 1.0))
    return np.asarray(-alive * np.expm1(-R * np.log1p(days / A)))


def expected_orders_new(days: float | Array, params: Transactions) -> Array:
    """Return the expected repeat orders in the first ``days`` of a customer who joins, shape of ``days``."""
    nothing = np.zeros(1)
    answer = expected_orders(np.atleast_1d(days), nothing, nothing, nothing, params)
    return answer.reshape(np.shape(days))


def expected_order_value(orders: Array, mean_value: Array, params: GammaGamma) -> Array:
    """Return the expected value of a customer's next orders, given those seen.

    Parameters
    ----------
    orders : ndarray, shape (N,)
        How many orders ``mean_value`` is the mean of; 0 gives the population's mean.
    mean_value : ndarray, shape (N,)
        In currency; not looked at where ``orders`` is 0.

    References
    ----------
    Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", equation 5.
    """
    seen = np.where(np.asarray(orders) > 0, orders * mean_value, 0.0)
    return np.asarray(params.p * (params.v + seen) / (params.p * orders + params.q - 1.0))


def _orders_while_alive(tau: Array, R: Array, a: float, kept: Array) -> Array:
    """Return the expected orders of a customer who is there, ``tau`` being the horizon over alpha + T.

    That is the mean of (1 - (1 + p tau)^-R) / p over p from beta(a, kept).
    """
    c = a + kept - 1.0
    excess = a - 1.0
    stretch = np.log1p(tau)
    with np.errstate(all="ignore"):
        # 1 - what is left; its digits are lost where what is left is nearly 1.
        gone = 1.0 - np.exp(-excess * stretch) * hyp2f1(excess, c - R, c, tau / (1.0 + tau))
        orders = c / excess * gone if excess else gone * np.nan
        sound = (np.abs(gone) > 1e-6 * (1.0 + a)) & (orders > 0.0) & (orders <= R * tau)
    if not sound.all():
        tau_, R_, kept_, orders, sound = np.broadcast_arrays(tau, R, kept, orders, sound)
        orders = orders.copy()
        orders[~sound] = _orders_by_quadrature(tau_[~sound], R_[~sound], a, kept_[~sound])
    return np.asarray(orders)


def _orders_by_quadrature(tau: Array, R: Array, a: float, kept: Array) -> Array:
    """Return the same mean by Gauss-Legendre quadrature over y = logit(p), for shapes (M,)."""
    answer = np.empty(len(tau))
    lean = max(a - 1.0, a / 2)
    middle = np.log(a / kept)
    # Beyond these, p is so near 0 or 1 that all but a power of it is constant: the tails are closed forms.
    far = 37.0 + np.log1p(a + kept + (R + 1.0) * (1.0 + tau))
    wide = np.sqrt(2 * _DECAY * (1 / lean + 1 / kept))
    low = np.maximum(middle - _DECAY / lean - wide, -far)
    high = np.minimum(middle + _DECAY / kept + wide, far)
    scale = betaln(a, kept)
    tails = R * tau / a * np.exp(np.where(low == -far, a * low - scale, -np.inf))
    tails -= (
        np.expm1(-R * np.log1p(tau)) / kept * np.exp(np.where(high == far, -kept * high - scale, -np.inf))
    )
    for start in range(0, len(tau), _CHUNK):
        rows = np.s_[start : start + _CHUNK, None]
        y = low[rows] + (high - low)[rows] * _BETA_NODES
        log_p = -np.logaddexp(0.0, -y)
        log_density = a * log_p + kept[rows] * (log_p - y) - scale[rows]
        pace = -np.expm1(-R[rows] * np.log1p(np.exp(log_p) * tau[rows])) * np.exp(log_density - log_p)
        answer[start : start + _CHUNK] = pace @ _BETA_WEIGHTS
    return np.asarray(answer * (high - low) + tails)


def pareto_integral(A: Array, B: Array, width: float | Array, m: Array, n: float) -> Array:
    """Return the integral of (1 + u/A)^-m (1 + u/B)^-n over u from 0 to ``width``, by broadcasting.

    In the logarithm of the smaller of A + u and B + u the integrand falls ever faster but smoothly; it is
    followed until it has vanished, by Gauss-Legendre quadrature.
    """
    arrays = np.broadcast_arrays(A, B, width, m, n)
    flat = [one.reshape(-1) for one in arrays]
    if len(flat[0]) <= _CHUNK:
        return _pareto_piece(*flat).reshape(arrays[0].shape)
    parts = [_pareto_piece(*(one[i : i + _CHUNK] for one in flat)) for i in range(0, len(flat[0]), _CHUNK)]
    return np.concatenate(parts).reshape(arrays[0].shape)


def _pareto_piece(A: Array, B: Array, width: Array, m: Array, n: Array) -> Array:
    """Return the integral for shapes (M,)."""
    is_first = A <= B
    c, d = np.where(is_first, A, B), np.where(is_first, B, A)
    m_c, m_d = np.where(is_first, m, n), np.where(is_first, n, m)
    span = pareto_span(c, d, width, m_c, m_d)
    w = span[:, None] * _PARETO_NODES
    fall = (1.0 - m_c)[:, None] * w - m_d[:, None] * np.log1p(np.expm1(w) * (c / d)[:, None])
    return np.asarray(c * span * (np.exp(fall) @ _PARETO_WEIGHTS))


def pareto_span(c: Array, d: Array, width: Array, m_c: Array, m_d: Array) -> Array:
    """Return how far log((c + u) / c) runs in :func:`pareto_integral`, ``c`` being the smaller of the two."""
    reach = np.minimum(d * np.expm1(np.minimum(_DECAY / m_d, 600.0)), width)
    return np.asarray(np.minimum(np.log1p(reach / c), _DECAY / m_c))
