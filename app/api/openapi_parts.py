"""The parts that every address of the OpenAPI document is made of: operations, bodies, answers, problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.api.problem_texts import KINDS
from app.api.problems import MEDIA_TYPE, RETRY_SECONDS

JSON: Final = "application/json"

Document = dict[str, Any]

_RETRY_AFTER: Final[Document] = {
    "Retry-After": {
        "description": "Seconds after which it is worth asking again.",
        "schema": {"type": "integer"},
    }
}


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
    passing = {KINDS[kind].status for kind in problems if kind in RETRY_SECONDS}
    for kind in problems:
        titles.setdefault(KINDS[kind].status, []).append(KINDS[kind].title[0])
    refused = {
        str(status): {
            "description": "; ".join(told),
            **({"headers": _RETRY_AFTER} if status in passing else {}),
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
