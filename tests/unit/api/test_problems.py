from __future__ import annotations

import json
import string

import pytest

from app.api.fault_texts import FAULTS
from app.api.problem_texts import BOUNDS, KINDS, TYPES, Locale
from app.api.problems import (
    HTTP_STATUSES,
    MOST_FAULTS,
    Fault,
    ProblemError,
    as_problem,
    document,
    preferred_locale,
    problem_response,
)
from app.domain import errors
from app.domain.errors import FieldFault, KithError, ModelUnavailableError, PayloadError, StructureError


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(subclasses(one) for one in kind.__subclasses__()))


def test_every_error_of_the_tree_has_a_status() -> None:
    for kind in subclasses(KithError):
        if kind.__module__ == errors.__name__:
            assert as_problem(kind("x") if kind is not PayloadError else PayloadError()).status >= 400


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (PayloadError(FieldFault("/a", "b", "c")), 422, "invalid_request"),
        (ModelUnavailableError("x"), 503, "no_release"),
        (StructureError("x"), 500, "model_failed"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_error_becomes_the_problem_of_the_table(error: Exception, status: int, kind: str) -> None:
    problem = as_problem(error)
    assert (problem.status, problem.kind) == (status, kind)
    assert "secret" not in json.dumps(document(problem, "en"))


def test_faults_of_a_lower_layer_are_kept() -> None:
    told = document(as_problem(PayloadError(FieldFault("/a", "code", "detail", "hint"))), "en")
    assert told["errors"] == [{"pointer": "/a", "code": "code", "detail": "detail", "hint": "hint"}]


def test_no_release_names_the_remedy() -> None:
    response = problem_response(as_problem(ModelUnavailableError("x")), "en")
    told = json.loads(bytes(response.body))
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert "python -m training train" in told["errors"][0]["hint"]


def test_members_are_those_of_rfc_9457() -> None:
    response = problem_response(ProblemError("not_found"), "zh-CN")
    told = json.loads(bytes(response.body))
    assert response.media_type == "application/problem+json"
    assert response.headers["content-language"] == "zh-CN"
    assert told["type"] == "urn:kith:problem:not_found"
    assert told["status"] == response.status_code == 404
    assert told["title"] == KINDS["not_found"].title[1]


def test_own_language_of_a_problem_wins() -> None:
    told = json.loads(bytes(problem_response(ProblemError("not_found", locale="zh-CN"), "en").body))
    assert told["title"] == KINDS["not_found"].title[1]


def test_list_of_faults_has_an_end() -> None:
    problem = ProblemError("invalid_request", [Fault(f"/{k}", "required") for k in range(200)])
    assert len(document(problem, "en")["errors"]) == MOST_FAULTS


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr, zh-Hans;q=0.5", "zh-CN"),
        ("zh;q=0.1, en;q=0.2", "en"),
        ("zh;q=nonsense", "en"),
        ("*;q=0.5", "en"),
        ("fr", "en"),
    ],
)
def test_language_is_the_preferred_one(accepted: str, locale: Locale) -> None:
    assert preferred_locale([(b"accept-language", accepted.encode())]) == locale


@pytest.mark.parametrize("code", FAULTS)
def test_sentences_of_both_languages_take_the_same_values(code: str) -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    text = FAULTS[code]
    assert names(text.detail[0]) == names(text.detail[1])
    assert names(text.hint[0]) == names(text.hint[1])
    values = dict.fromkeys(names(text.detail[0]) | names(text.hint[0]), "1")
    told = document(ProblemError("invalid_request", [Fault("/a", code, values)]), "zh-CN")
    assert told["errors"][0]["code"] == code


@pytest.mark.parametrize(
    "words",
    [
        *(k.title for k in KINDS.values()),
        *(k.detail for k in KINDS.values()),
        *TYPES.values(),
        *BOUNDS.values(),
    ],
)
def test_every_sentence_stands_in_both_languages(words: tuple[str, str]) -> None:
    assert all(words)
    assert words[0].isascii()
    assert any(ord(letter) > 0x2E80 for letter in words[1]) or "true" in words[1]


def test_statuses_of_the_router_are_known() -> None:
    assert all(KINDS[kind].status == status for status, kind in HTTP_STATUSES.items())
