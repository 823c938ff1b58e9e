"""A company's own rules: read whole, refused by line and key, beside the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import BusinessFileError
from app.domain.triggers import RULE_LIMIT, SUGGESTIONS
from app.serving.evidence import known_scores
from tests.unit.training.tables.small import business_of
from training.tables import Business, load_business
from training.triggers import DEFAULTS, default_rules, read_file, read_text, rules_for, subjects

ATTRIBUTES = {"vip": "boolean", "plan": "categorical", "seats": "numeric"}
OWN = """\
- id: vip_silent
  when:
    - {feature: attribute.vip, is: true}
    - {feature: days_since_last_order, at_least: 14}
  since: days_since_last_order
  suggests: [call]
  text: {en: VIP silent for two weeks, zh-CN: VIP 已两周没有下单}
"""


def refusal(text: str) -> list[str]:
    with pytest.raises(BusinessFileError) as refused:
        read_text(text, "own.yaml", ATTRIBUTES)
    assert refused.value.remedy
    return str(refused.value).splitlines()


def with_condition(condition: str, more: str = "") -> str:
    return f"""\
- id: a
  when:
    - {{{condition}}}
  {more}
  suggests: [call]
  text: {{en: a, zh-CN: a}}
"""


def test_a_company_s_rules_are_read() -> None:
    (rule,) = read_text(OWN, "own.yaml", ATTRIBUTES)
    assert (rule.id, rule.since, rule.suggests) == ("vip_silent", "days_since_last_order", ("call",))
    assert rule.conditions[0].value is True


@pytest.mark.parametrize(
    "condition",
    [
        "feature: order_days, at_least: 2",
        "feature: revenue_total, below: -10.5",
        "feature: coupon_share, above: 1",
        "feature: unsubscribed, is: false",
        "feature: country, one_of: [CN, DE]",
        "feature: attribute.plan, is: gold",
        "feature: attribute.seats, above: -5",
        "feature: attribute.vip, is_known: true",
        "feature: summary.order_count, is: 3",
        "score: churn.risk_level, one_of: [yellow, red]",
        "score: churn.probability, at_least: 0.5",
    ],
)
def test_what_can_be_compared_is_accepted(condition: str) -> None:
    assert len(read_text(with_condition(condition), "own.yaml", ATTRIBUTES)) == 1


@pytest.mark.parametrize(
    ("condition", "place", "message"),
    [
        (
            "feature: days_since_last_ordr, at_least: 2",
            "feature",
            "unknown feature; did you mean 'days_since_last_order'?",
        ),
        ("feature: attribute.seat, above: 2", "feature", "did you mean 'attribute.seats'?"),
        ("score: churn.risk, is: red", "score", "did you mean 'churn.risk_level'?"),
        ("score: churn.horizon_days, above: 3", "score", "unknown score"),
        ("score: order_days, above: 3", "score", "this is a feature; write feature: order_days"),
        ("feature: churn.risk_level, is: red", "feature", "this is a score; write score: churn.risk_level"),
        ("score: churn.risk_level, is: orange", "is", "no such word; expected one of green, yellow, red"),
        ("score: churn.risk_level, one_of: [red, yelow]", "one_of", "did you mean 'yellow'?"),
        ("score: churn.risk_level, is: 3", "is", "is a word; expected a word"),
        ("score: churn.risk_level, above: 3", "above", "is a word, which has no more or less; use is"),
        ("score: churn.probability, above: 30", "above", "lies within 0 to 1"),
        ("feature: order_days, is: red", "is", "is a number; expected a number"),
        ("feature: order_days, is: true", "is", "is a number; expected a number"),
        ("feature: order_days, below: -1", "below", "lies within 0 to inf"),
        ("feature: coupon_share, one_of: [0.5, 50]", "one_of", "lies within 0 to 1"),
        ("feature: unsubscribed, is: 1", "is", "is a flag; expected true or false"),
        ("feature: unsubscribed, at_least: 1", "at_least", "is a flag, which has no more or less"),
        ("feature: attribute.plan, is: false", "is", "is a word; expected a word"),
        ("feature: order_days, atleast: 3", "atleast", "unknown key; did you mean 'at_least'?"),
    ],
)
def test_what_cannot_be_compared_is_refused_where_it_stands(condition: str, place: str, message: str) -> None:
    line, *_ = refusal(with_condition(condition))
    assert line.startswith(f"own.yaml, line 3, 0.when.0.{place}: ")
    assert message in line


def test_a_condition_within_any_is_named_by_its_own_line() -> None:
    text = """\
- id: a
  when:
    - any:
        - {feature: order_days, is: 3}
        - {feature: order_day, is: 3}
  suggests: [call]
  text: {en: a, zh-CN: a}
"""
    assert refusal(text) == [
        "own.yaml, line 5, 0.when.0.any.1.feature: unknown feature; did you mean 'order_days'?"
    ]


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ("order_days", "expected a feature that counts days"),
        ("tenure_days", "expected a condition in when, outside any, that limits tenure_days by at_least"),
        ("days_to_renewal", "that limits days_to_renewal by at_most or below"),
    ],
)
def test_since_must_be_dated_by_a_threshold(since: str, message: str) -> None:
    text = with_condition("feature: days_since_last_order, at_least: 3", f"since: {since}")
    (line,) = refusal(text)
    assert line.startswith("own.yaml, line 4, 0.since: ")
    assert message in line


def test_every_fault_of_a_file_is_told_in_the_order_of_its_lines() -> None:
    text = with_condition("feature: order_day, is: 3").replace("id: a", "id: A") + OWN.replace(
        "vip_silent", "Vip"
    ).replace("[call]", "[cal]")
    assert [line.split(":")[0] for line in refusal(text)] == [
        "own.yaml, line 1, 0.id",
        "own.yaml, line 3, 0.when.0.feature",
        "own.yaml, line 7, 1.id",
        "own.yaml, line 12, 1.suggests.0",
    ]


def test_a_fault_repeats_no_value() -> None:
    assert "4711" not in "\n".join(refusal(with_condition("feature: coupon_share, is: 4711")))
    assert "Mrs Smith" not in "\n".join(refusal(with_condition("score: churn.risk_level, is: Mrs Smith")))


@pytest.mark.parametrize("text", ["id: a", "3", "", "- [", "- {id: a, id: b}"])
def test_what_is_no_list_of_rules_is_refused(text: str) -> None:
    assert refusal(text)[0].startswith("own.yaml")


# ── A business ────────────────────────────────────────────────────────────────────────────────────────
def business(tmp_path: Path, **triggers: Any) -> Business:
    (tmp_path / "own.yaml").write_text(OWN.replace("attribute.vip, is: true", "order_days, is: 3"), "utf-8")
    path = tmp_path / "business.yaml"
    said = ", ".join(f"{key}: {value}" for key, value in triggers.items())
    path.write_text(
        f"name: shop\ncurrency: GBP\ntables: {{orders: SELECT 1}}\nobjectives: {{triggers: {{{said}}}}}\n",
        "utf-8",
    )
    return load_business(path)


def ids(business: Business) -> list[str]:
    return [rule.id for rule in rules_for(business)]


DEFAULT_IDS = [rule.id for rule in default_rules()]


def test_without_a_word_the_defaults_hold(tmp_path: Path) -> None:
    assert ids(business(tmp_path)) == DEFAULT_IDS
    assert ids(business_of({"orders": "SELECT 1"})) == DEFAULT_IDS


def test_own_rules_stand_beside_the_defaults_or_alone(tmp_path: Path) -> None:
    assert ids(business(tmp_path, file="own.yaml")) == [*DEFAULT_IDS, "vip_silent"]
    assert ids(business(tmp_path, file="own.yaml", defaults="false")) == ["vip_silent"]
    assert ids(business(tmp_path, defaults="false")) == []


def test_defaults_can_be_left_out_by_name(tmp_path: Path) -> None:
    assert ids(business(tmp_path, without="[silent_30d]")) == DEFAULT_IDS[:-1]
    with pytest.raises(BusinessFileError, match=r"objectives\.triggers\.without.*did you mean 'silent_30d'"):
        rules_for(business(tmp_path, without="[silent_3d]"))


def test_an_own_rule_takes_the_place_of_a_default_one(tmp_path: Path) -> None:
    told = business(tmp_path, file="own.yaml")
    path = tmp_path / "own.yaml"
    path.write_text(path.read_text("utf-8").replace("vip_silent", "silent_30d"), "utf-8")
    rules = rules_for(told)
    assert [rule.id for rule in rules] == DEFAULT_IDS
    assert rules[-1].text["en"] == "VIP silent for two weeks"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        BusinessFileError, match=r"gone\.yaml, named by objectives\.triggers\.file"
    ) as refused:
        rules_for(business(tmp_path, file="gone.yaml"))
    assert str(tmp_path) not in str(refused.value)


def test_too_many_rules_with_the_defaults_are_refused(tmp_path: Path) -> None:
    told = business(tmp_path, file="own.yaml")
    own = (tmp_path / "own.yaml").read_text("utf-8")
    many = "".join(own.replace("vip_silent", f"r{k}") for k in range(RULE_LIMIT))
    (tmp_path / "own.yaml").write_text(many, "utf-8")
    assert len(read_file(tmp_path / "own.yaml", {})) == RULE_LIMIT
    with pytest.raises(BusinessFileError, match=f"{RULE_LIMIT + len(DEFAULT_IDS)} rules with the defaults"):
        rules_for(told)


# ── The defaults ──────────────────────────────────────────────────────────────────────────────────────
def test_the_defaults_are_what_the_product_promises() -> None:
    assert set(DEFAULT_IDS) == {
        "complaint_open_3d",
        "at_risk_after_case",
        "renewal_due_30d",
        "high_value_slipping",
        "red_at_risk",
        "viewed_3d_no_order",
        "silent_30d",
    }
    assert {word for rule in default_rules() for word in rule.suggests} <= set(SUGGESTIONS)


def test_the_defaults_hold_to_what_they_ask_of_others() -> None:
    missing = {
        one.name.partition(".")[0]
        for rule in default_rules()
        for one in rule.conditions
        if one.subject == "score" and one.name not in known_scores()
    }
    assert not missing & {name.partition(".")[0] for name in known_scores()}
    if not missing:
        assert read_text(DEFAULTS.read_text("utf-8"), DEFAULTS.name, {}) == default_rules()


def test_everything_that_can_be_asked_about_is_listed() -> None:
    known = subjects(ATTRIBUTES)
    assert known["feature", "attribute.plan"].kind == "word"
    assert known["score", "churn.risk_level"].words == ("green", "yellow", "red")
    assert known["feature", "coupon_share"].high == 1.0
