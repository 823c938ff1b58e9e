"""One model of whether customers order within a horizon: churn by inactivity and purchase are made of it.

Churn's probability and purchase's add up to 1 because they are one number; who trains both trains it once.
Everybody who ever bought is learned from: repeat buyers, those with one order day, and those who are silent
for so long that they count as gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History
from app.estimators.forecast import Quantity
from app.estimators.populations import BUYERS, LAPSED, buyer_inputs
from app.features.compute import columns_of
from app.features.library import LIBRARY
from app.features.schema import Columns, FeatureSet
from app.features.view import View
from training import leaks
from training.churn_rows import Compute, Question, examples_of, rows_at, seen_by
from training.examples import Declared, Examples, candidates, feature_set, optional_columns
from training.forecasting import Outlook, outlook_at
from training.ladder import Data
from training.purchase_days import purchase_days
from training.run import Run
from training.snapshots import Splits, by_cut, learned_horizon
from training.standing import Standing, inputs_of
from training.tables.objectives import ChurnObjective
from training.variants import Fitted, Footing, fit_variant

RULES: Mapping[str, tuple[str, ...]] = {
    "repeat": ("silence_ratio", "days_since_last_order"),
    "first_order": ("days_since_last_order",),
    "lapsed": ("silence_ratio", "days_since_last_order"),
}
"""What the rule of a population may be made of; the better one is the named baseline."""

Splitting = Callable[[Question, Data, Examples, bool], Splits]
"""From labelled rows to who is learned from and who is judged by."""


@dataclass(frozen=True, slots=True)
class Learned:
    """One variant of what is learned of purchases: the fit, today's customers, and from when it learned."""

    fitted: Fitted
    X: Array
    population: Array
    windows: Mapping[str, str | int]
    outlook: Outlook | None
    learned_days: int


@dataclass(frozen=True)
class Ground:
    """Rows of buyers at cut-offs, for one horizon, and the forecasts of any time; made once for a run."""

    question: Question
    examples: Mapping[str, Examples]
    now: Mapping[str, Examples]

    @property
    def run(self) -> Run:
        """The training run."""
        return self.question.run

    def outlook(self, at: int, horizon: int) -> Outlook | None:
        """Return what could be fitted at a time, from the purchases of those who allow profiling."""
        key = f"outlook {at} {horizon}"
        if key not in self.run.memo:
            history, defaults = self.run.history, self.question.consent_defaults
            today = np.full(history.size, self.run.as_of)
            keep = granted(history, "profiling", today, defaults)
            self.run.memo[key] = outlook_at(purchase_days(history, at, defaults, keep), horizon)
        found: Outlook | None = self.run.memo[key]
        return found

    def features(self, variant: str, quantity: Quantity) -> FeatureSet:
        """Return the inputs of a variant."""
        run, examples = self.run, self.examples[variant]
        declared = Declared(
            run.business.attribute_kinds,
            frozenset(name for name, attribute in run.business.attributes.items() if attribute.static),
        )
        is_summary = variant == "summary"
        chosen = candidates(frozenset(run.history.tables), declared, is_summary=is_summary, is_dated=True)
        names = (*buyer_inputs(is_summary=is_summary), *inputs_of(variant, quantity))
        span = (examples.cut.max() - examples.cut.min()) / MICROSECONDS_PER_DAY
        found = feature_set(chosen, examples.columns, tuple(dict.fromkeys(names)), span)
        told = LIBRARY["summary.revenue_total" if is_summary else "revenue_total"]
        if quantity == "spend" and told.name not in found.names:
            # The historic value is told from it, also where it is the same of everybody.
            found = FeatureSet((*found.features, told), found.vocabularies)
        return found

    def standing(self, variant: str, features: FeatureSet, quantity: Quantity, horizon: int) -> Standing:
        """Return the forecasts of a variant; ``horizon`` is the one that will be asked for."""
        examples, now, run = self.examples[variant], self.now[variant], self.run

        def everybody(at: int) -> Array:
            if at == run.as_of:
                rows = now.population >= 0
                columns = {name: now.columns[name][rows] for name in features.names}
                return features.matrix(columns, int(rows.sum()))
            own = examples.cut == at
            if not own.any():
                return self._at(variant, features, at)
            columns = {name: examples.columns[name][own] for name in features.names}
            return features.matrix(columns, int(own.sum()))

        def outlook(at: int) -> Outlook | None:
            return self.outlook(at, horizon if at == run.as_of else self.question.horizon_days)

        return Standing(
            features, quantity, horizon, self.question.horizon_days, examples.cut, outlook, everybody
        )

    def _at(self, variant: str, features: FeatureSet, at: int) -> Array:
        rows = rows_at(self.question, (variant,), np.full(self.run.history.size, at))[variant]
        own = rows.population >= 0
        columns = {name: rows.columns[name][own] for name in features.names}
        return features.matrix(columns, int(own.sum()))


def buyers_objective(run: Run, horizon_days: int) -> ChurnObjective:
    """Return what inactivity means here: churn's own objective, or its defaults for a horizon."""
    churn = run.business.objectives.churn
    if churn is not None and churn.definition == "inactivity":
        return churn.model_copy(update={"horizon_days": horizon_days})
    return ChurnObjective(horizon_days=horizon_days)


def ground_of(
    run: Run, horizon_days: int, features_of: Compute = columns_of, capability: str = "churn"
) -> Ground:
    """Return the rows of buyers for a horizon, or for as long a one as the history allows to learn from.

    ``capability`` is who asks: what a refusal speaks of.

    Raises
    ------
    TableError
        There are no orders, or nobody has bought a horizon before the data end.
    """
    key = f"ground {horizon_days}"
    if key in run.memo and features_of is columns_of:
        found: Ground = run.memo[key]
        return found
    if not run.tables.has("orders"):
        raise TableError(
            "purchases are learned from the table orders",
            table="orders",
            remedy="map orders under tables, or leave this objective out",
        )
    times = run.history.tables["orders"]["ordered_at"]
    latest = run.as_of if run.tables.latest == NAT else min(run.as_of, run.tables.latest)
    learned = learned_horizon(int(times.min()) if len(times) else latest, latest, horizon_days)
    objective = buyers_objective(run, horizon_days)
    shorter = None if learned == horizon_days else learned
    question = Question(run, objective, BUYERS, features_of, shorter, capability)
    found_rows = examples_of(question, question.variants())
    ground = Ground(
        question,
        {variant: rows for variant, (rows, _, _) in found_rows.items()},
        {variant: now for variant, (_, now, _) in found_rows.items()},
    )
    run.memo[key] = ground
    return ground


def learn_purchases(
    run: Run,
    horizon_days: int,
    *,
    features_of: Compute = columns_of,
    split: Splitting | None = None,
    capability: str = "churn",
) -> Mapping[str, Learned]:
    """Return what is learned of whether customers order within a horizon, by variant.

    Raises
    ------
    TableError
        A table is missing, nobody can be asked about, or the label has one class.
    PublicationError
        A tripwire caught a leak.
    """
    key = f"purchases {horizon_days}"
    if key in run.memo and split is None and features_of is columns_of:
        known: Mapping[str, Learned] = run.memo[key]
        return known
    ground = ground_of(run, horizon_days, features_of, capability)
    learned = {
        variant: _learn(ground, variant, horizon_days, split) for variant in ground.question.variants()
    }
    run.memo[key] = learned
    return learned


def _learn(ground: Ground, variant: str, horizon_days: int, split: Splitting | None) -> Learned:
    run, question, examples, now = ground.run, ground.question, ground.examples[variant], ground.now[variant]
    features = ground.features(variant, "no_order")
    data = buyers_data(features, variant, examples, examples.y)
    if split is None:
        splits = by_cut(examples.cut, data.y, data.customer, data.X, question.horizon_days, run.seed)
    else:
        splits = split(question, data, examples, True)  # noqa: FBT003  the signature that tests give
    refuse_leaks(question, variant, data, splits, examples)
    standing = ground.standing(variant, features, "no_order", horizon_days)
    X = features.matrix(now.columns, now.size)
    footing = Footing(standing, run.as_of, X, now.population)
    fitted = fit_variant(variant, data, splits, run.seed, run.progress, footing)
    return Learned(
        fitted,
        X,
        now.population,
        windows_of(question, examples.cut[splits.final]),
        ground.outlook(run.as_of, horizon_days),
        question.horizon_days,
    )


def buyers_data(
    features: FeatureSet,
    variant: str,
    examples: Examples,
    y: Array,
    rules: Mapping[str, tuple[str, ...]] = RULES,
) -> Data:
    """Return rows of buyers for a ladder; ``rules`` says what each population's rule may be made of."""
    prefix = "summary." if variant == "summary" else ""
    return Data(
        features,
        BUYERS,
        tuple(
            tuple(prefix + name for name in rules[population] if prefix + name in features.names)
            for population in BUYERS
        ),
        features.matrix(examples.columns, examples.size),
        y,
        examples.population,
        examples.customer,
        optional_columns(features, frozenset({"orders"})),
    )


def windows_of(question: Question, cuts: Array) -> dict[str, str | int]:
    """Return for the card which times the final fit learned from."""

    def iso(at: int) -> str:
        return from_microseconds(at, question.run.business.timezone).isoformat(timespec="seconds")

    return {
        "cut_offs": len(np.unique(cuts)),
        "first_cut_off": iso(int(cuts.min())),
        "last_cut_off": iso(int(cuts.max())),
        "last_label_ends": iso(int(cuts.max()) + question.horizon),
    }


def refuse_leaks(
    question: Question, variant: str, data: Data, splits: Splits, examples: Examples | None
) -> None:
    """Raise where a tripwire catches something.

    Features may not look past the times of the backtests, or of the newest rows where there is no backtest
    over time; ``examples`` is None where the rows have no dates.

    Raises
    ------
    PublicationError
        Names what was caught.
    """
    run = question.run
    run.progress(f"{variant}: leak checks")

    def computing(history: History, cut: int) -> Columns:
        view = View(history, np.full(history.size, cut), question.consent_defaults)
        return question.features_of(seen_by(variant, view))

    origins = frozenset(split.origin for split in splits.backtests if split.origin is not None)
    cuts = origins if origins or examples is None else frozenset({int(examples.cut.max())})
    allowed = question.objective.allow_near_label
    near = leaks.near_label(data.features, data.X, data.y, data.customer, allowed)
    beyond = leaks.past_the_cuts(run.history, cuts, data.features, run.seed, computing)
    shuffled = leaks.shuffled_label(data, splits.backtests, run.seed)
    leaks.refuse_leaks("churn", near, beyond, shuffled)


def told_settings(learned_days: int, outlook: Outlook | None, quantity: Quantity) -> dict[str, int | str]:
    """Return what an answer must warn of: what was learned from, and what the season rests on."""
    season = None if outlook is None else outlook.seasons[quantity]
    return {
        "learned_days": learned_days,
        "season": "none" if season is None else season.basis,
        "season_origins": 0 if season is None else season.origins,
    }


def without_lapsed(learned: Learned) -> Learned:
    """Return what is learned of those who are not gone: what churn by inactivity is asked about."""
    fitted, last = learned.fitted, BUYERS.index(LAPSED)
    kept = np.flatnonzero(fitted.data.population[fitted.tested.rows] < last)
    place = np.full(len(fitted.tested.rows), -1)
    place[kept] = np.arange(len(kept))
    tested = replace(
        fitted.tested,
        rows=fitted.tested.rows[kept],
        origin=fitted.tested.origin[kept],
        base=fitted.tested.base[kept],
        p={tier: p[kept] for tier, p in fitted.tested.p.items()},
    )
    chosen = tuple(replace(one, rows=place[one.rows]) for one in fitted.chosen[:last])
    population = np.where(learned.population == last, -1, learned.population)
    return replace(
        learned,
        fitted=replace(fitted, tested=tested, chosen=chosen).with_files(),
        population=population,
    )
