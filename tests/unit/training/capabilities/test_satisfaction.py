"""Satisfaction of whole businesses: what is written and answered, and how small or odd a business may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from app.domain.errors import PublicationError, TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT
from app.domain.rows import Row
from app.features.support import SENTIMENT_COLUMN, TEXT_FEATURES
from app.serving.golden import check_golden
from app.serving.loading import load_release, read_release
from app.serving.probe import probe_model
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests.unit.artifacts.tiny import release_bytes
from tests.unit.training.asked import Told, run_with
from tests.unit.training.conftest import Valued
from tests.unit.training.shops import asked, released
from training.capabilities.satisfaction import Learning, label_of, train_satisfaction, with_texts
from training.run import Run, Trained
from training.satisfaction.rows import Given, given_scores
from training.tables.objectives import SatisfactionObjective
from training.train import write

pytestmark = pytest.mark.xdist_group("valued-business")

DAY: Final = MICROSECONDS_PER_DAY
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def trained(valued: Valued) -> Trained:
    return train_satisfaction(valued.run)


@pytest.fixture(scope="module")
def release(valued: Valued, trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> LoadedRelease:
    models = tmp_path_factory.mktemp("models")
    path = write(models, trained)
    return load_release(read_release(models, release_bytes(None, "2026-01-31T09:30:00Z", path)))


def answers_of(release: LoadedRelease, run: Run, **ask: Any) -> list[Answer]:
    told = score(
        release, run.history, np.full(run.history.size, run.as_of), Ask(want=("satisfaction",), **ask)
    )
    return [one["satisfaction"] for one in told]


# ── What is written ───────────────────────────────────────────────────────────────────────────────────
def test_the_artifact_loads_answers_its_golden_histories_and_passes_the_probe(
    trained: Trained, release: LoadedRelease, tmp_path: Path
) -> None:
    artifact = release.artifacts["satisfaction"]
    golden = (write(tmp_path, trained) / "golden.json").read_bytes()
    assert check_golden(artifact, golden) >= 5
    assert any(one["satisfaction"]["eligible"] for one in json.loads(golden)["answers"])
    for name, model in artifact.models.items():
        probe_model(model, name)


def test_the_draft_says_what_it_answers(trained: Trained) -> None:
    draft = trained.draft
    assert (draft.capability, draft.label.definition) == ("satisfaction", "review")
    assert draft.label.horizon_days is None
    assert [variant.name for variant in draft.variants] == ["full", "summary"]
    for variant in draft.variants:
        [one] = variant.populations
        assert one.name == "all"
        assert variant.settings["scale"]["scores"] == [1, 2, 3, 4, 5]
        assert variant.settings["scale"]["cut"] == 1
        assert 0 <= variant.settings["scale"]["width"] <= 1
    assert draft.settings["interval_level"] == 0.8
    read = {feature.name for variant in draft.variants for feature in variant.features}
    assert (draft.text_model is not None) == bool(read & {feature.name for feature in TEXT_FEATURES})
    assert (draft.text_model is not None) == ("sentiment.npz" in trained.files)
    assert trained.card["label_definition"]["definition"] == "review"
    assert "## Variant summary" in trained.markdown
    assert {name.split(".")[0] for name in trained.plots} == {"full", "summary"}


def test_everybody_is_answered_within_the_scale(valued: Valued, release: LoadedRelease) -> None:
    told = answers_of(release, valued.run)
    eligible = [one for one in told if one["eligible"]]
    assert {one["ineligible_reason"] for one in told if not one["eligible"]} <= {"profiling_denied"}
    assert len(eligible) > 200
    for one in eligible:
        assert 1 <= one["low"] <= one["high"] <= 5
        assert 1 <= one["expected_score"] <= 5
        assert 0 < one["dissatisfied_probability"] < 1
        assert (one["scale_max"], one["interval_level"], one["label_definition"]) == (5, 0.8, "review")
    by_risk = sorted(eligible, key=lambda one: one["dissatisfied_probability"])
    assert by_risk[0]["expected_score"] > by_risk[-1]["expected_score"]


def test_the_service_says_of_everybody_what_the_card_says(
    valued: Valued, trained: Trained, release: LoadedRelease
) -> None:
    told = [one for one in answers_of(release, valued.run) if one["eligible"]]
    today = trained.card["variants"][0]["today"]
    assert today["customers"] == len(told)
    # The service reads texts by the model that learned from them, the card by those that did not.
    found = np.mean([[one["expected_score"], one["dissatisfied_probability"]] for one in told], axis=0)
    assert found == pytest.approx([today["mean_score"], today["dissatisfied"]], abs=0.02)


def test_reasons_are_parts_of_the_log_odds_of_dissatisfaction(valued: Valued, release: LoadedRelease) -> None:
    compared = 0
    for one in answers_of(release, valued.run, explain=True)[:60]:
        if one["eligible"]:
            sum_ = one["explanation"]["sum"]
            assert 1 / (1 + np.exp(-sum_)) == pytest.approx(one["dissatisfied_probability"], abs=1e-9)
            for reason in one["reasons"]:
                assert (reason["direction"] == "raises") == (reason["impact"] > 0)
                assert "bad score" in reason["text"]
            compared += 1
    assert compared > 40


def test_texts_are_read_by_models_that_learned_from_no_text_of_the_same_customer(valued: Valued) -> None:
    history, reader = with_texts(valued.run)
    assert reader is not None
    feedback, told = valued.run.history.tables["feedback"], history.tables["feedback"][SENTIMENT_COLUMN]
    has_text = np.array([text is not None for text in feedback["text"]])
    assert np.isnan(told[~has_text]).all()
    assert (np.abs(told[has_text & ~np.isnan(told)]) <= 1).all()
    assert SENTIMENT_COLUMN not in feedback.columns
    silent = replace(
        feedback, columns={**feedback.columns, "text": np.full(len(has_text), None, dtype=object)}
    )
    run = replace(
        valued.run,
        history=replace(valued.run.history, tables={**valued.run.history.tables, "feedback": silent}),
    )
    assert with_texts(run) == (run.history, None)


# ── Small and odd businesses ──────────────────────────────────────────────────────────────────────────
def survey(customers: int, answers: int, kind: str = "csat", most: int = 5) -> list[Told]:
    """Return answers of customers who differ in how satisfied they are, and who know it themselves."""
    rng = np.random.default_rng(0)
    mood = rng.normal(0, 1, customers)
    rows: list[Told] = []
    for k in range(answers):
        who = int(rng.integers(0, customers))
        told = (most + 1) / 2 + mood[who] * most / 4 + rng.normal(0, 0.6)
        rows.append((f"c{who}", k // 3, kind, int(np.clip(round(told), 1, most)), most))
    return rows


@pytest.fixture(params=["one customer", "few", "many", "nps"])
def small(request: pytest.FixtureRequest) -> Iterator[tuple[str, Run, Trained]]:
    rows = {
        "one customer": [("a", k, "csat", 1 + k % 5) for k in range(12)],
        "few": survey(8, 30),
        "many": survey(260, 480),
        "nps": survey(30, 90, "nps", 10),
    }[request.param]
    with run_with(*rows) as run:
        yield request.param, run, train_satisfaction(run)


def test_a_business_without_orders_is_answered_from_its_surveys(small: tuple[str, Run, Trained]) -> None:
    name, run, trained = small
    assert [variant.name for variant in trained.draft.variants] == ["full"]
    assert trained.draft.text_model is None
    [variant] = trained.card["variants"]
    assert variant["segment_mean"] is None
    tier = variant["populations"][0]["tier"]
    assert tier == "rules" or name == "many"
    best = 10 if name == "nps" else 5
    told = answers_of(released(trained), run)
    assert {one["scale_max"] for one in told} == {best}
    assert all(one["eligible"] and one["low"] <= one["high"] <= best for one in told)
    unknown: list[Row] = [{"customer_id": "z"}]
    [stranger] = asked(released(trained), unknown, run.as_of, want=("satisfaction",))
    assert stranger["satisfaction"]["eligible"]
    assert 0 < stranger["satisfaction"]["dissatisfied_probability"] < 1


def test_what_is_known_of_an_answer_is_what_was_said_before_it() -> None:
    rows = [("a", k, "csat", 1 + k * 3 % 5, 5) for k in range(12)]
    with run_with(*rows) as run:
        objective = SatisfactionObjective()
        given = given_scores(run, objective)
        known = Learning(run, objective, given, run.history, None).rows(("full",))["full"]
    assert known.columns["feedback_365d"].tolist() == list(range(12))
    before = known.columns["last_feedback_score"]
    assert np.isnan(before[0])
    assert before[1:].tolist() == [score / 5 for _, _, _, score, _ in rows[:-1]]
    assert known.y.tolist() == [float(score <= 2) for _, _, _, score, _ in rows]


def labels_sql(label: str, dated: str = "NULL::TIMESTAMPTZ") -> dict[str, str]:
    hashed = "(hash(i * 7) % 1000) / 1000.0"
    return {
        "customers": f"SELECT 'c' || i AS customer_id, {hashed} AS mood FROM range(240) t(i)",  # noqa: S608
        "labels": f"SELECT 'c' || i AS customer_id, 'satisfaction' AS capability, {label} AS label, "  # noqa: S608
        f"{dated} AS as_of FROM range(240) t(i)",
    }


MOOD: Final = "(hash(i * 7) % 1000) / 1000.0 + (hash(i * 11) % 1000) / 2500.0"


def labelled(label: str) -> Trained:
    declared = {"mood": {"kind": "numeric", "static": True}}
    with run_with(tables=labels_sql(label), attributes=declared) as run:
        return train_satisfaction(run)


def test_labels_without_dates_are_judged_by_random_folds() -> None:
    trained = labelled(f"1 + floor(({MOOD}) / 1.4 * 4.99)")
    [variant] = trained.card["variants"]
    assert trained.draft.label.definition == "label"
    assert "random split" in variant["protocol"]
    assert "the scores have no dates" in variant["protocol"]
    assert variant["populations"][0]["metrics"]["auc"]["value"] > 0.8
    assert variant["drivers"][0]["feature"] == "attribute.mood"
    assert variant["drivers"][0]["direction"] == "lowers"


def test_a_column_that_is_the_label_is_refused_as_a_leak() -> None:
    with pytest.raises(PublicationError, match="mood"):
        labelled("CASE WHEN (hash(i * 7) % 1000) / 1000.0 > 0.3 THEN 1 ELSE 0 END")


def test_nothing_to_learn_from_is_refused_with_a_remedy() -> None:
    tables = labels_sql("i % 2")
    tables["customers"] = "SELECT 'c' || i AS customer_id FROM range(240) t(i)"
    with run_with(tables=tables) as run, pytest.raises(TableError, match="no input") as refused:
        train_satisfaction(run)
    assert "attributes" in refused.value.remedy


def test_complaints_stand_in_where_nobody_is_asked() -> None:
    cases = """
        SELECT 'k' || i AS case_id, 'c' || (hash(i * 3) % 25) AS customer_id,
               TIMESTAMPTZ '2025-01-01 12:00+00' + INTERVAL (i) DAY AS opened_at,
               CASE WHEN hash(i * 5) % 2 = 0 THEN 'complaint' ELSE 'question' END AS type
        FROM range(500) t(i)"""
    with run_with(tables={"support_cases": cases}) as run:
        trained = train_satisfaction(run)
        told = answers_of(released(trained), run)
    assert trained.draft.label.definition == "complaint"
    assert "30 days" in trained.draft.label.text.en
    assert any("No complaint is not satisfaction" in limit for limit in trained.card["limits"])
    assert trained.card["variants"][0]["response"] is None
    for one in told:
        assert one["expected_score"] == pytest.approx(1 - one["dissatisfied_probability"])


def test_the_label_is_told_in_both_languages() -> None:
    none = np.empty(0, dtype=np.int64)
    given = Given("csat", none, np.full(0, NAT), none, np.arange(1.0, 6.0), 1)
    text = label_of(given, SatisfactionObjective()).text
    assert "1 to 5" in text.en
    assert "2 or less" in text.en
    assert "2 分及以下" in text.zh_cn
