"""CPU time of a fit beside the `lifetimes` package, in the same process and on the same customers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final, TypeVar

import numpy as np

from app.domain.history import Array
from app.estimators.btyd import BgNbd, Transactions
from benchmarks.fitting.simulated import simulate
from training.btyd import Fit, Kind, fit_transactions

MILLION: Final = 1_000_000
SIMULATED: Final = BgNbd(0.243, 30.9, 0.793, 2.426)
"""What the million behave like: the published fit of CDNOW, in days."""
_WEEK: Final = 7.0
_FITTERS: Final[dict[Kind, str]] = {
    "bg_nbd": "BetaGeoFitter",
    "mbg_nbd": "ModifiedBetaGeoFitter",
    "pareto_nbd": "ParetoNBDFitter",
}

Answer = TypeVar("Answer")
Statistics = tuple[Array, Array, Array]
"""Frequency, recency and T in days."""


@dataclass(frozen=True, slots=True)
class Race:
    """Median CPU seconds of ours and theirs, and the least ratio that is asked for; None where none is.

    ``apart`` is how far parameters differ at most, in standard errors: both have to do the same work.
    """

    customers: int
    kind: Kind
    ours: float
    theirs: float | None
    apart: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times faster ours is."""
        return None if self.theirs is None else self.theirs / self.ours

    def misses(self) -> bool:
        """Return whether a bound is not met."""
        return self.bound is not None and (self.ratio is None or self.ratio < self.bound)


def million(seed: int) -> Statistics:
    """Simulate a million customers, watched for 189 to 273 days, at the resolution of days."""
    rng = np.random.default_rng(seed)
    return simulate(SIMULATED, rng.integers(189, 274, MILLION).astype(float), rng, whole_days=True)


def race(
    kind: Kind, known: Statistics, rounds: int, theirs: int | None = None, bound: float | None = None
) -> Race:
    """Fit with both in turns; ``theirs`` is in how many rounds lifetimes runs, none for 0."""
    ours_took, theirs_took = [], []
    apart = None
    for i in range(rounds):
        seconds, fit = timed(lambda: fit_transactions(kind, *known))
        ours_took.append(seconds)
        if i < (rounds if theirs is None else theirs):
            seconds, fitter = timed(lifetimes_fit(kind, known))
            theirs_took.append(seconds)
            apart = distance(fit, fitter.params_)
    theirs_median = median(theirs_took) if theirs_took else None
    return Race(len(known[2]), kind, median(ours_took), theirs_median, apart, bound)


def timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    """Return what a piece of work takes of this process's CPU time, and its answer."""
    begun = time.process_time()
    answer = work()
    return time.process_time() - begun, answer


def distance(fit: Fit[Transactions], theirs: Mapping[str, float]) -> float:
    """Return the largest difference of a parameter in standard errors; ``theirs`` are in weeks."""
    errors = np.sqrt(np.diag(fit.covariance))
    ours = asdict(fit.params)
    days = {"alpha": _WEEK, "beta": _WEEK}
    missed = [np.log(value / (theirs[name] * days.get(name, 1.0))) for name, value in ours.items()]
    return float(np.max(np.abs(missed) / errors))


def lifetimes_fit(kind: Kind, known: Statistics) -> Callable[[], Any]:
    """Return a fit by lifetimes as its documents show it: weeks, no penalty."""
    import lifetimes  # noqa: PLC0415  a dependency of benchmarks alone

    frequency, recency, T = known
    fitter = getattr(lifetimes, _FITTERS[kind])(penalizer_coef=0.0)

    def fit() -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return fitter.fit(frequency, recency / _WEEK, T / _WEEK)

    return fit
