"""What is asked of which texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.text import questions
from benchmarks.text.contenders import Told, vader
from benchmarks.text.questions import QUESTIONS, adapted, trained_and_tested
from benchmarks.text.sets import Texts
from tests.unit.benchmarks.text.made import made


def said(test: Texts, name: str) -> Told:
    """Return an answer that costs nothing."""
    return Told(name, np.zeros(len(test.label)), None, np.zeros(len(test.label), dtype=int))


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody learn: what is asked of whom is the subject here."""

    def ours(train: Texts, test: Texts, *, base: str = "lexica", name: str = "Kith") -> Told:
        return said(test, f"{name} from {base} and {len(train.label)}")

    monkeypatch.setattr(questions, "ours", ours)
    monkeypatch.setattr(questions, "shipped_base", lambda test: said(test, "base"))
    monkeypatch.setattr(questions, "scikit_learn", lambda _, test, analyzer: said(test, analyzer))
    monkeypatch.setattr(questions, "learned", lambda train: (f"model of {len(train.label)}", 1.0))
    monkeypatch.setattr(questions, "told_by", lambda model, test, name: said(test, f"{name}: {model}"))


def test_ours_comes_first_and_peers_follow() -> None:
    train, test = made(24), made(20, seed=1)
    found = trained_and_tested(train, test, ("word", "char"), vader)
    names = [told.name for told in found.told]
    first = "Kith from lexica and 24"
    assert names == [first, "base", "word", "char", "VADER", "always the most frequent class"]
    assert (found.learned_from, len(found.label)) == (24, 20)
    # A peer that is not installed is left out.
    assert len(trained_and_tested(train, test, ("char",), lambda _: None).told) == 4


def test_adaptation_begins_without_a_text_of_the_new_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "clothing", lambda: made(15))
    monkeypatch.setattr(questions, "tweets", lambda: made(50, seed=2))
    monkeypatch.setattr(questions, "ADAPTED_WITH", (30,))
    assert [told.name for told in adapted()] == [
        "clothing reviews, no tweet (fitted in 1 s): model of 15",
        "base",
        "clothing reviews and 30 tweets from model of 15 and 30",
        "lexica and 30 tweets from lexica and 30",
        "word",
        "lexica and all 40 tweets from lexica and 40",
        "VADER",
    ]


def test_a_question_says_which_files_are_not_there(tmp_path: Path) -> None:
    question = questions.Question("t", "a", (tmp_path / "gone.csv", Path(__file__)), lambda: None)  # type: ignore[arg-type,return-value]
    assert question.missing() == ["gone.csv"]


def test_bounds_of_the_published_claims_stand() -> None:
    assert QUESTIONS["shopping"].auc == 0.979
    assert QUESTIONS["hotels"].auc == 0.90
    assert QUESTIONS["clothing"].auc == 0.967
    assert QUESTIONS["tweets"].beats == ("VADER",)
