"""Expressions of a playbook: what holds, what cannot be told, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import StructureError
from app.serving.conditions import compile_conditions, explain, variables_of

ATTRIBUTES = {"vip": "boolean", "plan": "categorical", "seats": "numeric"}


def holds(expression: str, **known: Any) -> bool:
    """Return whether an expression holds; ``__`` in a keyword stands for the point of a name."""
    conditions = compile_conditions([expression], ATTRIBUTES)
    (answer,) = conditions.holds({name.replace("__", "."): value for name, value in known.items()})
    return answer


@pytest.mark.parametrize(
    ("value", "expected"), [(2.0, False), (3.0, True), (4.5, True)], ids=["below", "at", "above"]
)
def test_a_comparison_holds_where_it_is_true(value: float, *, expected: bool) -> None:
    assert holds("features.order_days >= 3.0", features__order_days=value) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("features.order_days >= 3.0", False),
        ("!(features.order_days >= 3.0)", False),
        ("features.order_days >= 3.0 || attributes.vip", True),
        ("attributes.vip || features.order_days >= 3.0", True),
        ("features.order_days >= 3.0 || !attributes.vip", False),
        ("!(features.order_days >= 3.0 && !attributes.vip)", True),
        ("features.order_days >= 3.0 && attributes.vip", False),
        ('"features.order_days" in known ? features.order_days >= 3.0 : attributes.vip', True),
    ],
)
def test_what_is_unknown_neither_holds_nor_fails(expression: str, *, expected: bool) -> None:
    assert holds(expression, attributes__vip=True) is expected


def test_flags_and_words_and_numbers_are_compared_as_what_they_are() -> None:
    assert holds("features.unsubscribed", features__unsubscribed=True)
    assert not holds("features.unsubscribed", features__unsubscribed=False)
    assert holds('attributes.plan in ["gold", "silver"]', attributes__plan="silver")
    assert holds("attributes.seats > 2.5", attributes__seats=3.0)
    assert holds('churn.risk_level != "green"', churn__risk_level="red")
    assert holds("attributes.plan.startsWith('go')", attributes__plan="gold")


def test_triggers_are_those_that_fired() -> None:
    expression = '"silent_30d" in triggers'
    assert holds(expression, triggers=["red_at_risk", "silent_30d"])
    assert not holds(expression, triggers=["red_at_risk"])
    assert not holds(expression)
    assert not holds(f"!({expression})")


def test_known_tells_what_is_there_and_is_always_known_itself() -> None:
    assert holds('"churn.risk_level" in known', churn__risk_level="red")
    assert holds('!("churn.risk_level" in known)')
    assert not holds('!("churn.risk_level" in known)', churn__risk_level="red")


def test_what_an_expression_reads_is_named() -> None:
    conditions = compile_conditions(
        [
            'features.order_days > 1.0 && "a" in triggers',
            '"clv.value_class" in known && attributes.plan == "features.country"',
        ],
        ATTRIBUTES,
    )
    assert conditions.names >= {
        "features.order_days",
        "triggers",
        "known",
        "clv.value_class",
        "attributes.plan",
    }
    assert conditions.names <= variables_of(ATTRIBUTES).keys()
    assert compile_conditions(['attributes.plan == "features.country"'], ATTRIBUTES).names == {
        "attributes.plan"
    }


def test_answers_come_in_the_order_of_the_expressions() -> None:
    conditions = compile_conditions(
        ["attributes.seats > 1.0", "attributes.vip", "attributes.seats > 3.0"], ATTRIBUTES
    )
    assert conditions.holds({"attributes.seats": 2.0, "attributes.vip": True}) == (True, True, False)
    assert conditions.holds({"attributes.seats": 2.0, "features.order_days": 1.0}) == (True, False, False)
    assert compile_conditions([], ATTRIBUTES).holds({"attributes.vip": True}) == ()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("features.order_days >= 3", "numbers have a decimal point: write 3.0 for 3"),
        ("3 <= features.order_days", "numbers have a decimal point: write 3.0 for 3"),
        ("features.order_days in [1, 2]", "numbers have a decimal point: write 3.0 for 3"),
        ("features.order_dayz > 1.0", "features.order_dayz is not known; did you mean features.order_days?"),
        ("attributes.plann == 'a'", "attributes.plann is not known; did you mean attributes.plan?"),
        ("zzzzzzzz > 1.0", "zzzzzzzz is not known"),
        ("features.order_days", "it must be true or false, and is a double"),
        ("features.unsubscribed == 1.0", "== cannot be applied to bool, double"),
        ("has(features.order_days)", 'has() is not available; write "features.order_days" in known'),
        (
            '!("features.oldest_open_complaints_days" in known)',
            (
                "features.oldest_open_complaints_days is not known; "
                "did you mean features.oldest_open_complaint_days?"
            ),
        ),
        *(
            (expression, "segment.lifecycle_stage is never 'dorment'; did you mean dormant?")
            for expression in (
                'segment.lifecycle_stage == "dorment"',
                "segment.lifecycle_stage != 'dorment'",
                '"dorment" == segment.lifecycle_stage',
                'segment.lifecycle_stage in ["lost", "dorment"]',
            )
        ),
    ],
)
def test_a_fault_is_told_in_words(expression: str, message: str) -> None:
    assert explain(expression, ATTRIBUTES) == message


@pytest.mark.parametrize("macro", ["all", "exists", "exists_one", "map", "filter"])
def test_macros_that_go_through_lists_are_refused(macro: str) -> None:
    told = explain(f'triggers.{macro}(one, one == "a")', ATTRIBUTES)
    assert told == f"{macro}() goes through lists and is not available; write one comparison for each value"


@pytest.mark.parametrize("text", ["has(x)", "a.map(b, c)", "filter (it)", "all('", "// exists(a)"])
def test_words_that_look_like_macros_are_words(text: str) -> None:
    assert explain(f'attributes.plan == "{text}"', ATTRIBUTES) is None
    assert holds(f'attributes.plan == "{text}"', attributes__plan=text)


def test_an_unfinished_expression_names_its_place() -> None:
    told = explain("features.order_days > 3.0 &&", ATTRIBUTES)
    assert told is not None
    assert told.startswith("1:29: Syntax error")


def test_an_expression_with_a_fault_is_not_compiled() -> None:
    with pytest.raises(StructureError, match=r"a rule cannot be used: .*write 3\.0"):
        compile_conditions(["attributes.vip", "features.order_days > 3"], ATTRIBUTES)


def test_attributes_are_known_where_they_are_declared_alone() -> None:
    assert explain("attributes.vip", ATTRIBUTES) is None
    assert (explain("attributes.vip", {}) or "").startswith("attributes.vip is not known")


def test_first_of_a_group_that_is_not_true_is_found_also_where_something_is_not_known() -> None:
    rules = [
        "features.order_days >= 2.0 // twice",
        "features.days_since_last_order < 30.0",
        '!("features.oldest_open_complaint_days" in known)',
    ]
    many = [0] * 40
    failing = compile_conditions(rules, {}, [[0, 1, 2], [2, 1], [1], [], [*many, 2]]).failing
    bought = {"features.order_days": 2.0, "features.days_since_last_order": 1.0}
    assert [failing(bought)(k) for k in range(5)] == [None] * 5
    known = {"features.order_days": 3.0, "features.oldest_open_complaint_days": 4.0}
    assert [failing(known)(k) for k in range(5)] == [1, 0, 0, None, len(many)]
    assert failing({"features.days_since_last_order": 1.0})(0) == 0
    assert failing({"features.order_days": 1.0})(0) == 0


def test_an_apostrophe_in_a_comment_hides_nothing() -> None:
    expression = (
        "features.order_days >= 2.0 // the customer's second\n"
        "&& features.days_since_last_order < 30.0 // don't wait"
    )
    conditions = compile_conditions([expression, "true // all of them"], {})
    assert conditions.names == {"features.order_days", "features.days_since_last_order"}
    known = {"features.order_days": 3.0, "features.days_since_last_order": 1.0}
    assert conditions.holds(known) == (True, True)


@pytest.mark.parametrize(
    "expression",
    [
        "true // it's\n || triggers.all(x, true) // it's",
        "triggers.all // every one\n (x, true)",
        "'''a'b''' == 'c' || triggers.all(x, true) || 'q' == 'r'",
    ],
)
def test_no_comment_and_no_literal_hides_a_macro(expression: str) -> None:
    assert (explain(expression, {}) or "").startswith("all() goes through lists")


def test_words_in_a_comment_are_words() -> None:
    assert explain("true // has( nothing, all(of them)", {}) is None
    assert explain('true // "features.nonsense" in known', {}) is None


@pytest.mark.parametrize(
    "expression",
    [
        '!(("features.oldest_open_complaints") in known)',
        '!("features.oldest_open_complaints" in (known))',
        "known == []",
        "size(known) == 0",
    ],
)
def test_known_is_asked_for_names_that_can_be_checked(expression: str) -> None:
    assert (explain(expression, {}) or "").startswith("known is asked for one name at a time")
    assert explain('attributes.known && "attributes.known" in known', {"known": "boolean"}) is None


def test_a_group_that_is_too_deep_together_is_answered_one_by_one() -> None:
    deep = f"{'(' * 28}features.order_days{')' * 28} >= 2.0"
    assert explain(deep, {}) is None
    failing = compile_conditions(["true", deep], {}, [[0, 0, 0, 0, 0, 0, 1, 1]]).failing
    assert failing({"features.order_days": 2.0})(0) is None
    assert failing({"features.order_days": 1.0})(0) == 6
