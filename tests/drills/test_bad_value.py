"""Odd customers and odd horizons, asked of whole releases: finite, sensible, explained.

Two shops: one that is large enough for a forecast, and one of 30 customers that has rules alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from app.domain.rows import Row
from app.serving.release import LoadedRelease
from tests.unit.training.shops import asked, bought, regulars, released, run_of, simulated_shop, written
from training.capabilities import TRAINERS

pytestmark = pytest.mark.xdist_group("drill-bad-value")

HORIZONS: Final = (None, 1, 3650)
BLOCKS: Final = ("churn", "purchase", "clv", "segment")
SCORES: Final = ("churn", "purchase", "clv")
Block = dict[str, Any]

Shop = tuple[LoadedRelease, int]


def shop_of(folder: Path, orders: Any) -> Shop:
    with run_of(written(folder, orders)) as run:
        return released(*(TRAINERS[name](run) for name in BLOCKS)), run.as_of


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Shop]:
    """Return what either shop answers from, and when."""
    return {
        "forecast": shop_of(tmp_path_factory.mktemp("large"), simulated_shop(400)),
        "rules": shop_of(tmp_path_factory.mktemp("small"), regulars(30)),
    }


def odd(as_of: int) -> dict[str, Row]:
    """Return customers by what is odd about them."""
    return {
        "one order": bought("one order", [40], as_of),
        "one order today": bought("one order today", [0.0], as_of),
        "thousands of orders": bought("thousands of orders", [3 + k / 2 for k in range(2_500)], as_of),
        "all on one day": bought("all on one day", [5.0, 5.01, 5.02, 5.03], as_of),
        "gave back more": bought("gave back more", [100, 60, 20], as_of, [20.0, 20.0, -90.0]),
        "gave all back": bought("gave all back", [20], as_of, -10.0),
        "no money": bought("no money", [90, 60, 30], as_of, 0.0),
        "a fortune": bought("a fortune", [90, 60, 30], as_of, 1e12),
        "long gone": bought("long gone", [9_000, 8_000], as_of),
        "no orders": {"customer_id": "no orders", "orders": []},
        "nothing at all": {"customer_id": "nothing at all"},
        "ordinary": bought("ordinary", [170, 140, 110, 80, 50, 20], as_of),
    }


ODD: Final = tuple(odd(0))


def ask_odd(shop: Shop, name: str, **ask: Any) -> Block:
    release, as_of = shop
    [answer] = asked(release, [odd(as_of)[name]], as_of, want=BLOCKS, explain=True, **ask)
    return answer


def numbers(value: Any) -> Iterator[float]:
    """Yield every number of an answer."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, (int, float)):
        yield value


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", ["forecast", "rules"])
def test_every_number_is_finite_and_every_silence_has_a_reason(
    shops: Mapping[str, Shop], kind: str, name: str, horizon: int | None
) -> None:
    answer = ask_odd(shops[kind], name, horizon_days=horizon)
    assert all(math.isfinite(number) for number in numbers(answer))
    for capability in SCORES:
        block = answer[capability]
        if not block["eligible"]:
            assert block["ineligible_reason"] in {"no_orders", "already_churned", "horizon_not_trained"}
            continue
        assert block["horizon_days"] == (horizon or block["horizon_days"])
        assert block["model"]["tier"] in {"rules", "statistical", "ml"}
        assert block["model"]["grade"] in {"A", "B", "C"}
        for reason in block["reasons"]:
            assert reason["text"]
            assert reason["direction"] == ("raises" if reason["impact"] > 0 else "lowers")
        told = block["explanation"]
        listed = sum(reason["impact"] for reason in block["reasons"])
        assert told["base"] + listed + told["other"] == pytest.approx(told["sum"], rel=1e-6, abs=1e-9)
    codes = {warning["code"] for warning in answer["warnings"]}
    assert ("horizon_not_trained" in codes) == (horizon is not None)
    assert ("horizon_extrapolated" in codes) == (horizon == 3650)


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", ["forecast", "rules"])
def test_every_number_is_sensible(
    shops: Mapping[str, Shop], kind: str, name: str, horizon: int | None
) -> None:
    answer = ask_odd(shops[kind], name, horizon_days=horizon)
    churn, purchase, clv = (answer[capability] for capability in SCORES)
    if purchase["eligible"]:
        assert 0 < purchase["probability"] < 1
        days = purchase["horizon_days"]
        as_of = datetime.fromisoformat(answer["as_of"])
        if purchase["expected_at"] is None:
            assert purchase["no_window_reason"]
        else:
            window = [
                datetime.fromisoformat(purchase[at]) for at in ("earliest_at", "expected_at", "latest_at")
            ]
            assert as_of < window[0] <= window[1] <= window[2]
            assert (window[2] - as_of).days <= days
        if churn["eligible"]:
            assert abs(churn["probability"] + purchase["probability"] - 1) <= 1e-12
    if clv["eligible"]:
        assert 0 <= clv["predicted_low"] <= clv["predicted_value"] <= clv["predicted_high"]
        assert clv["max_justified_spend"] == clv["predicted_low"]
        assert clv["expected_orders"] is None or 0 <= clv["expected_orders"] <= clv["horizon_days"] * 1.5
        usual = max(clv["average_order_value"], 100.0)
        assert clv["predicted_value"] <= 2 * usual * clv["horizon_days"]
    if name in {"no orders", "nothing at all", "gave all back"}:
        assert {answer[capability]["ineligible_reason"] for capability in SCORES} == {"no_orders"}
        assert all(answer[capability]["data_sufficiency"] == "insufficient" for capability in SCORES)


@pytest.mark.parametrize("kind", ["forecast", "rules"])
def test_each_oddity_is_told_for_what_it_is(shops: Mapping[str, Shop], kind: str) -> None:
    told = {name: ask_odd(shops[kind], name) for name in ODD}
    one = told["one order"]["purchase"]
    assert (one["expected_at"], one["average_days_between_orders"]) == (None, None)
    assert told["all on one day"]["purchase"]["expected_at"] is None
    if kind == "forecast":
        assert one["no_window_reason"] == "fewer_than_two_orders"
        assert told["all on one day"]["purchase"]["no_window_reason"] == "fewer_than_two_orders"
        assert told["ordinary"]["purchase"]["expected_at"] is not None
        assert told["thousands of orders"]["purchase"]["average_days_between_orders"] == 1
        assert told["thousands of orders"]["clv"]["expected_orders"] > 30
        often = told["thousands of orders"]["purchase"]["probability"]
        assert (
            often > told["ordinary"]["purchase"]["probability"] > told["long gone"]["purchase"]["probability"]
        )
    else:
        assert one["no_window_reason"] == "too_few_customers_for_a_forecast"
        assert told["ordinary"]["purchase"]["p_alive"] is None
    assert told["long gone"]["churn"]["ineligible_reason"] == "already_churned"
    assert told["long gone"]["purchase"]["eligible"]
    assert told["gave back more"]["clv"]["historic_value"] == -50.0
    assert told["gave back more"]["clv"]["value_class"] != "high"
    assert told["gave all back"]["clv"]["historic_value"] == -10.0
    assert told["no money"]["clv"]["historic_value"] == 0.0
    assert told["a fortune"]["clv"]["historic_value"] == 3e12
    assert told["a fortune"]["clv"]["value_tier"] == "A"
    assert told["no money"]["purchase"] | {"reasons": 0} == told["a fortune"]["purchase"] | {"reasons": 0}


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("kind", ["forecast", "rules"])
def test_odd_customers_in_a_batch_are_told_as_alone(
    shops: Mapping[str, Shop], kind: str, horizon: int | None
) -> None:
    release, as_of = shops[kind]
    ask: dict[str, Any] = {"want": BLOCKS, "horizon_days": horizon, "explain": True}
    together = asked(release, list(odd(as_of).values()), as_of, **ask)
    for answer, row in zip(together, odd(as_of).values(), strict=True):
        [alone] = asked(release, [row], as_of, **ask)
        for capability in BLOCKS:
            for field in (
                "eligible",
                "probability",
                "predicted_value",
                "predicted_high",
                "expected_at",
                "name",
            ):
                mine, other = alone[capability].get(field), answer[capability].get(field)
                assert mine == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other), field


@pytest.mark.parametrize("name", ["no money", "gave back more", "ordinary", "thousands of orders"])
def test_the_longer_the_horizon_the_likelier_an_order(shops: Mapping[str, Shop], name: str) -> None:
    told = [ask_odd(shops["forecast"], name, horizon_days=days) for days in (1, 30, 365, 3650)]
    values = [answer["purchase"]["probability"] for answer in told]
    assert values == sorted(values)
    assert values[0] < values[-1]


@pytest.mark.parametrize("name", ["no money", "ordinary", "a fortune", "thousands of orders"])
def test_the_longer_the_horizon_the_more_value(shops: Mapping[str, Shop], name: str) -> None:
    told = [ask_odd(shops["forecast"], name, horizon_days=days) for days in (1, 30, 365, 3650)]
    for field in ("predicted_value", "predicted_high", "expected_orders"):
        values = [answer["clv"][field] for answer in told]
        assert values == sorted(values), field
        assert values[0] < values[-1]


@pytest.mark.parametrize("kind", ["forecast", "rules"])
def test_words_are_there_in_both_languages(shops: Mapping[str, Shop], kind: str) -> None:
    for name in ODD:
        english, chinese = (ask_odd(shops[kind], name, locale=locale) for locale in ("en", "zh-CN"))
        for capability in SCORES:
            pairs = zip(
                english[capability].get("reasons", []), chinese[capability].get("reasons", []), strict=True
            )
            for a, b in pairs:
                assert a["impact"] == b["impact"]
                assert a["text"] != b["text"]
                assert "{" not in a["text"] + b["text"]


def test_a_business_of_rules_says_that_it_answers_by_rules(shops: Mapping[str, Shop]) -> None:
    answer = ask_odd(shops["rules"], "ordinary")
    for capability in BLOCKS:
        assert answer[capability]["model"]["tier"] == "rules"
    assert answer["clv"]["expected_orders"] is None
    other = ask_odd(shops["rules"], "ordinary", horizon_days=7)
    for capability in SCORES:
        assert other[capability]["ineligible_reason"] == "horizon_not_trained"


def test_who_orders_daily_is_expected_within_days_whatever_the_horizon(shops: Mapping[str, Shop]) -> None:
    answer = ask_odd(shops["forecast"], "thousands of orders", horizon_days=3650)
    as_of = datetime.fromisoformat(answer["as_of"])
    assert (datetime.fromisoformat(answer["purchase"]["expected_at"]) - as_of).days <= 7


def test_nothing_is_justified_for_who_may_well_have_left(shops: Mapping[str, Shop]) -> None:
    release, as_of = shops["forecast"]
    rows = [bought(f"c{k}", [400 + k, 300 + k, 200 + k], as_of) for k in range(0, 300, 20)]
    answers = asked(release, rows, as_of, want=("purchase", "clv"), horizon_days=3650)
    gone = [
        answer["clv"]
        for answer in asked(release, rows, as_of, want=("purchase", "clv"))
        if answer["purchase"]["p_alive"] < 0.8
    ]
    assert gone
    alive = [one["purchase"]["p_alive"] for one in asked(release, rows, as_of, want=("purchase",))]
    for answer, p_alive in zip(answers, alive, strict=True):
        if answer["clv"]["eligible"] and p_alive < 0.8:
            # One in five of such customers has left for good, so that 10 % of the outcomes are zero.
            assert answer["clv"]["predicted_low"] == 0.0
