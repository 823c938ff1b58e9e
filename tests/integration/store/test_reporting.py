from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import ConflictError, StoreError, UnknownDecisionError
from app.store.memory import Memory
from app.store.records import OUTCOME_TYPES, Contacted, NewFeedback, NewOutcome, Reported
from tests.integration.store.making import DAY, decision, outcome, task


def standing(memory: Memory, key: str = "a", person: str = "ann") -> tuple[str, float, tuple[Contacted, ...]]:
    """How the reservation, the budget and the contacts of a decided customer stand."""
    view = memory.view(f"decision-{key}", 0).result(10)
    assert view is not None
    (known,), budgets = memory.look([person], 0, ["promotions"]).result(10)
    return view["reservation"], budgets["promotions"].spent, tuple(sorted(known.contacts, key=repr))


def test_outcome_is_taken_once_and_repeated_as_it_was(memory: Memory) -> None:
    memory.decide(task(decision("a"))).result(10)
    one = outcome("1", "not_sent", decision_id="decision-a")
    assert memory.report(one).result(10) == Reported(False, "decision-a", "decision_id", "released")
    memory.report(outcome("2", "delivered", decision_id="decision-a")).result(10)
    assert memory.report(one).result(10) == Reported(True, "decision-a", "decision_id", "released")
    assert memory.books()["counts"]["outcomes"] == {"delivered": 1, "not_sent": 1}


def test_event_id_with_another_body_is_a_conflict(memory: Memory) -> None:
    memory.report(outcome("1", "opened", person="ann")).result(10)
    with pytest.raises(ConflictError):
        memory.report(outcome("1", "opened", person="ann", body="other")).result(10)
    assert memory.books()["counts"]["outcomes"] == {"opened": 1}


def test_the_same_outcome_many_times_at_once_is_new_once(memory: Memory) -> None:
    one = outcome("1", "opened", person="ann", channel="email")
    futures = [memory.report(one) for _ in range(50)]
    assert sorted(future.result(10).is_replay for future in futures) == [False] + [True] * 49


def test_outcome_of_an_unknown_decision_is_refused(memory: Memory) -> None:
    with pytest.raises(UnknownDecisionError):
        memory.report(outcome("1", "opened", decision_id="decision-x")).result(10)
    assert memory.books()["counts"]["outcomes"] == {}


def test_customer_and_action_mean_the_latest_decision_before(memory: Memory) -> None:
    for key, day in {"a": 1, "b": 3, "c": 5}.items():
        memory.decide(task(decision(key, at=day * DAY))).result(10)
    shadow = replace(decision("d", at=4 * DAY), mode="shadow", reservation=None)
    memory.decide(task(shadow)).result(10)

    def joined(key: str, **named: str) -> tuple[str | None, str]:
        told = replace(outcome(key, "converted", at=4 * DAY), **named)  # type: ignore[arg-type]
        reported = memory.report(told).result(10)
        return reported.decision_id, reported.joined_by

    assert joined("1", person="ann", action_id="coupon") == ("decision-b", "customer_action")
    assert joined("2", person="ann", action_id="call") == (None, "customer")
    assert joined("3", person="bob", action_id="coupon") == (None, "customer")
    assert joined("4", person="ann") == (None, "customer")


def test_released_reservation_gives_its_charge_back_once_and_confirmed_takes_it_again(memory: Memory) -> None:
    memory.decide(task(decision("a", charge=3.0))).result(10)
    for key in "12":
        memory.report(outcome(key, "not_sent", decision_id="decision-a")).result(10)
        assert standing(memory) == ("released", 0.0, ())
    for key, day in {"3": 9, "4": 8}.items():
        memory.report(outcome(key, "opened", at=day * DAY, decision_id="decision-a")).result(10)
    contact = Contacted(8 * DAY, "email", "coupon", "decision-a")
    assert standing(memory) == ("confirmed", 3.0, (contact,))
    assert memory.books()["faults"] == []


def test_contact_that_nothing_was_reserved_for_counts_once_by_its_earliest_outcome(memory: Memory) -> None:
    for key, kind, day in (("1", "opened", 5), ("2", "delivered", 4), ("3", "clicked", 6)):
        told = outcome(key, kind, at=day * DAY, person="ann", channel="sms", contact_key="contact")
        memory.report(told).result(10)
    memory.report(outcome("4", "converted", person="ann", channel="sms")).result(10)
    memory.report(outcome("5", "opened", person="ann")).result(10)
    (known,), _ = memory.look(["ann"], 0, []).result(10)
    assert known.contacts == (Contacted(4 * DAY, "sms", "", "contact"),)


def test_contact_told_with_and_without_its_decision_counts_once(memory: Memory) -> None:
    memory.decide(task(decision("a"))).result(10)
    memory.report(outcome("1", "opened", person="ann", channel="email", contact_key="contact")).result(10)
    memory.report(outcome("2", "delivered", decision_id="decision-a", contact_key="contact")).result(10)
    (known,), _ = memory.look(["ann"], 0, []).result(10)
    assert known.contacts == (Contacted(2 * DAY, "email", "coupon", "decision-a", False, "contact"),)


def test_contact_by_a_shadowed_caller_counts_once(memory: Memory) -> None:
    shadow = replace(decision("a"), mode="shadow", reservation=None)
    memory.decide(task(shadow)).result(10)
    for key in "12":
        memory.report(outcome(key, "opened", decision_id="decision-a", channel="push")).result(10)
    (known,), _ = memory.look(["ann"], 0, []).result(10)
    assert known.contacts == (Contacted(2 * DAY, "push", "coupon", "decision-a"),)


EVENTS = st.lists(
    st.tuples(st.sampled_from(OUTCOME_TYPES), st.integers(1, 9), st.booleans(), st.booleans()),
    min_size=1,
    max_size=8,
)
TURNS = itertools.count()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    """A memory that all examples share, each with a person of its own."""
    memory = Memory(f"sqlite:///{tmp_path_factory.mktemp('lasting')}/store.db")
    memory.start()
    yield memory
    assert memory.books()["faults"] == []
    memory.close(10)


def events(drawn: Sequence[tuple[str, int, bool, bool]], key: str) -> list[NewOutcome]:
    return [
        outcome(
            f"{key}-{number}",
            kind,
            at=(number + 3 - day % 3) * DAY,
            channel="email",
            contact_key=f"contact-{day}" if has_contact else None,
            decision_id=f"decision-{key}" if is_joined else None,
            person=None if is_joined else key,
        )
        for number, (kind, day, is_joined, has_contact) in enumerate(drawn)
    ]


@settings(max_examples=60, deadline=None)
@given(drawn=EVENTS, luck=st.randoms(use_true_random=False), is_at_once=st.booleans())
def test_order_and_repetition_of_outcomes_do_not_matter(
    lasting: Memory, drawn: list[tuple[str, int, bool, bool]], luck: Random, is_at_once: bool
) -> None:
    found = []
    for is_shuffled in (False, True):
        key = f"turn{next(TURNS):06}"
        _, before = lasting.look([], 0, ["promotions"]).result(10)
        lasting.decide(task(decision(key, key, charge=3.0))).result(10)
        told = events(drawn, key)
        if is_shuffled:
            told += told[: len(told) // 2]
            luck.shuffle(told)
        futures = []
        for one in told:
            futures.append(lasting.report(one))
            if not (is_shuffled and is_at_once):
                futures[-1].result(10)
        for future in futures:
            future.result(10)
        state, spent, contacts = standing(lasting, key, key)
        alike = repr(contacts).replace(key, "key")
        found.append((state, spent - before["promotions"].spent, alike))
    assert found[0] == found[1]
    assert found[0][1] == (0.0 if found[0][0] == "released" else 3.0)


def test_feedback_is_taken_once(memory: Memory) -> None:
    memory.decide(task(decision("a"))).result(10)
    clean = NewFeedback("feedback-1", "body", "decision", "decision-a", "wrong", 5, 5, comment="不对")
    assert memory.judge(clean).result(10) is False
    assert memory.judge(clean).result(10) is True
    with pytest.raises(ConflictError):
        memory.judge(replace(clean, body_hash="other")).result(10)
    with pytest.raises(UnknownDecisionError):
        memory.judge(replace(clean, feedback_key="feedback-2", target_id="decision-x")).result(10)
    score = NewFeedback("feedback-3", "body", "score", "request-1", "right", 5, 5, person="ann")
    assert memory.judge(score).result(10) is False
    assert memory.books()["counts"]["feedback"] == {"right": 1, "wrong": 1}


@pytest.mark.parametrize("odd", [{"at": 1 << 70}, {"comment": "\ud800"}, {"comment": "a\0b"}])
def test_what_the_database_cannot_hold_fails_alone(memory: Memory, url: str, odd: dict[str, object]) -> None:
    sound = NewFeedback("feedback-2", "body", "score", "request", "wrong", 5, 5)
    memory.judge(replace(sound, feedback_key="feedback-0")).result(10)
    connection = memory._writer._connection
    bad = memory.judge(replace(sound, feedback_key="feedback-1", **odd))  # type: ignore[arg-type]
    good = memory.judge(sound)
    refusal = bad.exception(10)
    if odd.get("comment") != "a\0b" or url.startswith("postgresql"):
        assert type(refusal) is StoreError
    assert good.result(10) is False
    assert memory.state == "up"
    assert memory._writer._connection is connection
    assert memory.books()["counts"]["feedback"] == {"wrong": 2 + (refusal is None)}


def test_platform_whose_clock_is_behind_means_the_decision_just_made(memory: Memory) -> None:
    memory.decide(task(decision("a", at=2 * DAY))).result(10)
    minutes = 60 * 1_000_000
    near = outcome("1", "opened", at=2 * DAY - 5 * minutes, person="ann", action_id="coupon")
    far = outcome("2", "opened", at=2 * DAY - 5 * minutes - 1, person="ann", action_id="coupon")
    assert memory.report(near).result(10).decision_id == "decision-a"
    assert memory.report(far).result(10).joined_by == "customer"
    assert memory.books()["faults"] == []


def test_only_new_rows_count_as_written(memory: Memory) -> None:
    verdict = NewFeedback("feedback-1", "body", "score", "request", "wrong", 5, 5)
    both = task(decision("a"), decision("b", "bob"))
    told = outcome("1", "opened", decision_id="decision-a")
    for step in (
        lambda: memory.decide(both),
        lambda: memory.report(told),
        lambda: memory.judge(verdict),
        lambda: memory.look(["ann"], 0, []),
    ):
        for _ in range(2):
            step().result(10)
    for at in (DAY, 2 * DAY):
        memory.erase("ann", at).result(10)
    assert memory.counts["written"] == 2 + 1 + 1 + 1
