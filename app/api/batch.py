"""From the bytes of a batch to the bytes of its requests, so that one bad request spoils no other.

Each request is validated on its own and from its own bytes, which also keeps the interpreter free for other
work in between: validating 16 MiB in one call would hold up every other answer of the process.
"""

from __future__ import annotations

import json
import re
from typing import Final

from app.api.faults import invalid_json
from app.api.problem_texts import TYPES
from app.api.problems import Fault, ProblemError
from app.api.schemas.request import BATCH_LIMIT

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_decoder: Final = json.JSONDecoder()
MEMBER: Final = "requests"


def split_batch(body: bytes, member: str = MEMBER) -> list[bytes]:
    """Return the bytes of each item of a body ``{"requests": [...]}``, or of another member, in order.

    Raises
    ------
    ProblemError
        The body is not JSON, is not of this form, or holds no or too many requests.
    """
    try:
        text = body.decode("utf-8")
        return _split(text, member)
    except UnicodeDecodeError:
        raise invalid_json() from None
    except json.JSONDecodeError as error:
        raise invalid_json(f"line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise invalid_json() from None


def _split(text: str, member: str) -> list[bytes]:
    at = _after(text, 0)
    if not text.startswith("{", at):
        json.loads(text)  # tells other JSON from no JSON
        raise ProblemError("invalid_request", [Fault("", "wrong_type", {"expected": TYPES["object"]})])
    at = _after(text, at + 1)
    if text.startswith("}", at):
        _end(text, at + 1)
        raise ProblemError("invalid_request", [Fault(f"/{member}", "required")])
    name, at = _decoder.raw_decode(text, at)
    if name != member:
        json.loads(text)
        raise ProblemError("invalid_request", [Fault("", "misspelt_field", {"name": member})])
    at = _after(text, _expect(text, ":", at))
    if not text.startswith("[", at):
        json.loads(text)
        raise ProblemError(
            "invalid_request", [Fault(f"/{member}", "wrong_type", {"expected": TYPES["array"]})]
        )
    items, at = _items(text, _after(text, at + 1), member)
    at = _after(text, at)
    if text.startswith(",", at):
        second, _ = _decoder.raw_decode(text, _after(text, at + 1))
        json.loads(text)
        is_same = second == member
        fault = Fault("", "repeated_key") if is_same else Fault("", "unknown_field", {"count": "1"})
        raise ProblemError("invalid_request", [fault])
    _end(text, _expect(text, "}", at))
    return items


def _items(text: str, at: int, member: str) -> tuple[list[bytes], int]:
    """Return the bytes of the items of an array whose inside begins at ``at``, and where it ends."""
    items: list[bytes] = []
    if text.startswith("]", at):
        raise _wrong_count(member, "at least 1", "至少 1 个")
    while True:
        _, end = _decoder.raw_decode(text, at)
        items.append(text[at:end].encode())
        if len(items) > BATCH_LIMIT:
            raise _wrong_count(member, f"at most {BATCH_LIMIT}", f"至多 {BATCH_LIMIT} 个")
        end = _after(text, end)
        if text.startswith("]", end):
            return items, end + 1
        at = _after(text, _expect(text, ",", end))


def _wrong_count(member: str, english: str, chinese: str) -> ProblemError:
    return ProblemError(
        "invalid_request", [Fault(f"/{member}", "wrong_count", {"bound": (english, chinese)})]
    )


def _after(text: str, at: int) -> int:
    """Return the position after white space."""
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _expect(text: str, mark: str, at: int) -> int:
    """Return the position after a mark that must come next."""
    at = _after(text, at)
    if not text.startswith(mark, at):
        raise json.JSONDecodeError("another mark is expected", text, at)
    return at + 1


def _end(text: str, at: int) -> None:
    """Raise where anything but white space follows."""
    if _after(text, at) != len(text):
        raise json.JSONDecodeError("nothing may follow", text, at)
