from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from app.api.examples import SUMMARY
from app.api.telemetry import PLAIN_ROUTES, ROUTES, UNMATCHED, JsonLines, Metrics, cause, route_of
from tests.unit.api.fakes import FakeScorer, Service, Start


def test_each_request_is_one_line_of_json(service: Service) -> None:
    response = service.client.post("/v1/scores", json=SUMMARY)
    (line,) = service.lines
    assert line.endswith("\n")
    told = json.loads(line)
    assert told["request_id"] == response.headers["x-request-id"]
    assert {name: told[name] for name in ("event", "method", "route", "status")} == {
        "event": "request",
        "method": "POST",
        "route": "/v1/scores",
        "status": 200,
    }
    assert 0 < told["seconds"] < 10


def test_access_log_can_be_left_out(start: Start) -> None:
    service = start(access_log=False)
    service.client.get("/livez")
    assert not service.lines


def test_harmless_request_id_is_kept(service: Service) -> None:
    response = service.client.get("/livez", headers={"X-Request-ID": "crm-42.A_b"})
    assert response.headers["x-request-id"] == "crm-42.A_b"


@pytest.mark.parametrize("name", ["", "a b", '"', "x" * 65, "jane@mail.example", "-a", "客"])
def test_other_request_ids_are_replaced(service: Service, name: str) -> None:
    response = service.client.get("/livez", headers=[(b"X-Request-ID", name.encode())])
    told = response.headers["x-request-id"]
    assert told != name
    assert len(told) == 16
    json.loads(service.lines[-1])


@given(st.text(max_size=30))
def test_route_is_one_of_a_closed_list(path: str) -> None:
    known = {*PLAIN_ROUTES, *(route for _, route in ROUTES), UNMATCHED}
    assert route_of("/" + path) in known
    assert route_of(f"/v1/models/{path}") in known


def test_every_route_of_the_application_is_known(service: Service) -> None:
    paths = {route.path_format for route in service.app.routes if isinstance(route, Route)}
    assert paths == {*PLAIN_ROUTES, *(route for _, route in ROUTES)}


def test_unknown_path_and_method_are_logged_without_their_words(service: Service) -> None:
    service.client.request("JANE", "/jane@mail.example")
    told = json.loads(service.lines[-1])
    assert (told["method"], told["route"]) == ("OTHER", UNMATCHED)
    assert "jane" not in service.client.get("/metrics").text.lower()


def test_scores_and_abstentions_are_counted(service: Service) -> None:
    service.client.post("/v1/scores", json={**SUMMARY, "want": ["churn", "clv"]})
    text = service.client.get("/metrics").text
    assert 'kith_scores_total{capability="churn",grade="B",tier="rules"} 1.0' in text
    assert 'kith_abstentions_total{capability="clv",reason="no_model"} 1.0' in text
    assert 'kith_http_requests_total{method="POST",route="/v1/scores",status="200"} 1.0' in text
    assert 'kith_http_request_duration_seconds_count{route="/v1/scores"} 1.0' in text


def test_refusals_are_counted_by_kind(service: Service) -> None:
    service.client.post("/v1/scores", json={})
    service.client.post("/v1/scores/batch", json={"requests": [{}, SUMMARY]})
    service.client.post("/v1/scores", content=b"x", headers={"Content-Type": "text/plain"})
    text = service.client.get("/metrics").text
    assert 'kith_problems_total{kind="invalid_request"} 2.0' in text
    assert 'kith_problems_total{kind="unsupported_media_type"} 1.0' in text


def test_every_metric_begins_with_kith() -> None:
    assert all(family.name.startswith("kith_") for family in Metrics().registry.collect())


def test_metrics_of_two_services_are_apart(start: Start) -> None:
    first, second = start(), start()
    first.client.post("/v1/scores", json=SUMMARY)
    assert "kith_scores_total{" in first.client.get("/metrics").text
    assert "kith_scores_total{" not in second.client.get("/metrics").text


def test_unexpected_error_is_logged_with_its_place_and_without_its_message(
    start: Start, caplog_kith: pytest.LogCaptureFixture
) -> None:
    service = start(scorer=FakeScorer(breaks_on="C-10482"))
    response = service.client.post("/v1/scores", json=SUMMARY)
    assert response.status_code == 500
    (record,) = caplog_kith.records
    line = json.loads(JsonLines().format(record))
    assert line["event"] == "request_failed"
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["error"] == "ZeroDivisionError"
    assert line["at"][-1].startswith("fakes.py:")
    assert "CANARY" not in json.dumps(line)


def test_log_line_holds_the_fields_that_were_named() -> None:
    record = logging.LogRecord("kith", logging.INFO, __file__, 1, "release_activated", None, None)
    record.release = "r1"
    line = json.loads(JsonLines().format(record))
    assert line == {
        "time": line["time"],
        "level": "info",
        "logger": "kith",
        "event": "release_activated",
        "release": "r1",
    }


def test_log_line_of_an_exception_has_no_message() -> None:
    with pytest.raises(KeyError) as caught:
        {}["jane@mail.example"]  # type: ignore[index]
    told = (caught.type, caught.value, caught.tb)
    text = JsonLines().format(logging.LogRecord("kith", logging.ERROR, __file__, 1, "failed", None, told))
    assert "jane" not in text
    assert json.loads(text)["error"] == cause(caught.value)["error"] == "KeyError"
