"""Fitting the weights of a blend: a conditional logit over candidates of requests, shrunk to defaults.

For each customer of a window the loss is the cross-entropy between the softmax of the margins and an even
share for each relevant candidate. Both questions, of all products and of new ones, are asked of each
customer and one vector of weights answers both. Weights stay at or above 0 but for those that part what was
bought from what is new; a ridge pulls them to the defaults, so that few customers change little.

References
----------
McFadden (1974); Cao, Qin, Liu, Tsai & Li (2007), "Learning to Rank: From Pairwise Approach to Listwise
Approach".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from app.domain.history import Array
from app.estimators.blend import AT, EITHER_SIGN, SOURCES, ItemModel
from app.estimators.candidates import score_candidates
from training.recommendations.judging import CUT, DISCOUNT
from training.recommendations.windows import TASKS_OF_HISTORY, Window

CANDIDATES: Final = 300
"""Candidates of a request that are fitted on: the best by the defaults."""
SHRINKAGE: Final = 3.0
"""What the defaults weigh, as customers."""
DEFAULTS: Final[Mapping[str, float]] = {
    "bought": 3.0,
    "breadth": -0.5,
    "frequency": 1.1,
    "rebuy": 0.1,
    "links_bought": 0.15,
    "popularity_bought": 0.4,
    "links_new": 1.0,
    "popularity_new": 0.25,
    "trend_new": 0.4,
    "viewed": 0.5,
    "view_links": 0.3,
    "group": 0.3,
    "season": 0.3,
    "cart_pairs": 1.0,
}
"""Weights to begin with: rounded from fits to the tuning windows of one retailer, and for what that
retailer does not record (views, groups, seasons) chosen by hand."""
RULES: Final[Mapping[str, Mapping[str, float]]] = {
    "own_frequency": {"bought": 10.0, "orders": 1.0, "popularity_bought": 1e-3, "popularity_new": 1e-3},
    "popularity": {"popularity_bought": 1.0, "popularity_new": 1.0},
    "popularity_all_time": {"ever": 1.0},
    "item_knn": {"links_bought": 1.0, "links_new": 1.0, "popularity_bought": 1e-6, "popularity_new": 1e-6},
}
"""The simple rules that a blend is held against, as weights of the same sources; ``item_knn`` has links of
its own."""


def habits_first(weights: Array) -> Array:
    """Return weights by which what was bought comes first, by the rule, and what is new by given weights."""
    answer = weights.copy()
    for name in SOURCES:
        if name in {"bought", "breadth", "frequency", "orders", "rebuy"} or name.endswith("_bought"):
            answer[AT[name]] = RULES["own_frequency"].get(name, 0.0)
    answer[AT["bought"]] = AHEAD
    return answer


AHEAD: Final = 20.0
"""A weight of what was bought that no new product makes up for."""
NOT_OF_HISTORY: Final = ("orders", "ever", "cart_pairs")
"""Sources that no blend of a history is made of: beside frequency and recent popularity the first two add
nothing, and the last tells of carts."""
OF_CARTS: Final = ("links_new", "popularity_new", "trend_new", "season", "cart_pairs")
"""Sources that tell what goes with the cart of somebody unknown."""
OPTIONAL: Final = ("trend_new", "rebuy", "viewed", "view_links", "group", "season")
"""Sources that are left out where they do not help on a later window."""


def row_of(weights: Mapping[str, float]) -> Array:
    """Return weights by name as one row in the order of the sources, 0 where none is named."""
    return np.array([weights.get(name, 0.0) for name in SOURCES], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Requests:
    """The candidates of R requests of one task, filled up to C each.

    ``values`` is float32 of shape (R, C, S); ``relevant`` and ``there`` are bool of shape (R, C); ``count``
    are the relevant products of each request, also those that are no candidates.
    """

    task: str
    values: Array
    relevant: Array
    there: Array
    count: Array


def requests_of(model: ItemModel, window: Window, task: str) -> Requests:
    """Return the requests of a task at a window, with the values of every source."""
    everything = np.full(len(SOURCES), 1e-9)
    start = row_of(DEFAULTS)
    values, relevant, counts = [], [], []
    for _, shopper, allowed, wanted in window.questions(task):
        scored = score_candidates(model, shopper, everything, allowed)
        found = scored.values.astype(np.float32)
        if len(found) > CANDIDATES:
            best = np.argpartition(-(found @ start.astype(np.float32)), CANDIDATES - 1)[:CANDIDATES]
        else:
            best = np.arange(len(found))
        values.append(found[best])
        relevant.append(np.isin(scored.product[best], wanted))
        counts.append(len(wanted))
    widest = max(map(len, values), default=0)
    there = np.array([np.arange(widest) < len(part) for part in values]).reshape(len(values), widest)
    table = np.zeros((len(values), widest, len(SOURCES)), dtype=np.float32)
    hits = np.zeros((len(values), widest), dtype=bool)
    for k, (part, flags) in enumerate(zip(values, relevant, strict=True)):
        table[k, : len(part)], hits[k, : len(part)] = part, flags
    return Requests(task, table, hits, there, np.array(counts, dtype=np.int64))


def margins(requests: Requests, weights: Array) -> Array:
    """Return the margins of all candidates, -inf where there is none; float64 of shape (R, C)."""
    found = (requests.values @ weights.astype(np.float32)).astype(np.float64)
    return np.where(requests.there, found, -np.inf)


def ndcg(requests: Requests, weights: Array) -> Array:
    """Return NDCG@10 of each request, shape (R,), as far as its candidates are held."""
    found = margins(requests, weights)
    top = np.argsort(-found, axis=1, kind="stable")[:, :CUT]
    hits = np.take_along_axis(requests.relevant, top, axis=1)
    gains = (hits * DISCOUNT[: hits.shape[1]]).sum(axis=1)
    ideal = np.cumsum(DISCOUNT)[np.minimum(requests.count, CUT) - 1]
    answer: Array = gains / ideal
    return answer


def fit_weights(parts: Sequence[Requests], sources: Collection[str] = SOURCES) -> Array:
    """Return the weights that fit some requests, shape (len(SOURCES),).

    Parameters
    ----------
    parts : sequence of Requests
        Of any tasks and windows. Requests without a relevant candidate say nothing.
    sources : collection of str
        The weights of the others are 0.
    """
    used = [name for name in SOURCES if name in sources]
    columns = np.array([AT[name] for name in used], dtype=np.int64)
    start = row_of(DEFAULTS)[columns]
    kept = [_telling(part, columns) for part in parts if part.relevant.any()]
    total = sum(len(share) for _, share, _ in kept)
    weights = np.zeros(len(SOURCES))
    if not total:
        weights[columns] = start
        return weights

    def loss(x: Array) -> tuple[float, Array]:
        value, slope = 0.0, np.zeros(len(x))
        for values, share, there in kept:
            found = np.where(there, (values @ x.astype(np.float32)).astype(np.float64), -np.inf)
            found -= found.max(axis=1, keepdims=True)
            grown = np.exp(found)
            every = grown.sum(axis=1, keepdims=True)
            value -= float((share * np.where(there, found - np.log(every), 0.0)).sum())
            rest = (grown / every - share).astype(np.float32)
            slope += np.einsum("rc,rcs->s", rest, values, optimize=True)
        gap = x - start
        return (value + SHRINKAGE * float(gap @ gap)) / total, (slope + 2 * SHRINKAGE * gap) / total

    bounds = [(None, None) if name in EITHER_SIGN else (0.0, None) for name in used]
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    weights[columns] = fitted.x
    return weights


def _telling(part: Requests, columns: Array) -> tuple[Array, Array, Array]:
    """Return values, even shares of the relevant candidates, and flags of the requests that say something."""
    rows = np.flatnonzero(part.relevant.any(axis=1))
    relevant = part.relevant[rows].astype(np.float64)
    share = relevant / np.maximum(relevant.sum(axis=1, keepdims=True), 1.0)
    return np.ascontiguousarray(part.values[rows][:, :, columns]), share, part.there[rows]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Fitted weights, and the optional sources that a later window was no better for."""

    weights: Array
    left_out: tuple[str, ...]


def fit_blend(earlier: Sequence[Requests], later: Sequence[Requests], there: Collection[str]) -> Fitted:
    """Return weights of all tuning windows, without the optional sources that do not help on the later one.

    Parameters
    ----------
    earlier, later : sequences of Requests
        Of the earlier tuning windows and of the latest one.
    there : collection of str
        Sources that the data tell at all.
    """
    kept = [name for name in SOURCES if name in there]
    left_out = []
    if earlier and later:
        worth = _worth(earlier, later, kept)
        for name in OPTIONAL:
            if name in kept:
                without = [other for other in kept if other != name]
                other = _worth(earlier, later, without)
                if other >= worth:
                    kept, worth = without, other
                    left_out.append(name)
    return Fitted(fit_weights([*earlier, *later], kept), tuple(left_out))


def _worth(earlier: Sequence[Requests], later: Sequence[Requests], sources: Collection[str]) -> float:
    """Return the mean over tasks of NDCG@10 on the later window, with weights of the earlier ones."""
    weights = fit_weights(earlier, sources)
    return float(np.mean([ndcg(part, weights).mean() for part in later if len(part.count)] or [0.0]))


def tuning_requests(model: ItemModel, window: Window) -> list[Requests]:
    """Return the requests of both questions that are asked of known customers."""
    return [requests_of(model, window, task) for task in TASKS_OF_HISTORY]
