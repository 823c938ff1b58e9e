"""The command: pages that are written, bounds that are missed, and the code it ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pages import Answered
from benchmarks.recommendations import __main__ as command
from benchmarks.recommendations import questions


class Fixed:
    """A question whose answer is known."""

    def __init__(self, missed: list[str], absent: list[str]) -> None:
        self._missed, self._absent = missed, absent

    def missing(self) -> list[str]:
        return self._absent

    def answered(self) -> Answered:
        return "## Page\n", {"x": 1}, self._missed


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


def test_pages_are_written_and_missed_bounds_end_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"good": Fixed([], []), "bad": Fixed(["too low"], []), "gone": Fixed([], ["file"])}
    monkeypatch.setattr(questions, "QUESTIONS", asked)
    assert command.main(["good", "gone", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "recommendations-good.md").read_text("utf-8").startswith("## Page\n")
    assert command.main(["--out", str(tmp_path)]) == 1
    assert "MISSED: bad: too low" in capsys.readouterr().err
    assert command.main(["gone", "--out", str(tmp_path)]) == 2


def test_every_question_can_say_what_is_missing() -> None:
    for one in questions.QUESTIONS.values():
        assert isinstance(one.missing(), list)
