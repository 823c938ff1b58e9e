"""What decisions say in words, in the reader's language: why an action, why not another, what to know."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files

from app.texts.catalogue import Locale


def layer_text(locale: Locale, layer: str) -> str:
    """Return what it means that a layer took an action away."""
    return catalogue()["layers"][layer][locale]


def rule_text(locale: Locale, rule: str, **values: object) -> str:
    """Return why a built-in rule took an action away."""
    return catalogue()["rules"][rule][locale].format(**values)


def reason_text(locale: Locale, code: str, **values: object) -> str:
    """Return why an action was chosen, or how good its numbers are."""
    return catalogue()["reasons"][code][locale].format(**values)


def warning_text(locale: Locale, code: str, **values: object) -> str:
    """Return what a caller should know about a whole decision."""
    return catalogue()["warnings"][code][locale].format(**values)


def word(locale: Locale, name: str) -> str:
    """Return what something is called."""
    return catalogue()["words"][name][locale]


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Return all sentences: section, then code, then locale."""
    text = files("app.texts").joinpath("actions.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return found
