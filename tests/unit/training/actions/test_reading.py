"""A company's own playbook: read whole, refused by line and key, beside the defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.actions import Playbook
from app.domain.errors import BusinessFileError
from app.domain.playbook import ACTION_LIMIT
from tests.unit.training.tables.small import business_of
from training.actions.reading import DEFAULTS, default_playbook, playbook_for, read_file, read_text
from training.sample.describe import actions_file
from training.tables import Business, load_business

ATTRIBUTES = {"vip": "boolean", "plan": "categorical", "seats": "numeric"}
TABLES = {"customers": "SELECT 1", "orders": "SELECT 1"}
ACTION = """\
  - id: gold_call
    type: call
    channels: [phone]
    cost: 12
    value: 80
    content_key: gold_call
    text: {en: Call gold customers, zh-CN: 致电黄金客户}
"""
GOLD = """\
    eligible:
      - id: gold
        when: 'attributes.plan == "gold" && "silent_30d" in triggers'
"""


def read(text: str, triggers: tuple[str, ...] | None = None) -> Playbook:
    return read_text(text, "own.yaml", ATTRIBUTES, triggers)


def refusal(text: str) -> list[str]:
    with pytest.raises(BusinessFileError) as refused:
        read(text)
    assert refused.value.remedy
    return str(refused.value).splitlines()


def business(tmp_path: Path, text: str | None, **said: Any) -> Business:
    """Return a business whose file names a playbook of its own, if a text is given."""
    if text is not None:
        (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
        said = {"file": "own.yaml", **said}
    path = tmp_path / "business.yaml"
    attributes = {"plan": {"kind": "categorical"}}
    path.write_text(
        json.dumps(
            {
                "name": "shop",
                "currency": "GBP",
                "timezone": "Europe/London",
                "tables": TABLES,
                "attributes": attributes,
                "objectives": {"next_best_action": said},
            }
        ),
        "utf-8",
    )
    return load_business(path)


def ids(playbook: Playbook) -> list[str]:
    return [action.id for action in playbook.actions]


def test_a_company_s_actions_are_read() -> None:
    (action,) = read("actions:\n" + ACTION + GOLD).actions
    assert (action.id, action.cost, action.value) == ("gold_call", {"phone": 12.0}, 80.0)
    assert action.eligible[0].when == 'attributes.plan == "gold" && "silent_30d" in triggers'


def test_every_fault_is_named_by_line_and_key() -> None:
    text = """\
policy:
  epsilon: 2
actions:
  - id: gold_call
    type: cal
    channels: [phone]
    value: 80
    content_key: gold_call
    text: {en: Call}
    eligible:
      - id: gold
        when: 'attributes.plann == "gold"'
      - id: often
        when: 'features.order_days > 3'
    suitable:
      - id: quiet
        when: '"silent_30" in triggers'
      - {id: empty, when: ''}
"""
    assert refusal(text) == [
        "own.yaml, line 2, policy.epsilon: expected a number from 0 to 0.5",
        "own.yaml, line 5, actions.0.type: unknown word; did you mean 'call'?",
        "own.yaml, line 9, actions.0.text.zh-CN: this key is required",
        (
            "own.yaml, line 12, actions.0.eligible.0.when: attributes.plann is not known; "
            "did you mean attributes.plan?"
        ),
        "own.yaml, line 14, actions.0.eligible.1.when: numbers have a decimal point: write 3.0 for 3",
        (
            "own.yaml, line 17, actions.0.suitable.0.when: there is no such trigger rule; "
            "did you mean 'silent_30d'?"
        ),
        "own.yaml, line 18, actions.0.suitable.1.when: expected an expression of 1 to 500 characters",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- id: a\n", "own.yaml, line 1, the file: expected policy, budgets, actions"),
        ("", "own.yaml, line 1, the file: expected policy, budgets, actions"),
        (
            "action: []\n",
            "own.yaml, line 1, action: unknown key; did you mean 'actions'?",
        ),
        (
            "actions:\n" + ACTION + "    budget: autumn\n",
            "own.yaml, line 9, actions.0.budget: there is no such budget",
        ),
        (
            "actions:\n" + ACTION + "    budget: autum\nbudgets:\n"
            "  - {id: autumn, amount: 5, from: 2026-09-01T00:00:00Z, until: 2026-12-01T00:00:00Z}\n",
            "own.yaml, line 9, actions.0.budget: there is no such budget; did you mean 'autumn'?",
        ),
        ("actions:\n" + ACTION + ACTION, "own.yaml, line 9, actions.1.id: another one has this id already"),
        (
            "policy: {quiet_hours: {from: 21:00, to: 08:00, channels: [sms]}}\n",
            'own.yaml, line 1, policy.quiet_hours.from: expected a time of day in quotes, such as "21:00"',
        ),
    ],
)
def test_what_is_no_playbook_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)


def test_the_rules_that_may_be_named_are_those_of_the_business() -> None:
    text = "actions:\n" + ACTION + GOLD
    with pytest.raises(BusinessFileError, match="no such trigger rule; expected one of mine"):
        read(text, ("mine",))
    assert ids(read(text.replace("silent_30d", "mine"), ("mine",))) == ["gold_call"]


def test_a_key_of_the_policy_takes_the_place_of_the_default_one() -> None:
    default = default_playbook().policy
    policy = read("policy: {epsilon: 0.1, salt: spring}\n").policy
    assert (policy.epsilon, policy.salt) == (0.1, "spring")
    assert (policy.holdout, policy.limits, policy.quiet_hours) == (
        default.holdout,
        default.limits,
        default.quiet_hours,
    )
    assert read("policy: {limits: [{id: a, most: 1, days: 30}]}\n").policy.limits[0].days == 30
    assert len(read("policy: {limits: [{id: a, most: 1, days: 30}]}\n").policy.limits) == 1
    none = read("policy: {limits: [], quiet_hours: null}\n").policy
    assert (none.limits, none.quiet_hours) == ((), None)


def test_without_a_word_the_defaults_hold(tmp_path: Path) -> None:
    assert playbook_for(business(tmp_path, None)) == default_playbook()
    assert playbook_for(business_of(TABLES)) == default_playbook()


def test_own_actions_come_behind_the_defaults_or_take_their_place(tmp_path: Path) -> None:
    own = "actions:\n" + ACTION + ACTION.replace("gold_call", "vip_care")
    playbook = playbook_for(business(tmp_path, own))
    assert ids(playbook) == [*ids(default_playbook()), "gold_call"]
    (replaced,) = (action for action in playbook.actions if action.id == "vip_care")
    assert replaced.value == 80


def test_defaults_may_be_left_out_one_by_one_or_all(tmp_path: Path) -> None:
    one = playbook_for(business(tmp_path, None, without=["upsell"]))
    assert set(ids(default_playbook())) - set(ids(one)) == {"upsell"}
    own = playbook_for(business(tmp_path, "actions:\n" + ACTION, defaults=False))
    assert ids(own) == ["gold_call"]
    assert own.policy == default_playbook().policy


def test_leaving_out_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BusinessFileError, match="no default action of that name; did you mean 'upsell'") as e:
        playbook_for(business(tmp_path, None, without=["upsel"]))
    assert "order_survey" in (e.value.remedy or "")


def test_budgets_are_those_of_the_file(tmp_path: Path) -> None:
    text = (
        "budgets:\n  - {id: autumn, amount: 500, from: 2026-09-01T00:00:00+08:00, "
        "until: 2026-12-01T00:00:00+08:00, price: 0.5}\n"
        "actions:\n" + ACTION + "    budget: autumn\n"
    )
    (budget,) = playbook_for(business(tmp_path, text)).budgets
    assert (budget.id, budget.amount, budget.price) == ("autumn", 500.0, 0.5)


def test_too_many_actions_with_the_defaults_are_refused(tmp_path: Path) -> None:
    many = "actions:\n" + "".join(ACTION.replace("gold_call", f"a{k}") for k in range(ACTION_LIMIT))
    assert len(playbook_for(business(tmp_path, many, defaults=False)).actions) == ACTION_LIMIT
    with pytest.raises(BusinessFileError, match=f"{ACTION_LIMIT + 14} actions with the defaults, at most"):
        playbook_for(business(tmp_path, many))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusinessFileError, match=r"away\.yaml, named by objectives\.next_best_action\.file"):
        read_file(tmp_path / "away.yaml", {})
    (tmp_path / "latin.yaml").write_bytes("é".encode("latin-1"))
    with pytest.raises(BusinessFileError, match="it is not UTF-8 text"):
        read_file(tmp_path / "latin.yaml", {})


def test_the_default_file_is_read_as_a_company_s_own() -> None:
    assert read(DEFAULTS.read_text("utf-8")) == default_playbook()


def test_the_sample_names_its_three_campaigns(tmp_path: Path) -> None:
    playbook = playbook_for(business(tmp_path, actions_file()))
    assert ids(playbook)[-3:] == ["discount_coupon", "service_call", "content_email"]
