"""The command: pages that are written, bounds that are missed, and the code it ends with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.value import __main__ as command
from benchmarks.value import contenders, questions, sets
from benchmarks.value.contenders import Told
from benchmarks.value.judging import Ranges, Windows, line
from benchmarks.value.questions import Asked, Bounds, Question
from tests.unit.benchmarks.value.asked import answer, asked, known, perfect, question

CUT = datetime(2023, 6, 30, tzinfo=UTC)
Asking = Callable[[Mapping[str, Question]], None]


def told_of(one: Question) -> Asked:
    """Return an answer to anything: nearly perfect, and windows that cover everybody."""
    told = known()
    p = perfect(told)

    def day(ahead: float) -> str:
        return (CUT + timedelta(days=min(ahead, 90))).isoformat()

    answers = tuple(
        answer(
            float(p[k]),
            1.0,
            float(told.spend[k]) + 0.1,
            (0.0, float(told.spend[k]) + 1.0),
            (day(1), day(told.wait[k]), day(90)),
        )
        for k in range(len(told.spend))
    )
    return replace(asked(told, answers), question=one)


@pytest.fixture
def ask_of(monkeypatch: pytest.MonkeyPatch) -> Asking:
    """Return what sets the questions that the command knows."""

    def setting(known_questions: Mapping[str, Question]) -> None:
        monkeypatch.setattr(sets, "QUESTIONS", known_questions)

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    # lifetimes is not everywhere that tests run.
    monkeypatch.setattr(command, "LIBRARIES", ("numpy",))
    monkeypatch.setattr(questions, "ask", told_of)
    monkeypatch.setattr(contenders, "LIFETIMES", {})
    monkeypatch.setattr(Question, "missing", lambda one: ["data.csv"] if one.title == "gone" else [])
    return setting


HELD = Bounds(gini=0.5, auc=0.9, log_loss=0.5, ece=0.2, level=(0.5, 1.5), above=(0.0, 0.1), window=(0.9, 1.0))


def test_held_bounds_end_with_0_and_pages_are_written(
    ask_of: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_of({"tiny": question(bounds=HELD), "other": question(bounds=HELD)})
    assert command.main(["tiny", "--out", str(tmp_path / "new")]) == 0
    printed = capsys.readouterr()
    assert "MISSED" not in printed.out + printed.err
    page = (tmp_path / "new" / "value-tiny.md").read_text("utf-8")
    assert page.startswith("## Tiny\n")
    assert "Cut 2023-06-30, 90 days ahead, 400 customers" in page
    assert "* held: gini 1.0000, at least 0.5" in page
    assert page.count("| Kith |") == 1
    document = json.loads((tmp_path / "new" / "value-tiny.json").read_text("utf-8"))
    assert document["lines"][0]["name"] == "Kith"
    assert document["lines"][0]["auc"] == 1.0
    assert {"machine", "lines", "ranges", "windows"} == document.keys()
    assert not (tmp_path / "new" / "value-other.md").exists()


def test_a_missed_bound_ends_with_1_and_is_named(
    ask_of: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_of({"good": question(bounds=HELD), "bad": question(bounds=replace(HELD, ece=0.05))})
    assert command.main(["--out", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == ["MISSED: bad: ece 0.1000, at most 0.05"]
    assert "* MISSED: ece 0.1000, at most 0.05" in (tmp_path / "value-bad.md").read_text("utf-8")
    assert "MISSED" not in (tmp_path / "value-good.md").read_text("utf-8")


def test_data_that_are_not_there_are_skipped_and_2_where_all_are(
    ask_of: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_of({"gone": question(title="gone"), "tiny": question(bounds=HELD)})
    assert command.main(["--out", str(tmp_path)]) == 0
    assert "skipped gone: data.csv is not there (see benchmarks/README.md)" in capsys.readouterr().out
    assert command.main(["gone", "--out", str(tmp_path)]) == 2


def test_an_unknown_name_is_refused_with_the_known_ones(
    ask_of: Asking, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_of({"tiny": question()})
    with pytest.raises(SystemExit) as refused:
        command.main(["tinny"])
    assert refused.value.code == 2
    assert "unknown name tinny; choose from tiny" in capsys.readouterr().err


GOOD: tuple[Any, ...] = (Ranges(0.1, 0.1, 5.0, 6.0), Windows(9, 0.8, 10.0, 12.0, 11.0))


@pytest.mark.parametrize(
    ("bounds", "ranges", "windows", "missed"),
    [
        (Bounds(), *GOOD, []),
        (Bounds(gini=0.99), *GOOD, []),
        (Bounds(auc=1.01), *GOOD, ["auc 1.0000, at least 1.01"]),
        (Bounds(log_loss=0.1), *GOOD, ["log_loss 0.1054, at most 0.1"]),
        (Bounds(level=(1.1, 1.2)), *GOOD, ["predicted/actual spend 1.000, 1.1 to 1.2"]),
        (
            Bounds(),
            replace(GOOD[0], above=0.14),
            GOOD[1],
            ["customers above their range 0.140, 0.07 to 0.13"],
        ),
        (
            Bounds(),
            replace(GOOD[0], above=0.06),
            GOOD[1],
            ["customers above their range 0.060, 0.07 to 0.13"],
        ),
        (
            Bounds(),
            GOOD[0],
            replace(GOOD[1], coverage=0.9),
            ["orders inside their window 0.900, 0.75 to 0.85"],
        ),
        (
            Bounds(),
            replace(GOOD[0], score=6.0),
            GOOD[1],
            ["the interval score beats a bootstrap of the segment"],
        ),
        (
            Bounds(),
            GOOD[0],
            replace(GOOD[1], error=11.0),
            ["the middle of the window beats the best constant and last order plus own mean gap"],
        ),
    ],
)
def test_each_bound_can_be_missed(
    bounds: Bounds, ranges: Ranges, windows: Windows, missed: list[str]
) -> None:
    told = known()
    ours = line("Kith", Told(perfect(told), told.orders, told.spend), told)
    verdicts = list(command._verdicts(question(bounds=bounds), ours, ranges, windows))
    assert [words for held, words in verdicts if not held] == missed


def test_a_row_shows_a_dash_where_a_figure_does_not_apply() -> None:
    told = known()
    y = np.full(len(told.orders), 0.5)
    row = command._row(line("rule", Told(y, None, None, 0.0, "failed: ValueError"), told))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "rule"
    assert cells[1:5] == ["–"] * 4
    assert cells[5] == "0.5000"
    assert cells[-1] == "failed: ValueError"
    assert len(cells) == command.HEADER.splitlines()[0].count("|") - 1
