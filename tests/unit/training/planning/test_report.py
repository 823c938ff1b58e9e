"""The planning report adds up, agrees with the scores, and says of each part what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.serving.release import LoadedArtifact, LoadedRelease
from tests.unit.training.conftest import Small
from training.planning.report import Part, Wanted, report_of
from training.score import current_release
from training.tables import Tables, load_business, read_tables
from training.train import known_at

pytestmark = pytest.mark.xdist_group("small-business")

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def release(small: Small) -> LoadedRelease:
    return current_release(small.models)


@pytest.fixture(scope="module")
def tables(small: Small) -> Iterator[Tables]:
    with read_tables(load_business(small.business)) as tables:
        yield tables


def planned(release: LoadedRelease, tables: Tables, months: int = 12) -> Part:
    now = known_at(tables)
    return report_of(release, tables, Wanted(now, now - 90 * DAY, months), lambda _: None)


@pytest.fixture(scope="module")
def report(release: LoadedRelease, tables: Tables) -> Part:
    return planned(release, tables)


def only(release: LoadedRelease, *names: str) -> LoadedRelease:
    return replace(release, artifacts={name: release.artifacts[name] for name in names})


@pytest.mark.parametrize("quantity", ["orders", "revenue"])
def test_cells_add_up_to_every_total(report: Part, quantity: str) -> None:
    forecast = report["forecast"]
    cells = forecast["cells"]
    assert len(cells) == 12 * len(report["segments"])
    for part, key in (("by_month", "month"), ("by_segment", "segment")):
        for one in forecast[part]:
            own = [cell[quantity]["expected"] for cell in cells if cell[key] == one[key]]
            assert one[quantity]["expected"] == pytest.approx(sum(own))
    whole = forecast["total"][quantity]
    assert whole["expected"] == pytest.approx(sum(cell[quantity]["expected"] for cell in cells))
    for one in [*cells, *forecast["by_month"], *forecast["by_segment"], forecast["total"]]:
        assert 0 <= one[quantity]["low"] <= one[quantity]["expected"] <= one[quantity]["high"]
    assert whole["low"] < whole["expected"] < whole["high"]


def test_plan_and_scores_agree(report: Part, release: LoadedRelease) -> None:
    forecast, settings = report["forecast"], release.artifacts["clv"].models["full"].settings
    # Between the whole margin and the margin after a year of waiting.
    worth = report["totals"]["total"]["predicted_value"] / forecast["revenue_within_trained_horizon"]
    assert settings["margin"] / 1.1 < worth < settings["margin"]
    # The sample's twelve months are its trained year and less than a day.
    assert forecast["total"]["revenue"]["expected"] == pytest.approx(
        forecast["revenue_within_trained_horizon"], rel=0.01
    )
    apart = abs(np.log(forecast["scaled_by"])) / np.sqrt(2)
    assert forecast["uncertainty"]["doubt"]["scores"] == pytest.approx(apart)


def test_fewer_months_are_the_first_of_more(report: Part, release: LoadedRelease, tables: Tables) -> None:
    short = planned(release, tables, 3)["forecast"]
    assert [month["month"] for month in short["months"]] == [
        month["month"] for month in report["forecast"]["months"][:3]
    ]
    for one, other in zip(short["by_month"], report["forecast"]["by_month"], strict=False):
        assert one["revenue"]["expected"] == pytest.approx(other["revenue"]["expected"])


def test_every_part_says_what_it_is(report: Part) -> None:
    kinds = {name: report[name]["kind"] for name in ("customers", "forecast", "past", "lift", "migration")}
    assert kinds == {
        "customers": "observation",
        "forecast": "forecast",
        "past": "observation",
        "lift": "observation",
        "migration": "observation",
    }
    totals = report["totals"]
    assert set(totals["observed"]) | set(totals["forecast"]) == set(totals["total"])
    assert report["forecast"]["existing_customers_only"] is True
    assert report["simulated"] is True
    assert report["currency"] == report["forecast"]["unit"]["revenue"] == "CNY"
    assert report["is_trained_later"] is False


def test_customers_are_counted_once(report: Part, tables: Tables) -> None:
    people = report["customers"]
    assert people["known"] == tables.size
    assert people["planned"] + people["without_purchase"] + people["not_profiled"] == tables.size
    assert report["totals"]["total"]["customers"] == people["planned"]
    assert sum(row["customers"] for row in report["totals"]["rows"]) == people["planned"]
    assert [row["segment"] for row in report["totals"]["rows"]] == report["segments"]
    assert sum(report["lift"]["segment_sizes"].values()) == people["planned"]
    assert report["migration"]["customers_now"] == people["planned"]


def test_the_report_names_no_customer_and_is_plain_json(report: Part, tables: Tables) -> None:
    text = json.dumps(report, allow_nan=False)
    assert tables.customer_ids[0].startswith("sim-")
    assert "sim-" not in text


def test_the_same_question_has_the_same_report(report: Part, release: LoadedRelease, tables: Tables) -> None:
    assert planned(release, tables) == report


def test_without_value_nothing_is_forecast(release: LoadedRelease, tables: Tables) -> None:
    found = planned(only(release, "segment", "churn"), tables)
    assert found["forecast"] is None
    assert found["why_no_forecast"] == "no_clv"
    assert found["totals"]["total"]["predicted_value"] is None
    assert found["migration"]["rows"]
    assert found["lift"]["cells"]


def test_with_risk_alone_customers_are_counted_all_the_same(
    report: Part, release: LoadedRelease, tables: Tables
) -> None:
    found = planned(only(release, "churn"), tables)
    assert found["customers"] == report["customers"]
    assert found["segments"] == ["all"]
    levels = ("yellow", "red")
    counts = [[one["totals"]["total"]["at_risk"][k]["customers"] for k in levels] for one in (found, report)]
    assert counts[0] == counts[1] != [0, 0]
    assert found["past"] == report["past"]


def test_without_segments_everybody_is_one_group(
    report: Part, release: LoadedRelease, tables: Tables
) -> None:
    found = planned(only(release, "clv"), tables, 2)
    assert found["segments"] == ["all"]
    assert found["migration"] is None
    assert found["totals"]["total"]["at_risk"] is None
    for one, other in zip(found["forecast"]["by_month"], report["forecast"]["by_month"], strict=False):
        assert one["orders"]["expected"] == pytest.approx(other["orders"]["expected"])


def test_a_rule_without_a_clock_is_spread_evenly(release: LoadedRelease, tables: Tables) -> None:
    clv = release.artifacts["clv"]
    model = clv.models["full"]
    rungs = tuple(replace(rung, timed=None, estimator=_Flat()) for rung in model.rungs)
    settings = {**model.settings, "range": {"factors": [[0.5, 1.5]] * len(rungs)}}
    bare = LoadedArtifact(
        clv.manifest,
        {"full": replace(model, forecast=None, rungs=rungs, settings=settings)},
        clv.card,
        clv.card_markdown,
    )
    found = planned(replace(release, artifacts={**release.artifacts, "clv": bare}), tables, 2)["forecast"]
    assert found["uncertainty"] is None
    first, second = (one["revenue"]["expected"] for one in found["by_month"])
    assert first == pytest.approx(found["revenue_within_trained_horizon"] * 31 / 365, rel=0.01)
    assert second == pytest.approx(first, rel=0.01)
    assert found["total"]["orders"] is None
    assert found["total"]["revenue"]["low"] is found["total"]["revenue"]["high"] is None


class _Flat:
    """A rule: the same amount of everybody."""

    def margin(self, X: Any) -> Any:
        return np.zeros(len(X))

    def contributions(self, X: Any) -> Any:
        return np.zeros(X.shape)


def test_a_plan_of_the_past_says_that_the_release_came_later(
    release: LoadedRelease, small: Small, tables: Tables
) -> None:
    with read_tables(load_business(small.business), as_of=known_at(tables) - 200 * DAY) as earlier:
        found = planned(release, earlier, 1)
    assert found["is_trained_later"] is True
    assert found["forecast"]["total"]["revenue"]["expected"] > 0
    assert found["customers"]["known"] < tables.size


def test_a_card_without_a_season_leaves_everything_open(release: LoadedRelease, tables: Tables) -> None:
    clv = release.artifacts["clv"]
    bare = LoadedArtifact(clv.manifest, clv.models, b'{"variants": []}', clv.card_markdown)
    found = planned(replace(release, artifacts={"clv": bare}), tables, 1)
    doubt = found["forecast"]["uncertainty"]["doubt"]
    assert (doubt["level"], doubt["month"], doubt["basis"]) == (0.3, 0.3, "none")


def test_a_business_without_categories_is_told_so(
    release: LoadedRelease, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.planning.report.missing_tables", lambda _: ("products",))
    found = planned(only(release, "segment"), tables)
    assert found["lift"] is None
    assert found["why_no_lift"] == "no_categories"
