"""Reading plain documents of lists and mappings: every fault is kept with its place, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from app.domain.clock import to_microseconds
from app.domain.triggers import Fault, Place

LONGEST_DAYS: Final = 3650.0
EARLIEST: Final = to_microseconds(datetime(2000, 1, 1, tzinfo=UTC))
LATEST: Final = to_microseconds(datetime(2100, 1, 1, tzinfo=UTC))
"""Times in microseconds lie between these: a date written as a number, such as 20261231, does not."""

_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_T = TypeVar("_T")


class DocumentReader:
    """Reads parts of a document and keeps every fault; what it returns is sound where there is none."""

    def __init__(self) -> None:
        """Begin without a fault."""
        self.faults: list[Fault] = []

    def part(
        self, document: object, place: Place, keys: tuple[str, ...], required: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return a mapping with the known keys of a document; null is the same as absent."""
        if not isinstance(document, dict):
            self.fault(place, f"expected {', '.join(keys)}")
            return {}
        for key in document:
            if key not in keys:
                self.fault((*place, str(key)), "unknown key", str(key), keys)
        found = {key: document[key] for key in keys if document.get(key) is not None}
        for key in required:
            if key not in found:
                self.fault((*place, key), "this key is required")
        return found

    def each(
        self, document: object, place: Place, most: int, read: Callable[[object, Place], _T]
    ) -> tuple[_T, ...]:
        """Return each part of a list of at most so many, read."""
        if not isinstance(document, list) or len(document) > most:
            self.fault(place, f"expected a list of at most {most}")
            return ()
        return tuple(read(one, (*place, number)) for number, one in enumerate(document))

    def id(self, part: Mapping[str, Any], place: Place) -> str:
        """Return the id of a part."""
        given = part.get("id", "-")
        if "id" in part and not (isinstance(given, str) and _ID.fullmatch(given)):
            self.fault(
                (*place, "id"), "expected snake_case: a letter, then letters, digits and _, at most 64"
            )
        return str(given)

    def unique(self, ids: list[str], place: Place) -> None:
        """Refuse ids that stand twice."""
        for number, one in enumerate(ids):
            if one in ids[:number] and one != "-":
                self.fault((*place, number, "id"), "another one has this id already")

    def word(self, given: object, place: Place, known: tuple[str, ...]) -> None:
        """Refuse what is none of the known words."""
        if not isinstance(given, str) or given not in known:
            found = given if isinstance(given, str) else ""
            self.fault(place, "unknown word", found, known)

    def days(self, part: Mapping[str, Any], key: str, place: Place) -> float | None:
        """Return a number of days, None where none is given."""
        return self.number(part, key, place, 1 / 24, LONGEST_DAYS, 1.0) if key in part else None

    def number(
        self, part: Mapping[str, Any], key: str, place: Place, low: float, high: float, default: float
    ) -> float:
        """Return a number of a part, within its bounds."""
        return self.amount(part.get(key, default), (*place, key), low, high)

    def amount(self, given: object, place: Place, low: float, high: float) -> float:
        """Return a number within its bounds."""
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if not is_number or not low <= given <= high:  # type: ignore[operator]
            self.fault(place, f"expected a number from {low:g} to {high:g}")
            return low
        return float(given)  # type: ignore[arg-type]

    def time(self, part: Mapping[str, Any], key: str, place: Place) -> int | None:
        """Return a time in microseconds: as such, as an aware datetime, or as ISO 8601 with an offset."""
        given = part.get(key)
        if given is None or (type(given) is int and EARLIEST <= given < LATEST):
            return given
        if isinstance(given, str):
            try:
                given = datetime.fromisoformat(given)
            except ValueError:
                given = None
        if isinstance(given, datetime) and given.tzinfo is not None:
            return to_microseconds(given)
        self.fault((*place, key), "expected a time with an offset, such as 2026-11-01T00:00:00+08:00")
        return 0

    def fault(self, place: Place, message: str, found: str = "", known: tuple[str, ...] = ()) -> None:
        """Keep a fault; ``known`` are the words that were expected."""
        self.faults.append(Fault(place, message, found, known))
