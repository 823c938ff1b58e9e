"""The spread of what a customer will spend: nothing with some probability, else an amount around its mean.

Amounts are taken as lognormal. How far they spread is fitted to draws from the posterior of the model of
purchases: the square of their coefficient of variation is ``spread[0] + spread[1] / orders + spread[2] / n``,
where ``orders`` are those expected of somebody who orders at all, and ``n`` those the value was learned from.
Which levels of this distribution are told was then set on customers that were held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from app.domain.history import Array


@dataclass(frozen=True, slots=True)
class Spending:
    """The distribution of the spend of N customers; each of shape (N,).

    ``any_order`` is P(at least one order), ``mean`` the expected spend, ``sigma`` the standard deviation of
    its logarithm where there is one.
    """

    any_order: Array
    mean: Array
    sigma: Array

    def quantile(self, level: Array | float) -> Array:
        """Return the amounts that are not passed with a probability; ``level`` in (0, 1)."""
        inside = (np.asarray(level) - (1.0 - self.any_order)) / self.any_order
        known = np.minimum(np.maximum(inside, 1e-9), 1.0 - 1e-9)
        amount = self._median() * np.exp(self.sigma * ndtri(known))
        found: Array = np.where(inside > 0, amount, 0.0)
        return found

    def level(self, amount: Array) -> Array:
        """Return the probability that no more than an amount is spent, shape (N,)."""
        with np.errstate(divide="ignore"):
            inside = ndtr(np.log(np.maximum(amount, 0.0) / self._median()) / self.sigma)
        share: Array = (1.0 - self.any_order) + self.any_order * np.where(amount > 0, inside, 0.0)
        return share

    def _median(self) -> Array:
        """Return the middle amount of those who order."""
        middle: Array = self.mean / self.any_order * np.exp(-(self.sigma**2) / 2)
        return middle


def spending(
    any_order: Array, mean: Array, orders: Array, known_orders: Array, spread: tuple[float, float, float]
) -> Spending:
    """Return the distribution of the spend of N customers.

    Parameters
    ----------
    any_order, mean, orders : ndarray, shape (N,)
        P(at least one order), expected spend and expected orders within the horizon.
    known_orders : ndarray, shape (N,)
        Orders that each customer's value was learned from.
    spread : three numbers from 0 on
        See the module.
    """
    p = np.minimum(np.maximum(any_order, 1e-6), 1.0 - 1e-9)
    given = np.maximum(orders / p, 1.0)
    variation = spread[0] + spread[1] / given + spread[2] / np.maximum(known_orders, 1.0)
    sigma = np.sqrt(np.log1p(np.maximum(variation, 1e-6)))
    return Spending(p, np.maximum(mean, 1e-9), sigma)
