"""The cards of purchase and value in words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.training.conftest import Valued
from training.value_text import markdown

pytestmark = pytest.mark.xdist_group("valued-business")


def card_of(valued: Valued, name: str) -> dict[str, Any]:
    return copy.deepcopy(dict(valued.trained[name].card))


def rewritten(valued: Valued, name: str, card: dict[str, Any]) -> str:
    return markdown(card, tuple(sorted(valued.trained[name].plots)))


@pytest.mark.parametrize("name", ["clv", "purchase"])
def test_the_card_that_is_written_is_the_document_in_words(valued: Valued, name: str) -> None:
    written = (valued.paths[name] / "card.md").read_text("utf-8")
    assert written == valued.trained[name].markdown == rewritten(valued, name, card_of(valued, name))
    assert written.startswith(f"# Model card: {name} of sample-retailer\n")
    assert "**Simulated data.**" in written
    assert "## Variant full" in written
    assert "## Variant summary" in written
    assert "None" not in written
    assert "nan" not in written.replace("finance", "")


@pytest.mark.parametrize("name", ["clv", "purchase"])
def test_every_limit_and_picture_is_there(valued: Valued, name: str) -> None:
    written = valued.trained[name].markdown
    for limit in valued.trained[name].card["limits"]:
        assert f"* {limit}\n" in written
    for picture in valued.trained[name].plots:
        assert f"![{picture}]({picture})" in written
    first, second = written.split("## Variant summary")
    assert "(full.tracking.png)" in first
    assert "(full.tracking.png)" not in second
    assert "(summary.tracking.png)" in second


def test_tables_have_as_many_cells_in_every_row(valued: Valued) -> None:
    for name in ("clv", "purchase"):
        width = 0
        for line in valued.trained[name].markdown.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            width = width or line.count("|")
            assert line.count("|") == width, line


def test_what_value_means_is_said_of_value_alone(valued: Valued) -> None:
    assert (
        "* Value: net revenue × a margin of 0.4, discounted at 10% a year; ranges hold the outcome in 80% of "
        "the cases."
    ) in valued.trained["clv"].markdown
    assert "* Value:" not in valued.trained["purchase"].markdown


def test_the_parts_of_each_capability(valued: Valued) -> None:
    clv, purchase = valued.trained["clv"].markdown, valued.trained["purchase"].markdown
    for part in ("Tenths of the held-out customers", "Held-out customers beyond their range", "Gamma-Gamma"):
        assert part in clv
        assert part not in purchase
    for part in ("Calibration of P(any order)", "Window of the next order: levels"):
        assert part in purchase
        assert part not in clv
    assert "Season: from year ago" in purchase


def test_a_window_that_one_origin_set_says_that_it_was_not_tested(valued: Valued) -> None:
    card = card_of(valued, "purchase")
    told = rewritten(valued, "purchase", card)
    assert "With levels from the earlier origins it covered" in told
    for variant in card["variants"]:
        variant["window"] |= {
            "coverage": None,
            "error": None,
            "constant_error": None,
            "gap_error": None,
        }
    told = rewritten(valued, "purchase", card)
    assert told.count("One origin only: how it keeps its word was not tested.") == 2


def test_without_a_forecast_the_card_says_why(valued: Valued) -> None:
    card = card_of(valued, "clv")
    for variant in card["variants"]:
        variant |= {"forecast": None, "coverage": [], "deciles": [], "backtests": []}
    told = rewritten(valued, "clv", card)
    assert told.count("There is no forecast: too few customers or repeat orders.") == 2
    assert "Tenths of" not in told


def test_real_data_is_not_called_simulated(valued: Valued) -> None:
    card = card_of(valued, "clv") | {"simulated": False}
    assert "**Simulated data.**" not in rewritten(valued, "clv", card)
