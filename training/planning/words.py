"""The sentences of the planning report, from a catalogue that is data, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from app.texts.catalogue import Locale, word_label
from training.planning.customers import ALL, UNNAMED
from training.sentences import said

CATALOGUE: Final = Path(__file__).with_suffix(".json")


def say(locale: Locale, name: str, **values: object) -> str:
    """Return a sentence with its values; a KeyError where it does not exist, or lacks one."""
    return said(CATALOGUE, locale, name, values)


def segment_label(locale: Locale, segment: str | None) -> str:
    """Return what a segment is called; None stands for customers without one."""
    if segment is None:
        return say(locale, "none")
    if segment in (ALL, UNNAMED):
        return say(locale, f"group.{segment}")
    return str(word_label(locale, "segments", segment))


def amount(value: float) -> str:
    """Return a number of orders or of money with as many digits as a plan needs."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"
    return "0" if text in {"0.0", "-0.0"} else text


def ends(told: Mapping[str, Any]) -> str:
    """Return the ends of a range."""
    return f"{amount(told['low'])}–{amount(told['high'])}"


def with_ends(told: Mapping[str, Any]) -> str:
    """Return what is expected with its range, where it has one."""
    if told["low"] is None:
        return amount(told["expected"])
    return f"{amount(told['expected'])} ({ends(told)})"


def percent(share: float | None) -> str:
    """Return a share as a percentage; a dash where there is nothing to share."""
    if share is None:
        return "–"
    return f"{100 * share:.1f}%" if share < 0.1 else f"{100 * share:.0f}%"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, and an empty one."""
    return [
        "| " + " | ".join(_cell(title) for title in titles) + " |",
        "| " + " | ".join("---" for _ in titles) + " |",
        *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows),
        "",
    ]


def _cell(content: str) -> str:
    """Return what stands in a cell; a word of the data may hold anything."""
    return " ".join(content.replace("|", "\\|").split())
