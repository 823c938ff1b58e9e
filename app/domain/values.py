"""From plain values to one column of a history: None and absent are missing, and nothing else is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from app.domain.clock import to_microseconds
from app.domain.history import CODE, FLAG, NAT, NUMBER, TABLES, TEXT, TIME, Array, empty_column


def read_column(kind: str | tuple[str, ...], values: Sequence[Any]) -> Array:
    """Return a column of a kind, shape (R,), missing where a value is None."""
    if kind == TEXT:
        return _texts(values)
    if values.count(None) == len(values):
        return empty_column(kind, len(values))
    if isinstance(kind, tuple):
        index, otherwise = _WORDS[kind]
        return np.array([index.get(value, otherwise) for value in values], dtype=np.int16)
    return _READERS[kind](values)


def microseconds(value: Any) -> int:
    """Return a time in microseconds; datetimes must be aware."""
    return to_microseconds(value) if isinstance(value, datetime) else int(value)


def times_of(values: Sequence[Any]) -> Array:
    """Return times as int64 microseconds, ``NAT`` where missing."""
    return np.array([NAT if value is None else microseconds(value) for value in values], dtype=np.int64)


def numbers(values: Sequence[Any]) -> Array:
    """Return numbers and flags as float64, NaN where missing."""
    return np.array(values, dtype=np.float64)  # NumPy reads None as NaN


def codes(values: Sequence[Any]) -> Array:
    """Return ids as numbers in the order of their first appearance, -1 where missing."""
    seen: dict[Any, int] = {None: -1}
    return np.array([seen.setdefault(value, len(seen) - 1) for value in values], dtype=np.int64)


def _texts(values: Sequence[Any]) -> Array:
    column = np.empty(len(values), dtype=object)
    column[:] = [None if value is None else str(value) for value in values]
    return column


def _word_index(words: tuple[str, ...]) -> tuple[dict[Any, int], int]:
    """Return the code of each word, and of an unknown one: ``other`` where that exists, else missing."""
    index: dict[Any, int] = {word: code for code, word in enumerate(words)}
    return {None: -1, **index}, index.get("other", -1)


_WORDS: Final = {
    kind: _word_index(kind)
    for spec in TABLES.values()
    for kind in spec.columns.values()
    if isinstance(kind, tuple)
}
_READERS: Final[Mapping[str, Callable[[Sequence[Any]], Array]]] = {
    TIME: times_of,
    NUMBER: numbers,
    FLAG: numbers,
    CODE: codes,
}
