"""The parts that every address of the OpenAPI document is made of: operations, bodies, answers, problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.api.problem_texts import KINDS
from app.api.problems import MEDIA_TYPE

JSON: Final = "application/json"

Document = dict[str, Any]


def operation(  # noqa: PLR0913 - the parts of an operation, all named
    name: str,
    tag: str,
    summary: str,
    description: str,
    *,
    answers: Mapping[str, Document],
    problems: Sequence[str],
    body: Document | None = None,
    parameters: Sequence[Document] = (),
) -> Document:
    """Return one operation; problems stand under their status."""
    titles: dict[int, list[str]] = {}
    for kind in problems:
        titles.setdefault(KINDS[kind].status, []).append(KINDS[kind].title[0])
    refused = {
        str(status): {
            "description": "; ".join(told),
            "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
        }
        for status, told in titles.items()
    }
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": description,
        **({"parameters": list(parameters)} if parameters else {}),
        **({"requestBody": body} if body else {}),
        "responses": {**answers, **refused},
    }


def body(schema: str, examples: Mapping[str, tuple[str, Document]]) -> Document:
    """Return a body with its examples."""
    shown = {name: {"summary": title, "value": value} for name, (title, value) in examples.items()}
    return {"required": True, "content": {JSON: {"schema": reference(schema), "examples": shown}}}


def answer(description: str, schema: str) -> Document:
    """Return an answer."""
    return {"description": description, "content": {JSON: {"schema": reference(schema)}}}


def reference(schema: str) -> Document:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{schema}"}
