"""The one entry point: a history and a time become named feature columns, in training and in serving."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from app.domain.consent import CONSENT_DEFAULTS
from app.domain.history import Array, History
from app.features.attributes import compute_declared
from app.features.library import GROUPS
from app.features.schema import Columns
from app.features.view import View


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
        float64, NaN where unknown; object (str or None) for categories. A feature of a table that was not
        given for a customer is unknown for that customer, never zero.
    """
    at = np.broadcast_to(np.asarray(as_of, dtype=np.int64), (history.size,))
    return columns_of(View(history, at, consent_defaults), needed)


def columns_of(view: View, needed: frozenset[str] | None = None) -> Columns:
    """Return the features of a view; see :func:`compute`."""
    columns: dict[str, Array] = dict(compute_declared(view))
    with np.errstate(divide="ignore", invalid="ignore"):
        for group in GROUPS:
            names = [feature.name for feature in group.features if needed is None or feature.name in needed]
            if not names:
                continue
            answer = group.compute(view)
            given = _given(view, group.table)
            for name in names:
                column = answer.get(name)
                if column is None:
                    columns[name] = np.full(view.size, np.nan)
                elif column.dtype == object:
                    columns[name] = column
                else:
                    columns[name] = _finite(column if given is None else np.where(given, column, np.nan))
    return columns


def _given(view: View, table: str) -> Array | None:
    """Return for whom a table was given, or None where that is everybody."""
    rows = view.rows(table) if table else None
    return None if rows is None or rows.given.all() else rows.given


def _finite(column: Array) -> Array:
    """Return the column with infinities as missing: a ratio to zero says nothing."""
    return np.where(np.isfinite(column), column, np.nan)
