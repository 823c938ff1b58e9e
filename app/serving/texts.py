"""Read texts with one release: the use case behind ``POST /v1/text/sentiment``, jobs, and texts on record.

Rules: the answer is a pure function of the texts, the ask and the release; a text among others gets the same
answer as alone; what cannot be judged is an answer with a reason, never an error; no NaN leaves; no text is
kept or logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, Literal

from app.capabilities.sentiment import CLAUSE_LIMIT, SENTIMENT, Aspect, TextAnswer, TextModel, predict, scores
from app.domain.history import Array, History, LazyColumns
from app.features.support import SENTIMENT_COLUMN
from app.serving.release import LoadedArtifact, LoadedRelease
from app.texts.aspects import aspect_label
from app.texts.catalogue import Locale
from app.texts.languages import language_of
from app.texts.sentiment import abstained_text, warning_text

FEEDBACK: Final = "feedback"
TEXT_COLUMN: Final = "text"
NO_MODEL: Final = "no_model"
_FIRST_ASTRAL: Final = "\U00010000"


@dataclass(frozen=True, slots=True)
class Text:
    """One text to read: its caller's id for it, and what its caller calls its language (BCP 47)."""

    text: str
    id: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AskTexts:
    """How texts are to be answered.

    ``offsets`` are counted in Unicode code points, or in UTF-16 units as JavaScript and Java count.
    """

    locale: Locale = "en"
    offsets: Literal["codepoint", "utf16"] = "codepoint"
    aspects: bool = True


def read_texts(release: LoadedRelease, texts: Sequence[Text], ask: AskTexts) -> dict[str, Any]:
    """Return how N texts sound, in the contract's form and JSON-ready; empty ``results`` for no texts."""
    artifact = release.artifacts.get(SENTIMENT.name)
    model = None if artifact is None else artifact.text_model
    answers = [] if model is None else _read(model, texts, ask)
    results = (
        _unread(texts, ask)
        if model is None
        else [_told(text, answer, ask) for text, answer in zip(texts, answers, strict=True)]
    )
    return {
        "release": release.name,
        "locale": ask.locale,
        "model": None if artifact is None or model is None else _card(artifact),
        "results": results,
        "warnings": _warnings(answers, ask.locale),
    }


def with_sentiment(history: History, model: TextModel) -> History:
    """Return a history whose feedback has a column "sentiment": the scores of its texts, NaN where none.

    The texts are read when the column is first asked for. A history without feedback, or whose feedback has
    no column of texts, is returned as it is.
    """
    table = history.tables.get(FEEDBACK)
    if table is None or TEXT_COLUMN not in table.columns:
        return history
    known = table.columns

    def column(name: str) -> Array:
        return scores(model, known[TEXT_COLUMN].tolist()) if name == SENTIMENT_COLUMN else known[name]

    columns = LazyColumns(dict.fromkeys((*known, SENTIMENT_COLUMN)), column)
    tables = {**history.tables, FEEDBACK: replace(table, columns=columns)}
    return replace(history, tables=MappingProxyType(tables))


def _card(artifact: LoadedArtifact) -> dict[str, Any]:
    """Return who answers and how good that is."""
    manifest = artifact.manifest
    population = manifest.variants[0].populations[0]
    return {
        "capability": manifest.capability,
        "version": manifest.version,
        "tier": population.tier,
        "grade": population.grade,
        "baseline": population.baseline.model_dump(),
        "population": population.name,
        "trained_as_of": manifest.trained_as_of,
    }


def _unread(texts: Sequence[Text], ask: AskTexts) -> list[dict[str, Any]]:
    """Return the results where no model is published."""
    return [
        {
            **_named(text),
            "label": None,
            "probability": None,
            "score": None,
            "confidence": None,
            **_abstained(NO_MODEL, ask.locale),
            "language": language_of(text.text),
            "aspects": [],
        }
        for text in texts
    ]


def _read(model: TextModel, texts: Sequence[Text], ask: AskTexts) -> list[TextAnswer]:
    """Return the answers of a model."""
    return predict(
        model,
        [text.text for text in texts],
        languages=[text.language for text in texts],
        with_aspects=ask.aspects,
    )


def _warnings(answers: Sequence[TextAnswer], locale: Locale) -> list[dict[str, str]]:
    """Return what a caller should know about the whole answer."""
    count = sum(answer.is_cut for answer in answers)
    if not count:
        return []
    detail = warning_text(locale, "aspects_cut", count=count, limit=CLAUSE_LIMIT)
    return [{"code": "aspects_cut", "detail": detail}]


def _told(text: Text, answer: TextAnswer, ask: AskTexts) -> dict[str, Any]:
    is_utf16 = ask.offsets == "utf16" and answer.aspects
    places = utf16_places(text.text) if is_utf16 else range(len(text.text) + 1)
    return {
        **_named(text),
        "label": answer.label,
        "probability": dict(answer.probability) or None,
        "score": answer.score,
        "confidence": answer.confidence,
        **_abstained(answer.abstained_reason, ask.locale),
        "language": answer.language,
        "aspects": [_aspect(aspect, places, ask) for aspect in answer.aspects],
    }


def _named(text: Text) -> dict[str, Any]:
    return {} if text.id is None else {"id": text.id}


def _abstained(reason: str | None, locale: Locale) -> dict[str, Any]:
    if reason is None:
        return {"abstained": False}
    return {
        "abstained": True,
        "abstained_reason": reason,
        "abstained_text": abstained_text(locale, reason),
    }


def _aspect(found: Aspect, places: Sequence[int], ask: AskTexts) -> dict[str, Any]:
    return {
        "aspect": found.aspect,
        "label": aspect_label(ask.locale, found.aspect),
        "sentiment": found.sentiment,
        "score": found.score,
        "start": places[found.start],
        "end": places[found.end],
    }


def utf16_places(text: str) -> list[int]:
    """Return the place in UTF-16 units of each code point of a text, and of its end, length + 1 numbers.

    Characters beyond U+FFFF count twice.
    """
    return [0, *accumulate([1 + (character >= _FIRST_ASTRAL) for character in text])]
