"""The card of satisfaction in words: everything that a reader looks for, and whole tables."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.training.scored import TABLES, draft_of, later, learned_of, response_of, scored
from training.satisfaction.report import card_of, plots_of
from training.satisfaction.text import markdown
from training.tables.objectives import SatisfactionObjective

ONE = scored(400)
Card = dict[str, Any]


@pytest.fixture(scope="module")
def card() -> Card:
    learned = learned_of(ONE, later(ONE), response=response_of(400))
    draft = draft_of(learned, ONE.given)
    return card_of(draft, {"full": learned}, ONE.given, SatisfactionObjective(), TABLES)


def changed(card: Card, **variant: Any) -> Card:
    """Return the card with some of its variant told differently."""
    other = deepcopy(card)
    other["variants"][0] |= variant
    return other


def test_the_words_hold_everything_that_a_reader_looks_for(card: Card) -> None:
    words = markdown(card, ("full.gains.png", "other.gains.png"))
    for part in (
        "# Model card: satisfaction of shop",
        "**Simulated data.**",
        "Predicts: the score (评分).",
        "Dissatisfied: a score of 2 or less (2 分及以下)",
        "scores 1, 2, 3, 4, 5",
        "Left out: 3 without a score.",
        "out of time at 3 origins",
        "With 95 % intervals: log-loss",
        "Every tier that was tried:",
        "Against the mean of the customer's segment",
        "ranked probability score",
        "the most frequent score",
        "Ranges shall hold the score in 80% of the cases. Set on the other origins, they held",
        "Share of every score on held-out rows:",
        "Calibration of P(dissatisfied)",
        "The riskiest tenth holds",
        "![full.gains.png](full.gains.png)",
        "Today the model expects a mean of",
        "Who answers: 400 scores against 200 customers",
        "Each score counts as often",
        "beyond what the answers show of them: days since the last order.",
        "not causes",
        "## Limits",
    ):
        assert part in words, part
    assert "other.gains.png" not in words
    assert "sentiment.npz" not in words
    assert "None" not in words
    assert "nan" not in words


def test_every_table_of_the_words_is_whole(card: Card) -> None:
    lines = markdown(card, ()).splitlines()
    for above, line in pairwise(lines):
        if above.startswith("|") and line.startswith("|"):
            assert above.count(" | ") == line.count(" | "), line
    # Subgroups of 100 rows are not there; all other tables are.
    assert sum(set(line) == set("| -") for line in lines) == 10
    assert lines.count("(none)") == 1


def test_no_weights_are_given_a_reason(card: Card) -> None:
    response = card["variants"][0]["response"] | {
        "weighted": False,
        "why_not": "too few rows to tell",
        "auc": None,
    }
    words = markdown(changed(card, response=response), ())
    assert "too few rows to tell the two apart. All scores count alike: too few rows to tell." in words


def test_customers_beyond_the_answers_are_named_by_input(card: Card) -> None:
    today = card["variants"][0]["today"] | {"beyond": [{"feature": "f", "label": "age", "share": 0.834}]}
    assert "Customers beyond what the answers show of an input: age 83%." in markdown(
        changed(card, today=today), ()
    )


def test_the_model_that_reads_texts_is_named(card: Card) -> None:
    words = markdown(card | {"text_model": "sentiment.npz"}, ())
    assert "earlier ones are read by `sentiment.npz`" in words
    assert "never an input of its own score" in words


def test_a_card_of_nothing_held_out_has_no_empty_promises(card: Card) -> None:
    nothing = learned_of(ONE, replace(later(ONE), backtests=()))
    draft = draft_of(nothing, ONE.given, simulated=False)
    words = markdown(
        card_of(draft, {"full": nothing}, ONE.given, SatisfactionObjective(), TABLES),
        tuple(plots_of({"full": nothing}, ONE.given, simulated=False)),
    )
    for part in (
        "Simulated",
        "Ranges shall hold",
        "Against the mean",
        "The riskiest tenth",
        "Who answers",
        ".png",
    ):
        assert part not in words
    assert "nothing was held out" in words


def test_scores_without_dates_and_all_of_them_used_are_told_plainly(card: Card) -> None:
    answers = card["answers"] | {"first": None, "last": None, "left_out": {}}
    words = markdown(card | {"answers": answers}, ())
    assert "* Left out: none." in words
    assert "rows of the kind csat; mean" in words
