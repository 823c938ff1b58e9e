"""Rules as plain documents: what is one, what is not, and where it is wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import StructureError
from app.domain.triggers import (
    CONDITION_LIMIT,
    RULE_LIMIT,
    TEXT_LIMIT,
    WORD_LIMIT,
    Condition,
    as_document,
    faults_of,
    read_rules,
)

RULE: dict[str, Any] = {
    "id": "silent_30d",
    "when": [
        {"feature": "days_since_last_order", "at_least": 30},
        {
            "any": [
                {"score": "churn.risk_level", "one_of": ["yellow", "red"]},
                {"feature": "attribute.vip", "is": True},
            ]
        },
        {"feature": "order_days", "is_known": False},
    ],
    "since": "days_since_last_order",
    "suggests": ["win_back", "call"],
    "text": {"en": "Silent", "zh-CN": "沉默"},
}


def changed(**said: Any) -> list[Any]:
    return [{**copy.deepcopy(RULE), **said}]


def condition(**said: Any) -> list[Any]:
    return changed(when=[said])


def test_a_rule_is_read_whole() -> None:
    (rule,) = read_rules([RULE])
    assert (rule.id, rule.since, rule.suggests) == (
        "silent_30d",
        "days_since_last_order",
        ("win_back", "call"),
    )
    assert rule.text == {"en": "Silent", "zh-CN": "沉默"}
    assert [len(member) for member in rule.when] == [1, 2, 1]
    assert rule.conditions == (
        Condition("feature", "days_since_last_order", "at_least", 30.0),
        Condition("score", "churn.risk_level", "one_of", ("yellow", "red")),
        Condition("feature", "attribute.vip", "is", True),
        Condition("feature", "order_days", "is_known", False),
    )
    assert rule.conditions[2].value is True


def test_since_may_be_left_out_and_there_may_be_no_rule() -> None:
    document = changed()
    del document[0]["since"]
    assert read_rules(document)[0].since is None
    assert read_rules([]) == ()


def test_a_document_goes_there_and_back_also_as_json() -> None:
    rules = read_rules([RULE])
    assert read_rules(as_document(rules)) == rules
    assert read_rules(json.loads(json.dumps(as_document(rules)))) == rules
    assert as_document(rules) == [RULE]


@pytest.mark.parametrize(
    ("document", "place", "message"),
    [
        ({}, (), "expected a list of rules"),
        (None, (), "expected a list of rules"),
        ([3], (0,), "expected a rule with"),
        ([RULE] * (RULE_LIMIT + 1), (), "at most 100 rules, found 101"),
        ([RULE, RULE], (1, "id"), "has this id already"),
        (changed(ids=1), (0, "ids"), "unknown key"),
        (changed(id="Silent"), (0, "id"), "snake_case"),
        (changed(id="a" * 65), (0, "id"), "snake_case"),
        (changed(id=None), (0, "id"), "snake_case"),
        (changed(when=[]), (0, "when"), "at least one"),
        (changed(when={"feature": "x"}), (0, "when"), "a list of conditions"),
        (changed(when=["x > 3"]), (0, "when", 0), "expected a condition such as"),
        (
            changed(when=RULE["when"][:1] * (CONDITION_LIMIT + 1)),
            (0, "when"),
            "at most 20 conditions, found 21",
        ),
        (
            changed(when=[{"any": RULE["when"][:1] * 21}]),
            (0, "when"),
            "at most 20 conditions, found 21",
        ),
        (changed(when=[{"any": []}]), (0, "when", 0, "any"), "at least one"),
        (changed(when=[{"any": RULE["when"]}]), (0, "when", 0, "any", 1, "any"), "not stand within any"),
        (changed(when=[{"any": RULE["when"][:1], "feature": "x"}]), (0, "when", 0), "any stands alone"),
        (condition(at_least=3), (0, "when", 0), "either feature or score"),
        (condition(feature="a", score="b.c", at_least=3), (0, "when", 0), "either feature or score"),
        (condition(feature="a"), (0, "when", 0), "exactly one of at_least"),
        (condition(feature="a", above=3, below=9), (0, "when", 0), "exactly one of at_least"),
        (condition(feature="a b", above=3), (0, "when", 0, "feature"), "expected a name"),
        (condition(score=["a"], above=3), (0, "when", 0, "score"), "expected a name"),
        (condition(feature="a", more=3, above=3), (0, "when", 0, "more"), "unknown key"),
        (condition(feature="a", at_least="3"), (0, "when", 0, "at_least"), "expected a number"),
        (condition(feature="a", at_least=True), (0, "when", 0, "at_least"), "expected a number"),
        (condition(feature="a", at_least=float("nan")), (0, "when", 0, "at_least"), "expected a number"),
        (condition(feature="a", below=float("inf")), (0, "when", 0, "below"), "expected a number"),
        (condition(feature="a", below=10**400), (0, "when", 0, "below"), "expected a number"),
        (condition(feature="a", **{"is": None}), (0, "when", 0, "is"), "a word, a number, true or false"),
        (condition(feature="a", **{"is": ""}), (0, "when", 0, "is"), "a word, a number, true or false"),
        (condition(feature="a", is_known="yes"), (0, "when", 0, "is_known"), "true or false"),
        (condition(feature="a", one_of="red"), (0, "when", 0, "one_of"), "a list of 1 to"),
        (condition(feature="a", one_of=[]), (0, "when", 0, "one_of"), "a list of 1 to"),
        (condition(feature="a", one_of=["a"] * (WORD_LIMIT + 1)), (0, "when", 0, "one_of"), "a list of 1 to"),
        (condition(feature="a", one_of=["a", 1]), (0, "when", 0, "one_of"), "words only or numbers only"),
        (changed(since=30), (0, "since"), "a feature that counts days"),
        (changed(suggests=[]), (0, "suggests"), "at least one"),
        (changed(suggests="call"), (0, "suggests"), "a list of suggestions"),
        (changed(suggests=["call", "shout"]), (0, "suggests", 1), "unknown suggestion"),
        (changed(suggests=[["call"]]), (0, "suggests", 0), "unknown suggestion"),
        (changed(suggests=["call", "call"]), (0, "suggests", 1), "stands there already"),
        (changed(text="Silent"), (0, "text"), "a sentence for each of en, zh-CN"),
        (changed(text={"en": "Silent"}), (0, "text", "zh-CN"), "required"),
        (changed(text={"en": "Silent", "zh-CN": " "}), (0, "text", "zh-CN"), "one line of 1 to"),
        (changed(text={"en": "a\nb", "zh-CN": "x"}), (0, "text", "en"), "one line of 1 to"),
        (changed(text={"en": "a" * (TEXT_LIMIT + 1), "zh-CN": "x"}), (0, "text", "en"), "one line of 1 to"),
        (changed(text={"en": "a", "zh-CN": "x", "de": "y"}), (0, "text", "de"), "unknown key"),
    ],
    ids=str,
)
def test_what_is_no_rule_is_refused_by_its_place(
    document: Any, place: tuple[str | int, ...], message: str
) -> None:
    faults = list(faults_of(document))
    assert [fault.place for fault in faults] == [place]
    assert message in faults[0].message
    with pytest.raises(StructureError, match=r"^(rules|\d+(\.\w+)*(\.zh-CN)?): "):
        read_rules(document)


@pytest.mark.parametrize("key", ["id", "when", "suggests", "text"])
def test_every_key_but_since_is_required(key: str) -> None:
    document = changed()
    del document[0][key]
    assert [fault.place for fault in faults_of(document)] == [(0, key)]


def test_every_fault_is_told_at_once() -> None:
    document = [*changed(id="No", suggests=["shout"]), *changed(id="b", text={})]
    assert [fault.place for fault in faults_of(document)] == [
        (0, "id"),
        (0, "suggests", 0),
        (1, "text", "en"),
        (1, "text", "zh-CN"),
    ]


def test_numbers_of_yaml_and_of_json_are_the_same() -> None:
    one, other = (read_rules(condition(feature="a", at_least=value)) for value in (30, 30.0))
    assert one == other
    assert isinstance(one[0].conditions[0].value, float)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*RULE, "any", "feature", "is", "at_least", "en"]), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_any_plain_document_is_rules_or_is_refused(document: Any) -> None:
    faults = list(faults_of(document))
    if faults:
        with pytest.raises(StructureError):
            read_rules(document)
    else:
        assert len(read_rules(document)) == len(document)
