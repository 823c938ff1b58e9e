"""The public texts: classes, splits, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.text import sets
from benchmarks.text.sets import split
from tests.unit.benchmarks.text.made import made


def test_a_split_is_of_all_texts_and_the_same_every_time() -> None:
    texts = made(50)
    train, test = split(texts)
    assert (len(train.texts), len(test.texts)) == (40, 10)
    assert sorted(train.texts + test.texts) == sorted(texts.texts)
    assert split(texts)[1].texts == test.texts
    assert split(texts, seed=1)[1].texts != test.texts
    label_of = dict(zip(texts.texts, texts.label, strict=True))
    assert [label_of[text] for text in test.texts] == test.label.tolist()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SHOPPING", "HOTELS", "CLOTHING", "TWEETS"):
        monkeypatch.setattr(sets, name, tmp_path / name)
    for read in (sets.shopping, sets.shopping_without_hotels, sets.hotels, sets.clothing, sets.tweets):
        read.cache_clear()
    return tmp_path


def test_hotels_can_be_left_out(files: Path) -> None:
    rows = {"cat": ["书籍", "酒店", "书籍"], "label": [1, 0, 0], "review": ["好", "差", None]}
    pq.write_table(pa.table(rows), files / "SHOPPING")
    assert sets.shopping().texts == ("好", "差")
    assert sets.shopping().label.tolist() == [2, 0]
    assert sets.shopping_without_hotels().texts == ("好",)


def test_hotels_without_a_text_are_left_out(files: Path) -> None:
    (files / "HOTELS").write_text('label,review\n1,"好,很好"\n0,\n0,差\n', "utf-8")
    assert sets.hotels().texts == ("好,很好", "差")
    assert sets.hotels().label.tolist() == [2, 0]


def test_three_stars_are_neutral_and_can_be_left_out(files: Path) -> None:
    rows = {"Review Text": ["a", "b", "c", None, "e"], "Rating": [1, 3, 4, 5, 2]}
    pq.write_table(pa.table(rows), files / "CLOTHING")
    assert sets.clothing().label.tolist() == [0, 1, 2, 0]
    assert sets.clothing_sides().texts == ("a", "c", "e")


def test_tweets_have_three_classes(files: Path) -> None:
    rows = {"text": ["a", "b", "c"], "airline_sentiment": ["positive", "negative", "neutral"]}
    pq.write_table(pa.table(rows), files / "TWEETS")
    assert np.array_equal(sets.tweets().label, [2, 0, 1])
