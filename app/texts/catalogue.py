"""Sentences in the reader's language, from catalogues that are data.

Every feature of the library has a label and a sentence in every locale; a test holds the catalogues to the
library. A declared attribute brings its own label.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal

Locale = Literal["en", "zh-CN"]
LOCALES: Final[tuple[Locale, ...]] = ("en", "zh-CN")


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


def format_value(locale: Locale, unit: str, value: float | str, currency: str) -> str:
    """Return a value with its unit, in words; numbers are rounded for reading."""
    units = catalogue(locale)["units"]
    if isinstance(value, str):
        return value
    if unit == "days":
        days = round(value)
        return str(units["day"] if days == 1 else units["days"].format(n=f"{days:,}"))
    if unit == "share":
        return str(units["share"].format(n=_number(100 * value)))
    if unit == "flag":
        return str(units["yes"] if value else units["no"])
    if unit == "currency":
        return f"{currency} {value:,.2f}"
    return _number(value)


def _number(value: float) -> str:
    """Return a number with as many digits as a reader needs."""
    if not math.isfinite(value):
        return str(value)
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2g}"


def reason_text(
    locale: Locale,
    feature: str,
    unit: str,
    value: float | str | None,
    direction: Literal["raises", "lowers"],
    currency: str,
    label: str | None = None,
) -> str:
    """Return one reason as a sentence with the actual value.

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
        sentence = texts["features"][feature]["sentence"].format(
            value=format_value(locale, unit, value, currency)
        )
    return str(texts["reason"][direction].format(sentence=sentence))
