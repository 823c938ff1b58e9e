"""The pictures of the voice are drawn from anything that a report can hold."""

from __future__ import annotations

import copy
from typing import Any

from tests.unit.training.test_plots import size
from tests.unit.training.voices import LATE, answer, case, report, shop_report
from training.voice.plots import PICTURES, pain_label, plots_of, trend_plot


def test_all_pictures_are_drawn() -> None:
    found = plots_of(shop_report())
    assert tuple(found) == PICTURES
    for content in found.values():
        assert min(size(content)) > 200


def test_what_is_hidden_is_not_drawn() -> None:
    assert plots_of(report(feedback=[answer("a", 1, LATE)], support_cases=[case("a", 1)])) == {}
    few = report(feedback=[answer(f"c{k}", 1, LATE, score=1.0) for k in range(5)])
    assert set(plots_of(few)) == {"topics.png", "trend.png", "stake.png"}


def test_every_topic_has_a_panel_of_its_own() -> None:
    many: dict[str, Any] = copy.deepcopy(shop_report())
    heights = []
    for topics in (1, 2, 3):
        many["topics"] = [shop_report()["topics"][0]] * topics
        heights.append(size(plots_of(many)["trend.png"])[1])
    assert heights[0] == heights[1] < heights[2]


def test_a_dollar_and_losses_can_be_drawn() -> None:
    odd = copy.deepcopy(shop_report())
    odd["business"] = "a $hop with two $igns " + "and a long name " * 9
    for one in odd["pains"]["ranking"]:
        one["value"] = -5.0
    assert set(plots_of(odd)) == set(PICTURES)


def test_the_same_report_draws_the_same_bytes() -> None:
    report = shop_report()
    assert trend_plot(report["topics"], "a shop") == trend_plot(report["topics"], "a shop")


def test_pains_have_names() -> None:
    assert pain_label({"source": "case", "name": "return"}) == "cases: returns"
    assert pain_label({"source": "topic", "name": "delivery"}) == "delivery and packaging"
