"""How good a list is: rank metrics by customer, with intervals, beside named simple rules; the grade.

With R the products that a customer bought in the window and the list of a customer cut at K:
recall@K = |list ∩ R| / |R|; NDCG@K = the sum over hits of 1 / log2(rank + 1), divided by that of min(K,
|R|) hits that lead the list; MRR@K = 1 / rank of the first hit, else 0; hit rate@K = 1 with any hit. Means
are over customers with |R| > 0. Coverage@K is the share of the catalogue that is in any list; novelty@K the
mean of -log2 of how many had bought a product of the lists before, beside those of the most bought one.

References
----------
Järvelin & Kekäläinen (2002) for NDCG; Vargas & Castells (2011) for novelty.

Rules of the gate: the metric is NDCG@10; the difference to the rule is judged by a bootstrap of customers;
grade A if the lower end of the 95 % interval of the relative improvement is at least 5 %, B if it is above
zero, else C, and then the rule itself
is published. For a stranger popularity answers in any case, by the window that served earlier windows best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.artifacts.manifest import Baseline, Grade, Interval
from app.domain.history import Array
from training.evaluation import BOOTSTRAP_SAMPLES, CLEAR_REDUCTION, LEVEL
from training.recommendations.windows import Window

LONGEST: Final = 20
CUT: Final = 10
METRIC: Final = "ndcg_at_10"
METRICS: Final = ("ndcg_at_10", "recall_at_10", "recall_at_20", "mrr_at_20", "hit_rate_at_10")
LEAST_WORTH: Final = 1e-3
"""NDCG@10 of a rule, at least, where an improvement is told relative to it."""
FEWEST: Final = 30
"""Customers without whom nothing is judged."""
DISCOUNT: Final = 1.0 / np.log2(np.arange(2, LONGEST + 2))


@dataclass(frozen=True, slots=True)
class Judged:
    """The metrics of N customers: ``by_customer`` has shape (N,) for each of ``METRICS``."""

    by_customer: Mapping[str, Array]
    coverage: float
    novelty: float

    @property
    def size(self) -> int:
        """How many customers were asked."""
        return len(self.by_customer[METRIC])

    def mean(self, metric: str) -> float:
        """Return the mean of a metric; NaN without customers."""
        values = self.by_customer[metric]
        return float(values.mean()) if len(values) else float("nan")


def judge(window: Window, lists: Sequence[Array], relevant: Sequence[Array]) -> Judged:
    """Return the metrics of lists, best first, of up to ``LONGEST`` products each.

    Parameters
    ----------
    window : Window
        Whose catalogue is recommended from.
    lists, relevant : sequences of N arrays of int64
        Positions in the catalogue; ``relevant`` are not empty.
    """
    rows = [list_metrics(shown, wanted) for shown, wanted in zip(lists, relevant, strict=True)]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(METRICS))
    shown = np.concatenate([one[:CUT] for one in lists]) if len(lists) else np.empty(0, dtype=np.int64)
    items = window.items
    total = max(int(items.customers.max(initial=0)), 1)
    share = np.maximum(items.customers[shown], 0.5) / max(total, 1)
    return Judged(
        {name: table[:, k] for k, name in enumerate(METRICS)},
        coverage=len(np.unique(shown)) / items.size,
        novelty=float(-np.log2(share).mean()) if len(shown) else float("nan"),
    )


def list_metrics(shown: Array, relevant: Array) -> tuple[float, ...]:
    """Return the ``METRICS`` of one list."""
    hits = np.isin(shown[:LONGEST], relevant)
    top = hits[:CUT]
    ideal = DISCOUNT[: min(CUT, len(relevant))].sum()
    first = np.flatnonzero(hits)
    return (
        float((DISCOUNT[: len(top)] * top).sum() / ideal),
        float(top.sum() / len(relevant)),
        float(hits.sum() / len(relevant)),
        float(1.0 / (first[0] + 1)) if len(first) else 0.0,
        float(top.any()),
    )


def draws(size: int, seed: int, samples: int = BOOTSTRAP_SAMPLES) -> Array:
    """Return how often each customer stands in each bootstrap sample, shape (samples, size)."""
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(samples)])


def interval(values: Array, seed: int) -> Interval:
    """Return the mean over customers with its interval by a bootstrap of them."""
    if not len(values):
        return Interval(value=0.0, low=0.0, high=0.0)
    means = draws(len(values), seed) @ values / len(values)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value=float(values.mean()), low=float(low), high=float(high))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model beside its rule: grade, why, baseline, and the relative improvement with its interval."""

    grade: Grade
    reason: str
    baseline: Baseline
    improvement: Interval


def compare(rule_name: str, rule: Judged, model: Judged, seed: int, fewest: int = FEWEST) -> Comparison:
    """Return how much better a model is than a rule, on the same customers, of whom it takes a few."""
    ours, theirs = model.by_customer[METRIC], rule.by_customer[METRIC]
    if len(ours) < fewest:
        return Comparison(
            "C",
            f"{len(ours)} to judge on; {fewest} are needed",
            Baseline(name=rule_name, metric=METRIC, value=_plain(rule), model_value=_plain(model)),
            Interval(value=0.0, low=0.0, high=0.0),
        )
    counts = draws(len(ours), seed)
    # Of a rule that finds nothing, any improvement would be infinite.
    base = np.maximum(counts @ theirs, LEAST_WORTH * len(ours))
    low, high = np.quantile(counts @ (ours - theirs) / base, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = float((ours - theirs).sum() / max(float(theirs.sum()), LEAST_WORTH * len(ours)))
    grade: Grade = "A" if low >= CLEAR_REDUCTION else "B" if low > 0 else "C"
    words = {"A": "clearly better than", "B": "better than", "C": "not surely better than"}
    clear = "worse than" if high < 0 else words[grade]
    return Comparison(
        grade,
        f"NDCG@10 is {clear} that of {rule_name}: {value:+.1%} ({low:+.1%} to {high:+.1%})",
        Baseline(name=rule_name, metric=METRIC, value=_plain(rule), model_value=_plain(model)),
        Interval(value=value, low=float(low), high=float(high)),
    )


def _plain(judged: Judged) -> float:
    """Return the mean of the metric, 0 where nobody was asked."""
    return judged.mean(METRIC) if judged.size else 0.0
