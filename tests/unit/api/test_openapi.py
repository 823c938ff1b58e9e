from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from app.api.openapi import main, openapi_document, openapi_text
from app.api.problem_texts import KINDS
from tests.unit.api.fakes import Service, Start

ROOT = Path(__file__).parents[3]
DOCUMENT = openapi_document()


def parts(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            yield path, verb, operation


def test_committed_document_is_in_step_with_the_code() -> None:
    assert (ROOT / "openapi/openapi.json").read_text("utf-8") == openapi_text(), "run: python -m app openapi"


def test_document_describes_every_route_and_no_other(service: Service) -> None:
    routes = {
        (route.path_format, method.lower())
        for route in service.app.routes
        if isinstance(route, Route)
        for method in (route.methods or ())
        if method != "HEAD"
    }
    described = {(path, verb) for path, verb, _ in operations()}
    assert routes - described == {("/docs", "get"), ("/openapi.json", "get")}
    assert described <= routes


def test_every_reference_leads_somewhere() -> None:
    for part in parts(DOCUMENT):
        if isinstance(part, dict) and "$ref" in part:
            assert part["$ref"].removeprefix("#/components/schemas/") in DOCUMENT["components"]["schemas"]


def test_every_schema_is_used() -> None:
    used = {
        part["$ref"].rpartition("/")[2]
        for part in parts(DOCUMENT)
        if isinstance(part, dict) and "$ref" in part
    }
    assert used == set(DOCUMENT["components"]["schemas"])


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for *_, operation in operations()]
    assert len(names) == len(set(names))


def test_every_body_has_examples_in_both_languages() -> None:
    for _, verb, operation in operations():
        if verb == "post":
            examples = operation["requestBody"]["content"]["application/json"]["examples"]
            assert any(name.endswith("-zh") for name in examples)
            assert any(not name.endswith("-zh") for name in examples)


def test_objects_that_are_sent_are_closed() -> None:
    sent = ("ScoreRequest", "Customer", "Order", "OrderLine", "Summary", "Event", "BatchRequest")
    lists = ("RecommendationRequest", "SimilarItemsRequest", "ItemFilters", "PersonalFilters", "Diversity")
    for name in (*sent, *lists, "TextRequest", "TextItem"):
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_timestamps_are_date_times() -> None:
    field = DOCUMENT["components"]["schemas"]["Order"]["properties"]["ordered_at"]
    assert (field["type"], field["format"]) == ("string", "date-time")


def test_problems_are_problem_json() -> None:
    for _, _, operation in operations():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"]
                assert int(status) in {kind.status for kind in KINDS.values()}


def test_served_document_is_the_committed_one(service: Service) -> None:
    assert service.client.get("/openapi.json").text == openapi_text()


def test_documents_can_be_left_out(start: Start) -> None:
    service = start(docs=False)
    assert service.client.get("/openapi.json").status_code == 404
    assert service.client.get("/docs").status_code == 404


def test_command_writes_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a" / "openapi.json"
    assert main(["--check", str(path)]) == 1
    assert main([str(path)]) == 0
    assert main(["--check", str(path)]) == 0
    path.write_text(json.dumps({}), "utf-8")
    capsys.readouterr()
    assert main(["--check", str(path)]) == 1
    assert "python -m app openapi" in capsys.readouterr().err
