"""The report is whole, finite and explained, whatever is missing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from app.domain.errors import TableError
from tests.unit.training.tables.small import NOW
from tests.unit.training.voices import (
    GOOD,
    LATE,
    RUDE,
    ago,
    answer,
    case,
    denial,
    order,
    report,
    shop,
    shop_report,
    tables_of,
)
from training.planning.lift import FEWEST
from training.train import known_at
from training.voice.plots import plots_of
from training.voice.report import report_of
from training.voice.text import markdown

TEN = [f"c{k}" for k in range(10)]


def test_what_was_said_is_counted() -> None:
    told = shop_report()
    assert told["counts"]["texts"]["now"]["rows"] == told["counts"]["texts"]["before"]["rows"] == 40
    assert told["texts"]["negative"]["count"] == 30
    assert {one["topic"]: one["negative"]["count"] for one in told["topics"]} == {
        "delivery": 30,
        "product_quality": 0,
    }
    assert told["loudest"][0]["name"] == "delivery"
    assert told["loudest"][0]["change"]["is_clear"] is True
    assert [one["kind"] for one in told["scores"]] == ["nps", "review"]


def test_value_at_stake_is_revenue_where_nothing_is_published() -> None:
    told = shop_report()["pains"]
    orders = shop()["orders"]
    concerned = {f"c{k:02d}" for k in range(40) if k % 4}
    assert told["value_basis"] == "net_revenue_365d"
    assert told["ranking"][0]["value"] == sum(
        row["revenue"] for row in orders if row["customer_id"] in concerned
    )
    assert told["value_of_all"] == sum(row["revenue"] for row in orders)


def test_who_denies_profiling_counts_nowhere() -> None:
    told = shop_report()
    assert told["not_profiled"] == {"answers": 1, "texts": 1, "cases": 1}
    assert told["customers"]["not_profiled"] == 1
    with_rude = {**shop(), "consents": [denial("nobody-else")]}
    assert report(None, **with_rude)["record"]["texts"] == told["record"]["texts"] + 1


def test_no_text_and_no_customer_leaves() -> None:
    told = shop_report()
    content = json.dumps(told, ensure_ascii=False, allow_nan=False)
    for locale in ("en", "zh-CN"):
        content += markdown(told, locale, ())
    assert not any(text in content for text in (LATE, GOOD, RUDE, "terribly", "c01"))


def test_no_number_of_fewer_than_five_customers_is_told() -> None:
    def small(part: Any) -> list[Any]:
        if isinstance(part, list):
            return [found for one in part for found in small(one)]
        if not isinstance(part, dict):
            return []
        customers = part.get("customers")
        here = [part] if isinstance(customers, int) and 0 < customers < FEWEST else []
        return here + [found for one in part.values() for found in small(one)]

    feedback = [answer(name, 3 * k + 1, LATE, score=1.0) for k, name in enumerate(TEN)]
    told = report(
        feedback=[*feedback, answer("x", 40, RUDE)], support_cases=[case("y", 3)], orders=[order("y", 9)]
    )
    assert small({**told, "customers": None}) == []
    assert told["hidden_cells"] > 5


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "tables",
    [
        {"feedback": [answer("a", 1, LATE)]},
        {"support_cases": [case("a", 1)]},
        {"feedback": [answer(name, 1) for name in TEN]},
        {"feedback": [answer(name, 1, LATE, score=1.0) for name in TEN]},
        {"feedback": [answer(name, 1, "12345", score=None) for name in TEN]},
        {"feedback": [answer(name, 1, LATE) for name in TEN], "consents": [denial(name) for name in TEN]},
        {"feedback": [], "support_cases": [case(name, 5, None) for name in TEN]},
        {"feedback": [answer(name, 900, LATE) for name in TEN], "orders": [order("a", 0)]},
    ],
    ids=["one text", "one case", "no text", "one day", "unreadable", "all deny", "open cases", "long ago"],
)
def test_little_or_odd_input_is_told_and_finite(tables: dict[str, Any], locale: Any) -> None:
    told = report(None, **tables)
    json.dumps(told, allow_nan=False)
    text = markdown(told, locale, tuple(plots_of(told)))
    assert not [word for word in ("None", "nan", "{", "}") if word in text]


def test_neither_answer_nor_case_is_refused() -> None:
    with (
        tables_of(orders=[order("a", 1)]) as tables,
        pytest.raises(TableError, match="not in the business file"),
    ):
        report_of(None, tables, known_at(tables), lambda _: None)
    with (
        tables_of(orders=[order("a", 1)], feedback=[], support_cases=[]) as tables,
        pytest.raises(TableError, match="are empty up to then"),
    ):
        report_of(None, tables, known_at(tables), lambda _: None)


def test_what_came_after_the_time_asked_for_is_not_told() -> None:
    rows = [answer(name, days, LATE, score=1.0) for name in TEN for days in (5, 60)]
    then = report(ago(30), feedback=rows)
    assert then["record"]["answers"] == 10
    assert then["as_of"].startswith(ago(30).date().isoformat())
    with (
        tables_of(ago(100), feedback=rows) as tables,
        pytest.raises(TableError, match="up to then"),
    ):
        report_of(None, tables, known_at(tables), lambda _: None)


def test_a_time_long_after_the_data_says_that_nothing_was_said() -> None:
    told = report(NOW + timedelta(days=120), feedback=[answer(name, 5, LATE, score=1.0) for name in TEN])
    assert told["counts"]["texts"]["now"]["rows"] == 0
    assert told["texts"]["change"]["is_clear"] is None
    assert "Nothing was said in the latest 90 days" in markdown(told, "en", ())
