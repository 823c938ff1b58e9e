"""Pair rules beside the package mlxtend: the same numbers, and the CPU time of both in one process."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median
from typing import Any, Final, TypeVar

import numpy as np

from app.domain.history import Array
from app.estimators.items import MIN_CUSTOMERS
from benchmarks.pages import Answered
from benchmarks.recommendations.sets import GROCERIES, RETAIL, groceries, retail_shop
from benchmarks.recommendations.tables import Verdict, missed, page
from training.recommendations.pairs import PairRules, order_count, pair_rules
from training.recommendations.purchases import Purchases, purchases_of

SUPPORT: Final = 0.01
"""Of the race; so many orders hold both products of a pair."""
LEAST_ORDERS: Final = 1
"""Of the comparison of numbers, on receipts: every pair that there is."""
TOLERANCE: Final = 1e-12
TIMES_FASTER: Final = 10.0
ROUNDS: Final = 3
METRICS: Final = ("support", "confidence", "lift", "leverage", "conviction")
_CUT: Final = "2011-10-01"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Race:
    """Median CPU seconds on the same orders, and how many rules either found."""

    orders: int
    products: int
    rules: int
    their_rules: int
    ours: float
    theirs: float
    served: float
    """What the pairs of an artifact take: all with five customers, whatever their support."""
    served_rules: int

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs / self.ours


@dataclass(frozen=True, slots=True)
class RulesQuestion:
    """Whether rules are mlxtend's, and how fast they come."""

    title: str

    def missing(self) -> list[str]:
        """Return the files and packages that are not there."""
        absent = [file.name for file in (GROCERIES, RETAIL) if not file.exists()]
        return absent + ([] if find_spec("mlxtend") else ["the package mlxtend (tools/setup.sh bench)"])

    def answered(self) -> Answered:
        """Compare, race, and return page, document and missed bounds."""
        held = groceries()
        known = purchases_of(held.product, held.basket, len(held.names))
        apart = distances(known, LEAST_ORDERS)
        raced = race(retail_shop(RETAIL, _CUT).known.purchases, SUPPORT, ROUNDS)
        verdicts: list[Verdict] = [
            (value <= TOLERANCE, f"{name}: at most {value:.1e} apart, at most {TOLERANCE:g}")
            for name, value in apart.items()
        ]
        verdicts += [
            (raced.rules == raced.their_rules, f"{raced.rules:,} rules, mlxtend {raced.their_rules:,}"),
            (raced.ratio >= TIMES_FASTER, f"{raced.ratio:.0f} times faster, at least {TIMES_FASTER:g}"),
        ]
        told = (
            f"Receipts: {order_count(known):,} of {known.products} products, every pair that one of "
            f"them holds. Online Retail before {_CUT}: {raced.orders:,} orders of {raced.products:,} "
            f"products, pairs in {SUPPORT:.0%} of the orders; ours takes {raced.ours:.2f} s of CPU, mlxtend "
            f"{version('mlxtend')} (`fpgrowth` with max_len 2, `association_rules`; its table of orders x "
            f"products is made before) {raced.theirs:.1f} s, on one thread of one process, medians of "
            f"{ROUNDS} rounds. All {raced.served_rules:,} rules of at least {MIN_CUSTOMERS} customers, which "
            f"an artifact is chosen from, take ours {raced.served:.2f} s."
        )
        return page(self.title, [told], verdicts), {"apart": apart, "race": asdict(raced)}, missed(verdicts)


def distances(known: Purchases, least: int) -> dict[str, float]:
    """Return how far each number of a rule is from mlxtend's, relative above 1; NaN where rules differ."""
    ours = pair_rules(known, min_customers=1, min_orders=least)
    size, total = known.products, order_count(known)
    theirs = mlxtend_rules(table_of(known), (least - 0.5) / total)
    key = [
        _one(a) * size + _one(b) for a, b in zip(theirs["antecedents"], theirs["consequents"], strict=True)
    ]
    order = np.argsort(key)
    if not np.array_equal(np.array(key)[order], ours.counts.antecedent * size + ours.counts.consequent):
        return dict.fromkeys(METRICS, math.nan)
    return {name: _apart(getattr(ours, name), np.asarray(theirs[name])[order]) for name in METRICS}


def _apart(ours: Array, theirs: Array) -> float:
    differ = ours != theirs  # where both are infinite they do not
    ours, theirs = ours[differ], theirs[differ]
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)).max(initial=0.0))


def _one(items: frozenset[int]) -> int:
    (item,) = items
    return int(item)


def race(known: Purchases, support: float, rounds: int) -> Race:
    """Return what both take for the pairs of a support, in turns."""
    total = order_count(known)
    least = math.ceil(support * total)
    held = table_of(known)
    ours, theirs, served = [], [], []
    for _ in range(rounds):
        seconds, found = timed(lambda: pair_rules(known, min_customers=1, min_orders=least))
        ours.append(seconds)
        seconds, rules = timed(lambda: mlxtend_rules(held, support))
        theirs.append(seconds)
        seconds, whole = timed(lambda: pair_rules(known))
        served.append(seconds)
    return Race(
        total,
        known.products,
        _size(found),
        len(rules),
        median(ours),
        median(theirs),
        median(served),
        _size(whole),
    )


def _size(found: PairRules) -> int:
    return len(found.support)


def timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    """Return what a piece of work takes of this process's CPU time, and its answer."""
    begun = time.process_time()
    answer = work()
    return time.process_time() - begun, answer


def table_of(known: Purchases) -> Any:
    """Return orders x products as mlxtend wants them: a frame of bool."""
    # pandas comes with mlxtend; nothing else here knows it.
    frame = importlib.import_module("pandas").DataFrame
    _, row = np.unique(known.order, return_inverse=True)
    held = np.zeros((order_count(known), known.products), dtype=bool)
    held[row, known.product] = True
    return frame(held)


def mlxtend_rules(held: Any, support: float) -> Any:
    """Return the rules of all pairs, both ways round, as mlxtend finds them."""
    from mlxtend.frequent_patterns import association_rules, fpgrowth  # noqa: PLC0415  of benchmarks alone

    frequent = fpgrowth(held, min_support=support, max_len=2)
    return association_rules(frequent, metric="support", min_threshold=0.0)
