"""What the words of a sentiment answer mean, in the reader's language."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files

from app.texts.catalogue import Locale


def abstained_text(locale: Locale, reason: str) -> str:
    """Return why a text is not judged, in words."""
    return catalogue()["abstained"][reason][locale]


def warning_text(locale: Locale, code: str, **values: object) -> str:
    """Return what a caller should know about a whole answer, in words."""
    return catalogue()["warnings"][code][locale].format(**values)


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Return labels, reasons to abstain and warnings, each in both languages."""
    text = files("app.texts").joinpath("sentiment.json").read_text("utf-8")
    document: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return document
