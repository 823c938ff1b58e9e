from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capabilities.sentiment import CLAUSE_LIMIT
from app.domain.history import Array, History, LazyColumns, Table
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.texts import AskTexts, Text, read_texts, utf16_places, with_sentiment
from app.texts.catalogue import LOCALES
from tests.unit.api import fakes
from tests.unit.capabilities.readers import reader

READER = reader()
TEXTS = [
    Text("Delivery was quick 😡😡 but the price is bad", "a"),
    Text("物流快，但是质量差"),
    Text("", "c"),
    Text("Доставка опоздала", "d"),
    Text("good", "e", "fr"),
]


def release(*, is_published: bool = True) -> LoadedRelease:
    held = fakes.release()
    manifest = held.artifacts["churn"].manifest.model_copy(update={"capability": "sentiment"})
    artifact = LoadedArtifact(manifest, MappingProxyType({}), b"{}", b"", READER)
    return replace(held, artifacts={**held.artifacts, **({"sentiment": artifact} if is_published else {})})


def test_answer_names_release_model_and_texts_in_order() -> None:
    told = read_texts(release(), TEXTS, AskTexts())
    assert told["release"] == fakes.release().name
    assert told["model"] == {
        "capability": "sentiment",
        "version": "20261031-0123abcd",
        "tier": "rules",
        "grade": "B",
        "baseline": {"name": "base rate", "metric": "log_loss", "value": 0.6, "model_value": 0.5},
        "population": "repeat",
        "trained_as_of": "2026-10-31T00:00:00+08:00",
    }
    assert [result.get("id") for result in told["results"]] == ["a", None, "c", "d", "e"]
    assert [(result["label"], result.get("abstained_reason")) for result in told["results"]] == [
        ("negative", None),
        (None, "low_confidence"),
        (None, "no_text"),
        (None, "language_not_supported"),
        (None, "language_not_supported"),
    ]
    json.dumps(told, allow_nan=False)


def test_aspects_point_at_their_clauses_in_either_way_of_counting() -> None:
    text = TEXTS[0].text
    by_code_point, by_utf16 = (
        read_texts(release(), TEXTS[:1], AskTexts(offsets=offsets))["results"][0]["aspects"]
        for offsets in ("codepoint", "utf16")
    )
    assert [text[found["start"] : found["end"]] for found in by_code_point] == [
        "Delivery was quick 😡😡",
        "the price is bad",
    ]
    units = text.encode("utf-16-le")
    assert [units[2 * found["start"] : 2 * found["end"]].decode("utf-16-le") for found in by_utf16] == [
        "Delivery was quick 😡😡",
        "the price is bad",
    ]


@given(st.text(max_size=30))
def test_utf16_offsets_count_as_javascript_does(text: str) -> None:
    places = utf16_places(text)
    assert len(places) == len(text) + 1
    for offset, place in enumerate(places):
        assert place == len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("locale", LOCALES)
def test_words_for_readers_are_in_the_language_asked_for(locale: Any) -> None:
    told = read_texts(release(), TEXTS, AskTexts(locale=locale))
    label, reason = told["results"][0]["aspects"][0]["label"], told["results"][2]["abstained_text"]
    assert (label, reason) == {
        "en": ("delivery and packaging", "there is nothing to read"),
        "zh-CN": ("配送与包装", "没有可读的文字"),
    }[locale]
    assert told["locale"] == locale


def test_aspects_can_be_left_out() -> None:
    told = read_texts(release(), TEXTS, AskTexts(aspects=False))
    assert [result["aspects"] for result in told["results"]] == [[]] * len(TEXTS)


def test_without_a_published_model_every_text_says_so() -> None:
    told = read_texts(release(is_published=False), TEXTS, AskTexts(locale="zh-CN"))
    assert told["model"] is None
    for result in told["results"]:
        assert (result["label"], result["probability"], result["score"]) == (None, None, None)
        assert result["abstained_reason"] == "no_model"
        assert result["abstained_text"]
        assert result["aspects"] == []
    assert [result["language"] for result in told["results"]] == ["en", "zh", "unknown", "unknown", "en"]


def test_text_of_very_many_clauses_is_read_in_part_and_a_warning_says_so() -> None:
    told = read_texts(release(), [Text("bad price, " * 300), Text("ok")], AskTexts())
    assert len(told["results"][0]["aspects"]) == CLAUSE_LIMIT
    (warning,) = told["warnings"]
    assert warning["code"] == "aspects_cut"
    assert "1 text(s)" in warning["detail"]


def test_warning_does_not_depend_on_how_many_aspects_are_told() -> None:
    for text, codes in (
        ("bad price, " * (CLAUSE_LIMIT - 1), []),
        ("bad price, " * CLAUSE_LIMIT, []),
        ("bad price, " * (CLAUSE_LIMIT + 1), ["aspects_cut"]),
        ("it is ok, " * (CLAUSE_LIMIT + 1), ["aspects_cut"]),
    ):
        told = read_texts(release(), [Text(text)], AskTexts())
        assert [warning["code"] for warning in told["warnings"]] == codes
        assert "is_cut" not in told["results"][0]


def test_no_texts_give_no_results() -> None:
    assert read_texts(release(), [], AskTexts())["results"] == []


def history(columns: Any, offsets: tuple[int, ...] = (0, 2, 2, 3)) -> History:
    size = len(offsets) - 1
    feedback = Table(np.array(offsets), columns, np.ones(size, dtype=bool))
    return History(tuple("abc"[:size]), "UTC", MappingProxyType({"feedback": feedback}), {}, {})


def texts(*values: str | None) -> Array:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def plain(columns: dict[str, Array]) -> dict[str, Array]:
    return columns


def lazy(columns: dict[str, Array]) -> LazyColumns:
    return LazyColumns(columns, columns.__getitem__)


@pytest.mark.parametrize("form", [plain, lazy])
def test_texts_on_record_get_a_score_each(form: Callable[[dict[str, Array]], Any]) -> None:
    given_columns = {"score": np.array([1.0, 2.0, 3.0]), "text": texts("great", None, "Доставка")}
    held = history(form(given_columns))
    told = with_sentiment(held, READER).tables["feedback"]
    assert list(told.columns) == ["score", "text", "sentiment"]
    assert len(told.columns) == 3
    assert told["sentiment"].dtype == np.float64
    assert told["sentiment"][0] > 0.5
    assert np.isnan(told["sentiment"][1:]).all()
    assert told["score"] is given_columns["score"]
    assert told.offsets is held.tables["feedback"].offsets
    assert "sentiment" not in held.tables["feedback"].columns


def test_sentiment_on_record_is_told_anew() -> None:
    held = history({"text": texts("great"), "sentiment": np.array([-1.0])}, (0, 1))
    told = with_sentiment(held, READER).tables["feedback"]
    assert told["sentiment"][0] > 0.5
    assert list(told.columns) == ["text", "sentiment"]


def test_history_without_texts_stays_as_it_is() -> None:
    without = history({"score": np.array([1.0, 2.0, 3.0])})
    assert with_sentiment(without, READER) is without
    empty = replace(without, tables=MappingProxyType({}))
    assert with_sentiment(empty, READER) is empty


def test_history_without_rows_of_feedback_gets_an_empty_column() -> None:
    told = with_sentiment(history({"text": texts()}, (0, 0)), READER)
    assert told.tables["feedback"]["sentiment"].shape == (0,)
