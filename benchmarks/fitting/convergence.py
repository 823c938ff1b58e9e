"""Does every fit end where it should? Bootstrap samples of real customers, and small simulated businesses."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final, get_args

import numpy as np

from benchmarks.fitting.histories import Histories, simulated_histories
from training.btyd import Fit, Kind, fit_gamma_gamma, fit_transactions

SIZES: Final = (50, 100, 200, 500, 1000)
"""Customers of the simulated businesses."""

Model = Callable[[Histories], Fit[Any]]


def _orders(kind: Kind) -> Model:
    return lambda known: fit_transactions(kind, known.frequency, known.recency, known.T)


MODELS: Final[Mapping[str, Model]] = {
    **{kind: _orders(kind) for kind in get_args(Kind)},
    "gamma_gamma": lambda known: fit_gamma_gamma(known.orders, known.mean_value),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How fits of one model went: how many, how many failed, and what they took."""

    where: str
    model: str
    fits: int
    failed: int
    on_bound: int
    most_evaluations: int
    cpu_seconds: float


def tally(where: str, model: str, fit: Model, samples: list[Histories]) -> Tally:
    """Fit one model to each sample; one that did not converge, was not finite or raised has failed."""
    failed = on_bound = most = 0
    begun = time.process_time()
    for sample in samples:
        try:
            found = fit(sample)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            failed += 1
            continue
        most = max(most, found.evaluations)
        on_bound += found.is_on_bound
        failed += not (
            found.has_converged and np.isfinite([*astuple(found.params), found.log_likelihood]).all()
        )
    return Tally(where, model, len(samples), failed, on_bound, most, time.process_time() - begun)


def bootstrap(where: str, known: Histories, samples: int, seed: int) -> list[Tally]:
    """Fit every model to bootstrap samples of customers, the same samples for each."""
    size = len(known.T)
    found = []
    for name, fit in MODELS.items():
        rng = np.random.default_rng(seed)
        parts = [tally(where, name, fit, [known.take(rng.integers(0, size, size))]) for _ in range(samples)]
        found.append(_joined(parts))
    return found


def small_businesses(seeds: int) -> list[Tally]:
    """Fit every model to simulated businesses of 50 customers and more."""
    found = []
    for size in SIZES:
        samples = [simulated_histories(size, seed) for seed in range(seeds)]
        found += [tally(f"sample, {size} customers", name, fit, samples) for name, fit in MODELS.items()]
    return found


def _joined(parts: list[Tally]) -> Tally:
    """Add tallies of one model up."""
    return Tally(
        parts[0].where,
        parts[0].model,
        sum(part.fits for part in parts),
        sum(part.failed for part in parts),
        sum(part.on_bound for part in parts),
        max(part.most_evaluations for part in parts),
        sum(part.cpu_seconds for part in parts),
    )
