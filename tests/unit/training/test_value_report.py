"""The cards of purchase and value: every number is one that can be computed again from what was learned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from app.estimators.base import trained_moment
from app.serving.loading import load_release
from app.serving.score import Ask, score
from tests.unit.estimators.forecasts import GIFT, buyers, forecast
from tests.unit.training.conftest import Valued
from training import value_report
from training.purchase_days import purchase_days
from training.purchasing import learn_purchases
from training.season import EVEN
from training.value_report import _season_limit, expected_by

pytestmark = pytest.mark.xdist_group("valued-business")

PNG: Final = b"\x89PNG"
Told = Mapping[str, Any]


@pytest.fixture(scope="module")
def clv(valued: Valued) -> Told:
    return valued.trained["clv"].card


@pytest.fixture(scope="module")
def purchase(valued: Valued) -> Told:
    return valued.trained["purchase"].card


def full(card: Told) -> Told:
    [variant] = [one for one in card["variants"] if one["name"] == "full"]
    found: Told = variant
    return found


def test_cards_are_plain_finite_documents(clv: Told, purchase: Told) -> None:
    for card in (clv, purchase):
        text = json.dumps(card, allow_nan=False)
        assert json.dumps(json.loads(text)) == text


def test_the_goal_says_what_value_means(clv: Told, purchase: Told) -> None:
    assert clv["goal"]["margin"] == 0.4
    assert clv["goal"]["discount_rate"] == 0.1
    assert clv["goal"]["interval_level"] == 0.8
    assert (clv["goal"]["currency"], clv["goal"]["horizon_days"]) == ("CNY", 365)
    assert "margin" not in purchase["goal"]
    assert purchase["goal"]["horizon_days"] == 90
    assert "180 days" in purchase["population"]


def test_every_tier_that_was_tried_has_a_verdict(clv: Told, purchase: Told) -> None:
    for card in (clv, purchase):
        for variant in card["variants"]:
            assert [one["name"] for one in variant["populations"]] == ["repeat", "first_order", "lapsed"]
            for one in variant["populations"]:
                assert one["tier"] in one["verdicts"]
                assert one["verdicts"][one["tier"]]["grade"] == one["grade"]
            assert "rules" in variant["chosen"]


def test_backtests_are_newest_first_and_add_up(valued: Valued, purchase: Told) -> None:
    for name, one in learn_purchases(valued.run, 90).items():
        [variant] = [told for told in purchase["variants"] if told["name"] == name]
        told = variant["backtests"]
        assert len(told) == len(one.fitted.splits.backtests) > 1
        origins = [entry["origin"] for entry in told]
        assert origins == sorted(origins, reverse=True)
        tested = one.fitted.tested
        for number, entry in enumerate(told):
            own = tested.origin == number
            assert entry["tested_rows"] == own.sum()
            assert entry["observed"] == pytest.approx(1 - one.fitted.data.y[tested.rows[own]].mean())
            assert entry["predicted"] == pytest.approx(1 - one.fitted.tested_answer()[own].mean())


def test_calibration_has_all_rows_and_rises(purchase: Told) -> None:
    variant = full(purchase)
    bins = variant["calibration"]
    assert sum(one["rows"] for one in bins) == sum(one["tested_rows"] for one in variant["backtests"])
    predicted = [one["predicted"] for one in bins]
    assert predicted == sorted(predicted)
    assert bins[-1]["observed"] > bins[0]["observed"]


def test_deciles_have_all_rows_highest_first(clv: Told) -> None:
    variant = full(clv)
    deciles = variant["deciles"]
    assert len(deciles) == 10
    assert sum(one["rows"] for one in deciles) == sum(one["tested_rows"] for one in variant["backtests"])
    predicted = [one["predicted"] for one in deciles]
    assert predicted == sorted(predicted, reverse=True)
    assert deciles[0]["actual"] > deciles[-1]["actual"]


def test_coverage_is_of_every_population_and_near_its_promise(clv: Told) -> None:
    told = full(clv)["coverage"]
    assert [one["population"] for one in told] == ["repeat", "first_order", "lapsed"]
    for one in told:
        assert one["rows"] > 0
        assert 0 <= one["above"] <= 0.2
        assert one["below"] <= 0.2


def test_totals_of_today_are_those_of_the_answers(valued: Valued, clv: Told) -> None:
    release, history = load_release(valued.verified("clv")), valued.run.history
    answers = score(release, history, np.full(history.size, valued.run.as_of), Ask(want=("clv",)))
    blocks = [one["clv"] for one in answers if one["clv"]["eligible"]]
    told = full(clv)["totals_today"]
    assert told["customers"] == len(blocks)
    for name in ("historic_value", "predicted_value", "expected_orders"):
        assert told[name] == pytest.approx(sum(one[name] for one in blocks), rel=1e-9), name


def test_the_forecast_is_the_one_that_serves(valued: Valued, clv: Told, purchase: Told) -> None:
    release = load_release(valued.verified("clv", "purchase"))
    for name, card in (("clv", clv), ("purchase", purchase)):
        served = release.artifacts[name].models["full"].forecast
        told = full(card)["forecast"]
        assert served is not None
        assert list(told["parameters"].values()) == [
            pytest.approx(getattr(served.transactions, field)) for field in told["parameters"]
        ]
        assert told["season"]["model_days_in_horizon"] == pytest.approx(served.days(trained_moment(1))[0])
        assert (told["value"] is None) == (name == "purchase")


def test_the_window_stands_on_the_card_as_it_is_served(valued: Valued, purchase: Told) -> None:
    for variant in purchase["variants"]:
        entry = valued.trained["purchase"].draft.variant(variant["name"])
        assert entry is not None
        assert list(variant["window"]["levels"]) == entry.settings["window_levels"]
        assert variant["window"]["buyers"] > 30


def test_limits_say_what_the_forecast_rests_on(valued: Valued, clv: Told, purchase: Told) -> None:
    assert clv["limits"][0].startswith("Every number here is simulated")
    for card in (clv, purchase):
        assert any(one.startswith("full: ") and "season" in one for one in card["limits"])
    [outlook] = {id(one.outlook): one.outlook for one in learn_purchases(valued.run, 90).values()}.values()
    assert outlook is not None
    seasons = {
        "year_ago": replace(EVEN, basis="year_ago", weight=0.5, origins=1),
        "recent": replace(EVEN, basis="recent", weight=0.25, origins=1),
        "none": EVEN,
    }
    words = {
        basis: _season_limit(replace(outlook, seasons={"spend": season}), "spend")
        for basis, season in seasons.items()
    }
    assert "a year ago, believed to 50%; 1 past origin could test" in words["year_ago"]
    assert "believed to 25%" in words["recent"]
    assert words["none"] == "the history is too short to know a season or to correct the level."
    two = replace(outlook, seasons={"spend": replace(seasons["year_ago"], origins=2)})
    assert "2 past origins could" in _season_limit(two, "spend")


def test_cumulative_orders_are_those_of_the_horizon() -> None:
    X = buyers(1, 50)
    told = forecast("bg_nbd", clock=GIFT)
    grid = np.linspace(0.0, 90.0, 7)
    expected = expected_by(told, X, grid)
    assert expected[0] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(expected) > 0).all()
    known = told.statistics(X)
    assert expected[-1] == pytest.approx(told.orders(known, told.days(trained_moment(50))).sum())


def test_pictures_are_drawn_for_each_variant(valued: Valued) -> None:
    wanted = {"clv": ("deciles", "tracking"), "purchase": ("calibration", "tracking")}
    for name, kinds in wanted.items():
        drawn = valued.trained[name].plots
        assert set(drawn) == {f"{one}.{kind}.png" for one in ("full", "summary") for kind in kinds}
        for content in drawn.values():
            assert content.startswith(PNG)
        assert all(
            (valued.paths[name] / picture).read_bytes() == content for picture, content in drawn.items()
        )


def test_the_tracking_plot_is_of_what_came_after_the_newest_origin(
    valued: Valued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn is caught on its way: actual orders are those of the tested customers after the cut."""
    caught: dict[str, Any] = {}

    def catching(days: Any, expected: Any, actual: Any, title: str) -> bytes:
        caught[title] = (days, expected, actual)
        return PNG

    monkeypatch.setattr(value_report, "tracking_plot", catching)
    learned = learn_purchases(valued.run, 90)
    days = purchase_days(valued.run.history, valued.run.as_of, valued.run.business.consent_defaults)
    value_report.purchase_plots(learned, days, 90, simulated=True)
    grid, expected, actual = caught["full (simulated)"]
    tested, data = learned["full"].fitted.tested, learned["full"].fitted.data
    newest = tested.rows[tested.origin == 0]
    orders, _ = days.bought(days.today - 90, days.today)
    assert (grid[0], grid[-1]) == (0.0, 90.0)
    assert actual[-1] == orders[data.customer[newest]].sum()
    assert (actual > 0).any()
    assert expected[-1] == pytest.approx(actual[-1], rel=0.5)
    assert 1 - data.y[newest].mean() == pytest.approx((orders[data.customer[newest]] > 0).mean())
