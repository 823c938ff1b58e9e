from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from app.domain.errors import ErasedError
from app.store.memory import Memory
from app.store.records import Asked, Choice, Decided, DecisionTask, NewFeedback
from tests.integration.store.conftest import Opened
from tests.integration.store.making import DAY, decision, outcome, task


def remembered(memory: Memory) -> None:
    """Make a memory with all there is about two persons."""
    for person in ("ann", "bob"):
        for key in "12":
            memory.decide(task(decision(f"{person}-{key}", person, charge=3.0))).result(10)
        memory.report(outcome(f"{person}-1", "opened", decision_id=f"decision-{person}-1")).result(10)
        memory.report(outcome(f"{person}-2", "not_sent", decision_id=f"decision-{person}-2")).result(10)
        memory.report(outcome(f"{person}-3", "opened", person=person, channel="sms")).result(10)
        for key, target, of in (("1", "decision", f"decision-{person}-1"), ("2", "score", "request")):
            verdict = NewFeedback(
                f"feedback-{person}-{key}", "body", target, of, "wrong", 5, 5, person=person
            )
            memory.judge(verdict).result(10)


def test_all_of_a_person_is_erased_and_nothing_of_others(memory: Memory) -> None:
    remembered(memory)
    counts = memory.erase("ann", 10 * DAY).result(10)
    assert counts == {"decisions": 2, "reservations": 2, "contacts": 1, "outcomes": 3, "feedback": 2}
    assert memory.erase("ann", 11 * DAY).result(10) == dict.fromkeys(counts, 0)
    books = memory.books()
    assert books["faults"] == []
    assert books["counts"]["decisions"] == {"live": 2}
    assert books["counts"]["reservations"] == {"confirmed": 1, "released": 1}
    assert books["counts"]["erased_keys"] == {"decision": 2, "event": 3, "feedback": 2, "request": 2}
    assert memory.look(["ann"], 0, ["promotions"]).result(10)[1]["promotions"].spent == 6.0
    assert memory.view("decision-ann-1", 0).result(10) is None


def test_nothing_of_an_erased_person_comes_back(memory: Memory, opened: Opened) -> None:
    remembered(memory)
    memory.erase("ann", 10 * DAY).result(10)
    after = opened()
    replay = after.decide(task(decision("ann-1", "ann"))).result(10)
    assert replay == [Decided({}, error="erased")]
    refused = [
        outcome("ann-1", "opened", decision_id="decision-ann-1"),
        outcome("ann-3", "opened", person="ann", channel="sms"),
        outcome("new", "opened", decision_id="decision-ann-1"),
        outcome("old", "opened", person="ann", at=10 * DAY, channel="sms"),
    ]
    for one in refused:
        with pytest.raises(ErasedError):
            after.report(one).result(10)
    for key, target, of in (
        ("ann-1", "score", "x"),
        ("x", "decision", "decision-ann-1"),
        ("y", "score", "x"),
    ):
        verdict = NewFeedback(f"feedback-{key}", "body", target, of, "wrong", 5, 5, person="ann")
        with pytest.raises(ErasedError):
            after.judge(verdict).result(10)
    assert after.look(["ann"], 0, []).result(10)[0][0].contacts == ()
    assert after.books()["counts"]["outcomes"] == {"not_sent": 1, "opened": 2}


def test_erased_person_may_be_known_anew(memory: Memory) -> None:
    remembered(memory)
    memory.erase("ann", 10 * DAY).result(10)
    memory.decide(task(decision("ann-9", "ann", at=11 * DAY))).result(10)
    later = memory.report(outcome("later", "opened", person="ann", at=11 * DAY, channel="sms")).result(10)
    assert later.joined_by == "customer"
    assert len(memory.look(["ann"], 0, []).result(10)[0][0].contacts) == 2
    assert memory.books()["faults"] == []
    assert memory.erase("ann", 5 * DAY).result(10)["decisions"] == 1
    with pytest.raises(ErasedError):
        memory.report(outcome("late", "opened", person="ann", at=10 * DAY)).result(10)


def test_decision_from_before_an_erasure_is_not_made_after_it(memory: Memory) -> None:
    memory.erase("ann", 10 * DAY).result(10)
    both = task(decision("a", "ann", at=10 * DAY), decision("b", "bob", at=10 * DAY))
    refused, made = memory.decide(both).result(10)
    assert (refused, made.error) == (Decided({}, error="erased"), None)
    assert memory.look(["ann"], 0, ["promotions"]).result(10)[1]["promotions"].spent == 2.0
    later = memory.decide(task(decision("a", "ann", at=10 * DAY + 1))).result(10)
    assert later[0].error is None
    books = memory.books()
    assert (books["faults"], books["counts"]["decisions"]) == ([], {"live": 2})


def test_erasures_that_wait_together_are_committed_together(memory: Memory) -> None:
    began, go = threading.Event(), threading.Event()

    def choose(*_: object) -> Choice:
        began.set()
        go.wait(10)
        raise InterruptedError

    held = memory.decide(DecisionTask([Asked("ann", "request", "body")], 0, [], choose))
    assert began.wait(10)
    before = memory.counts["commits"]
    erasures = [memory.erase(f"person-{number}", DAY) for number in range(50)]
    decided = memory.decide(task(decision("a", "person-1", at=2 * DAY)))
    go.set()
    with pytest.raises(InterruptedError):
        held.result(10)
    assert [future.result(10)["decisions"] for future in erasures] == [0] * 50
    assert decided.result(10)[0].error is None
    assert memory.counts["commits"] - before == 2
    assert memory.books()["counts"]["erasures"] == 50


def test_log_that_is_read_is_emptied_once_the_reader_has_gone(tmp_path: Path) -> None:
    memory = Memory(f"sqlite:///{tmp_path}/store.db")
    memory.start()
    one = decision("a")
    one.answer["told"] = "a-secret-answer"
    memory.decide(task(one)).result(10)
    log = tmp_path / "store.db-wal"
    reader = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    reader.execute("BEGIN").close()
    assert reader.execute("SELECT count(*) FROM decisions").fetchone() == (1,)
    memory.erase("ann", 1).result(10)
    assert b"a-secret-answer" in log.read_bytes()
    memory.report(outcome("a", "opened", person="bob")).result(10)
    reader.close()
    until = time.monotonic() + 10
    while b"a-secret-answer" in log.read_bytes() and time.monotonic() < until:
        time.sleep(0.05)
    assert b"a-secret-answer" not in log.read_bytes()
    assert b"a-secret-answer" not in (tmp_path / "store.db").read_bytes()
    memory.close(10)


def test_erased_answers_leave_the_file_and_its_log(tmp_path: Path) -> None:
    memory = Memory(f"sqlite:///{tmp_path}/store.db")
    memory.start()
    one = decision("a")
    one.answer["told"] = "a-secret-answer"
    memory.decide(task(one)).result(10)
    files = [tmp_path / "store.db", tmp_path / "store.db-wal"]
    assert any(b"a-secret-answer" in path.read_bytes() for path in files)
    memory.erase("ann", 1).result(10)
    memory.view("decision-a", 0).result(10)
    assert not any(b"a-secret-answer" in path.read_bytes() for path in files)
    memory.close(10)
