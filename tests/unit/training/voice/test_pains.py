"""Pains are ranked by customers, and worth what these customers are worth."""

from __future__ import annotations

import numpy as np
import pytest

from app.capabilities.segment import VALUE_TIERS
from app.domain.history import Array
from app.estimators.scores import NAMES
from training.voice.pains import Pain, pains_part
from training.voice.people import People

ALL = frozenset({"clv", "segment", "churn"})
CHANGE = {"is_clear": None}


def people(size: int = 100) -> People:
    """Return customers who are worth 1, 2, …; the first half is likelier to leave, the last has no answer."""
    k = np.arange(size)
    predicted = np.r_[k[:-1] + 1.0, np.nan]
    churn = np.where(k < size // 2, 0.6, 0.2) + 0.1 * (k % 2)
    return People(
        is_allowed=np.ones(size, dtype=bool),
        segment=np.where(k < 3, 0, np.where(k < 60, 1, len(NAMES))),
        tier=k % 3,
        predicted=predicted,
        churn=churn,
        revenue=np.full(size, 10.0),
        orders_now=np.zeros(size),
        orders_before=np.zeros(size),
    )


def pain(name: str, customers: Array, source: str = "topic") -> Pain:
    return Pain(source, name, customers, CHANGE)


def test_pains_come_by_customers_and_say_their_rank_by_value() -> None:
    pains = [pain("price", np.arange(90, 99)), pain("delivery", np.arange(20)), pain("other", np.arange(3))]
    told = pains_part(pains, people(), ALL)
    assert [(one["name"], one["customers"], one["rank_by_value"]) for one in told["ranking"]] == [
        ("delivery", 20, 2),
        ("price", 9, 1),
        ("other", None, None),
    ]
    delivery = told["ranking"][0]
    assert delivery["value"] == 210.0
    assert delivery["share_of_value"] == pytest.approx(210.0 / 4950.0)
    assert told["ranking"][2]["is_hidden"]
    assert told["ranking"][2]["value"] is told["ranking"][2]["by_segment"] is None


def test_a_customer_with_two_pains_counts_once_in_all() -> None:
    told = pains_part([pain("price", np.arange(10)), pain("return", np.arange(5, 15), "case")], people(), ALL)
    assert told["anybody"]["customers"] == 15
    assert told["anybody"]["value"] == 120.0


def test_without_clv_value_is_revenue_and_without_answers_it_is_said() -> None:
    told = pains_part([pain("price", np.arange(90, 100))], people(), frozenset())
    assert told["value_basis"] == "net_revenue_365d"
    assert told["ranking"][0]["value"] == 100.0
    assert told["ranking"][0]["by_segment"] is told["ranking"][0]["churn"] is None
    predicted = pains_part([pain("price", np.arange(90, 100))], people(), ALL)["ranking"][0]
    assert predicted["without_value"] == {"is_hidden": True, "customers": None}


def test_a_small_segment_is_hidden_with_the_one_that_would_give_it_away() -> None:
    [told] = pains_part([pain("price", np.arange(70))], people(), ALL)["ranking"]
    cells = {one["group"]: one["customers"] for one in told["by_segment"]}
    assert cells == {NAMES[0]: None, NAMES[1]: 57, "none": None}
    assert {one["group"] for one in told["by_tier"]} == set(VALUE_TIERS)
    assert sum(one["value"] for one in told["by_tier"]) == told["value"]


def test_who_complains_is_compared_with_the_others_as_it_is() -> None:
    told = pains_part([pain("price", np.arange(50))], people(), ALL)["ranking"][0]["churn"]
    assert told["difference"] == pytest.approx(0.4)
    assert told["is_clear"] is True
    assert told["now"]["rows"] == told["before"]["rows"] == 50


def test_nobody_with_a_pain_is_no_ranking() -> None:
    told = pains_part([], people(), ALL)
    assert told["ranking"] == []
    assert (told["anybody"]["customers"], told["anybody"]["value"]) == (0, 0.0)
