from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from sqlalchemy import text

from app.store.engine import open_engine
from app.store.memory import Memory
from tests.integration.store.conftest import Opened
from tests.integration.store.making import DAY, affordable, decision, limited, outcome, task

CLIENTS = 64
MOST = 3


def together(work: Callable[[int], None], clients: int = CLIENTS) -> None:
    """Run the same work in many threads that begin at once; fail if any of them fails."""
    failures: list[BaseException] = []
    ready = threading.Barrier(clients)

    def run(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except Exception as error:  # noqa: BLE001  seen below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]


def given(memory: Memory, persons: list[str]) -> Counter[str]:
    knowns, _ = memory.look(persons, 0, []).result(10)
    return Counter({person: len(known.contacts) for person, known in zip(persons, knowns, strict=True)})


def test_limit_holds_for_many_clients_of_two_instances(opened: Opened) -> None:
    memories = [opened(), opened()]
    persons = ["ann", "bob", "cy", "di"]

    def ask(number: int) -> None:
        for turn in range(3):
            person = persons[(number + turn) % 4]
            key = f"{number}-{turn}"
            memories[number % 2].decide(limited(key, person, MOST)).result(60)

    together(ask)
    assert given(memories[0], persons) == Counter(dict.fromkeys(persons, MOST))
    books = memories[1].books()
    assert books["faults"] == []
    assert books["counts"]["decisions"] == {"live": CLIENTS * 3}


def test_budget_holds_for_many_clients_of_two_instances(opened: Opened) -> None:
    memories = [opened(), opened()]

    def ask(number: int) -> None:
        for turn in range(3):
            memories[number % 2].decide(affordable(f"{number}-{turn}", 100.0)).result(60)

    together(ask)
    assert memories[0].look([], 0, ["promotions"]).result(10)[1]["promotions"].spent == 100.0
    books = memories[1].books()
    assert books["faults"] == []
    assert books["counts"]["reservations"] == {"reserved": 50}


def test_same_request_through_two_instances_is_decided_once(opened: Opened) -> None:
    memories = [opened(), opened()]
    new: list[bool] = []

    def ask(number: int) -> None:
        for turn in range(4):
            decided = memories[number % 2].decide(task(decision(str(turn), f"person-{turn}"))).result(60)
            new.append(not decided[0].is_replay)

    together(ask, 16)
    assert sum(new) == 4
    assert memories[0].books()["counts"]["decisions"] == {"live": 4}


def test_instances_that_decide_report_and_erase_never_block_each_other(opened: Opened) -> None:
    memories = [opened(), opened()]

    def work(number: int) -> None:
        memory = memories[number % 2]
        for turn in range(4):
            keys = [f"{number}-{turn}-{part}" for part in range(3)]
            persons = [f"person-{(number * step + turn) % 7}" for step in (1, 3, 5)]
            chosen = [decision(key, person) for key, person in zip(keys, persons, strict=True)]
            memory.decide(task(*chosen)).result(60)
            other = memories[(number + 1) % 2]
            for key in keys:
                kind = "not_sent" if turn % 2 else "opened"
                other.report(outcome(key, kind, decision_id=f"decision-{key}")).result(60)
        memory.erase(f"lonely-{number}", DAY).result(60)

    together(work, 16)
    for memory in memories:
        assert memory.counts["failed"] == memory.counts["retried"] == 0
    books = memories[0].books()
    assert books["faults"] == []
    assert books["counts"]["reservations"] == {"confirmed": 96, "released": 96}
    assert memories[0].look([], 0, ["promotions"]).result(10)[1]["promotions"].spent == 192.0


def test_what_waits_together_is_committed_together(opened: Opened) -> None:
    memory = opened()
    memory.erase("nobody", 1).result(10)
    before = memory.counts["commits"]
    held = threading.Event()
    slow = limited("slow", "ann", 1)
    choose = slow.choose

    def wait(*asked: object) -> object:
        held.wait(10)
        return choose(*asked)  # type: ignore[arg-type]

    object.__setattr__(slow, "choose", wait)
    futures = [memory.decide(slow)]
    futures += [memory.decide(limited(str(number), f"person-{number}", 1)) for number in range(200)]
    held.set()
    for future in futures:
        future.result(10)
    assert memory.counts["commits"] - before <= 2
    assert memory.counts["written"] >= 201
    assert memory.counts["retried"] == 0


def test_writer_finds_a_database_that_came_back(opened: Opened, url: str) -> None:
    memory = opened()
    memory.decide(task(decision("a"))).result(10)
    if url.startswith("postgresql"):
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        with open_engine(url).connect() as connection:
            connection.execute(text(end + "AND datname = current_database()"))
    else:
        memory._writer._connection.connection.close()  # type: ignore[union-attr]
    assert memory.decide(task(decision("b"))).result(10)[0].error is None
    assert (memory.counts["failed"], memory.counts["retried"]) == (0, 1)
    assert memory.state == "up"
