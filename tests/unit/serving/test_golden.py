from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.domain.errors import GoldenAnswerError, StructureError
from app.serving.golden import check_golden, first_difference, write_golden
from app.serving.loading import load_draft
from app.serving.release import LoadedArtifact
from tests.unit.artifacts import tiny

GOLDEN = tiny.files()["golden.json"]


@pytest.fixture(scope="module")
def artifact() -> LoadedArtifact:
    return load_draft(tiny.draft(), tiny.estimators())


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(GOLDEN)
    change(document)
    return json.dumps(document).encode()


def test_golden_answers_are_reproduced(artifact: LoadedArtifact) -> None:
    assert check_golden(artifact, GOLDEN) == len(tiny.customers())


def test_golden_histories_reach_both_variants_all_rungs_and_all_reasons_for_silence() -> None:
    blocks = [answer["churn"] for answer in json.loads(GOLDEN)["answers"]]
    assert {block["model"]["tier"] for block in blocks if block["eligible"]} == {"ml", "statistical", "rules"}
    assert {block.get("ineligible_reason") for block in blocks} == {
        None,
        "no_orders",
        "already_churned",
        "profiling_denied",
    }


def block(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["answers"][0]["churn"]
    return found


DIFFERENT: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a number by 1e-8": (
        lambda it: block(it).update(probability=block(it)["probability"] + 1e-8),
        r"answers\[0\]\.churn\.probability",
    ),
    "a word": (lambda it: block(it).update(risk_level="purple"), "risk_level is another value"),
    "a flag": (lambda it: block(it).update(eligible=1), "eligible is another value"),
    "a number that is no number": (lambda it: block(it).update(percentile=None), "percentile"),
    "a reason's impact": (
        lambda it: block(it)["reasons"][0].update(impact=block(it)["reasons"][0]["impact"] + 1e-6),
        r"reasons\[0\]\.impact",
    ),
    "a reason less": (lambda it: block(it)["reasons"].pop(), "reasons has"),
    "another tier": (lambda it: block(it)["model"].update(tier="rules"), r"model\.tier"),
    "a field that is gone": (lambda it: block(it).update(gone=1), "lacks gone"),
    "a customer less": (lambda it: it["answers"].pop(), "answers has"),
    "a history": (lambda it: it["customers"][0]["orders"].pop(0), "answers"),
}


@pytest.mark.parametrize(("change", "place"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_difference_is_found_and_named(
    artifact: LoadedArtifact, change: Callable[[dict[str, Any]], object], place: str
) -> None:
    with pytest.raises(GoldenAnswerError, match=place):
        check_golden(artifact, changed(change))


SAME: dict[str, Callable[[dict[str, Any]], object]] = {
    "the release": lambda it: it["answers"][0].update(release="another"),
    "the artifact's version": lambda it: block(it)["model"].update(version="20200101-00000000"),
    "the sentence of a reason": lambda it: block(it)["reasons"][0].update(text="In other words."),
    "a number by 1e-13": lambda it: block(it).update(probability=block(it)["probability"] + 1e-13),
    "a field that training did not know": lambda it: block(it).pop("percentile"),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_training_could_not_know_does_not_count(
    artifact: LoadedArtifact, change: Callable[[dict[str, Any]], object]
) -> None:
    assert check_golden(artifact, changed(change))


def test_another_model_is_found_out() -> None:
    other = load_draft(tiny.draft(), tiny.estimators(1))
    with pytest.raises(GoldenAnswerError, match="does not reproduce"):
        check_golden(other, GOLDEN)


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "no customers": lambda it: it.update(customers=[], answers=[]),
    "customers that are no list": lambda it: it.update(customers={}),
    "a field too many": lambda it: it.update(extra=1),
    "a field too few": lambda it: it.pop("attributes"),
    "a time that is no whole number": lambda it: it.update(as_of=1.5),
    "another time zone": lambda it: it.update(timezone="Asia/Shanghai"),
    "too many customers": lambda it: it.update(customers=it["customers"] * 200),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_document_that_holds_no_golden_histories_is_refused(
    artifact: LoadedArtifact, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(StructureError):
        check_golden(artifact, changed(change))


def test_golden_histories_without_customers_are_not_written(artifact: LoadedArtifact) -> None:
    with pytest.raises(StructureError, match="at least one"):
        write_golden(artifact, [], tiny.AS_OF, {})


@pytest.mark.parametrize(
    ("found", "expected"),
    [(1, True), (None, 0), ("1", 1), ([], {}), (float("nan"), 1.0), (1.0, float("nan"))],
)
def test_values_of_different_kinds_differ(found: object, expected: object) -> None:
    assert first_difference(found, expected, "it")
    assert not first_difference(expected, expected, "it") or expected != expected  # noqa: PLR0124
