from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from app.api.examples import BATCH_EXAMPLES, HISTORY, SCORE_EXAMPLES, SUMMARY
from app.api.schemas.answers import BatchScores, Problem, Score
from app.api.scores import CUSTOMER_BYTES, INLINE_BYTES
from app.domain.errors import FieldFault, PayloadError, StructureError
from app.serving.score import Ask
from tests.unit.api.fakes import KEY, NOW, FakeScorer, FakeStore, Service, Start, release

Body = dict[str, Any]


def ask(service: Service, body: object, status: int = 200, **headers: str) -> Body:
    """Post one request, check the status, and return the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    response = service.client.post(
        "/v1/scores", content=content, headers={"Content-Type": "application/json", **headers}
    )
    assert response.status_code == status, response.text
    told: Body = response.json()
    if status != 200:
        assert response.headers["content-type"] == "application/problem+json"
        Problem.model_validate(told)
    return told


def ask_batch(service: Service, requests: list[object]) -> list[Body]:
    response = service.client.post("/v1/scores/batch", json={"requests": requests})
    assert response.status_code == 200, response.text
    results: list[Body] = response.json()["results"]
    return results


def faults(told: Body) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in told["errors"]]


def plain(**fields: Any) -> Body:
    return {"as_of": "2026-11-01T09:30:00+08:00", "customer": {"customer_id": "c"}, **fields}


def order(at: str = "2026-10-01T00:00:00Z", **fields: Any) -> Body:
    return {"order_id": "o", "ordered_at": at, "revenue": 1.5, **fields}


@pytest.mark.parametrize("name", SCORE_EXAMPLES)
def test_example_gets_an_answer_in_the_contract_form(service: Service, name: str) -> None:
    told = ask(service, SCORE_EXAMPLES[name][1])
    Score.model_validate(told)
    assert told["churn"]["eligible"] is True


@pytest.mark.parametrize("name", BATCH_EXAMPLES)
def test_batch_example_gets_answers_in_the_contract_form(service: Service, name: str) -> None:
    results = ask_batch(service, BATCH_EXAMPLES[name][1]["requests"])
    BatchScores.model_validate({"results": results})
    assert {result["status"] for result in results} == {200}


def test_retry_gets_the_same_bytes(service: Service) -> None:
    first, second = (service.client.post("/v1/scores", json=SUMMARY) for _ in range(2))
    assert first.content == second.content


def test_score_id_ignores_layout_and_follows_question_release_and_key(start: Start) -> None:
    service = start()
    told = ask(service, SUMMARY)["score_id"]
    assert ask(service, json.dumps(SUMMARY, indent=3, sort_keys=True).encode())["score_id"] == told
    assert ask(service, {**SUMMARY, "locale": "en", "explain": False})["score_id"] == told
    assert ask(service, {**SUMMARY, "locale": "zh-CN"})["score_id"] != told
    assert ask(start(id_key=KEY[::-1] + b"x"), SUMMARY)["score_id"] != told
    service.store.current = release("20261101T000000Z-76543210")
    assert ask(service, SUMMARY)["score_id"] != told


def test_batch_and_single_give_the_same_answer(service: Service) -> None:
    alone = [ask(service, body) for body in (SUMMARY, HISTORY)]
    assert [result["score"] for result in ask_batch(service, [SUMMARY, HISTORY])] == alone


def test_as_of_is_told_with_the_offset_that_was_sent(service: Service) -> None:
    assert ask(service, plain(as_of="2026-10-31T20:30:00-05:00"))["as_of"] == "2026-10-31T20:30:00-05:00"


def test_as_of_is_now_in_the_zone_of_the_business_where_none_is_sent(service: Service) -> None:
    assert ask(service, plain(as_of=None))["as_of"] == "2026-11-01T12:00:00+08:00"
    assert NOW.isoformat() == "2026-11-01T04:00:00+00:00"


def test_latest_order_of_a_clock_that_is_ahead_is_now(service: Service) -> None:
    summary = {"first_order_at": "2026-01-01T00:00:00Z", "order_count": 2, "revenue": 5}
    ahead = {**summary, "last_order_at": "2026-11-01T04:04:00Z"}
    assert ask(service, plain(as_of=None, summary=ahead))["as_of"] == "2026-11-01T04:04:00+00:00"
    far = {**summary, "last_order_at": "2026-11-01T04:06:00Z"}
    told = ask(service, plain(as_of=None, summary=far), 422)
    assert faults(told) == [("/summary/last_order_at", "summary_after_as_of")]


def test_all_published_scores_are_given_where_none_is_named(service: Service) -> None:
    ask(service, plain())
    assert service.scorer.calls == [(1, Ask(want=("churn",)))]


def test_blocks_without_a_model_say_so(service: Service) -> None:
    wanted = ["churn", "clv", "purchase", "satisfaction", "segment", "triggers", "brief"]
    told = ask(service, plain(want=[*wanted, "clv"]))
    Score.model_validate(told)
    for name in wanted[1:]:
        assert told[name]["eligible"] is False
        assert told[name]["ineligible_reason"] == "no_model"
    assert service.scorer.calls[0][1].want == tuple(wanted)


def test_question_reaches_the_scorer(service: Service) -> None:
    ask(service, plain(horizon_days=30, locale="zh-CN", explain=True, want=["churn"]))
    assert service.scorer.calls == [(1, Ask(("churn",), 30, "zh-CN", explain=True))]


def test_no_release_is_503_with_a_remedy(start: Start) -> None:
    service = start(FakeStore(current=None))
    told = ask(service, SUMMARY, 503)
    assert told["type"] == "urn:kith:problem:no_release"
    assert "train" in told["errors"][0]["hint"]
    assert service.client.post("/v1/scores/batch", json={"requests": [SUMMARY]}).status_code == 503


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (plain(orders=[], summary={"order_count": 0, "revenue": 0}), ("/summary", "orders_and_summary")),
        (plain(orders=[order(), order(currency="EUR")]), ("/orders/1/currency", "wrong_currency")),
        (
            plain(summary={"order_count": 0, "revenue": 0, "currency": "USD"}),
            ("/summary/currency", "wrong_currency"),
        ),
        (plain(summary={"order_count": 3, "revenue": 9}), ("/summary", "summary_without_orders_at")),
        (
            plain(
                summary={
                    "first_order_at": "2026-02-01T00:00:00Z",
                    "last_order_at": "2026-01-01T00:00:00Z",
                    "order_count": 2,
                    "revenue": 9,
                }
            ),
            ("/summary/first_order_at", "summary_order"),
        ),
        (
            plain(
                summary={
                    "first_order_at": "2026-01-01T00:00:00Z",
                    "last_order_at": "2026-11-02T00:00:00Z",
                    "order_count": 2,
                    "revenue": 9,
                }
            ),
            ("/summary/last_order_at", "summary_after_as_of"),
        ),
        (
            plain(
                orders=[order(products=[{"product_id": "p", "quantity": 1, "price": 1, "order_id": "other"}])]
            ),
            ("/orders/0/products/0/order_id", "wrong_order_id"),
        ),
    ],
)
def test_contradiction_is_422_and_points_at_its_place(
    service: Service, body: Body, expected: tuple[str, str]
) -> None:
    assert faults(ask(service, body, 422)) == [expected]
    assert not service.scorer.calls


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"plann": "x"}, ("/customer/attributes", "misspelt_attribute")),
        ({"jane@mail.example": 1}, ("/customer/attributes", "unknown_attribute")),
        ({"plan": 3}, ("/customer/attributes/plan", "wrong_attribute_type")),
        ({"newsletter": 1}, ("/customer/attributes/newsletter", "wrong_attribute_type")),
        ({"household_size": "3"}, ("/customer/attributes/household_size", "wrong_attribute_type")),
        ({"household_size": True}, ("/customer/attributes/household_size", "wrong_attribute_type")),
    ],
)
def test_attribute_that_does_not_fit_the_models_is_422(
    service: Service, attributes: Body, expected: tuple[str, str]
) -> None:
    told = ask(service, plain(customer={"customer_id": "c", "attributes": attributes}), 422)
    assert faults(told) == [expected]
    assert "jane" not in json.dumps(told)


def test_unseen_word_and_null_of_an_attribute_are_taken(service: Service) -> None:
    attributes = {"plan": "never seen", "newsletter": None, "household_size": 3}
    ask(service, plain(customer={"customer_id": "c", "attributes": attributes}))


def test_repeated_key_is_422(service: Service) -> None:
    told = ask(service, b'{"customer":{"customer_id":"a","customer_id":"b"}}', 422)
    assert faults(told) == [("", "repeated_key")]


def test_rows_that_cannot_count_are_told(service: Service) -> None:
    early = [order(f"2026-0{1 + k % 9}-01T00:00:00Z", order_id=str(k)) for k in range(2003)]
    late = [order("2026-11-01T09:30:01+08:00", order_id="late")]
    told = ask(service, plain(orders=[*early, *late]))
    assert [warning["code"] for warning in told["warnings"]] == ["rows_after_as_of", "rows_over_limit"]
    assert told["warnings"][0]["detail"].startswith("orders: 1 row")
    assert told["warnings"][1]["detail"].startswith("orders: 3 row")
    told = ask(service, plain(locale="zh-CN", orders=late))
    assert "晚于" in told["warnings"][0]["detail"]


def test_row_at_as_of_counts(service: Service) -> None:
    assert not ask(service, plain(orders=[order("2026-11-01T09:30:00+08:00")]))["warnings"]


def test_warnings_of_a_batch_stay_with_their_customer(service: Service) -> None:
    late = plain(orders=[order("2026-12-01T00:00:00Z")])
    results = ask_batch(service, [plain(orders=[order()]), late, plain()])
    assert [len(result["score"]["warnings"]) for result in results] == [0, 1, 0]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_number_that_is_not_finite_never_leaves(start: Start, number: float) -> None:
    service = start(scorer=FakeScorer(probability=number))
    told = ask(service, SUMMARY, 500)
    assert told["type"] == "urn:kith:problem:not_finite"
    (result,) = ask_batch(service, [SUMMARY])
    assert result["status"] == 500
    assert "kith_nonfinite_answers_total 2.0" in service.client.get("/metrics").text


def test_word_nan_in_a_text_is_no_number(service: Service) -> None:
    assert ask(service, plain(customer={"customer_id": "NaN Infinity"}))["customer_id"] == "NaN Infinity"


def test_failure_of_the_scorer_is_500_without_its_message(start: Start) -> None:
    service = start(scorer=FakeScorer(breaks_on="c"))
    told = ask(service, plain(), 500)
    assert told["type"] == "urn:kith:problem:internal_error"
    assert "CANARY" not in json.dumps(told)


def test_faults_that_a_use_case_raises_are_422(start: Start) -> None:
    error = PayloadError(FieldFault("/customer", "code", "detail", "hint"))
    service = start(scorer=FakeScorer(breaks_on="c", error=error))
    assert faults(ask(service, plain(), 422)) == [("/customer", "code")]


def test_broken_artifact_is_500(start: Start) -> None:
    service = start(scorer=FakeScorer(breaks_on="c", error=StructureError("x")))
    assert ask(service, plain(), 500)["type"] == "urn:kith:problem:model_failed"


def test_one_bad_item_spoils_no_other(start: Start) -> None:
    service = start(scorer=FakeScorer(breaks_on="broken"))
    requests: list[object] = [
        plain(customer={"customer_id": "first"}),
        plain(customer={"customer_id": ""}),
        plain(customer={"customer_id": "broken"}),
        5,
        {"customer": {"customer_id": "unknown", "x@y": 1}},
        plain(customer={"customer_id": "last"}, locale="zh-CN"),
    ]
    results = ask_batch(service, requests)
    BatchScores.model_validate({"results": results})
    assert [result["status"] for result in results] == [200, 422, 500, 422, 422, 200]
    assert results[0]["score"]["customer_id"] == "first"
    assert results[5]["score"]["customer_id"] == "last"
    assert faults(results[1]["problem"]) == [("/requests/1/customer/customer_id", "wrong_length")]
    assert faults(results[3]["problem"]) == [("/requests/3", "wrong_type")]
    assert faults(results[4]["problem"]) == [("/requests/4/customer", "unknown_field")]


def test_batch_keeps_the_order_across_different_questions(service: Service) -> None:
    requests = [
        plain(customer={"customer_id": str(k)}, locale="zh-CN" if k % 2 else "en", explain=k % 3 == 0)
        for k in range(60)
    ]
    results = ask_batch(service, list(requests))
    assert [result["score"]["customer_id"] for result in results] == [str(k) for k in range(60)]


def test_equal_questions_of_a_batch_are_one_call(service: Service) -> None:
    ask_batch(service, [plain(customer={"customer_id": str(k)}) for k in range(50)])
    assert [size for size, _ in service.scorer.calls] == [50]


def test_now_is_the_same_for_a_whole_batch(service: Service) -> None:
    results = ask_batch(service, [plain(as_of=None), plain(as_of=None)])
    assert results[0] == results[1]


def test_large_body_is_answered_like_a_small_one(service: Service) -> None:
    small = plain(orders=[order()])
    large = copy.deepcopy(small)
    padded = json.dumps(large) + " " * INLINE_BYTES
    assert ask(service, padded.encode())["score_id"] == ask(service, small)["score_id"]


def test_item_of_a_batch_over_one_mebibyte_is_refused_alone(start: Start) -> None:
    service = start()
    huge = plain(customer={"customer_id": "x" * CUSTOMER_BYTES})
    results = ask_batch(service, [huge, plain()])
    assert [result["status"] for result in results] == [413, 200]


def test_problem_speaks_the_language_of_the_request(service: Service) -> None:
    chinese = ask(service, plain(locale="zh-CN", orders=[order(currency="EUR")]), 422)
    assert chinese["errors"][0]["hint"] == "请先换算为 CNY"
    accepted = ask(service, {"customer": {}}, 422, **{"Accept-Language": "zh-CN"})
    assert accepted["errors"][0]["hint"] == "请补上该字段"


def test_answers_are_not_cached(client_headers: dict[str, str]) -> None:
    assert client_headers["cache-control"] == "no-store"
    assert client_headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def client_headers(service: Service) -> dict[str, str]:
    return dict(service.client.post("/v1/scores", json=SUMMARY).headers)


def test_answer_is_strict_json(service: Service) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    content = service.client.post("/v1/scores", json=HISTORY).content
    json.loads(content.decode("utf-8"), parse_constant=refuse)
    TypeAdapter(dict[str, Any]).validate_json(content)


def test_release_is_read_once_per_request(start: Start) -> None:
    store = FakeStore()

    class Swapping(FakeScorer):
        def __call__(self, *arguments: Any) -> list[dict[str, Any]]:
            store.current = release("20261101T000000Z-76543210")
            return super().__call__(*arguments)

    client: TestClient = start(store, Swapping()).client
    before = release().name
    results = client.post("/v1/scores/batch", json={"requests": [plain(), plain(locale="zh-CN")]}).json()
    assert {result["score"]["release"] for result in results["results"]} == {before}
