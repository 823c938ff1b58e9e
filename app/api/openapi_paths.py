"""What the OpenAPI document says about each address: its operations, bodies, answers and problems."""

from __future__ import annotations

from typing import Any, Final

from app.api.examples import (
    BATCH_EXAMPLES,
    RECOMMENDATION_EXAMPLES,
    SCORE_EXAMPLES,
    SIMILAR_EXAMPLES,
    TEXT_EXAMPLES,
)
from app.api.openapi_actions import action_paths
from app.api.openapi_parts import JSON, answer, body, operation

Document = dict[str, Any]

_SCORE_PROBLEMS: Final = (
    "invalid_json",
    "body_timeout",
    "too_large",
    "unsupported_media_type",
    "invalid_request",
    "internal_error",
    "no_release",
)


def openapi_paths() -> Document:
    """Return the paths of the document."""
    return {
        **_score_paths(),
        **_item_paths(),
        **action_paths(),
        **_text_paths(),
        **_model_paths(),
        **_operation_paths(),
    }


def _score_paths() -> Document:
    return {
        "/v1/scores": {
            "post": operation(
                "score",
                "scores",
                "Score one customer",
                "Answers the wanted blocks for one customer. `orders` and `summary` exclude each other.",
                answers={"200": answer("The answer.", "Score")},
                problems=_SCORE_PROBLEMS,
                body=body("ScoreRequest", SCORE_EXAMPLES),
            )
        },
        "/v1/scores/batch": {
            "post": operation(
                "scoreBatch",
                "scores",
                "Score up to 1,000 customers",
                "At most 16 MiB in all and 1 MiB a customer. Results keep the order; a request that cannot "
                "be answered gets its own problem and spoils no other.",
                answers={"200": answer("One result for each request.", "BatchScores")},
                problems=_SCORE_PROBLEMS,
                body=body("BatchRequest", BATCH_EXAMPLES),
            )
        },
    }


def _item_paths() -> Document:
    return {
        "/v1/recommendations": {
            "post": operation(
                "recommend",
                "recommendations",
                "Recommend products to a customer, a guest or a session",
                "From the history, the cart and the filters in the request; at most 4 MiB in all. Filters "
                "act before the list is cut, so it is filled or says what took the rest. Every product has "
                "a type by a stated rule and a reason. Where personalisation or profiling is denied, the "
                "list is the popular one.",
                answers={"200": answer("The list.", "Recommendations")},
                problems=_SCORE_PROBLEMS,
                body=body("RecommendationRequest", RECOMMENDATION_EXAMPLES),
            )
        },
        "/v1/recommendations/similar-items": {
            "post": operation(
                "similarItems",
                "recommendations",
                "List what goes with products",
                "For a product page: what is bought together with up to 100 products, with its evidence.",
                answers={"200": answer("The list.", "SimilarItems")},
                problems=_SCORE_PROBLEMS,
                body=body("SimilarItemsRequest", SIMILAR_EXAMPLES),
            )
        },
    }


def _text_paths() -> Document:
    return {
        "/v1/text/sentiment": {
            "post": operation(
                "readTexts",
                "texts",
                "Tell how texts sound, and what they speak of",
                "Up to 100 texts of at most 4,000 characters, English and Chinese, also mixed; at most 3 MiB "
                "in all. Results keep the order. A text that cannot be judged is an answer "
                "(`abstained: true`) with its reason. Each aspect points at the clause that names it.",
                answers={"200": answer("One result for each text.", "TextAnswers")},
                problems=_SCORE_PROBLEMS,
                body=body("TextRequest", TEXT_EXAMPLES),
            )
        }
    }


_CAPABILITY: Final[Document] = {
    "name": "capability",
    "in": "path",
    "required": True,
    "description": "A capability of the active release.",
    "schema": {"type": "string"},
    "example": "churn",
}
_HELD: Final[Document] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETag of the copy that the caller holds.",
    "schema": {"type": "string"},
}
_UNCHANGED: Final[Document] = {"304": {"description": "The caller's copy is current."}}
_FREE: Final[Document] = {JSON: {"schema": {"type": "object"}}}


def _model_paths() -> Document:
    return {
        "/v1/models": {
            "get": operation(
                "listModels",
                "models",
                "List the models in force",
                "One entry for each capability of the active release, with tier, grade and baseline.",
                answers={"200": answer("The models.", "ModelList"), **_UNCHANGED},
                problems=("no_release",),
                parameters=[_HELD],
            )
        },
        "/v1/models/{capability}": {
            "get": operation(
                "getModel",
                "models",
                "Describe one model",
                "Inputs, metrics with intervals, counts and cut points.",
                answers={"200": answer("The model.", "PublishedModelDetail"), **_UNCHANGED},
                problems=("no_model", "no_release"),
                parameters=[_CAPABILITY, _HELD],
            )
        },
        "/v1/models/{capability}/card": {
            "get": operation(
                "getModelCard",
                "models",
                "Read the model card",
                "Goal, population, label, metrics against the baseline, calibration, drivers, limits. JSON, "
                "or Markdown with `Accept: text/markdown`.",
                answers={
                    "200": {
                        "description": "The card.",
                        "content": {**_FREE, "text/markdown": {"schema": {"type": "string"}}},
                    },
                    **_UNCHANGED,
                },
                problems=("no_model", "no_release"),
                parameters=[_CAPABILITY, _HELD],
            )
        },
        "/v1/definitions": {
            "get": operation(
                "getDefinitions",
                "models",
                "Look up what every word means",
                "Scores, tiers, grades, reasons, features, warnings and problems, in English and Chinese.",
                answers={"200": {"description": "The definitions.", "content": _FREE}, **_UNCHANGED},
                problems=(),
                parameters=[_HELD],
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
        JSON: {
            "schema": {"type": "object", "properties": {"status": {"const": "live"}}, "required": ["status"]}
        }
    }
    return {
        "/livez": {
            "get": operation(
                "isLive",
                "operations",
                "Ask whether the process turns",
                "Depends on nothing.",
                answers={"200": {"description": "It does.", "content": live}},
                problems=(),
            )
        },
        "/readyz": {
            "get": operation(
                "isReady",
                "operations",
                "Ask whether scores can be given",
                "503 until a verified release answers, and while the service stops.",
                answers={"200": answer("Scores can be given.", "Readiness")},
                problems=("no_release",),
                parameters=[verbose],
            )
        },
        "/metrics": {
            "get": operation(
                "scrapeMetrics",
                "operations",
                "Scrape metrics",
                "Prometheus text format; names begin with `kith_`.",
                answers={"200": {"description": "The metrics.", "content": text}},
                problems=(),
            )
        },
    }
