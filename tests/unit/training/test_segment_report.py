"""The card of segments: what it says of clusters, cut points and small counts, as a document and in words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from app.domain.history import Array
from app.estimators.clusters import NAMES as CLUSTER_NAMES
from app.estimators.scores import NAMES
from tests.unit.training.test_cluster_inputs import groups_of
from training.cluster_inputs import Grouped, look_for_clusters
from training.clustering import Found
from training.evaluation import judge
from training.segment_backtest import Backtest, Seen, inputs_of
from training.segment_report import SMALL, Told, _clusters, _limits, _scores, _segment, _why
from training.segment_text import _clusters as clusters_in_words
from training.segment_text import _range
from training.segment_text import _scores as scores_in_words
from training.segmenting import Wanted, fit_rules

NONE = Backtest(
    (),
    0,
    0,
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=object),
    np.empty(0),
    np.empty(0),
    np.empty(0),
    judge(np.empty(0), np.empty(0), np.empty(0), np.empty(0, dtype=np.int64), "base_rate", 1),
    {},
)


def backtested(names: Array, y: Array) -> Backtest:
    p = np.full(len(y), 0.5)
    who = np.arange(len(y))
    return Backtest((1,), 9, 4, who, names, p, p, y, judge(y, p, p, who, "base_rate", 1), {})


@pytest.fixture(scope="module")
def told() -> Told:
    """Return 900 customers of three kinds with the clusters that they make."""
    columns, _ = groups_of(1, 900)
    rng = np.random.default_rng(9)
    silence, orders = columns["days_since_last_order"], columns["order_days"]
    seen = Seen(
        np.arange(900),
        {
            **columns,
            "revenue_total": np.where(rng.random(900) < 0.1, -5.0, orders * columns["average_order_value"]),
            "days_since_first_order": silence + 20 * orders,
            "average_gap_days": np.where(orders > 1, 20.0, np.nan),
        },
    )
    grouped = look_for_clusters(columns, 7)
    settings = {**fit_rules(seen.bought(inputs_of("full")), Wanted()), "clusters": grouped.settings}
    return Told("full", settings, grouped, NONE, seen)


def test_clusters_have_cards_in_words(told: Told) -> None:
    document = _clusters(told, told.answers())
    assert document["published"]
    assert "3 clusters are stable and apart" in document["why"]
    cards = document["cards"]
    assert [one["id"] for one in cards] == [1, 2, 3]
    assert {one["name"] for one in cards} <= set(CLUSTER_NAMES)
    assert sum(one["customers"] for one in cards) == 900
    assert sum(one["share"] for one in cards) == pytest.approx(1.0)
    assert sum(one["revenue_share"] for one in cards) == pytest.approx(1.0)
    assert [one["customers"] for one in cards] == sorted((one["customers"] for one in cards), reverse=True)
    first = cards[0]
    assert first["name"] == "rare_silent"
    assert first["label"] == {"en": "few orders, silent for long", "zh-CN": "下单少、久未购买"}
    assert first["medians"]["order_days"] == pytest.approx(2, abs=1)
    assert first["medians"]["days_since_last_order"] > 200
    assert first["medians"].keys() == {*told.grouped.inputs, "revenue_total"}
    text = "\n".join(clusters_in_words(document))
    assert "| 1 | `rare_silent` | few orders, silent for long; 下单少、久未购买 |" in text
    assert "passes" in text
    assert json.dumps(document, allow_nan=False)


def test_the_search_is_shown_also_where_nothing_is_published(told: Told) -> None:
    kept = told.grouped
    silent = Told(
        "full",
        {**told.settings, "clusters": None},
        Grouped(None, kept.found, kept.inputs),
        NONE,
        told.seen,
    )
    document = _clusters(silent, silent.answers())
    assert not document["published"]
    assert document["cards"] == []
    assert len(document["tried"]) == 7
    assert "groups would be made up" in document["why"]
    assert "| k | stability | valley |" in "\n".join(clusters_in_words(document))


@pytest.mark.parametrize(
    ("inputs", "customers", "why"),
    [(("order_days",), 199, "199 customers are too few"), ((), 500, "no input tells customers apart")],
)
def test_the_card_says_why_nothing_was_tried(inputs: tuple[str, ...], customers: int, why: str) -> None:
    assert why in _why(Grouped(None, Found((), None), inputs), customers)


def test_a_segment_has_its_share_of_customers_and_money(told: Told) -> None:
    names = told.answers()["name"]
    rows = [_segment(told, names, name) for name in NAMES]
    assert sum(one["customers"] for one in rows) == 900
    lost = next(one for one in rows if one["name"] == "lost")
    assert lost["revenue"] == pytest.approx(told.revenue[names == "lost"].sum())
    assert (told.revenue >= 0).all()
    assert lost["buying_rate"] is None
    assert lost["label"] == {"en": "lost", "zh-CN": "已流失"}


def test_scores_are_told_from_and_up_to(told: Told) -> None:
    scores = _scores({**told.settings, "monetary": None})
    assert scores["monetary"] is None
    steps = scores["recency"]
    assert steps[0]["from"] is None
    assert steps[-1]["to"] is None
    assert [one["to"] for one in steps[:-1]] == [one["from"] for one in steps[1:]]
    text = "\n".join(scores_in_words(scores))
    assert f"| recency | 5 | below {steps[0]['to']:.4g} | days since the last order |" in text
    assert "monetary" not in text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(None, None, "any"), (None, 2.5, "below 2.5"), (2.5, None, "2.5 or more"), (1, 12345.6, "1 to 12,346")],
)
def test_ranges_in_words(low: float | None, high: float | None, text: str) -> None:
    assert _range(low, high) == text


def test_limits_name_what_is_thin_or_missing(told: Told) -> None:
    names = np.array(["lost"] * SMALL + ["loyal"] * 3, dtype=object)
    y = np.arange(len(names)) % 2.0
    judged = Told("full", {**told.settings, "monetary": None}, told.grouped, backtested(names, y), told.seen)

    class Draft:
        class business:  # noqa: N801  stands for the entry of a manifest
            simulated = True

    limits: Any = _limits(Draft, [judged], 90)  # type: ignore[arg-type]
    text = "\n".join(limits)
    assert limits[0].startswith("Every number here is simulated")
    assert f"full: fewer than {SMALL} held-out rows of loyal." in text
    assert "full: no money is known" in text
    assert "too short" not in text
    assert "full: the history is too short" in "\n".join(_limits(Draft, [told], 90))  # type: ignore[arg-type]
