"""How the texts are read: by which model, how good it is, and what it found in them.

Rules:

1. The sentiment artifact of the release reads; without one, a model is learned from the rated texts on the
   spot, and where these are too few, or teach nothing, the base model reads. The report says which.
2. A text blames a topic where what its clauses say of it sounds bad, and praises it where that sounds good;
   else it only mentions it. Without rule 4, more clauses labelled negative than positive sound bad.
3. A model that learned from whole texts need not understand a clause by itself: it may live on how texts
   begin. So the topics of texts with a score are read by the base model, too, and where its blame tells the
   negative texts from the positive ones better, it reads all topics. The report says so.
   The choice and the cuts of rule 4 are made on the texts of every other customer, and checked on those of
   the customers between: no model is judged by texts that set its cut. A model that learned from ratings may
   have learned from these texts, too, which the base model has not; the report says so.
4. Where the blame of a clause ends is not known from whole texts. So what counts as bad is learned from texts
   with a score: a logistic curve tells mentions in negative texts from those in positive ones, both sides of
   equal weight. Where neither is twice as likely as the other, no side is taken.
5. A text that is not read (another language, no known word) has no topic and no sentiment.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.capabilities.sentiment import LOW_CONFIDENCE, NO_TEXT, SENTIMENT, TextAnswer, TextModel, predict
from app.domain.clock import to_microseconds
from app.domain.history import Array
from app.serving.release import LoadedArtifact, LoadedRelease
from app.texts.aspects import ASPECTS
from training.planning.lift import FEWEST
from training.run import Run
from training.sentiment.base import base_model
from training.sentiment.judging import confusion
from training.sentiment.learned import LearnedTexts, learn_sentiment
from training.sentiment.report import grade_of
from training.voice.shares import customers_in

LANGUAGES: Final = ("en", "zh", "mixed", "unknown")
NEGATIVE, NEUTRAL, POSITIVE, OPEN = -1, 0, 1, 2
"""How a text sounds; the last where the model is not sure."""

_SIGN: Final = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE, None: OPEN}
_WEIGHT: Final = {"negative": -1, "positive": 1}
_AT_ONCE: Final = 1_000
"""Texts in memory at a time."""
_SURE: Final = float(np.log(2.0))
"""The log-odds from which on a side is taken."""
_FEWEST_RATED: Final = 20
"""Mentions in texts of either side that a cut needs."""
_CHECKED: Final = 2_000
"""Texts with a score that both models read, at most."""

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """A model that reads, and what is told of it; ``trained_as_of`` in microseconds."""

    model: TextModel
    told: Part
    trained_as_of: int


@dataclass(frozen=True, slots=True)
class Rated:
    """Texts whose score says how they are meant: -1 negative, 1 positive; whose each is. Shape (N,) each."""

    texts: Array
    sign: Array
    owner: Array

    def of(self, rows: Array) -> Rated:
        """Return some of the texts."""
        return Rated(self.texts[rows], self.sign[rows], self.owner[rows])


@dataclass(frozen=True, slots=True)
class Cut:
    """Up to which score a mention is blame, and from which on it is praise."""

    blame_until: float
    praise_from: float

    def sign_of(self, score: float) -> int:
        """Return -1 for blame, 1 for praise, 0 for neither."""
        return int(score >= self.praise_from) - int(score <= self.blame_until)


@dataclass(frozen=True, slots=True)
class TopicReader:
    """Who tells what clauses say; by the labels of the model itself where ``cut`` is None."""

    model: TextModel
    cut: Cut | None


@dataclass(frozen=True, slots=True)
class Readings:
    """What a model found in T texts that it could read, and in M mentions of topics in them.

    ``row`` (T,) is the place of each text among those given; ``label`` (T,) one of the four above; ``score``
    (T,) in -1 to 1; ``language`` (T,) an index of ``LANGUAGES``. ``of`` (M,) is the place of a mention's text
    among the T, ``topic`` (M,) an index of ``ASPECTS``, ``sign`` (M,) -1 for blame, 1 for praise, else 0.
    ``unread`` holds the places of the other texts by reason.
    """

    row: Array
    label: Array
    score: Array
    language: Array
    of: Array
    topic: Array
    sign: Array
    unread: Mapping[str, Array]


def reader_of(release: LoadedRelease | None, run: Callable[[], Run]) -> Reader:
    """Return who reads the texts (rule 1).

    Parameters
    ----------
    run : callable
        Gives the run to learn from; called only where the release has no model of texts.
    """
    artifact = None if release is None else release.artifacts.get(SENTIMENT.name)
    if artifact is not None and artifact.text_model is not None:
        return _published(artifact, artifact.text_model)
    learning = run()
    return _learned(learn_sentiment(learning), learning.as_of)


def _published(artifact: LoadedArtifact, model: TextModel) -> Reader:
    manifest = artifact.manifest
    population = manifest.variants[0].populations[0]
    counts, card = population.counts, json.loads(artifact.card)
    told = {
        "source": "release",
        "version": manifest.version,
        "tier": population.tier,
        "grade": population.grade,
        "baseline": population.baseline.model_dump(),
        "learned_texts": counts.get("trained_rows", 0),
        "tested_texts": counts.get("tested_rows", 0),
        "trained_as_of": manifest.trained_as_of,
        "why": card.get("why_not_learned"),
        "abstains_below": float(model.abstain_below),
        "negative": _hits(np.array(card.get("judged", {}).get("confusion", ()))),
    }
    return Reader(model, told, to_microseconds(datetime.fromisoformat(manifest.trained_as_of)))


def _learned(learned: LearnedTexts, as_of: int) -> Reader:
    is_learned = learned.tier != "rules"
    told = {
        "source": "learned" if is_learned else "base",
        "version": None,
        "tier": learned.tier,
        "grade": grade_of(learned.verdict),
        "baseline": None if learned.verdict is None else learned.verdict.baseline.model_dump(),
        "learned_texts": len(learned.rated.texts) if is_learned else 0,
        "tested_texts": len(learned.rated.texts),
        "trained_as_of": None,
        "why": learned.why or None,
        "abstains_below": float(learned.model.abstain_below),
        "negative": _hits(confusion(learned.rated.label, learned.held_out)),
    }
    return Reader(learned.model, told, as_of)


def _hits(table: Array) -> Part | None:
    """Return precision and recall of negative texts, from labels (rows) against what was told; else None."""
    if table.shape != (3, 3) or not table[0].sum() or not table[:, 0].sum():
        return None
    right = int(table[0, 0])
    labelled, told = int(table[0].sum()), int(table[:, 0].sum())
    return {
        "right": right,
        "told": told,
        "labelled": labelled,
        "precision": right / told,
        "recall": right / labelled,
    }


def topics_reader(model: TextModel, rated: Rated) -> tuple[TopicReader, Part]:
    """Return who reads the topics, and how well either tells negative texts by what they blame (rule 3).

    Parameters
    ----------
    rated : Rated
        A part of them is read, evenly spread, where they are many.
    """
    step = -(-len(rated.sign) // _CHECKED) or 1
    some = rated.of(np.arange(0, len(rated.sign), step))
    is_setting = np.unique(some.owner, return_inverse=True)[1] % 2 == 0
    setting, checking = some.of(is_setting), some.of(~is_setting)
    readers, chosen_by, checks = [], [], []
    for one in (model, base_model()):
        answers = _predicted(one, setting.texts)
        readers.append(TopicReader(one, _cut_of(answers, setting.sign)))
        chosen_by.append(_blaming(answers, setting, readers[-1].cut))
        checks.append(_blaming(_predicted(one, checking.texts), checking, readers[-1].cut))
    apart = [0.0 if one is None else one["negative"] - one["positive"] for one in chosen_by]
    is_base = None not in (*chosen_by, *checks) and apart[1] > apart[0]
    told = {"read_by": "base" if is_base else "model", "model": checks[0], "base": checks[1]}
    return readers[int(is_base)], told


def _cut_of(answers: Sequence[TextAnswer], sign: Array) -> Cut | None:
    """Return where blame ends and praise begins (rule 4); None where the texts cannot tell."""
    pairs = [
        (score, side)
        for answer, side in zip(answers, sign.tolist(), strict=True)
        for _, _, score in _mentions(answer, None)
    ]
    score, side = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    if min((side == NEGATIVE).sum(), (side == POSITIVE).sum()) < _FEWEST_RATED:
        return None
    fitted = LogisticRegression(class_weight="balanced").fit(score[:, None], side == POSITIVE)
    slope, level = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0.0:
        return None
    return Cut((-_SURE - level) / slope, (_SURE - level) / slope)


def _blaming(answers: Sequence[TextAnswer], rated: Rated, cut: Cut | None) -> Part | None:
    """Return the share of negative and of positive texts on a topic that blame one; None of few customers."""
    on_topic = np.array([bool(answer.aspects) for answer in answers], dtype=bool)
    blames = np.array(
        [any(sign < 0 for _, sign, _ in _mentions(answer, cut)) for answer in answers], dtype=bool
    )
    sides = [on_topic & (rated.sign == side) for side in (NEGATIVE, POSITIVE)]
    if any(customers_in(rated.owner[side]) < FEWEST for side in sides):
        return None
    negative, positive = (float(blames[side].mean()) for side in sides)
    return {
        "negative": negative,
        "positive": positive,
        "of_negative": int(sides[0].sum()),
        "of_positive": int(sides[1].sum()),
        "blame_until": None if cut is None else cut.blame_until,
        "praise_from": None if cut is None else cut.praise_from,
    }


def read(model: TextModel, on_topics: TopicReader, texts: Array, progress: Callable[[str], None]) -> Readings:
    """Return what models find in texts.

    Parameters
    ----------
    model, on_topics : TextModel, TopicReader
        Who tells how a text sounds as a whole, and who tells what it says of which topic.
    texts : ndarray of str, shape (N,)
    progress : callable
        Is told where a long reading is.
    """
    parts: list[Readings] = []
    for start in range(0, max(len(texts), 1), _AT_ONCE):
        progress(f"reading text {start:,} of {len(texts):,}")
        parts.append(_read_part(model, on_topics, texts[start : start + _AT_ONCE]))
    # Places within a part become places among all.
    read_before = np.cumsum([0, *(len(part.row) for part in parts)])
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("label", "score", "language", "topic", "sign")
    }
    return Readings(
        row=np.concatenate([part.row + k * _AT_ONCE for k, part in enumerate(parts)]),
        of=np.concatenate([part.of + before for part, before in zip(parts, read_before, strict=False)]),
        unread={
            reason: np.concatenate(
                [part.unread[reason] + k * _AT_ONCE for k, part in enumerate(parts) if reason in part.unread]
            )
            for reason in sorted({reason for part in parts for reason in part.unread})
        },
        **columns,
    )


def _read_part(model: TextModel, on_topics: TopicReader, texts: Array) -> Readings:
    """Return what models find in some texts, by their places among these."""
    is_one = on_topics.model is model
    whole = _predicted(model, texts, with_aspects=is_one)
    topics = whole if is_one else _predicted(on_topics.model, texts)
    row: list[int] = []
    unread: dict[str, list[int]] = {}
    for place, answer in enumerate(whole):
        is_read = answer.abstained_reason in {None, LOW_CONFIDENCE}
        (row if is_read else unread.setdefault(answer.abstained_reason or NO_TEXT, [])).append(place)
    answers = [whole[place] for place in row]
    mentions = [(k, *one) for k, place in enumerate(row) for one in _mentions(topics[place], on_topics.cut)]
    return Readings(
        row=np.array(row, dtype=np.int64),
        label=np.array([_SIGN[answer.label] for answer in answers], dtype=np.int64),
        score=np.array([answer.score for answer in answers], dtype=np.float64),
        language=np.array([LANGUAGES.index(answer.language) for answer in answers], dtype=np.int64),
        of=np.array([one[0] for one in mentions], dtype=np.int64),
        topic=np.array([one[1] for one in mentions], dtype=np.int64),
        sign=np.array([one[2] for one in mentions], dtype=np.int64),
        unread={reason: np.array(places, dtype=np.int64) for reason, places in unread.items()},
    )


def _predicted(model: TextModel, texts: Array, *, with_aspects: bool = True) -> list[TextAnswer]:
    return predict(model, texts.tolist(), with_aspects=with_aspects)


def _mentions(answer: TextAnswer, cut: Cut | None) -> list[tuple[int, int, float]]:
    """Return the topics of a text, each with its sign and mean score (rule 2)."""
    labels: Counter[int] = Counter()
    scores: dict[int, list[float]] = {}
    for aspect in answer.aspects:
        topic = ASPECTS.index(aspect.aspect)
        labels[topic] += _WEIGHT.get(aspect.sentiment or "", 0)
        scores.setdefault(topic, []).append(aspect.score)
    found = []
    for topic, own in sorted(scores.items()):
        score = float(np.mean(own))
        sign = int(np.sign(labels[topic])) if cut is None else cut.sign_of(score)
        found.append((topic, sign, score))
    return found
