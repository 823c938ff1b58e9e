"""The text model: its formula, its answers to odd texts, and its file, broken one thing at a time."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators import ngrams
from app.estimators.characters import made_alike
from app.estimators.grams import grams
from app.estimators.ngrams import (
    CHARACTERS_AT_ONCE,
    NGRAM_KEYS,
    NgramModel,
    batches,
    read_ngrams,
    softmax,
    write_ngrams,
)

BITS = 32
WORDS = {"good": (-1.0, 0.0, 1.5), "bad": (2.0, 0.5, -1.0), "好": (-0.5, 0.0, 0.5)}


def model() -> NgramModel:
    """Return a model that knows three n-grams."""
    known = sorted((int(grams([word], BITS).bucket[0]), said) for word, said in WORDS.items())
    return NgramModel(
        BITS,
        np.array([bucket for bucket, _ in known], dtype=np.uint32),
        np.array([said for _, said in known], dtype=np.float32),
        np.array([0.1, 0.2, -0.3]),
        0.55,
    )


def arrays() -> dict[str, Any]:
    with np.load(io.BytesIO(write_ngrams(model()))) as archive:
        return {name: archive[name] for name in archive.files}


def file_of(found: dict[str, Any], **said: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{**found, **said})
    return buffer.getvalue()


def test_margins_are_the_intercept_and_what_known_grams_add() -> None:
    # good, bad, and both: three grams of one weight, of which two are known.
    weight = 3 ** (-3 / 8)
    expected = np.array([0.1, 0.2, -0.3]) + weight * (np.array(WORDS["good"]) + np.array(WORDS["bad"]))
    assert np.allclose(model().margins(["good bad"]), expected)
    assert np.allclose(model().probabilities(["good bad"]), softmax(expected[None, :]))
    assert model().known(["good bad"]).tolist() == pytest.approx([2 / 3])


def test_probabilities_add_up_and_one_text_is_what_it_is_in_a_batch() -> None:
    texts = [f"good bad {k} 好" for k in range(300)] + ["", "\ud800", "x" * 4000]
    found = model().probabilities(texts)
    assert found.shape == (303, 3)
    assert np.allclose(found.sum(axis=1), 1)
    for k in (0, 255, 256, 300, 302):
        assert np.array_equal(found[k], model().probabilities([texts[k]])[0])


def test_texts_are_read_so_many_at_a_time_that_their_characters_are_few() -> None:
    texts = ["\ufdfa" * 4000, "", "好", *["\ufdfa坏" * 2000] * 9, *["ok"] * 20_000]
    found = [*batches(texts)]
    assert [alike for some in found for alike in some] == [made_alike(text) for text in texts]
    assert 4 <= len(found) <= 6
    assert max(sum(map(len, some)) for some in found) <= CHARACTERS_AT_ONCE
    assert max(map(len, found)) < 20_000
    assert [*batches([])] == []


def test_a_text_of_which_nothing_is_known_gets_the_intercept_and_a_share_of_zero() -> None:
    p, known = model().answers(["", "unknown words", "未知"])
    assert np.allclose(p, softmax(np.array([[0.1, 0.2, -0.3]])))
    assert known.tolist() == [0, 0, 0]


def test_no_texts_and_no_buckets_are_answers() -> None:
    empty = NgramModel(BITS, np.empty(0, np.uint32), np.empty((0, 3), np.float32), np.zeros(3), 0.5)
    assert model().probabilities([]).shape == (0, 3)
    assert np.allclose(empty.probabilities(["good"]), 1 / 3)
    assert read_ngrams(write_ngrams(empty)).known(["good"]).tolist() == [0]


def test_the_file_gives_the_model_back() -> None:
    data = write_ngrams(model())
    again = read_ngrams(data)
    assert again.bits == BITS
    assert again.abstain_below == 0.55
    for name in ("buckets", "weights", "intercept"):
        assert np.array_equal(getattr(again, name), getattr(model(), name))
    assert write_ngrams(again) == data


def test_no_word_is_in_the_file() -> None:
    data = write_ngrams(model())
    assert all(word.encode() not in data for word in WORDS)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("bits", np.array([9], dtype=np.int64), "bits is 9"),
        ("bits", np.array([33], dtype=np.int64), "bits is 33"),
        ("bits", np.array([20], dtype=np.int64), "beyond the number of buckets"),
        ("bits", np.array([32], dtype=np.int32), "<i4"),
        ("bits", np.array([32, 32], dtype=np.int64), "bits is of shape"),
        ("buckets", np.zeros(3, dtype=np.uint32), "do not rise"),
        ("buckets", np.zeros((3, 1), dtype=np.uint32), "buckets of"),
        ("buckets", np.array([1, 2], dtype=np.uint32), "weights is of shape"),
        ("weights", np.full((3, 3), np.nan, dtype=np.float32), "weights holds a number"),
        ("weights", np.full((3, 3), 1e9, dtype=np.float32), "weights holds a number"),
        ("weights", np.zeros((3, 2), dtype=np.float32), "weights is of shape"),
        ("weights", np.zeros((3, 3)), "<f8"),
        ("weights", np.asfortranarray(np.ones((3, 3), dtype=np.float32)), "was expected"),
        ("weights", np.zeros((3, 3, 1), dtype=np.float32), "was expected"),
        ("intercept", np.array([0.0, np.inf, 0.0]), "intercept holds a number"),
        ("intercept", np.zeros(2), "intercept is of shape"),
        ("abstain_below", np.array([1.5]), "abstain_below holds a number"),
        ("abstain_below", np.array([-0.1]), "below 0"),
    ],
)
def test_an_array_that_is_not_as_it_must_be_is_refused(name: str, value: Array, says: str) -> None:
    with pytest.raises(StructureError, match=says):
        read_ngrams(file_of(arrays(), **{name: value}))


def test_an_array_more_or_less_is_refused() -> None:
    found = arrays()
    with pytest.raises(StructureError, match="nothing else"):
        read_ngrams(file_of(found, more=np.zeros(1)))
    for name in NGRAM_KEYS:
        with pytest.raises(StructureError, match="nothing else"):
            read_ngrams(file_of({key: value for key, value in found.items() if key != name}))


def test_objects_are_never_unpickled() -> None:
    with pytest.raises(StructureError, match=r"\|O"):
        read_ngrams(file_of(arrays(), intercept=np.array([print, 1, 2], dtype=object)))


def test_a_compressed_a_damaged_and_a_large_file_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays())
    with pytest.raises(StructureError, match="compressed"):
        read_ngrams(buffer.getvalue())
    whole = write_ngrams(model())
    for data in (b"", whole[: len(whole) // 2], b"no archive"):
        with pytest.raises(StructureError, match="not an archive"):
            read_ngrams(data)
    monkeypatch.setattr(ngrams, "FILE_LIMIT_BYTES", len(whole) - 1)
    with pytest.raises(StructureError, match="at most"):
        read_ngrams(whole)


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "no readable header"), (b"\x93NUMPY\x02\x00", "another version")]
)
def test_a_member_that_is_no_plain_array_is_refused(content: bytes, says: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, zipfile.ZipFile(io.BytesIO(write_ngrams(model()))) as old:
        for entry in old.infolist():
            archive.writestr(entry.filename, content if "bits" in entry.filename else old.read(entry))
    with pytest.raises(StructureError, match=says):
        read_ngrams(buffer.getvalue())


def test_a_model_that_is_sure_of_nothing_abstains_from_nothing_by_itself() -> None:
    # The threshold is kept, not applied: whoever answers decides.
    assert replace(model(), abstain_below=1.0).probabilities(["good"]).shape == (1, 3)
