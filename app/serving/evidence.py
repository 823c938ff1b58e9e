"""What a rule found, in words: the value of a feature or of a score, as one sentence without a full stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.capabilities import SCORERS
from app.capabilities.base import Output
from app.domain.triggers import Condition
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from app.texts.catalogue import Locale, catalogue, feature_text, format_value
from app.texts.segments import cluster_text

_NOT_ASKED: Final = frozenset(
    {
        "eligible",
        "ineligible_reason",
        "horizon_days",
        "currency",
        "interval_level",
        "no_window_reason",
        "scale_max",
        "label_definition",
    }
)
"""What tells of the answer and not of the customer."""
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"probability": "share", "score": "count", "points": "value", "distance": "ratio"}
)
"""How the catalogue shows the units of scores, where it has another word."""


_CLUSTERS: Final = frozenset({"segment.cluster.name", "segment.cluster.runner_up"})


@cache
def known_scores() -> Mapping[str, Output]:
    """Return what a rule may ask of other blocks: ``<block>.<field>`` of every scorer of the register.

    Dates, and what tells of the answer and not of the customer, are left out.
    """
    return MappingProxyType(
        {
            f"{name}.{output.name}": output
            for name, scorer in SCORERS.items()
            for output in scorer.outputs
            if output.name not in _NOT_ASKED and output.unit != "date"
        }
    )


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells evidence: in which language and currency, and what declared attributes are called."""

    locale: Locale
    currency: str
    labels: Mapping[str, str]

    def told(self, condition: Condition, name: str, value: float | str | None) -> str:
        """Return what was found for a condition; ``name`` is what the value comes from."""
        if condition.subject == "score":
            return score_text(self.locale, name, value, self.currency)
        if name in LIBRARY:
            return feature_text(self.locale, name, LIBRARY[name].unit, value, self.currency)
        label = self.labels.get(name, name.removeprefix(ATTRIBUTE_PREFIX))
        unit = "flag" if condition.operator == "is" and isinstance(condition.value, bool) else "value"
        return feature_text(self.locale, name, unit, value, self.currency, label)


def score_text(locale: Locale, score: str, value: float | str | None, currency: str) -> str:
    """Return what a score says of a customer."""
    texts = catalogue(locale)["triggers"]
    if value is None:
        return str(texts["unknown_score"].format(score=score))
    if isinstance(value, str):
        shown = _word(locale, score, value)
    else:
        output = known_scores().get(score)
        unit = "count" if output is None else output.unit
        shown = format_value(locale, _UNITS.get(unit, unit), value, currency)
    return str(texts["scores"].get(score, texts["score"]).format(score=score, value=shown))


def _word(locale: Locale, score: str, word: str) -> str:
    """Return what a word of a score is called."""
    if score in _CLUSTERS:
        return cluster_text(locale, word)
    texts = catalogue(locale)
    words = texts["segments"] if score == "segment.name" else texts["triggers"]["words"]
    return str(words.get(word, word))


def plain(value: Any) -> float | str | None:
    """Return a value of a column as JSON holds it, None where it is not known."""
    if value is None or isinstance(value, str):
        return value
    return None if np.isnan(value) else float(value)
