"""What is timed of a decision, what is written to a database, and what the page says of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks.decisions import __main__ as command
from benchmarks.decisions import deciding, writing
from benchmarks.decisions.__main__ import CPU_LIMIT, LEAST_P, TIMES, Thinking, Writing, missed, page
from benchmarks.decisions.made import ACTIONS, NOW, RULES, made_people, made_release, prepared
from benchmarks.serving.rounds import Spread

PEOPLE = made_people(24)
RELEASE = made_release()
QUESTIONS = prepared(RELEASE, PEOPLE, "test")


def test_no_rule_is_answered_for_another_and_some_of_them_fail() -> None:
    model = QUESTIONS.model
    assert model is not None
    assert len(model.candidates) == ACTIONS
    assert len({gate.condition for gates in model.gates for gate in gates}) == ACTIONS * RULES
    left = {sum(drop is None for drop in case.weighed.drops) for case in QUESTIONS.cases}
    assert len(left) > 3


def test_a_decision_is_weigh_and_choose() -> None:
    told = deciding.by_turns(QUESTIONS)()
    assert min(told.values()) > 0
    assert told[deciding.DECISION] == told[deciding.WEIGH] + told[deciding.CHOOSE]
    assert all(run() > 0 for run in deciding.preparing(RELEASE, PEOPLE).values())


def test_the_whole_request_is_written_again_and_again(tmp_path: Path) -> None:
    with deciding.over_http(RELEASE, PEOPLE[:2], tmp_path) as sides:
        assert all(run() > 0 for run in (*sides.values(), *sides.values()))


def test_draws_match_what_is_logged() -> None:
    p, seconds = deciding.drawn(2_000)
    assert LEAST_P < p <= 1
    assert seconds > 0


def test_every_task_is_one_question_and_is_written(tmp_path: Path) -> None:
    tasks = writing.tasks_of(QUESTIONS)
    assert [len(task.asked) for task in tasks] == [1] * len(PEOPLE)
    ready = writing.chosen_beforehand(tasks)
    outcomes = writing.outcomes_of(ready, NOW)
    with writing.on_disk(tmp_path)() as url, writing.opened(url) as memory:
        assert writing.per_second(memory, ready, clients=4) > 0
        again = [memory.decide(task).result(10) for task in tasks]
        assert all(one.is_replay and one.error is None for (one,) in again)
        assert writing.per_second(memory, outcomes, clients=4) > 0
        books = memory.books()
    assert books["faults"] == []
    assert books["counts"]["decisions"] == {"live": len(PEOPLE)}
    assert not any(tmp_path.iterdir())


def test_a_commit_for_each_is_one_and_can_be_made_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    tasks = writing.tasks_of(QUESTIONS)[:8]
    with writing.on_disk(tmp_path)() as url, writing.opened(url, batch_limit=1) as memory:
        monkeypatch.setattr(time, "sleep", pauses.append)
        before = memory.counts["commits"]
        with writing.slower_commits(0.125):
            writing.per_second(memory, tasks, clients=1)
        assert memory.counts["commits"] - before == len(tasks)
        memory.look((), 0, ()).result(10)
    assert pauses.count(0.125) == len(tasks)


def test_disks_are_told_from_memory(tmp_path: Path) -> None:
    assert writing.file_system(Path("/proc/self")) == "proc"
    assert writing.file_system(tmp_path) != "proc"
    assert writing.syncs_per_second(tmp_path) > 0


def thinking(cpu: float = CPU_LIMIT, p: float = 0.5) -> Thinking:
    one = Spread.of([1.0])
    return Thinking({deciding.DECISION: Spread.of([cpu])}, one, one, p, 9.0)


def written(times: float = TIMES) -> Writing:
    one = Spread.of([1.0])
    return Writing("a database", {command.GROUPED: one}, Spread.of([times]), Spread.of([9.5]), one)


def test_bounds_hold_for_cpu_draws_and_the_first_database() -> None:
    assert missed(thinking(), [written(), written(1.0)]) == []
    assert missed(thinking(cpu=501.0, p=0.0001), [written(9.9)]) == [
        "a decision takes 501 µs of CPU, at most 500",
        "draws do not match what is logged of them: p = 0.0001",
        "a database: one commit for many gives 9.9 times the decisions of one commit for each, at least 10",
    ]


def test_the_page_tells_every_figure() -> None:
    text = page(thinking(), [written()], "a machine")
    assert f"| {deciding.DECISION} | 500 (500–500) |" in text
    assert "## a database, 64 clients" in text
    assert "chosen beforehand, which leaves the store's own work, 9.5 (9.5–9.5)" in text
    assert "* held: " in text
    assert "* MISSED: " in page(thinking(501.0), [written()], "a machine")


def test_the_command_ends_with_1_where_a_bound_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(command, "think", lambda _: thinking())
    monkeypatch.setattr(command, "write", lambda _disk, size, _rounds: [written(size)])
    assert command.main(["--size", "10", "--out", str(tmp_path)]) == 0
    assert command.main(["--size", "9", "--out", str(tmp_path)]) == 1
    assert "MISSED: a database" in capsys.readouterr().err
    assert json.loads((tmp_path / "decisions.json").read_text())["thinking"]["p"] == 0.5


def test_a_folder_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "file_system", lambda _: "tmpfs")
    with pytest.raises(SystemExit, match="kept in memory"):
        command.write(tmp_path, 1, 1)
