"""What is read is what was known then, of those who allow it."""

from __future__ import annotations

from app.domain.clock import to_microseconds
from app.domain.consent import CONSENT_DEFAULTS
from app.domain.rows import Row, build_history
from tests.unit.training.tables.small import NOW
from tests.unit.training.voices import ago, answer, case, denial
from training.voice.rows import Voices, voices_of


def voices(*customers: Row, days_ago: float = 0.0) -> Voices:
    history = build_history(customers, "Europe/London", {})
    return voices_of(history, to_microseconds(ago(days_ago)), CONSENT_DEFAULTS)


def said(name: str, *answers: Row, cases: tuple[Row, ...] = (), denies: bool = False) -> Row:
    told: dict[str, object] = {"customer_id": name, "feedback": list(answers), "support_cases": list(cases)}
    return told | ({"consents": [denial(name)]} if denies else {})


def test_blank_texts_are_none() -> None:
    found = voices(said("a", answer("a", 1, "good"), answer("a", 2, "  \n"), answer("a", 3)))
    assert found.answers.text.tolist() == [None, None, "good"]
    assert found.answers.has_text.tolist() == [False, False, True]


def test_what_comes_later_is_not_read() -> None:
    row = said("a", answer("a", 1, "good"), answer("a", 9, "bad"), cases=(case("a", 1), case("a", 9)))
    found = voices(row, days_ago=5)
    assert found.answers.text.tolist() == ["bad"]
    assert len(found.cases.at) == 1


def test_a_case_is_open_as_long_as_nobody_knew_that_it_was_closed() -> None:
    row = said("a", cases=(case("a", 9, 6.0),))
    then, now = voices(row, days_ago=5).cases, voices(row).cases
    assert (then.is_open.tolist(), then.days.tolist()) == ([True], [4.0])
    assert (now.is_open.tolist(), now.days.tolist()) == ([False], [6.0])


def test_a_case_that_is_reopened_counts_until_its_last_closing() -> None:
    again = case("a", 9, 1.0, reopened_at=ago(5))
    settled = case("a", 8, 6.0, reopened_at=ago(5))
    found = voices(said("a", cases=(again, settled))).cases
    assert found.is_open.tolist() == [True, False]
    assert found.days.tolist() == [9.0, 6.0]
    assert found.was_closed.all()
    assert found.is_reopened.all()


def test_who_denies_profiling_is_counted_and_not_read() -> None:
    rows = (answer("b", 1, "bad"), answer("b", 2))
    found = voices(said("a", answer("a", 1, "good")), said("b", *rows, cases=(case("b", 3),), denies=True))
    assert found.answers.owner.tolist() == [0]
    assert found.is_allowed.tolist() == [True, False]
    owners = {name: owner.tolist() for name, owner in found.denied.items()}
    assert owners == {"answers": [1, 1], "texts": [1], "cases": [1]}


def test_customers_who_say_nothing_give_empty_columns() -> None:
    found = voices({"customer_id": "a"})
    assert len(found.answers.at) == len(found.cases.at) == 0
    assert found.answers.has_text.tolist() == []
    assert NOW.tzinfo is not None
