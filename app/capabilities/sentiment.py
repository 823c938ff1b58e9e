"""Sentiment: how a text sounds, from negative to positive, and what it says of which aspect of the business.

Rules:
- English, Chinese, and both in one text. A text in another script, in a language that small words give away,
  or of which the model knows nothing is not judged;
- a text is read as a whole; its label is the likeliest of three, and left open where that is less likely
  than the model's ``abstain_below``; the score is P(positive) - P(negative);
- a clause that names an aspect is read by itself, so that praise of one thing and blame of another stand
  apart; the negation, too, is the model's part;
- a clause is judged by its own words alone. What the model says of a text without a word (its intercept) is
  taken out again: it tells how content customers are with a whole purchase, and where most are content it
  would turn every complaint into praise;
- a clause is called by its score: a model that learned from ratings takes one complaint for a middling text,
  so the likeliest of three would be neutral too often;
- what names no aspect at all but has a clear sentiment speaks of something else (``other``);
- a text that is in a language that can be read, but holds no known word, may name aspects without sentiment.

The probabilities are calibrated on whole texts. Of clauses they are an ordering, less sure than they look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import numpy as np

from app.capabilities.base import TextScorer
from app.domain.history import Array
from app.texts.aspects import OTHER, Clause, read_clauses
from app.texts.clauses import has_words_or_emoji
from app.texts.languages import Language, can_be_read, language_of

LABELS: Final = ("negative", "neutral", "positive")
NO_TEXT: Final = "no_text"
LANGUAGE_NOT_SUPPORTED: Final = "language_not_supported"
NO_KNOWN_WORDS: Final = "no_known_words"
LOW_CONFIDENCE: Final = "low_confidence"
REASONS: Final = (NO_TEXT, LANGUAGE_NOT_SUPPORTED, NO_KNOWN_WORDS, LOW_CONFIDENCE)
"""Why a text is not judged. With the last its probabilities are told all the same."""

CLAUSE_LIMIT: Final = 200
"""Clauses of one text that are read by themselves; more stand in no text that somebody wrote."""

TELLING_SCORE: Final = 0.2
"""From this score on, to either side, a clause is positive or negative."""

Label = Literal["negative", "neutral", "positive"]
Reason = Literal["no_text", "language_not_supported", "no_known_words", "low_confidence"]


class TextModel(Protocol):
    """What reads texts: :class:`app.estimators.ngrams.NgramModel` is one."""

    @property
    def abstain_below(self) -> float:
        """The highest of three probabilities below which the model should not be believed."""
        ...

    def answers(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Return P(negative), P(neutral), P(positive), shape (N, 3), and shares of known n-grams, (N,).

        An empty text gets what the model holds likely before it has read a word.
        """
        ...


@dataclass(frozen=True, slots=True)
class Aspect:
    """What a clause says of an aspect; its place is in code points of the text as given, half open.

    ``sentiment`` is None where the model is not sure enough; ``score`` lies in -1 to 1.
    """

    aspect: str
    sentiment: Label | None
    score: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """How a text sounds.

    ``probability`` holds the three of ``LABELS``, and ``confidence`` is the highest of them. Where the text
    was not read it is empty, and ``score`` and ``confidence`` are None. ``label`` is None where it abstains.
    ``is_cut`` says that it has more clauses to read by themselves than ``CLAUSE_LIMIT``: aspects of the
    others are not told.
    """

    label: Label | None
    probability: Mapping[str, float]
    score: float | None
    confidence: float | None
    abstained: bool
    abstained_reason: Reason | None
    language: Language
    aspects: tuple[Aspect, ...] = ()
    is_cut: bool = False


def predict(
    model: TextModel,
    texts: Sequence[str],
    *,
    languages: Sequence[str | None] | None = None,
    with_aspects: bool = True,
) -> list[TextAnswer]:
    """Return how each of N texts sounds, in order; empty for no texts.

    Parameters
    ----------
    texts : sequence of str, length N
    languages : sequence of str or None, length N, optional
        What the senders call the languages, BCP 47: another one than English or Chinese is not read. English
        and Chinese are still told by the text itself.
    with_aspects : bool
        Whether to look for aspects.
    """
    said = languages if languages is not None else [None] * len(texts)
    reasons, found = _languages(texts, said)
    read = [i for i, reason in enumerate(reasons) if reason is None]
    p, known = model.answers([texts[i] for i in read]) if read else (np.empty((0, 3)), np.empty(0))
    judged = dict(zip(read, zip(p, known.tolist(), strict=True), strict=True))
    telling = {i: _telling(texts[i]) for i in read} if with_aspects else {}
    cut = {i for i, clauses in telling.items() if len(clauses) > CLAUSE_LIMIT}
    aspects = _aspects(model, texts, telling)
    answers = []
    for i, reason in enumerate(reasons):
        row, share = judged.get(i, (None, 0.0))
        heard = tuple(aspects.get(i, ()))
        answer = (
            _judged(row, model.abstain_below, found[i], heard)
            if row is not None and share
            else _silent(reason or NO_KNOWN_WORDS, found[i], heard)
        )
        answers.append(replace(answer, is_cut=True) if i in cut else answer)
    return answers


def scores(model: TextModel, texts: Sequence[str | None]) -> Array:
    """Return P(positive) - P(negative) of each of N texts, shape (N,).

    NaN where there is no text, or none in a language that the model reads. A text that the model is not sure
    about has a score: a number near the middle says so.
    """
    answer = np.full(len(texts), np.nan)
    given = [i for i, text in enumerate(texts) if text]
    some = [text for text in texts if text]
    reasons, _ = _languages(some, [None] * len(some))
    read = [k for k, reason in enumerate(reasons) if reason is None]
    if read:
        p, known = model.answers([some[k] for k in read])
        rows = np.array([given[k] for k in read], dtype=np.int64)
        answer[rows] = np.where(known > 0, p[:, 2] - p[:, 0], np.nan)
    return answer


def _languages(
    texts: Sequence[str], said: Sequence[str | None]
) -> tuple[list[Reason | None], list[Language]]:
    """Return why each text is not read, as far as that shows without a model, and the languages."""
    reasons: list[Reason | None] = []
    found: list[Language] = []
    for text, tag in zip(texts, said, strict=True):
        language = language_of(text)
        found.append(language)
        if not _is_said(text):
            reasons.append(NO_TEXT)
        elif not can_be_read(tag) or (language == "unknown" and any(map(str.isalpha, text))):
            reasons.append(LANGUAGE_NOT_SUPPORTED)
        else:
            reasons.append(None if has_words_or_emoji(text) else NO_KNOWN_WORDS)
    return reasons, found


def _is_said(text: str) -> bool:
    """Return whether a text holds anything that can be seen."""
    return any(character.isprintable() and not character.isspace() for character in text)


def _silent(reason: Reason, language: Language, aspects: tuple[Aspect, ...]) -> TextAnswer:
    """Return the answer for a text that was not judged; it may name aspects all the same."""
    return TextAnswer(
        label=None,
        probability={},
        score=None,
        confidence=None,
        abstained=True,
        abstained_reason=reason,
        language=language,
        aspects=aspects,
    )


def _judged(p: Array, abstain_below: float, language: Language, aspects: tuple[Aspect, ...]) -> TextAnswer:
    """Return the answer for a text that was read."""
    label, score, confidence = _verdict(p, abstain_below)
    return TextAnswer(
        label=label,
        probability=dict(zip(LABELS, p.tolist(), strict=True)),
        score=score,
        confidence=confidence,
        abstained=label is None,
        abstained_reason=LOW_CONFIDENCE if label is None else None,
        language=language,
        aspects=aspects,
    )


def _verdict(p: Array, abstain_below: float) -> tuple[Label | None, float, float]:
    """Return label, score and confidence of three probabilities."""
    best = int(p.argmax())
    confidence = float(p[best])
    label: Label | None = _LABELS[best] if confidence >= abstain_below else None
    return label, float(p[2] - p[0]), confidence


def _heard(p: Array, abstain_below: float) -> tuple[Label | None, float]:
    """Return label and score of a clause."""
    score = float(p[2] - p[0])
    if abs(score) >= TELLING_SCORE:
        return ("positive" if score > 0 else "negative"), score
    return ("neutral" if p[1] >= abstain_below else None), score


_LABELS: Final[tuple[Label, ...]] = ("negative", "neutral", "positive")
_LEAST: Final = 1e-9
"""The least probability of a class that is divided by: some models never saw a neutral text."""


def _by_words_alone(model: TextModel, clauses: Sequence[str]) -> tuple[Array, Array]:
    """Return probabilities of N clauses, shape (N, 3), and shares of known n-grams, shape (N,).

    The probabilities are those of a model to which, before a word is read, all classes are alike.
    """
    p, shares = model.answers(["", *clauses])
    odds = p[1:] / np.maximum(p[0], _LEAST)
    return odds / odds.sum(axis=1, keepdims=True), shares[1:]


def _aspects(
    model: TextModel, texts: Sequence[str], telling: Mapping[int, Sequence[Clause]]
) -> dict[int, list[Aspect]]:
    """Return what the first telling clauses of texts say of which aspect, by the text's position."""
    asked = [(i, clause) for i, clauses in telling.items() for clause in clauses[:CLAUSE_LIMIT]]
    if not asked:
        return {}
    p, shares = _by_words_alone(model, [texts[i][clause.start : clause.end] for i, clause in asked])
    told: dict[int, list[Aspect]] = {}
    for (i, clause), row, share in zip(asked, p, shares.tolist(), strict=True):
        if not clause.aspects and (not share or _verdict(row, model.abstain_below)[0] in {None, "neutral"}):
            continue
        label, score = _heard(row, model.abstain_below) if share else (None, 0.0)
        for aspect in clause.aspects or (OTHER,):
            told.setdefault(i, []).append(Aspect(aspect, label, score, clause.start, clause.end))
    return told


def _telling(text: str) -> list[Clause]:
    """Return the clauses that name aspects, all of them where none does."""
    found = read_clauses(text)
    is_named = any(clause.aspects for clause in found)
    return [clause for clause in found if clause.aspects or not is_named]


SENTIMENT: Final = TextScorer("sentiment", predict, scores)
