"""Decisions of one customer and of many, without the store: filters, draws, budgets, what is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from app.domain.actions import Effect
from app.domain.errors import StructureError
from app.serving.action_model import ActionModel, weighed_together
from app.serving.decide import prepare
from app.serving.decision import Answer, AskAction
from app.serving.pseudonyms import Keys, place_of
from app.serving.release import LoadedRelease
from app.store.records import BudgetState, Choice, Contacted, Decided, Known, NewDecision
from tests.playbooks import BUSINESS, DAY, NOW, action, person, playbook, release, rule, settings

KEYS = Keys(b"k" * 32)
NOBODY = Known()
TINY = release()
MONTH = {"from": NOW - 10 * DAY, "until": NOW + 20 * DAY}


def asked(request_id: str = "r-1", **changes: Any) -> AskAction:
    return AskAction(request_id, "body", **changes)


def told(
    one: LoadedRelease = TINY,
    who: Mapping[str, Any] | None = None,
    known: Known = NOBODY,
    at: int = NOW,
    **changes: Any,
) -> Answer:
    """Return the answer of a dry run, with everything that is left."""
    ask = asked(**{"limit": 20, "mode": "dry_run", **changes})
    prepared = prepare(one, [who or person()], np.array([at]), [ask], KEYS)
    return prepared.dry_run([known], {})[0]


def chosen(
    one: LoadedRelease,
    people: Sequence[Mapping[str, Any]],
    asks: Sequence[AskAction],
    budgets: Mapping[str, BudgetState] | None = None,
    knowns: Sequence[Known] | None = None,
) -> Choice:
    """Return what the store would write."""
    prepared = prepare(one, people, np.full(len(people), NOW), asks, KEYS)
    task = prepared.task()
    assert task is not None
    return task.choose(range(len(people)), knowns or [NOBODY] * len(people), budgets or {})


def one_decision(one: LoadedRelease = TINY, known: Known = NOBODY, **changes: Any) -> NewDecision:
    return chosen(one, [person()], [asked(**changes)], knowns=[known]).decisions[0]


def actions(answer: Answer) -> list[str]:
    return [f"{one['action_id']}/{one['channel']}" for one in answer["actions"]]


def dropped(answer: Answer) -> dict[str, str]:
    return {
        one["action_id"]
        + (f"/{one['channel']}" if "channel" in one else ""): f"{one['layer']}/{one['rule_id']}"
        for one in answer["suppressed"]
    }


def test_best_comes_first_and_alternatives_follow_with_doing_nothing() -> None:
    answer = told()
    assert actions(answer) == ["call/phone", "coupon/email", "coupon/sms", "margin/push", "none/None"]
    assert [one["rank"] for one in answer["actions"]] == [1, 2, 3, 4, 5]
    first = answer["actions"][0]
    assert first["expected_incremental_profit"] == pytest.approx({"low": -2.0, "mid": 8.0, "high": 18.0})
    assert (first["evidence"], first["cost"], first["currency"]) == ("rule_prior", 12.0, "EUR")
    assert answer["actions"][3]["expected_incremental_profit"]["mid"] == pytest.approx(0.05 * 0.5 * 40)
    assert dropped(answer) == {"bill": "applicable/renewal"}
    assert answer["suppressed"][0]["text"] == "does not hold: renewal holds"
    assert answer["funnel"] == {
        "candidates": 5,
        "dropped": [{"layer": "applicable", "rule_id": "renewal", "count": 1}],
        "allowed": 4,
    }


def test_times_are_the_customers_own_and_in_order() -> None:
    night = NOW + 10 * DAY // 24  # 22:00 in UTC
    first, coupon_by_sms = told(at=night)["actions"][0], told(at=night, channels=("sms",))["actions"][0]
    assert first["not_before"] == coupon_by_sms["not_before"] == "2026-06-16T08:00:00+00:00"
    assert first["due_by"] == "2026-06-18T22:00:00+00:00"
    assert first["expires_at"] == "2026-06-22T22:00:00+00:00"
    in_shanghai = told(at=night, timezone="Asia/Shanghai", channels=("sms",))["actions"][0]
    assert in_shanghai["not_before"] == "2026-06-16T08:00:00+08:00"
    by_mail = told(at=night, channels=("email",))["actions"][0]
    assert by_mail["not_before"] == "2026-06-15T22:00:00+00:00"


def test_offer_that_ends_before_quiet_hours_do_is_dropped() -> None:
    brief = release(playbook(action("flash", channels=["sms"], expires_days=0.25)))
    night = NOW + 10 * DAY // 24
    assert dropped(told(brief, at=night)) == {"flash": "quiet_hours/quiet_hours"}
    assert dropped(told(brief)) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"valid_until": NOW}, "validity/valid_until"),
        ({"valid_from": NOW + 1}, "validity/valid_from"),
        ({"eligible": [rule("loyal", "features.order_days >= 3.0")]}, "eligible/loyal"),
        ({"applicable": [rule("silent", "features.days_since_last_order > 30.0")]}, "applicable/silent"),
        ({"suitable": [rule("unknown", 'attributes.plan == "gold"')]}, "suitable/unknown"),
        ({"eligible": [rule("a", "true"), rule("b", "false")]}, "eligible/b"),
        ({"applicable": [rule("b", "false")], "suitable": [rule("c", "false")]}, "applicable/b"),
    ],
)
def test_first_layer_that_takes_an_action_is_told(changes: dict[str, Any], expected: str) -> None:
    answer = told(release(playbook(action("one", **changes))))
    assert dropped(answer) == {"one": expected}
    assert actions(answer) == ["none/None"]
    assert answer["actions"][0]["reasons"][0]["code"] == "nothing_left"


def test_what_is_not_asked_for_is_left_out_and_counted() -> None:
    answer = told(candidates=("coupon",), channels=("sms",))
    assert actions(answer) == ["coupon/sms", "none/None"]
    assert answer["suppressed"] == []
    assert Counter(
        {f"{one['layer']}/{one['rule_id']}": one["count"] for one in answer["funnel"]["dropped"]}
    ) == {"request/candidates": 3, "request/channels": 1}


def test_consent_to_marketing_stops_all_but_transactional_actions() -> None:
    no = [{"purpose": "marketing", "status": "revoked", "status_at": NOW - DAY}]
    due = [{"subscription_id": "s", "started_at": NOW - 300 * DAY, "ends_at": NOW + 9 * DAY}]
    answer = told(who=person(consents=no, subscriptions=due))
    assert actions(answer) == ["bill/email", "none/None"]
    assert set(dropped(answer).values()) == {"consent/marketing"}


@pytest.mark.parametrize("purpose", ["profiling", "personalisation"])
def test_nothing_is_read_of_who_denies_profiling(purpose: str) -> None:
    no = [{"purpose": purpose, "status": "denied", "status_at": NOW - DAY}]
    answer = told(who=person(consents=no), explain=True)
    stranger = told(who={"customer_id": "c-1", "customer": {}, "consents": no}, explain=True)
    assert answer == stranger
    assert (answer["personalised"], answer["variables"]) == (False, {})
    assert dropped(answer)["call"] == "eligible/buyer"
    assert answer["warnings"][0]["code"] == "not_personalised"


def test_contacts_on_record_and_in_the_request_count_together() -> None:
    mail = Contacted(NOW - DAY, "email", "coupon", "x")
    answer = told(known=Known((mail,)))
    assert dropped(answer)["coupon/email"] == "contact_policy/mail_weekly"
    assert "coupon/sms" in actions(answer)
    rows = [{"contact_id": f"k{k}", "contacted_at": NOW - DAY, "channel": "push"} for k in range(2)]
    full = told(who=person(contacts=rows), known=Known((mail,)))
    assert actions(full) == ["none/None"]
    assert dropped(full)["call"] == "contact_policy/all_weekly"
    repeated = Known((Contacted(NOW - 20 * DAY, "push", "margin", "y"),))
    assert dropped(told(known=repeated))["margin"] == "contact_policy/repeat"


def test_decision_is_written_with_the_probability_of_everything_that_was_left() -> None:
    one = release(playbook(epsilon=0.2))
    decision = one_decision(one)
    probabilities = {f"{c['action_id']}/{c['channel']}": c["probability"] for c in decision.candidates}
    assert sum(probabilities.values()) == pytest.approx(1.0)
    assert probabilities.keys() == {"call/phone", "coupon/email", "coupon/sms", "margin/push", "none/None"}
    assert decision.propensity == probabilities[f"{decision.action_id}/{decision.channel}"]
    assert min(probabilities.values()) == pytest.approx(0.2 / 5)
    assert decision.snapshot["variables"] == {"features.order_days": 2.0}
    assert "c-1" not in json.dumps([decision.answer, decision.snapshot, decision.candidates, decision.person])
    assert decision.reservation is not None
    assert (decision.reservation.action_id, decision.reservation.at) == (decision.action_id, NOW)
    assert decision.window_ends_at == NOW + 28 * DAY


def test_shares_of_many_requests_match_what_was_written() -> None:
    one, counts = release(playbook(epsilon=0.3)), Counter[str]()
    people = [person(f"p-{k}") for k in range(1_000)]
    asks = [asked(f"r-{k}") for k in range(1_000)]
    decisions = chosen(one, people, asks).decisions
    for decision in decisions:
        counts[f"{decision.action_id}/{decision.channel}"] += 1
    written = {f"{c['action_id']}/{c['channel']}": c["probability"] for c in decisions[0].candidates}
    observed = [counts[name] for name in written]
    assert chisquare(observed, [p * 1_000 for p in written.values()]).pvalue > 1e-3
    slices = Counter(decision.slice for decision in decisions)
    assert set(slices) == {"exploit", "explore"}


def test_same_request_has_the_same_luck_and_id() -> None:
    one = release(playbook(epsilon=0.5))
    first, again, other = one_decision(one), one_decision(one), one_decision(one, request_id="r-2")
    assert first == again
    assert first.decision_id != other.decision_id


def test_holdout_and_random_slice_are_of_the_person() -> None:
    one = release(playbook(holdout=0.1, random_slice=0.2, salt="s"))
    people = [person(f"p-{k}") for k in range(300)]
    decisions = chosen(one, people, [asked(f"r-{k}") for k in range(300)]).decisions
    for k, decision in enumerate(decisions):
        place = place_of(KEYS.person(f"p-{k}"), "s")
        if place < 0.1:
            assert (decision.arm, decision.slice, decision.action_id) == ("control", "holdout", "none")
            assert decision.reservation is None
        elif place < 0.3:
            assert (decision.arm, decision.slice) == ("treatment", "random")
            assert {c["probability"] for c in decision.candidates} == {0.2}
        else:
            assert (decision.slice, decision.action_id) == ("exploit", "call")
    assert {decision.slice for decision in decisions} == {"holdout", "random", "exploit"}


def test_transactional_action_reaches_the_holdout() -> None:
    one = release(playbook(holdout=0.1, salt="s"))
    name = next(f"p-{k}" for k in range(200) if place_of(KEYS.person(f"p-{k}"), "s") < 0.1)
    due = [{"subscription_id": "s", "started_at": NOW - 300 * DAY, "ends_at": NOW + 9 * DAY}]
    (decision,) = chosen(one, [person(name, subscriptions=due)], [asked()]).decisions
    assert (decision.action_id, decision.arm, decision.propensity) == ("bill", "control", 1.0)


def test_shadow_reserves_nothing_and_apprentice_follows_the_caller() -> None:
    shadow = one_decision(mode="shadow")
    assert (shadow.action_id, shadow.reservation, shadow.mode) == ("call", None, "shadow")
    own = one_decision(mode="apprentice", caller_choice=("coupon", "sms"))
    assert (own.action_id, own.channel, own.slice, own.propensity) == ("coupon", "sms", "caller", None)
    assert own.reservation is not None
    assert own.reservation.channel == "sms"
    assert (own.answer["agrees"], own.answer["own_choice"]["action_id"]) == (False, "call")
    agreed = one_decision(mode="apprentice", caller_choice=("call", None))
    assert agreed.answer["agrees"] is True
    mail = Known((Contacted(NOW - DAY, "email", "x", "x"),))
    against = one_decision(known=mail, mode="apprentice", caller_choice=("coupon", "email"))
    assert against.answer["warnings"][0]["code"] == "caller_choice_suppressed"
    nothing = one_decision(mode="apprentice", caller_choice=("none", None))
    assert (nothing.action_id, nothing.reservation) == ("none", None)


def test_budget_asks_for_its_price_and_is_never_overspent() -> None:
    budget = {"id": "calls", "unit": "sends", "amount": 2, "price": 1.0, **MONTH}
    one = release(playbook(action("call", channels=["phone"], cost=1.0, budget="calls"), budgets=(budget,)))
    key = f"calls@{MONTH['from']}"
    (decision,) = chosen(one, [person()], [asked()]).decisions
    assert decision.reservation is not None
    assert (decision.reservation.budget, decision.reservation.charge) == (key, 1.0)
    for state, expected in [
        (BudgetState(spent=2.0), "budget/spent"),
        (BudgetState(price=4.0), "budget/price"),
    ]:
        choice = chosen(one, [person()], [asked()], {key: state})
        assert choice.decisions[0].answer["suppressed"][0]["layer"] == "budget"
        assert dropped(choice.decisions[0].answer) == {"call": expected}
    paid = chosen(one, [person()], [asked()], {key: BudgetState(spent=1.0, price=1.0)})
    assert paid.budgets[key].spent == 2.0
    before = told(one, at=NOW - 11 * DAY)
    assert dropped(before) == {"call": "budget/period"}


def test_batch_shares_a_budget_among_the_best() -> None:
    budget = {"id": "b", "unit": "money", "amount": 12.0, **MONTH}
    one = release(
        playbook(
            action("gift", channels=["in_app"], cost=1.2, value=None, margin=1.0, budget="b"),
            budgets=(budget,),
        )
    )
    people = [
        person(f"p-{k}", orders=[{"order_id": "o", "ordered_at": NOW - DAY, "revenue": 30.0 + k}])
        for k in range(50)
    ]
    choice = chosen(one, people, [asked(f"r-{k}") for k in range(50)])
    sent = [k for k, decision in enumerate(choice.decisions) if decision.action_id == "gift"]
    assert sent == list(range(40, 50))
    (state,) = choice.budgets.values()
    assert state.spent == pytest.approx(12.0)
    assert state.price == pytest.approx(0.05 * 69 - 1.2)


def test_batch_of_equals_uses_what_is_left_and_no_more() -> None:
    budget = {"id": "b", "unit": "sends", "amount": 20, **MONTH}
    one = release(
        playbook(action("gift", channels=["in_app"], budget="b"), budgets=(budget,), holdout=0.1, epsilon=0.1)
    )
    people, asks = [person(f"p-{k}") for k in range(100)], [asked(f"r-{k}") for k in range(100)]
    first = chosen(one, people, asks)
    (state,) = first.budgets.values()
    assert state.spent == 20.0
    (key,) = first.budgets
    for spent in (12.0, 25.0):
        again = chosen(one, people, asks, {key: BudgetState(spent=spent, price=9.0)})
        assert again.budgets[key].spent == max(20.0, spent)
    swapped = chosen(one, people[::-1], asks[::-1])
    assert {d.decision_id: d.action_id for d in swapped.decisions} == {
        d.decision_id: d.action_id for d in first.decisions
    }


def test_batch_keeps_the_limits_of_one_person() -> None:
    choice = chosen(TINY, [person()] * 6, [asked(f"r-{k}") for k in range(6)])
    names = [decision.action_id for decision in choice.decisions]
    assert names.count("none") == 3
    assert sum(one.reservation is not None for one in choice.decisions) == 3


def test_measured_effect_takes_the_place_of_the_belief() -> None:
    measured = {
        "call": {"low": -0.05, "mid": 0.0, "high": 0.05, "evidence": "pilot", "channels": ["phone"]},
        "coupon": {"low": 0.2, "mid": 0.3, "high": 0.4, "evidence": "experiment", "channels": ["email"]},
    }
    answer = told(release(effects=measured))
    assert actions(answer)[:2] == ["coupon/email", "coupon/sms"]
    assert [one["evidence"] for one in answer["actions"][:2]] == ["experiment", "rule_prior"]
    assert [one["evidence"] for one in answer["actions"] if one["action_id"] == "call"] == ["pilot"]


@pytest.mark.parametrize(
    ("belief", "trial", "expected"),
    [
        (
            Effect(0.0, 0.1, 0.2),
            Effect(-0.1, 0.0, 0.1),
            Effect(0.05 - 0.5**0.5 / 10, 0.05, 0.05 + 0.5**0.5 / 10),
        ),
        (Effect(0.0, 0.1, 0.2), Effect(-1.0, -0.5, 1.0), Effect(0.094, 0.094, 0.094)),
        (Effect(0.1, 0.1, 0.1), Effect(-0.1, 0.0, 0.1), Effect(0.1, 0.1, 0.1)),
    ],
)
def test_pilot_and_belief_count_by_their_precision(belief: Effect, trial: Effect, expected: Effect) -> None:
    found = weighed_together(belief, trial)
    assert found.mid == pytest.approx(expected.mid, abs=1e-3)
    assert found.low <= found.mid <= found.high
    assert found.high - found.low <= min(belief.high - belief.low, trial.high - trial.low)


def test_unknown_order_value_gives_no_profit_but_a_rank() -> None:
    one = release(playbook(action("m", value=None, margin=0.5, cost=0.0)), typical_order_value=None)
    first = told(one, who=person(orders=[]))["actions"][0]
    assert (first["action_id"], first["expected_incremental_profit"]) == ("m", None)
    assert first["reasons"][-1]["code"] == "value_unknown"


def test_without_a_playbook_nothing_is_chosen() -> None:
    nothing = LoadedRelease("r", "", BUSINESS, {}, "")
    prepared = prepare(nothing, [person()], np.array([NOW]), [asked()], KEYS)
    assert prepared.task() is None
    (answer,) = prepared.answers([])
    assert answer is not None
    assert (answer["eligible"], answer["ineligible_reason"], answer["actions"]) == (False, "no_model", [])


def test_answers_tell_replays_and_leave_errors_out() -> None:
    people, asks = [person("a"), person("b")], [asked("r-1"), asked("r-2")]
    prepared = prepare(TINY, people, np.array([NOW, NOW]), asks, KEYS)
    written = chosen(TINY, people, asks).decisions[0].answer
    first, second = prepared.answers([Decided(written, is_replay=True), Decided({}, error="conflict")])
    assert first is not None
    assert (first["customer_id"], first["replay"], first["logged"]) == ("a", True, True)
    assert second is None
    assert prepared.unlogged()[0]["logged"] is False
    assert prepared.unlogged()[0]["warnings"][0]["code"] == "not_logged"


def test_sentences_are_told_in_chinese() -> None:
    answer = told(locale="zh-CN")
    assert answer["actions"][0]["text"] == "内容"
    assert answer["suppressed"][0]["text"] == "不满足：renewal 成立"


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": "magic"},
        {"typical_order_value": -1.0},
        {"effects": {"call": {"low": 1.0, "mid": 0.0, "high": 0.5, "evidence": "pilot"}}},
        {"effects": {"call": {"low": 0.0, "mid": 0.1, "high": 0.5, "evidence": "hearsay"}}},
        {"playbook": {"actions": [{"id": "x"}]}},
        {"responses": {"channels": 3}},
    ],
)
def test_settings_that_cannot_be_used_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StructureError):
        ActionModel.of_settings(settings(playbook(), **changes), {})
