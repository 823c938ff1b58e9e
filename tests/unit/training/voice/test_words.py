"""Both languages say the same, with the same numbers in it."""

from __future__ import annotations

import pytest

from app.capabilities.sentiment import REASONS
from app.domain.history import CASE_TYPES, FEEDBACK_KINDS, PRIORITIES
from app.estimators.scores import NAMES
from app.texts.aspects import ASPECTS
from app.texts.catalogue import LOCALES, Locale
from tests.unit.training.planning.test_words import places
from training.sentences import sentences
from training.voice.pains import CASE_PAINS
from training.voice.reading import LANGUAGES
from training.voice.words import (
    CATALOGUE,
    HIDDEN,
    count,
    group_label,
    number,
    pain_label,
    points,
    say,
    share_with_count,
    share_with_ends,
)


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    en, zh = (sentences(CATALOGUE)[locale] for locale in LOCALES)
    assert en.keys() == zh.keys()
    for name, sentence in en.items():
        assert places(sentence) == places(zh[name]), name
        assert sentence.strip(), name
        assert zh[name].strip(), name


@pytest.mark.parametrize("locale", LOCALES)
def test_every_word_of_the_data_has_a_name(locale: Locale) -> None:
    for kind, names in (("type", CASE_TYPES), ("priority", PRIORITIES)):
        assert len({say(locale, f"{kind}.{name}") for name in (*names, "unknown")}) == len(names) + 1
    assert len({say(locale, f"language.{name}") for name in LANGUAGES}) == len(LANGUAGES)
    assert all(say(locale, f"kind.{name}", scale="5") for name in FEEDBACK_KINDS)
    assert all(say(locale, f"unread.{name}", count="1") for name in REASONS if name != "low_confidence")
    assert len({group_label(locale, name) for name in (*NAMES, "A", "none")}) == len(NAMES) + 2


@pytest.mark.parametrize("locale", LOCALES)
def test_every_pain_has_a_name(locale: Locale) -> None:
    topics = {pain_label(locale, {"source": "topic", "name": name}) for name in ASPECTS}
    cases = {pain_label(locale, {"source": "case", "name": name}) for name in CASE_PAINS}
    assert len(topics | cases) == len(ASPECTS) + len(CASE_PAINS)


def test_a_sentence_without_its_value_is_refused() -> None:
    with pytest.raises(KeyError):
        say("en", "title")


def test_numbers_are_written_as_known() -> None:
    told = {"is_hidden": False, "share": 0.125, "count": 1250, "of": 10_000, "low": 0.1, "high": 0.15}
    assert share_with_count(told) == "12% (1,250/10,000)"
    assert share_with_ends(told) == "12% [10%–15%] (1,250/10,000)"
    empty = {**told, "share": None, "low": None}
    assert (share_with_count(empty), share_with_ends(empty)) == ("–", "–")
    assert share_with_count({**told, "is_hidden": True}) == count(None) == HIDDEN
    assert (points(-1.25), points(0.5, 2), number(None), number(-0.5)) == ("−1.2", "+0.50", "–", "−0.50")
