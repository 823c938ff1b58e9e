"""Playbooks as plain documents: what is one, what is not, and where it is wrong."""

from __future__ import annotations

import copy
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions import (
    ACTION_TYPES,
    BELIEFS,
    ELIGIBILITY,
    Action,
    ActionRule,
    Budget,
    Effect,
    Limit,
    Playbook,
    Policy,
    QuietHours,
)
from app.domain.errors import StructureError
from app.domain.history import CONTACT_CHANNELS
from app.domain.playbook import (
    ACTION_LIMIT,
    EXPRESSION_LIMIT,
    LARGEST,
    RULE_LIMIT,
    TEXT_LIMIT,
    as_document,
    faults_of,
    read_playbook,
)
from app.domain.triggers import Place

TEXT = {"en": "Call", "zh-CN": "致电"}
ACTION: dict[str, Any] = {
    "id": "gold_call",
    "type": "call",
    "channels": ["phone", "wechat"],
    "cost": {"phone": 12, "wechat": 0.05},
    "value": 80,
    "effect": {"low": -0.01, "mid": 0.04, "high": 0.1},
    "content_key": "call/gold-1",
    "text": TEXT,
    "eligible": [{"id": "gold", "when": 'attributes.plan == "gold"', "text": TEXT}],
    "suitable": [{"id": "calm", "when": "features.open_cases == 0.0"}],
    "valid_from": "2026-09-01T00:00:00+08:00",
    "valid_until": 1_800_000_000_000_000,
    "budget": "autumn",
    "transactional": False,
    "due_days": 2,
    "expires_days": 5,
    "repeat_days": 30,
    "window_days": 14,
}
BUDGET: dict[str, Any] = {
    "id": "autumn",
    "unit": "sends",
    "amount": 500,
    "from": "2026-09-01T00:00:00Z",
    "until": "2026-12-01T00:00:00Z",
    "price": 0.5,
}
POLICY: dict[str, Any] = {
    "epsilon": 0.1,
    "holdout": 0.1,
    "random_slice": 0,
    "salt": "spring",
    "limits": [
        {"id": "weekly", "most": 3, "days": 7},
        {"id": "no_sms", "channel": "sms", "most": 0, "days": 1},
    ],
    "quiet_hours": {"from": "21:30", "to": "08:05", "channels": ["sms", "phone"]},
}
WHOLE: dict[str, Any] = {"policy": POLICY, "budgets": [BUDGET], "actions": [ACTION]}


def changed(part: str, **said: Any) -> dict[str, Any]:
    """Return the document with keys of its action, budget or policy changed; ``...`` leaves one out."""
    document = copy.deepcopy(WHOLE)
    place = document[part] if part == "policy" else document[part][0]
    for key, value in said.items():
        name = "from" if key == "begins" else key
        if value is ...:
            del place[name]
        else:
            place[name] = value
    return document


def places(document: object) -> list[Place]:
    return [fault.place for fault in faults_of(document)]


def test_a_playbook_is_read_whole() -> None:
    playbook = read_playbook(WHOLE)
    (action,), (budget,), policy = playbook.actions, playbook.budgets, playbook.policy
    assert (action.cost, action.value, action.margin) == ({"phone": 12.0, "wechat": 0.05}, 80.0, None)
    assert action.effect == Effect(-0.01, 0.04, 0.1)
    assert action.rules("eligible") == (ActionRule("gold", 'attributes.plan == "gold"', TEXT),)
    assert action.rules("applicable") == ()
    assert action.rules("suitable")[0].text == {}
    assert action.valid_from == int(datetime(2026, 8, 31, 16, tzinfo=UTC).timestamp()) * 1_000_000
    assert action.valid_until == 1_800_000_000_000_000
    assert (action.due_days, action.expires_days, action.repeat_days, action.window_days) == (2, 5, 30, 14)
    assert (budget.unit, budget.amount, budget.price) == ("sends", 500.0, 0.5)
    assert policy.limits == (Limit("weekly", 3, 7.0), Limit("no_sms", 0, 1.0, "sms"))
    assert policy.quiet_hours == QuietHours(21 * 60 + 30, 8 * 60 + 5, ("sms", "phone"))


def test_what_is_left_out_has_a_default() -> None:
    keys = ("id", "type", "channels", "content_key", "text")
    playbook = read_playbook({"actions": [{**{key: ACTION[key] for key in keys}, "margin": 0.3}]})
    (action,) = playbook.actions
    assert action.cost == {"phone": 0.0, "wechat": 0.0}
    assert action.effect == Effect(*BELIEFS["call"])
    assert (action.expires_days, action.window_days, action.repeat_days) == (7.0, 28.0, None)
    assert not action.is_transactional
    assert playbook.policy == Policy()
    assert playbook.budgets == ()


def test_one_cost_holds_for_every_channel() -> None:
    (action,) = read_playbook(changed("actions", cost=2)).actions
    assert action.cost == {"phone": 2.0, "wechat": 2.0}


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"id": "Gold"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "none"}, "id"),
        ({"id": ...}, "id"),
        ({"type": "cal"}, "type"),
        ({"type": ...}, "type"),
        ({"channels": [], "cost": 1}, "channels"),
        ({"channels": "phone", "cost": 1}, "channels"),
        ({"cost": {"phone": 1}}, "cost.wechat"),
        ({"cost": {"phone": 1, "wechat": 1, "sms": 1}}, "cost.sms"),
        ({"cost": -0.01}, "cost"),
        ({"cost": math.nan}, "cost"),
        ({"cost": True}, "cost"),
        ({"value": LARGEST * 1.01}, "value"),
        ({"value": ...}, ""),
        ({"margin": 0.3}, ""),
        ({"value": ..., "margin": 1.01}, "margin"),
        ({"effect": {"low": 0.1, "mid": 0.05, "high": 0.2}}, "effect"),
        ({"effect": {"low": 0.1, "mid": 0.1}}, "effect.high"),
        ({"effect": {"low": -1.1, "mid": 0.1, "high": 0.2}}, "effect.low"),
        ({"content_key": "a b"}, "content_key"),
        ({"content_key": "a" * 129}, "content_key"),
        ({"text": {"en": "Call"}}, "text.zh-CN"),
        ({"text": {"en": "a" * (TEXT_LIMIT + 1), "zh-CN": "a"}}, "text.en"),
        ({"text": {"en": "two\nlines", "zh-CN": "a"}}, "text.en"),
        ({"text": ...}, "text"),
        ({"valid_from": "2026-09-01T00:00:00"}, "valid_from"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"valid_until": "2026-08-01T00:00:00Z"}, "valid_until"),
        ({"budget": "winter"}, "budget"),
        ({"budget": 5}, "budget"),
        ({"transactional": "no"}, "transactional"),
        ({"due_days": 0}, "due_days"),
        ({"window_days": 3651}, "window_days"),
        ({"eligible": [{"id": "gold", "when": " "}]}, "eligible.0.when"),
        ({"eligible": [{"id": "gold", "when": "a" * (EXPRESSION_LIMIT + 1)}]}, "eligible.0.when"),
        ({"eligible": [{"id": "gold", "when": True}]}, "eligible.0.when"),
        ({"eligible": [{"id": "gold"}]}, "eligible.0.when"),
        ({"eligible": [{"id": "a", "when": "b"}, {"id": "a", "when": "c"}]}, "eligible.1.id"),
        ({"eligible": [{"id": "a", "when": "b"}] * (RULE_LIMIT + 1)}, "eligible"),
        ({"price": 3}, "price"),
    ],
)
def test_an_action_with_a_fault_is_refused_by_its_place(said: dict[str, Any], place: str) -> None:
    found = places(changed("actions", **said))
    assert ".".join(map(str, found[0])) == f"actions.0.{place}".rstrip(".")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("part", "said", "place"),
    [
        ("budgets", {"amount": -1}, "budgets.0.amount"),
        ("budgets", {"unit": "hours"}, "budgets.0.unit"),
        ("budgets", {"until": "2026-08-01T00:00:00Z"}, "budgets.0.until"),
        ("budgets", {"begins": ...}, "budgets.0.from"),
        ("budgets", {"price": -1}, "budgets.0.price"),
        ("policy", {"epsilon": 0.51}, "policy.epsilon"),
        ("policy", {"holdout": 0.11}, "policy.holdout"),
        ("policy", {"holdout": 0.019}, "policy.holdout"),
        ("policy", {"random_slice": 0.21}, "policy.random_slice"),
        ("policy", {"salt": ""}, "policy.salt"),
        ("policy", {"limits": [{"id": "a", "most": 1.5, "days": 7}]}, "policy.limits.0.most"),
        ("policy", {"limits": [{"id": "a", "most": -1, "days": 7}]}, "policy.limits.0.most"),
        (
            "policy",
            {"limits": [{"id": "a", "channel": "fax", "most": 1, "days": 7}]},
            "policy.limits.0.channel",
        ),
        ("policy", {"quiet_hours": {**POLICY["quiet_hours"], "to": "24:00"}}, "policy.quiet_hours.to"),
        ("policy", {"quiet_hours": {**POLICY["quiet_hours"], "from": 1260}}, "policy.quiet_hours.from"),
    ],
)
def test_budgets_and_policy_have_bounds(part: str, said: dict[str, Any], place: str) -> None:
    assert [".".join(map(str, one)) for one in places(changed(part, **said))] == [place]


@pytest.mark.parametrize("share", [0, 0.02, 0.05, 0.1])
def test_a_holdout_is_none_or_one_that_shows_something(share: float) -> None:
    assert read_playbook(changed("policy", holdout=share)).policy.holdout == share


def test_one_reading_finds_every_fault() -> None:
    document = {
        "policy": {"epsilon": 2, "quite_hours": None},
        "budgets": [{"id": "a"}],
        "actions": [{**ACTION, "type": "cal", "cost": "much"}, 3],
    }
    assert {".".join(map(str, place)) for place in places(document)} >= {
        "policy.epsilon",
        "policy.quite_hours",
        "budgets.0.amount",
        "budgets.0.from",
        "actions.0.type",
        "actions.0.cost",
        "actions.0.budget",
        "actions.1",
    }


def test_ids_stand_once_and_lists_have_an_end() -> None:
    assert places({**WHOLE, "actions": [ACTION, ACTION]}) == [("actions", 1, "id")]
    assert places({**WHOLE, "budgets": [BUDGET, BUDGET]}) == [("budgets", 1, "id")]
    assert places({"actions": [ACTION] * (ACTION_LIMIT + 1)}) == [("actions",)]
    assert read_playbook({"actions": []}).actions == ()


@pytest.mark.parametrize("document", [None, [], "actions", {}, {"actions": None}, {"actions": {}}, 5])
def test_what_is_no_playbook_is_refused(document: object) -> None:
    assert places(document)
    with pytest.raises(StructureError):
        read_playbook(document)


def test_a_message_repeats_no_text() -> None:
    document = changed(
        "actions", text={"en": "secret\n", "zh-CN": "a"}, content_key="secret key", cost="secret"
    )
    for fault in faults_of(document):
        assert "secret" not in f"{fault.place}{fault.message}{fault.found}"
    with pytest.raises(StructureError, match=r"actions\.0\.content_key: expected") as refused:
        read_playbook(document)
    assert "secret" not in str(refused.value)


ids = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "none")
texts = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)
both = st.fixed_dictionaries({"en": texts, "zh-CN": texts})
days = st.floats(1 / 24, 3650)
amounts = st.floats(0, LARGEST)
times = st.integers(946_684_800_000_000, 4_000_000_000_000_000)
channels = st.lists(st.sampled_from(CONTACT_CHANNELS), min_size=1, max_size=4, unique=True).map(tuple)
rules = st.lists(
    st.builds(ActionRule, ids, texts, st.one_of(st.just({}), both)), max_size=3, unique_by=lambda one: one.id
).map(tuple)


@st.composite
def actions(draw: st.DrawFn, budgets: tuple[Budget, ...]) -> Action:
    """Draw an action that is paid from one of the budgets or from none."""
    media = draw(channels)
    begins, ends = draw(st.tuples(times, times).filter(lambda pair: pair[0] < pair[1]))
    is_worth = draw(st.booleans())
    return Action(
        id=draw(ids),
        type=draw(st.sampled_from(ACTION_TYPES)),
        channels=media,
        cost={one: draw(amounts) for one in media},
        value=draw(amounts) if is_worth else None,
        margin=None if is_worth else draw(st.floats(0, 1)),
        effect=Effect(*sorted(draw(st.tuples(*[st.floats(-1, 1)] * 3)))),
        content_key=draw(st.from_regex(r"[\w./-]{1,20}", fullmatch=True)),
        text=draw(both),
        valid_from=draw(st.sampled_from([None, begins])),
        valid_until=draw(st.sampled_from([None, ends])),
        budget=draw(st.sampled_from([None, *(one.id for one in budgets)])),
        is_transactional=draw(st.booleans()),
        due_days=draw(st.none() | days),
        expires_days=draw(days),
        repeat_days=draw(st.none() | days),
        window_days=draw(days),
        **{layer: draw(rules) for layer in ELIGIBILITY},
    )


@st.composite
def playbooks(draw: st.DrawFn) -> Playbook:
    """Draw a playbook with everything in it."""
    spans = draw(
        st.dictionaries(ids, st.tuples(times, times).filter(lambda pair: pair[0] < pair[1]), max_size=2)
    )
    budgets = tuple(
        Budget(name, draw(st.sampled_from(["money", "sends"])), draw(amounts), *span, draw(amounts))
        for name, span in spans.items()
    )
    minutes = st.integers(0, 24 * 60 - 1)
    limits = st.builds(
        Limit, ids, st.integers(0, 1000), days, st.one_of(st.none(), st.sampled_from(CONTACT_CHANNELS))
    )
    policy = Policy(
        draw(st.floats(0, 0.5)),
        draw(st.one_of(st.just(0.0), st.floats(0.02, 0.1))),
        draw(st.floats(0, 0.2)),
        draw(texts),
        tuple(draw(st.lists(limits, max_size=3, unique_by=lambda one: one.id))),
        draw(st.none() | st.builds(QuietHours, minutes, minutes, channels)),
    )
    found = draw(st.lists(actions(budgets), max_size=3, unique_by=lambda one: one.id))
    return Playbook(tuple(found), policy, budgets)


@given(playbooks())
def test_what_is_written_is_read_as_the_same(playbook: Playbook) -> None:
    document = as_document(playbook)
    assert read_playbook(document) == playbook
    assert read_playbook(json.loads(json.dumps(document))) == playbook
    assert as_document(read_playbook(document)) == document


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["actions", "policy", "budgets", "id", "when", "text", "effect", "limits"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_anything_is_either_a_playbook_or_named_as_none(document: object) -> None:
    if places(document):
        with pytest.raises(StructureError):
            read_playbook(document)
    else:
        assert read_playbook(document).policy.epsilon <= 0.5
