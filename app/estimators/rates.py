"""The rules rung: one observed rate per bin of one feature, and nothing else.

File format (JSON): ``{"feature", "column", "columns", "edges", "margins", "missing", "base"}``. ``column`` is
the feature's position in X and ``columns`` the width of X. A number falls into the bin
``searchsorted(edges, x, "right")``, so there is one margin more than edges; a category has no edges, and its
code is the bin. A missing value has a margin of its own. ``base`` is the margin of the population's rate.
An empty feature name is that rate alone: column 0, no edges, ``base`` everywhere. Margins are log-odds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions


@dataclass(frozen=True, slots=True)
class Rates:
    """A table of margins by the bins of one column of X; see the module for the fields."""

    feature: str
    column: int
    columns: int
    edges: Array
    margins: Array
    missing: float
    base: float

    def margin(self, X: Array) -> Array:
        """Return the margin of each row's bin, shape (N,)."""
        value = X[:, self.column]
        known = ~np.isnan(value)
        filled = np.where(known, value, 0.0)
        if len(self.edges) or len(self.margins) == 1:
            bins = np.searchsorted(self.edges, filled, side="right")
        else:
            bins = filled.astype(np.int64)
        return np.where(known, self.margins[bins], self.missing)

    def contributions(self, X: Array) -> Contributions:
        """Return the margin as the base and what the one feature added to it."""
        values = np.zeros((len(X), self.columns))
        values[:, self.column] = self.margin(X) - self.base
        return Contributions(np.full(len(X), self.base), values)


def read_rates(content: bytes) -> Rates:
    """Parse the file format of this module.

    Raises
    ------
    StructureError
        The bytes are not such a table.
    """
    try:
        document = json.loads(content)
        rates = Rates(
            feature=str(document["feature"]),
            column=int(document["column"]),
            columns=int(document["columns"]),
            edges=np.array(document["edges"], dtype=np.float64),
            margins=np.array(document["margins"], dtype=np.float64),
            missing=float(document["missing"]),
            base=float(document["base"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = "a table of rates does not have its fields"
        raise StructureError(msg) from error
    finite = np.isfinite([*rates.edges, *rates.margins, rates.missing, rates.base]).all()
    ordered = bool(np.all(np.diff(rates.edges) > 0))
    fits = len(rates.margins) == len(rates.edges) + 1 or (not len(rates.edges) and len(rates.margins) > 0)
    if not (finite and ordered and fits and 0 <= rates.column < rates.columns):
        msg = "a table of rates holds margins or edges that do not fit together"
        raise StructureError(msg)
    return rates


def write_rates(rates: Rates) -> bytes:
    """Return the file of a table of rates."""
    document = {
        "feature": rates.feature,
        "column": rates.column,
        "columns": rates.columns,
        "edges": rates.edges.tolist(),
        "margins": rates.margins.tolist(),
        "missing": rates.missing,
        "base": rates.base,
    }
    return json.dumps(document, allow_nan=False).encode()
