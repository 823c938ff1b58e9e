"""The statistical rung: a logistic regression on standardised inputs, exported as arrays.

File format (.npz, float64 unless said): for F columns of X
- ``is_log`` (F,): 1 where the input is first passed through sign(x)·log(1 + |x|);
- ``low``, ``high`` (F,): the training range after that; inputs are clipped to it: nothing extrapolates;
- ``center``, ``scale``, ``coefficient`` (F,): a known number adds coefficient · (input − center) / scale;
- ``missing`` (F,): what a missing value adds;
- ``level_offsets`` int64 (F + 1,) and ``levels``: what each word of a category adds, by code;
- ``intercept`` (1,).
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions

_COLUMNS: Final = ("is_log", "low", "high", "center", "scale", "coefficient", "missing")
LINEAR_KEYS: Final = frozenset({*_COLUMNS, "level_offsets", "levels", "intercept"})


@dataclass(frozen=True)
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

    @cached_property
    def _logged(self) -> Array | None:
        """Which inputs are logged, bool of shape (F,); None where none is."""
        logged: Array = self.is_log > 0
        return logged if logged.any() else None

    @cached_property
    def _slope(self) -> Array:
        """What one unit of an input adds, shape (F,)."""
        slope: Array = self.coefficient / self.scale
        return slope

    @cached_property
    def _categories(self) -> tuple[tuple[int, Array], ...]:
        """The columns that hold codes of words, each with what its words add."""
        starts = self.level_offsets.tolist()
        return tuple(
            (j, self.levels[start:stop]) for j, (start, stop) in enumerate(pairwise(starts)) if stop > start
        )

    def margin(self, X: Array) -> Array:
        """Return the log-odds, shape (N,)."""
        margin: Array = self.intercept + self._parts(X).sum(axis=1)
        return margin

    def contributions(self, X: Array) -> Contributions:
        """Return the intercept and what each column added."""
        return Contributions(np.full(len(X), self.intercept), self._parts(X))

    def _parts(self, X: Array) -> Array:
        """Return what each column added, shape (N, F); a missing value runs through as NaN to the end."""
        value = X
        if self._logged is not None:
            value = np.where(self._logged, np.copysign(np.log1p(np.abs(X)), X), X)
        parts = self._slope * (np.minimum(np.maximum(value, self.low), self.high) - self.center)
        for j, levels in self._categories:
            known = ~np.isnan(X[:, j])
            parts[known, j] = levels[X[known, j].astype(np.int64)]
        return np.where(np.isnan(X), self.missing, parts)


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
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StructureError("a linear model is not an archive of plain arrays") from error
    if arrays.keys() != LINEAR_KEYS:
        raise StructureError("a linear model does not hold the arrays of its format")
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
        raise StructureError("a linear model's arrays do not fit together or are not finite")
    return Linear(**{**arrays, "intercept": float(arrays["intercept"][0])})


def write_linear(model: Linear) -> bytes:
    """Return the file of a linear model."""
    arrays = {name: getattr(model, name) for name in LINEAR_KEYS - {"intercept"}}
    buffer = io.BytesIO()
    np.savez(buffer, intercept=np.array([model.intercept]), **arrays)
    return buffer.getvalue()
