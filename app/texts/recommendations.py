"""What recommendations say in words, in the reader's language: reasons, warnings, and what filters took."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from string import Formatter
from typing import Final

from app.texts.catalogue import Locale, format_value

Number = float | str | None


def reason_text(
    locale: Locale, code: str, products: Sequence[str], numbers: Mapping[str, Number], currency: str
) -> str:
    """Return why a product is shown, as a sentence without a full stop.

    Parameters
    ----------
    products : sequence of str
        What the products that the reason speaks of are called.
    numbers : mapping
        The reason's own numbers, by name.
    currency : str
        ISO 4217.
    """
    template, names = _template(locale, _sentence(code, numbers))
    told = {}
    for name in names:
        if name == "products":
            told[name] = _named(locale, products)
        else:
            number, tell = _TOLD[name]
            value = numbers[number]
            told[name] = tell(locale, float(value or 0.0), currency)
    return template.format(**told)


def warning_text(locale: Locale, code: str, **values: object) -> str:
    """Return what a caller should know about a whole list, in words."""
    return catalogue()["warnings"][code][locale].format(**values)


def taken_text(locale: Locale, taken: Mapping[str, int]) -> str:
    """Return how many products each filter took, in words; "" where none took any."""
    filters = catalogue()["filters"]
    return _word(locale, "comma").join(
        warning_text(locale, "part", count=f"{count:,}", label=filters[name][locale])
        for name, count in taken.items()
        if count
    )


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Return types, reasons, sentences, sources, filters, warnings and fields, each in both languages."""
    text = files("app.texts").joinpath("recommendations.json").read_text("utf-8")
    document: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return document


def _sentence(code: str, numbers: Mapping[str, Number]) -> str:
    """Return which sentence a reason has: of an interval, by whose it is; of a pair, by what it shows."""
    if code in {"due", "bought_regularly"}:
        return f"{'once' if numbers['orders'] == 1 else 'due'}_{numbers['interval_basis']}"
    if code == "bought_before":
        return "bought_once" if numbers["orders"] == 1 else code
    if code in {"bought_with", "bought_together"}:
        lift = numbers.get("lift")
        return "bought_with" if isinstance(lift, int | float) and lift > 1 else "bought_together"
    return code


def _word(locale: Locale, name: str) -> str:
    return catalogue()["words"][name][locale]


@lru_cache(maxsize=64)
def _template(locale: Locale, sentence: str) -> tuple[str, tuple[str, ...]]:
    """Return a sentence, and the names of what is told in it."""
    text = catalogue()["sentences"][sentence][locale]
    return text, tuple(name for _, name, _, _ in Formatter().parse(text) if name)


def _named(locale: Locale, products: Sequence[str]) -> str:
    product = _word(locale, "product")
    return _word(locale, "or").join(product.format(name=name) for name in products)


def _times(locale: Locale, count: float, _: str) -> str:
    return _word(locale, "once") if count == 1 else _word(locale, "times").format(n=f"{count:,.0f}")


def _every(locale: Locale, days: float, _: str) -> str:
    """Return an interval in whole days: nobody keeps it to the hour."""
    whole = max(round(days), 1)
    return _word(locale, "every_day") if whole == 1 else _word(locale, "every").format(n=f"{whole:,}")


def _ago(locale: Locale, days: float, _: str) -> str:
    whole = math.floor(days)
    name = {0: "ago_today", 1: "ago_day"}.get(whole, "ago")
    return _word(locale, name).format(n=f"{whole:,}")


def _amount(locale: Locale, value: float, currency: str) -> str:
    return format_value(locale, "currency", value, currency)


def _share(locale: Locale, value: float, currency: str) -> str:
    return format_value(locale, "share", value, currency)


def _number(locale: Locale, value: float, currency: str) -> str:
    return format_value(locale, "number", value, currency)


_TOLD: Final[Mapping[str, tuple[str, Callable[[Locale, float, str], str]]]] = {
    "times": ("orders", _times),
    "ago": ("days_since_last", _ago),
    "every": ("interval_days", _every),
    "price": ("price", _amount),
    "price_of": ("price_of", _amount),
    "confidence": ("confidence", _share),
    "lift": ("lift", _number),
    "customers": ("customers", _number),
}
"""What sentences tell besides products: of which number of the reason, and how."""
