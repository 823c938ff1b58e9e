"""The one entry point: a history and a time become named feature columns, in training and in serving."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from app.domain.consent import CONSENT_DEFAULTS
from app.domain.history import Array, History
from app.domain.selection import block
from app.features.attributes import compute_declared
from app.features.library import GROUPS, Group
from app.features.schema import Columns
from app.features.view import View

BLOCK: Final = 10_000
"""Customers whose intermediate results are held at one time: a million take no more than these."""


def compute(
    history: History,
    as_of: Array | int,
    needed: frozenset[str] | None = None,
    consent_defaults: Mapping[str, str] = CONSENT_DEFAULTS,
) -> Columns:
    """Return the features of N customers as known at ``as_of``.

    Parameters
    ----------
    history : History of N customers
    as_of : int or ndarray of int64, shape (N,)
        Microseconds since 1970 in UTC; nothing later is visible.
    needed : frozenset of str, optional
        Names of the features that are wanted; groups without any are not computed. All by default.
    consent_defaults : mapping
        What holds for a purpose without a consent row; events are not read where tracking is denied.

    Returns
    -------
    mapping of str to ndarray, shape (N,)
        float64, finite or NaN where unknown; object (str or None) for categories. A feature of a table that
        was not given for a customer is unknown for that customer, never zero.
    """
    at = as_of if isinstance(as_of, np.ndarray) and as_of.ndim else np.full(history.size, as_of, np.int64)
    return columns_of(View(history, at, consent_defaults), needed)


def columns_of(view: View, needed: frozenset[str] | None = None) -> Columns:
    """Return the features of a view; see :func:`compute`."""
    if view.size <= BLOCK:
        return _columns_of(view, needed)
    columns: dict[str, Array] = {}
    for start in range(0, view.size, BLOCK):
        stop = min(start + BLOCK, view.size)
        part = View(block(view.history, start, stop), view.as_of[start:stop], view.consent_defaults)
        for name, column in _columns_of(part, needed).items():
            if name not in columns:
                columns[name] = np.empty(view.size, dtype=column.dtype)
            columns[name][start:stop] = column
    return columns


def _columns_of(view: View, needed: frozenset[str] | None) -> Columns:
    """Return the features of as many customers as are worth holding intermediate results for."""
    columns: dict[str, Array] = compute_declared(view, needed)
    unknown = np.full(view.size, np.nan)
    unknown.flags.writeable = False
    with np.errstate(divide="ignore", invalid="ignore"):
        for group, names in _wanted(needed):
            answer = group.compute(view)
            rows = view.rows(group.table) if group.table else None
            given = None if rows is None or rows.given.all() else rows.given
            for name in names:
                column = answer.get(name, unknown)
                columns[name] = column if given is None else np.where(given, column, np.nan)
    return columns


@lru_cache(maxsize=64)
def _wanted(needed: frozenset[str] | None) -> tuple[tuple[Group, tuple[str, ...]], ...]:
    """Return the groups with any feature that is needed, and those features' names."""
    chosen = []
    for group in GROUPS:
        names = tuple(name for name in (f.name for f in group.features) if needed is None or name in needed)
        if names:
            chosen.append((group, names))
    return tuple(chosen)
