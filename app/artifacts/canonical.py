"""One form for one JSON document, so that its digest and the names made from it are well defined.

Rules:

1. Canonical bytes are UTF-8 JSON with sorted keys, no spaces between tokens, no NaN and no infinity.
2. Reading is strict: no duplicate key, no number beyond float64, no NaN, no infinity.
3. An artifact's version is the UTC day of ``trained_as_of`` and the first 8 hex digits of the sha256 over
   the canonical manifest with an empty version. The manifest holds the digest of every file, so that a
   version names one content.
4. A release's name is its UTC time and the first 8 hex digits of the sha256 over the canonical release with
   an empty name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from app.domain.errors import StructureError


def sha256(data: bytes) -> str:
    """Return the digest of some bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a JSON document in its one canonical form.

    Raises
    ------
    StructureError
        It holds NaN, an infinity, a lone surrogate, or something that JSON cannot say.
    """
    try:
        text = json.dumps(
            document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return text.encode()
    except (TypeError, ValueError) as error:
        raise StructureError(f"a document cannot be written as JSON: {error}") from error


def parse_json(data: bytes, what: str) -> Any:
    """Return what strict JSON says; ``what`` names the document in errors.

    Raises
    ------
    StructureError
        The bytes are not UTF-8, not JSON, or hold a duplicate key or a number that is not finite.
    """
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_without_duplicates,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise StructureError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise StructureError(f"{what} is not the JSON that was expected: {error}") from error


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Return what strict JSON says where it is one object.

    Raises
    ------
    StructureError
        As :func:`parse_json`, or the document is not an object.
    """
    document = parse_json(data, what)
    if not isinstance(document, dict):
        raise StructureError(f"{what} is a JSON {type(document).__name__}; an object was expected")
    return document


def artifact_version(manifest: Mapping[str, Any]) -> str:
    """Return the version that belongs to the content of a manifest (rule 3).

    Raises
    ------
    StructureError
        ``trained_as_of`` is not a time with an offset.
    """
    day = _moment(manifest.get("trained_as_of"), "trained_as_of").strftime("%Y%m%d")
    return f"{day}-{sha256(canonical_bytes({**manifest, 'version': ''}))[:8]}"


def release_name(release: Mapping[str, Any]) -> str:
    """Return the name that belongs to the content of a release (rule 4).

    Raises
    ------
    StructureError
        ``created_at`` is not a time with an offset.
    """
    time = _moment(release.get("created_at"), "created_at").strftime("%Y%m%dT%H%M%SZ")
    return f"{time}-{sha256(canonical_bytes({**release, 'name': ''}))[:8]}"


def _moment(text: object, what: str) -> datetime:
    """Return an ISO 8601 text with an offset as a time in UTC."""
    try:
        moment = datetime.fromisoformat(str(text))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise StructureError(f"{what} is not an ISO 8601 time with an offset")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is beyond float64")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
