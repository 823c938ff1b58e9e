"""N-grams of texts as hashed buckets: what a text model reads, and how much of it each text holds.

Rules:

1. Texts are made alike first (:mod:`app.estimators.characters`). Letters and digits of alphabetic scripts
   form words; every other character that is not a blank is a sign: Chinese, punctuation, emoji, marks.
2. Character n-grams of one to four are taken of windows with a sign and without a blank; n-grams of one to
   three words of the words, whatever stands between them.
3. A word that follows an English negator in the same clause is taken a second time, as a negated word.
4. An n-gram is told by a hash of its code points alone, in 64 bits; its bucket is the highest bits of that.
   Nothing of the text can be read back from a bucket.
5. A gram that stands c times in a text weighs 1 + log(c), over the Euclidean length of the text's weights to
   the power of 3/4: of a longer text more is believed, though not in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array
from app.estimators.characters import made_alike

CHARACTERS: Final = 4
"""The longest n-gram of characters."""
WORDS: Final = 3
"""The longest n-gram of words."""
_NEGATORS: Final = (
    "not no never none nobody nothing neither nor nowhere without hardly barely scarcely lack lacks lacking "
    "cannot can't cant couldn't couldnt didn't didnt doesn't doesnt don't dont hadn't hasn't haven't isn't "
    "isnt wasn't wasnt weren't won't wont wouldn't wouldnt shouldn't aren't arent ain't"
)
NEGATORS: Final = tuple(_NEGATORS.split())
"""English words after which the words of the clause mean the opposite."""

_DAMPING: Final = 0.75
_WHOLE: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15
_CODE: Final = 0xC2B2AE3D27D4EB4F
_KIND: Final = 0xD6E8FEB86659FD93
_LONGEST_WORD: Final = 32
"""Characters of a word beyond this all count as if they stood there."""
_POWERS: Final = np.array([pow(_STEP, k + 1, 1 << 64) for k in range(_LONGEST_WORD)], dtype=np.uint64)
# What tells kinds of n-grams apart: characters by length, words by length, negated words.
_SALTS: Final = np.array(
    [kind * _KIND & _WHOLE for kind in (1, 2, 3, 4, 16, 17, 18, 32)],
    dtype=np.uint64,
)
_BLANK, _LETTER, _SIGN = 0, 1, 2
_LAST_ALPHABETIC: Final = 0x2000
"""Code points from 0xC0 up to this are letters, but for a few signs among them."""
_LAST_ASCII: Final = 127
_ENDS_CLAUSE: Final = np.isin(np.arange(_LAST_ASCII + 1), [ord(sign) for sign in ".,!?;:\0"])


@dataclass(frozen=True, slots=True)
class Grams:
    """The grams of N texts, each text's once: whose, which bucket, how heavy. Sorted by text and bucket.

    ``owner`` is int64, ``bucket`` uint32, ``weight`` float64, all of shape (G,).
    """

    owner: Array
    bucket: Array
    weight: Array


def grams(texts: Sequence[str], bits: int) -> Grams:
    """Return the hashed n-grams of texts.

    Parameters
    ----------
    texts : sequence of str, length N
    bits : int
        There are 2 ** bits buckets; at most 32.

    Returns
    -------
    Grams
        A text that holds nothing to read has none.
    """
    return grams_of_alike([made_alike(text) for text in texts], bits)


def grams_of_alike(alike: Sequence[str], bits: int) -> Grams:
    """Return the hashed n-grams of N texts that are made alike already."""
    size = len(alike)
    codes = _codes(alike)
    kind = _KIND_OF[np.minimum(codes, _LAST_ALPHABETIC)]
    owner = np.add.accumulate(codes == 0, dtype=np.int64) - 1
    parts = [*_of_characters(codes, kind), *_of_words(codes, kind, owner)]
    place = np.concatenate([part[0] for part in parts])
    hashes = np.concatenate([part[1] for part in parts])
    salts = np.repeat(_SALTS, [len(part[0]) for part in parts])
    key = (owner[place].astype(np.uint64) << np.uint64(bits)) | (
        _mixed(hashes + salts) >> np.uint64(64 - bits)
    )
    key.sort()
    begins = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, dtype=np.int64)
    times = np.diff(begins, append=len(key))
    joined = key[begins]
    owner_of = (joined >> np.uint64(bits)).astype(np.int64)
    weight = 1.0 + np.log(times)
    norm = np.sqrt(np.bincount(owner_of, weight * weight, size))
    bucket = (joined & np.uint64((1 << bits) - 1)).astype(np.uint32)
    return Grams(owner_of, bucket, weight / (norm**_DAMPING)[owner_of])


def word_hash(word: str) -> int:
    """Return the hash of one word, as rule 4 takes it of a text."""
    total = 0
    for place, character in enumerate(word):
        step = int(_POWERS[min(place, _LONGEST_WORD - 1)])
        total += (ord(character) * _CODE & _WHOLE) * step
    return total & _WHOLE


def negated_word_bucket(word: str, bits: int) -> int:
    """Return the bucket of a word that follows a negator (rule 3)."""
    hashes = _mixed(np.array([word_hash(word)], dtype=np.uint64) + _SALTS[-1])
    return int(hashes[0]) >> (64 - bits)


def _codes(texts: Sequence[str]) -> Array:
    """Return the code points of all texts, each text after a zero and between blanks."""
    joined = "".join(f"\0 {text} " for text in texts)
    return np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")


def _of_characters(codes: Array, kind: Array) -> list[tuple[Array, Array]]:
    """Return for each length the places and hashes of character n-grams (rule 2)."""
    is_sign, is_solid = kind == _SIGN, kind != _BLANK
    code = codes.astype(np.uint64) * np.uint64(_CODE)
    hashes, has_sign, solid = code, is_sign, is_solid
    parts = []
    for k in range(CHARACTERS):
        if k:
            hashes = hashes[:-1] * np.uint64(_STEP) + code[k:]
            has_sign, solid = has_sign[:-1] | is_sign[k:], solid[:-1] & is_solid[k:]
        place = np.flatnonzero(has_sign & solid)
        parts.append((place, hashes[place]))
    return parts


def _of_words(codes: Array, kind: Array, owner: Array) -> list[tuple[Array, Array]]:
    """Return the places and hashes of n-grams of words, by length, then of negated words (rules 2 and 3)."""
    is_word = kind == _LETTER
    begins = is_word.copy()
    begins[1:] &= ~is_word[:-1]
    place = np.flatnonzero(begins)
    if not len(place):
        return [(place, place.astype(np.uint64))] * (WORDS + 1)
    letters = np.flatnonzero(is_word)
    first = np.flatnonzero(begins[letters])
    length = np.diff(first, append=len(letters))
    within = letters - np.repeat(place, length)
    steps = _POWERS[np.minimum(within, _LONGEST_WORD - 1)]
    words = np.add.reduceat(codes[letters].astype(np.uint64) * np.uint64(_CODE) * steps, first)
    parts, hashes = [(place, words)], words
    whose = owner[place]
    for k in range(1, WORDS):
        hashes = hashes[:-1] * np.uint64(_STEP) + words[k:]
        together = np.flatnonzero(whose[: len(hashes)] == whose[k:])
        parts.append((place[together], hashes[together]))
    negated = np.flatnonzero(_is_negated(codes, place, words))
    parts.append((place[negated], words[negated]))
    return parts


def _is_negated(codes: Array, place: Array, words: Array) -> Array:
    """Return which words follow a negator in their clause, bool of shape (words,)."""
    nearest = np.minimum(np.searchsorted(_NEGATOR_HASHES, words), len(_NEGATOR_HASHES) - 1)
    is_negator: Array = _NEGATOR_HASHES[nearest] == words
    if not is_negator.any():
        return is_negator
    clause = np.add.accumulate(_ENDS_CLAUSE[np.minimum(codes, _LAST_ASCII)], dtype=np.int64)[place]
    before: Array = np.add.accumulate(is_negator, dtype=np.int64) - is_negator
    begins = np.r_[True, clause[1:] != clause[:-1]]
    answer: Array = before > np.maximum.accumulate(np.where(begins, before, 0))
    return answer


def _mixed(hashes: Array) -> Array:
    """Return hashes whose high bits depend on every bit."""
    mixed = (hashes ^ (hashes >> np.uint64(31))) * np.uint64(_CODE)
    answer: Array = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(_STEP)
    return answer


def _kinds_of_characters() -> Array:
    """Return what each code point is up to the last alphabetic one; beyond it every one is a sign."""
    kinds = np.full(_LAST_ALPHABETIC + 1, _SIGN, dtype=np.uint8)
    kinds[[0, ord(" ")]] = _BLANK
    kinds[[ord(sign) for sign in "'0123456789abcdefghijklmnopqrstuvwxyz"]] = _LETTER
    kinds[0xC0:_LAST_ALPHABETIC] = _LETTER
    return kinds


_KIND_OF: Final = _kinds_of_characters()
_NEGATOR_HASHES: Final = np.array(sorted(word_hash(word) for word in NEGATORS), dtype=np.uint64)
