"""Rules made ready to fire: what they read, and what dates them."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import StructureError
from app.domain.triggers import as_document, read_rules
from app.features.library import LIBRARY
from app.serving.rules import (
    COUNTING_DOWN,
    COUNTING_UP,
    TWINS,
    blocks_of,
    compile_rules,
    crossing,
    features_of,
    rules_of,
)

TEXT = {"en": "x", "zh-CN": "x"}


def document(*when: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"id": "a", "when": list(when), "suggests": ["call"], "text": TEXT, **more}]


def test_what_is_read_is_named_with_its_twins() -> None:
    rules = rules_of(
        {
            "rules": document(
                {"feature": "days_since_last_order", "at_least": 30},
                {"feature": "open_cases", "is": 0},
                {"feature": "attribute.vip", "is": True},
                {"any": [{"score": "churn.risk_level", "is": "red"}, {"score": "clv.value_tier", "is": "A"}]},
            )
        }
    )
    assert features_of(rules) == {
        "days_since_last_order", "summary.days_since_last_order", "open_cases", "attribute.vip",
    }  # fmt: skip
    assert blocks_of(rules) == {"churn", "clv"}


def test_twins_are_features_and_mean_what_the_full_history_says() -> None:
    assert TWINS.items() >= {
        ("days_since_last_order", "summary.days_since_last_order"),
        ("silence_ratio", "summary.silence_ratio"),
        ("order_days", "summary.order_count"),
        ("revenue_total", "summary.revenue_total"),
        ("order_days_90d", "summary.orders_90d"),
    }
    for name, twin in TWINS.items():
        assert LIBRARY[name].unit == LIBRARY[twin].unit
        assert LIBRARY[twin].summary


def test_what_counts_days_is_a_feature_of_days() -> None:
    assert {LIBRARY[name].unit for name in COUNTING_UP | COUNTING_DOWN} == {"days"}
    assert "average_gap_days" not in COUNTING_UP


def test_a_condition_that_stands_twice_is_worked_out_once() -> None:
    one = {"feature": "order_days", "at_least": 2}
    rules = compile_rules(read_rules([*document(one), {**document(one)[0], "id": "b"}]))
    assert len(rules.tests) == len(rules.subjects) == 1
    assert [rule.id for rule in rules.rules] == ["a", "b"]


def test_a_feature_that_this_code_does_not_compute_is_refused() -> None:
    with pytest.raises(StructureError, match="the rule a asks about moon_phase"):
        rules_of({"rules": document({"feature": "moon_phase", "is": 1})})


def test_a_score_that_this_code_does_not_know_is_left_to_not_hold() -> None:
    assert blocks_of(rules_of({"rules": document({"score": "moon.phase", "is": "new"})})) == {"moon"}


def test_settings_without_rules_are_refused() -> None:
    with pytest.raises(StructureError, match="no rules"):
        rules_of({})
    with pytest.raises(StructureError, match="rules: expected a list"):
        rules_of({"rules": {}})


def test_no_rule_reads_nothing() -> None:
    rules = rules_of({"rules": []})
    assert (rules.rules, features_of(rules), blocks_of(rules)) == ((), frozenset(), frozenset())


SINCE = "days_since_last_order"


@pytest.mark.parametrize(
    ("when", "since", "found"),
    [
        ({"feature": SINCE, "at_least": 30}, SINCE, "at_least"),
        ({"feature": SINCE, "above": 30}, SINCE, "above"),
        ({"feature": SINCE, "at_most": 30}, SINCE, None),
        ({"feature": SINCE, "is": 30}, SINCE, None),
        ({"feature": SINCE, "at_least": 30}, "tenure_days", None),
        ({"any": [{"feature": SINCE, "at_least": 30}, {"feature": "order_days", "is": 0}]}, SINCE, None),
        ({"feature": "days_to_renewal", "at_most": 30}, "days_to_renewal", "at_most"),
        ({"feature": "days_to_renewal", "at_least": 30}, "days_to_renewal", None),
        ({"feature": "average_gap_days", "at_least": 30}, "average_gap_days", None),
    ],
)
def test_a_threshold_dates_a_rule_where_the_feature_counts_towards_it(
    when: dict[str, Any], since: str, found: str | None
) -> None:
    (rule,) = read_rules(document(when, since=since))
    crossed = crossing(rule)
    assert (None if crossed is None else crossed.operator) == found
    assert read_rules(as_document((rule,))) == (rule,)
