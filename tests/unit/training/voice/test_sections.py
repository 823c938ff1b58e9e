"""Cases, scores and pains in words, with what a release adds to them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from app.texts.catalogue import LOCALES, Locale
from tests.unit.training.voices import shop_report
from training.voice.sections import cases_section, pains_section, scores_section
from training.voice.words import Told, say


def told(locale: Locale = "en", **parts: Any) -> Told:
    return Told({**copy.deepcopy(shop_report()), **parts}, locale, ())


def with_release(difference: float = 0.2) -> dict[str, Any]:
    """Return the pains of the shop as a release with clv, segments and churn would give them."""
    pains: dict[str, Any] = copy.deepcopy(shop_report()["pains"])
    mean = {"is_hidden": False, "rows": 9, "customers": 9, "low": 0.1, "high": 0.9}
    churn = {
        "now": {**mean, "mean": 0.5},
        "before": {**mean, "mean": 0.3},
        "difference": difference,
        "low": difference - 0.1,
        "high": difference + 0.1,
        "is_clear": abs(difference) > 0.1,
    }
    groups = [
        {"group": "champions", "is_hidden": False, "customers": 25, "value": 900.0},
        {"group": "none", "is_hidden": True, "customers": None, "value": None},
    ]
    tiers = [{"group": "A", "is_hidden": False, "customers": 30, "value": 1_050.0}]
    for one in [*pains["ranking"], pains["anybody"]]:
        one |= {"churn": churn, "by_segment": groups, "by_tier": tiers}
    return {**pains, "has_churn": True, "has_segments": True, "value_basis": "clv"}


def test_days_to_close_and_shares_are_told() -> None:
    text = "\n".join(cases_section(told()))
    assert "| all | 20 | 20 | 4 | 0.0% (0/16) |" in text
    assert "Now 11 cases against 9 before" in text
    assert "no clear change" in text


def test_a_volume_that_is_hidden_is_said_to_be() -> None:
    cases = copy.deepcopy(shop_report()["cases"])
    cases["change"]["volume"]["is_hidden"] = True
    assert "The latest cases are too few" in "\n".join(cases_section(told(cases=cases)))


def test_more_cases_for_the_orders_are_told_with_their_ratio() -> None:
    cases = copy.deepcopy(shop_report()["cases"])
    cases["change"]["volume"] |= {"ratio": 2.5, "low": 1.5, "high": None, "is_clear": True}
    assert "For the orders that is 2.50 times as many (1.50––)." in "\n".join(
        cases_section(told(cases=cases))
    )


def test_scores_stand_on_their_scales() -> None:
    text = "\n".join(scores_section(told()))
    assert "| stars (of 5) | 81 |" in text
    assert "| NPS (−100 to 100) | 40 |" in text
    scores = copy.deepcopy(shop_report()["scores"])
    scores[1]["left_out"] = {"is_hidden": False, "rows": 7, "customers": 7}
    assert "7 scores of stars (of 5) are off the scale" in "\n".join(scores_section(told(scores=scores)))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_release_adds_value_segments_and_risk(locale: Locale) -> None:
    text = "\n".join(pains_section(told(locale, pains=with_release())))
    assert "50% / 30% \\*" in text
    assert say(locale, "note.clv") in text
    assert "25" in text
    assert "30 (1,050)" in text
    assert say(locale, "churn_star") in text
    assert "+20.0" in text


def test_the_risk_of_those_who_complain_is_an_association() -> None:
    for difference in (0.2, 0.05):
        text = "\n".join(pains_section(told(pains=with_release(difference))))
        assert "an association, not an effect" in text
        assert ("no clear difference" in text) is (difference < 0.1)


def test_without_a_pain_it_says_so() -> None:
    pains = {**shop_report()["pains"], "ranking": []}
    assert "No pain was told" in "\n".join(pains_section(told(pains=pains)))
