"""Golden histories: what training answered through this very code, and whether this code still answers so.

``golden.json`` of an artifact holds a few synthetic raw histories and the answers to them, in the fields
``timezone``, ``attributes``, ``as_of``, ``customers`` and ``answers``. Customers are rows as
:func:`app.domain.rows.build_history` takes them, times as int microseconds. Of a capability that reads texts
it holds ``texts`` and ``answers``, of one that ranks products what :mod:`app.serving.golden_items` says. One
that chooses actions is asked about the same customers, as :mod:`app.serving.golden_actions` says.

Rules:

1. Numbers agree to 1e-9 (relative and absolute), everything else exactly.
2. Left out is what training could not know, the release's name and the artifact's version, and what belongs
   to the code and not to the model: the sentence of a reason, also of why an action is left out.
3. An answer may have fields that training did not know yet; none that it knew may be missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final, TypeGuard

import numpy as np

from app.artifacts.canonical import canonical_bytes, parse_object
from app.capabilities import NEXT_BEST_ACTION, RANKERS, TEXT_SCORERS
from app.domain.errors import GoldenAnswerError, StructureError
from app.domain.rows import build_history
from app.serving.golden_actions import answers_to_questions
from app.serving.golden_items import ITEM_FIELDS, answers_to_requests
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.score import Ask, score

TOLERANCE: Final = 1e-9
CUSTOMERS_LIMIT: Final = 1_000
FIELDS: Final = frozenset({"timezone", "attributes", "as_of", "customers", "answers"})
TEXT_FIELDS: Final = frozenset({"texts", "answers"})
_LEFT_OUT: Final = re.compile(
    r"answers\[\d+\](\.release|(\.\w+)?\.model\.version|\.\w+\.reasons\[\d+\]\.text"
    r"|\.items\[\d+\]\.reason\.text|\.warnings\[\d+\]\.detail"
    r"|\.policy\.version|\.actions\[\d+\]\.reasons\[\d+\]\.text|\.suppressed\[\d+\]\.text)"
)


def write_golden(
    artifact: LoadedArtifact,
    customers: Sequence[Mapping[str, Any]],
    as_of: int,
    attributes: Mapping[str, str],
) -> bytes:
    """Return the content of ``golden.json``: histories, and the artifact's answers to them.

    Parameters
    ----------
    artifact : LoadedArtifact
        From :func:`app.serving.loading.load_draft`.
    customers : sequence of mappings
        Synthetic histories, JSON-ready, times as int microseconds since 1970 in UTC. At least one.
    as_of : int
        The time of all answers, microseconds since 1970 in UTC.
    attributes : mapping
        Declared attributes and their kinds.

    Raises
    ------
    StructureError
        There is no customer, or an answer holds a number that is not finite.
    """
    document = {
        "timezone": artifact.manifest.business.timezone,
        "attributes": dict(attributes),
        "as_of": as_of,
        "customers": list(customers),
    }
    if not document["customers"]:
        raise StructureError("golden histories need at least one customer")
    return canonical_bytes({**document, "answers": answers_to(artifact, document)})


def check_golden(artifact: LoadedArtifact, data: bytes) -> int:
    """Answer the golden histories of an artifact, and return how many there are.

    Raises
    ------
    StructureError
        The bytes are not golden histories.
    GoldenAnswerError
        An answer differs; the message names the place and no value of a history.
    """
    document = parse_object(data, "golden.json")
    if artifact.manifest.capability in TEXT_SCORERS:
        return _check_texts(artifact, document)
    if artifact.manifest.capability in RANKERS:
        return _check_items(artifact, document)
    if document.keys() != FIELDS or type(document["as_of"]) is not int:
        raise StructureError(f"golden.json does not hold {', '.join(sorted(FIELDS))}")
    customers, answers = document["customers"], document["answers"]
    if not isinstance(customers, list) or not 1 <= len(customers) <= CUSTOMERS_LIMIT:
        raise StructureError(f"golden.json holds no list of 1 to {CUSTOMERS_LIMIT} customers")
    if document["timezone"] != artifact.manifest.business.timezone:
        raise StructureError("golden.json has another time zone than the manifest's business")
    _compare(artifact, answers_to(artifact, document), answers)
    return len(customers)


def write_golden_texts(artifact: LoadedArtifact, texts: Sequence[str]) -> bytes:
    """Return the content of ``golden.json`` of a capability that reads texts.

    Parameters
    ----------
    artifact : LoadedArtifact
        From :func:`app.serving.loading.load_draft`.
    texts : sequence of str
        Synthetic texts, at least one.

    Raises
    ------
    StructureError
        There is no text, or an answer holds a number that is not finite.
    """
    if not texts:
        raise StructureError("golden texts need at least one text")
    return canonical_bytes({"texts": list(texts), "answers": answers_to_texts(artifact, texts)})


def _check_texts(artifact: LoadedArtifact, document: Mapping[str, Any]) -> int:
    """Answer the golden texts of an artifact, and return how many there are."""
    if document.keys() != TEXT_FIELDS:
        raise StructureError(f"golden.json does not hold {', '.join(sorted(TEXT_FIELDS))}")
    texts = document["texts"]
    if not isinstance(texts, list) or not 1 <= len(texts) <= CUSTOMERS_LIMIT:
        raise StructureError(f"golden.json holds no list of 1 to {CUSTOMERS_LIMIT} texts")
    if not all(isinstance(text, str) for text in texts):
        raise StructureError("golden.json holds something else than texts")
    _compare(artifact, answers_to_texts(artifact, texts), document["answers"])
    return len(texts)


def write_golden_items(artifact: LoadedArtifact, requests: Sequence[Mapping[str, Any]], as_of: int) -> bytes:
    """Return the content of ``golden.json`` of a capability that ranks products.

    Parameters
    ----------
    artifact : LoadedArtifact
        From :func:`app.serving.loading.load_draft`.
    requests : sequence of mappings
        Synthetic requests, JSON-ready, times as int microseconds since 1970 in UTC. At least one.
    as_of : int
        The time of all answers, microseconds since 1970 in UTC.

    Raises
    ------
    StructureError
        There is no request, or an answer holds a number that is not finite.
    """
    document = {"as_of": as_of, "requests": list(requests)}
    answers = _plain(answers_to_requests(artifact, document), artifact)
    return canonical_bytes({**document, "answers": answers})


def _check_items(artifact: LoadedArtifact, document: Mapping[str, Any]) -> int:
    """Answer the golden requests of an artifact, and return how many there are."""
    if document.keys() != ITEM_FIELDS:
        raise StructureError(f"golden.json does not hold {', '.join(sorted(ITEM_FIELDS))}")
    _compare(artifact, _plain(answers_to_requests(artifact, document), artifact), document["answers"])
    return len(document["requests"])


def answers_to_texts(artifact: LoadedArtifact, texts: Sequence[str]) -> list[Any]:
    """Return the answers to golden texts as JSON holds them.

    Which words name an aspect belongs to the code and not to the model, like the sentence of a reason.
    """
    scorer, model = TEXT_SCORERS[artifact.manifest.capability], artifact.text_model
    if model is None:
        raise StructureError("there is no model that reads texts")
    return _plain([asdict(answer) for answer in scorer.predict(model, texts, with_aspects=False)], artifact)


def _compare(artifact: LoadedArtifact, found: list[Any], expected: object) -> None:
    if difference := first_difference(found, expected, "answers"):
        raise GoldenAnswerError(
            f"{artifact.manifest.capability}/{artifact.manifest.version}: {difference}: this code does not "
            "reproduce what training answered"
        )


def answers_to(artifact: LoadedArtifact, document: Mapping[str, Any]) -> list[Any]:
    """Return the answers, with reasons, to the histories of a golden document, as JSON holds them."""
    capability = artifact.manifest.capability
    if capability == NEXT_BEST_ACTION:
        return _plain(answers_to_questions(artifact, document), artifact)
    alone = LoadedRelease(
        name="golden",
        created_at="",
        business=artifact.manifest.business,
        # Alone, as at training, when no release existed yet: answers never depend on other artifacts' models.
        artifacts=MappingProxyType({capability: artifact}),
        digest="",
    )
    history = build_history(document["customers"], document["timezone"], document["attributes"])
    as_of = np.full(history.size, document["as_of"], dtype=np.int64)
    return _plain(score(alone, history, as_of, Ask(want=(capability,), explain=True)), artifact)


def _plain(answers: Sequence[Any], artifact: LoadedArtifact) -> list[Any]:
    """Return answers as JSON holds them."""
    try:
        plain: list[Any] = json.loads(json.dumps(answers, allow_nan=False))
    except (TypeError, ValueError) as error:
        capability = artifact.manifest.capability
        raise GoldenAnswerError(f"an answer of {capability} is not JSON: {error}") from error
    return plain


def first_difference(found: object, expected: object, place: str) -> str:
    """Return where two JSON documents first differ and how, or "" where they agree."""
    pairs: list[tuple[str, object, object]]
    if _LEFT_OUT.fullmatch(place):
        return ""
    if isinstance(found, dict) and isinstance(expected, dict):
        if missing := expected.keys() - found.keys():
            return f"{place} lacks {', '.join(sorted(missing))}"
        pairs = [(f"{place}.{key}", found[key], expected[key]) for key in expected]
    elif isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            return f"{place} has {len(found)} entries, {len(expected)} were expected"
        pairs = [(f"{place}[{i}]", *pair) for i, pair in enumerate(zip(found, expected, strict=True))]
    elif _is_number(found) and _is_number(expected):
        near = np.isclose(float(found), float(expected), rtol=TOLERANCE, atol=TOLERANCE)
        return "" if near else f"{place} is {found}, {expected} was expected"
    else:
        return "" if type(found) is type(expected) and found == expected else f"{place} is another value"
    differences = (first_difference(inner, other, where) for where, inner, other in pairs)
    return next((difference for difference in differences if difference), "")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
