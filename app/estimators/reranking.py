"""Ranking the best candidates again with trees: their inputs are ranks and ratios within one request.

A ratio is the difference of a source's value to the largest among the candidates that are ranked again: the
sources are logarithms. So the trees learn nothing that depends on how active a person is or how large the
catalogue.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.base import Estimator
from app.estimators.blend import SOURCES
from app.estimators.candidates import Scored

RERANKED: Final = 150
"""Candidates that are ranked again, at most."""
_RATIOS: Final = tuple(name for name in SOURCES if name not in {"bought", "breadth"})
_RANKS: Final = ("frequency", "rebuy", "links", "popularity", "view_links")
RANKED_INPUTS: Final = (
    "is_bought",
    "products_bought",
    "margin_ratio",
    "margin_rank",
    *(f"{name}_ratio" for name in _RATIOS),
    *(f"{name}_rank" for name in _RANKS),
)
_BOTH: Final = {"links": ("links_bought", "links_new"), "popularity": ("popularity_bought", "popularity_new")}


def reranked_rows(margin: Array) -> Array:
    """Return which candidates are ranked again: the best, in the order that they are given; int64."""
    if len(margin) <= RERANKED:
        return np.arange(len(margin))
    answer: Array = np.sort(np.argpartition(-margin, RERANKED - 1)[:RERANKED])
    return answer


def ranked_inputs(scored: Scored, rows: Array) -> Array:
    """Return the inputs of some candidates, shape (len(rows), len(RANKED_INPUTS))."""
    columns = {name: scored.column(name)[rows] for name in SOURCES}
    margin = scored.margin[rows]
    inputs = [
        columns["bought"],
        np.full(len(rows), columns["breadth"].max(initial=0.0)),
        _below(margin),
        _ranks(margin),
    ]
    inputs += [_below(columns[name]) for name in _RATIOS]
    for name in _RANKS:
        own, new = _BOTH.get(name, (name, name))
        inputs.append(_ranks(columns[own] if own == new else columns[own] + columns[new]))
    return np.column_stack(inputs)


def rerank(scored: Scored, trees: Estimator) -> Array:
    """Return margins by which the best candidates stand in the order of the trees, shape (M,).

    The others keep their order below them.
    """
    margin = scored.margin.copy()
    rows = reranked_rows(margin)
    if not len(rows):
        return margin
    again = trees.margin(ranked_inputs(scored, rows))
    lowest = float(margin[rows].min())
    margin[rows] = again - again.min() + lowest
    return margin


def _below(values: Array) -> Array:
    return values - values.max(initial=-np.inf) if len(values) else values


def _ranks(values: Array) -> Array:
    """Return the share of the candidates with a higher value, from 0 for the highest; ties share the best."""
    ordered = np.sort(values)
    answer: Array = (len(values) - np.searchsorted(ordered, values, side="right")) / max(len(values), 1)
    return answer
