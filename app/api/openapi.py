"""The OpenAPI 3.1 document: written from the wire types, deterministic, committed under ``openapi/``.

``python -m app.api.openapi`` writes the file; with ``--check`` it only compares and says what to do.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.openapi_paths import openapi_paths
from app.api.schemas.act import NextBestActionBatchRequest, NextBestActionRequest
from app.api.schemas.acted import Decision, DecisionOnRecord, Decisions
from app.api.schemas.answers import (
    BatchScores,
    ModelList,
    Problem,
    PublishedModelDetail,
    Readiness,
    Score,
)
from app.api.schemas.recommend import RecommendationRequest, SimilarItemsRequest
from app.api.schemas.recommended import Recommendations, SimilarItems
from app.api.schemas.remember import (
    Erased,
    FeedbackReport,
    FeedbackTaken,
    OutcomeBatch,
    OutcomeReport,
    OutcomeResults,
    OutcomeTaken,
)
from app.api.schemas.request import BatchRequest, ScoreRequest
from app.api.schemas.text import TextAnswers, TextRequest

API_VERSION: Final = "1.0.0"
DEFAULT_PATH: Final = Path("openapi/openapi.json")

Document = dict[str, Any]

SENT: Final[tuple[type[BaseModel], ...]] = (
    ScoreRequest,
    BatchRequest,
    RecommendationRequest,
    SimilarItemsRequest,
    NextBestActionRequest,
    NextBestActionBatchRequest,
    OutcomeReport,
    OutcomeBatch,
    FeedbackReport,
    TextRequest,
)
TOLD: Final[tuple[type[BaseModel], ...]] = (
    Score,
    BatchScores,
    Recommendations,
    SimilarItems,
    Decision,
    Decisions,
    DecisionOnRecord,
    OutcomeTaken,
    OutcomeResults,
    FeedbackTaken,
    Erased,
    TextAnswers,
    ModelList,
    PublishedModelDetail,
    Readiness,
    Problem,
)

INTRODUCTION: Final = """\
Calibrated customer scores with reasons. Send what you know about one customer, now; get back a score, why, \
and how good the model is against a simple rule.

Timestamps are ISO 8601 with an offset, ids are opaque strings of 1 to 128 characters, `null` and absent \
mean the same, unknown fields are refused. Too little data is an answer (`eligible: false`), never an error. \
Errors are RFC 9457 problems and repeat nothing of what was sent. A retry of a request with `as_of` gets the \
same answer and `score_id` from the same release."""


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
            {"name": "recommendations", "description": "Ask what to show to whom."},
            {"name": "decisions", "description": "Ask what to do next, and tell what came of it."},
            {"name": "texts", "description": "Ask about what customers write."},
            {"name": "models", "description": "What is in force, how good, what it means."},
            {"name": "operations", "description": "Run the service."},
        ],
        "paths": openapi_paths(),
        "components": {"schemas": _schemas()},
    }


def openapi_text() -> str:
    """Return the document as it is committed."""
    return json.dumps(openapi_document(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


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
    lines = difflib.unified_diff(
        held.splitlines(), text.splitlines(), str(path), "the code", lineterm="", n=1
    )
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
