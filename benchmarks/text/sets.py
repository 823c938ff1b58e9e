"""The public texts, as classes, and how they are split. Nothing was chosen by the parts tested on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from app.domain.history import Array
from training.sentiment.text import NEGATIVE, NEUTRAL, POSITIVE

DATA: Final = Path(__file__).parents[3] / "shared" / "data"
"""Beside the project: the data are not part of it."""
SHOPPING: Final = DATA / "online_shopping_10_cats" / "online_shopping_10_cats.parquet"
HOTELS: Final = DATA / "chnsenticorp_htl" / "ChnSentiCorp_htl_all.csv"
CLOTHING: Final = DATA / "womens_clothing_reviews" / "womens_clothing_reviews.parquet"
TWEETS: Final = DATA / "twitter_us_airline" / "tweets.parquet"
HOTEL_CATEGORY: Final = "酒店"
TRAINED_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Texts:
    """N texts and their classes, int64 of shape (N,)."""

    texts: tuple[str, ...]
    label: Array

    def take(self, rows: Array) -> Texts:
        """Return some of the texts, in the order asked for."""
        return Texts(tuple(self.texts[row] for row in rows), self.label[rows])


def split(texts: Texts, seed: int = 0, share: float = TRAINED_SHARE) -> tuple[Texts, Texts]:
    """Return a random part to learn from and the rest to test on."""
    order = np.random.default_rng(seed).permutation(len(texts.label))
    cut = int(len(order) * share)
    return texts.take(order[:cut]), texts.take(order[cut:])


@cache
def shopping() -> Texts:
    """Return Chinese shop reviews of ten categories, negative or positive."""
    return _shopping(lambda _: True)


@cache
def shopping_without_hotels() -> Texts:
    """Return the same without hotels, which hold most of :func:`hotels`."""
    return _shopping(lambda category: category != HOTEL_CATEGORY)


@cache
def hotels() -> Texts:
    """Return Chinese hotel reviews, negative or positive."""
    with HOTELS.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["review"]]
    return _texts([row["review"] for row in rows], [_side(int(row["label"]) == 1) for row in rows])


@cache
def clothing() -> Texts:
    """Return English clothing reviews, the text alone: 1 and 2 stars, 3 stars, 4 and 5 stars."""
    columns = pq.read_table(CLOTHING, columns=["Review Text", "Rating"]).to_pydict()
    rows = [
        (text, int(rating))
        for text, rating in zip(columns["Review Text"], columns["Rating"], strict=True)
        if text
    ]
    classes = [NEGATIVE if stars < 3 else POSITIVE if stars > 3 else NEUTRAL for _, stars in rows]
    return _texts([text for text, _ in rows], classes)


def clothing_sides() -> Texts:
    """Return the clothing reviews without those of 3 stars."""
    found = clothing()
    return found.take(np.flatnonzero(found.label != NEUTRAL))


@cache
def tweets() -> Texts:
    """Return tweets to airlines, labelled negative, neutral or positive by readers."""
    columns = pq.read_table(TWEETS, columns=["text", "airline_sentiment"]).to_pydict()
    names = ("negative", "neutral", "positive")
    return _texts(columns["text"], [names.index(word) for word in columns["airline_sentiment"]])


def _shopping(wanted: Callable[[str], bool]) -> Texts:
    columns = pq.read_table(SHOPPING).to_pydict()
    rows = [
        (text, _side(label == 1))
        for text, label, category in zip(columns["review"], columns["label"], columns["cat"], strict=True)
        if text and wanted(category)
    ]
    return _texts([text for text, _ in rows], [side for _, side in rows])


def _side(is_positive: Any) -> int:
    return POSITIVE if is_positive else NEGATIVE


def _texts(texts: Sequence[str], classes: Sequence[int]) -> Texts:
    return Texts(tuple(texts), np.array(classes, dtype=np.int64))
