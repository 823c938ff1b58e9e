"""The model card of a small simulated business, and what it is made of."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.domain.history import Array
from tests.unit.training.conftest import Small
from tests.unit.training.rows import SEED, data_of, mixed, mixed_rows, random_splits
from training.report import Goal, _bands, drivers_of, gains_of, plots_of, subgroups_of
from training.report_text import markdown
from training.variants import Fitted, fit_variant, published_rung

pytestmark = pytest.mark.xdist_group("small-business")

GOAL = Goal(60.0, 5.0, "GBP", 0.10, 0.30)


@pytest.fixture(scope="module")
def card(small: Small) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((small.artifact / "card.json").read_bytes())
    return document


@pytest.fixture(scope="module")
def words(small: Small) -> str:
    return (small.artifact / "card.md").read_text("utf-8")


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    X, y, _ = mixed_rows(0, 450)
    return fit_variant("full", data_of(X, y, features=mixed()), random_splits(y), SEED, lambda _: None)


def test_the_card_says_what_it_is_for(card: dict[str, Any]) -> None:
    assert card["goal"]["predicts"] == {"en": "no order within 90 days", "zh-CN": "90 天内没有下单"}
    assert (card["goal"]["definition"], card["goal"]["horizon_days"]) == ("inactivity", 90)
    assert (card["goal"]["cost_missed"], card["goal"]["cost_false_alarm"], card["goal"]["currency"]) == (
        60,
        5,
        "CNY",
    )
    assert card["simulated"] is True
    assert "silent for at most 180 days" in card["population"]
    assert card["data"]["rows"]["customers"] == 200


@pytest.mark.parametrize("variant", [0, 1])
def test_the_card_says_how_good_and_against_what(card: dict[str, Any], variant: int) -> None:
    told = card["variants"][variant]
    assert told["protocol"] == "out of time at 3 origins, 90 days apart"
    assert len(told["backtests"]) == 3
    for one in told["populations"]:
        assert one["grade"] in "ABC"
        assert one["baseline"]["metric"] == "log_loss"
        for name in ("auc", "log_loss", "brier", "ece", "top_decile_lift"):
            for metrics in (one["metrics"], one["rule_metrics"]):
                assert metrics[name]["low"] <= metrics[name]["value"] <= metrics[name]["high"]
    assert sum(bin_["rows"] for bin_ in told["calibration"]) == sum(
        one["counts"]["tested_rows"] for one in told["populations"]
    )
    assert [point["share"] for point in told["gains"]] == pytest.approx(np.arange(1, 11) / 10)
    assert told["drivers"]
    assert {"error", "predicted", "observed", "auc"} <= told["subgroups"][0].keys()


def test_the_card_says_from_when_to_when(card: dict[str, Any]) -> None:
    windows = card["variants"][0]["windows"]
    assert windows["cut_offs"] == 6
    assert windows["first_cut_off"] < windows["last_cut_off"] < windows["last_label_ends"]
    assert windows["last_label_ends"][:19] == card["trained_as_of"][:19]


def test_counts_are_of_the_rows_that_were_used(card: dict[str, Any]) -> None:
    for told in card["variants"]:
        for one in told["populations"]:
            assert 0 < one["counts"]["trained_positives"] < one["counts"]["trained_rows"]
            assert one["counts"]["eligible_now"] > 0


def test_rows_of_the_backtests_are_those_that_were_judged(card: dict[str, Any]) -> None:
    for told in card["variants"]:
        for name in ("tested_rows", "tested_positives"):
            judged = sum(one["counts"][name] for one in told["populations"])
            assert judged == sum(one[name] for one in told["backtests"])


def test_the_words_hold_everything_that_a_reader_looks_for(words: str, card: dict[str, Any]) -> None:
    for heading in (
        "# Model card: churn of sample-retailer",
        "**Simulated data.**",
        "Predicts: no order within 90 days (90 天内没有下单).",
        "* Population: ",
        "* Label: read from the 90 days after a cut-off",
        "* Costs: a missed churner 60 CNY, a false alarm 5 CNY.",
        "* Rows: customers 200, ",
        "## Variant full",
        "## Variant summary",
        "The published model learned from 6 cut-offs",
        "Counts:",
        "Backtests:",
        "Acting on a band",
        "Calibration, ten equal-count bins:",
        "![full.calibration.png](full.calibration.png)",
        "![summary.gains.png](summary.gains.png)",
        "Drivers",
        "Subgroups",
        "## Limits",
        "not a cause",
    ):
        assert heading in words, heading
    for one in card["variants"][0]["drivers"]:
        assert f"`{one['feature']}`" in words


def test_every_table_of_the_words_is_whole(words: str) -> None:
    lines = words.splitlines()
    for above, line in pairwise(lines):
        if above.startswith("| ") and line.startswith("| "):
            assert above.count(" | ") == line.count(" | ")


def test_pictures_that_the_card_names_are_there(small: Small, words: str) -> None:
    named = {line.split("](")[1].rstrip(")") for line in words.splitlines() if line.startswith("![")}
    assert named == {f"{v}.{p}.png" for v in ("full", "summary") for p in ("calibration", "gains")}
    assert all((small.artifact / name).read_bytes().startswith(b"\x89PNG") for name in named)


def test_a_word_of_the_data_cannot_break_a_table(card: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(card))
    hostile["variants"][0]["subgroups"][0]["word"] = "a | b\n## Limits\n| c"
    told = markdown(hostile, ())
    assert told.count("\n## Limits\n") == 1
    assert r"a \| b ## Limits \| c" in told


# Bands, drivers, subgroups


def test_bands_are_cut_as_answers_are(fitted: Fitted) -> None:
    bands = {(one["level"], one["by"]): one for one in _bands(fitted, GOAL)}
    assert bands["red", "model"]["share"] == pytest.approx(0.1, abs=0.02)
    assert bands["yellow", "model"]["share"] == pytest.approx(0.3, abs=0.02)
    assert bands["yellow or red", "model"]["share"] == pytest.approx(0.4, abs=0.02)
    assert bands["red", "model"]["precision"] > bands["yellow", "model"]["precision"]
    for who in ("model", "rule"):
        parts = [bands[level, who] for level in ("red", "yellow", "yellow or red")]
        for name in ("share", "recall", "net_benefit"):
            assert parts[0][name] + parts[1][name] == pytest.approx(parts[2][name])
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    hits, alarms = 0.0, 0.0
    for number in np.unique(fitted.tested.origin):
        at = np.flatnonzero(fitted.tested.origin == number)
        top = at[np.argsort(-p[at], kind="stable")[: round(0.1 * len(at))]]
        hits, alarms = hits + y[top].sum(), alarms + len(top)
    assert bands["red", "model"]["precision"] == pytest.approx(hits / alarms)
    assert bands["red", "model"]["net_benefit"] == pytest.approx(
        1000 * (60 * hits - 5 * (alarms - hits)) / len(y)
    )


def test_each_population_is_cut_on_its_own(fitted: Fitted) -> None:
    risky = (fitted.tested_answer() > 0.6).astype(np.int64)
    population = np.zeros(len(risky), dtype=np.int64)
    population[fitted.tested.rows] = risky
    apart = replace(
        fitted, data=replace(fitted.data, population=population, populations=("repeat", "first_order"))
    )
    assert _bands(apart, GOAL)[0]["precision"] < _bands(fitted, GOAL)[0]["precision"]


def test_bands_by_probability_are_cut_there(fitted: Fitted) -> None:
    goal = replace(GOAL, red_probability=0.7, yellow_probability=0.5)
    shares = {one["level"]: one["share"] for one in _bands(fitted, goal) if one["by"] == "model"}
    p = fitted.tested_answer()
    assert shares["red"] == pytest.approx((p >= 0.7).mean())
    assert shares["yellow or red"] == pytest.approx((p >= 0.5).mean())


def test_gains_by_hand() -> None:
    y = np.r_[np.ones(2), np.zeros(8)]
    found = [point["found"] for point in gains_of(y, np.linspace(1, 0, 10))]
    assert found == [0.5, *[1.0] * 9]
    assert gains_of(np.zeros(5), np.ones(5)) == []


def test_drivers_have_the_size_and_the_sign_of_what_they_add(fitted: Fitted) -> None:
    found = {one["feature"]: one for one in drivers_of(fitted)}
    assert found["attribute.x0"]["direction"] == "raises"
    assert found["attribute.x1"]["direction"] == "lowers"
    assert found["attribute.colour"]["direction"] is None
    assert list(found)[-1] == "attribute.flag"
    rung = published_rung(fitted, 0)
    values: Array = rung.calibrations[0].apply_to(rung.estimators[0].contributions(fitted.data.X)).values
    for j, name in enumerate(mixed().names):
        assert found[name]["mean_impact"] == pytest.approx(np.abs(values[:, j]).mean())


def test_subgroups_are_the_words_with_enough_rows(fitted: Fitted) -> None:
    found = {one["word"]: one for one in subgroups_of(fitted)}
    codes = fitted.data.X[fitted.tested.rows, 2]
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    for code, word in enumerate(("blue", "green", "red")):
        own = codes == code
        assert (word in found) == (own.sum() >= 100)
        if word in found:
            assert found[word]["rows"] == own.sum()
            assert found[word]["error"] == pytest.approx(p[own].mean() - y[own].mean())


def test_pictures_stand_for_what_was_tested(fitted: Fitted) -> None:
    assert set(plots_of({"full": fitted}, simulated=False)) == {"full.calibration.png", "full.gains.png"}
    untested = replace(fitted, tested=replace(fitted.tested, rows=np.empty(0, dtype=np.int64)), chosen=())
    assert plots_of({"full": untested}, simulated=False) == {}
