"""The sentences of a report in both languages, kept as data beside the module that tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from app.texts.catalogue import Locale

Sentences = Mapping[str, Mapping[str, str]]
"""Sentences by language and name; both languages have the same."""


@cache
def sentences(path: Path) -> Sentences:
    """Return what a catalogue holds."""
    document: dict[str, dict[str, str]] = json.loads(path.read_text("utf-8"))
    return document


def said(path: Path, locale: Locale, name: str, values: Mapping[str, object]) -> str:
    """Return a sentence of a catalogue with its values.

    Raises
    ------
    KeyError
        There is no such sentence, or it wants a value that is not given.
    """
    return sentences(path)[locale][name].format(**values)
