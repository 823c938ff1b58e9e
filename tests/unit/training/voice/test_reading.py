"""Texts are read by whom the report says, and topics by who understands clauses better."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.domain.history import Array
from app.texts.aspects import ASPECTS
from tests.unit.training.rows import run_over
from tests.unit.training.voices import GOOD, LATE, NICE, RUDE, answer, sql_of
from training.sentiment.base import base_model
from training.voice.reading import (
    NEGATIVE,
    POSITIVE,
    Cut,
    Rated,
    TopicReader,
    read,
    reader_of,
    topics_reader,
)


class Deaf:
    """A model that learned how texts begin: what begins with "Never" is negative, all else positive."""

    abstain_below = 0.5

    def answers(self, texts: Sequence[str]) -> tuple[Array, Array]:
        is_bad = np.array([text.startswith("Never") for text in texts], dtype=np.float64)
        return np.column_stack([is_bad, 0 * is_bad, 1 - is_bad]), np.ones(len(texts))


def texts(*given: str) -> Array:
    return np.array(given, dtype=object)


def rated_of(bad: str, good: str, each: int) -> Rated:
    """Return a negative text and a positive one of so many customers each."""
    return Rated(texts(*[bad] * each, *[good] * each), np.repeat([-1, 1], each), np.arange(2 * each))


def quiet(_: str) -> None:
    pass


def test_a_text_blames_and_praises_by_topic() -> None:
    base = base_model()
    found = read(base, TopicReader(base, None), texts(f"{GOOD} {LATE}", RUDE, NICE), quiet)
    told = {
        (of, ASPECTS[topic]): sign for of, topic, sign in zip(found.of, found.topic, found.sign, strict=True)
    }
    assert told[0, "product_quality"] == told[2, "delivery"] == 1
    assert told[0, "delivery"] == -1
    assert found.row.tolist() == [0, 1, 2]
    assert found.label.tolist()[1:] == [NEGATIVE, POSITIVE]
    assert found.language.tolist() == [0, 1, 1]


def test_what_cannot_be_read_is_counted_by_reason() -> None:
    base = base_model()
    found = read(base, TopicReader(base, None), texts("Очень плохо, никогда больше", GOOD, "12345"), quiet)
    assert found.row.tolist() == [1]
    assert sorted(place for places in found.unread.values() for place in places.tolist()) == [0, 2]
    assert found.of.tolist() == [0]


def test_no_text_gives_no_reading() -> None:
    found = read(base_model(), TopicReader(base_model(), None), texts(), quiet)
    assert len(found.row) == len(found.of) == 0
    assert found.unread == {}


def test_a_model_that_does_not_understand_clauses_reads_no_topics() -> None:
    bad, good = f"Never again. {LATE}", f"I was happy. {NICE}"
    rated = rated_of(bad, good, 12)
    deaf = Deaf()
    chosen, told = topics_reader(deaf, rated)
    assert told["read_by"] == "base"
    assert told["model"]["negative"] < told["base"]["negative"] == 1.0
    found = read(deaf, chosen, rated.texts, quiet)
    assert found.label.tolist() == [NEGATIVE] * 12 + [POSITIVE] * 12
    assert found.sign.tolist() == [-1] * 12 + [1] * 12


class Shifted:
    """A model that knows good from bad, and thinks well of everything."""

    abstain_below = 0.5

    def answers(self, texts: Sequence[str]) -> tuple[Array, Array]:
        p = np.array([0.3 if "late" in text else 0.0 if text else 0.5 for text in texts])
        return np.column_stack([p, 0 * p, 1 - p]), np.ones(len(texts))


def test_rated_texts_set_where_blame_ends() -> None:
    rated = rated_of(LATE, NICE, 40)
    chosen, told = topics_reader(Shifted(), rated)
    assert chosen.cut is not None
    assert 0.4 < chosen.cut.blame_until < chosen.cut.praise_from < 1.0
    assert (told["model"]["negative"], told["model"]["positive"]) == (1.0, 0.0)
    found = read(chosen.model, chosen, texts(LATE, NICE), quiet)
    assert found.sign.tolist() == [-1, 1]
    uncut = read(chosen.model, TopicReader(chosen.model, None), texts(LATE, NICE), quiet)
    assert uncut.sign.tolist() == [1, 1]


def test_a_cut_is_checked_on_customers_who_did_not_set_it() -> None:
    rated = rated_of(LATE, NICE, 40)
    # Those who check say the opposite of those who set the cut.
    turned = Rated(rated.texts, np.where(rated.owner % 2, -rated.sign, rated.sign), rated.owner)
    chosen, told = topics_reader(Shifted(), turned)
    assert chosen.cut is not None
    assert (told["model"]["negative"], told["model"]["positive"]) == (0.0, 1.0)
    assert told["model"]["of_negative"] == 20


def test_a_check_of_few_customers_is_not_told() -> None:
    rated = rated_of(LATE, NICE, 40)
    few = Rated(rated.texts, rated.sign, rated.owner % 6)
    assert topics_reader(Shifted(), few)[1]["model"] is None


def test_long_readings_keep_the_places_of_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    base = base_model()
    given = texts(LATE, "12345", GOOD, f"{GOOD} {LATE}", "12345", NICE, RUDE)
    whole = read(base, TopicReader(base, None), given, quiet)
    monkeypatch.setattr("training.voice.reading._AT_ONCE", 3)
    parts = read(base, TopicReader(base, None), given, quiet)
    assert whole.row.tolist() == [0, 2, 3, 5, 6]
    for name in ("row", "label", "score", "language", "of", "topic", "sign"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
    assert [places.tolist() for places in parts.unread.values()] == [[1, 4]]


def test_between_blame_and_praise_no_side_is_taken() -> None:
    cut = Cut(0.1, 0.3)
    assert [cut.sign_of(score) for score in (0.1, 0.2, 0.3)] == [-1, 0, 1]


def test_scores_that_run_against_the_model_set_no_cut() -> None:
    rated = rated_of(NICE, LATE, 40)
    assert topics_reader(Shifted(), rated)[0].cut is None


def test_a_model_that_does_reads_them_itself() -> None:
    base = base_model()
    rated = rated_of(LATE, NICE, 10)
    assert topics_reader(base, rated)[1]["read_by"] == "model"


@pytest.mark.parametrize("sign", [[], [1, 1]])
def test_without_texts_of_both_sides_there_is_no_check(sign: list[int]) -> None:
    deaf = Deaf()
    rated = Rated(texts(*[NICE] * len(sign)), np.array(sign, dtype=np.int64), np.arange(len(sign)))
    chosen, told = topics_reader(deaf, rated)
    assert chosen == TopicReader(deaf, None)
    assert told == {"read_by": "model", "model": None, "base": None}


def test_the_published_model_reads_and_says_how_good_it_is() -> None:
    population = SimpleNamespace(
        tier="statistical",
        grade="B",
        baseline=SimpleNamespace(model_dump=lambda: {"name": "lexicon"}),
        counts={"trained_rows": 300, "tested_rows": 310},
    )
    manifest = SimpleNamespace(
        version="20260101-0123abcd",
        variants=(SimpleNamespace(populations=(population,)),),
        trained_as_of="2026-01-01T00:00:00+00:00",
    )
    card = b'{"why_not_learned": null, "judged": {"confusion": [[8, 1, 1], [0, 5, 0], [2, 0, 9]]}}'
    artifact = SimpleNamespace(manifest=manifest, text_model=Deaf(), card=card)
    release: Any = SimpleNamespace(artifacts={"sentiment": artifact})
    reader = reader_of(release, lambda: pytest.fail("nothing is to be learned"))
    assert reader.model is artifact.text_model
    assert (reader.told["source"], reader.told["grade"], reader.told["learned_texts"]) == (
        "release",
        "B",
        300,
    )
    assert reader.told["negative"]["precision"] == reader.told["negative"]["recall"] == 0.8


def test_too_few_rated_texts_leave_it_to_the_base_model() -> None:
    rows = [answer("a", 1, LATE, score=1.0), answer("b", 2, NICE)]
    with run_over(sql_of(feedback=rows)) as run:
        reader = reader_of(None, lambda: run)
    assert (reader.told["source"], reader.told["tier"]) == ("base", "rules")
    assert reader.told["learned_texts"] == 0
    assert "2 rated texts" in reader.told["why"]
