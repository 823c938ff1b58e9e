from __future__ import annotations

import json

import pytest

from app.api.schemas.answers import ModelList, Problem, PublishedModelDetail
from tests.unit.api.fakes import FakeStore, Service, Start, release

ADDRESSES = ["/v1/models", "/v1/models/churn", "/v1/models/churn/card", "/v1/definitions"]


def test_list_says_who_answers_and_how_well(service: Service) -> None:
    told = ModelList.model_validate(service.client.get("/v1/models").json())
    assert told.release == release().name
    assert told.business["currency"] == "CNY"
    (model,) = told.models
    (population,) = model.populations
    assert (model.capability, population.tier, population.grade) == ("churn", "rules", "B")
    assert population.baseline.model_value == 0.5


def test_one_model_tells_inputs_metrics_and_cut_points(service: Service) -> None:
    told = PublishedModelDetail.model_validate(service.client.get("/v1/models/churn").json())
    (variant,) = told.variants
    assert variant["features"][0]["name"] == "attribute.plan"
    assert variant["features"][0]["label"] == {"en": "plan", "zh-CN": "属性 plan"}
    assert variant["populations"][0]["thresholds"] == {"yellow": 0.3, "red": 0.6}
    assert variant["populations"][0]["metrics"]["auc"]["low"] == 0.75


def test_words_of_the_data_stay_inside(service: Service) -> None:
    assert "member" not in service.client.get("/v1/models/churn").text


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/markdown", "text/markdown; charset=utf-8"),
        ("text/markdown;q=0.5, application/json;q=0.9", "application/json"),
        ("text/markdown, application/json;q=0.9", "text/markdown; charset=utf-8"),
        ("text/markdown;q=0", "application/json"),
        ("text/markdown;q=x", "application/json"),
    ],
)
def test_card_comes_in_the_form_that_is_wanted(service: Service, accept: str, media_type: str) -> None:
    response = service.client.get("/v1/models/churn/card", headers={"Accept": accept})
    assert response.headers["content-type"] == media_type
    assert response.headers["vary"] == "Accept"
    assert ("流失" in response.text) is media_type.startswith("text/markdown")


@pytest.mark.parametrize("address", ADDRESSES)
def test_unchanged_content_is_304(service: Service, address: str) -> None:
    first = service.client.get(address)
    etag = first.headers["etag"]
    for held in (etag, f'"x", W/{etag}', "*"):
        again = service.client.get(address, headers={"If-None-Match": held})
        assert again.status_code == 304
        assert not again.content
        assert again.headers["etag"] == etag
    assert service.client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_etag_follows_the_content(service: Service) -> None:
    json_tag, markdown_tag = (
        service.client.get("/v1/models/churn/card", headers={"Accept": accept}).headers["etag"]
        for accept in ("application/json", "text/markdown")
    )
    assert json_tag != markdown_tag


@pytest.mark.parametrize("name", ["clv", "chrn", "jane@mail.example", "..%2f..%2fetc", "x" * 500])
@pytest.mark.parametrize("more", ["", "/card"])
def test_unknown_capability_is_404_without_its_name(service: Service, name: str, more: str) -> None:
    response = service.client.get(f"/v1/models/{name}{more}")
    assert response.status_code == 404
    told = Problem.model_validate(response.json())
    if "%2f" not in name:
        assert "churn" in told.errors[0].hint
    assert name not in response.text


@pytest.mark.parametrize("address", ADDRESSES[:3])
def test_no_release_is_503(start: Start, address: str) -> None:
    response = start(FakeStore(current=None)).client.get(address)
    assert response.status_code == 503
    assert response.json()["type"] == "urn:kith:problem:no_release"


def test_definitions_are_told_without_a_release_and_change_with_it(start: Start) -> None:
    service = start(FakeStore(current=None))
    before = service.client.get("/v1/definitions")
    assert before.json()["attributes"] == {}
    service.store.current = release()
    after = service.client.get("/v1/definitions")
    assert after.json()["attributes"]["plan"]["label"]["zh-CN"] == "属性 plan"
    assert before.headers["etag"] != after.headers["etag"]
    assert json.loads(after.content)["release"] == release().name
