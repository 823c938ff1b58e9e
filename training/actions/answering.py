"""Who answers when contacted: a logistic regression on what was known just before the contact.

Rules:

1. Learned from contacts that reached somebody, each at its own time; the contact itself is not known yet.
2. Published only if, out of time, it beats the share of answers by action and channel (log loss, bootstrap by
   customer).
3. An answer is no effect: who would have bought anyway answers most. Where a control arm exists, it must
   confirm that the effect is larger among those who are likelier to answer; else nothing is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import EstimatorEntry, Interval, Population
from app.domain.actions import Effect
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.domain.selection import take as take_customers
from app.estimators.base import Calibration, sigmoid
from app.estimators.linear import Linear, write_linear
from app.features.compute import columns_of
from app.features.schema import Columns, FeatureSet
from app.features.view import View
from app.serving.loading_parts import CONTACTED
from training.actions.effects import ENOUGH, hajek
from training.actions.rows import Contacts
from training.evaluation import Verdict, judge, metrics_with_intervals
from training.examples import Declared, candidates, feature_set
from training.ladder import PENALTIES, STATISTICAL_FLOOR, Data, calibrated, held_loss
from training.run import Run
from training.rungs import fit_linears
from training.snapshots import Fold, Split, by_date

FILE: Final = "full.statistical.npz"
PRIOR: Final = 20.0
ROW_LIMIT: Final = 200_000
"""Contacts that are learned from; of more, a random part by the seed."""

TOO_FEW: Final = "too_few"
TOO_SHORT: Final = "too_short"
NOT_BETTER: Final = "not_better"
NO_LARGER_EFFECT: Final = "no_larger_effect"


@dataclass(frozen=True, slots=True)
class Answering:
    """What came of it: the verdict, and a model where one is published, else why not.

    ``larger`` is how much larger the effect is in the likelier half, None without a control arm.
    """

    rows: int
    answers: int
    features: FeatureSet
    protocol: str = ""
    verdict: Verdict | None = None
    metrics: dict[str, Interval] | None = None
    larger: Effect | None = None
    model: Linear | None = None
    calibration: Calibration = field(default_factory=Calibration)
    X: Array | None = None
    silent: str | None = None

    @property
    def base_rate(self) -> float | None:
        """The share of contacts that were answered, where a model is published."""
        return None if self.model is None else self.answers / self.rows

    @property
    def is_confirmed(self) -> bool:
        """Whether a model is published and a control arm has shown larger effects among the likelier half."""
        return self.model is not None and self.larger is not None and self.larger.low > 0


@dataclass(frozen=True, slots=True)
class _Held:
    """Later rows with what was told of them: model, rule."""

    contacts: Contacts
    p: Array
    rule: Array


def columns_before(run: Run, contacts: Contacts, needed: frozenset[str] | None = None) -> Columns:
    """Return the features of each contact's customer as known just before it, each of shape (R,)."""
    history = take_customers(run.history, contacts.customer)
    return columns_of(View(history, contacts.at - 1, run.business.consent_defaults), needed)


def learn_answers(run: Run, contacts: Contacts) -> Answering:
    """Return what can be told of who answers.

    Parameters
    ----------
    contacts : Contacts
        Those with a known outcome, of both arms.
    """
    if contacts.size > ROW_LIMIT:
        drawn = np.random.default_rng(run.seed).choice(contacts.size, ROW_LIMIT, replace=False)
        contacts = contacts.take(np.sort(drawn))
    reached = contacts.treated != 0
    y = contacts.y[reached]
    nothing = Answering(len(y), int(y.sum()), FeatureSet((), {}))
    rarer = min(y.sum(), len(y) - y.sum())
    if len(np.unique(contacts.customer[reached])) < STATISTICAL_FLOOR[0] or rarer < STATISTICAL_FLOOR[1]:
        return replace(nothing, silent=TOO_FEW)
    run.progress(f"who answers: features at {contacts.size} contacts")
    columns = columns_before(run, contacts)
    features = _features(run, contacts, {name: column[reached] for name, column in columns.items()})
    X = features.matrix(columns, contacts.size)
    data = _data(features, X[reached], contacts.take(np.flatnonzero(reached)))
    days = int(np.ceil(contacts.window_days.max()))
    splits = by_date(contacts.at[reached], data.y, data.customer, data.X, days, run.seed)
    found = replace(nothing, features=features, protocol=splits.protocol)
    if any(split.origin is None for split in splits.backtests) or not splits.backtests:
        return replace(found, silent=TOO_SHORT)
    held = [_judged(split, data, contacts, X, run.seed) for split in splits.backtests]
    return _published(run, found, data, splits.final_inner, _pooled(held))


def _published(run: Run, found: Answering, data: Data, folds: Sequence[Fold], held: _Held) -> Answering:
    """Return the model if the later contacts speak for it, else why not."""
    rows = np.flatnonzero(held.contacts.treated != 0)
    y, p, who = held.contacts.y[rows], held.p[rows], held.contacts.customer[rows]
    verdict = judge(y, p, held.rule[rows], who, "rate_by_action_and_channel", run.seed)
    found = replace(
        found,
        verdict=verdict,
        metrics=metrics_with_intervals(y, p, who, run.seed),
        larger=larger_effect(held.contacts, held.p),
    )
    if verdict.grade == "C":
        return replace(found, silent=NOT_BETTER)
    if found.larger is not None and found.larger.low <= 0:
        return replace(found, silent=NO_LARGER_EFFECT)
    model, calibration = _fitted(data, folds, run.seed)
    return replace(found, model=model, calibration=calibration, X=data.X)


def _features(run: Run, contacts: Contacts, columns: Columns) -> FeatureSet:
    """Return the inputs that were known at the time of a contact and say something."""
    attributes = run.business.attributes
    declared = Declared(
        run.business.attribute_kinds,
        frozenset(name for name, attribute in attributes.items() if attribute.static),
    )
    chosen = candidates(frozenset(run.history.tables), declared, is_summary=False, is_dated=True)
    span = (contacts.at[-1] - contacts.at[0]) / MICROSECONDS_PER_DAY
    return feature_set(chosen, columns, (), span)


def _data(features: FeatureSet, X: Array, contacts: Contacts) -> Data:
    nobody = np.zeros(contacts.size, dtype=np.int64)
    return Data(features, (CONTACTED,), ((),), X, contacts.y, nobody, contacts.customer)


def _fitted(data: Data, folds: Sequence[Fold], seed: int) -> tuple[Linear, Calibration]:
    """Fit the regression with the penalty that the folds prefer, calibrated on them."""
    margins: list[list[Array]] = [[] for _ in PENALTIES]
    for train, held in folds:
        learn = data.take(train)
        models = fit_linears(data.features, learn.X, learn.y, PENALTIES, seed)
        for kept, model in zip(margins, models, strict=True):
            kept.append(model.margin(data.X[held]))
    if not folds:
        return fit_linears(data.features, data.X, data.y, PENALTIES[:1], seed)[0], Calibration()
    best = int(np.argmin([held_loss(data, folds, kept) for kept in margins]))
    (model,) = fit_linears(data.features, data.X, data.y, PENALTIES[best : best + 1], seed)
    return model, calibrated(data, folds, margins[best], model, "").calibrations[0]


def _judged(split: Split, data: Data, contacts: Contacts, X: Array, seed: int) -> _Held:
    """Return what a model and the rule, learned before, say of later contacts of both arms."""
    reached = np.flatnonzero(contacts.treated != 0)
    learn = contacts.take(reached[split.train])
    model, calibration = _fitted(data.take(split.train), split.inner, seed)
    at = contacts.at[reached[split.test]]
    later = np.flatnonzero((contacts.at >= at.min()) & (contacts.at <= at.max()))
    held = contacts.take(later)
    p = sigmoid(calibration.apply(model.margin(X[later])))
    return _Held(held, p, _rates(learn, held))


def _rates(learn: Contacts, held: Contacts) -> Array:
    """Return the share of answers by action and channel, each drawn to the overall share; shape (R,)."""
    base = (learn.y.sum() + 0.5) / (learn.size + 1.0)
    cells: dict[tuple[str, str], list[float]] = {}
    for key, y in zip(zip(learn.action, learn.channel, strict=True), learn.y.tolist(), strict=True):
        cells.setdefault(key, []).append(y)
    rates = {key: (sum(ys) + PRIOR * base) / (len(ys) + PRIOR) for key, ys in cells.items()}
    return np.array([rates.get(key, base) for key in zip(held.action, held.channel, strict=True)])


def _pooled(held: Sequence[_Held]) -> _Held:
    contacts = Contacts(
        *(np.concatenate([getattr(one.contacts, name) for one in held]) for name in Contacts.__slots__)
    )
    return _Held(
        contacts, np.concatenate([one.p for one in held]), np.concatenate([one.rule for one in held])
    )


def larger_effect(contacts: Contacts, p: Array) -> Effect | None:
    """Return how much larger the effect is in the half that is likelier to answer, with its 90 % interval.

    None where no control arm with logged chances has enough outcomes in both halves.
    """
    sound = (contacts.propensity > 0) & (contacts.propensity < 1) & ~np.isnan(contacts.treated)
    sound &= np.isin(contacts.action, contacts.action[contacts.treated == 0])
    told, likely = contacts.take(np.flatnonzero(sound)), p[sound]
    if not told.size:
        return None
    found = []
    for half in (likely > np.median(likely), likely <= np.median(likely)):
        own = told.take(np.flatnonzero(half))
        if min((own.treated == 1).sum(), (own.treated == 0).sum()) < ENOUGH:
            return None
        found.append(hajek(own.y, own.treated, own.propensity, own.customer).effect)
    upper, lower = found
    mid = upper.mid - lower.mid
    reach = float(np.hypot(upper.mid - upper.low, lower.mid - lower.low))
    return Effect(mid - reach, mid, mid + reach)


def with_inputs(found: Answering, more: FeatureSet) -> Answering:
    """Return the same with more inputs, which count nothing: what else the artifact reads of customers."""
    if found.model is None or found.X is None:
        return replace(found, features=more)
    own, model = found.features, found.model
    new = [feature for feature in more.features if feature.name not in own.names]
    words = {name: more.vocabularies[name] for name in (one.name for one in new) if name in more.vocabularies}
    sizes = [len(words.get(feature.name, ())) for feature in new]
    nothing = np.zeros(len(new))
    wide = replace(
        model,
        is_log=np.r_[model.is_log, nothing],
        low=np.r_[model.low, nothing],
        high=np.r_[model.high, nothing],
        center=np.r_[model.center, nothing],
        scale=np.r_[model.scale, nothing + 1.0],
        coefficient=np.r_[model.coefficient, nothing],
        missing=np.r_[model.missing, nothing],
        level_offsets=np.r_[model.level_offsets, model.level_offsets[-1] + np.cumsum(sizes, dtype=np.int64)],
        levels=np.r_[model.levels, np.zeros(sum(sizes))],
    )
    unknown = np.full((len(found.X), len(new)), np.nan)
    features = FeatureSet((*own.features, *new), {**own.vocabularies, **words})
    return replace(found, model=wide, features=features, X=np.hstack([found.X, unknown]))


def population_of(found: Answering) -> Population:
    """Return the manifest's entry of a published model."""
    assert found.verdict is not None  # noqa: S101  a model is published with its verdict
    return Population(
        name=CONTACTED,
        tier="statistical",
        grade=found.verdict.grade,
        estimator=EstimatorEntry(
            kind="linear", file=FILE, intercept=found.calibration.intercept, slope=found.calibration.slope
        ),
        baseline=found.verdict.baseline,
        metrics=found.metrics or {},
        counts={"trained_rows": found.rows, "trained_positives": found.answers},
    )


def files_of(model: Linear | None) -> dict[str, bytes]:
    """Return the files of a published model."""
    return {} if model is None else {FILE: write_linear(model)}
