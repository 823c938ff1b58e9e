"""Blocks: objects within, dates of the business's own days, labels, other horizons, reasons of each link."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest

from app.capabilities.base import Answers, Model, Output, Scorer
from app.domain.clock import to_microseconds
from app.domain.history import Array
from app.domain.rows import build_history
from app.estimators.base import Moment
from app.serving.blocks import Answered, Part, scores_of, silent
from app.serving.plan import Plan, plan_of
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.score import Ask, score
from tests.unit.artifacts import tiny
from tests.unit.serving import composed

DAY = 86_400_000_000
AS_OF = to_microseconds(datetime(2024, 6, 12, 15, 20, tzinfo=UTC))
Raw = dict[str, Any]


@cache
def artifact(name: str) -> LoadedArtifact:
    return composed.loaded(getattr(composed, name)())


def customer(*days_ago: float, as_of: int = AS_OF) -> Raw:
    orders = [
        {"order_id": f"o{k}", "ordered_at": as_of - round(days * DAY), "revenue": 20.0 + k}
        for k, days in enumerate(days_ago)
    ]
    return {"customer_id": "c", "customer": {}, "orders": orders}


REGULAR = customer(5, 40, 70, 110, 130, 300)
ONCE = customer(12)
GONE = customer(700, 760)
NEVER = customer()


def part_of(raw: list[Raw], as_of: int | list[int] = AS_OF, timezone: str | None = None) -> Part:
    found: LoadedRelease = composed.release(
        *(artifact(name) for name in ("churn", "clv", "purchase", "segment"))
    )
    if timezone is not None:
        found = replace(found, business=tiny.BUSINESS.model_copy(update={"timezone": timezone}))
    times = np.broadcast_to(np.array(as_of, dtype=np.int64), len(raw)).copy()
    plans = [plan_of(artifact(name), "full") for name in ("churn", "clv", "purchase", "segment")]
    needed = frozenset().union(*(plan.needed for plan in plans))
    return Part(found, build_history(raw, found.business.timezone, {}), times, needed)


def answered(name: str, *raw: Raw, horizon: int | None = None, **changes: Any) -> Answered:
    return Answered(part_of(list(raw), **changes), plan_of(artifact(name), "full"), horizon)


def block_of(name: str, raw: Raw, *, explain: bool = False, **changes: Any) -> dict[str, Any]:
    (block,) = answered(name, raw, **changes).blocks("en", explain=explain)
    return block


def telling(scorer: str, outputs: tuple[Output, ...], columns: Mapping[str, Array], *raw: Raw) -> Answered:
    """Return what a scorer says that tells given columns."""

    def predict(model: Model, X: Array, moment: Moment) -> Answers:
        del model, moment
        size = len(X)
        return {
            "eligible": np.ones(size, dtype=bool),
            "ineligible_reason": np.full(size, None, dtype=object),
            "population": np.zeros(size, dtype=np.int64),
            **columns,
        }

    plan: Plan = plan_of(artifact("purchase"), "full")
    made: Scorer = replace(plan.scorer, name=scorer, predict=predict, outputs=outputs)
    return Answered(part_of(list(raw)), replace(plan, scorer=made, outputs=outputs), None)


# ── Values ────────────────────────────────────────────────────────────────────────────────────────────
def test_numbers_words_and_whole_numbers_are_as_json_holds_them() -> None:
    outputs = (
        Output("share", "share"), Output("days", "days"), Output("points", "score"), Output("word", "word"),
    )  # fmt: skip
    columns = {
        "share": np.array([0.25, np.nan]),
        "days": np.array([np.nan, 90.0]),
        "points": np.array([5.0, np.nan]),
        "word": np.array([None, "a"], dtype=object),
    }
    first, second = telling("purchase", outputs, columns, REGULAR, ONCE).blocks("en", explain=False)
    assert (first["share"], first["days"], first["points"], first["word"]) == (0.25, None, 5, None)
    assert (second["share"], second["days"], second["points"], second["word"]) == (None, 90, None, "a")
    assert isinstance(first["points"], int)
    assert isinstance(second["days"], int)


def test_a_name_with_a_dot_is_a_field_of_an_object_and_an_object_without_a_value_is_none() -> None:
    outputs = (
        Output("a.x", "share"), Output("plain", "share"), Output("a.y", "word"), Output("b.z", "count"),
    )  # fmt: skip
    columns = {
        "a.x": np.array([0.5, np.nan, np.nan]),
        "plain": np.array([1.0, 2.0, 3.0]),
        "a.y": np.array([None, "w", None], dtype=object),
        "b.z": np.array([np.nan, 7.0, np.nan]),
    }
    blocks = telling("purchase", outputs, columns, REGULAR, ONCE, NEVER).blocks("en", explain=False)
    assert [block["a"] for block in blocks] == [{"x": 0.5, "y": None}, {"x": None, "y": "w"}, None]
    assert [block["b"] for block in blocks] == [None, {"z": 7.0}, None]
    assert [block["plain"] for block in blocks] == [1.0, 2.0, 3.0]
    # Fields stand where the outputs put them.
    assert [name for name in blocks[0] if name in {"a", "plain", "b"}] == ["a", "plain", "b"]


def test_segment_is_told_with_its_objects() -> None:
    block = block_of("segment", REGULAR)
    assert block["rfm"].keys() == {"recency", "frequency", "monetary", "code"}
    assert all(isinstance(block["rfm"][name], int) for name in ("recency", "frequency", "monetary"))
    assert block["cluster"] is None
    never = block_of("segment", NEVER)
    assert (never["eligible"], never["rfm"], never["cluster"], never["name"], never["label"]) == (
        False,
        None,
        None,
        None,
        None,
    )


def test_a_segment_is_labelled_in_the_language_of_the_reader() -> None:
    one = answered("segment", REGULAR)
    (en,), (zh,) = one.blocks("en", explain=False), one.blocks("zh-CN", explain=False)
    assert en["name"] == zh["name"]
    assert en["label"] != zh["label"]
    assert zh["label"].strip()
    assert not zh["label"].isascii()
    assert "label" not in block_of("churn", REGULAR)


# ── Dates ─────────────────────────────────────────────────────────────────────────────────────────────
def told_date(as_of: datetime, days: float, timezone: str) -> str | None:
    outputs = (Output("expected_at", "date", 0.0),)
    one = telling("purchase", outputs, {"expected_at": np.array([days])}, REGULAR)
    part = part_of([REGULAR], to_microseconds(as_of), timezone)
    (block,) = replace(one, part=part).blocks("en", explain=False)
    found: str | None = block["expected_at"]
    return found


@pytest.mark.parametrize(
    ("as_of", "days", "timezone", "expected"),
    [
        (datetime(2024, 1, 10, 12, tzinfo=UTC), 3, "UTC", "2024-01-13T00:00:00+00:00"),
        (datetime(2024, 1, 10, 12, tzinfo=UTC), 0, "UTC", "2024-01-10T00:00:00+00:00"),
        # The day of the question is the one of the business, not of Greenwich.
        (datetime(2024, 1, 10, 18, tzinfo=UTC), 1, "Asia/Shanghai", "2024-01-12T00:00:00+08:00"),
        (datetime(2024, 1, 10, 3, tzinfo=UTC), 1, "America/New_York", "2024-01-10T00:00:00-05:00"),
        # Clocks are put forward on 31 March and back on 27 October: the offset is that of the date told.
        (datetime(2024, 3, 30, 12, tzinfo=UTC), 1, "Europe/London", "2024-03-31T00:00:00+00:00"),
        (datetime(2024, 3, 30, 12, tzinfo=UTC), 2, "Europe/London", "2024-04-01T00:00:00+01:00"),
        (datetime(2024, 10, 26, 22, 30, tzinfo=UTC), 1, "Europe/London", "2024-10-27T00:00:00+01:00"),
        (datetime(2024, 10, 26, 23, 30, tzinfo=UTC), 1, "Europe/London", "2024-10-28T00:00:00+00:00"),
        (datetime(2024, 2, 28, 12, tzinfo=UTC), 366, "Asia/Kolkata", "2025-02-28T00:00:00+05:30"),
    ],
)
def test_a_date_is_a_local_midnight_with_its_offset(
    as_of: datetime, days: float, timezone: str, expected: str
) -> None:
    found = told_date(as_of, days, timezone)
    assert found == expected
    assert datetime.fromisoformat(expected).utcoffset() is not None


def test_a_date_that_is_not_known_is_none() -> None:
    assert told_date(datetime(2024, 1, 10, tzinfo=UTC), math.nan, "UTC") is None


def test_a_window_is_told_in_dates_that_follow_the_question() -> None:
    one = block_of("purchase", REGULAR)
    dates = [datetime.fromisoformat(one[name]) for name in ("earliest_at", "expected_at", "latest_at")]
    assert dates == sorted(dates)
    asked = datetime.fromtimestamp(AS_OF / 1e6, UTC)
    assert asked < dates[0]
    assert (dates[-1] - asked).days <= 90
    once = block_of("purchase", ONCE)
    assert (once["expected_at"], once["no_window_reason"]) == (None, "fewer_than_two_orders")
    assert one["no_window_reason"] is None


# ── The moment ────────────────────────────────────────────────────────────────────────────────────────
def test_days_since_training_are_those_from_the_manifest_to_the_question() -> None:
    trained = to_microseconds(datetime.fromisoformat(artifact("clv").manifest.trained_as_of))
    times = [trained, trained + 36 * DAY // 24, trained - 10 * DAY]
    one = answered("clv", REGULAR, REGULAR, REGULAR, as_of=times, horizon=30)
    np.testing.assert_allclose(one.moment.elapsed_days, [0.0, 1.5, -10.0])
    assert one.moment.horizon_days == 30


@pytest.mark.parametrize(
    ("horizon", "tier", "grade"), [(None, "ml", "A"), (90, "ml", "A"), (30, "statistical", "B")]
)
@pytest.mark.parametrize("name", ["churn", "purchase"])
def test_another_horizon_is_answered_with_the_card_of_who_answers(
    name: str, horizon: int | None, tier: str, grade: str
) -> None:
    block = block_of(name, REGULAR, horizon=horizon)
    assert block["eligible"]
    assert block["horizon_days"] == (horizon or 90)
    card = block["model"]
    assert (card["tier"], card["grade"], card["population"]) == (tier, grade, "repeat")
    assert card["baseline"]["name"] == ("rate" if horizon == 30 else "silence")


def test_where_the_same_forecast_answers_anyhow_the_card_is_its_own() -> None:
    for horizon in (None, 30):
        card = block_of("churn", ONCE, horizon=horizon)["model"]
        assert (card["tier"], card["grade"], card["population"]) == ("statistical", "A", "first_order")


def test_the_longer_the_horizon_the_likelier_an_order_and_the_less_likely_a_loss() -> None:
    orders = [block_of("purchase", REGULAR, horizon=days)["probability"] for days in (1, 30, 400, 3650)]
    assert orders == sorted(orders)
    losses = [block_of("churn", REGULAR, horizon=days)["probability"] for days in (1, 30, 400, 3650)]
    assert losses == sorted(losses, reverse=True)
    other = block_of("churn", REGULAR, horizon=30)
    assert (other["percentile"], other["risk_level"]) == (None, None)


def test_another_horizon_brings_a_warning_for_each_block_and_the_trained_one_none() -> None:
    release = composed.release(artifact("churn"), artifact("clv"), artifact("purchase"))
    history = build_history([REGULAR], release.business.timezone, {})
    for horizon, expected in ((None, 0), (90, 0), (30, 3)):
        wanted = Ask(want=("churn", "clv", "purchase"), horizon_days=horizon)
        (answer,) = score(release, history, np.array([AS_OF]), wanted)
        assert len(answer["warnings"]) == expected
        assert {warning["code"] for warning in answer["warnings"]} <= {"horizon_not_trained"}
        for name, warning in zip(("churn", "clv", "purchase"), answer["warnings"], strict=False):
            assert name in warning["detail"]
            assert "30" in warning["detail"]


# ── Who, and reasons ──────────────────────────────────────────────────────────────────────────────────
def test_who_has_no_orders_is_told_so_and_has_no_reasons() -> None:
    for name in ("clv", "purchase", "segment"):
        block = block_of(name, NEVER, explain=True)
        assert (block["eligible"], block["ineligible_reason"]) == (False, "no_orders")
        assert block["data_sufficiency"] == "insufficient"
        assert "reasons" not in block
        assert "ineligible_reason" not in block_of(name, REGULAR)


@pytest.mark.parametrize("horizon", [None, 30, 3650])
def test_reasons_add_up_on_the_link_of_the_scorer(horizon: int | None) -> None:
    links = {"churn": "logit", "purchase": "logit", "clv": "log"}
    for name, link in links.items():
        for raw in (REGULAR, ONCE):
            block = block_of(name, raw, explain=True, horizon=horizon)
            told = block["explanation"]
            impacts = sum(reason["impact"] for reason in block["reasons"])
            assert told["link"] == link
            assert told["base"] + impacts + told["other"] == pytest.approx(told["sum"], abs=1e-9)
            if link == "logit":
                assert 1 / (1 + math.exp(-told["sum"])) == pytest.approx(block["probability"], abs=1e-9)
            else:
                # Discounted and times the margin, the expected revenue is the value.
                share = block["predicted_value"] / math.exp(told["sum"])
                assert 0.4 * 1.1 ** (-(horizon or 90) / 365) <= share <= 0.4


def test_reasons_speak_of_what_is_asked() -> None:
    words = {"churn": "the churn risk", "purchase": "the chance of an order", "clv": "the predicted value"}
    for name, told in words.items():
        for reason in block_of(name, REGULAR, explain=True)["reasons"]:
            assert told in reason["text"]
            assert reason["direction"] in reason["text"]
    churn, purchase = (
        {
            reason["feature"]: reason["direction"]
            for reason in block_of(name, REGULAR, explain=True)["reasons"]
        }
        for name in ("churn", "purchase")
    )
    assert churn
    assert all(purchase[feature] != way for feature, way in churn.items() if feature in purchase)


def test_blocks_are_json_and_parts_of_a_batch_are_answered_alone() -> None:
    raw = [REGULAR, ONCE, GONE, NEVER]
    for name in ("churn", "clv", "purchase", "segment"):
        blocks = answered(name, *raw).blocks("en", explain=True)
        assert json.loads(json.dumps(blocks, allow_nan=False)) == blocks
        for one, block in zip(raw, blocks, strict=True):
            assert json.dumps(block_of(name, one, explain=True)) == json.dumps(block)


def test_a_silent_block_says_why_and_has_the_fields_of_every_block() -> None:
    assert silent("no_model") == {
        "eligible": False,
        "ineligible_reason": "no_model",
        "data_sufficiency": "insufficient",
        "missing": [],
        "model": None,
    }


def test_scores_are_named_by_block_and_output() -> None:
    told = {name: answered(name, REGULAR, ONCE) for name in ("churn", "segment")}
    scores = scores_of(told)
    assert {"churn.probability", "segment.rfm.recency", "segment.name"} <= scores.keys()
    assert "churn.eligible" not in scores
    assert all(column.shape == (2,) for column in scores.values())
    np.testing.assert_array_equal(scores["churn.probability"], told["churn"].answers["probability"])
