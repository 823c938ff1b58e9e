"""Contact limits of a real playbook hold whoever asks at the same time; draws match what is logged."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count

import numpy as np
import pytest
from scipy.stats import chisquare
from sqlalchemy import select

from app.serving.decide import prepare
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys, place_of
from app.store.engine import open_engine
from app.store.memory import Memory
from app.store.records import Contacted, Decided, DecisionTask, Document, Known
from app.store.tables import DECISIONS
from tests.integration.store.conftest import Opened
from tests.integration.store.making import outcome
from tests.playbooks import DAY, NOW, action, person, playbook, release

IS_DRILL = os.environ.get("KITH_DRILL") == "1"
CLIENTS = 64
KEYS = Keys(b"a key of the tests, of 32 bytes.")
PERSONS = ("ann", "bob", "cy", "di")
MAILS, CONTACTS, DAYS = 2, 3, 7
LIMITS = [
    {"id": "mails", "channel": "email", "most": MAILS, "days": DAYS},
    {"id": "all", "most": CONTACTS, "days": DAYS},
]
RELEASE = release(
    playbook(
        action("coupon", channels=["email", "push"], cost=0.1),
        action("news", channels=["email"], cost=0.1, value=60.0),
        limits=LIMITS,
        quiet_hours=None,
        epsilon=0.2,
    )
)
ALL = [KEYS.person(name) for name in PERSONS]


def question(request_id: str, name: str, at: int) -> DecisionTask:
    """Return what the store is asked for one customer."""
    prepared = prepare(RELEASE, [person(name)], np.array([at]), [AskAction(request_id, "body")], KEYS)
    task = prepared.task()
    assert task is not None
    return task


def questions(number: int, times: Sequence[int], name: str = "r") -> list[DecisionTask]:
    """Return questions about the same few persons in turn, at times in turn."""
    return [
        question(f"{name}-{k}", PERSONS[k % len(PERSONS)], times[k // len(PERSONS) % len(times)])
        for k in range(number)
    ]


def ask_all(memories: Sequence[Memory], tasks: Sequence[DecisionTask]) -> list[Decided]:
    """Return all answers, asked by 64 threads at once of several instances in turn."""

    def ask(number: int) -> list[Decided]:
        return memories[number % len(memories)].decide(tasks[number]).result(60)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(chain.from_iterable(pool.map(ask, range(len(tasks)))))


def contacts_of(memory: Memory) -> list[tuple[Contacted, ...]]:
    knowns, _ = memory.look(ALL, 0, []).result(10)
    return [known.contacts for known in knowns]


def most_in_any_window(contacts: Sequence[Contacted]) -> int:
    """Return the largest number of contacts in any span of so many days."""
    times = [one.at for one in contacts]
    return max((sum(end - DAYS * DAY < at <= end for at in times) for end in times), default=0)


def assert_within_limits(contacts: Sequence[Contacted]) -> None:
    assert most_in_any_window(contacts) <= CONTACTS
    assert most_in_any_window([one for one in contacts if one.channel == "email"]) <= MAILS


def assert_logged_once(url: str, answers: Sequence[Document]) -> None:
    """Fail unless each answer is on record once, with probabilities that make a whole."""
    columns = [DECISIONS.c[name] for name in ("decision_id", "candidates", "propensity")]
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(select(*columns)).all()
    assert len(rows) == len(answers)
    found = {row.decision_id: row for row in rows}
    assert found.keys() == {answer["decision_id"] for answer in answers}
    for answer in answers:
        row = found[answer["decision_id"]]
        chances = chances_of(json.loads(row.candidates))
        (done,) = answer["actions"]
        assert chances[done["action_id"], done["channel"]] == done["propensity"] == row.propensity > 0


def chances_of(candidates: Sequence[Document]) -> dict[tuple[str, str | None], float]:
    """Return the logged probability of each candidate; they must sum to 1."""
    chances = {(one["action_id"], one["channel"]): one["probability"] for one in candidates}
    assert len(chances) == len(candidates)
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-12)
    return chances


def test_64_clients_of_two_instances_get_exactly_what_the_limits_allow(url: str, opened: Opened) -> None:
    memories = [opened(), opened()]
    answers = [one.answer for one in ask_all(memories, questions(2 * CLIENTS, [NOW]))]
    for contacts in contacts_of(memories[0]):
        assert len(contacts) == CONTACTS
        assert_within_limits(contacts)
    promised = Counter(answer["actions"][0]["action_id"] != "none" for answer in answers)
    assert promised == {True: CONTACTS * len(PERSONS), False: len(answers) - CONTACTS * len(PERSONS)}
    assert_logged_once(url, answers)
    assert memories[1].books()["faults"] == []


def test_no_window_holds_more_than_a_limit_whatever_day_comes_first(url: str, opened: Opened) -> None:
    memories = [opened(), opened()]
    times = [
        NOW + hours * DAY // 24 for hours in np.random.default_rng(6).permutation(40 * 24)[:CLIENTS].tolist()
    ]
    answers = [one.answer for one in ask_all(memories, questions(4 * CLIENTS, times))]
    for contacts in contacts_of(memories[0]):
        assert len(contacts) > CONTACTS
        assert_within_limits(contacts)
    assert_logged_once(url, answers)
    assert memories[0].books()["faults"] == []


def test_contact_that_was_not_sent_frees_its_place(opened: Opened) -> None:
    memory = opened()
    ask_all([memory], questions(CLIENTS, [NOW]))
    before = contacts_of(memory)
    for contacts in before:
        memory.report(outcome(contacts[0].key, "not_sent", decision_id=contacts[0].key)).result(10)
    assert [len(contacts) for contacts in contacts_of(memory)] == [CONTACTS - 1] * len(PERSONS)
    ask_all([memory], questions(CLIENTS, [NOW], name="again"))
    for contacts, earlier in zip(contacts_of(memory), before, strict=True):
        assert len(contacts) == CONTACTS
        assert earlier[0].key not in {one.key for one in contacts}
        assert_within_limits(contacts)
    assert memory.books()["faults"] == []


def ask_from_elsewhere(url: str, name: str) -> None:
    """Ask as a process of its own does."""
    memory = Memory(url)
    memory.start()
    try:
        ask_all([memory], questions(CLIENTS, [NOW], name=name))
    finally:
        memory.close(10)


def test_limits_hold_over_processes(url: str, opened: Opened) -> None:
    memory = opened()
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=ask_from_elsewhere, args=(url, f"process-{k}")) for k in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join(120)
        assert other.exitcode == 0
        other.close()
    for contacts in contacts_of(memory):
        assert len(contacts) == CONTACTS
        assert_within_limits(contacts)
    books = memory.books()
    assert books["faults"] == []
    assert books["counts"]["decisions"] == {"live": 2 * CLIENTS}


@pytest.mark.parametrize(("is_random", "size"), [(False, 100_000 if IS_DRILL else 20_000), (True, 20_000)])
def test_logged_probabilities_match_the_shares_of_draws(*, is_random: bool, size: int) -> None:
    share = 0.2
    unlimited = release(
        playbook(
            action("coupon", channels=["email", "push"]),
            limits=[],
            epsilon=share,
            random_slice=share,
            salt="s",
        )
    )
    names = (f"c-{k}" for k in count())
    name = next(name for name in names if (place_of(KEYS.person(name), "s") < share) == is_random)
    observed: Counter[tuple[str, str | None]] = Counter()
    logged: dict[tuple[str, str | None], float] = {}
    batch = 1_000
    for start in range(0, size, batch):
        asks = [AskAction(f"r-{k}", "body") for k in range(start, start + batch)]
        prepared = prepare(unlimited, [person(name)] * batch, np.full(batch, NOW), asks, KEYS)
        for one in prepared.choose(range(batch), [Known()] * batch, {}).decisions:
            observed[one.action_id, one.channel] += 1
            chances = chances_of(one.candidates)
            assert logged in ({}, chances)
            logged = chances
    assert max(logged.values()) == pytest.approx(1 / 3 if is_random else 1 - share + share / 3)
    expected = [chance * size for chance in logged.values()]
    assert chisquare([observed[name] for name in logged], expected).pvalue > 0.001
