"""What the texts speak of: topics by volume, how they sound, in which language, and how that changes.

A text may speak of several topics, so their shares add up to more than one. Every share is one of texts that
were read; intervals know that one customer may write many (:mod:`training.voice.shares`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.history import Array
from app.texts.aspects import ASPECTS
from training.voice.periods import MONTHS, Periods
from training.voice.reading import LANGUAGES, NEGATIVE, NEUTRAL, OPEN, POSITIVE, Readings
from training.voice.shares import change_of, is_small, mean_of, share_of, shares_by

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """T texts that were read, of the twelve months; ``owner``, ``month`` and the flags have shape (T,).

    ``month`` is 0 to 11. ``is_now`` are those of the latest days, ``is_recent`` those or of as many before.
    """

    found: Readings
    owner: Array
    month: Array
    is_now: Array
    is_recent: Array

    def blamed(self) -> Array:
        """Return which text blames which topic, bool of shape (T, topics)."""
        return self._by_topic(self.found.sign == NEGATIVE)

    def mentioned(self) -> Array:
        """Return which text speaks of which topic, bool of shape (T, topics)."""
        return self._by_topic(np.ones(len(self.found.of), dtype=bool))

    def _by_topic(self, wanted: Array) -> Array:
        table = np.zeros((len(self.owner), len(ASPECTS)), dtype=bool)
        table[self.found.of[wanted], self.found.topic[wanted]] = True
        return table


def read_of(found: Readings, owner: Array, at: Array, periods: Periods) -> Read:
    """Return the texts that were read, with their times.

    Parameters
    ----------
    owner, at : ndarray of int64, shape (N,)
        Of all texts that were given to the reader, of the twelve months.
    """
    times = at[found.row]
    return Read(
        found, owner[found.row], periods.month_of(times), periods.is_now(times), periods.is_recent(times)
    )


def texts_part(read: Read, periods: Periods) -> Part:
    """Return how the texts sound as a whole."""
    label, owner = read.found.label, read.owner
    is_negative = label == NEGATIVE
    recent = np.flatnonzero(read.is_recent)
    names = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE, "undecided": OPEN}
    return {
        **{name: share_of(label == sign, owner) for name, sign in names.items()},
        "mean_score": mean_of(read.found.score, owner),
        "by_language": _by_language(is_negative, owner, read.found.language),
        "months": [
            {"month": month.name, "negative": told}
            for month, told in zip(
                periods.months, shares_by(is_negative, owner, read.month, MONTHS), strict=True
            )
        ],
        "change": change_of(read.is_now[recent], is_negative[recent], owner[recent]),
    }


def topics_part(read: Read, periods: Periods) -> list[Part]:
    """Return the topics that texts speak of, those of most texts first."""
    counts = np.bincount(read.found.topic, minlength=len(ASPECTS))
    order = sorted(range(len(ASPECTS)), key=lambda k: (-counts[k], k))
    return [_topic(read, periods, k) for k in order if counts[k]]


def _topic(read: Read, periods: Periods, topic: int) -> Part:
    found, owner = read.found, read.owner
    rows = np.flatnonzero(found.topic == topic)
    text, sign = found.of[rows], found.sign[rows]
    own, month = owner[text], read.month[text]
    is_mentioned, is_blamed = np.zeros(len(owner), dtype=bool), np.zeros(len(owner), dtype=bool)
    is_mentioned[text], is_blamed[text[sign == NEGATIVE]] = True, True
    is_negative, is_recent = sign == NEGATIVE, read.is_recent[text]
    recent = np.flatnonzero(read.is_recent)
    told = share_of(is_mentioned, owner, is_hidden=is_small(own))
    # The customers of a share are those of all texts; here are meant those who speak of the topic.
    told["customers"] = None if told["is_hidden"] else len(np.unique(own))
    negatives = shares_by(is_negative, own, month, MONTHS)
    return {
        "topic": ASPECTS[topic],
        "texts": told,
        "negative": share_of(is_negative, own),
        "positive": share_of(sign == POSITIVE, own),
        "undecided": share_of(sign == 0, own),
        "negative_of_sided": share_of(is_negative[sign != 0], own[sign != 0]),
        # The mean of 1, 0 and -1: a score of a clause has no zero of its own.
        "balance": mean_of(sign.astype(np.float64), own),
        "by_language": _by_language(is_negative, own, found.language[text]),
        "months": [
            {"month": one.name, "negative": negative}
            for one, negative in zip(periods.months, negatives, strict=True)
        ],
        "change": {
            "mentioned": change_of(read.is_now[recent], is_mentioned[recent], owner[recent], of_groups=True),
            "blamed": change_of(read.is_now[recent], is_blamed[recent], owner[recent], of_groups=True),
            # Those whose mention is negative are those who blame it.
            "negative": change_of(
                read.is_now[text][is_recent], is_negative[is_recent], own[is_recent], of_groups=True
            ),
        },
    }


def _by_language(is_negative: Array, owner: Array, language: Array) -> list[Part]:
    """Return the share that is negative by language, of those that have a text."""
    told = shares_by(is_negative, owner, language, len(LANGUAGES))
    return [
        {"language": name, "negative": one}
        for name, one in zip(LANGUAGES, told, strict=True)
        if one["is_hidden"] or one["of"]
    ]
