"""The card of the rules: words for every condition, and honest comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.artifacts.manifest import BusinessEntry, Label, ManifestDraft, Text, Variant
from app.domain.triggers import read_rules
from app.features.schema import FeatureSet
from app.texts.catalogue import Locale
from training.trigger_report import Counted, card_of, in_words, markdown

LABELS = {"vip": Text(en="VIP", zh_cn="贵宾"), "plan": Text(en="plan", zh_cn="套餐")}
ROWS = 1000


def rules(*when: dict[str, Any], **more: Any) -> tuple[Any, ...]:
    text = {"en": "It is so", "zh-CN": "如此"}
    return read_rules([{"id": "a", "when": list(when), "suggests": ["call"], "text": text, **more}])


@pytest.mark.parametrize(
    ("when", "en", "zh"),
    [
        (
            {"feature": "days_since_last_order", "at_least": 30},
            "days since the last order is at least 30 days",
            "距上次下单天数不少于 30 天",
        ),
        (
            {"feature": "revenue_total", "above": 1000},
            "spending in all is above GBP 1,000",
            "累计消费大于 GBP 1,000",
        ),
        ({"feature": "coupon_share", "at_most": 0.5}, "share of orders with a coupon is at most 50%", None),
        ({"feature": "attribute.vip", "is": True}, "VIP is yes", "贵宾为 是"),
        ({"feature": "attribute.plan", "one_of": ["x", "y"]}, "plan is one of x, y", "套餐为以下之一：x、y"),
        ({"feature": "attribute.vip", "is_known": False}, "VIP is not known", "贵宾未知"),
        (
            {"score": "churn.risk_level", "is_known": True},
            "churn.risk_level is known",
            "churn.risk_level已知",
        ),
        (
            {"any": [{"score": "churn.risk_level", "is": "red"}, {"feature": "open_cases", "below": 2}]},
            "churn.risk_level is red, or open support cases is below 2",
            None,
        ),
    ],
    ids=str,
)
def test_conditions_are_told_in_words(when: dict[str, Any], en: str, zh: str | None) -> None:
    (rule,) = rules(when)
    told: dict[Locale, str | None] = {"en": en, "zh-CN": zh}
    for locale, text in told.items():
        if text is not None:
            assert in_words(rule, locale, LABELS, "GBP") == text


def draft() -> ManifestDraft:
    return ManifestDraft(
        capability="triggers",
        business=BusinessEntry(
            name="shop", currency="GBP", timezone="UTC", consent_defaults={}, simulated=True
        ),
        label=Label(definition="rules", text=Text(en="x", zh_cn="x")),
        variants=(Variant(name="full", features=(), schema_hash=FeatureSet(()).schema_hash, populations=()),),
        golden="golden.json",
        trained_as_of="2026-06-30T00:00:00+00:00",
        data_fingerprint="0" * 64,
        seed=7,
        git_commit="",
        libraries={},
    )


def card(fired: int, ordered_of_fired: int, ordered: int) -> dict[str, Any]:
    """Return the card of one rule that fired for the first ``fired`` of 1,000 customers."""
    place = np.arange(ROWS)
    who = (place < ordered_of_fired) | ((place >= fired) & (place < fired + ordered - ordered_of_fired))
    held, known = place < fired, np.ones(ROWS, dtype=bool)
    return card_of(
        draft(),
        rules({"feature": "order_days", "at_least": 2}),
        frozenset({"a"}),
        {},
        Counted(known, [held]),
        Counted(known, [held], who),
        "2026-05-31T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("fired", "ordered_of_fired", "said"), [(200, 10, "fewer"), (200, 180, "more"), (200, 75, "not clear")]
)
def test_a_share_is_called_different_only_where_its_interval_is(
    fired: int, ordered_of_fired: int, said: str
) -> None:
    text = markdown(card(fired, ordered_of_fired, 400))
    assert text.splitlines()[
        next(i for i, x in enumerate(text.splitlines()) if x.startswith("| `a`"))
    ].endswith(f"| {said} |")
    assert "base rate 40.0% (37.0% to 43.1%)" in text


def test_simulated_data_are_called_so() -> None:
    assert "**Simulated data.**" in markdown(card(10, 5, 40))


def test_who_is_not_known_does_not_count() -> None:
    known = np.arange(ROWS) % 2 == 0
    held, ordered = np.ones(ROWS, dtype=bool), np.zeros(ROWS, dtype=bool)
    counted = Counted(known, [held], ordered)
    found = card_of(
        draft(), rules({"feature": "order_days", "is": 1}), frozenset(), {}, counted, counted, "2026-05-31"
    )
    assert found["rules"][0]["today"] == found["rules"][0]["past"]["customers"] == ROWS // 2
    assert found["base_rate"]["share"] == 0.0
    assert not found["rules"][0]["is_default"]
