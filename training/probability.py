"""Training a capability that answers with a probability: backtest, gate, final fit, one variant at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import (
    EstimatorEntry,
    FeatureEntry,
    Histogram,
    Interval,
    Population,
    Text,
    Tier,
    Variant,
)
from app.domain.history import Array
from app.estimators.base import Estimator, sigmoid
from app.estimators.linear import Linear, write_linear
from app.estimators.rates import Rates, write_rates
from app.estimators.trees import Trees
from app.features.schema import ATTRIBUTE_PREFIX, FeatureSet
from training.evaluation import Verdict, judge, log_loss, metrics_with_intervals
from training.ladder import Data, Ladder, Rung, climb, fit_rules
from training.snapshots import Splits

REFERENCE_STEPS: Final = 200
TESTED_FLOOR: Final = 25
"""Held-out rows of the rarer class below which no tier above the rules can be judged."""
HISTOGRAM_BINS: Final = 10
HIGHER: Final[tuple[Tier, ...]] = ("ml", "statistical")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tested:
    """Held-out predictions of every rung, pooled over the backtests: positions in the data, and p by tier.

    ``base`` is each row's base rate as known at its origin.
    """

    rows: Array
    origin: Array
    p: Mapping[Tier, Array]
    base: Array


@dataclass(frozen=True, slots=True)
class Chosen:
    """What one population gets: the tier that the gate lets through, and every verdict on the way."""

    name: str
    tier: Tier
    verdict: Verdict
    metrics: Mapping[str, Interval]
    rule_metrics: Mapping[str, Interval]
    verdicts: Mapping[Tier, Verdict]
    rows: Array
    """Positions in ``Tested.rows`` of this population."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One variant, fitted and judged."""

    name: str
    data: Data
    splits: Splits
    tested: Tested
    ladder: Ladder
    chosen: tuple[Chosen, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def tested_probability(self) -> Array:
        """Return the held-out probability of the published tier for every tested row."""
        answer = np.full(len(self.tested.rows), np.nan)
        for chosen in self.chosen:
            answer[chosen.rows] = self.tested.p[chosen.tier][chosen.rows]
        return answer


def fit_variant(name: str, data: Data, splits: Splits, seed: int, progress: Progress) -> Fitted:
    """Backtest every rung, fit the final ladder, and let the gate choose a tier for each population."""
    tested = _backtest(name, data, splits, seed, progress)
    progress(f"{name}: final fit on {len(splits.final)} rows")
    final = data.take(splits.final)
    ladder = climb(final, splits.final_inner, seed) if len(splits.final) else _rules_only(data, seed)
    chosen = tuple(_choose(k, data, tested, ladder, seed) for k in range(len(data.populations)))
    files = _files(name, ladder, chosen)
    return Fitted(name, data, splits, tested, ladder, chosen, files)


def _rules_only(data: Data, seed: int) -> Ladder:
    return Ladder({"rules": fit_rules(data, seed)}, "rules")


def _backtest(name: str, data: Data, splits: Splits, seed: int, progress: Progress) -> Tested:
    """Fit at every origin on what was known then, and predict what came."""
    rows, origins, base = [], [], []
    p: dict[Tier, list[Array]] = {"rules": [], "statistical": [], "ml": []}
    for number, split in enumerate(splits.backtests):
        progress(
            f"{name}: backtest {number + 1} of {len(splits.backtests)}, {len(split.train)} rows to learn from"
        )
        train, test = data.take(split.train), data.take(split.test)
        ladder = climb(train, split.inner, seed)
        rows.append(split.test)
        origins.append(np.full(len(split.test), number))
        base.append(_base_rate(train, test))
        for tier, found in p.items():
            # A rung that the data did not allow at this origin is judged as what answers then: the rule.
            rung = ladder.rungs.get(tier, ladder.rungs["rules"])
            found.append(rung.probability(test.X, test.population))
    if not rows:
        nothing = np.empty(0)
        return Tested(nothing.astype(np.int64), nothing, dict.fromkeys(p, nothing), nothing)
    return Tested(
        np.concatenate(rows),
        np.concatenate(origins),
        {tier: np.concatenate(found) for tier, found in p.items()},
        np.concatenate(base),
    )


def _base_rate(train: Data, test: Data) -> Array:
    """Return for each test row the rate of its population among the rows to learn from, or of all of them."""
    rates = np.empty(len(train.populations))
    for k in range(len(rates)):
        own = train.y[train.population == k]
        own = own if len(own) else train.y
        rates[k] = (own.sum() + 0.5) / (len(own) + 1.0)
    answer: Array = rates[test.population]
    return answer


def _choose(index: int, data: Data, tested: Tested, ladder: Ladder, seed: int) -> Chosen:
    """Return the tier that one population is answered by: the highest that the gate lets through."""
    rows = np.flatnonzero(data.population[tested.rows] == index)
    own = tested.rows[rows]
    y, customer = data.y[own], data.customer[own]
    rule = tested.p["rules"][rows]
    rules = ladder.rungs["rules"].estimators[index]
    rule_name = _rule_name(rules)
    verdicts: dict[Tier, Verdict] = {"rules": judge(y, rule, tested.base[rows], customer, "base_rate", seed)}
    order = _in_order(ladder, tested, data, rows) if _enough(y) else []
    for higher in order:
        p = tested.p[higher][rows]
        verdict = judge(y, p, rule, customer, rule_name, seed)
        # Of noise the rule makes something worse than the base rate; to beat that says nothing.
        if judge(y, p, tested.base[rows], customer, "base_rate", seed).grade == "C":
            verdict = replace(verdict, grade="C", reason="is not better than the base rate")
        verdicts[higher] = verdict
    tier: Tier = next((higher for higher in order if verdicts[higher].grade != "C"), "rules")
    return Chosen(
        data.populations[index],
        tier,
        verdicts[tier],
        metrics_with_intervals(y, tested.p[tier][rows], customer, seed),
        metrics_with_intervals(y, rule, customer, seed),
        verdicts,
        rows,
    )


def _enough(y: Array) -> bool:
    """Return whether the held-out rows can tell a tier above the rules from chance."""
    return min(float(y.sum()), len(y) - float(y.sum())) >= TESTED_FLOOR


def _in_order(ladder: Ladder, tested: Tested, data: Data, rows: Array) -> list[Tier]:
    """Return the higher tiers to try, the one first that the inner folds prefer.

    Machine learning goes first only where it also beats the statistical rung out of time.
    """
    tiers = [tier for tier in HIGHER if tier in ladder.rungs]
    y = data.y[tested.rows[rows]]
    if len(tiers) == len(HIGHER):
        loses = log_loss(y, tested.p["ml"][rows]) > log_loss(y, tested.p["statistical"][rows])
        if ladder.preferred == "statistical" or loses:
            tiers.reverse()
    return tiers


def _rule_name(estimator: Estimator) -> str:
    """Return the name of the rule, as answers and cards state it."""
    if isinstance(estimator, Rates) and estimator.feature:
        return f"rate_by_{estimator.feature}"
    return "base_rate"


def published_rung(fitted: Fitted, index: int) -> Rung:
    """Return the final rung of a population's published tier."""
    return fitted.ladder.rungs[fitted.chosen[index].tier]


def _files(name: str, ladder: Ladder, chosen: tuple[Chosen, ...]) -> dict[str, bytes]:
    """Return the estimator files of a variant: the rules of every population, and each published rung."""
    files = {
        f"{name}.rules.{one.name}.json": write_rates(estimator)
        for one, estimator in zip(chosen, ladder.rungs["rules"].estimators, strict=True)
        if isinstance(estimator, Rates)
    }
    for one in chosen:
        if one.tier != "rules":
            estimator = ladder.rungs[one.tier].estimators[0]
            files[_file_name(name, one.tier, one.name)] = _written(estimator)
    return files


def _file_name(variant: str, tier: Tier, population: str) -> str:
    endings = {"rules": f"rules.{population}.json", "statistical": "statistical.npz", "ml": "ml.txt"}
    return f"{variant}.{endings[tier]}"


def _written(estimator: Estimator) -> bytes:
    if isinstance(estimator, Trees):
        return estimator.booster.model_to_string().encode()
    if isinstance(estimator, Linear):
        return write_linear(estimator)
    msg = f"no file format for {type(estimator).__name__}"
    raise TypeError(msg)


def variant_entry(
    fitted: Fitted,
    reference_X: Array,
    reference_population: Array,
    labels: Mapping[str, Text],
    cut_points: Callable[[Array], dict[str, float]],
) -> Variant:
    """Return the manifest's entry of a variant.

    Parameters
    ----------
    reference_X, reference_population : ndarray, shapes (N, F) and (N,)
        The customers of today, for percentiles, cut points and drift; population -1 is not eligible.
    labels : mapping
        Labels of the declared attributes.
    cut_points : callable
        From the answers of a reference population, shape (n,), to its thresholds.
    """
    populations = []
    kinds = {"rules": "rates", "statistical": "linear", "ml": "trees"}
    final = fitted.splits.final
    for k, one in enumerate(fitted.chosen):
        rung = published_rung(fitted, k)
        calibration = rung.calibrations[k]
        own = reference_X[reference_population == k]
        answers = sigmoid(calibration.apply(rung.estimators[k].margin(own))) if len(own) else np.empty(0)
        steps = np.linspace(0, 1, REFERENCE_STEPS + 1)
        y = fitted.data.y[fitted.tested.rows[one.rows]]
        learned = fitted.data.y[final][fitted.data.population[final] == k]
        populations.append(
            Population(
                name=one.name,
                tier=one.tier,
                grade=one.verdict.grade,
                estimator=EstimatorEntry(
                    kind=kinds[one.tier],  # type: ignore[arg-type]
                    file=_file_name(fitted.name, one.tier, one.name),
                    intercept=calibration.intercept,
                    slope=calibration.slope,
                ),
                baseline=one.verdict.baseline,
                metrics=dict(one.metrics),
                counts={
                    "tested_rows": len(y),
                    "tested_positives": int(y.sum()),
                    "trained_rows": len(learned),
                    "trained_positives": int(learned.sum()),
                    "eligible_now": len(own),
                },
                thresholds=cut_points(answers),
                # Interpolation may fall by the last bit, which the service would refuse.
                reference=tuple(np.maximum.accumulate(np.quantile(answers, steps)).tolist())
                if len(own)
                else (),
            )
        )
    eligible = reference_X[reference_population >= 0]
    return Variant(
        name=fitted.name,
        features=_feature_entries(fitted.data.features, labels),
        schema_hash=fitted.data.features.schema_hash,
        populations=tuple(populations),
        reference_histograms=_histograms(fitted.data.features, eligible),
    )


def _feature_entries(features: FeatureSet, labels: Mapping[str, Text]) -> tuple[FeatureEntry, ...]:
    return tuple(
        FeatureEntry(
            name=feature.name,
            version=feature.version,
            kind=feature.kind,
            unit=feature.unit,
            low=feature.low if np.isfinite(feature.low) else None,
            high=feature.high if np.isfinite(feature.high) else None,
            table=feature.table,
            vocabulary=features.vocabularies.get(feature.name, ()),
            label=labels.get(feature.name.removeprefix(ATTRIBUTE_PREFIX))
            if feature.name.startswith(ATTRIBUTE_PREFIX)
            else None,
        )
        for feature in features.features
    )


def _histograms(features: FeatureSet, X: Array) -> dict[str, Histogram]:
    """Return each input's reference distribution, for drift; words by code."""
    answer = {}
    for j, feature in enumerate(features.features):
        known = X[~np.isnan(X[:, j]), j]
        if not len(known):
            continue
        if feature.kind == "category":
            edges = np.arange(1, len(features.vocabularies[feature.name])) - 0.5
        else:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, HISTOGRAM_BINS + 1)[1:-1]))
        counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
        answer[feature.name] = Histogram(
            edges=tuple(edges.tolist()),
            shares=tuple((counts / len(known)).tolist()),
            missing=1 - len(known) / len(X),
        )
    return answer
