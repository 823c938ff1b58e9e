"""The card of satisfaction as a document, and its pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.training.rows import SEED
from tests.unit.training.scored import (
    DAY,
    START,
    TABLES,
    Scored,
    columns_of,
    draft_of,
    in_two,
    later,
    learned_of,
    response_of,
    scored,
    shuffled,
)
from training.report import drivers_of, subgroups_of
from training.satisfaction.quality import held_out, ordinal_quality
from training.satisfaction.report import Learned, card_of, plots_of
from training.satisfaction.rows import Given
from training.tables.objectives import SatisfactionObjective

ONE = scored(700)
Card = dict[str, Any]


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learned_of(ONE, later(ONE), response=response_of(700))


def told(
    learned: Learned, given: Given, objective: SatisfactionObjective | None = None, **draft: Any
) -> Card:
    wanted = objective or SatisfactionObjective()
    return card_of(draft_of(learned, given, **draft), {"full": learned}, given, wanted, TABLES)


@pytest.fixture(scope="module")
def card(learned: Learned) -> Card:
    return told(learned, ONE.given)


def test_the_card_is_plain_json(card: Card) -> None:
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_the_label_is_defined_in_both_languages(card: Card) -> None:
    definition = card["label_definition"]
    assert definition["definition"] == card["goal"]["definition"] == "csat"
    assert definition["scores"] == [1, 2, 3, 4, 5]
    assert definition["dissatisfied"] == {
        "at_most": 2.0,
        "text": {"en": "a score of 2 or less", "zh-CN": "2 分及以下"},
    }
    assert definition["text"] == {"en": "the score", "zh-CN": "评分"}
    assert "the data" in definition["chosen_by"]
    assert card["goal"]["horizon_days"] is None


def test_what_the_business_chose_is_told_as_its_choice(learned: Learned) -> None:
    wanted = SatisfactionObjective(definition="csat", dissatisfied_at=2)
    definition = told(learned, ONE.given, wanted)["label_definition"]
    assert (definition["chosen_by"], definition["cut_chosen_by"]) == (
        "the business file",
        "the business file",
    )


def test_answers_are_counted_with_what_was_left_out(card: Card) -> None:
    answers, score = card["answers"], ONE.given.scores[ONE.given.level]
    assert answers["source"] == "the table feedback, rows of the kind csat"
    assert (answers["scores"], answers["customers"]) == (700, len(np.unique(ONE.given.customer)))
    assert answers["left_out"] == {"without_a_score": 3, "outside_the_scale": 0}
    assert answers["mean_score"] == pytest.approx(score.mean())
    assert answers["weighted_mean_score"] == pytest.approx(
        np.average(score, weights=np.linspace(0.5, 1.5, 700))
    )
    assert answers["dissatisfied"] == pytest.approx(ONE.data.y.mean())
    assert sum(answers["by_score"]) == 700
    assert answers["first"].startswith("2024-10-04T00:00:00")
    assert (ONE.given.at[-1] - START) // DAY == 29
    assert answers["last"].startswith("2024-11-02")


def test_every_tier_is_judged_against_a_named_baseline(card: Card, learned: Learned) -> None:
    [variant] = card["variants"]
    [who] = variant["populations"]
    assert who["grade"] in "ABC"
    assert set(who["verdicts"]) >= {"rules", who["tier"]}
    for name in ("auc", "log_loss", "ece"):
        interval = who["metrics"][name]
        assert interval["low"] <= interval["value"] <= interval["high"]
    assert who["counts"]["tested_rows"] == len(learned.fitted.tested.rows)
    assert variant["protocol"].startswith("out of time at 3 origins")
    assert sum(one["tested_rows"] for one in variant["backtests"]) == who["counts"]["tested_rows"]
    assert sum(one["rows"] for one in variant["calibration"]) == who["counts"]["tested_rows"]
    assert variant["gains"][-1] == {"share": 1.0, "found": 1.0}
    assert variant["drivers"] == drivers_of(learned.fitted)
    assert variant["subgroups"] == subgroups_of(learned.fitted)


def test_scores_ranges_and_segments_are_judged(card: Card, learned: Learned) -> None:
    [variant] = card["variants"]
    held = held_out(learned.fitted, ONE.given, 0.8)
    assert held is not None
    assert variant["ordinal"] == ordinal_quality(held, SEED)
    assert variant["coverage"]["level"] == 0.8
    assert len(variant["distribution"]) == 5
    segment = variant["segment_mean"]
    assert segment["model_value"] < segment["value"]
    assert segment["grade"] in "ABC"


def test_everybody_today_stands_beside_those_who_answered(card: Card, learned: Learned) -> None:
    today = card["variants"][0]["today"]
    assert today["customers"] == 60
    assert 1 <= today["mean_score"] <= 5
    assert 0 < today["dissatisfied"] < 1
    response = card["variants"][0]["response"]
    assert (response["weighted"], response["why_not"]) == (True, None)
    assert response["differences"] == [
        {"feature": "attribute.x0", "label": "x0", "answered": 1.5, "base": 0.5, "gap": 0.9}
    ]
    assert response["left_out"] == [
        {"feature": "days_since_last_order", "label": "days since the last order"}
    ]
    nobody = told(replace(learned, X=learned.X[:0]), ONE.given)
    assert nobody["variants"][0]["today"] is None


# ── Limits ────────────────────────────────────────────────────────────────────────────────────────────
def limits(card: Card) -> str:
    return "\n".join(card["limits"])


def test_limits_name_what_nobody_may_conclude(card: Card) -> None:
    words = limits(card)
    for part in ("simulated", "not a cause", "certain moments", "never answer", "2026-06-30"):
        assert part in words
    assert "weighed to stand" not in words
    assert "origin" not in words


def test_a_real_business_is_not_called_simulated(learned: Learned) -> None:
    assert "simulated" not in limits(told(learned, ONE.given, simulated=False))


def test_unweighted_answers_and_customers_unlike_them_are_limits(learned: Learned) -> None:
    X = learned.X.copy()
    X[:, 0] = 99.0
    words = limits(told(replace(learned, X=X, response=response_of(700, weighted=False)), ONE.given))
    assert "full: answers were not weighed to stand for everybody: too few of the base answer." in words
    assert "full: 100% of today's customers lie beyond what the answers show of x0" in words


def test_variants_that_disagree_about_everybody_are_told(learned: Learned) -> None:
    X = learned.X.copy()
    X[:, 0] = 9.0
    both = {"full": learned, "summary": replace(learned, X=X)}
    draft = draft_of(learned, ONE.given)
    words = limits(card_of(draft, both, ONE.given, SatisfactionObjective(), TABLES))
    assert "The variants disagree about everybody today" in words


def test_few_origins_no_orders_and_the_rules_tier_are_limits() -> None:
    one = scored(120)
    splits = later(one)
    few = learned_of(
        one, replace(splits, backtests=splits.backtests[:1]), columns=columns_of(one, with_orders=False)
    )
    words = limits(told(few, one.given))
    assert "backtested at 1 origin only" in words
    assert "coverage is that of the very rows" in words
    assert "there are no orders" in words
    assert "weak model" in words or "a tier above the rules is judged from" in words


def test_random_folds_and_nothing_held_out_are_limits() -> None:
    one = scored(120, dated=False)
    splits = shuffled(one)
    card = told(learned_of(one, splits), one.given)
    assert "change over time was not tested" in limits(card)
    assert (card["answers"]["first"], card["answers"]["last"]) == (None, None)
    assert {origin["origin"] for origin in card["variants"][0]["backtests"]} == {None}
    nothing = told(learned_of(one, replace(splits, backtests=())), one.given)
    assert "nothing was held out" in limits(nothing)
    [variant] = nothing["variants"]
    assert (variant["ordinal"], variant["coverage"], variant["distribution"]) == (None, None, [])
    assert json.loads(json.dumps(nothing, allow_nan=False)) == nothing


@pytest.mark.parametrize(
    ("definition", "said", "source"),
    [
        ("complaint", "No complaint is not satisfaction", "the table support_cases, at past cut-offs"),
        ("label", "the business's own knowledge", "the table labels"),
    ],
)
def test_what_stands_in_for_a_score_is_called_that(definition: str, said: str, source: str) -> None:
    one = scored(120)
    given = replace(in_two(one.given), definition=definition)
    two = Scored(replace(one.data, level=given.level), given, one.truth)
    card = told(learned_of(two, later(two)), given, SatisfactionObjective(horizon_days=45))
    assert said in limits(card)
    assert "certain moments" not in limits(card)
    assert card["answers"]["source"] == source
    assert "answered" not in card["population"]
    is_complaint = definition == "complaint"
    assert card["goal"]["horizon_days"] == (45 if is_complaint else None)
    assert (card["label_definition"]["dissatisfied"]["text"]["zh-CN"] == "45 天内有投诉") == is_complaint


# ── Pictures ──────────────────────────────────────────────────────────────────────────────────────────
def test_pictures_are_png_and_of_every_variant_with_held_out_rows(learned: Learned) -> None:
    plots = plots_of({"full": learned}, ONE.given, simulated=True)
    assert set(plots) == {f"full.{name}.png" for name in ("calibration", "gains", "distribution", "scores")}
    assert all(content.startswith(b"\x89PNG") for content in plots.values())
    assert plots == plots_of({"full": learned}, ONE.given, simulated=True)


def test_of_two_scores_the_calibration_says_it_all() -> None:
    one = scored(120)
    given = in_two(one.given)
    two = Scored(replace(one.data, level=given.level), given, one.truth)
    plots = plots_of({"full": learned_of(two, later(two))}, given, simulated=False)
    assert set(plots) == {"full.calibration.png", "full.gains.png"}
    nothing = learned_of(two, replace(later(two), backtests=()))
    assert plots_of({"full": nothing}, given, simulated=False) == {}
