from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from app.api.examples import HISTORY, PROFILING_DENIED, RECOMMENDATION_EXAMPLES, SIMILAR_EXAMPLES, SUMMARY
from app.api.problems import ProblemError
from app.api.recommendations import BODY_BYTES, INLINE_BYTES, INLINE_PRODUCTS, is_quick
from app.api.recommendations import Recommendations as Lists
from app.api.releases import Releases
from app.api.schemas.answers import Problem
from app.api.schemas.recommend import (
    CART_ENTRIES,
    CATEGORIES_LIMIT,
    EXCLUDED_LIMIT,
    LIST_LIMIT,
    PRODUCTS_LIMIT,
    STOCK_LIMIT,
    Diversity,
    PersonalFilters,
    RecommendationRequest,
    count_recommendation_fields,
    count_similar_fields,
    read_recommendation,
    read_similar,
)
from app.api.schemas.recommended import Recommendations, SimilarItems
from app.api.schemas.request import OBJECTS_LIMIT, CustomerRequest, ScoreRequest
from app.api.telemetry import JsonLines, Metrics
from app.serving.recommend import recommend
from tests import items
from tests.unit.api.fakes import KEY, NOW, FakeStore, Service, Start, manifest

Body = dict[str, Any]
PATH = "/v1/recommendations"
SIMILAR = f"{PATH}/similar-items"
CANARY = "canary.jane@mail.example"
AS_OF = "2026-10-31T12:00:00+08:00"


def store(**changes: Any) -> FakeStore:
    """Return a store whose release recommends, and declares the attributes of the examples."""
    held = items.release(**changes)
    churn = replace(next(iter(items.release().artifacts.values())), manifest=manifest(), item_model=None)
    return FakeStore(replace(held, artifacts={**held.artifacts, "churn": churn}))


@pytest.fixture
def service(start: Start) -> Service:
    return start(store())


def ask(service: Service, body: object, status: int = 200, path: str = PATH, **headers: str) -> Body:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = service.client.post(
        path, content=content, headers={"Content-Type": "application/json", **headers}
    )
    assert response.status_code == status, response.text
    assert response.headers["cache-control"] == "no-store"
    told: Body = response.json()
    if status == 200:
        (Recommendations if path == PATH else SimilarItems).model_validate(told)
    else:
        Problem.model_validate(told)
    return told


def faults(told: Body) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in told["errors"]]


def listed(told: Body) -> list[str]:
    return [item["product_id"] for item in told["items"]]


def order(name: str, at: str, *products: str, **fields: Any) -> Body:
    lines = [{"product_id": product, "quantity": 1, "price": 5} for product in products]
    return {"order_id": name, "ordered_at": at, "revenue": 10, "products": lines, **fields}


CUSTOMER: Body = {
    "as_of": AS_OF,
    "customer": {"customer_id": "c-1"},
    "orders": [order("o1", "2026-10-01T09:00:00+08:00", "tea-green", "honey")],
    "events": [],
    "limit": 4,
}


@pytest.mark.parametrize("name", RECOMMENDATION_EXAMPLES)
def test_example_of_a_person_gets_an_answer_in_the_contract_form(service: Service, name: str) -> None:
    body = RECOMMENDATION_EXAMPLES[name][1]
    told = ask(service, body)
    assert told["locale"] == body.get("locale", "en")
    assert told["model"]["capability"] == "recommendations"


@pytest.mark.parametrize("name", SIMILAR_EXAMPLES)
def test_example_of_products_gets_an_answer_in_the_contract_form(service: Service, name: str) -> None:
    told = ask(service, SIMILAR_EXAMPLES[name][1], path=SIMILAR)
    assert told["unknown_items"] == SIMILAR_EXAMPLES[name][1]["products"]


def test_customer_gets_a_list(service: Service) -> None:
    told = ask(service, CUSTOMER)
    assert (told["customer_id"], told["as_of"], told["personalised"]) == ("c-1", AS_OF, True)
    assert told["release"] == items.release().name
    assert len(told["items"]) == 4
    assert told["warnings"] == []


def test_products_get_a_list(service: Service) -> None:
    told = ask(service, {"products": ["tea-green"], "limit": 2}, path=SIMILAR)
    assert listed(told) == ["cup", "honey"]


@pytest.mark.parametrize("body", [SUMMARY, HISTORY, PROFILING_DENIED])
def test_what_is_said_of_a_customer_to_scores_is_taken(service: Service, body: Body) -> None:
    told = ask(service, {name: part for name, part in body.items() if name != "want"})
    assert told["customer_id"] == body["customer"]["customer_id"]


def test_both_requests_share_what_is_said_of_a_customer() -> None:
    shared = CustomerRequest.model_fields
    assert set(ScoreRequest.model_fields) - set(shared) == {"want", "horizon_days"}
    own = {"cart", "limit", "types", "filters", "diversity"}
    assert set(RecommendationRequest.model_fields) - set(shared) == own


def test_guest_needs_no_customer_and_is_asked_about_now(service: Service) -> None:
    told = ask(service, {})
    assert (told["customer_id"], told["as_of"]) == (None, "2026-11-01T12:00:00+08:00")
    assert told["cold_start"] is True


def test_denied_consent_gives_the_popular_list(service: Service) -> None:
    consents = [{"purpose": "profiling", "status": "denied", "status_at": "2026-10-01T00:00:00Z"}]
    told = ask(service, {**CUSTOMER, "cart": ["cup"], "consents": consents})
    assert told["personalised"] is False
    assert told["items"] == ask(service, {"as_of": AS_OF, "limit": 4})["items"]


def test_rows_later_than_the_question_are_told_and_do_not_count(service: Service) -> None:
    late = order("o2", "2026-10-31T12:00:01+08:00", "coffee")
    consents = [{"purpose": "personalisation", "status": "denied", "status_at": "2026-11-01T12:00:00+08:00"}]
    told = ask(service, {**CUSTOMER, "orders": [*CUSTOMER["orders"], late], "consents": consents})
    assert told["items"] == ask(service, CUSTOMER)["items"]
    assert [one["detail"] for one in told["warnings"]] == [
        "orders: 1 row(s) later than as_of do not count",
        "consents: 1 row(s) later than as_of do not count",
    ]


def test_rows_of_who_denies_are_not_counted_but_consents_are(service: Service) -> None:
    late = order("o2", "2026-10-31T12:00:01+08:00", "coffee")
    consents = [
        {"purpose": "personalisation", "status": "denied", "status_at": "2026-10-01T12:00:00+08:00"},
        {"purpose": "personalisation", "status": "granted", "status_at": "2026-11-01T12:00:00+08:00"},
    ]
    told = ask(service, {**CUSTOMER, "orders": [late], "consents": consents})
    assert [one["detail"] for one in told["warnings"]] == ["consents: 1 row(s) later than as_of do not count"]


def test_id_ignores_layout_and_follows_question_release_and_key(start: Start) -> None:
    service = start(store())
    told = ask(service, CUSTOMER)["recommendation_id"]
    spelt = {
        **CUSTOMER,
        "locale": "en",
        "explain": False,
        "types": ["popular", "repurchase", "upsell", "cross_sell", "personalised", "popular"],
        "cart": [],
        "filters": {"already_bought": "allow"},
        "diversity": {"strength": 0},
    }
    assert ask(service, json.dumps(CUSTOMER, indent=3).encode())["recommendation_id"] == told
    assert ask(service, spelt)["recommendation_id"] == told
    changes: list[Body] = [
        {"cart": ["cup"]},
        {"limit": 5},
        {"filters": {"in_stock": []}},
        {"locale": "zh-CN"},
    ]
    for change in changes:
        assert ask(service, {**CUSTOMER, **change})["recommendation_id"] != told
    assert ask(start(store(), id_key=KEY[::-1] + b"x"), CUSTOMER)["recommendation_id"] != told
    assert service.store.current is not None
    service.store.current = replace(service.store.current, name="20261101T000000Z-0123abcd")
    assert ask(service, CUSTOMER)["recommendation_id"] != told


def test_id_of_similar_products_follows_the_question(service: Service) -> None:
    body = {"products": ["cup"]}
    told = ask(service, body, path=SIMILAR)["recommendation_id"]
    spelt = {**body, "limit": 10, "locale": "en", "explain": True, "filters": {}}
    assert ask(service, spelt, path=SIMILAR)["recommendation_id"] == told
    assert ask(service, {**body, "limit": 3}, path=SIMILAR)["recommendation_id"] != told


def test_id_of_a_customer_does_not_hang_on_the_order_of_attributes(service: Service) -> None:
    one = {"customer_id": "c", "attributes": {"plan": "member", "newsletter": True}}
    other = {"customer_id": "c", "attributes": {"newsletter": True, "plan": "member"}}
    ids = {ask(service, {"as_of": AS_OF, "customer": who})["recommendation_id"] for who in (one, other)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"limit": 0}, [("/limit", "out_of_range")]),
        ({"limit": LIST_LIMIT + 1}, [("/limit", "out_of_range")]),
        ({"limit": "ten"}, [("/limit", "wrong_type")]),
        ({"types": []}, [("/types", "wrong_count")]),
        ({"types": ["upsell", "gift"]}, [("/types/1", "not_allowed")]),
        ({"cart": "cup"}, [("/cart", "wrong_type")]),
        ({"cart": ["cup", ""]}, [("/cart/1", "wrong_length")]),
        ({"cart": ["cup"] * (CART_ENTRIES + 1)}, [("/cart", "wrong_count")]),
        ({"carts": []}, [("", "misspelt_field")]),
        ({"filters": {"categorys": []}}, [("/filters", "misspelt_field")]),
        ({"filters": {"categories": []}}, [("/filters/categories", "wrong_count")]),
        (
            {"filters": {"categories": ["a"] * (CATEGORIES_LIMIT + 1)}},
            [("/filters/categories", "wrong_count")],
        ),
        (
            {"filters": {"exclude_items": ["a"] * (EXCLUDED_LIMIT + 1)}},
            [("/filters/exclude_items", "wrong_count")],
        ),
        ({"filters": {"in_stock": ["a"] * (STOCK_LIMIT + 1)}}, [("/filters/in_stock", "wrong_count")]),
        ({"filters": {"price_min": -1}}, [("/filters/price_min", "out_of_range")]),
        ({"filters": {"already_bought": "show"}}, [("/filters/already_bought", "not_allowed")]),
        (
            {"filters": {"already_bought": "hide", "already_bought_days": 0}},
            [("/filters/already_bought_days", "out_of_range")],
        ),
        ({"diversity": {"strength": 1.1}}, [("/diversity/strength", "out_of_range")]),
        ({"diversity": {"max_per_category": 0}}, [("/diversity/max_per_category", "out_of_range")]),
        ({"customer": {}}, [("/customer/customer_id", "required")]),
        # contradictions
        ({"filters": {"price_min": 10, "price_max": 9}}, [("/filters/price_min", "price_range")]),
        (
            {"filters": {"categories": ["a", "b"], "exclude_categories": ["c", "b"]}},
            [("/filters/exclude_categories/1", "category_wanted_and_excluded")],
        ),
        ({"filters": {"already_bought_days": 5}}, [("/filters/already_bought_days", "days_without_hide")]),
        (
            {"filters": {"already_bought": "allow", "already_bought_days": 5}},
            [("/filters/already_bought_days", "days_without_hide")],
        ),
        (
            {"types": ["repurchase"], "filters": {"already_bought": "hide"}},
            [("/filters/already_bought", "repurchase_hidden")],
        ),
        (
            {"orders": [], "summary": {"order_count": 0, "revenue": 0}},
            [("/summary", "orders_and_summary")],
        ),
        (
            {"orders": [order("o", "2026-10-01T00:00:00Z", currency="USD")]},
            [("/orders/0/currency", "wrong_currency")],
        ),
        (
            {"customer": {"customer_id": "c", "attributes": {"plam": "x"}}},
            [("/customer/attributes", "misspelt_attribute")],
        ),
    ],
)
def test_wrong_question_is_told_by_pointers_in_both_languages(
    service: Service, change: Body, expected: list[Any]
) -> None:
    english = ask(service, change, 422)
    chinese = ask(service, {**change, "locale": "zh-CN"}, 422, **{"Accept-Language": "zh-CN"})
    assert faults(english) == faults(chinese) == expected
    for one, other in zip(english["errors"], chinese["errors"], strict=True):
        assert one["hint"]
        assert one["detail"] != other["detail"]


@pytest.mark.parametrize(
    "change",
    [
        {"types": ["repurchase"], "filters": {"already_bought": "hide", "already_bought_days": 7}},
        {"types": ["repurchase", "popular"], "filters": {"already_bought": "hide"}},
        {"filters": {"price_min": 9, "price_max": 9}},
        {"filters": {"in_stock": []}},
        {"filters": None, "diversity": None, "cart": None, "limit": None, "types": None, "customer": None},
        {"cart": ["cup"] * CART_ENTRIES},
    ],
)
def test_strict_question_is_answered(service: Service, change: Body) -> None:
    ask(service, change)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/products", "required")]),
        ({"products": []}, [("/products", "wrong_count")]),
        ({"products": ["a"] * (PRODUCTS_LIMIT + 1)}, [("/products", "wrong_count")]),
        ({"products": ["a"], "filters": {"already_bought": "hide"}}, [("/filters", "unknown_field")]),
        (
            {"products": ["a"], "filters": {"price_min": 2, "price_max": 1}},
            [("/filters/price_min", "price_range")],
        ),
        ({"products": ["a"], "cart": []}, [("", "unknown_field")]),
        ({"product": ["a"]}, [("", "misspelt_field"), ("/products", "required")]),
    ],
)
def test_wrong_question_about_products_is_told_by_pointers(
    service: Service, body: Body, expected: list[Any]
) -> None:
    assert faults(ask(service, body, 422, SIMILAR)) == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, b'{"limit":1,"limit":2}'),
        (PATH, b'{"filters":{"price_min":1,"price_min":2}}'),
        (PATH, b'{"diversity" : {"strength" :1, "strength":0}}'),
        (PATH, b'{"customer":{"customer_id":"a","customer_id":"b"}}'),
        (SIMILAR, b'{"products":["a"],"products":["b"]}'),
        (SIMILAR, b'{"products":["a"],"filters":{"in_stock":[],"in_stock":["a"]}}'),
    ],
)
def test_key_that_stands_twice_is_refused(service: Service, path: str, body: bytes) -> None:
    assert faults(ask(service, body, 422, path)) == [("", "repeated_key")]


def test_count_alone_decides_for_compact_bodies() -> None:
    for _, body in RECOMMENDATION_EXAMPLES.values():
        raw = json.dumps(body, separators=(",", ":")).encode()
        assert count_recommendation_fields(read_recommendation(raw)) == raw.count(b'":')
    for _, body in SIMILAR_EXAMPLES.values():
        raw = json.dumps(body, separators=(",", ":")).encode()
        assert count_similar_fields(read_similar(raw)) == raw.count(b'":')


@pytest.mark.parametrize("path", [PATH, SIMILAR])
@pytest.mark.parametrize("body", [b"", b"{", b'{"cart":["\\ud800"]}', b'{"products":["\xff"]}', b"[" * 9999])
def test_what_is_not_json_is_refused(service: Service, path: str, body: bytes) -> None:
    assert ask(service, body, 400, path)["type"] == "urn:kith:problem:invalid_json"


def test_as_many_products_in_stock_as_are_promised_are_taken(service: Service) -> None:
    stock = ["tray", *(f"sku-{k:018}" for k in range(STOCK_LIMIT - 1))]
    told = ask(service, {"filters": {"in_stock": stock}})
    assert listed(told) == ["tray"]
    assert told["filtered_out"]["by_filter"]["out_of_stock"] == 10


@pytest.mark.parametrize("path", [PATH, SIMILAR])
def test_too_large_a_body_is_refused(service: Service, path: str) -> None:
    told = ask(service, b" " * (BODY_BYTES + 1), 413, path)
    assert told["type"] == "urn:kith:problem:too_large"


@pytest.mark.parametrize("path", [PATH, SIMILAR, "/v1/scores"])
def test_more_objects_than_a_customer_can_have_are_refused_before_they_are_read(
    service: Service, path: str
) -> None:
    told = ask(service, b'{"orders":[' + b"{}," * OBJECTS_LIMIT + b"{}]}", 413, path)
    [error] = told["errors"]
    assert (told["type"], error["code"]) == ("urn:kith:problem:too_large", "too_many_objects")
    assert f"{OBJECTS_LIMIT:,}" in error["detail"]


@pytest.mark.parametrize("path", [PATH, SIMILAR])
def test_only_post_is_taken(service: Service, path: str) -> None:
    response = service.client.get(path)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(("path", "body"), [(PATH, CUSTOMER), (SIMILAR, {"products": ["cup"]})])
def test_without_a_model_there_is_an_answer_and_without_a_release_a_problem(
    start: Start, path: str, body: Body
) -> None:
    told = ask(start(store(is_published=False)), body, path=path)
    assert (told["eligible"], told["ineligible_reason"], told["model"]) == (False, "no_model", None)
    told = ask(start(FakeStore(current=None)), body, 503, path)
    assert told["type"] == "urn:kith:problem:no_release"


def test_long_question_and_large_catalogue_leave_the_event_loop(service: Service) -> None:
    small, large = items.release(), items.release(items.model(ids=("x",) * (INLINE_PRODUCTS + 1)))
    assert is_quick(b"{}", small)
    assert not is_quick(b"{}", large)
    assert not is_quick(b" " * (INLINE_BYTES + 1), small)
    assert not is_quick(b'{"diversity":{}}', small)
    padded = json.dumps(CUSTOMER) + " " * INLINE_BYTES
    assert ask(service, padded.encode()) == ask(service, CUSTOMER)


def test_lists_are_counted(service: Service, start: Start) -> None:
    ask(service, CUSTOMER)
    ask(service, {"products": ["cup"]}, path=SIMILAR)
    ask(service, {"products": ["?"]}, path=SIMILAR)
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(service.client.get("/metrics").text)
        for sample in family.samples
    }
    labels = (("capability", "recommendations"), ("grade", "A"), ("tier", "ml"))
    assert samples["kith_scores_total", labels] == 2
    silent = (("capability", "recommendations"), ("reason", "no_known_products"))
    assert samples["kith_abstentions_total", silent] == 1
    routes = [json.loads(line)["route"] for line in service.lines if "POST" in line]
    assert routes == [PATH, SIMILAR, SIMILAR]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_number_that_is_not_finite_never_leaves(number: float) -> None:
    def broken(*question: Any) -> Body:
        answer = recommend(*question)
        answer["items"][0]["score"] = number
        return answer

    releases, metrics = Releases(store()), Metrics()
    lists = Lists(releases, lambda: NOW, KEY, metrics, broken)
    with pytest.raises(ProblemError) as refused:
        lists._personal(json.dumps(CUSTOMER).encode(), releases.active())
    assert refused.value.kind == "not_finite"
    assert metrics.nonfinite._value.get() == 1


def is_silent(service: Service, text: str, caplog: pytest.LogCaptureFixture) -> bool:
    logged = "".join(JsonLines().format(record) for record in caplog.records)
    return not any(CANARY in place for place in (text, "".join(service.lines), logged))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, {CANARY: 1}),
        (PATH, {"cart": [CANARY * 9]}),
        (PATH, {"cart": CANARY}),
        (PATH, {"types": [CANARY]}),
        (PATH, {"filters": {CANARY: CANARY}}),
        (PATH, {"filters": {"already_bought": CANARY}}),
        (PATH, {"filters": {"categories": [CANARY], "exclude_categories": [CANARY]}}),
        (PATH, {"diversity": {"strength": CANARY}}),
        (PATH, {"customer": {"customer_id": CANARY, "attributes": {CANARY: 1}}}),
        (PATH, {"orders": [order(CANARY, CANARY, CANARY)]}),
        (SIMILAR, {"products": [CANARY], "filters": {CANARY: 1}}),
        (SIMILAR, {"products": CANARY}),
        (SIMILAR, {"products": [CANARY, 1], "locale": CANARY}),
    ],
)
def test_refusals_repeat_nothing(
    service: Service, caplog_kith: pytest.LogCaptureFixture, path: str, body: Body
) -> None:
    response = service.client.post(path, json=body)
    assert response.status_code == 422
    assert is_silent(service, response.text, caplog_kith)


def test_failure_of_the_model_repeats_nothing(start: Start, caplog_kith: pytest.LogCaptureFixture) -> None:
    service = start(store(ranker=items.model(active=None)))
    response = service.client.post(PATH, json={**CUSTOMER, "cart": [CANARY]})
    assert response.status_code == 500
    assert is_silent(service, response.text, caplog_kith)


def test_answers_are_neither_logged_nor_counted_by_what_they_name(
    service: Service, caplog_kith: pytest.LogCaptureFixture
) -> None:
    body = {**CUSTOMER, "customer": {"customer_id": CANARY}, "cart": [CANARY]}
    assert ask(service, body)["unknown_items"] == [CANARY]
    assert is_silent(service, service.client.get("/metrics").text, caplog_kith)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.lists(st.sampled_from([*items.IDS, "?"]) | st.text(min_size=1, max_size=4), max_size=4)
PARTS = {
    "filters": st.fixed_dictionaries(
        {},
        optional={
            name: (NAMES if "price" not in name and "bought" not in name else st.integers(-1, 30)) | JSON
            for name in PersonalFilters.model_fields
        },
    ),
    "diversity": st.fixed_dictionaries(
        {}, optional={name: st.integers(0, 3) | JSON for name in Diversity.model_fields}
    ),
    "cart": NAMES,
    "limit": st.integers(-1, 12),
    "types": st.lists(st.sampled_from(["popular", "upsell", "?"]), max_size=2),
    "customer": st.just({"customer_id": "c"}),
}


def test_no_question_breaks_the_service(service: Service) -> None:
    @settings(max_examples=60)
    @given(st.fixed_dictionaries({}, optional={name: part | JSON for name, part in PARTS.items()}))
    def sent(body: Body) -> None:
        for path, asked in ((PATH, body), (SIMILAR, {"products": body.get("cart")})):
            content = json.dumps(asked).encode("utf-8", "surrogatepass")
            response = service.client.post(
                path, content=content, headers={"Content-Type": "application/json"}
            )
            assert response.status_code in {200, 400, 422}, response.text

    sent()


def test_body_is_not_kept_between_questions(service: Service) -> None:
    body = copy.deepcopy(CUSTOMER)
    assert ask(service, body) == ask(service, body)
    assert body == CUSTOMER
