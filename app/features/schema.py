"""What a feature is, and how named columns become the matrix that a model was trained on.

Rules: the order of a :class:`FeatureSet` is the order of the columns of X; a word outside a vocabulary reads
as missing; the schema hash covers names, versions, kinds and vocabularies, in order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import Final, Literal

import numpy as np

from app.domain.history import Array

Kind = Literal["number", "flag", "category"]
Columns = Mapping[str, Array]
"""Named columns of N rows: float64, or object (str or None) for a category."""

ATTRIBUTE_PREFIX: Final = "attribute."
"""A declared attribute ``contract`` is the feature ``attribute.contract``."""

_UNSEEN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model.

    ``unit`` names what the number counts (days, orders, currency, share, ratio, score, word …). ``low`` and
    ``high`` bound its possible values. ``version`` changes whenever its definition does. ``table`` is the
    table that it needs, "" where it needs none. ``dated`` is False where its value on record is today's and
    not the one at ``as_of``, so that a dated backtest must leave it out. ``summary`` is True where a
    summary payload is enough to know it. ``is_input`` is False where something else asks for it, such as
    trigger rules and the brief, and no model may learn from it.
    """

    name: str
    unit: str
    low: float = 0.0
    high: float = float("inf")
    version: int = 1
    kind: Kind = "number"
    table: str = "orders"
    dated: bool = True
    summary: bool = False
    is_input: bool = True


@dataclass(frozen=True)
class FeatureSet:
    """The ordered inputs of one model, with the vocabularies of the categorical ones."""

    features: tuple[Feature, ...]
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names of X, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The column of X that each feature stands in."""
        return {name: j for j, name in enumerate(self.names)}

    @cached_property
    def categorical(self) -> tuple[int, ...]:
        """The positions of the categorical columns of X."""
        return tuple(j for j, feature in enumerate(self.features) if feature.kind == "category")

    @cached_property
    def schema_hash(self) -> str:
        """Sha256 over names, versions, kinds and vocabularies, in order."""
        rows = [
            [feature.name, feature.version, feature.kind, list(self.vocabularies.get(feature.name, ()))]
            for feature in self.features
        ]
        return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def _codes(self) -> tuple[dict[str, float] | None, ...]:
        """The code of each word, for the categorical columns."""
        return tuple(
            {word: float(code) for code, word in enumerate(self.vocabularies[feature.name])}
            if feature.kind == "category"
            else None
            for feature in self.features
        )

    def matrix(self, columns: Columns, size: int) -> Array:
        """Return X of shape (N, F), float64, NaN where missing or where a word is unseen.

        Raises
        ------
        KeyError
            A feature of the set is not among the columns.
        """
        X = np.empty((size, len(self.names)))
        for j, (name, codes) in enumerate(zip(self.names, self._codes, strict=True)):
            column = columns[name]
            X[:, j] = column if codes is None else list(map(codes.get, column.tolist(), repeat(_UNSEEN)))
        return X
