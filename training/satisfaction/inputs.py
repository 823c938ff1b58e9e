"""The inputs of satisfaction: what was known of some customers, each at a time of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from app.domain.history import Array, History, Table
from app.domain.selection import take
from app.features.compute import columns_of
from app.features.schema import Columns
from app.features.summary import summarise
from app.features.view import View
from training.examples import Examples, stack
from training.run import Run

CHUNK: Final = 5_000
"""Rows whose features are computed at one time."""
ORDER_TABLES: Final = frozenset({"orders", "order_lines"})


def rows_of(
    run: Run,
    history: History,
    variants: tuple[str, ...],
    customer: Array,
    at: Array,
    needed: frozenset[str] | None = None,
) -> dict[str, Examples]:
    """Return for each variant the inputs of some customers, each at a time of its own, without labels.

    Parameters
    ----------
    history : History
        What is known of everybody, with the sentiment of texts where there is one.
    customer, at : ndarray of int64, shape (R,)
    needed : frozenset of str, optional
        Names of the features that are wanted; all by default.
    """
    parts: dict[str, list[Examples]] = {variant: [] for variant in variants}
    for start in range(0, max(len(customer), 1), CHUNK):
        rows = slice(start, start + CHUNK)
        view = View(take(history, customer[rows]), at[rows], run.business.consent_defaults)
        for variant, found in parts.items():
            columns: Columns = columns_of(seen_as(variant, view), needed)
            size = len(at[rows])
            found.append(
                Examples(
                    columns, np.full(size, np.nan), np.zeros(size, dtype=np.int64), at[rows], customer[rows]
                )
            )
    return {variant: stack(found) for variant, found in parts.items()}


def seen_as(variant: str, view: View) -> View:
    """Return what a variant is told of a view: all of it, or a summary in place of the orders."""
    if variant == "full" or "orders" not in view.history.tables:
        return view
    tables: dict[str, Table] = {
        name: table for name, table in view.history.tables.items() if name not in ORDER_TABLES
    }
    history = replace(view.history, tables=tables, summary=summarise(view))
    return View(history, view.as_of, view.consent_defaults)
