"""Which rules fire, since when, on what evidence; held to a slow reference on random rules."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.clock import to_microseconds
from app.domain.history import Array
from app.domain.triggers import Rule, read_rules
from app.features.compute import compute
from app.serving.rules import TWINS, compile_rules
from app.serving.triggers import Firing, features_of, fire, holding
from app.texts.catalogue import LOCALES
from tests.unit.features.histories import AS_OF, DAY, history_of
from training.triggers import default_rules

TEXT = {"en": "It is so", "zh-CN": "如此"}
NOON = to_microseconds(datetime(2026, 6, 30, 12, tzinfo=UTC))
Value = float | str | None


def rule(*when: dict[str, Any], name: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": name, "when": list(when), "suggests": ["call"], "text": TEXT, **more}


def column(*values: Value) -> Array:
    if any(isinstance(value, str) for value in values):
        words = np.empty(len(values), dtype=object)
        words[:] = values
        return words
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def fired(
    *rules: dict[str, Any],
    columns: Mapping[str, Array] | None = None,
    scores: Mapping[str, Array] | None = None,
    at: int = NOON,
    zone: str = "UTC",
    **more: Any,
) -> list[list[Firing]]:
    told = {**(columns or {}), **(scores or {})}
    size = len(next(iter(told.values()))) if told else 1
    said = {"locale": "en", "currency": "GBP", "labels": {}, **more}
    as_of = np.full(size, at)
    return fire(compile_rules(read_rules(list(rules))), columns or {}, scores or {}, as_of, zone, **said)


def ids(answer: list[list[Firing]]) -> list[list[str]]:
    return [[one["rule_id"] for one in customer] for customer in answer]


def holds(condition: dict[str, Any], value: Value, *, score: bool = False) -> bool:
    name = "score" if score else "feature"
    told = {condition[name]: column(value)}
    if isinstance(value, str) or (score and value is None):
        told = {condition[name]: np.array([value], dtype=object)}
    answer = fired(rule(condition), scores=told) if score else fired(rule(condition), columns=told)
    return bool(answer[0])


@pytest.mark.parametrize(
    ("operator", "limit", "held"),
    [
        ("at_least", 30, (False, True, True)),
        ("above", 30, (False, False, True)),
        ("at_most", 30, (True, True, False)),
        ("below", 30, (True, False, False)),
        ("is", 30, (False, True, False)),
        ("one_of", [29, 31], (True, False, True)),
        ("is_known", True, (True, True, True)),
        ("is_known", False, (False, False, False)),
    ],
)
def test_numbers_are_compared(operator: str, limit: Any, held: tuple[bool, ...]) -> None:
    condition = {"feature": "days_since_last_order", operator: limit}
    assert tuple(holds(condition, value) for value in (29.0, 30.0, 31.0)) == held
    assert holds(condition, None) is (operator == "is_known" and limit is False)


@pytest.mark.parametrize(("operator", "words"), [("is", "red"), ("one_of", ["yellow", "red"])])
def test_words_are_compared_whole(operator: str, words: Any) -> None:
    condition = {"score": "churn.risk_level", operator: words}
    assert holds(condition, "red", score=True)
    assert not holds(condition, "green", score=True)
    assert not holds(condition, "reddish", score=True)
    assert not holds(condition, None, score=True)


def test_flags_are_compared() -> None:
    for value, wanted in ((1.0, True), (0.0, False)):
        assert holds({"feature": "unsubscribed", "is": wanted}, value)
        assert not holds({"feature": "unsubscribed", "is": not wanted}, value)
        assert not holds({"feature": "unsubscribed", "is": wanted}, None)


def test_a_word_is_known_where_there_is_one() -> None:
    words = np.array(["CN", None], dtype=object)
    known, unknown = ({"feature": "country", "is_known": word} for word in (True, False))
    assert ids(fired(rule(known), rule(unknown, name="b"), columns={"country": words})) == [["a"], ["b"]]


def test_a_word_is_no_number_and_a_number_no_word() -> None:
    assert not holds({"feature": "country", "at_least": 1}, "CN")
    assert not holds({"feature": "order_days", "is": "CN"}, 3.0)


def test_numbers_among_objects_are_numbers() -> None:
    told = np.array([0.7, None], dtype=object)
    condition = {"score": "churn.probability", "above": 0.5}
    assert ids(fired(rule(condition), scores={"churn.probability": told})) == [["a"], []]


def test_all_must_hold_and_of_any_one() -> None:
    either = {"any": [{"feature": "order_days", "is": 1}, {"feature": "open_cases", "above": 0}]}
    wanted = rule({"feature": "days_since_last_order", "at_least": 30}, either)
    columns = {
        "days_since_last_order": column(40, 40, 40, 10),
        "order_days": column(1, 2, None, 1),
        "open_cases": column(0, 0, 3, 3),
    }
    answer = fired(wanted, columns=columns)
    assert ids(answer) == [["a"], [], ["a"], []]
    assert [entry["feature"] for entry in answer[2][0]["evidence"]] == ["days_since_last_order", "open_cases"]


def test_a_block_that_is_not_there_holds_nothing() -> None:
    red, unknown = ({"score": "churn.risk_level", **one} for one in ({"is": "red"}, {"is_known": False}))
    columns = {"order_days": column(2)}
    assert fired(rule(red), rule(unknown, name="b"), columns=columns) == [[]]
    told = {"churn.risk_level": np.array([None], dtype=object)}
    assert ids(fired(rule(red), rule(unknown, name="b"), columns=columns, scores=told)) == [["b"]]


def test_a_feature_that_is_not_there_is_not_known() -> None:
    assert fired(rule({"feature": "order_days", "at_least": 0}))[0] == []
    ((one,),) = fired(rule({"feature": "order_days", "is_known": False}))
    assert one["evidence"] == [
        {"feature": "order_days", "value": None, "text": "Not known: days with an order"}
    ]


def test_a_summary_stands_in_for_the_history_customer_by_customer() -> None:
    columns = {
        "days_since_last_order": column(45, None, None),
        "summary.days_since_last_order": column(None, 31, None),
    }
    answer = fired(rule({"feature": "days_since_last_order", "at_least": 30}), columns=columns)
    assert ids(answer) == [["a"], ["a"], []]
    assert [customer[0]["evidence"][0] for customer in answer[:2]] == [
        {"feature": "days_since_last_order", "value": 45.0, "text": "The last order was 45 days ago"},
        {"feature": "summary.days_since_last_order", "value": 31.0, "text": "The last order was 31 days ago"},
    ]
    alone = {"summary.order_count": column(9)}
    ((one,),) = fired(rule({"feature": "order_days", "at_least": 5}), columns=alone)
    assert one["evidence"][0]["text"] == "9 orders in all"


# ── What is told ──────────────────────────────────────────────────────────────────────────────────────
def test_an_answer_is_told_in_the_reader_s_language() -> None:
    wanted = rule(
        {"feature": "silence_ratio", "above": 2},
        {"score": "churn.risk_level", "is": "red"},
        suggests=["win_back", "coupon"],
    )
    columns, scores = {"silence_ratio": column(2.5)}, {"churn.risk_level": column("red")}
    ((en,),) = fired(wanted, columns=columns, scores=scores)
    assert en == {
        "rule_id": "a",
        "fired_at": "2026-06-30T12:00:00+00:00",
        "text": "It is so",
        "evidence": [
            {
                "feature": "silence_ratio",
                "value": 2.5,
                "text": "Silent for 2.5 times the usual gap between orders",
            },
            {"score": "churn.risk_level", "value": "red", "text": "The churn risk is red"},
        ],
        "suggests": ["win_back", "coupon"],
    }
    ((zh,),) = fired(wanted, columns=columns, scores=scores, locale="zh-CN")
    assert zh["text"] == "如此"
    assert [entry["text"] for entry in zh["evidence"]] == [
        "沉默时间是平时下单间隔的 2.5 倍",
        "流失风险为红色",
    ]


def test_attributes_speak_with_the_label_that_they_are_given() -> None:
    columns = {
        "attribute.vip": column(1.0),
        "attribute.plan": column("gold"),
        "attribute.seats": column(12.0),
    }
    wanted = rule(
        {"feature": "attribute.vip", "is": True},
        {"feature": "attribute.plan", "is": "gold"},
        {"feature": "attribute.seats", "above": 10},
    )
    ((one,),) = fired(wanted, columns=columns, labels={"attribute.vip": "VIP", "attribute.plan": "plan"})
    assert [entry["text"] for entry in one["evidence"]] == ["VIP: yes", "Plan: gold", "Seats: 12"]


def test_an_answer_is_plain_json() -> None:
    columns = {"order_days": column(3.0), "country": column("CN")}
    wanted = rule({"feature": "order_days", "at_least": 1}, {"feature": "country", "is_known": True})
    answer = fired(wanted, columns=columns)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


# ── Since when ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("operator", "limit", "value", "day"),
    [
        ("at_least", 30, 30, "2026-06-30"),
        ("at_least", 30, 45, "2026-06-15"),
        ("at_least", 30.5, 31, "2026-06-30"),
        ("above", 30, 31, "2026-06-30"),
        ("above", 30, 45, "2026-06-16"),
        ("above", 30.5, 31, "2026-06-30"),
    ],
)
def test_what_counts_up_is_dated_by_the_day_on_which_it_crossed(
    operator: str, limit: float, value: float, day: str
) -> None:
    wanted = rule({"feature": "days_since_last_order", operator: limit}, since="days_since_last_order")
    ((one,),) = fired(wanted, columns={"days_since_last_order": column(value)})
    assert one["fired_at"] == f"{day}T00:00:00+00:00"


@pytest.mark.parametrize(
    ("operator", "value", "day"),
    [
        ("at_most", 30, "2026-06-30"),
        ("at_most", 29.4, "2026-06-30"),
        ("at_most", 12, "2026-06-12"),
        ("below", 29, "2026-06-30"),
        ("below", 29.4, "2026-06-30"),
        ("below", 12, "2026-06-13"),
    ],
)
def test_what_counts_down_is_dated_too(operator: str, value: float, day: str) -> None:
    wanted = rule({"feature": "days_to_renewal", operator: 30}, since="days_to_renewal")
    ((one,),) = fired(wanted, columns={"days_to_renewal": column(value)})
    assert one["fired_at"] == f"{day}T00:00:00+00:00"


def test_the_day_begins_at_the_business_s_midnight() -> None:
    wanted = rule({"feature": "days_since_last_order", "at_least": 30}, since="days_since_last_order")
    told = {"days_since_last_order": column(30)}
    late = to_microseconds(datetime(2026, 6, 30, 20, tzinfo=UTC))
    assert fired(wanted, columns=told, at=late, zone="Asia/Shanghai")[0][0]["fired_at"] == (
        "2026-07-01T00:00:00+08:00"
    )
    before = {"days_since_last_order": column(130)}
    assert fired(wanted, columns=before, at=late, zone="Europe/London")[0][0]["fired_at"] == (
        "2026-03-22T00:00:00+00:00"  # winter time
    )


def test_a_day_without_midnight_begins_when_it_begins() -> None:
    wanted = rule({"feature": "days_since_last_order", "at_least": 30}, since="days_since_last_order")
    at = to_microseconds(datetime(2026, 3, 29, 12, tzinfo=UTC))
    ((one,),) = fired(wanted, columns={"days_since_last_order": column(30)}, at=at, zone="Asia/Beirut")
    assert one["fired_at"] == "2026-03-29T01:00:00+03:00"


def test_without_a_crossing_it_is_dated_by_the_question() -> None:
    either = {"any": [{"feature": "tenure_days", "at_least": 30}, {"feature": "order_days", "is": 1}]}
    columns = {"tenure_days": column(5), "order_days": column(1)}
    for since in ({}, {"since": "tenure_days"}):
        ((one,),) = fired(rule(either, **since), columns=columns)
        assert one["fired_at"] == "2026-06-30T12:00:00+00:00"


def test_a_silence_longer_than_time_itself_does_not_break_it() -> None:
    wanted = rule({"feature": "days_since_last_order", "at_least": 1}, since="days_since_last_order")
    ((one,),) = fired(wanted, columns={"days_since_last_order": column(1e9)})
    assert one["fired_at"] == "2026-06-30T12:00:00+00:00"


# ── Against a slow reference ──────────────────────────────────────────────────────────────────────────
NAMES = ("days_since_last_order", "order_days", "open_cases", "summary.days_since_last_order", "country")
SCORES = ("churn.probability", "churn.risk_level")
WORDS = ("red", "green", "CN")
OPERATORS = ("at_least", "above", "at_most", "below", "is", "one_of", "is_known")


def random_condition(chance: random.Random) -> dict[str, Any]:
    subject = chance.choice(("feature", "feature", "score"))
    name = chance.choice(NAMES if subject == "feature" else SCORES)
    operator = chance.choice(OPERATORS)
    is_word = name in {"country", "churn.risk_level"}
    if operator == "is_known":
        value: Any = chance.random() < 0.5
    elif operator == "one_of":
        value = chance.sample(WORDS, 2) if is_word else [0, 2]
    else:
        value = chance.choice(WORDS) if is_word and operator == "is" else chance.randint(0, 3)
    return {subject: name, operator: value}


def random_rules(chance: random.Random) -> list[dict[str, Any]]:
    def member() -> dict[str, Any]:
        if chance.random() < 0.3:
            return {"any": [random_condition(chance) for _ in range(chance.randint(1, 3))]}
        return random_condition(chance)

    return [rule(*(member() for _ in range(chance.randint(1, 3))), name=f"r{k}") for k in range(4)]


def random_world(chance: random.Random, size: int) -> tuple[dict[str, list[Value]], dict[str, list[Value]]]:
    def values(name: str) -> list[Value]:
        words = name in {"country", "churn.risk_level"}
        return [
            chance.choice((None, *WORDS)) if words else chance.choice((None, 0.0, 1.0, 2.0, 3.0))
            for _ in range(size)
        ]

    features = {name: values(name) for name in NAMES if chance.random() < 0.8}
    return features, {name: values(name) for name in SCORES if chance.random() < 0.7}


def arrays(told: Mapping[str, list[Value]]) -> dict[str, Array]:
    return {
        name: np.array(values, dtype=object) if name in {"country", "churn.risk_level"} else column(*values)
        for name, values in told.items()
    }


def slow(one: Rule, features: dict[str, list[Value]], scores: dict[str, list[Value]], i: int) -> bool:
    """Say whether a rule holds for one customer, by loops over plain values."""

    def is_so(condition: Any) -> bool:
        if condition.subject == "score":
            if condition.name not in scores:
                return False
            value = scores[condition.name][i]
        else:
            value = features.get(condition.name, [None] * 99)[i]
            twin = TWINS.get(condition.name)
            if value is None and twin in features:
                value = features[twin][i]
        wanted = condition.value
        if condition.operator == "is_known":
            return (value is not None) is wanted
        if condition.operator in {"is", "one_of"}:
            return value is not None and value in (wanted if condition.operator == "one_of" else (wanted,))
        if not isinstance(value, float):
            return False
        compared: dict[str, bool] = {
            "at_least": value >= wanted,
            "above": value > wanted,
            "at_most": value <= wanted,
            "below": value < wanted,
        }
        return compared[condition.operator]

    return all(any(is_so(condition) for condition in member) for member in one.when)


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_random_rules_hold_as_a_slow_reference_says_alone_and_in_a_batch(seed: int, size: int) -> None:
    chance = random.Random(seed)  # noqa: S311  no secret
    rules = read_rules(random_rules(chance))
    features, scores = random_world(chance, size)
    compiled, columns, told = compile_rules(rules), arrays(features), arrays(scores)
    as_of = np.full(size, NOON)
    answer = fire(compiled, columns, told, as_of, "UTC", "en", "GBP", {})
    expected = [[one.id for one in rules if slow(one, features, scores, i)] for i in range(size)]
    assert ids(answer) == expected
    masks = holding(compiled, columns, told, size)
    assert [[one.id for one, m in zip(rules, masks, strict=True) if m[i]] for i in range(size)] == expected
    for i in range(size):
        alone = fire(
            compiled,
            {name: values[i : i + 1] for name, values in columns.items()},
            {name: values[i : i + 1] for name, values in told.items()},
            as_of[i : i + 1],
            "UTC",
            "en",
            "GBP",
            {},
        )
        assert alone == answer[i : i + 1]


# ── The rules of the product ──────────────────────────────────────────────────────────────────────────
def seen(raw: dict[str, Any], **scores: Value) -> list[Firing]:
    rules = compile_rules(default_rules())
    columns = compute(history_of([{"customer_id": "c", **raw}]), AS_OF, features_of(rules))
    told = {name.replace("__", "."): np.array([value], dtype=object) for name, value in scores.items()}
    return fire(rules, columns, told, np.array([AS_OF]), "UTC", "en", "GBP", {})[0]


def names(found: list[Firing]) -> list[str]:
    return [one["rule_id"] for one in found]


def ago(days: float) -> int:
    return AS_OF - round(days * DAY)


def order(days: float) -> dict[str, Any]:
    return {"order_id": f"o{days}", "ordered_at": ago(days), "revenue": 20.0}


def events(*days: float, event: str = "signed_in") -> list[dict[str, Any]]:
    return [{"event": event, "timestamp": ago(one)} for one in days]


def test_thirty_days_without_a_sign_of_life() -> None:
    (one,) = seen({"orders": [order(45)], "events": events(40)})
    assert (one["rule_id"], one["suggests"]) == ("silent_30d", ["win_back"])
    begun = datetime.fromtimestamp(AS_OF / 1e6, ZoneInfo("UTC")).date() - timedelta(days=10)
    assert one["fired_at"] == f"{begun}T00:00:00+00:00"
    assert names(seen({"orders": [order(45)], "events": events(29)})) == []
    assert names(seen({"orders": [order(30)]})) == ["silent_30d"]
    summary = {"first_order_at": ago(90), "last_order_at": ago(31), "order_count": 1}
    assert names(seen({"summary": summary})) == ["silent_30d"]


def test_products_viewed_on_three_days_without_an_order() -> None:
    views = events(1, 2, 3, event="product_viewed")
    (one,) = seen({"orders": [order(20)], "events": views})
    assert (one["rule_id"], one["suggests"]) == ("viewed_3d_no_order", ["coupon", "follow_up"])
    assert names(seen({"orders": [order(2)], "events": views})) == []


def test_a_renewal_is_due() -> None:
    running = {"subscription_id": "s", "started_at": ago(100), "ends_at": ago(-12), "is_recurring": False}
    (one,) = seen({"subscriptions": [running]})
    assert one["rule_id"] == "renewal_due_30d"
    assert one["evidence"][0]["text"] == "The subscription renews or ends in 12 days"
    assert names(seen({"subscriptions": [{**running, "ends_at": ago(-40)}]})) == []


def test_a_complaint_is_open_for_too_long() -> None:
    complaint = {"case_id": "k", "opened_at": ago(3), "type": "complaint"}
    (one,) = seen({"support_cases": [complaint]})
    assert (one["rule_id"], one["suggests"][0]) == ("complaint_open_3d", "service_recovery")
    assert names(seen({"support_cases": [{**complaint, "opened_at": ago(2)}]})) == []
    assert names(seen({"support_cases": [{**complaint, "closed_at": ago(1)}]})) == []


def test_high_value_that_slips_away_and_red_risk() -> None:
    rhythm = {"orders": [order(days) for days in (20, 28, 36, 44)]}
    assert names(seen(rhythm)) == []
    assert names(seen(rhythm, segment__value_tier="A")) == ["high_value_slipping"]
    assert names(seen(rhythm, segment__value_tier="B")) == []
    yellow = {"clv__value_class": "high", "churn__risk_level": "yellow"}
    assert names(seen({}, **yellow)) == ["high_value_slipping"]
    assert names(seen({}, **{**yellow, "churn__risk_level": "red"})) == ["high_value_slipping", "red_at_risk"]
    assert names(seen({}, **{**yellow, "churn__risk_level": "green"})) == []
    assert names(seen({}, churn__risk_level="red")) == ["red_at_risk"]


def test_nothing_fires_on_nothing() -> None:
    assert seen({}) == []
    assert seen({"orders": [], "events": [], "support_cases": [], "subscriptions": []}) == []


def test_the_product_s_rules_speak_both_languages() -> None:
    for one in default_rules():
        assert {*one.text} == set(LOCALES)
        assert one.text["en"] != one.text["zh-CN"]
