"""The statistical rung: a logistic regression on standardised inputs, exported as arrays.

File format (.npz, float64 unless said): for F columns of X
- ``is_log`` (F,): 1 where the input is first passed through sign(x)·log(1 + |x|);
- ``low``, ``high`` (F,): the training range after that; inputs are clipped to it, so that nothing extrapolates;
- ``center``, ``scale``, ``coefficient`` (F,): a known number adds coefficient · (input − center) / scale;
- ``missing`` (F,): what a missing value adds;
- ``level_offsets`` int64 (F + 1,) and ``levels``: what each word of a category adds, by code;
- ``intercept`` (1,).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions

_COLUMNS: Final = ("is_log", "low", "high", "center", "scale", "coefficient", "missing")
LINEAR_KEYS: Final = frozenset({*_COLUMNS, "level_offsets", "levels", "intercept"})


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted logistic regression; see the module for the fields."""

    is_log: Array
    low: Array
    high: Array
    center: Array
    scale: Array
    coefficient: Array
    missing: Array
    level_offsets: Array
    levels: Array
    intercept: float

    def margin(self, X: Array) -> Array:
        """Return the log-odds, shape (N,)."""
        parts = self.contributions(X)
        return parts.base + parts.values.sum(axis=1)

    def contributions(self, X: Array) -> Contributions:
        """Return the intercept and what each column added."""
        known = ~np.isnan(X)
        filled = np.where(known, X, 0.0)
        logged = np.sign(filled) * np.log1p(np.abs(filled))
        value = np.clip(np.where(self.is_log > 0, logged, filled), self.low, self.high)
        parts = self.coefficient * (value - self.center) / self.scale
        for j in np.flatnonzero(np.diff(self.level_offsets)):
            codes = filled[:, j].astype(np.int64)
            parts[:, j] = self.levels[self.level_offsets[j] + codes]
        return Contributions(np.full(len(X), self.intercept), np.where(known, parts, self.missing))


def read_linear(content: bytes) -> Linear:
    """Parse the file format of this module.

    Raises
    ------
    StructureError
        The bytes are not such an archive.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError) as error:
        msg = "a linear model is not an archive of plain arrays"
        raise StructureError(msg) from error
    if arrays.keys() != LINEAR_KEYS:
        msg = "a linear model does not hold the arrays of its format"
        raise StructureError(msg)
    width = arrays["coefficient"].shape
    offsets = arrays["level_offsets"]
    sound = (
        len(width) == 1
        and all(arrays[name].shape == width and arrays[name].dtype == np.float64 for name in _COLUMNS)
        and all(np.isfinite(array).all() for array in arrays.values())
        and offsets.shape == (width[0] + 1,)
        and offsets.dtype == np.int64
        and offsets[0] == 0
        and bool(np.all(np.diff(offsets) >= 0))
        and arrays["levels"].shape == (offsets[-1],)
        and arrays["intercept"].shape == (1,)
        and bool(np.all(arrays["scale"] > 0))
    )
    if not sound:
        msg = "a linear model's arrays do not fit together or are not finite"
        raise StructureError(msg)
    return Linear(**{**arrays, "intercept": float(arrays["intercept"][0])})


def write_linear(model: Linear) -> bytes:
    """Return the file of a linear model."""
    arrays = {name: getattr(model, name) for name in LINEAR_KEYS - {"intercept"}}
    buffer = io.BytesIO()
    np.savez(buffer, intercept=np.array([model.intercept]), **arrays)
    return buffer.getvalue()
