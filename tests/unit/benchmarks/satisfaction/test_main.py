"""Bounds of the satisfaction benchmark: each is missed by what misses it, and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.satisfaction.__main__ import main, missed_by, page_of
from benchmarks.satisfaction.simulated import Found
from benchmarks.satisfaction.truth import TRUE_SIGNS

GOOD = Found(
    "review",
    2_904,
    {"auc": 0.87, "log_loss": 0.27, "ece": 0.015},
    {"auc": 0.70, "log_loss": 0.35},
    {"grade": "A", "value": 0.385, "reduction": {"value": 0.29, "low": 0.25, "high": 0.33}},
    {"ranked_probability_score": {"model": 0.105, "rule": 0.133}},
    {"covered": {"value": 0.797, "low": 0.78, "high": 0.81}},
    dict.fromkeys(TRUE_SIGNS, 5.0),
    0.57,
    "ml",
)


def test_what_holds_is_not_missed() -> None:
    assert missed_by(GOOD) == []
    page = page_of([GOOD], [])
    assert "| review | 2,904 | ml | 0.870 (0.700) |" in page
    assert "held: every bound" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coverage": {"covered": {"value": 0.76, "low": 0.7, "high": 0.8}}}, "held 76.0%"),
        (
            {"segment": {**GOOD.segment, "reduction": {"value": 0.01, "low": -0.01, "high": 0.03}}},
            "segment's mean",
        ),
        ({"signs": {**GOOD.signs, "open_cases": -3.0}}, "open_cases does not show"),
        ({"signs": {**GOOD.signs, "open_cases": float("nan")}}, "open_cases does not show"),
        ({"signs": {k: v for k, v in GOOD.signs.items() if k != "open_cases"}}, "open_cases is no input"),
    ],
)
def test_what_does_not_hold_is_told(change: dict[str, object], words: str) -> None:
    [told] = missed_by(replace(GOOD, **change))  # type: ignore[arg-type]
    assert words in told
    assert f"MISSED: {told}" in page_of([GOOD], [told])


def test_what_is_only_reported_has_no_bound() -> None:
    assert missed_by(replace(GOOD, definition="nps", signs={"open_cases": -3.0})) == []


def test_an_unknown_definition_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["happiness"])
    assert "unknown definition happiness" in capsys.readouterr().err
