"""Both languages say the same, with the same numbers in it."""

from __future__ import annotations

from string import Formatter

import pytest

from app.estimators.scores import NAMES
from app.texts.catalogue import LOCALES, Locale
from training.planning.words import CATALOGUE, amount, ends, percent, say, segment_label, table, with_ends
from training.sentences import sentences


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    en, zh = (sentences(CATALOGUE)[locale] for locale in LOCALES)
    assert en.keys() == zh.keys()
    for name, sentence in en.items():
        assert places(sentence) == places(zh[name]), name
        assert sentence.strip(), name
        assert zh[name].strip(), name


@pytest.mark.parametrize("locale", LOCALES)
def test_every_segment_has_a_name(locale: Locale) -> None:
    labels = [segment_label(locale, name) for name in (*NAMES, "all", "unnamed", None)]
    assert len(set(labels)) == len(labels)


def test_a_sentence_without_its_value_is_refused() -> None:
    assert say("en", "title", business="a shop") == "Planning report: a shop"
    with pytest.raises(KeyError):
        say("en", "title")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1,234"), (99.96, "100.0"), (12.34, "12.3"), (0.04, "0"), (-0.04, "0"), (-250.6, "-251")],
)
def test_amounts_have_the_digits_that_a_plan_needs(value: float, shown: str) -> None:
    assert amount(value) == shown


def test_ranges_and_shares_are_written_as_known() -> None:
    assert ends({"low": 1.0, "high": 200.0}) == "1.0–200"
    assert with_ends({"expected": 9.0, "low": 1.0, "high": 200.0}) == "9.0 (1.0–200)"
    assert with_ends({"expected": 9.0, "low": None, "high": None}) == "9.0"
    assert (percent(None), percent(0.051), percent(0.51)) == ("–", "5.1%", "51%")


def test_no_word_of_the_data_breaks_a_table() -> None:
    assert table(["a"], [["x|y\nz"]]) == ["| a |", "| --- |", "| x\\|y z |", ""]
