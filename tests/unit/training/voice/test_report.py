"""The report is whole, finite and explained, whatever is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    assert all(one["is_hidden"] and one["rows"] is None for one in told["not_profiled"].values())
    assert told["customers"] == {"is_hidden": True, "known": None, "not_profiled": None}
    many = [answer(name, 3) for name in "abcde"]
    some = report(None, **{**shop(), "feedback": many, "consents": [denial(name) for name in "abcde"]})
    assert some["not_profiled"]["answers"] == {"is_hidden": False, "rows": 5, "customers": 5}
    assert some["customers"]["not_profiled"] == 5
    with_rude = {**shop(), "consents": [denial("nobody-else")]}
    assert report(None, **with_rude)["record"]["texts"] == told["record"]["texts"] + 1


def test_no_text_and_no_customer_leaves() -> None:
    told = shop_report()
    content = json.dumps(told, ensure_ascii=False, allow_nan=False)
    for locale in ("en", "zh-CN"):
        content += markdown(told, locale, ())
    assert not any(text in content for text in (LATE, GOOD, RUDE, "terribly", "c01"))


def parts_of(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every part of a document that has fields, with its place."""
    if isinstance(part, dict):
        yield path, part
    for name, one in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(one, dict | list):
            yield from parts_of(one, f"{path}/{name}")


def numbers_in(part: Any) -> list[float]:
    """Return the numbers of a part and all below it that are not zero."""
    if isinstance(part, dict | list):
        return [
            found for one in (part.values() if isinstance(part, dict) else part) for found in numbers_in(one)
        ]
    return [part] if isinstance(part, int | float) and not isinstance(part, bool) and part else []


def small_groups() -> dict[str, Any]:
    """Return a shop in which two to four customers are rude, unread, off the scale, or deny profiling."""
    feedback = [answer(name, 3 * k + 1, LATE, score=1.0) for k, name in enumerate(TEN)]
    feedback += [answer(name, 100 + k, GOOD) for k, name in enumerate(TEN)]
    feedback += [answer(name, 5, RUDE, score=1.0) for name in TEN[:2]]
    feedback += [answer(name, 110, RUDE, score=1.0) for name in TEN[1:3]]
    feedback += [answer(name, 8, "12345", score=None) for name in TEN[:2]]
    feedback += [answer(name, 9, score=80.0) for name in TEN[:3]]
    cases = [case(name, 2 + 30 * (k % 3)) for k, name in enumerate(TEN * 3)]
    cases += [case(name, 6.5, type="technical") for name in TEN[:3]]
    cases += [case(name, 130 + k, type="return") for k, name in enumerate(TEN[:6])]
    denials = [answer(name, 3, LATE, score=1.0) for name in ("no1", "no2")]
    return {
        "feedback": [*feedback, *denials],
        "support_cases": [*cases, case("no1", 3)],
        "orders": [order(name, days) for name in TEN for days in (9, 120)],
        "consents": [denial("no1"), denial("no2")],
    }


def test_nothing_is_told_beside_a_hidden_flag() -> None:
    told = report(None, **small_groups())
    flags = [(path, part) for path, part in parts_of(told) if part.get("is_hidden")]
    assert [path for path, part in flags if numbers_in(part)] == []
    assert told["hidden_cells"] == len(flags)
    changes = [part for _, part in parts_of(told) if "before" in part and "difference" in part]
    unsure = [one for one in changes if one["now"]["is_hidden"] or one["before"]["is_hidden"]]
    assert unsure
    assert all(one["difference"] is one["low"] is one["high"] is None for one in unsure)


def test_no_number_of_fewer_than_five_customers_is_told() -> None:
    told = report(None, **small_groups())
    small = [
        (f"{path}/{name}", part)
        for path, part in parts_of(told)
        for name, value in part.items()
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < FEWEST
    ]
    # Places and lengths of time are no groups; a share is of five customers or more (rule 5 of shares).
    counted = [(path, part) for path, part in small if not path.endswith(("/rank_by_value", "/soon_days"))]
    assert [path for path, part in counted if not path.endswith("/count") or part["customers"] < FEWEST] == []


def test_small_groups_are_hidden_wherever_they_show() -> None:
    told = report(None, **small_groups())
    pains = {one["name"]: one for one in told["pains"]["ranking"]}
    assert [name for name, one in pains.items() if one["is_hidden"]] == ["technical", "staff_attitude"]
    assert pains["technical"]["change"] is pains["staff_attitude"]["change"] is None
    change = next(one for one in told["topics"] if one["topic"] == "staff_attitude")["change"]
    assert all(one[time]["is_hidden"] for one in change.values() for time in ("now", "before"))
    assert told["reader"]["unread"] == {"no_known_words": {"is_hidden": True, "texts": None}}
    assert [one["left_out"]["is_hidden"] for one in told["scores"]] == [True]
    assert told["customers"]["is_hidden"]
    assert all(one["is_hidden"] for one in told["not_profiled"].values())
    for locale in ("en", "zh-CN"):
        assert "None" not in markdown(told, locale, tuple(plots_of(told)))


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
