"""What is asked, of which texts, and what must be reached. One set of settings answers everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from app.domain.history import Array
from benchmarks.text.contenders import (
    Told,
    learned,
    most_frequent,
    ours,
    scikit_learn,
    shipped_base,
    snownlp,
    told_by,
    vader,
)
from benchmarks.text.sets import (
    CLOTHING,
    HOTELS,
    SHOPPING,
    TWEETS,
    Texts,
    clothing,
    clothing_sides,
    hotels,
    shopping,
    shopping_without_hotels,
    split,
    tweets,
)

ADAPTED_WITH: Final = (200, 1_000, 5_000)
"""Labelled texts of the new trade."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What everybody says of N texts, ours first, and their classes."""

    told: tuple[Told, ...]
    label: Array
    learned_from: int


@dataclass(frozen=True, slots=True)
class Question:
    """One question: what it is about, which files it needs, and the AUC or macro-F1 that ours must reach.

    ``beats`` names contenders that ours must be above in macro-F1.
    """

    title: str
    about: str
    files: tuple[Path, ...]
    ask: Callable[[], Answers]
    auc: float | None = None
    beats: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Return the files that are not there."""
        return [path.name for path in self.files if not path.is_file()]


def trained_and_tested(
    train: Texts, test: Texts, analyzers: Sequence[str], lexicon: Callable[[Texts], Told | None] | None = None
) -> Answers:
    """Return what everybody says of texts after learning from others.

    Parameters
    ----------
    analyzers : sequence of str
        Of what scikit-learn takes 1-2-grams: ``char``, ``word``.
    lexicon : callable, optional
        A peer that learns from nothing here: VADER, SnowNLP.
    """
    told = [ours(train, test), shipped_base(test)]
    told += [scikit_learn(train, test, analyzer=analyzer) for analyzer in analyzers]
    own = None if lexicon is None else lexicon(test)
    told += [*([] if own is None else [own]), most_frequent(train, test)]
    return Answers(tuple(told), test.label, len(train.label))


def adapted() -> Iterator[Told]:
    """Yield what a model of clothing reviews says of tweets, as it is and after some labelled tweets.

    Beside each: the lexica as they ship, after the same tweets.
    """
    train, test = split(tweets())
    foreign, seconds = learned(clothing())
    yield told_by(foreign, test, f"clothing reviews, no tweet (fitted in {seconds:.0f} s)")
    yield shipped_base(test)
    for count in ADAPTED_WITH:
        some = Texts(train.texts[:count], train.label[:count])
        yield ours(some, test, base=foreign, name=f"clothing reviews and {count:,} tweets")
        yield ours(some, test, name=f"lexica and {count:,} tweets")
        yield scikit_learn(some, test, analyzer="word")
    yield ours(train, test, name=f"lexica and all {len(train.label):,} tweets")
    yield vader(test)


def _chinese() -> Answers:
    # SnowNLP takes 15 ms a text; it is asked about hotels only.
    return trained_and_tested(*split(shopping()), ("char",))


def _hotels() -> Answers:
    return trained_and_tested(shopping_without_hotels(), hotels(), ("char",), snownlp)


def _english(texts: Callable[[], Texts]) -> Answers:
    return trained_and_tested(*split(texts()), ("word", "char"), vader)


def _adapted() -> Answers:
    label = split(tweets())[1].label
    return Answers(tuple(adapted()), label, len(clothing().label))


QUESTIONS: Final[Mapping[str, Question]] = {
    "shopping": Question(
        "Chinese shop reviews",
        "online_shopping_10_cats, two classes, random 80/20, seed 0.",
        (SHOPPING,),
        _chinese,
        auc=0.979,
    ),
    "hotels": Question(
        "Chinese, another trade: shop reviews without hotels, tested on hotel reviews",
        "Learned from online_shopping_10_cats without the category 酒店, tested on chnsenticorp_htl. A third "
        "of these hotel reviews stand word for word among the texts in SnowNLP's package.",
        (SHOPPING, HOTELS),
        _hotels,
        auc=0.90,
    ),
    "clothing": Question(
        "English clothing reviews",
        "womens_clothing_reviews, the text without its title, 3 stars left out, random 80/20, seed 0.",
        (CLOTHING,),
        partial(_english, clothing_sides),
        auc=0.967,
    ),
    "tweets": Question(
        "English tweets to airlines, three classes",
        "twitter_us_airline, random 80/20, seed 0.",
        (TWEETS,),
        partial(_english, tweets),
        beats=("VADER",),
    ),
    "adaptation": Question(
        "From clothing reviews to tweets",
        "Learned from all clothing reviews (3 stars neutral), then from 200, 1,000 and 5,000 labelled tweets "
        "(scikit-learn: from those tweets alone, in the same order); tested on the same tweets as above.",
        (CLOTHING, TWEETS),
        _adapted,
    ),
}
