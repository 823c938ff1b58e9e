"""Purchases split in time: nothing after the cut-off is learned from, and everybody answers the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.estimators.blend import ALL_ITEMS, COLD_START, NEW_ITEMS
from benchmarks.recommendations import retail
from benchmarks.recommendations.contenders import EASE, OWN_BY_EVER, POPULAR_EVER, POPULAR_RECENTLY
from benchmarks.recommendations.retail import BLEND, KITH, RERANKED, RetailQuestion, judged, judged_window
from benchmarks.recommendations.sets import Shop, microseconds
from tests.unit.benchmarks.recommendations.made import CUT, DAY, shop
from training.recommendations import learning
from training.recommendations.learning import Learned, learn
from training.recommendations.recipe import Recipe, model_at


def question(**bounds: float) -> RetailQuestion:
    return RetailQuestion(
        "Made up", "Nothing.", Path("none"), "1970-07-20", "1970-08-29", {ALL_ITEMS: bounds}, 30
    )


def test_the_window_is_what_came_after_and_history_what_came_before() -> None:
    held = shop()
    model = model_at(held.known, Recipe(), held.cut, 30.0)
    window = judged_window(model, held, "1970-08-29")
    assert held.cut == CUT
    later = held.record.purchases.at >= CUT
    assert sum(map(len, window.relevant)) == len(
        np.unique(held.record.purchases.customer[later] * 20 + held.record.purchases.product[later])
    )
    assert min(one.bought_days.min() for one in window.shoppers if len(one.bought)) > 0


def test_all_answer_the_same_questions() -> None:
    held = shop()
    model = model_at(held.known, Recipe(), held.cut, 30.0)
    window = judged_window(model, held, "1970-08-29")
    found = {
        task: judged({KITH: model, BLEND: model}, held, window, task)
        for task in (ALL_ITEMS, NEW_ITEMS, COLD_START)
    }
    assert {KITH, BLEND, OWN_BY_EVER, EASE} <= found[ALL_ITEMS].keys()
    assert OWN_BY_EVER not in found[NEW_ITEMS]
    assert list(found[COLD_START]) == [KITH, POPULAR_RECENTLY, POPULAR_EVER]
    for one in found.values():
        assert len({judged.size for judged in one.values()}) == 1
    # Two tastes: whoever has learned them does better than what is popular with all.
    assert found[ALL_ITEMS][KITH].mean("ndcg_at_10") > found[ALL_ITEMS][POPULAR_EVER].mean("ndcg_at_10") + 0.1


def test_a_page_tells_what_was_learned_before_and_judged_after(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, int]] = []

    def learned(record: Shop, as_of: int, days: int, seed: int, _: object) -> Learned:
        seen.append((int(record.purchases.at.max()), as_of, days))  # type: ignore[attr-defined]
        return learn(record, as_of, days, seed, lambda _: None)  # type: ignore[arg-type]

    monkeypatch.setattr(retail, "retail_shop", lambda *_: shop(60))
    monkeypatch.setattr(retail, "learn", learned)
    monkeypatch.setattr(learning, "TUNING_WINDOWS", 1)
    page, document, missed = question(ndcg_at_10=1.1).answered()
    ((latest, as_of, days),) = seen
    assert latest < as_of == CUT
    assert days == 30
    assert "### (b) Products new to the customer" in page
    assert missed[0].startswith("(a) All products: NDCG@10 0.")
    assert {"recipe", "tiers", "weights", "tasks", "left_out", "cpu_seconds"} == document.keys()
    assert document["tasks"][ALL_ITEMS][0]["name"] == KITH


def test_a_lost_contest_is_missed_and_the_own_lines_are_no_rivals() -> None:
    held = shop()
    model = model_at(held.known, Recipe(), held.cut, 30.0)
    window = judged_window(model, held, "1970-08-29")
    found = judged({KITH: model, RERANKED: model}, held, window, ALL_ITEMS)
    worse = replace(found[KITH], by_customer={name: 0 * v for name, v in found[KITH].by_customer.items()})
    lost = question()._verdicts({ALL_ITEMS: {**found, KITH: worse}})
    assert [is_held for is_held, _ in lost] == [False] * 6
    assert all("loses against" in words and RERANKED not in words for _, words in lost)


def test_a_file_that_is_not_there_is_named() -> None:
    assert question().missing() == ["none"]
    assert replace(question(), file=Path(__file__)).missing() == []


def test_days_are_days() -> None:
    assert microseconds("1970-01-02") == DAY
