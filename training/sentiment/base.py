"""The base model: what lexica say of words, as weights of n-grams.

Rules:

1. English: the lexicon of the package vaderSentiment (MIT), read from the installed package, and the words
   of ``lexicon_en.json``, which win where both know a word. A negated word counts the other way round, by
   VADER's own factor. Emoji count as VADER rates their descriptions.
2. Chinese: the words of ``lexicon_zh.json``, written for this project, as character n-grams of up to four.
   A negator before a word turns it around. A longer word that only contains one of them says nothing.
3. A word's weight is for positive what it is against negative; neutral has a margin of its own, the same
   for every text. No word's weight is fitted to any text; the two numbers that all words share, ``SCALE``
   and ``NEUTRAL``, were set by the simulated reviews of :mod:`training.sample`, and rounded down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from app.estimators.grams import CHARACTERS, grams, negated_word_bucket
from app.estimators.ngrams import NgramModel
from training.sentiment.fit import ABSTAIN_BELOW, BITS

NEGATION: Final = 0.74
"""What is left of a negated word, turned around (Hutto & Gilbert 2014, "VADER")."""
SCALE: Final = 4.0
"""Margin between positive and negative of a text that is one word of valence 1."""
NEUTRAL: Final = 0.7
"""Margin of neutral."""
_WEAKEST: Final = 0.1


@cache
def base_model() -> NgramModel:
    """Return the base model, read from the lexica."""
    said = dict((*_english(), *_chinese()))
    kept = sorted((bucket, valence) for bucket, valence in said.items() if abs(valence) >= _WEAKEST)
    buckets = np.array([bucket for bucket, _ in kept], dtype=np.uint32)
    half = np.array([SCALE * valence / 2 for _, valence in kept])
    weights = np.stack([-half, np.zeros(len(kept)), half], axis=1).astype(np.float32)
    return NgramModel(BITS, buckets, weights, np.array([0.0, NEUTRAL, 0.0]), ABSTAIN_BELOW)


def english_valences() -> dict[str, float]:
    """Return the valence of English words, -4 to 4 (rule 1); VADER's emoticons are left out."""
    vader = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text("utf-8")
    words = {}
    for line in vader.splitlines():
        word, valence = line.split("\t")[:2]
        if word.replace("'", "").isalpha():
            words[word.lower()] = float(valence)
    own: dict[str, float] = _document("lexicon_en.json")["words"]
    return words | own


def _english() -> Iterator[tuple[int, float]]:
    """Yield buckets of English words, plain and negated, and of emoji, with their valences."""
    words = english_valences()
    for word, bucket in _buckets(words).items():
        yield bucket, words[word]
        yield negated_word_bucket(word, BITS), -(1 + NEGATION) * words[word]
    lines = files("vaderSentiment").joinpath("emoji_utf8_lexicon.txt").read_text("utf-8").splitlines()
    described = dict(line.split("\t", 1) for line in lines if "\t" in line)
    for sign, bucket in _buckets(described).items():
        yield bucket, sum(words.get(word, 0.0) for word in described[sign].split())


def _chinese() -> Iterator[tuple[int, float]]:
    """Yield buckets of Chinese words, plain and after a negator, with their valences (rule 2)."""
    words = chinese_valences()
    listed = _document("lexicon_zh.json")
    whole = dict(words)
    for negator in listed["negators"]:
        for word, valence in words.items():
            phrase = negator + word
            if len(phrase) <= CHARACTERS and phrase not in words:
                whole[phrase] = -NEGATION * valence
    whole |= dict.fromkeys(listed["nothing"], 0.0)
    for phrase, bucket in _buckets(whole).items():
        # The shorter words within it are counted on their own: the phrase adds what is missing.
        yield bucket, whole[phrase] - _within(phrase, whole)


def chinese_valences() -> dict[str, float]:
    """Return the valence of Chinese words, -3 to 3."""
    listed = _document("lexicon_zh.json")
    return {
        word: sign * float(size)
        for side, sign in (("positive", 1.0), ("negative", -1.0))
        for size, words in listed[side].items()
        for word in words
    }


def _within(phrase: str, valences: dict[str, float]) -> float:
    """Return what the shorter phrases within a phrase add up to, each with what it adds itself."""
    total = 0.0
    for length in range(1, len(phrase)):
        for start in range(len(phrase) - length + 1):
            part = phrase[start : start + length]
            if part in valences:
                total += valences[part] - _within(part, valences)
    return total


def _buckets(words: Iterable[str]) -> dict[str, int]:
    """Return the bucket of each word or sign that is one n-gram: the gram that its parts do not hold."""
    listed = list(words)
    whole, without_first, without_last = (
        grams(some, BITS) for some in (listed, [word[1:] for word in listed], [word[:-1] for word in listed])
    )
    parts = set(zip(without_first.owner.tolist(), without_first.bucket.tolist(), strict=True))
    parts |= set(zip(without_last.owner.tolist(), without_last.bucket.tolist(), strict=True))
    left: dict[str, list[int]] = {}
    for owner, bucket in zip(whole.owner.tolist(), whole.bucket.tolist(), strict=True):
        if (owner, bucket) not in parts:
            left.setdefault(listed[owner], []).append(bucket)
    return {word: found[0] for word, found in left.items() if len(found) == 1}


@cache
def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files("training.sentiment").joinpath(name).read_text("utf-8"))
    return document
