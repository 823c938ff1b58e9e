"""What the OpenAPI document says about decisions, and about what the service remembers of them."""

from __future__ import annotations

from typing import Any, Final

from app.api.action_examples import (
    ACTION_BATCH_EXAMPLES,
    ACTION_EXAMPLES,
    FEEDBACK_EXAMPLES,
    OUTCOME_BATCH_EXAMPLES,
    OUTCOME_EXAMPLES,
)
from app.api.openapi_parts import answer, body, operation

Document = dict[str, Any]

_READ: Final = ("invalid_json", "body_timeout", "too_large", "unsupported_media_type", "invalid_request")
_STORE: Final = ("internal_error", "store_full", "store_unavailable", "store_busy")
_BUSY: Final = ("no_release", "overloaded", *_STORE)
_ON_RECORD: Final = ("conflict", "erased")


def action_paths() -> Document:
    """Return the paths of decisions, outcomes, verdicts and erasures."""
    return {**_decision_paths(), **_report_paths(), **_erasure_paths()}


def _decision_paths() -> Document:
    return {
        "/v1/next-best-actions": {
            "post": operation(
                "decide",
                "decisions",
                "Decide what to do next for one customer",
                "Consent, eligibility, contact limits, quiet hours and budgets act first; what is left is "
                "ranked by expected incremental profit, and doing nothing is always among it. The decision "
                "is on record before it is told; the same `request_id` with the same body gets the same "
                "answer.",
                answers={"200": answer("The decision.", "Decision")},
                problems=(*_READ, *_ON_RECORD, *_BUSY),
                body=body("NextBestActionRequest", ACTION_EXAMPLES),
            )
        },
        "/v1/next-best-actions/batch": {
            "post": operation(
                "decideBatch",
                "decisions",
                "Decide for up to 1,000 customers together",
                "At most 16 MiB in all and 1 MiB a customer, all in one mode. They share the budgets: each "
                "budget gets the price at which the batch fits into it. Results keep the order; a request "
                "that cannot be answered gets its own problem and spoils no other. The funnel counts what "
                "became of all candidates.",
                answers={"200": answer("One result for each request, and the funnel.", "Decisions")},
                problems=(*_READ, *_BUSY),
                body=body("NextBestActionBatchRequest", ACTION_BATCH_EXAMPLES),
            )
        },
        "/v1/decisions/{decision_id}": {
            "get": operation(
                "getDecision",
                "decisions",
                "Read a decision and what came of it",
                "That nothing came of it is said only after its window has closed.",
                answers={"200": answer("The decision on record.", "DecisionOnRecord")},
                problems=("unknown_decision", *_STORE),
                parameters=[
                    _path(
                        "decision_id",
                        "A decision that this service made.",
                        "0123456789abcdef0123456789abcdef",
                    )
                ],
            )
        },
    }


def _report_paths() -> Document:
    taken = {
        "200": answer("It was on record already.", "OutcomeTaken"),
        "201": answer("It is on record now.", "OutcomeTaken"),
    }
    judged = {
        "200": answer("It was on record already.", "FeedbackTaken"),
        "201": answer("It is on record now.", "FeedbackTaken"),
    }
    return {
        "/v1/outcomes": {
            "post": operation(
                "reportOutcome",
                "decisions",
                "Report what came of a decision",
                "Late, repeated and out of order is fine: the state of a contact depends on which outcomes "
                "came, never on their order.",
                answers=taken,
                problems=(*_READ, "unknown_decision", *_ON_RECORD, *_BUSY),
                body=body("OutcomeReport", OUTCOME_EXAMPLES),
            )
        },
        "/v1/outcomes/batch": {
            "post": operation(
                "reportOutcomes",
                "decisions",
                "Report up to 1,000 outcomes",
                "At most 4 MiB. Results keep the order; an outcome that cannot be taken gets its own problem "
                "and spoils no other. The whole batch can be sent again.",
                answers={"200": answer("One result for each outcome.", "OutcomeResults")},
                problems=(*_READ, "internal_error", "overloaded"),
                body=body("OutcomeBatch", OUTCOME_BATCH_EXAMPLES),
            )
        },
        "/v1/feedback": {
            "post": operation(
                "giveFeedback",
                "decisions",
                "Say whether an answer was right",
                "A verdict of somebody in front of the customer on a decision, a score or a list.",
                answers=judged,
                problems=(*_READ, "unknown_decision", *_ON_RECORD, "overloaded", *_STORE),
                body=body("FeedbackReport", FEEDBACK_EXAMPLES),
            )
        },
    }


def _erasure_paths() -> Document:
    return {
        "/v1/customers/{customer_id}": {
            "delete": operation(
                "eraseCustomer",
                "decisions",
                "Erase what is remembered of a customer",
                "Decisions, contacts, outcomes and verdicts. Can be repeated; a replay of what was erased is "
                "refused with 410. Percent-encode the id.",
                answers={"200": answer("It is erased.", "Erased")},
                problems=("invalid_request", "overloaded", *_STORE),
                parameters=[_path("customer_id", "Your own id of the customer.", "C-10482")],
            )
        }
    }


def _path(name: str, description: str, example: str) -> Document:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }
