"""What a capability is: a value that names its outputs and holds the pure functions that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Calibration, Contributions, Estimator, Moment, Timed
from app.estimators.forecast import Forecast
from app.estimators.populations import buyer_inputs, kind_of_buyer
from app.features.schema import FeatureSet

Answers = Mapping[str, Array]
"""Named columns of N answers: the outputs, and ``population``, the index into the model's rungs of who
answered, -1 where nobody did. ``eligible`` is bool, ``ineligible_reason`` object (str or None); a number that
does not apply to a row is NaN, a word None. A date is given in days after the local day of the question."""

Unit = Literal[
    "flag",
    "word",
    "score",
    "points",
    "days",
    "date",
    "probability",
    "share",
    "currency",
    "count",
    "distance",
]
HORIZON_NOT_TRAINED: Final = "horizon_not_trained"


@dataclass(frozen=True, slots=True)
class Output:
    """One column of a scorer's answer, with its unit and possible values.

    A name with a dot, ``rfm.recency``, is a field of an object within the block. A ``score`` is a whole
    number; ``points`` are on the scale of a survey.
    """

    name: str
    unit: Unit
    low: float = -np.inf
    high: float = np.inf
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """The published rung of the ladder for one population of a variant.

    ``thresholds`` are cut points of the answer. ``reference`` holds the answer's quantiles in the eligible
    reference population at equal steps from 0 to 1, shape (Q,). ``elsewhere`` answers for other horizons than
    the trained one; without it none does. ``key`` is the same for rungs that are the same.
    """

    population: str
    estimator: Estimator | None
    calibration: Calibration
    thresholds: Mapping[str, float] = field(default_factory=dict)
    reference: Array = field(default_factory=lambda: np.empty(0))
    timed: Timed | None = None
    elsewhere: Rung | None = None
    key: str | None = None

    def at(self, moment: Moment) -> Estimator:
        """Return what answers at a moment.

        Raises
        ------
        ValueError
            The capability answers from its settings: there is nothing fitted.
        """
        if self.timed is not None:
            return self.timed.at(moment)
        if self.estimator is None:
            raise ValueError("nothing is fitted for this population")
        return self.estimator


@dataclass(frozen=True, slots=True)
class Model:
    """One variant of a trained capability, ready to answer: inputs, rungs, and the label's definition.

    ``settings`` are the capability's own numbers; ``forecast`` is the model of purchases, where it tells more
    of that than the rungs do.
    """

    features: FeatureSet
    rungs: tuple[Rung, ...]
    definition: str
    horizon_days: int | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    forecast: Forecast | None = None


def is_other_horizon(model: Model, moment: Moment) -> bool:
    """Return whether another horizon is asked for than the model was trained for."""
    return (
        moment.horizon_days is not None
        and model.horizon_days is not None
        and moment.horizon_days != model.horizon_days
    )


def rungs_at(model: Model, moment: Moment) -> tuple[Rung | None, ...]:
    """Return who answers for each population at a moment; None where the horizon cannot be answered for."""
    if not is_other_horizon(model, moment):
        return model.rungs
    return tuple([rung.elsewhere or (rung if rung.timed is not None else None) for rung in model.rungs])


def answered(model: Model, who: Array, moment: Moment) -> tuple[Array, Array]:
    """Return who answers at a moment, and for whom nobody does because of the horizon.

    Parameters
    ----------
    who : ndarray of int, shape (N,)
        The population of each customer, -1 where nobody answers.

    Returns
    -------
    ndarray of int, shape (N,)
        The same with -1 where the population has no answer for the horizon.
    ndarray of bool, shape (N,)
        Where that is so.
    """
    is_silent = np.array([rung is None for rung in rungs_at(model, moment)] + [False])
    if not is_silent.any():
        return who, np.zeros(len(who), dtype=bool)
    lost = is_silent[who]
    return np.where(lost, -1, who), lost


def margins(model: Model, X: Array, who: Array, moment: Moment) -> Array:
    """Return the calibrated margin of each customer, shape (N,); NaN where nobody answers."""
    found = np.full(len(X), np.nan)
    for index, rung in enumerate(rungs_at(model, moment)):
        (rows,) = (who == index).nonzero()
        if len(rows) and rung is not None:
            is_all = len(rows) == len(X)
            found[rows] = _margin(rung, X, moment) if is_all else _margin(rung, X[rows], moment.take(rows))
    return found


def _margin(rung: Rung, X: Array, moment: Moment) -> Array:
    """Return calibrated margins; of one customer they are looked up where they were asked for before."""
    if moment.shared is None or rung.key is None or len(X) != 1:
        return rung.calibration.apply(rung.at(moment).margin(X))
    key = (rung.key, moment.horizon_days, X.tobytes())
    told = moment.shared.get(key)
    if told is None:
        told = moment.shared[key] = rung.calibration.apply(rung.at(moment).margin(X))
    return told


def contributions(model: Model, X: Array, who: Array, moment: Moment) -> Contributions:
    """Return what each feature added to the calibrated margins; zero where nobody answers."""
    base, values = np.zeros(len(X)), np.zeros(X.shape)
    for index, rung in enumerate(rungs_at(model, moment)):
        (rows,) = (who == index).nonzero()
        if len(rows) and rung is not None:
            parts = rung.calibration.apply_to(rung.at(moment.take(rows)).contributions(X[rows]))
            base[rows], values[rows] = parts.base, parts.values
    return Contributions(base, values)


def buyers_deciding(model: Model) -> tuple[str, ...]:
    """Return the features that decide what kind of buyer a customer is, in this variant."""
    return buyer_inputs(is_summary="summary.days_since_last_order" in model.features.positions)


def buyers_population(model: Model, X: Array) -> Array:
    """Return the kind of buyer that each customer is, as an index into ``model.rungs``; -1 who never bought.

    Needs the setting ``gone_after_days``.
    """
    at = model.features.positions
    silence, orders = (X[:, at[name]] for name in buyers_deciding(model))
    names = tuple([rung.population for rung in model.rungs])
    return np.maximum(kind_of_buyer(silence, orders, float(model.settings["gone_after_days"]), names), -1)


def refuse_unfitted(name: str, model: Model) -> None:
    """Refuse a model with a population that nothing answers for.

    Raises
    ------
    StructureError
        Names the capability and the population.
    """
    for rung in model.rungs:
        if rung.estimator is None:
            raise StructureError(f"{name} of {rung.population} has no estimator")


def words(column: Array, is_silent: Array) -> Array:
    """Return a column of words with None where nothing is told, object of shape (N,)."""
    told = column.astype(object)
    told[is_silent] = None
    return told


def percentile(reference: Array, answer: Array) -> Array:
    """Return the share of the reference population with an answer no higher; NaN without a reference.

    ``reference`` holds quantiles at equal steps from 0 to 1, shape (Q,).
    """
    steps = len(reference) - 1
    if steps < 1:
        return np.full(len(answer), np.nan)
    place = reference.searchsorted(answer, side="right") - 1
    return np.maximum(place, 0) / steps


def _accept(model: Model) -> None:
    """Find nothing wrong with a model: its features and rungs are checked already."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """A capability that gives each customer numbers.

    ``predict(model, X, moment)`` answers for X of shape (N, F). ``explain(model, X, moment)`` says what each
    feature added on the link scale, which ``link`` names. ``population(model, X)`` names, as an index into
    ``model.rungs``, who answers for each row; -1 where nobody does. ``deciding(model)`` names the features
    that decide this: where one of them is not known and nobody answers, too little is known. ``check(model)``
    refuses, with a StructureError, settings and thresholds that the capability could not answer from.
    """

    name: str
    outputs: tuple[Output, ...]
    predict: Callable[[Model, Array, Moment], Answers]
    explain: Callable[[Model, Array, Moment], Contributions]
    population: Callable[[Model, Array], Array]
    deciding: Callable[[Model], tuple[str, ...]]
    link: Literal["logit", "log", "identity"] = "logit"
    check: Callable[[Model], None] = _accept


class ReadTexts(Protocol):
    """What answers for N texts with a model: :func:`app.capabilities.sentiment.predict` does."""

    def __call__(
        self,
        model: Any,
        texts: Sequence[str],
        *,
        languages: Sequence[str | None] | None = None,
        with_aspects: bool = True,
    ) -> list[Any]:
        """Return one answer for each text, in order."""
        ...


@dataclass(frozen=True, slots=True)
class TextScorer:
    """A capability that reads texts.

    ``predict(model, texts)`` returns an answer for each of N texts, in order; ``scores(model, texts)`` how
    each sounds, shape (N,), NaN where it cannot be told.
    """

    name: str
    predict: ReadTexts
    scores: Callable[[Any, Sequence[str | None]], Array]


@dataclass(frozen=True, slots=True)
class Ranker:
    """A capability that ranks products.

    ``rank(model, shopper, wish)`` returns the list for a person as a request describes them;
    ``similar(model, products, wish)`` the list beside some products, whoever looks at them.
    """

    name: str
    rank: Callable[..., Any]
    similar: Callable[..., Any]
