from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from app.store.memory import Memory
from app.store.records import (
    Asked,
    BudgetState,
    Choice,
    Contacted,
    Decided,
    DecisionTask,
    Known,
)
from tests.integration.store.conftest import Opened
from tests.integration.store.making import DAY, choosing, decision, outcome, seeing, task


def test_decision_is_answered_and_repeated_from_the_record(memory: Memory, opened: Opened) -> None:
    first = memory.decide(task(decision("a"))).result(10)
    assert first == [Decided(decision("a").answer)]
    again = opened().decide(task(decision("a"))).result(10)
    assert again == [Decided(decision("a").answer, is_replay=True)]
    assert memory.books()["counts"]["decisions"] == {"live": 1}


def test_request_id_with_another_body_is_a_conflict(memory: Memory) -> None:
    memory.decide(task(decision("a"))).result(10)
    assert memory.decide(task(decision("a"), body="other")).result(10) == [Decided({}, error="conflict")]


def test_request_id_twice_in_one_task_is_decided_once(memory: Memory) -> None:
    one = decision("a")
    asked = [
        Asked("ann", "request", "body"),
        Asked("ann", "request", "body"),
        Asked("ann", "request", "other"),
    ]
    asked_about: list[Sequence[int]] = []

    def choose(
        positions: Sequence[int], knowns: Sequence[Known], budgets: Mapping[str, BudgetState]
    ) -> Choice:
        asked_about.append(positions)
        return choosing(one)(positions, knowns, budgets)

    decided = memory.decide(DecisionTask(asked, 0, ["promotions"], choose)).result(10)
    assert [(one.is_replay, one.error) for one in decided] == [
        (False, None),
        (True, None),
        (False, "conflict"),
    ]
    assert asked_about == [[0]]


def test_choice_sees_contacts_and_budgets_as_they_stand(memory: Memory) -> None:
    seen: list[tuple[Sequence[Known], Mapping[str, BudgetState]]] = []
    memory.decide(task(decision("a", at=5 * DAY, charge=3.0))).result(10)
    memory.decide(task(decision("b", at=1 * DAY, charge=4.0))).result(10)
    memory.decide(task(decision("c", "bob"))).result(10)
    later = decision("d", at=6 * DAY)
    choose = seeing(lambda knowns, budgets: seen.append((knowns, budgets)), later)
    asked = [Asked("ann", "request-d", "body")]
    memory.decide(DecisionTask(asked, 2 * DAY, ["promotions", "calls"], choose)).result(10)
    ((known,), budgets) = seen[-1]
    assert known.contacts == (Contacted(5 * DAY, "email", "coupon", "decision-a"),)
    assert budgets["promotions"] == BudgetState(spent=9.0, opportunities=3)
    assert budgets["calls"] == BudgetState()


def test_choice_sees_what_the_same_batch_has_promised(opened: Opened) -> None:
    memory = opened()
    seen: list[int] = []
    futures = []
    for key in "abcdefgh":
        choose = seeing(lambda knowns, _: seen.append(len(knowns[0].contacts)), decision(key))
        asked = [Asked("ann", f"request-{key}", "body")]
        futures.append(memory.decide(DecisionTask(asked, 0, ["promotions"], choose)))
    for future in futures:
        future.result(10)
    assert seen == list(range(8))
    assert memory.look(["ann"], 0, ["promotions"]).result(10)[1]["promotions"].spent == 16.0


def test_choice_that_raises_fails_alone_and_writes_nothing(memory: Memory) -> None:
    def refuse(*_: object) -> Choice:
        raise ZeroDivisionError

    def forget(*_: object) -> Choice:
        return Choice([])

    bad = [
        memory.decide(DecisionTask([Asked("ann", key, "body")], 0, [], choose))
        for key, choose in {"x": refuse, "y": forget}.items()
    ]
    good = memory.decide(task(decision("a")))
    with pytest.raises(ZeroDivisionError):
        bad[0].result(10)
    with pytest.raises(ValueError, match="0 decisions for 1"):
        bad[1].result(10)
    assert good.result(10)[0].error is None
    assert memory.books()["counts"]["decisions"] == {"live": 1}
    assert memory.state == "up"


def test_answer_that_is_no_json_fails_alone(memory: Memory) -> None:
    broken = decision("a")
    broken.snapshot["x"] = float("nan")
    future = memory.decide(task(broken))
    good = memory.decide(task(decision("b")))
    with pytest.raises(ValueError, match="JSON"):
        future.result(10)
    assert good.result(10)[0].error is None


def test_numbers_that_are_not_finite_fail_alone(memory: Memory) -> None:
    nan, endless = float("nan"), float("inf")
    odd = [
        task(replace(decision("a"), propensity=nan)),
        task(decision("b", charge=endless)),
        task(replace(decision("c"), candidates=[{"probability": endless}])),
        replace(
            task(decision("d")), choose=lambda *_: Choice([decision("d")], {"promotions": BudgetState(nan)})
        ),
    ]
    bad = [memory.decide(one) for one in odd]
    good = memory.decide(task(decision("e")))
    assert [type(future.exception(10)) for future in bad] == [ValueError] * 4
    assert good.result(10)[0].error is None
    assert memory.look([], 0, ["promotions"]).result(10)[1]["promotions"].spent == 2.0
    assert (memory.state, memory.counts["retried"]) == ("up", 0)


def test_bulk_of_thousands_shares_one_budget(memory: Memory) -> None:
    many = [decision(str(number), f"person-{number}") for number in range(3000)]
    assert len(memory.decide(task(*many)).result(60)) == 3000
    knowns, budgets = memory.look(["person-7", "nobody"], 0, ["promotions"]).result(10)
    assert [len(known.contacts) for known in knowns] == [1, 0]
    assert budgets["promotions"].spent == 6000.0
    assert memory.books()["faults"] == []


def test_view_infers_nothing_before_the_window_closes(memory: Memory) -> None:
    one = decision("a")
    memory.decide(task(one)).result(10)
    assert memory.view("decision-x", 0).result(10) is None
    early = memory.view("decision-a", one.window_ends_at - 1).result(10)
    assert early is not None
    assert (early["converted"], early["value"], early["reservation"]) == (None, None, "reserved")
    closed = memory.view("decision-a", one.window_ends_at).result(10)
    assert closed is not None
    assert (closed["converted"], closed["value"]) == (False, 0.0)


def test_success_after_the_window_is_listed_but_does_not_count(memory: Memory) -> None:
    one = decision("a")
    memory.decide(task(one)).result(10)
    late = outcome("late", "converted", at=one.window_ends_at + 1, decision_id="decision-a", value=9.0)
    memory.report(late).result(10)
    view = memory.view("decision-a", one.window_ends_at + 2).result(10)
    assert view is not None
    assert view["outcomes"] == [{"type": "converted", "value": 9.0, "at": one.window_ends_at + 1}]
    assert view["converted"] is False
    memory.report(outcome("a", "converted", decision_id="decision-a", value=5.0)).result(10)
    memory.report(outcome("b", "revenue", decision_id="decision-a", value=4.0)).result(10)
    memory.report(outcome("c", "revenue", decision_id="decision-a", value=3.0)).result(10)
    view = memory.view("decision-a", 3 * DAY).result(10)
    assert view is not None
    assert (view["converted"], view["value"]) == (True, 7.0)
