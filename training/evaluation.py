"""How good a probability is: metrics with intervals, baselines, the grade, and the publication gate.

Rules of the gate, for one population, on held-out rows that no fit and no choice within a tier has seen:
- the metric is the mean log-loss, a proper score; a difference is judged by a paired bootstrap of customers;
- a tier that clearly ranks worse than the baseline (the interval of the difference of their AUC lies below
  zero) earns grade C, whatever its log-loss;
- grade A: the lower end of the 95 % interval of the relative reduction is at least 5 %;
- grade B: it is above zero;
- grade C: everything else. A tier that earns C is not published as that tier;
- a tier above the rules must beat the base rate as well: of noise even the rule makes something worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.artifacts.manifest import Baseline, Grade, Interval
from app.domain.history import Array

BOOTSTRAP_SAMPLES: Final = 400
LEVEL: Final = 0.95
CLEAR_REDUCTION: Final = 0.05
ECE_BINS: Final = 10

Metric = Callable[[Array, Array], float]


def auc(y: Array, p: Array) -> float:
    """Return the area under the ROC curve, ties counted half; NaN where one class is absent.

    Parameters
    ----------
    y, p : ndarray, shape (N,)
        Labels 0 or 1; any score that rises with the probability.
    """
    positives = float(y.sum())
    negatives = len(y) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    order = np.argsort(p, kind="stable")
    sorted_p = p[order]
    starts = np.flatnonzero(np.r_[True, sorted_p[1:] != sorted_p[:-1]])
    ends = np.r_[starts[1:], len(p)]
    mean_rank = np.repeat((starts + ends + 1) / 2.0, ends - starts)
    rank_sum = float(mean_rank[y[order] > 0].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def losses(y: Array, p: Array) -> Array:
    """Return the log-loss of each row, shape (N,); probabilities are kept 1e-7 away from 0 and 1."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    answer: Array = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    return answer


def log_loss(y: Array, p: Array) -> float:
    """Return the mean log-loss; NaN without rows."""
    return float(losses(y, p).mean()) if len(y) else float("nan")


def brier(y: Array, p: Array) -> float:
    """Return the mean squared error of probabilities; NaN without rows."""
    return float(np.mean((y - p) ** 2)) if len(y) else float("nan")


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a calibration table: rows, mean probability, observed share."""

    rows: int
    predicted: float
    observed: float


def calibration_table(y: Array, p: Array, bins: int = ECE_BINS) -> tuple[Bin, ...]:
    """Return equal-count bins by probability; fewer where there are fewer rows."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(Bin(len(part), float(p[part].mean()), float(y[part].mean())) for part in parts)


def ece(y: Array, p: Array) -> float:
    """Return the expected calibration error over 10 equal-count bins; NaN without rows."""
    table = calibration_table(y, p)
    if not table:
        return float("nan")
    return sum(bin_.rows * abs(bin_.predicted - bin_.observed) for bin_ in table) / len(y)


def top_decile_lift(y: Array, p: Array) -> float:
    """Return the positive share among the highest tenth over that of all; NaN without positives."""
    if not len(y) or y.sum() == 0:
        return float("nan")
    top = np.argsort(-p, kind="stable")[: max(len(y) // 10, 1)]
    return float(y[top].mean() / y.mean())


METRICS: Final[Mapping[str, Metric]] = {
    "auc": auc,
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
    "top_decile_lift": top_decile_lift,
}


def resamples(customer: Array, seed: int, samples: int = BOOTSTRAP_SAMPLES) -> Iterator[Array]:
    """Yield how often each row stands in a bootstrap sample, float64 of shape (N,).

    Customers are drawn, not rows: all rows of a customer stand in a sample equally often.
    """
    rng = np.random.default_rng(seed)
    ids, place = np.unique(customer, return_inverse=True)
    for _ in range(samples):
        drawn = rng.integers(0, len(ids), len(ids))
        yield np.bincount(drawn, minlength=len(ids)).astype(np.float64)[place]


class _Sorted:
    """Labels and probabilities in the order of the probabilities, to take metrics of many samples of them."""

    def __init__(self, y: Array, p: Array) -> None:
        """Sort once; a sample is then told by how often it holds each row."""
        self.order = np.argsort(p, kind="stable")
        self.y, self.p = y[self.order], p[self.order]
        self.loss, self.square = losses(self.y, self.p), (self.y - self.p) ** 2
        self.ties = np.flatnonzero(np.r_[True, self.p[1:] != self.p[:-1]])

    def metrics(self, times: Array) -> dict[str, float]:
        """Return all of ``METRICS`` for a sample; ``times`` is how often it holds each row, shape (N,)."""
        weight = times[self.order]
        rows = int(weight.sum())
        hit = weight * self.y
        positives = float(hit.sum())
        negatives = rows - positives
        taken = np.repeat(np.arange(len(weight)), weight.astype(np.int64))
        y, p = self.y[taken], self.p[taken]
        # The bins of ``calibration_table``: equal counts, the first ones larger by one.
        short, larger = divmod(rows, ECE_BINS)
        starts = np.cumsum([0, *[short + (k < larger) for k in range(ECE_BINS - 1)]])
        starts = np.unique(starts[starts < rows])
        top = y[rows - max(rows // 10, 1) :]
        answer = {
            "auc": float("nan"),
            "log_loss": float(weight @ self.loss) / rows,
            "brier": float(weight @ self.square) / rows,
            "ece": float(np.abs(np.add.reduceat(p - y, starts)).sum()) / rows,
            "top_decile_lift": float("nan"),
        }
        if positives:
            answer["top_decile_lift"] = float(top.mean()) * rows / positives
        if positives and negatives:
            answer["auc"] = self._auc(weight, hit, positives * negatives)
        return answer

    def auc(self, times: Array) -> float:
        """Return the area under the ROC curve of a sample; NaN where it has one class."""
        weight = times[self.order]
        hit = weight * self.y
        positives = float(hit.sum())
        pairs = positives * (float(weight.sum()) - positives)
        return self._auc(weight, hit, pairs) if pairs else float("nan")

    def _auc(self, weight: Array, hit: Array, pairs: float) -> float:
        above = np.add.reduceat(hit, self.ties)
        below = np.add.reduceat(weight, self.ties) - above
        beaten = np.cumsum(below) - below / 2
        return float(above @ beaten) / pairs


def interval_of(value: float, draws: Array) -> Interval | None:
    """Return a percentile interval, or None where the value is not known."""
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(draws):
        return None
    tail = (1 - LEVEL) / 2
    return Interval(
        value=value,
        low=float(min(np.quantile(draws, tail), value)),
        high=float(max(np.quantile(draws, 1 - tail), value)),
    )


def metrics_with_intervals(y: Array, p: Array, customer: Array, seed: int) -> dict[str, Interval]:
    """Return every metric with its 95 % interval from a bootstrap over customers.

    A metric that the rows do not define (AUC with one class) is left out.
    """
    if not len(y):
        return {}
    ordered = _Sorted(y, p)
    draws = [ordered.metrics(times) for times in resamples(customer, seed)]
    found = {
        name: interval_of(metric(y, p), np.array([draw[name] for draw in draws]))
        for name, metric in METRICS.items()
    }
    return {name: interval for name, interval in found.items() if interval is not None}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a tier against its baseline, and the numbers behind it."""

    grade: Grade
    reduction: Interval
    baseline: Baseline
    reason: str


def judge(y: Array, p: Array, rule: Array, customer: Array, rule_name: str, seed: int) -> Verdict:
    """Grade probabilities against a named rule's on the same rows.

    Parameters
    ----------
    y, p, rule : ndarray, shape (N,)
        Labels; the tier's and the rule's probabilities, out of sample.
    customer : ndarray, shape (N,)
        Who each row belongs to; a customer at several origins is drawn as one.
    """
    model_loss, rule_loss = losses(y, p), losses(y, rule)
    baseline = Baseline(
        name=rule_name,
        metric="log_loss",
        value=float(rule_loss.mean()) if len(y) else 0.0,
        model_value=float(model_loss.mean()) if len(y) else 0.0,
    )
    if not len(y) or y.min() == y.max():
        nothing = Interval(value=0.0, low=0.0, high=0.0)
        return Verdict("C", nothing, baseline, "one class only on the held-out rows")
    ordered, ordered_rule = _Sorted(y, p), _Sorted(y, rule)
    draws, ranks = [], []
    for times in resamples(customer, seed):
        draws.append(1 - (times @ model_loss) / (times @ rule_loss))
        ranks.append(ordered.auc(times) - ordered_rule.auc(times))
    reduction = interval_of(1 - baseline.model_value / baseline.value, np.array(draws))
    assert reduction is not None  # noqa: S101  both classes are there, so the loss is finite
    # A tier ranks worse where even the upper end of the interval says so.
    lead = auc(y, p) - auc(y, rule)
    told = np.array(ranks)[np.isfinite(ranks)]
    upper = float(np.quantile(told, 1 - (1 - LEVEL) / 2)) if len(told) else lead
    return graded(reduction, baseline, max(lead, upper), "log-loss")


def graded(reduction: Interval, baseline: Baseline, lead: float, loss: str) -> Verdict:
    """Return the grade for a relative reduction of a loss; ``lead`` below 0 says that it ranks worse."""
    if lead >= 0 and reduction.low >= CLEAR_REDUCTION:
        return Verdict("A", reduction, baseline, f"clearly below the rule's {loss}")
    if lead >= 0 and reduction.low > 0:
        return Verdict("B", reduction, baseline, f"below the rule's {loss}")
    why = "does not rank as well as the rule" if lead < 0 else f"is not below the rule's {loss}"
    return Verdict("C", reduction, baseline, why)


def top_share(p: Array, share: float) -> float:
    """Return the cut point of a band: the share of answers at or above it is as near as can be to ``share``.

    Answers that are alike are in the band together or not at all. Above every answer where no answer at all
    is nearest, 1 where there is none.
    """
    if not len(p):
        return 1.0
    values, counts = np.unique(p, return_counts=True)
    above = np.r_[np.cumsum(counts[::-1])[::-1], 0] / len(p)
    # A little above the highest answer, so that another machine's last bit does not put it into the band.
    cuts = np.r_[values, values[-1] + 1e-9]
    return float(cuts[np.argmin(np.round(np.abs(above - share), 12))])


@dataclass(frozen=True, slots=True)
class Band:
    """What acting on everyone at or above a level would have done on the held-out rows.

    ``net_benefit`` is in the business's currency per 1,000 customers, for an action that always helps:
    churners reached × cost_missed − others reached × cost_false_alarm.
    """

    level: str
    share: float
    precision: float
    recall: float
    net_benefit: float


def band(level: str, y: Array, chosen: Array, cost_missed: float, cost_false_alarm: float) -> Band:
    """Return the outcomes of one band; ``chosen`` is bool of shape (N,)."""
    hits, alarms = float(y[chosen].sum()), float(chosen.sum())
    rows = max(len(y), 1)
    return Band(
        level,
        alarms / rows,
        hits / alarms if alarms else 0.0,
        hits / float(y.sum()) if y.sum() else 0.0,
        1000 * (hits * cost_missed - (alarms - hits) * cost_false_alarm) / rows,
    )
