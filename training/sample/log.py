"""Rows that grow day by day and are read once as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.history import Array


class Log:
    """Append-only columns; each call adds some rows."""

    def __init__(self, **kinds: type[np.generic]) -> None:
        """Name the columns and their NumPy types, so that a log without rows still has them."""
        self._kinds = kinds
        self._parts: dict[str, list[Array]] = {name: [] for name in kinds}
        self.rows = 0

    def add(self, rows: int, **columns: Any) -> Array:
        """Append rows and return their numbers.

        Parameters
        ----------
        rows : int
            How many rows are added.
        **columns
            Every column of the log: an array of shape (rows,), or one value for all of them.

        Returns
        -------
        ndarray of int64, shape (rows,)
            Row numbers, counted from 0 over all calls.
        """
        if rows:
            for name, kind in self._kinds.items():
                value = columns[name]
                same = isinstance(value, np.ndarray) and value.ndim == 1
                column = value.astype(kind) if same else np.full(rows, value, dtype=kind)
                self._parts[name].append(column)
        self.rows += rows
        return np.arange(self.rows - rows, self.rows)

    def columns(self) -> dict[str, Array]:
        """Return every column over all rows, in the order in which they were added."""
        return {
            name: np.concatenate([np.zeros(0, dtype=self._kinds[name]), *parts])
            for name, parts in self._parts.items()
        }
