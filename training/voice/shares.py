"""Shares and means of what customers said, with 95 % intervals, and whether they changed.

Rules:

1. Rows of one customer are no independent witnesses: an interval is as wide as if there were fewer rows, by
   the design effect that the customers' own means show; where all rows agree, one row for each customer.
2. Shares have Wilson intervals, differences of shares Newcombe's, means Student's with the customers'
   degrees of freedom.
3. A change is clear where its interval leaves out zero; of twenty that are none, one looks clear by chance.
4. Hidden are numbers of a group of one to four customers: who answered, wrote, opened a case, speaks of a
   topic or blames it, is without a value, or denies profiling, within the time or the type that is told.
   With such a number goes the next smallest one of its row or column, if the total would give it away, and
   all else of the same group: intervals, differences, values. Nobody is no group: a zero is told.
5. A share of five customers or more is told with its count, even where something is so for one to four of
   them. Not so where these are a group by themselves: changes of who speaks of a topic, and of who blames it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.special import stdtrit

from app.domain.history import Array
from training.planning.lift import FEWEST, LEVEL, hidden, wilson

Part = dict[str, Any]

_SHARE: Final = ("count", "of", "customers", "share", "low", "high")
_MEAN: Final = ("rows", "customers", "mean", "low", "high")


def customers_in(owner: Array) -> int:
    """Return how many different customers own some rows."""
    return len(np.unique(owner))


def is_small(owner: Array) -> bool:
    """Return whether rows are of one to four customers, so that no number of them is told (rule 4)."""
    return 0 < customers_in(owner) < FEWEST


def share_of(is_so: Array, owner: Array, *, is_hidden: bool | None = None) -> Part:
    """Return the share of rows for which something is so, with its count and interval.

    Parameters
    ----------
    is_so : ndarray of bool, shape (R,)
    owner : ndarray of int, shape (R,)
        Whose row it is.
    is_hidden : bool, optional
        Whether it is not told; by the number of customers if not given.
    """
    if is_small(owner) if is_hidden is None else is_hidden:
        return {"is_hidden": True, **dict.fromkeys(_SHARE)}
    if not len(owner):
        return {"is_hidden": False, **dict.fromkeys(_SHARE), "count": 0, "of": 0, "customers": 0}
    share, low, high = _interval(is_so, owner)
    told = (int(is_so.sum()), len(owner), customers_in(owner), share, low, high)
    return {"is_hidden": False, **dict(zip(_SHARE, told, strict=True))}


def shares_by(is_so: Array, owner: Array, group: Array, groups: int) -> list[Part]:
    """Return the share in each group of rows; those that would give a hidden one away are hidden, too."""
    rows = [np.flatnonzero(group == g) for g in range(groups)]
    untold = hidden_in(np.array([customers_in(owner[own]) for own in rows], dtype=np.int64))
    return [
        share_of(is_so[own], owner[own], is_hidden=is_hidden)
        for own, is_hidden in zip(rows, untold.tolist(), strict=True)
    ]


def hidden_in(counts: Array) -> Array:
    """Return which of the numbers of customers in the parts of a whole are not told; zeros are told.

    Parameters
    ----------
    counts : ndarray of int, shape (G,)
    """
    told: Array = hidden(counts[:, None])[:, 0] & (counts > 0)
    return told


def count_of(owner: Array) -> Part:
    """Return how many rows there are, and of how many customers; hidden by rule 4."""
    is_hidden = is_small(owner)
    return {
        "is_hidden": is_hidden,
        "rows": None if is_hidden else len(owner),
        "customers": None if is_hidden else customers_in(owner),
    }


def people_count(customers: int) -> Part:
    """Return a number of customers; hidden by rule 4."""
    is_hidden = 0 < customers < FEWEST
    return {"is_hidden": is_hidden, "customers": None if is_hidden else customers}


def hidden_cells(counts: Array, rows: Array, columns: Array) -> Array:
    """Return which cells of a table are not told along either axis, bool of shape (G, H); zeros are told.

    Parameters
    ----------
    counts : ndarray of int, shape (G, H)
        Customers in each cell.
    rows, columns : ndarray of bool, shapes (G,) and (H,)
        Which totals are hidden: nothing of such a row or column is told.
    """
    found: Array = ((counts < FEWEST) | rows[:, None] | columns) & (counts > 0)
    while True:
        before = found.copy()
        for line, is_out in [*zip(counts, found, strict=True), *zip(counts.T, found.T, strict=True)]:
            _hide_neighbour(line, is_out)
        if (found == before).all():
            return found


def _hide_neighbour(counts: Array, is_out: Array) -> None:
    """Hide the next smallest cells of a line, in place, until what is hidden holds two cells and enough."""
    for cell in np.argsort(counts, kind="stable").tolist():
        if not is_out.any() or (is_out.sum() > 1 and counts[is_out].sum() >= FEWEST):
            return
        is_out[cell] |= counts[cell] > 0


def change_of(is_now: Array, is_so: Array, owner: Array, *, of_groups: bool = False) -> Part:
    """Return by how much a share differs between the rows of now and those before.

    Parameters
    ----------
    is_now : ndarray of bool, shape (R,)
    is_so : ndarray of bool, shape (R,)
    owner : ndarray of int, shape (R,)
    of_groups : bool
        Whether those for whom it is so are a group by themselves, so that all is hidden where they are one to
        four customers at either time (rule 5).

    References
    ----------
    Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.
    """
    groups = (owner[is_so & is_now], owner[is_so & ~is_now])
    is_hidden = True if of_groups and any(map(is_small, groups)) else None
    now, before = (share_of(is_so[rows], owner[rows], is_hidden=is_hidden) for rows in (is_now, ~is_now))
    if now["share"] is None or before["share"] is None:
        return _changed(now, before, None, None, None)
    difference = now["share"] - before["share"]
    low = difference - float(np.hypot(now["share"] - now["low"], before["high"] - before["share"]))
    high = difference + float(np.hypot(now["high"] - now["share"], before["share"] - before["low"]))
    return _changed(now, before, difference, low, high)


def volume_change(is_now: Array, owner: Array, expected: float = 0.5) -> Part:
    """Return whether there are more rows now than before, against the share of now that is to be expected.

    Parameters
    ----------
    expected : float
        Share of now among the orders of both times; a half where times are of one length and orders unknown.

    Returns
    -------
    dict
        ``now`` and ``before`` are counts, ``ratio`` is what they are to each other over what was expected.
    """
    if is_small(owner[is_now]) or is_small(owner[~is_now]):
        return {"is_hidden": True, **dict.fromkeys(("now", "before", "ratio", "low", "high", "is_clear"))}
    now, before = int(is_now.sum()), int((~is_now).sum())
    told: Part = {"is_hidden": False, "now": now, "before": before}
    if not before or not 0.0 < expected < 1.0:
        return told | dict.fromkeys(("ratio", "low", "high", "is_clear"))
    odds = expected / (1.0 - expected)
    ratio, low, high = (
        None if share >= 1.0 else share / (1.0 - share) / odds for share in _interval(is_now, owner)
    )
    is_clear = bool((low is not None and low > 1.0) or (high is not None and high < 1.0))
    return told | {"ratio": ratio, "low": low, "high": high, "is_clear": is_clear}


def mean_of(values: Array, owner: Array, *, is_hidden: bool | None = None) -> Part:
    """Return a mean with its interval; without one where it is of one customer, or all values are alike.

    Parameters
    ----------
    values : ndarray, shape (R,)
        Without NaN.
    owner : ndarray of int, shape (R,)
    """
    if is_small(owner) if is_hidden is None else is_hidden:
        return {"is_hidden": True, **dict.fromkeys(_MEAN)}
    told: Part = {"is_hidden": False, "rows": len(values), "customers": customers_in(owner)}
    if not len(values):
        return told | dict.fromkeys(("mean", "low", "high"))
    mean, reach = float(values.mean()), _reach(values, owner)
    ends = (None, None) if reach is None else (mean - reach, mean + reach)
    return told | {"mean": mean, "low": ends[0], "high": ends[1]}


def means_by(values: Array, owner: Array, group: Array, groups: int) -> list[Part]:
    """Return the mean in each group of rows; those that would give a hidden one away are hidden, too."""
    rows = [np.flatnonzero(group == g) for g in range(groups)]
    untold = hidden_in(np.array([customers_in(owner[own]) for own in rows], dtype=np.int64))
    return [
        mean_of(values[own], owner[own], is_hidden=is_hidden)
        for own, is_hidden in zip(rows, untold.tolist(), strict=True)
    ]


def mean_change(is_now: Array, values: Array, owner: Array) -> Part:
    """Return by how much a mean differs between the rows of now and those before."""
    now, before = (mean_of(values[rows], owner[rows]) for rows in (is_now, ~is_now))
    if now["low"] is None or before["low"] is None:
        return _changed(now, before, None, None, None)
    difference = now["mean"] - before["mean"]
    reach = float(np.hypot(now["high"] - now["mean"], before["high"] - before["mean"]))
    return _changed(now, before, difference, difference - reach, difference + reach)


def _changed(
    now: Part, before: Part, difference: float | None, low: float | None, high: float | None
) -> Part:
    is_clear = None if low is None or high is None else not low <= 0.0 <= high
    told = {"difference": difference, "low": low, "high": high, "is_clear": is_clear}
    return {"level": LEVEL, "now": now, "before": before, **told}


def _interval(is_so: Array, owner: Array) -> tuple[float, float, float]:
    """Return a share and its interval (rules 1 and 2)."""
    share, rows = float(is_so.mean()), _independent(is_so, owner)
    low, high = wilson(np.array([share * rows]), np.array([rows]))
    # Rounding may put an end on the wrong side of a share of 0 or 1.
    return share, min(float(low[0]), share), max(float(high[0]), share)


def _independent(is_so: Array, owner: Array) -> float:
    """Return how many independent rows would tell a share as well as these (Kish's effective size)."""
    share, rows, customers = float(is_so.mean()), len(owner), customers_in(owner)
    if customers == 1 or share in {0.0, 1.0}:
        return float(customers)
    variance = _variance(is_so.astype(np.float64), owner)
    if variance <= 0.0:
        return float(rows)
    return float(np.clip(share * (1.0 - share) / variance, 1.0, rows))


def _variance(values: Array, owner: Array) -> float:
    """Return the variance of a mean whose rows hang together by customer (linearised)."""
    _, place = np.unique(owner, return_inverse=True)
    sums = np.bincount(place, weights=values - values.mean())
    customers = len(sums)
    return float(customers / (customers - 1) * (sums**2).sum() / len(values) ** 2)


def _reach(values: Array, owner: Array) -> float | None:
    """Return half the width of the interval of a mean; None of one customer, or where all values are one."""
    customers = customers_in(owner)
    if customers == 1 or values.min() == values.max():
        return None
    return float(stdtrit(customers - 1, (1.0 + LEVEL) / 2.0) * np.sqrt(_variance(values, owner)))
