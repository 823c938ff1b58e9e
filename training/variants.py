"""Training a capability that climbs the ladder: backtest, gate, final fit, one variant at a time.

What is predicted, a probability or an amount, is a :class:`training.targets.Target`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from app.artifacts.manifest import (
    Interval,
    Tier,
)
from app.domain.history import Array
from app.estimators.base import Calibration, Estimator, trained_moment
from app.estimators.forecast import Forecasting
from app.estimators.forecast_file import write_forecast
from app.estimators.linear import Linear, write_linear
from app.estimators.rates import Rates, write_rates
from app.estimators.trees import Trees
from training.evaluation import Verdict
from training.ladder import Data, Ladder, Rung
from training.snapshots import Splits
from training.standing import Stand, Standing
from training.targets import PROBABILITY, Target

HIGHER: Final[tuple[Tier, ...]] = ("ml", "statistical")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tested:
    """Held-out predictions of every rung, pooled over the backtests: positions in the data, and p by tier.

    ``base`` is each row's base rate as known at its origin; ``stands`` holds each origin's forecast.
    """

    rows: Array
    origin: Array
    p: Mapping[Tier, Array]
    base: Array
    stands: tuple[Stand | None, ...] = ()


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
    target: Target = PROBABILITY
    stand: Stand | None = None
    """The forecast of the final fit, where there is one."""

    def with_files(self) -> Fitted:
        """Return the same with the estimator files that its populations need."""
        return replace(self, files=_files(self.name, self.ladder, self.chosen))

    def tested_answer(self) -> Array:
        """Return what the published tiers said of every tested row."""
        answer = np.full(len(self.tested.rows), np.nan)
        for chosen in self.chosen:
            answer[chosen.rows] = self.tested.p[chosen.tier][chosen.rows]
        return answer


@dataclass(frozen=True, slots=True)
class Footing:
    """The forecasts that a capability stands on, and the final fit's time and customers.

    ``X`` and ``population``, shapes (N, F) and (N,), are today's customers.
    """

    standing: Standing
    as_of: int
    X: Array
    population: Array


def fit_variant(
    name: str,
    data: Data,
    splits: Splits,
    seed: int,
    progress: Progress,
    ground: Footing | None = None,
    target: Target = PROBABILITY,
) -> Fitted:
    """Backtest every rung, fit the final ladder, and let the gate choose a tier for each population."""
    work = _Work(name, data, splits, seed, progress, ground, target)
    tested = work.backtest()
    progress(f"{name}: final fit on {len(splits.final)} rows")
    stand = None
    if len(splits.final):
        final, stand = _founded(data, splits.final, ground, None if ground is None else ground.as_of)
        ladder = target.climb(final, splits.final_inner, seed, stand)
        if ground is not None:
            ladder = _carried(ladder, ground.standing, target)
            ladder = _levelled(ladder, stand, ground.X, ground.population, target)
    else:
        ladder = target.climb(data, (), seed, None)
    chosen = tuple(work.choose(k, tested, ladder) for k in range(len(data.populations)))
    return Fitted(name, data, splits, tested, ladder, chosen, {}, target, stand).with_files()


def _founded(
    data: Data, rows: Array, ground: Footing | None, origin: int | None
) -> tuple[Data, Stand | None]:
    """Return rows to learn from with what forecasts said of them, and the forecast of an origin."""
    learn = data.take(rows)
    if ground is None or origin is None:
        return learn, None
    is_final = origin == ground.as_of
    standing = ground.standing
    stand = standing.at(origin, standing.horizon_days if is_final else standing.learned_days)
    if stand is None:
        return learn, None
    base, middle = standing.said(origin, rows, learn.X, learn.y)
    return replace(learn, base=base, middle=middle), stand


def _levelled(ladder: Ladder, stand: Stand | None, X: Array, population: Array, target: Target) -> Ladder:
    """Return the ladder with the total of every rung that stands on a forecast moved to the forecast's own.

    ``X`` and ``population`` are the customers who are asked about; no outcome is needed for it. What rungs
    learn of customers' differences was learned in other seasons; the level is the forecast's part.
    """
    asked = population >= 0
    if stand is None or not asked.any():
        return ladder
    forecast = Forecasting(stand.forecast, stand.quantity).at(trained_moment(1))
    told = target.link(forecast.margin(X[asked]))
    rungs = dict(ladder.rungs)
    for tier, rung in ladder.rungs.items():
        if rung.entries:
            shift = target.shift(rung.margin(X[asked], population[asked]), told)
            rungs[tier] = replace(
                rung,
                calibrations=tuple(
                    Calibration(one.intercept + shift, one.slope) for one in rung.calibrations
                ),
            )
    return Ladder(rungs, ladder.preferred)


def _carried(ladder: Ladder, standing: Standing, target: Target) -> Ladder:
    """Return the ladder with its rules carried from the horizon that was learned to the one asked for.

    Rungs that stand on a forecast are carried by it; others than rules that do not are dropped.
    """
    ratio = standing.horizon_days / standing.learned_days
    if ratio == 1.0:
        return ladder
    rungs = {tier: rung for tier, rung in ladder.rungs.items() if tier == "rules" or rung.entries}
    rules = rungs["rules"]
    rungs["rules"] = replace(
        rules,
        estimators=tuple(
            replace(
                one,
                margins=target.carry(one.margins, ratio),
                missing=float(target.carry(np.array(one.missing), ratio)),
                base=float(target.carry(np.array(one.base), ratio)),
            )
            if isinstance(one, Rates)
            else one
            for one in rules.estimators
        ),
    )
    return Ladder(rungs, ladder.preferred if ladder.preferred in rungs else "rules")


@dataclass(frozen=True, slots=True)
class _Work:
    """One variant while it is fitted and judged."""

    name: str
    data: Data
    splits: Splits
    seed: int
    progress: Progress
    ground: Footing | None
    target: Target

    def backtest(self) -> Tested:
        """Fit at every origin on what was known then, and predict what came."""
        data, target = self.data, self.target
        rows, origins, base, stands = [], [], [], []
        p: dict[Tier, list[Array]] = {"rules": [], "statistical": [], "ml": []}
        count = len(self.splits.backtests)
        for number, split in enumerate(self.splits.backtests):
            self.progress(
                f"{self.name}: backtest {number + 1} of {count}, {len(split.train)} rows to learn from"
            )
            test = data.take(split.test)
            origin = None if self.ground is None else self.ground.standing.origin(split.test)
            train, stand = _founded(data, split.train, self.ground, origin)
            ladder = target.climb(train, split.inner, self.seed, stand)
            ladder = _levelled(ladder, stand, test.X, test.population, target)
            rows.append(split.test)
            origins.append(np.full(len(split.test), number))
            base.append(self._base(train, test))
            stands.append(stand)
            for tier, found in p.items():
                # A rung that the data did not allow at this origin is judged as what answers then: the rule.
                rung = ladder.rungs.get(tier, ladder.rungs["rules"])
                found.append(target.link(rung.margin(test.X, test.population)))
        if not rows:
            nothing = np.empty(0)
            return Tested(nothing.astype(np.int64), nothing, dict.fromkeys(p, nothing), nothing, ())
        return Tested(
            np.concatenate(rows),
            np.concatenate(origins),
            {tier: np.concatenate(found) for tier, found in p.items()},
            np.concatenate(base),
            tuple(stands),
        )

    def _base(self, train: Data, test: Data) -> Array:
        """Return for each test row the rate of its population among the rows to learn from, or of all."""
        rates = np.empty(len(train.populations))
        for k in range(len(rates)):
            own = train.y[train.population == k]
            rates[k] = self.target.rate(own if len(own) else train.y)
        answer: Array = rates[test.population]
        return answer

    def choose(self, index: int, tested: Tested, ladder: Ladder) -> Chosen:
        """Return the tier that one population is answered by: the highest that the gate lets through."""
        data, seed, target = self.data, self.seed, self.target
        rows = np.flatnonzero(data.population[tested.rows] == index)
        own = tested.rows[rows]
        y, customer = data.y[own], data.customer[own]
        rule, base = tested.p["rules"][rows], tested.base[rows]
        rule_name = _rule_name(ladder.rungs["rules"].estimators[index], target)
        verdicts: dict[Tier, Verdict] = {"rules": target.judge(y, rule, base, customer, target.name, seed)}
        order = self._in_order(ladder, tested, rows) if target.is_enough(y) else []
        for higher in order:
            p = tested.p[higher][rows]
            verdict = target.judge(y, p, rule, customer, rule_name, seed)
            # Of noise the rule makes something worse than the base rate; to beat that says nothing.
            if target.judge(y, p, base, customer, target.name, seed).grade == "C":
                verdict = replace(verdict, grade="C", reason=f"is not better than the {target.name}")
            verdicts[higher] = verdict
        tier: Tier = next((higher for higher in order if verdicts[higher].grade != "C"), "rules")
        return Chosen(
            data.populations[index],
            tier,
            verdicts[tier],
            target.metrics(y, tested.p[tier][rows], customer, seed),
            target.metrics(y, rule, customer, seed),
            verdicts,
            rows,
        )

    def _in_order(self, ladder: Ladder, tested: Tested, rows: Array) -> list[Tier]:
        """Return the higher tiers to try, the one first that the inner folds prefer.

        Machine learning goes first only where it also beats the statistical rung out of time.
        """
        tiers = [tier for tier in HIGHER if tier in ladder.rungs]
        y = self.data.y[tested.rows[rows]]
        if len(tiers) == len(HIGHER):
            lost = [self.target.loss(y, tested.p[tier][rows]) for tier in HIGHER]
            if ladder.preferred == "statistical" or lost[0] > lost[1]:
                tiers.reverse()
        return tiers


def _rule_name(estimator: Estimator, target: Target) -> str:
    """Return the name of the rule, as answers and cards state it."""
    if isinstance(estimator, Rates) and estimator.feature:
        return f"{target.name.removeprefix('base_')}_by_{estimator.feature}"
    return target.name


def published_rung(fitted: Fitted, index: int) -> Rung:
    """Return the final rung of a population's published tier."""
    return fitted.ladder.rungs[fitted.chosen[index].tier]


def _files(name: str, ladder: Ladder, chosen: tuple[Chosen, ...]) -> dict[str, bytes]:
    """Return the estimator files of a variant: the rules of every population, and each published rung."""
    files = {
        f"{name}.rules.{one.name}.json": write_rates(estimator)
        for one, estimator in zip(chosen, ladder.rungs["rules"].estimators, strict=False)
        if isinstance(estimator, Rates)
    }
    for k, one in enumerate(chosen):
        rung = ladder.rungs[one.tier]
        if rung.entries:
            composed = rung.entries[k]
            files[file_name(name, "forecast")] = write_forecast(composed.stand.forecast)
            if composed.trees is not None:
                files[file_name(name, one.tier)] = _written(composed.trees)
        elif one.tier != "rules":
            files[file_name(name, one.tier)] = _written(rung.estimators[0])
    return files


def file_name(variant: str, what: str) -> str:
    """Return the name of a variant's file: of its forecast, or of a tier."""
    endings = {"forecast": "forecast.json", "statistical": "statistical.npz", "ml": "ml.txt"}
    return f"{variant}.{endings[what]}"


def _written(estimator: Estimator) -> bytes:
    if isinstance(estimator, Trees):
        return estimator.booster.model_to_string().encode()
    if isinstance(estimator, Linear):
        return write_linear(estimator)
    msg = f"no file format for {type(estimator).__name__}"
    raise TypeError(msg)
