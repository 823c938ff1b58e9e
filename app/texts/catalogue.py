"""Sentences in the reader's language, from catalogues that are data.

Every feature of the library has a label and a sentence in every locale; a test holds the catalogues to the
library. A sentence may have a form of its own for zero (``none``), for one or all (``one``), for less than
zero (``negative``). A declared attribute brings its own label.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal

Locale = Literal["en", "zh-CN"]
Units = Mapping[str, str]
LOCALES: Final[tuple[Locale, ...]] = ("en", "zh-CN")

_SMALL_SHARE: Final = 0.001
"""A share above zero and below this is not told to more digits."""
_SMALL: Final = 0.005
"""The same for a bare number."""
_WHOLE_AMOUNT: Final = 100.0
"""An amount from here on is told without its cents."""


@lru_cache(maxsize=len(LOCALES))
def catalogue(locale: Locale) -> dict[str, Any]:
    """Return the catalogue of a locale."""
    text = files("app.texts").joinpath(f"{locale}.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def feature_label(locale: Locale, feature: str) -> str:
    """Return the label of a library feature."""
    label: str = catalogue(locale)["features"][feature]["label"]
    return label


def ineligible_text(locale: Locale, reason: str) -> str:
    """Return why no score is given, in words."""
    text: str = catalogue(locale)["ineligible"][reason]
    return text


def warning_text(locale: Locale, code: str, **values: object) -> str:
    """Return what a caller should know about the whole answer, in words."""
    text: str = catalogue(locale)["warnings"][code].format(**values)
    return text


def format_value(locale: Locale, unit: str, value: float | str, currency: str) -> str:
    """Return a value with its unit, in words; numbers are rounded for reading.

    Parameters
    ----------
    unit : str
        days, share (of 1), flag, currency, value (as given, of a declared attribute), else a bare number.
    currency : str
        ISO 4217.
    """
    if isinstance(value, str):
        return value
    if unit == "currency":
        is_whole = abs(value) >= _WHOLE_AMOUNT or value == round(value)
        return f"{currency} {value:,.{0 if is_whole else 2}f}"
    if unit == "value":
        return _rounded(value, digits=2 if abs(value) < 1000 else 0)
    return _FORMATS.get(unit, _bare)(catalogue(locale)["units"], value)


def _share(units: Units, value: float) -> str:
    """Return a share of 1 as a percentage."""
    if 0 < value < _SMALL_SHARE:
        return units["small_share"]
    return units["share"].format(n=_rounded(100 * value, digits=1 if value < 0.1 else 0))


def _flag(units: Units, value: float) -> str:
    return units["yes"] if value else units["no"]


def _bare(units: Units, value: float) -> str:
    return units["small"] if 0 < value < _SMALL else _number(value)


def _days(units: Units, value: float) -> str:
    """Return a number of days; parts of a day are told below ten days only."""
    if 0 < value < 1:
        return units["under_a_day"]
    shown = _rounded(value, digits=1 if value < 10 else 0)
    return units["day"] if shown == "1" else units["days"].format(n=shown)


_FORMATS: Final = {"days": _days, "share": _share, "flag": _flag}


def _number(value: float) -> str:
    """Return a number with as many digits as a reader needs."""
    size = abs(value)
    return _rounded(value, digits=0 if size >= 100 else 1 if size >= 1 else 2)


def _rounded(value: float, digits: int) -> str:
    """Return a number with thousands set apart and without idle zeros."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:,.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def word_label(locale: Locale, section: str, word: str | None) -> str | None:
    """Return what a word of an answer is called in a section of the catalogue; None where there is none."""
    if word is None:
        return None
    label: str = catalogue(locale)[section][word]
    return label


def reason_text(
    locale: Locale, capability: str, direction: Literal["raises", "lowers"], sentence: str
) -> str:
    """Return what a sentence about a customer does to the answer of a capability, in words."""
    return str(catalogue(locale)["reason"][capability][direction].format(sentence=sentence))


def feature_text(
    locale: Locale,
    feature: str,
    unit: str,
    value: float | str | None,
    currency: str,
    label: str | None = None,
) -> str:
    """Return what an input says of a customer, as a sentence with the actual value and without a full stop.

    Parameters
    ----------
    feature, unit : str
        A library feature's name, or a declared attribute's with its ``label``; the unit of the value.
    value : float, str or None
        None where it is not known.
    """
    texts = catalogue(locale)
    if value is None:
        sentence = texts["missing"].format(label=label or feature_label(locale, feature))
    elif label is not None:
        sentence = texts["attribute"].format(label=label, value=format_value(locale, unit, value, currency))
    else:
        sentence = _sentence(locale, feature, unit, value, currency)
    return str(sentence[:1].upper() + sentence[1:])


def _sentence(locale: Locale, feature: str, unit: str, value: float | str, currency: str) -> str:
    """Return what a library feature says of a customer, in the form that fits the value as it is shown."""
    entry = catalogue(locale)["features"][feature]
    shown_as = entry.get("as", unit)
    if isinstance(value, str):
        form = "sentence"
    elif value < 0 and "negative" in entry:
        form, value = "negative", -value
    elif value == 0:
        form = "none"
    elif shown_as == "share":
        form = "one" if value == 1 else "sentence"
    else:
        form = "one" if _number(value) == "1" else "sentence"
    told: str = entry.get(form, entry["sentence"])
    return told.format(value=format_value(locale, shown_as, value, currency))
