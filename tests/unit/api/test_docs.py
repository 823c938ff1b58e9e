from __future__ import annotations

import json
import re
import shlex
from html import unescape
from html.parser import HTMLParser

from app.api.docs import POLICY, docs_page
from app.api.openapi import openapi_document
from app.api.problems import MEDIA_TYPE
from tests.unit.api.fakes import Service

PAGE = docs_page(openapi_document())
VOID = {"meta", "br", "link", "img", "input"}


class Reader(HTMLParser):
    """Collects what a page refers to, and checks that its tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.names.add(value)
            if name == "href" and value:
                self.links.append(value)
            if name in {"src", "style", "onclick"} and value:
                self.sources.append(value)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] in {"tr", "td", "th", "p"} and self.open[-1] != tag:
            self.open.pop()
        assert self.open.pop() == tag


def test_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    reader = Reader()
    reader.feed(PAGE)
    assert not reader.open
    assert not reader.sources
    assert all(link.startswith(("/", "#")) for link in reader.links)
    assert {link[1:] for link in reader.links if link.startswith("#")} <= reader.names
    assert "https://" not in PAGE


def test_page_shows_every_operation_and_schema() -> None:
    document = openapi_document()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in PAGE
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in PAGE


def test_calls_of_the_page_work_as_they_stand(service: Service) -> None:
    calls = [unescape(call) for call in re.findall(r'<pre class="call">(.*?)</pre>', PAGE, re.DOTALL)]
    assert len(calls) > 10
    for call in calls:
        words = shlex.split(call)
        url = next(word for word in words if word.startswith("http://127.0.0.1:8000"))
        path = url.removeprefix("http://127.0.0.1:8000")
        if "-d" in words:
            body = words[words.index("-d") + 1]
            json.loads(body)
            header = words[words.index("-H") + 1].split(": ")
            response = service.client.post(path, content=body.encode(), headers=[(header[0], header[1])])
        else:
            response = service.client.request("DELETE" if "DELETE" in words else "GET", path)
        if path.startswith("/v1/decisions/"):
            assert response.json()["type"] == "urn:kith:problem:unknown_decision"  # its id is made up
            continue
        assert response.status_code in {200, 201}, call
        assert not response.headers["content-type"].startswith(MEDIA_TYPE)


def test_page_is_served_under_a_policy_that_lets_nothing_in(service: Service) -> None:
    response = service.client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == POLICY
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY


def test_quote_in_an_example_does_not_end_the_call() -> None:
    document = {
        **openapi_document(),
        "paths": {
            "/x": {
                "post": {
                    **openapi_document()["paths"]["/v1/scores"]["post"],
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/ScoreRequest"},
                                "examples": {"a": {"summary": "<b>", "value": {"text": "it's </pre>"}}},
                            }
                        }
                    },
                }
            }
        },
    }
    page = docs_page(document)
    assert "<summary>&lt;b&gt;</summary>" in page
    (call,) = (unescape(call) for call in re.findall(r'<pre class="call">(.*?)</pre>', page, re.DOTALL))
    assert json.loads(shlex.split(call)[-1]) == {"text": "it's </pre>"}
