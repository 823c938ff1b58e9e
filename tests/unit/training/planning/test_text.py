"""The report in words: complete, in both languages, and plain about what it does not know."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.texts.catalogue import LOCALES, Locale
from tests.unit.training.planning.test_plots import report
from training.planning.plots import PICTURES
from training.planning.text import LANGUAGES, markdown
from training.planning.words import CATALOGUE, say
from training.sentences import sentences


def tables(text: str) -> list[list[str]]:
    """Return the tables of a Markdown text, each as its lines."""
    blocks = [block.splitlines() for block in re.split(r"\n\n+", text)]
    return [block for block in blocks if block[0].startswith("|")]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("full", [True, False])
def test_every_table_has_the_same_columns_in_all_its_rows(locale: Locale, full: bool) -> None:
    text = markdown(report(full=full), locale, PICTURES)
    assert len(tables(text)) == (8 if full else 6)
    for lines in tables(text):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
        assert re.fullmatch(r"(\| --- )+\|", lines[1])
    assert not re.search(r"[{}]|None|nan", text)


@pytest.mark.parametrize("locale", LOCALES)
def test_it_says_that_new_customers_are_not_forecast_and_what_is_simulated(locale: Locale) -> None:
    text = markdown(report(), locale, PICTURES)
    assert sentences(CATALOGUE)[locale]["simulated"] in text
    assert sentences(CATALOGUE)[locale]["existing"].split("**")[1] in text
    assert sentences(CATALOGUE)[locale]["later"] not in text
    real = markdown(report(full=False), locale, PICTURES)
    assert sentences(CATALOGUE)[locale]["simulated"] not in real
    assert sentences(CATALOGUE)[locale]["later"] in real
    assert say(locale, "no_ranges") in real


def test_numbers_stand_where_they_belong() -> None:
    text = markdown(report(), "en", PICTURES)
    assert "| 2026-01 \\* | 3.0 | 1.5–6.0 | 150 | 75.0–300 |" in text
    assert "| all months | 3.0 | 1.5–6.0 | 150 | 75.0–300 |" in text
    assert "| champions | no segment |" not in text
    assert "| champions | 3 (30%) | 7 (70%) |" in text
    assert "Known up to 2026-01-10 12:00+01:00" in text
    assert "1,234 customers have bought" in text
    assert "EUR 7,700" in text
    assert "#1 tea \\| leaf" in text
    assert "The rest of the running month" in text


@pytest.mark.parametrize(("factor", "is_told"), [(1.5, True), (0.8, True), (1.1, False), (None, False)])
def test_scores_that_the_forecast_does_not_share_are_told(factor: float | None, is_told: bool) -> None:
    changed = report()
    changed["forecast"]["scaled_by"] = factor
    assert ("Scores and forecast disagree" in markdown(changed, "en", ())) is is_told


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"forecast": None, "why_no_forecast": "no_clv"}, "no_clv"),
        ({"forecast": None, "why_no_forecast": "no_customers"}, "no_customers"),
        ({"migration": None}, "no_segment_artifact"),
        ({"lift": None, "why_no_lift": "no_categories"}, "no_categories"),
    ],
)
def test_what_is_not_known_is_said(locale: Locale, changes: dict[str, Any], sentence: str) -> None:
    text = markdown({**report(), **changes}, locale, ())
    assert say(locale, sentence) in text
    assert "![" not in text


def test_a_picture_is_shown_where_it_was_drawn() -> None:
    text = markdown(report(), "en", ("revenue.png",))
    assert "![revenue.png](revenue.png)" in text
    assert "lift.png" not in text


def test_there_is_one_file_for_each_language() -> None:
    assert LANGUAGES == {"report.md": "en", "report.zh-CN.md": "zh-CN"}
