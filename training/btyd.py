"""Fitting buy-till-you-die models, and drawing what customers will do from them.

A fit groups customers by their history, maximises likelihood times a weak fixed prior on log-parameters by
Newton's method with exact derivatives, and always ends: with one customer, with repeat orders of nobody, with
all orders on one day. Inside a fit the mean of T is 10, which the prior's middle is made for; values have
mean 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

import numpy as np

from app.domain.history import Array
from app.estimators.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd, Transactions, p_alive
from training.btyd_likelihood import Groups, beta_geometric, gamma_gamma, group, pareto
from training.btyd_newton import Optimum, maximise

Parameters = TypeVar("Parameters")
Kind = Literal["bg_nbd", "mbg_nbd", "pareto_nbd"]

_MEAN_T: Final = 10.0
_CENTERS: Final = {
    "bg_nbd": np.log([0.5, 1.5, 0.5, 2.0]),
    "mbg_nbd": np.log([0.5, 1.5, 0.5, 2.0]),
    "pareto_nbd": np.log([0.5, 1.5, 0.5, 5.0]),
}
"""Middles of the prior: (r, alpha, a, b) or (r, alpha, s, beta), where the mean of T is 10."""
_CENTER_OF_VALUES: Final = np.log([3.0, 2.0, 0.7])
"""Middle of the prior of (p, q - 1, v), where the mean value is 1."""
_SAMPLE: Final = 4096
"""With more groups than four times this, a sample of so many finds the start."""


@dataclass(frozen=True, slots=True)
class Fit(Generic[Parameters]):
    """Fitted parameters and how the fit went.

    ``covariance`` is that of the logarithms of the parameters, in their order (of q - 1 in place of q);
    ``log_likelihood`` leaves the prior out; ``is_on_bound`` says that a parameter ran to the end of its
    range; ``groups`` counts distinct histories.
    """

    params: Parameters
    log_likelihood: float
    has_converged: bool
    is_on_bound: bool
    evaluations: int
    covariance: Array
    groups: int


def fit_transactions(
    kind: Kind, frequency: Array, recency: Array, T: Array, *, prior: bool = True
) -> Fit[Transactions]:
    """Fit a model of when customers order.

    Parameters
    ----------
    kind : str
        Which model.
    frequency, recency, T : ndarray, shape (N,)
        Repeat order days; days from the first order to the last; days from the first order to the end of
        observation. N at least 1.
    prior : bool
        Without it the fit is plain maximum likelihood, which may have no finite optimum.

    Raises
    ------
    ValueError
        No customer, a value that is not finite, or not ``0 <= recency <= T``.

    References
    ----------
    Fader, Hardie & Lee (2005); Batislam, Denizel & Filiztekin (2007); Schmittlein, Morrison & Colombo (1987).
    """
    if not len(T) or not np.all((recency >= 0) & (recency <= T) & (frequency >= 0) & np.isfinite(T)):
        raise ValueError("a fit needs customers with 0 <= recency <= T and frequency >= 0")
    unit = float(np.mean(T)) / _MEAN_T or 1.0
    groups = group(frequency, recency, T, unit)
    center = _CENTERS[kind]
    start = center
    if kind == "pareto_nbd" and len(groups.x) > 4 * _SAMPLE:
        start = _search(kind, groups.sample(_SAMPLE), center, center).log_parameters
    found = _search(kind, groups, start, center if prior else None)
    # The times of orders have a density, a factor per repeat order: per day outside, per unit inside.
    in_days = found.log_likelihood - float(groups.counts @ groups.x) * np.log(unit)
    return Fit(
        _in_days(kind, found.log_parameters, unit),
        in_days,
        found.has_converged,
        found.is_on_bound,
        found.evaluations,
        found.covariance,
        len(groups.x),
    )


def _in_days(kind: Kind, log_parameters: Array, unit_days: float) -> Transactions:
    """Return the parameters of a fit whose unit of time was so many days."""
    r, alpha, third, fourth = np.exp(log_parameters).tolist()
    if kind == "pareto_nbd":
        return ParetoNbd(r, alpha * unit_days, third, fourth * unit_days)
    return (BgNbd if kind == "bg_nbd" else MbgNbd)(r, alpha * unit_days, third, fourth)


def _search(kind: Kind, groups: Groups, start: Array, center: Array | None) -> Optimum:
    """Maximise the likelihood of one model."""
    if kind == "pareto_nbd":
        return maximise(pareto(groups), start, center)
    return maximise(beta_geometric(groups, leaves_at_once=kind == "mbg_nbd"), start, center)


def fit_gamma_gamma(orders: Array, mean_value: Array, *, prior: bool = True) -> Fit[GammaGamma]:
    """Fit the model of what orders are worth.

    Parameters
    ----------
    orders, mean_value : ndarray, shape (N,)
        How many orders each customer's mean is of, and the mean in currency. Rows without an order or with a
        mean of 0 or less are left out.
    prior : bool
        Without it the fit is plain maximum likelihood, with q above 1 still.

    Raises
    ------
    ValueError
        No row is left.

    References
    ----------
    Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value".
    """
    usable = (orders > 0) & (mean_value > 0) & np.isfinite(mean_value)
    x, value = np.asarray(orders, dtype=np.float64)[usable], np.asarray(mean_value, dtype=np.float64)[usable]
    if not len(x):
        raise ValueError("a fit needs customers with an order and a mean value above 0")
    unit = float(np.mean(value))
    found = maximise(gamma_gamma(x, value / unit), _CENTER_OF_VALUES, _CENTER_OF_VALUES if prior else None)
    p, excess, v = np.exp(found.log_parameters)
    return Fit(
        GammaGamma(float(p), float(1.0 + excess), float(v * unit)),
        found.log_likelihood - len(x) * np.log(unit),
        found.has_converged,
        found.is_on_bound,
        found.evaluations,
        found.covariance,
        len(x),
    )


def draw_orders(
    params: Transactions,
    frequency: Array,
    recency: Array,
    T: Array,
    days: float | Array,
    size: int,
    rng: np.random.Generator,
) -> Array:
    """Draw how many orders each customer makes in the ``days`` to come, given the history.

    A customer's hidden state is drawn first: still there or not, the rate, the inclination to leave. Given
    that the customer is still there, these are independent: gamma(r + x, alpha + T) and beta(a, b + x) for
    BG/NBD, with b + x + 1 for MBG/NBD; gamma(s, beta + T) for Pareto/NBD.

    Parameters
    ----------
    frequency, recency, T : ndarray, shape (N,)
        As for the fit.
    days : float or ndarray of shape (N,)
        Horizon.
    size : int
        Draws per customer.

    Returns
    -------
    ndarray of int64, shape (N, size)
    """
    shape = (len(T), size)
    here = rng.random(shape) < p_alive(frequency, recency, T, params)[:, None]
    rate = rng.standard_gamma((params.r + frequency)[:, None], shape) / (params.alpha + T)[:, None]
    horizon = np.broadcast_to(days, len(T))[:, None]
    if isinstance(params, ParetoNbd):
        leaving = rng.standard_gamma(params.s, shape) / (params.beta + T)[:, None]
        with np.errstate(divide="ignore", over="ignore"):
            stay = rng.standard_exponential(shape) / leaving
        return np.where(here, rng.poisson(rate * np.minimum(stay, horizon)), 0)
    kept = params.b + frequency + (1.0 if isinstance(params, MbgNbd) else 0.0)
    inclination = rng.beta(params.a, kept[:, None], shape)
    with np.errstate(divide="ignore", over="ignore"):
        last = np.floor(rng.standard_exponential(shape) / -np.log1p(-inclination))
    return np.where(here, np.minimum(rng.poisson(rate * horizon), np.minimum(last, 2.0**53) + 1), 0).astype(
        np.int64
    )


def draw_spend(
    params: GammaGamma,
    orders_known: Array,
    mean_value: Array,
    drawn_orders: Array,
    rng: np.random.Generator,
) -> Array:
    """Draw what each customer spends on drawn orders, given the values seen.

    The customer's own rate is drawn from gamma(q + p x, v + x m); n orders then cost gamma(p n) over it.

    Parameters
    ----------
    orders_known, mean_value : ndarray, shape (N,)
        How many orders the mean value is of, and the mean; it is not looked at where there are none.
    drawn_orders : ndarray, shape (N, size)
        From :func:`draw_orders`.

    Returns
    -------
    ndarray, shape (N, size)
        In currency; 0 where no order was drawn.
    """
    seen = np.where(orders_known > 0, orders_known * mean_value, 0.0)
    shape = (params.q + params.p * orders_known)[:, None]
    rate = rng.standard_gamma(shape, drawn_orders.shape) / (params.v + seen)[:, None]
    return np.asarray(rng.standard_gamma(params.p * drawn_orders) / rate)
