"""Labelled examples: the columns, labels and populations of many customers at many cut-offs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.domain.history import Array
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX, Columns, Feature, FeatureSet

VOCABULARY_LIMIT: Final = 64
WORD_ROWS: Final = 10
"""A word must stand in this many rows to be told apart; rarer ones read as missing."""
SEASON_CUTS_DAYS: Final = 730
TABLE_SHARE: Final = 0.05
WINDOW_SHARE: Final = 0.3
SUMMARY_OPTIONAL: Final = (
    "summary.orders_90d",
    "summary.orders_365d",
    "summary.revenue_90d",
    "summary.revenue_365d",
    "summary.return_share",
)


@dataclass(frozen=True, slots=True)
class Examples:
    """R rows: feature columns, label (NaN where it lies in the future), population, cut and customer."""

    columns: Columns
    y: Array
    population: Array
    cut: Array
    customer: Array
    spend: Array = field(default_factory=lambda: np.empty(0))
    """What was spent within the horizon, shape (R,), where that is asked for."""

    @property
    def size(self) -> int:
        """R, the number of rows."""
        return len(self.y)


def stack(parts: Sequence[Examples]) -> Examples:
    """Return the rows of several cut-offs as one."""
    names = parts[0].columns.keys()
    return Examples(
        {name: np.concatenate([part.columns[name] for part in parts]) for name in names},
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.population for part in parts]),
        np.concatenate([part.cut for part in parts]),
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.spend for part in parts]),
    )


def take(columns: Columns, rows: Array) -> Columns:
    """Return some rows of every column."""
    return {name: column[rows] for name, column in columns.items()}


@dataclass(frozen=True, slots=True)
class Declared:
    """What the business file says of its attributes: kind, and whether a dated backtest may use each."""

    kinds: Mapping[str, str]
    static: frozenset[str]


def candidates(
    tables: frozenset[str], declared: Declared, *, is_summary: bool, is_dated: bool
) -> tuple[Feature, ...]:
    """Return the features that the tables allow, in the library's order, then the declared attributes.

    In a dated backtest a value without a date would come from the future, so it is left out.
    """
    chosen = []
    for feature in LIBRARY.values():
        allowed = feature.summary if is_summary else feature.table in tables | {"", "customers"}
        if allowed and feature.is_input and (feature.dated or not is_dated):
            chosen.append(feature)
    kinds = {"numeric": "number", "boolean": "flag", "categorical": "category"}
    for name, kind in declared.kinds.items():
        if name in declared.static or not is_dated:
            unit = "word" if kind == "categorical" else ("flag" if kind == "boolean" else "value")
            chosen.append(
                Feature(ATTRIBUTE_PREFIX + name, unit, low=-np.inf, kind=kinds[kind], table="customers")  # type: ignore[arg-type]
            )
    return tuple(chosen)


def feature_set(
    chosen: Sequence[Feature], columns: Columns, first: Sequence[str], span_days: float
) -> FeatureSet:
    """Return the inputs of a model: those of ``first``, then every chosen feature that says something.

    A column that is constant or empty on the training rows is left out. The season is left out unless the
    cut-offs span two years: on less, it would only name the cut-off.
    """
    kept, words = [LIBRARY[name] for name in first], {}
    for feature in chosen:
        if feature.name in first or feature.name not in columns:
            continue
        if feature.name.startswith("season_") and span_days < SEASON_CUTS_DAYS:
            continue
        column = columns[feature.name]
        if feature.kind == "category":
            vocabulary = _vocabulary(column)
            if not vocabulary:
                continue
            words[feature.name] = vocabulary
        else:
            known = column[~np.isnan(column)]
            if not len(known) or (len(known) == len(column) and known.min() == known.max()):
                continue
        kept.append(feature)
    return FeatureSet(tuple(kept), words)


def _vocabulary(column: Array) -> tuple[str, ...]:
    """Return the words that are frequent enough, most frequent 64 at most, in alphabetical order."""
    known = column[np.array([word is not None for word in column], dtype=bool)]
    words, counts = (
        np.unique(known.astype(str), return_counts=True) if len(known) else (np.empty(0), np.empty(0))
    )
    frequent = sorted(
        ((int(count), str(word)) for word, count in zip(words, counts, strict=True) if count >= WORD_ROWS),
        key=lambda item: (-item[0], item[1]),
    )[:VOCABULARY_LIMIT]
    vocabulary = tuple(sorted(word for _, word in frequent))
    return vocabulary if len(vocabulary) > 1 or len(frequent) < len(words) else ()


def optional_columns(
    features: FeatureSet, needed: frozenset[str]
) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """Return the groups of inputs that a payload may lack together, and how often to practise that.

    ``needed`` names the tables without which nobody is asked about.
    """
    groups = []
    for table in sorted(
        {feature.table for feature in features.features} - needed - {"", "customers", "summary"}
    ):
        columns = tuple(j for j, feature in enumerate(features.features) if feature.table == table)
        groups.append((TABLE_SHARE, columns))
    windows = tuple(j for j, name in enumerate(features.names) if name in SUMMARY_OPTIONAL)
    if windows:
        groups.append((WINDOW_SHARE, windows))
    return tuple(groups)
