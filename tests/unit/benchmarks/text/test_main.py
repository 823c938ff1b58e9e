"""The command: pages that are written, bounds that are missed, and the code it ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.text import __main__ as command
from benchmarks.text import questions
from benchmarks.text.contenders import Told
from benchmarks.text.questions import Answers, Question

LABEL = np.array([0, 1, 2, 2])
P = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7], [0.1, 0.1, 0.8]])


def answers() -> Answers:
    right = Told("Kith", P[:, 2], P, P.argmax(axis=1), 1.0, 20.0, 4096)
    other = Told("VADER", np.zeros(4), None, np.zeros(4, dtype=int), us_per_text=90.0, note="as it is")
    return Answers((right, other), LABEL, 1234)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Question]:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")

    def question(**said: Any) -> Question:
        return Question("Tiny", "Made up.", **{"files": (), "ask": answers, **said})

    known = {
        "tiny": question(auc=0.9, beats=("VADER",)),
        "hard": question(auc=1.1),
        "gone": question(files=(Path("nowhere.csv"),)),
    }
    monkeypatch.setattr(questions, "QUESTIONS", known)
    return known


def test_held_bounds_end_with_0_and_pages_are_written(
    asked: dict[str, Question], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["tiny", "--out", str(tmp_path / "new")]) == 0
    assert "MISSED" not in capsys.readouterr().err
    page = (tmp_path / "new" / "text-tiny.md").read_text("utf-8")
    assert page.startswith("## Tiny\n")
    assert "1,234 texts learned from, 4 texts told" in page
    assert "* held: AUC 1.0000, at least 0.9" in page
    assert "* held: macro-F1 1.0000, above 0.1333 of VADER" in page
    assert "| VADER | 0.5000 | 0.1333 | 0.2500 | – | – | 0.0 | 90 | – | as it is |" in page
    document = json.loads((tmp_path / "new" / "text-tiny.json").read_text("utf-8"))
    assert document["lines"][0]["name"] == "Kith"


def test_a_missed_bound_ends_with_1(
    asked: dict[str, Question], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["hard", "--out", str(tmp_path)]) == 1
    assert "MISSED: hard: AUC 1.0000, at least 1.1" in capsys.readouterr().err


def test_files_that_are_not_there_are_skipped(
    asked: dict[str, Question], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["gone", "--out", str(tmp_path)]) == 2
    assert "skipped gone: nowhere.csv is not there" in capsys.readouterr().out


def test_an_unknown_question_is_refused(asked: dict[str, Question], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        command.main(["other", "--out", str(tmp_path)])
