"""By which channel and at which hour customers answer: shares learned from contacts, shrunk to the segment.

The document of an artifact's settings is ``{}`` where contacts taught nothing, else

- ``recent_days``: who ordered within so many days is recent; with the number of order days it makes the
  segments (``SEGMENTS``);
- ``channels``: ``{"all": {channel: [low, mid, high]}, "by_segment": {segment: {channel: …}}}``, shares of
  contacts that are answered, for channels that were compared; ``all`` is null where none were;
- ``hours``: ``{"all": [from, to], "by_segment": {segment: …}}``, whole hours of the day; ``all`` likewise.

``by_segment`` may lack segments and may be empty: then what holds for all holds for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import CONTACT_CHANNELS, Array

ORDER_DAYS: Final = "order_days"
SILENCE: Final = "days_since_last_order"
INPUTS: Final = (ORDER_DAYS, SILENCE)
"""The features that tell a customer's segment: both are known online, with a summary through their twins."""
SEGMENTS: Final = ("no_order", "first_recent", "first_silent", "repeat_recent", "repeat_silent")
"""Nobody who has bought yet; one order day or more, and how long ago the last one was."""

_NAMES: Final = frozenset(f"features.{name}" for name in INPUTS)
_FIELDS: Final = frozenset({"recent_days", "channels", "hours"})
_PARTS: Final = frozenset({"all", "by_segment"})
_HOURS: Final = 24

Share = tuple[float, float, float]
Shares = Mapping[str, Share]
Hours = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Responses:
    """What contacts taught; empty where they taught nothing."""

    recent_days: float | None = None
    channels_of_all: Shares = field(default_factory=dict)
    channels_by_segment: Mapping[str, Shares] = field(default_factory=dict)
    hours_of_all: Hours | None = None
    hours_by_segment: Mapping[str, Hours] = field(default_factory=dict)

    @classmethod
    def of_document(cls, document: object) -> Responses:
        """Return what a document holds.

        Raises
        ------
        StructureError
            It is not a document as the module says.
        """
        if document == {}:
            return cls()
        if not isinstance(document, dict) or document.keys() != _FIELDS:
            raise StructureError(f"the responses do not hold {', '.join(sorted(_FIELDS))}")
        days = document["recent_days"]
        if not (_is_number(days) and days >= 0):
            raise StructureError("the responses' recent_days is no number of days")
        channels, channels_by = _parts(document["channels"], "channels")
        hours, hours_by = _parts(document["hours"], "hours")
        return cls(
            float(days),
            {} if channels is None else _shares(channels),
            MappingProxyType({name: _shares(part) for name, part in channels_by.items()}),
            None if hours is None else _hours(hours),
            MappingProxyType({name: _hours(part) for name, part in hours_by.items()}),
        )

    def as_document(self) -> dict[str, Any]:
        """Return the document that :meth:`of_document` reads."""
        if self.is_silent:
            return {}
        return {
            "recent_days": self.recent_days,
            "channels": {
                "all": {name: list(share) for name, share in self.channels_of_all.items()} or None,
                "by_segment": {
                    segment: {name: list(share) for name, share in shares.items()}
                    for segment, shares in self.channels_by_segment.items()
                },
            },
            "hours": {
                "all": None if self.hours_of_all is None else list(self.hours_of_all),
                "by_segment": {segment: list(hours) for segment, hours in self.hours_by_segment.items()},
            },
        }

    @property
    def is_silent(self) -> bool:
        """Whether nothing is told, of no channel and of no hour."""
        return not self.channels_of_all and self.hours_of_all is None

    @property
    def names(self) -> frozenset[str]:
        """The variables that :meth:`segment_of` reads; none where segments are not told apart."""
        return _NAMES if self.channels_by_segment or self.hours_by_segment else frozenset()

    def segment_of(self, variables: Mapping[str, Any]) -> str | None:
        """Return the segment of a customer, None where it cannot be told.

        Parameters
        ----------
        variables : mapping
            What is known by the names that expressions use, ``features.order_days`` among them.
        """
        orders, silence = (variables.get(f"features.{name}") for name in INPUTS)
        if self.recent_days is None or orders is None:
            return None
        place = segment_codes(
            np.array([orders], dtype=np.float64),
            np.array([np.nan if silence is None else silence], dtype=np.float64),
            self.recent_days,
        )
        code = int(place[0])
        return None if code < 0 else SEGMENTS[code]

    def channels(self, segment: str | None) -> Shares:
        """Return the share of contacts that are answered by channel; empty where contacts taught nothing."""
        return (
            self.channels_of_all
            if segment is None
            else self.channels_by_segment.get(segment, self.channels_of_all)
        )

    def hour(self, segment: str | None) -> Hours | None:
        """Return the hours in which most contacts are answered, from and until; None where not known."""
        return self.hours_of_all if segment is None else self.hours_by_segment.get(segment, self.hours_of_all)


def segment_codes(order_days: Array, silence: Array, recent_days: float) -> Array:
    """Return the position in ``SEGMENTS`` of each customer, int64 of shape (N,); -1 where it is not known.

    Parameters
    ----------
    order_days, silence : ndarray, shape (N,)
        Days with an order; days since the last one; NaN where not known.
    recent_days : float
        Who ordered within so many days is recent.
    """
    bought = 1 + 2 * (order_days >= 2) + (silence > recent_days)
    code = np.where(order_days == 0, 0, np.where(np.isnan(silence), -1, bought))
    answer: Array = np.where(np.isnan(order_days), -1, code).astype(np.int64)
    return answer


def _parts(document: object, name: str) -> tuple[Any, dict[str, Any]]:
    """Return what holds for all, and what holds for segments."""
    if not isinstance(document, dict) or document.keys() != _PARTS:
        raise StructureError(f"the responses' {name} do not hold {', '.join(sorted(_PARTS))}")
    by_segment = document["by_segment"]
    if not isinstance(by_segment, dict) or not by_segment.keys() <= set(SEGMENTS):
        raise StructureError(f"the responses' {name} are of other segments than {', '.join(SEGMENTS)}")
    return document["all"], by_segment


def _shares(document: object) -> Shares:
    """Return the share of each channel with its interval."""
    if not isinstance(document, dict) or not document.keys() <= set(CONTACT_CHANNELS):
        raise StructureError(f"the responses are of other channels than {', '.join(CONTACT_CHANNELS)}")
    for share in document.values():
        numbers = isinstance(share, list) and len(share) == 3 and all(_is_number(one) for one in share)
        if not numbers or not 0 <= share[0] <= share[1] <= share[2] <= 1 or share[1] == 0:
            raise StructureError("a share of answers is not low, mid and high within 0 and 1")
    return MappingProxyType({name: (share[0], share[1], share[2]) for name, share in document.items()})


def _hours(document: object) -> Hours:
    """Return from which hour until which."""
    if isinstance(document, list) and [type(one) for one in document] == [int, int]:
        begins, ends = document
        if 0 <= begins < ends <= _HOURS:
            return begins, ends
    raise StructureError("the responses' hours are not two hours of a day")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
