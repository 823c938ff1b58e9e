"""Which trigger rules fire for N customers, since when, on what evidence.

Rules:

1. A condition is worked out once for all customers, on columns; words are made only for what fired.
2. A value that is not known makes a condition false, but for ``is_known: false``. A score of a block that is
   not there makes every condition on it false.
3. A rule speaks of features of the full history. Where only a summary was given, its feature of the same
   meaning stands in (``TWINS``); without one the value is not known.
4. What fired is dated by ``since``: the local midnight of the day on which that feature crossed the rule's
   threshold. Without ``since``, and where it did not cross, it is dated ``as_of``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.domain.clock import from_microseconds
from app.domain.history import Array
from app.domain.triggers import Condition, Value
from app.serving.evidence import Teller, plain
from app.serving.rules import TWINS, Compiled, Rules, Since, blocks_of, features_of, rules_of
from app.texts.catalogue import Locale

__all__ = ["Firing", "Rules", "blocks_of", "features_of", "fire", "holding", "rules_of"]

Firing = dict[str, Any]
"""One rule that fired for one customer: rule_id, fired_at, text, evidence, suggests."""
Columns = Mapping[str, Array]


def fire(  # noqa: PLR0913, PLR0917  a bundle would only hide that an answer needs all of this
    rules: Rules,
    columns: Columns,
    scores: Columns,
    as_of: Array,
    timezone: str,
    locale: Locale,
    currency: str,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> list[list[Firing]]:
    """Return what fired for each customer, in the order of the rules.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (N,)
        The features that :func:`features_of` names; what is not there is not known.
    scores : mapping of str to ndarray, shape (N,)
        Such as ``churn.risk_level``; None or NaN where not known.
    as_of : ndarray of int64, shape (N,)
        Microseconds since 1970 in UTC.
    timezone : str
        The business's IANA zone.
    currency : str
        ISO 4217, for the evidence in words.
    labels : mapping
        What declared attributes (``attribute.contract``) are called in the locale.

    Returns
    -------
    list of N lists of dicts
        ``rule_id``, ``fired_at`` (ISO 8601), ``text``, ``evidence`` of ``{feature or score, value, text}``,
        and ``suggests``; JSON-ready.
    """
    teller = Teller(locale, currency, labels)
    fired: list[list[Firing]] = [[] for _ in range(len(as_of))]
    known, held = _tested(rules, columns, scores, len(as_of))
    for one in rules.compiled:
        mask = _mask(one, held)
        for i in mask.nonzero()[0].tolist():
            at = from_microseconds(int(as_of[i]), timezone)
            fired[i].append(
                {
                    "rule_id": one.rule.id,
                    "fired_at": _fired_at(one.since, known, i, at).isoformat(),
                    "text": one.rule.text[locale],
                    "evidence": [
                        _evidence(rules.tests[test][1], known[rules.tests[test][0]], columns, i, teller)
                        for member in one.members
                        for test in member
                        if held[test][i]
                    ],
                    "suggests": list(one.rule.suggests),
                }
            )
    return fired


def holding(rules: Rules, columns: Columns, scores: Columns, size: int) -> list[Array]:
    """Return for each rule of whom it holds, bool of shape (N,) for a ``size`` of N; see :func:`fire`."""
    _, held = _tested(rules, columns, scores, size)
    return [_mask(one, held) for one in rules.compiled]


def _tested(
    rules: Rules, columns: Columns, scores: Columns, size: int
) -> tuple[list[Array | None], list[Array]]:
    """Return what is known of each subject, and where each condition holds, all of shape (N,)."""
    known = [_column(subject, columns, scores, size) for subject in rules.subjects]
    return known, [_holds(one, known[place], size) for place, one in rules.tests]


def _mask(one: Compiled, held: list[Array]) -> Array:
    """Return where every member of a rule holds; of a member one condition is enough."""
    mask: Array | None = None
    for member in one.members:
        either = held[member[0]]
        for other in member[1:]:
            either = either | held[other]
        mask = either if mask is None else mask & either
    assert mask is not None  # noqa: S101  a rule has a condition
    return mask


def _column(subject: tuple[str, str], columns: Columns, scores: Columns, size: int) -> Array | None:
    """Return what a condition asks about, shape (N,); None for a score of a block that is not there."""
    kind, name = subject
    if kind == "score":
        return scores.get(name)
    column = columns.get(name)
    twin = columns.get(TWINS[name]) if name in TWINS else None
    if column is None:
        return np.full(size, np.nan) if twin is None else twin
    return column if twin is None else np.where(np.isnan(column), twin, column)


def _numbers(column: Array) -> Array:
    """Return a column as numbers, NaN where it holds none."""
    if column.dtype != object:
        return column
    return np.array([float(v) if isinstance(v, int | float) else np.nan for v in column.tolist()])


_COMPARISONS: Final[Mapping[str, Callable[[Array, Any], Array]]] = MappingProxyType(
    {"at_least": np.greater_equal, "above": np.greater, "at_most": np.less_equal, "below": np.less}
)


def _holds(one: Condition, column: Array | None, size: int) -> Array:
    """Return where a condition holds, bool of shape (N,)."""
    if column is None:
        return np.zeros(size, dtype=bool)
    operator, value = one.operator, one.value
    if operator in _COMPARISONS:
        return _COMPARISONS[operator](_numbers(column), value)
    if operator == "is_known":
        known: Array = (
            np.array([v is not None and v == v for v in column.tolist()])  # noqa: PLR0124  NaN differs
            if column.dtype == object
            else ~np.isnan(column)
        )
        return known if value else ~known
    wanted = value if isinstance(value, tuple) else (value,)
    return _is_one_of(column, wanted)


def _is_one_of(column: Array, wanted: tuple[Value, ...]) -> Array:
    """Return where a column holds one of some words or numbers."""
    if isinstance(wanted[0], str):
        if column.dtype != object:
            return np.zeros(len(column), dtype=bool)
    else:
        column = _numbers(column)
    mask: Array = column == wanted[0]
    for one in wanted[1:]:
        mask = mask | (column == one)
    return mask


def _fired_at(since: Since | None, known: list[Array | None], i: int, at: datetime) -> datetime:
    """Return when a rule began to hold for customer ``i``, who is asked about at ``at``, a local time."""
    if since is None:
        return at
    column = known[since.subject]
    value = math.nan if column is None else float(column[i])
    beyond = value - since.threshold if since.is_rising else since.threshold - value
    if not 0 <= beyond < at.toordinal():
        return at
    days = math.ceil(beyond) - 1 if since.is_strict else math.floor(beyond)
    day = at.date() - timedelta(days=days)
    midnight = datetime(day.year, day.month, day.day, tzinfo=at.tzinfo)
    # Where clocks go forward over midnight the day begins later; it never begins after the question.
    return min(midnight.astimezone(UTC).astimezone(at.tzinfo), at)


def _evidence(
    condition: Condition, column: Array | None, columns: Columns, i: int, teller: Teller
) -> dict[str, Any]:
    """Return one condition that held for customer ``i``, with the value that was found and in words."""
    value = None if column is None else plain(column[i])
    name = one_of_twins(condition.name, columns, i) if condition.subject == "feature" else condition.name
    return {condition.subject: name, "value": value, "text": teller.told(condition, name, value)}


def one_of_twins(name: str, columns: Columns, i: int) -> str:
    """Return the name of the feature that a value comes from: the one asked for, or its twin."""
    twin = TWINS.get(name)
    if twin is None or twin not in columns or np.isnan(columns[twin][i]):
        return name
    own = columns.get(name)
    return twin if own is None or np.isnan(own[i]) else name
