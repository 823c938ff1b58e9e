"""The brief: true with every value, in order of importance, hedged, and never longer than five sentences."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.triggers import SUGGESTIONS
from app.features.library import LIBRARY
from app.serving.brief import BRIEF_FEATURES, SENTENCES, brief
from app.serving.rules import TWINS
from app.texts.catalogue import LOCALES, Locale

CHURN: dict[str, Any] = {
    "eligible": True,
    "probability": 0.72,
    "risk_level": "red",
    "horizon_days": 90,
    "model": {"grade": "A"},
}
REASON: dict[str, Any] = {"feature": "days_since_last_order", "value": 45.0, "direction": "raises"}
CLV: dict[str, Any] = {
    "eligible": True,
    "horizon_days": 365,
    "predicted_value": 260.4,
    "predicted_low": 12.0,
    "predicted_high": 480.0,
    "model": {"grade": "A"},
}
PURCHASE: dict[str, Any] = {
    "eligible": True,
    "probability": 0.28,
    "horizon_days": 90,
    "earliest_at": "2026-07-03T00:00:00+08:00",
    "latest_at": "2026-08-20T00:00:00+08:00",
    "model": {"grade": "B"},
}
SEGMENT: dict[str, Any] = {"eligible": True, "lifecycle_stage": "at_risk", "label": "Champions"}
FIRED: dict[str, Any] = {
    "rule_id": "complaint_open_3d",
    "text": "Complaint open for 3 days or longer.",
    "evidence": [{"feature": "oldest_open_complaint_days", "value": 5.0, "text": "x"}],
    "suggests": ["service_recovery", "call"],
}
FACTS: dict[str, float | str | None] = {
    "order_days": 9.0,
    "days_since_first_order": 420.0,
    "days_since_last_order": 45.0,
    "revenue_total": 2140.0,
}


def told(
    blocks: dict[str, Any] | None = None,
    facts: dict[str, float | str | None] | None = None,
    locale: Locale = "en",
) -> list[str]:
    return brief(blocks or {}, facts or {}, locale, "GBP")


def test_features_are_of_the_library_with_their_twins() -> None:
    assert LIBRARY.keys() >= BRIEF_FEATURES
    assert {TWINS[name] for name in BRIEF_FEATURES & TWINS.keys()} <= BRIEF_FEATURES


def test_the_most_important_comes_first() -> None:
    blocks = {
        "segment": SEGMENT,
        "churn": {**CHURN, "reasons": [REASON]},
        "purchase": PURCHASE,
        "clv": CLV,
        "triggers": [FIRED],
    }
    facts = {**FACTS, "oldest_open_complaint_days": 5.0, "days_to_renewal": 12.0, "last_feedback_score": 0.2}
    assert told(blocks, facts) == [
        (
            "Customer at risk of drifting away (segment: Champions): first order about 14 months ago, "
            "orders on 9 days, GBP 2,140 in all, last order 45 days ago."
        ),
        "Complaint open for 3 days or longer – suggested: put right what went wrong, call the customer.",
        (
            "The risk of losing this customer is high: probably about 72% within 90 days; most telling: "
            "the last order was 45 days ago."
        ),
        (
            "If the customer orders again, it is probably between 2026-07-03 and 2026-08-20; the chance of "
            "an order within 90 days is probably about 28%."
        ),
        "Probably worth GBP 260 over the next 365 days, within a range of GBP 12 to GBP 480.",
    ]
    assert told(blocks, facts, "zh-CN") == [
        (
            "有流失风险的客户（分群：Champions）："
            "约 14 个月前首次下单，累计下单 9 天，累计消费 GBP 2,140，45 天前最近一次下单。"
        ),
        "Complaint open for 3 days or longer，建议：补救服务问题，电话联系。",
        "流失风险高，90 天内流失的概率约 72%；主要依据：距上次下单已过 45 天。",
        "若再次下单，大概在 2026-07-03 至 2026-08-20 之间；90 天内下单的概率约 28%。",
        "未来 365 天预计价值约 GBP 260，大致在 GBP 12 至 GBP 480 之间。",
    ]


# ── One honest sentence ───────────────────────────────────────────────────────────────────────────────
def test_nothing_known_is_said_in_one_sentence() -> None:
    silent = {"eligible": False, "ineligible_reason": "no_model", "model": None}
    for blocks in ({}, {"churn": silent, "clv": silent, "triggers": []}):
        assert told(blocks) == ["Nothing is known about this customer yet."]
        assert told(blocks, dict.fromkeys(BRIEF_FEATURES), "zh-CN") == ["目前对该客户一无所知。"]
    assert told({}, dict.fromkeys(BRIEF_FEATURES, float("nan"))) == [
        "Nothing is known about this customer yet."
    ]


@pytest.mark.parametrize("locale", LOCALES)
def test_profiling_that_is_denied_is_said_and_nothing_else(locale: Locale) -> None:
    denied = {"eligible": False, "ineligible_reason": "profiling_denied", "model": None}
    sentences = told({"churn": denied}, FACTS, locale)
    assert len(sentences) == 1
    assert not re.search(r"\d", sentences[0])


# ── Who ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("facts", "en", "zh"),
    [
        ({"order_days": 0.0, "revenue_total": 0.0}, "no order so far", "尚无订单"),
        (
            {"order_days": 1.0, "days_since_first_order": 0.0, "days_since_last_order": 0.0},
            "orders on one day only, last order today",
            "仅在一天下过单，今天刚下过单",
        ),
        ({"summary.order_count": 1.0}, "one order so far", "仅有 1 笔订单"),
        ({"summary.order_count": 7.0}, "7 orders", "累计 7 笔订单"),
        ({"order_days": 1234.0}, "orders on 1,234 days", "累计下单 1,234 天"),
        (
            {"order_days": 2.0, "revenue_total": -20.0, "days_since_last_order": 1.0},
            "orders on 2 days, GBP 20 more given back than bought, last order yesterday",
            "累计下单 2 天，退货退款比消费多 GBP 20，昨天刚下过单",
        ),
        ({"revenue_total": 0.0}, "nothing in all net of returns", "扣除退货后累计消费为零"),
        (
            {"days_since_first_order": 59.0, "days_since_last_order": 1200.0},
            "first order 59 days ago, last order about 3 years ago",
            "59 天前首次下单，约 3 年前最近一次下单",
        ),
    ],
    ids=str,
)
def test_orders_are_told_as_they_are(facts: dict[str, float | str | None], en: str, zh: str) -> None:
    assert told({}, facts) == [f"Customer: {en}."]
    assert told({}, facts, "zh-CN") == [f"客户：{zh}。"]


def test_a_stage_alone_is_enough() -> None:
    assert told({"segment": {"lifecycle_stage": "new"}}) == ["New customer."]
    assert told({"segment": {"lifecycle_stage": None, "name": None}}) == [
        "Nothing is known about this customer yet."
    ]


# ── What to do ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("days", "en"),
    [
        (0.0, "A complaint came in today and is open: speak about it first."),
        (1.0, "A complaint has been open since yesterday: speak about it first."),
        (2.0, "A complaint has been open for 2 days: speak about it first."),
    ],
)
def test_an_open_complaint_is_told(days: float, en: str) -> None:
    assert told({}, {"oldest_open_complaint_days": days}) == [en]


def test_what_fired_is_told_once() -> None:
    facts: dict[str, float | str | None] = {"oldest_open_complaint_days": 5.0}
    assert len(told({"triggers": [FIRED]}, facts)) == 1
    renewal = {**FIRED, "evidence": [{"feature": "days_to_renewal"}], "suggests": ["call", "leave_alone"]}
    (both,) = told({"triggers": [{**FIRED, "text": "One"}, {**renewal, "text": "Two。"}]}, facts)
    assert both == (
        "One; Two – suggested: put right what went wrong, call the customer, leave the customer in peace."
    )


def test_a_renewal_is_told_when_it_is_near() -> None:
    assert told({}, {"days_to_renewal": 0.0}) == ["The subscription renews or ends today."]
    assert told({}, {"days_to_renewal": 60.0}) == ["The subscription renews or ends in 60 days."]
    assert told({}, {"days_to_renewal": 61.0}) == told()


def test_bad_feedback_is_told_while_it_is_fresh() -> None:
    facts = {"last_feedback_score": 0.4, "days_since_last_feedback": 10.0}
    assert told({}, {**facts}) == ["The last score given was 40% of the best one."]
    assert told({}, {**facts, "last_feedback_score": 0.5}) == told()
    assert told({}, {**facts, "days_since_last_feedback": 200.0}) == told()


# ── What may come ─────────────────────────────────────────────────────────────────────────────────────
def test_a_score_of_grade_c_is_called_rough() -> None:
    for name, block in (("churn", CHURN), ("purchase", PURCHASE), ("clv", CLV)):
        (plain,), (rough,) = told({name: block}), told({name: {**block, "model": {"grade": "C"}}})
        assert rough == plain.removesuffix(".") + " (a rough estimate)."
        (zh,) = told({name: {**block, "model": {"grade": "C"}}}, None, "zh-CN")
        assert zh.endswith("（粗略估计）。")


@pytest.mark.parametrize(
    ("p", "said"), [(0.0, "under 1%"), (0.004, "under 1%"), (0.126, "about 13%"), (1.0, "over 99%")]
)
def test_no_chance_is_told_as_certain(p: float, said: str) -> None:
    for name, block in (("churn", CHURN), ("purchase", PURCHASE)):
        assert f"probably {said}" in told({name: {**block, "probability": p}})[0]


def test_a_low_risk_comes_last_and_without_a_reason() -> None:
    green = {**CHURN, "risk_level": "green", "probability": 0.05, "reasons": [REASON]}
    assert told({"churn": green, "clv": CLV})[1] == (
        "Not among the customers most at risk of leaving: probably about 5% within 90 days."
    )


def test_the_first_reason_that_raises_the_risk_is_told() -> None:
    reasons = [
        {**REASON, "direction": "lowers"},
        {**REASON, "feature": "attribute.plan", "value": "gold"},
        {**REASON, "value": None},
        {**REASON, "feature": "coupon_share", "value": 0.5},
    ]
    (sentence,) = told({"churn": {**CHURN, "horizon_days": None, "reasons": reasons}})
    assert sentence == (
        "The risk of losing this customer is high: probably about 72%; most telling: 50% of the orders used "
        "a coupon."
    )


def test_somebody_gone_is_no_risk() -> None:
    gone = {
        "eligible": False,
        "ineligible_reason": "already_churned",
        "risk_level": None,
        "probability": None,
    }
    assert told({"churn": gone}) == ["Silent for so long that the customer counts as gone."]


def test_an_overdue_order_is_told_instead_of_a_window() -> None:
    assert told({"purchase": PURCHASE}, {"silence_ratio": 2.34}) == [
        (
            "An order is overdue: silent for 2.3 times the usual gap between orders; the chance of an order "
            "within 90 days is probably about 28%."
        )
    ]
    assert told({}, {"summary.silence_ratio": 1.5}) == [
        "An order is overdue: silent for 1.5 times the usual gap between orders."
    ]
    assert told({}, {"silence_ratio": 1.4}) == told()


def test_a_window_may_be_a_day_or_missing() -> None:
    one_day = {**PURCHASE, "latest_at": PURCHASE["earliest_at"], "probability": None}
    assert told({"purchase": one_day}) == ["If the customer orders again, it is probably around 2026-07-03."]
    none = {**PURCHASE, "earliest_at": None, "latest_at": None}
    assert told({"purchase": none}) == ["The chance of an order within 90 days is probably about 28%."]


@pytest.mark.parametrize(
    ("changes", "en"),
    [
        ({"predicted_low": None}, "Probably worth GBP 260 over the next 365 days."),
        (
            {"predicted_value": 0.0, "predicted_low": 0.0, "predicted_high": 0.0},
            "Probably worth nothing more over the next 365 days.",
        ),
        (
            {"predicted_value": 0.0, "predicted_low": 0.0, "predicted_high": 45.0},
            "Probably worth GBP 0 over the next 365 days, within a range of GBP 0 to GBP 45.",
        ),
        ({"predicted_value": None}, None),
    ],
    ids=str,
)
def test_worth_is_told_with_its_range(changes: dict[str, Any], en: str | None) -> None:
    assert told({"clv": {**CLV, **changes}}) == ([en] if en else told())


# ── Every value ───────────────────────────────────────────────────────────────────────────────────────
NUMBERS = (None, float("nan"), 0.0, 0.3, 1.0, 1.5, 2.0, 12.0, 45.0, 400.0, 1e5, -30.0)


def random_case(chance: random.Random) -> tuple[dict[str, Any], dict[str, float | str | None]]:
    def some(*values: Any) -> Any:
        return chance.choice((None, *values))

    grade = {"grade": chance.choice("ABC")}
    blocks: dict[str, Any] = {
        "churn": {
            "risk_level": some("green", "yellow", "red"),
            "probability": some(0.0, 0.5, 1.0),
            "horizon_days": some(1, 90),
            "model": some(grade),
            "reasons": some([REASON, {**REASON, "feature": "country", "value": "CN"}]),
        },
        "clv": {
            **dict.fromkeys(("predicted_value", "predicted_low", "predicted_high")),
            "predicted_value": some(0.0, 3.5, -2.0, 1e6),
            "predicted_low": some(0.0),
            "predicted_high": some(0.0, 1e6),
            "horizon_days": some(1, 3650),
            "model": grade,
        },
        "purchase": {
            **PURCHASE,
            "earliest_at": some(PURCHASE["earliest_at"]),
            "probability": some(0.0, 1.0),
        },
        "segment": {"lifecycle_stage": some("new", "lost"), "name": some("loyal")},
        "triggers": [{**FIRED, "suggests": [chance.choice(SUGGESTIONS)]}] * chance.randint(0, 3),
    }
    kept = {name: block for name, block in blocks.items() if chance.random() < 0.7}
    return kept, {name: chance.choice(NUMBERS) for name in BRIEF_FEATURES if chance.random() < 0.6}


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from(LOCALES))
def test_every_brief_reads_like_sentences(seed: int, locale: Locale) -> None:
    blocks, facts = random_case(random.Random(seed))  # noqa: S311  no secret
    sentences = brief(blocks, facts, locale, "GBP")
    assert 1 <= len(sentences) <= SENTENCES
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert not re.search(r"\{|  |nan|None|e[+-]\d|\.\.|。。|: \.|\d\.\d{3,}", sentence), sentence
        assert not re.search(r"(?<![\d.,])1 (days|months|years|orders)\b", sentence), sentence
        assert sentence.endswith("." if locale == "en" else "。")
        assert sentence[0] == sentence[0].upper()
