"""Answers: pure, honest about what is missing, silent without consent, the same alone as in a batch."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.schemas.answers import ChurnBlock, UnpublishedBlock
from app.domain.history import Array, History
from app.domain.rows import build_history
from app.serving.blocks import REASON_LIMIT
from app.serving.golden import first_difference
from app.serving.plan import _Key, plan_of
from app.serving.score import Ask, attribute_kinds, score
from tests.unit.features.histories import AS_OF, ATTRIBUTES, DAY, Raw, batches
from tests.unit.serving.releases import BUSINESS, artifact, population_of, release

EXPLAIN = Ask(explain=True)


def history_of(raw: list[Raw]) -> History:
    return build_history(raw, BUSINESS.timezone, ATTRIBUTES)


def at(raw: list[Raw], as_of: int = AS_OF) -> Array:
    return np.full(len(raw), as_of, dtype=np.int64)


def ask(
    *raw: Raw, ask: Ask = EXPLAIN, definition: str = "inactivity", **changes: Any
) -> list[dict[str, Any]]:
    return score(release(definition, **changes), history_of(list(raw)), at(list(raw)), ask)


def block_of(
    raw: Raw, wanted: Ask = EXPLAIN, definition: str = "inactivity", **changes: Any
) -> dict[str, Any]:
    (answer,) = ask(raw, ask=wanted, definition=definition, **changes)
    block: dict[str, Any] = answer["churn"]
    return block


def orders(*days_ago: float) -> list[Raw]:
    return [
        {"order_id": f"o{k}", "ordered_at": AS_OF - round(days * DAY), "revenue": 20.0 + k, "products": []}
        for k, days in enumerate(days_ago)
    ]


EVERYTHING: Raw = {
    "customer_id": "c",
    "customer": {
        "created_at": AS_OF - 500 * DAY,
        "country": "CN",
        "loyalty_tier": "gold",
        "company_size": "a",
        "company_industry": "b",
        "acquisition_channel": "a",
    },
    "attributes": {"contract": "yearly", "seats": 3.0, "paperless": True},
    "orders": orders(10, 40, 90),
    "events": [],
    "support_cases": [],
    "feedback": [],
    "subscriptions": [],
    "contacts": [],
}
SUMMARY: Raw = {
    "customer_id": "c",
    "summary": {
        "first_order_at": AS_OF - 100 * DAY,
        "last_order_at": AS_OF - 20 * DAY,
        "order_count": 5,
        "revenue": 90.0,
    },
}


# ── The envelope ──────────────────────────────────────────────────────────────────────────────────────
def test_the_envelope_echoes_who_when_and_which_release() -> None:
    (answer,) = ask(EVERYTHING, ask=Ask(locale="zh-CN"))
    assert answer["customer_id"] == "c"
    assert answer["as_of"] == "2024-06-12T16:20:00+01:00"
    assert (answer["release"], answer["locale"]) == ("20240612T152000Z-00000000", "zh-CN")
    assert (answer["personalised"], answer["warnings"]) == (True, [])
    assert set(answer) == {"customer_id", "as_of", "release", "personalised", "locale", "warnings", "churn"}


def test_nobody_gets_no_answer() -> None:
    assert ask() == []


def test_only_what_is_wanted_is_answered_and_what_is_not_published_says_so() -> None:
    (answer,) = ask(EVERYTHING, ask=Ask(want=("clv", "churn")))
    assert answer["churn"]["eligible"]
    assert answer["clv"] == {
        "eligible": False,
        "ineligible_reason": "no_model",
        "data_sufficiency": "insufficient",
        "missing": [],
        "model": None,
    }
    UnpublishedBlock.model_validate(answer["clv"])
    (answer,) = ask(EVERYTHING, ask=Ask(want=("clv",)))
    assert "churn" not in answer


def test_customers_with_one_id_are_answered_each_for_itself() -> None:
    first, second = ask({**EVERYTHING, "orders": orders(10, 40)}, {**EVERYTHING, "orders": orders(200, 260)})
    assert first["customer_id"] == second["customer_id"]
    assert first["churn"]["probability"] != second["churn"]["probability"]


# ── Purity ────────────────────────────────────────────────────────────────────────────────────────────
@settings(max_examples=25, deadline=None)
@given(batches(), st.booleans(), st.sampled_from(["inactivity", "subscription_end", "label"]))
def test_a_customer_in_a_batch_gets_the_answer_that_it_gets_alone(
    raw: list[Raw], explain: bool, definition: str
) -> None:
    wanted = Ask(explain=explain)
    answers = ask(*raw, ask=wanted, definition=definition)
    assert json.loads(json.dumps(answers, allow_nan=False)) == answers
    for one, answer in zip(raw, answers, strict=True):
        (alone,) = ask(one, ask=wanted, definition=definition)
        assert not first_difference(alone, answer, "answer")


def test_many_customers_get_the_answers_that_each_gets_alone() -> None:
    raw = population_of(4, 120)
    answers = ask(*raw)
    for one, answer in zip(raw, answers, strict=True):
        assert not first_difference(ask(one)[0], answer, "answer")
    reasons = {answer["churn"].get("ineligible_reason") for answer in answers}
    assert reasons == {None, "no_orders", "already_churned", "profiling_denied"}
    populations = {
        answer["churn"]["model"]["population"] for answer in answers if answer["churn"]["eligible"]
    }
    assert populations == {"repeat", "first_order"}


def test_blocks_have_the_form_that_is_documented() -> None:
    for answer in ask(*population_of(5, 60)):
        ChurnBlock.model_validate(answer["churn"])


def test_asking_again_changes_nothing() -> None:
    raw = population_of(6, 20)
    assert ask(*raw) == ask(*raw)


# ── Reasons ───────────────────────────────────────────────────────────────────────────────────────────
def test_reasons_add_up_to_the_probability_on_the_link_scale() -> None:
    scored = 0
    for answer in ask(*population_of(7, 120)):
        block = answer["churn"]
        if not block["eligible"]:
            assert "reasons" not in block
            continue
        scored += 1
        told = block["explanation"]
        impacts = [reason["impact"] for reason in block["reasons"]]
        assert told["base"] + sum(impacts) + told["other"] == pytest.approx(told["sum"], abs=1e-9)
        assert 1 / (1 + math.exp(-told["sum"])) == pytest.approx(block["probability"], abs=1e-9)
        assert len(impacts) <= REASON_LIMIT
        assert [abs(impact) for impact in impacts] == sorted(map(abs, impacts), reverse=True)
        assert all((r["direction"] == "raises") == (r["impact"] > 0) for r in block["reasons"])
        assert 0 not in impacts
    assert scored > 30


def test_reasons_are_only_given_when_asked_for() -> None:
    assert {"reasons", "explanation"}.isdisjoint(block_of(EVERYTHING, Ask()))


def test_reasons_show_the_value_and_the_words_of_the_reader() -> None:
    raw = [{**EVERYTHING, "customer_id": str(k), "orders": orders(5 + k, 40 + k)} for k in range(30)]
    raw += [{**one, "orders": one["orders"][:1], "attributes": {"contract": "unseen"}} for one in raw]
    seen: dict[str, dict[str, Any]] = {}
    for locale in ("en", "zh-CN"):
        for answer in ask(*raw, ask=Ask(explain=True, locale=locale)):
            for reason in answer["churn"].get("reasons", []):
                seen.setdefault(f"{locale}:{reason['feature']}:{reason['value'] is None}", reason)
    values = {reason["feature"]: reason["value"] for key, reason in seen.items() if key.endswith("False")}
    assert all(isinstance(value, (float, str)) for value in values.values())
    missing = [reason for key, reason in seen.items() if key.endswith("True")]
    assert missing
    assert all(reason["text"].startswith(("Not known: ", "未知：")) for reason in missing)


def test_an_unseen_word_is_shown_as_it_was_sent() -> None:
    texts = [
        reason
        for k in range(9)
        for reason in block_of(
            {**EVERYTHING, "orders": orders(3 + 9 * k), "attributes": {"contract": "weekly"}}
        )["reasons"]
        if reason["feature"] == "attribute.contract"
    ]
    assert all(reason["value"] == "weekly" and "weekly" in reason["text"] for reason in texts)


# ── Consent ───────────────────────────────────────────────────────────────────────────────────────────
DENIED = [{"purpose": "profiling", "status": "denied", "status_at": AS_OF - DAY}]


def test_who_denied_profiling_is_not_scored_and_every_published_block_says_so() -> None:
    (answer,) = ask({**EVERYTHING, "consents": DENIED}, ask=Ask(want=("churn", "clv"), explain=True))
    assert answer["personalised"] is False
    for name, reason in (("churn", "profiling_denied"), ("clv", "no_model")):
        assert (answer[name]["eligible"], answer[name]["ineligible_reason"]) == (False, reason)
        assert "probability" not in answer[name]


@pytest.mark.parametrize("others", [[], [EVERYTHING]])
def test_nothing_of_a_customer_who_denied_profiling_is_read(others: list[Raw]) -> None:
    unreadable = {
        "customer_id": "x",
        "orders": [{"order_id": "o", "ordered_at": AS_OF, "revenue": "not a number"}],
    }
    with pytest.raises(ValueError, match="not a number"):
        ask(unreadable, *others)
    denied = {**unreadable, "consents": DENIED}
    if not others:
        assert not ask(denied)[0]["personalised"]
    different = {**EVERYTHING, "consents": DENIED, "orders": orders(1), "attributes": {}, "customer_id": "x"}
    same = {**EVERYTHING, "consents": DENIED, "customer_id": "x"}
    assert ask(different, *others) == ask(same, *others)


def test_the_default_of_the_business_holds_for_who_said_nothing() -> None:
    business = BUSINESS.model_copy(update={"consent_defaults": {"profiling": "denied"}})
    assert block_of(EVERYTHING, business=business)["ineligible_reason"] == "profiling_denied"
    granted = [{"purpose": "profiling", "status": "granted", "status_at": AS_OF}]
    assert block_of({**EVERYTHING, "consents": granted}, business=business)["eligible"]


def test_a_consent_of_the_future_is_not_known_yet() -> None:
    later = [{"purpose": "profiling", "status": "denied", "status_at": AS_OF + 1}]
    assert block_of({**EVERYTHING, "consents": later})["eligible"]


def test_events_of_who_denied_tracking_count_as_missing_and_do_not_count() -> None:
    denied = [{"purpose": "behavioural_tracking", "status": "denied", "status_at": AS_OF}]
    events = [{"event": "signed_in", "timestamp": AS_OF - k * DAY} for k in range(9)]
    with_events = block_of({**EVERYTHING, "consents": denied, "events": events})
    without = block_of({**EVERYTHING, "consents": denied, "events": []})
    assert with_events == without
    assert "events" in with_events["missing"]
    assert "events" not in block_of({**EVERYTHING, "events": events})["missing"]


# ── What is missing ───────────────────────────────────────────────────────────────────────────────────
LINES = [
    {**order, "products": [{"product_id": "p", "quantity": 1.0, "price": 1.0}]} for order in orders(10, 40)
]


def test_with_everything_there_nothing_is_missing() -> None:
    block = block_of({**EVERYTHING, "orders": LINES})
    assert (block["missing"], block["data_sufficiency"]) == ([], "full")


@pytest.mark.parametrize("table", ["events", "support_cases", "feedback", "subscriptions", "contacts"])
def test_a_table_that_was_not_sent_is_missing_and_an_empty_one_is_not(table: str) -> None:
    block = block_of({**EVERYTHING, table: None})
    assert (block["missing"], block["data_sufficiency"]) == ([table], "partial")
    assert block["eligible"]


def test_fields_and_attributes_that_were_not_sent_are_missing() -> None:
    raw = {
        **EVERYTHING,
        "customer": {"country": "XX"},
        "attributes": {"contract": "unseen word", "seats": None},
    }
    assert set(block_of(raw)["missing"]) == {
        "customer.created_at",
        "customer.acquisition_channel",
        "customer.company_industry",
        "customer.loyalty_tier",
        "customer.company_size",
        "attributes.seats",
        "attributes.paperless",
    }


def test_orders_without_lines_miss_the_lines() -> None:
    raw = {**EVERYTHING, "orders": [{**order, "products": None} for order in orders(10, 40)]}
    assert block_of(raw)["missing"] == ["order_lines"]


@pytest.mark.parametrize(
    ("raw", "reason", "sufficiency"),
    [
        ({**EVERYTHING, "orders": None}, "no_orders", "insufficient"),
        ({**EVERYTHING, "orders": []}, "no_orders", "insufficient"),
        ({**EVERYTHING, "orders": orders(400, 500)}, "already_churned", "full"),
        ({**EVERYTHING, "orders": orders(400, 500), "events": None}, "already_churned", "partial"),
        ({"customer_id": "c"}, "no_orders", "insufficient"),
        ({"customer_id": "c", "summary": {"order_count": 0, "revenue": 0.0}}, "no_orders", "insufficient"),
    ],
    ids=["orders not sent", "no orders", "gone", "gone, partial", "nothing at all", "summary without orders"],
)
def test_too_little_data_is_an_answer(raw: Raw, reason: str, sufficiency: str) -> None:
    block = block_of(raw)
    assert (block["eligible"], block["ineligible_reason"]) == (False, reason)
    assert block["data_sufficiency"] == sufficiency
    assert (block["probability"], block["percentile"], block["risk_level"]) == (None, None, None)
    assert block["model"]["capability"] == "churn"


def test_who_has_no_running_subscription_is_told_apart_from_who_sent_none() -> None:
    for rows, sufficiency in (([], "full"), (None, "insufficient")):
        block = block_of({**EVERYTHING, "subscriptions": rows}, definition="subscription_end")
        assert (block["ineligible_reason"], block["data_sufficiency"]) == (
            "no_active_subscription",
            sufficiency,
        )


# ── Summaries ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_summary_is_answered_by_the_model_for_summaries() -> None:
    block = block_of(SUMMARY)
    assert block["eligible"]
    assert block["data_sufficiency"] == "partial"
    assert block["missing"][0] == "orders"
    assert {"summary.refund", "summary.orders_90d", "summary.revenue_365d"} <= set(block["missing"])
    read = {reason["feature"] for reason in block["reasons"]}
    assert read <= set(artifact().models["summary"].features.names)
    assert any(name.startswith("summary.") for name in read)


def test_fields_of_a_summary_that_were_sent_are_not_missing() -> None:
    told = {"refund": 0.0, "orders_90d": 1, "revenue_90d": 1.0, "orders_365d": 5, "revenue_365d": 90.0}
    block = block_of({**SUMMARY, "summary": {**SUMMARY["summary"], **told}})
    assert not [name for name in block["missing"] if name.startswith("summary.")]


def test_summaries_and_histories_may_stand_in_one_batch() -> None:
    raw = [SUMMARY, EVERYTHING, {**EVERYTHING, "consents": DENIED}, {**SUMMARY, "customer_id": "d"}]
    for one, answer in zip(raw, ask(*raw), strict=True):
        assert not first_difference(ask(one)[0], answer, "answer")


def test_without_a_model_for_summaries_orders_are_what_is_missing() -> None:
    block = block_of(SUMMARY, definition="label")
    assert block["eligible"]
    assert "orders" in block["missing"]


# ── The horizon ───────────────────────────────────────────────────────────────────────────────────────
def test_another_horizon_than_the_trained_one_is_not_answered_and_a_warning_says_so() -> None:
    for locale, word in (
        ("en", "horizon of 90 days; the horizon asked for is 30"),
        ("zh-CN", "90 天，请求的是 30 天"),
    ):
        (answer,) = ask(EVERYTHING, ask=Ask(horizon_days=30, locale=locale))  # type: ignore[arg-type]
        assert answer["churn"]["ineligible_reason"] == "horizon_not_trained"
        (warning,) = answer["warnings"]
        assert warning["code"] == "horizon_not_trained"
        assert word in warning["detail"]
    (denied,) = ask({**EVERYTHING, "consents": DENIED}, ask=Ask(horizon_days=30))
    assert denied["churn"]["ineligible_reason"] == "profiling_denied"


def test_the_trained_horizon_may_be_named() -> None:
    (answer,) = ask(EVERYTHING, ask=Ask(horizon_days=90))
    assert answer["churn"]["horizon_days"] == 90
    assert isinstance(answer["churn"]["horizon_days"], int)
    assert answer["warnings"] == []


def test_a_label_without_a_horizon_answers_any() -> None:
    found = artifact("label", None)
    (answer,) = ask(EVERYTHING, ask=Ask(horizon_days=30), artifacts={"churn": found})
    assert answer["churn"]["eligible"]
    assert answer["churn"]["horizon_days"] is None
    assert answer["warnings"] == []


# ── What belongs to the artifact ──────────────────────────────────────────────────────────────────────
def test_the_card_is_that_of_the_population_that_answered() -> None:
    block = block_of({**EVERYTHING, "orders": orders(10)})
    assert (block["model"]["population"], block["model"]["tier"]) == ("first_order", "statistical")
    block = block_of(EVERYTHING)
    assert (block["model"]["population"], block["model"]["tier"]) == ("repeat", "ml")
    assert block["model"]["baseline"] == {
        "name": "silence",
        "metric": "auc",
        "value": 0.7,
        "model_value": 0.8,
    }


def test_what_belongs_to_the_artifact_is_worked_out_once_and_never_for_another() -> None:
    one, other = artifact("inactivity"), artifact("label")
    assert plan_of(one, "full") is plan_of(one, "full")
    assert plan_of(one, "full") is not plan_of(one, "summary")
    assert plan_of(one, "full").model is one.models["full"]
    assert plan_of(other, "full").model is other.models["full"]


def test_an_artifact_with_the_place_of_another_is_another() -> None:
    one, other = artifact("inactivity"), artifact("label")
    assert _Key(one, "full") == _Key(one, "full")
    assert _Key(one, "full") != _Key(other, "full")
    assert _Key(one, "full") != _Key(one, "summary")


def test_declared_attributes_and_their_kinds_come_from_the_models() -> None:
    assert attribute_kinds(release()) == ATTRIBUTES


def test_an_attribute_that_no_model_reads_may_be_sent_too() -> None:
    business = BUSINESS.model_copy(update={"attributes": {"colour": "categorical"}})
    assert attribute_kinds(release(business=business)) == {**ATTRIBUTES, "colour": "categorical"}
