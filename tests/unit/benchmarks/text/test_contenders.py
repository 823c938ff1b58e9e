"""What each contender says, and what it costs."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.text import contenders
from benchmarks.text.contenders import most_frequent, ours, scikit_learn, shipped_base, snownlp, vader
from benchmarks.text.sets import Texts
from tests.unit.benchmarks.text.made import made


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_who_learned_tells_the_classes_apart(analyzer: str) -> None:
    train, test = made(240), made(30, seed=1)
    for told in (ours(train, test), scikit_learn(train, test, analyzer=analyzer)):
        assert told.p is not None
        assert np.allclose(told.p.sum(axis=1), 1)
        assert (told.label == test.label).mean() > 0.9
        assert told.score[test.label == 2].min() > told.score[test.label == 0].max()
    assert ours(train, test).bytes_ is not None


def test_a_class_that_scikit_learn_never_saw_has_no_probability() -> None:
    train = made(240)
    sides = train.take(np.flatnonzero(train.label != 1))
    told = scikit_learn(sides, made(30, seed=1), analyzer="word")
    assert told.p is not None
    assert (told.p[:, 1] == 0).all()


def test_lexica_and_vader_know_good_from_bad_without_learning() -> None:
    test = made(30, seed=1)
    for told in (shipped_base(test), vader(test)):
        assert told.fit_seconds == 0
        assert told.score[test.label == 2].min() > told.score[test.label == 0].max()


def test_vader_is_cut_by_its_own_rule() -> None:
    found = vader(Texts(("a good coat", "a coat", "a bad coat", " "), np.array([2, 1, 0, 1])))
    assert found.label.tolist() == [2, 1, 0, 1]
    assert found.p is None


def test_the_most_frequent_class_is_told_for_everything() -> None:
    train = Texts(("a", "b", "c"), np.array([0, 0, 2]))
    told = most_frequent(train, made(5))
    assert told.label.tolist() == [0] * 5
    assert len(set(told.score.tolist())) == 1


def test_snownlp_is_asked_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda _: None)
    assert snownlp(made(3)) is None
    fake: Any = ModuleType("snownlp")
    fake.SnowNLP = lambda text: SimpleNamespace(sentiments=float("good" in text))
    monkeypatch.setitem(sys.modules, "snownlp", fake)
    monkeypatch.setattr(contenders, "find_spec", lambda _: object())
    told = snownlp(Texts(("good", "bad"), np.array([2, 0])))
    assert told is not None
    assert told.label.tolist() == [2, 0]


def test_texts_that_are_all_alike_cannot_be_learned_from() -> None:
    same = Texts(("good",) * 20, np.tile([0, 2], 10))
    with pytest.raises(ValueError, match="too alike"):
        ours(same, same)
