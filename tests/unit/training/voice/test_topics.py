"""Topics add up, and are told by language, month and change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from app.texts.aspects import ASPECTS
from tests.unit.training.tables.small import NOW
from training.voice.periods import periods_of
from training.voice.reading import NEGATIVE, POSITIVE, Readings
from training.voice.topics import Read, read_of, texts_part, topics_part

PERIODS = periods_of(to_microseconds(NOW), "UTC")
DAY = 86_400_000_000
DELIVERY, PRICE = ASPECTS.index("delivery"), ASPECTS.index("price")


def texts() -> Read:
    """Return 100 texts: 60 of now, of which 30 blame the delivery, and 40 of before, of which none does.

    Every text speaks of the delivery, every tenth also of the price, of which it says nothing good or bad.
    """
    k = np.arange(100)
    is_now = k < 60
    bad = is_now & (k % 2 == 0)
    price = np.flatnonzero(k % 10 == 0)
    found = Readings(
        row=k,
        label=np.where(bad, NEGATIVE, POSITIVE),
        score=np.where(bad, -0.8, 0.6),
        language=(k % 2),
        of=np.r_[k, price],
        topic=np.r_[np.full(100, DELIVERY), np.full(len(price), PRICE)],
        sign=np.r_[np.where(bad, -1, 1), np.zeros(len(price), dtype=np.int64)],
        unread={},
    )
    at = PERIODS.as_of - np.where(is_now, 20, 120) * DAY
    return read_of(found, k, at, PERIODS)


def topics() -> dict[str, Any]:
    return {one["topic"]: one for one in topics_part(texts(), PERIODS)}


def test_the_topic_of_most_texts_comes_first_and_others_not_at_all() -> None:
    assert list(topics()) == ["delivery", "price"]


def test_shares_carry_their_counts() -> None:
    delivery, price = topics().values()
    assert (price["texts"]["count"], price["texts"]["of"], price["texts"]["customers"]) == (10, 100, 10)
    assert price["texts"]["share"] == 0.1
    assert (delivery["negative"]["count"], delivery["positive"]["count"], delivery["undecided"]["count"]) == (
        30,
        70,
        0,
    )
    assert price["undecided"]["share"] == 1.0
    assert price["negative_of_sided"]["share"] is None
    assert delivery["negative_of_sided"]["count"] == 30
    assert delivery["balance"]["mean"] == pytest.approx(0.4)


def test_languages_and_months_hold_every_mention_once() -> None:
    delivery = topics()["delivery"]
    assert {one["language"]: one["negative"]["of"] for one in delivery["by_language"]} == {"en": 50, "zh": 50}
    assert [one["negative"]["count"] for one in delivery["by_language"]] == [30, 0]
    assert sum(one["negative"]["of"] for one in delivery["months"]) == 100
    assert len(delivery["months"]) == 12


def test_a_topic_that_gets_worse_is_clear_and_one_that_does_not_is_not() -> None:
    delivery, price = (one["change"] for one in topics().values())
    assert delivery["blamed"]["difference"] == delivery["negative"]["difference"] == 0.5
    assert delivery["blamed"]["is_clear"] is delivery["negative"]["is_clear"] is True
    assert delivery["mentioned"]["difference"] == 0.0
    assert not any(one["is_clear"] for one in price.values())


def test_the_whole_is_told_beside_the_topics() -> None:
    told = texts_part(texts(), PERIODS)
    assert (told["negative"]["count"], told["positive"]["count"], told["undecided"]["count"]) == (30, 70, 0)
    assert told["change"]["difference"] == 0.5
    assert [one["negative"]["of"] for one in told["months"] if one["negative"]["of"]] == [40, 60]


def test_who_blames_what_is_known_text_by_text() -> None:
    read = texts()
    assert read.blamed().sum(axis=0)[DELIVERY] == 30
    assert read.mentioned().sum(axis=0)[[DELIVERY, PRICE]].tolist() == [100, 10]
    assert not read.blamed()[:, PRICE].any()
