"""What a rule found, in words."""

from __future__ import annotations

import re

import pytest

from app.capabilities import SCORERS
from app.domain.triggers import SUGGESTIONS
from app.serving.evidence import known_scores, score_text
from app.texts.catalogue import LOCALES, Locale, catalogue


def test_scores_are_those_of_the_register_without_dates_and_eligibility() -> None:
    scores = known_scores()
    assert {"churn.probability", "churn.risk_level"} <= scores.keys()
    assert not {name for name in scores if name.endswith((".eligible", ".ineligible_reason"))}
    assert "churn.horizon_days" not in scores
    assert all(output.unit != "date" for output in scores.values())
    assert {name.partition(".")[0] for name in scores} == set(SCORERS)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_score_says_something_with_every_value(locale: Locale) -> None:
    for name, output in known_scores().items():
        values: tuple[float | str, ...] = output.words or (0.0, 1.0, 0.0004, 2.5)
        for value in values:
            text = score_text(locale, name, value, "GBP")
            assert "{" not in text
            assert not re.search(r"nan|None|at_risk", text), text
        assert score_text(locale, name, None, "GBP").endswith(name)


def test_words_and_numbers_read_well() -> None:
    assert score_text("en", "churn.risk_level", "red", "GBP") == "The churn risk is red"
    assert score_text("zh-CN", "churn.risk_level", "red", "GBP") == "流失风险为红色"
    assert (
        score_text("en", "churn.probability", 0.345, "GBP") == "The probability of losing the customer is 34%"
    )
    assert score_text("zh-CN", "churn.probability", 0.345, "GBP") == "流失概率为 34%"
    assert score_text("en", "moon.phase", "new", "GBP") == "moon.phase: new"
    assert score_text("en", "moon.phase", 3.0, "GBP") == "moon.phase: 3"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_suggestion_has_a_text_and_nothing_else_does(locale: Locale) -> None:
    assert catalogue(locale)["suggestions"].keys() == set(SUGGESTIONS)
