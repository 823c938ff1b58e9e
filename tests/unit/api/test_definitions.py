from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from app.api.checks import WARNINGS
from app.api.definitions import definitions, written
from app.api.schemas.answers import Block, Grade, Reason, Score, Tier
from app.api.schemas.text import SentimentProbability, TextAspect, TextResult
from app.capabilities import SCORERS
from app.domain.actions import EVIDENCE, LAYERS
from app.features.library import LIBRARY
from tests.unit.api.fakes import release

TOLD = definitions(release())


def sentences(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every pair of sentences of the definitions, with its place."""
    if isinstance(value, dict) and "en" in value:
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from sentences(inner, f"{path}/{key}")


SENTENCES = dict(sentences(TOLD))


@pytest.mark.parametrize("path", SENTENCES)
def test_sentence_stands_in_both_languages(path: str) -> None:
    pair = SENTENCES[path]
    assert set(pair) == {"en", "zh-CN"}
    assert all(pair.values())
    assert pair["zh-CN"] != pair["en"] or path.startswith("/attributes")


def test_every_word_of_an_answer_is_defined() -> None:
    blocks = {"churn", "clv", "purchase", "satisfaction", "segment", "triggers", "brief"}
    assert set(TOLD["envelope"]) == set(Score.model_fields) - blocks
    assert set(Block.model_fields) <= set(TOLD["block_fields"])
    assert set(TOLD["tiers"]) == set(get_args(Tier))
    assert set(TOLD["grades"]) == set(get_args(Grade))
    assert set(TOLD["directions"]) == set(get_args(Reason.model_fields["direction"].annotation))
    assert set(TOLD["data_sufficiency"]) == set(get_args(Block.model_fields["data_sufficiency"].annotation))
    assert set(WARNINGS) <= set(TOLD["warnings"])


def test_every_layer_that_can_suppress_is_defined() -> None:
    assert set(TOLD["decisions"]["layers"]) == set(LAYERS)
    assert set(EVIDENCE) <= set(TOLD["decisions"]["reasons"])


def test_every_word_of_a_text_answer_is_defined() -> None:
    told = TOLD["texts"]
    aspect, label = (one.model_fields for one in (TextAspect, TextResult))
    (reasons, _) = get_args(label["abstained_reason"].annotation)
    assert set(told["aspects"]) == set(get_args(aspect["aspect"].annotation))
    assert set(told["sentiments"]) == set(SentimentProbability.model_fields)
    assert set(told["abstained_reasons"]) == set(get_args(reasons))


@pytest.mark.parametrize("name", SCORERS)
def test_every_output_of_a_scorer_is_defined(name: str) -> None:
    outputs = {output.name for output in SCORERS[name].outputs}
    assert outputs == set(TOLD["blocks"][name]["fields"]) | {"eligible", "ineligible_reason"}


@pytest.mark.parametrize("name", SCORERS)
def test_every_reason_for_no_score_is_defined(name: str) -> None:
    (reasons,) = (output.words for output in SCORERS[name].outputs if output.name == "ineligible_reason")
    assert {*reasons, "no_model", "profiling_denied"} <= set(TOLD["ineligible_reasons"])


def test_risk_levels_are_defined() -> None:
    assert set(TOLD["risk_levels"]) == set(TOLD["blocks"]["churn"]["fields"]["risk_level"]["words"])


def test_every_feature_of_the_library_is_defined() -> None:
    assert set(TOLD["features"]) == set(LIBRARY)
    assert TOLD["features"]["days_since_last_order"]["unit"] == "days"


def test_attributes_come_from_the_release() -> None:
    assert set(TOLD["attributes"]) == {"plan", "newsletter", "household_size"}
    assert definitions(None)["attributes"] == {}


def test_nothing_written_is_left_unsaid() -> None:
    assert set(written()) <= set(TOLD)
    assert set(written()["blocks"]) == set(SCORERS)
