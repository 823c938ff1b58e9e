"""The OpenAPI 3.1 document: written from the wire types, deterministic, committed under ``openapi/``.

``python -m app.api.openapi`` writes the file; with ``--check`` it only compares and says what to do.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.examples import BATCH_EXAMPLES, SCORE_EXAMPLES
from app.api.problem_texts import KINDS
from app.api.problems import MEDIA_TYPE
from app.api.schemas.answers import (
    BatchScores,
    ModelList,
    Problem,
    PublishedModelDetail,
    Readiness,
    Score,
)
from app.api.schemas.request import BatchRequest, ScoreRequest

API_VERSION: Final = "1.0.0"
DEFAULT_PATH: Final = Path("openapi/openapi.json")
JSON: Final = "application/json"

Document = dict[str, Any]

SENT: Final[tuple[type[BaseModel], ...]] = (ScoreRequest, BatchRequest)
TOLD: Final[tuple[type[BaseModel], ...]] = (
    Score,
    BatchScores,
    ModelList,
    PublishedModelDetail,
    Readiness,
    Problem,
)

INTRODUCTION: Final = (
    "Calibrated customer scores with reasons. Send what you know about one customer, now; get back a score, why, "
    "and how good the model is against a simple rule.\n\n"
    "Timestamps are ISO 8601 with an offset, ids are opaque strings of 1 to 128 characters, `null` and absent mean "
    "the same, unknown fields are refused. Too little data is an answer (`eligible: false`), never an error. Errors "
    "are RFC 9457 problems and repeat nothing of what was sent. A retry of a request with `as_of` gets the same "
    "answer and `score_id` from the same release."
)

_SCORE_PROBLEMS: Final = (
    "invalid_json",
    "body_timeout",
    "too_large",
    "unsupported_media_type",
    "invalid_request",
    "internal_error",
    "no_release",
)


@cache
def openapi_document() -> Document:
    """Return the document; callers must not change it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kith",
            "version": API_VERSION,
            "summary": "Know your customers.",
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [
            {"name": "scores", "description": "Ask about customers."},
            {"name": "models", "description": "What is in force, how good, what it means."},
            {"name": "operations", "description": "Run the service."},
        ],
        "paths": {**_score_paths(), **_model_paths(), **_operation_paths()},
        "components": {"schemas": _schemas()},
    }


def openapi_text() -> str:
    """Return the document as it is committed."""
    return json.dumps(openapi_document(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _score_paths() -> Document:
    return {
        "/v1/scores": {
            "post": _operation(
                "score",
                "scores",
                "Score one customer",
                "Answers the wanted blocks for one customer. `orders` and `summary` exclude each other.",
                answers={"200": _answer("The answer.", "Score")},
                problems=_SCORE_PROBLEMS,
                body=_body("ScoreRequest", SCORE_EXAMPLES),
            )
        },
        "/v1/scores/batch": {
            "post": _operation(
                "scoreBatch",
                "scores",
                "Score up to 1,000 customers",
                "At most 16 MiB in all and 1 MiB a customer. Results keep the order; a request that cannot be "
                "answered gets its own problem and spoils no other.",
                answers={"200": _answer("One result for each request.", "BatchScores")},
                problems=_SCORE_PROBLEMS,
                body=_body("BatchRequest", BATCH_EXAMPLES),
            )
        },
    }


def _model_paths() -> Document:
    capability = {
        "name": "capability",
        "in": "path",
        "required": True,
        "description": "A capability of the active release.",
        "schema": {"type": "string"},
        "example": "churn",
    }
    held = {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "ETag of the copy that the caller holds.",
        "schema": {"type": "string"},
    }
    unchanged = {"304": {"description": "The caller's copy is current."}}
    free: Document = {JSON: {"schema": {"type": "object"}}}
    return {
        "/v1/models": {
            "get": _operation(
                "listModels",
                "models",
                "List the models in force",
                "One entry for each capability of the active release, with tier, grade and baseline.",
                answers={"200": _answer("The models.", "ModelList"), **unchanged},
                problems=("no_release",),
                parameters=[held],
            )
        },
        "/v1/models/{capability}": {
            "get": _operation(
                "getModel",
                "models",
                "Describe one model",
                "Inputs, metrics with intervals, counts and cut points.",
                answers={"200": _answer("The model.", "PublishedModelDetail"), **unchanged},
                problems=("no_model", "no_release"),
                parameters=[capability, held],
            )
        },
        "/v1/models/{capability}/card": {
            "get": _operation(
                "getModelCard",
                "models",
                "Read the model card",
                "Goal, population, label, metrics against the baseline, calibration, drivers, limits. JSON, or "
                "Markdown with `Accept: text/markdown`.",
                answers={
                    "200": {
                        "description": "The card.",
                        "content": {**free, "text/markdown": {"schema": {"type": "string"}}},
                    },
                    **unchanged,
                },
                problems=("no_model", "no_release"),
                parameters=[capability, held],
            )
        },
        "/v1/definitions": {
            "get": _operation(
                "getDefinitions",
                "models",
                "Look up what every word means",
                "Scores, tiers, grades, reasons, features, warnings and problems, in English and Chinese.",
                answers={"200": {"description": "The definitions.", "content": free}, **unchanged},
                problems=(),
                parameters=[held],
            )
        },
    }


def _operation_paths() -> Document:
    verbose = {
        "name": "verbose",
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": "Also tell the release, its artifacts, and the last release refused.",
        "schema": {"type": "string"},
    }
    text: Document = {"text/plain": {"schema": {"type": "string"}}}
    live: Document = {
        JSON: {"schema": {"type": "object", "properties": {"status": {"const": "live"}}, "required": ["status"]}}
    }
    return {
        "/livez": {
            "get": _operation(
                "isLive",
                "operations",
                "Ask whether the process turns",
                "Depends on nothing.",
                answers={"200": {"description": "It does.", "content": live}},
                problems=(),
            )
        },
        "/readyz": {
            "get": _operation(
                "isReady",
                "operations",
                "Ask whether scores can be given",
                "503 until a verified release answers, and while the service stops.",
                answers={"200": _answer("Scores can be given.", "Readiness")},
                problems=("no_release",),
                parameters=[verbose],
            )
        },
        "/metrics": {
            "get": _operation(
                "scrapeMetrics",
                "operations",
                "Scrape metrics",
                "Prometheus text format; names begin with `kith_`.",
                answers={"200": {"description": "The metrics.", "content": text}},
                problems=(),
            )
        },
    }


def _operation(  # noqa: PLR0913 - the parts of an operation, all named
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
    refused = {
        str(KINDS[kind].status): {
            "description": KINDS[kind].title[0],
            "content": {MEDIA_TYPE: {"schema": _reference("Problem")}},
        }
        for kind in problems
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


def _body(schema: str, examples: Mapping[str, tuple[str, Document]]) -> Document:
    shown = {name: {"summary": title, "value": value} for name, (title, value) in examples.items()}
    return {"required": True, "content": {JSON: {"schema": _reference(schema), "examples": shown}}}


def _answer(description: str, schema: str) -> Document:
    return {"description": description, "content": {JSON: {"schema": _reference(schema)}}}


def _reference(schema: str) -> Document:
    return {"$ref": f"#/components/schemas/{schema}"}


def _schemas() -> Document:
    """Return the components: what is sent as it is validated, what is told as it is written."""
    _, definitions = models_json_schema(
        [*((model, "validation") for model in SENT), *((model, "validation") for model in TOLD)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Document = {name: _untitled(schema) for name, schema in sorted(definitions["$defs"].items())}
    return schemas


def _untitled(schema: Any) -> Any:
    """Return a schema without the titles that repeat the names of its fields."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(part) for part in schema] if isinstance(schema, list) else schema


def write_openapi(path: Path, *, check: bool) -> int:
    """Write the document, or compare it with the file; return 0 where they are equal, else 1."""
    text = openapi_text()
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return 0
    held = path.read_text("utf-8") if path.exists() else ""
    if held == text:
        return 0
    lines = difflib.unified_diff(held.splitlines(), text.splitlines(), str(path), "the code", lineterm="", n=1)
    sys.stderr.write("\n".join(list(lines)[:200]) + f"\n{path} is out of step: run python -m app openapi\n")
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m app openapi", description="Write the OpenAPI document.")
    parser.add_argument("--check", action="store_true", help="compare only; 1 where the file is out of step")
    parser.add_argument("path", nargs="?", type=Path, default=DEFAULT_PATH)
    options = parser.parse_args(arguments)
    return write_openapi(options.path, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
