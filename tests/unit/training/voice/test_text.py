"""The report in words: complete, in both languages, and plain about what it does not know."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from app.texts.catalogue import LOCALES, Locale
from tests.unit.training.planning.test_text import tables
from tests.unit.training.voices import shop_report
from training.sentences import sentences
from training.voice.plots import PICTURES
from training.voice.text import LANGUAGES, markdown
from training.voice.words import CATALOGUE, say


def changed(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(shop_report()), **parts}


def reader(**parts: Any) -> dict[str, Any]:
    return {**shop_report()["reader"], **parts}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_table_has_the_same_columns_in_all_its_rows(locale: Locale) -> None:
    text = markdown(shop_report(), locale, PICTURES)
    assert len(tables(text)) == 10
    for lines in tables(text):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
        assert re.fullmatch(r"(\| --- )+\|", lines[1])
    assert not re.search(r"[{}]|None|\bnan\b", text)
    assert all(f"![{name}]({name})" in text for name in PICTURES)
    assert "![" not in markdown(shop_report(), locale, ())


def test_numbers_stand_where_they_belong() -> None:
    text = markdown(shop_report(), "en", ())
    assert "| delivery and packaging | 40 | 50% | 40 | 75% [60%–86%] (30/40) |" in text
    assert "Negative texts: 75% (30/40) now against 0.0% (0/40) before. That is a change of +75.0" in text
    assert "1. **delivery and packaging**: 30 customers. It grows: 75% (30/40) of texts blame it now" in text
    assert "□ of □ customers do not allow profiling" in text
    assert "* delivery and packaging: blamed in 75% (30/40) of texts now, 0.0% (0/40) before" in text
    assert "| delivery and packaging | 30 | 1,050 | " in text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("source", "learned", "name"),
    [
        ("release", 300, "reader.release"),
        ("release", 0, "reader.release_base"),
        ("learned", 300, "reader.learned"),
        ("base", 0, "reader.base"),
    ],
)
def test_it_says_who_read_the_texts(locale: Locale, source: str, learned: int, name: str) -> None:
    text = markdown(changed(reader=reader(source=source, learned_texts=learned)), locale, ())
    values = {"version": "`None`", "tier": "rules", "grade": "A", "learned": f"{learned:,}"}
    assert say(locale, name, **values) in text
    assert (sentences(CATALOGUE)[locale]["in_sample"] in text) is (learned > 0)
    assert sentences(CATALOGUE)[locale]["who"] in text


@pytest.mark.parametrize("read_by", ["model", "base"])
def test_it_says_who_read_the_topics(read_by: str) -> None:
    topics = {**shop_report()["reader"]["topics"], "read_by": read_by}
    text = markdown(changed(reader=reader(topics=topics)), "en", ())
    assert ("told by the base model, not by the learned one" in text) is (read_by == "base")
    uncut = {**topics, read_by: {**topics[read_by], "blame_until": None}}
    assert "labels of the model itself" in markdown(changed(reader=reader(topics=uncut)), "en", ())
    cut = {**topics, read_by: {**topics[read_by], "blame_until": -0.25, "praise_from": 0.5}}
    assert "a mention up to −0.25 counts as blame" in markdown(changed(reader=reader(topics=cut)), "en", ())
    unchecked = {"read_by": "model", "model": None, "base": None}
    assert "could not be checked" in markdown(changed(reader=reader(topics=unchecked)), "en", ())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"cases": None}, "no_cases"),
        ({"scores": []}, "no_scores"),
        ({"texts": None, "reader": None, "topics": []}, "no_texts"),
        ({"texts": None, "topics": []}, "no_read_texts"),
        ({"simulated": True}, "simulated"),
        ({"is_trained_later": True}, "later"),
        ({}, "no_churn"),
        ({}, "no_segments"),
    ],
)
def test_what_is_not_known_is_said(locale: Locale, parts: dict[str, Any], name: str) -> None:
    assert sentences(CATALOGUE)[locale][name] in markdown(changed(**parts), locale, ())


def test_what_was_not_read_is_said_with_its_reason() -> None:
    text = markdown(
        changed(reader=reader(unread={"language_not_supported": {"is_hidden": False, "texts": 7}})), "en", ()
    )
    assert "Not read: 7 in another language than English or Chinese." in text


def test_there_is_one_file_for_each_language() -> None:
    assert LANGUAGES == {"voice.md": "en", "voice.zh-CN.md": "zh-CN"}
