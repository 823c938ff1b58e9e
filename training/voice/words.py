"""The sentences of the voice report, from a catalogue that is data, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.texts.aspects import aspect_label
from app.texts.catalogue import Locale
from training.planning.words import percent, segment_label
from training.sentences import said

HIDDEN: Final = "□"
"""What stands for a number that is hidden."""

_Part = Mapping[str, Any]


CATALOGUE: Final = Path(__file__).with_suffix(".json")


def say(locale: Locale, name: str, **values: object) -> str:
    """Return a sentence with its values; a KeyError where it does not exist, or lacks one."""
    return said(CATALOGUE, locale, name, values)


def pain_label(locale: Locale, pain: _Part) -> str:
    """Return what a pain is called: a topic of texts, or cases of a type."""
    if pain["source"] == "topic":
        return aspect_label(locale, pain["name"])
    return say(locale, "cases_of", type=say(locale, f"type.{pain['name']}"))


def group_label(locale: Locale, group: str) -> str:
    """Return what a segment or a value tier is called."""
    if group == "none":
        return segment_label(locale, None)
    return group if len(group) == 1 else segment_label(locale, group)


def share_with_count(told: _Part) -> str:
    """Return a share with its counts, such as ``13% (348 of 2,633)`` without words: ``13% (348/2,633)``."""
    if told["is_hidden"]:
        return HIDDEN
    if told["share"] is None:
        return "–"
    return f"{percent(told['share'])} ({told['count']:,}/{told['of']:,})"


def share_with_ends(told: _Part) -> str:
    """Return a share with its interval and its counts: ``13% [11%–15%] (348/2,633)``."""
    if told["low"] is None:
        return share_with_count(told)
    ends = f"[{percent(told['low'])}–{percent(told['high'])}]"
    return share_with_count(told).replace(" (", f" {ends} (", 1)


def points(difference: float, digits: int = 1) -> str:
    """Return a difference with its sign."""
    return f"{difference:+.{digits}f}".replace("-", "−")


def number(value: float | None, digits: int = 2) -> str:
    """Return a number; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def count(value: int | None) -> str:
    """Return a count; what stands for a hidden one where there is none."""
    return HIDDEN if value is None else f"{value:,}"


@dataclass(frozen=True, slots=True)
class Told:
    """One report in one language, with the file names of its pictures."""

    report: _Part
    locale: Locale
    pictures: tuple[str, ...]

    def say(self, name: str, **values: object) -> str:
        """Return a sentence; what the whole report shares is always known to it."""
        shared = {"currency": self.report["currency"], "level": percent(self.report["interval_level"])}
        return say(self.locale, name, **shared, **values)

    def head(self, name: str) -> list[str]:
        """Return a heading and an empty line."""
        return [f"## {self.say(name)}", ""]

    def picture(self, name: str) -> list[str]:
        """Return the line that shows a picture, where it was drawn."""
        return [f"![{name}]({name})", ""] if name in self.pictures else []

    def month(self, name: str) -> str:
        """Return what a month is called; a star marks the running one."""
        is_starred = any(one["is_partial"] for one in self.report["months"] if one["month"] == name)
        return name + (" \\*" if is_starred else "")

    def partial(self) -> list[str]:
        """Return the line that explains the star, where there is one."""
        return [self.say("partial"), ""] if any(one["is_partial"] for one in self.report["months"]) else []

    def verdict(self, change: _Part, digits: int = 1, scale: float = 100.0) -> str:
        """Return whether a share or a mean changed."""
        if change["is_clear"] is None:
            return self.say("not_compared")
        name = "clear" if change["is_clear"] else "unclear"
        return self.say(
            name,
            difference=points(scale * change["difference"], digits),
            ends=change_ends(change, digits, scale),
        )


def change_ends(change: _Part, digits: int = 1, scale: float = 100.0) -> str:
    """Return the ends of the interval of a difference; those of shares in percentage points."""
    low, high = (points(scale * change[end], digits) for end in ("low", "high"))
    return f"{low} … {high}"
